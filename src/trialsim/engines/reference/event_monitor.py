"""A trial with interim analyses after numbers of events: who had one, who left, when the look is due."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from math import inf

import simpy

from trialsim.engines.reference.arm import NAN, Arm, Row, count_nothing
from trialsim.engines.reference.environment import TrialEnvironment
from trialsim.engines.reference.patient import Patient
from trialsim.model import disease, event_order, parameters
from trialsim.model import interim as c
from trialsim.model import vocabulary as v
from trialsim.model.protocol import Protocol
from trialsim.patients import DrawTable, VirtualPatient, virtual_patients


@dataclass
class Followed:
    """The data of a patient so far: number, day of entry, arm, study day of event or leaving (infinity: not yet)."""

    number: int
    entered_day: float
    arm: int
    event_day: float = inf
    left_day: float = inf


# look (from 0), calendar day, the patients in order of entry: whether the trial stops
Decide = Callable[[int, float, list[Followed]], bool]


@dataclass(frozen=True)
class EventsConducted:
    """How a trial went: the patients by number, and the calendar days of its looks (missing for those not taken)."""

    patients: dict[int, Followed]
    look_days: tuple[float, ...]


class EventMonitoredTrial:
    """A trial of arms with looks after numbers of events; `arms` has the arm of each patient by number.

    `final_events` says after how many events the final look is, if that depends on earlier ones; else the plan does.
    """

    def __init__(
        self,
        protocols: Sequence[Protocol],
        seed: int,
        replicate: int,
        arms: dict[int, int],
        plan: c.EventConduct,
        kind: int,
        decide: Decide,
        final_events: Callable[[], int] | None = None,
    ) -> None:
        self.env = TrialEnvironment()
        replicate_protocols = [parameters.of_replicate(item, seed, replicate) for item in protocols]
        tables = [DrawTable(seed, replicate, item.decision_codes.values()) for item in replicate_protocols]
        self.each = [
            Arm(self.env, *pair, self.record, count_nothing) for pair in zip(replicate_protocols, tables, strict=True)
        ]
        self.arms, self.plan, self.kind, self.decide = arms, plan, kind, decide
        self.final_events = final_events or (lambda: plan.final_events)
        self.patients: dict[int, Followed] = {}
        self.look = self.n_events = 0
        self.look_days = [NAN] * plan.n_looks
        self.ended = self.env.event()

    def run(self) -> EventsConducted:
        """Run the trial to the look that ends it."""
        self.env.process(self.enrolment())
        self.env.run(until=self.ended)
        return EventsConducted(self.patients, tuple(self.look_days))

    def enrolment(self) -> Generator[simpy.Event, object, None]:
        """Patients come without a pause; the final look is a fixed time after the last of them at the latest."""
        each = [virtual_patients(arm.protocol, arm.table) for arm in self.each]
        for i, first in enumerate(each[0]):
            if len(self.patients) == self.plan.n_patients:
                break
            if first.is_eligible:
                arm = self.arms[first.number]
                patient = each[arm][i]
                yield self.env.at(patient.arrival_day, event_order.ARRIVAL)
                self.enrol(patient, arm)
        yield self.env.at(self.env.now + self.plan.follow_up_days, event_order.CUT_OFF)
        self.take(self.plan.n_looks - 1)

    def enrol(self, virtual_patient: VirtualPatient, arm: int) -> None:
        """One more patient."""
        patient = Patient(self.each[arm], replace(virtual_patient, arrival_day=self.env.now))
        self.patients[virtual_patient.number] = Followed(virtual_patient.number, self.env.now, arm)
        self.env.process(patient.course())

    def record(self, row: Row) -> None:
        """A row of the log of a patient: an event, or the end of observation."""
        followed = self.patients[row.patient]
        event, detail = row.event, row.detail
        if followed.event_day < inf or followed.left_day < inf:
            return
        progressed = event == v.ASSESSED and disease.is_progression(detail) and self.kind == c.PROGRESSION_OR_DEATH
        if event == v.DIED or progressed:
            followed.event_day = row.study_day
            self.n_events += 1
            while self.look < len(self.plan.interim) and self.n_events == self.plan.interim[self.look]:
                self.take(self.look)
            if self.n_events == self.final_events():
                self.take(self.plan.n_looks - 1)
        elif event == v.OBSERVATION_ENDED and detail == v.WITHDRAWAL:
            followed.left_day = row.study_day

    def take(self, look: int) -> None:
        """Look at the patients, decide, and end the trial or continue."""
        if self.ended.triggered:
            return
        self.look = look
        self.look_days[look] = self.env.now
        if self.decide(look, self.env.now, list(self.patients.values())) or look == self.plan.n_looks - 1:
            self.ended.succeed()
        self.look += 1
