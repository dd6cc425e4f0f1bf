"""A trial with interim analyses: the data of each patient so far, when accrual waits, what a look decides.

The monitor reads what the trial logs, as it happens, and nothing else: it knows at each moment what an investigator
would know. `decide` gets the counts and returns what a look decides.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np
import simpy

from trialsim.engines.reference.arm import NAN, Arm, Row, count_nothing
from trialsim.engines.reference.environment import TrialEnvironment
from trialsim.engines.reference.patient import Patient
from trialsim.model import disease, event_order, parameters
from trialsim.model import interim as c
from trialsim.model import vocabulary as v
from trialsim.model.protocol import Protocol
from trialsim.patients import DrawTable, VirtualPatient, virtual_patients
from trialsim.typing import Counts

Decide = Callable[[int, Counts], bool]  # look (from 0), counts so far (looks, arms, 1 + outcomes): whether to stop


@dataclass
class InterimData:
    """The data of one patient so far, outcome by outcome."""

    arm: int
    has_event: list[bool]
    is_resolved: list[bool]
    is_evaluable: bool = False
    is_not_evaluable: bool = False
    has_waited: bool = False


@dataclass(frozen=True)
class InterimAnalyses:
    """The interim analyses of a trial: the plan, the outcomes of each patient, what the looks decide.

    With `at_least` the last outcome is one of safety: it is monitored continuously, and the trial stops when
    `at_least[m - 1]` of the first m enrolled have had the event, for any m. The other outcomes resolve a patient.
    """

    plan: c.Conduct
    outcomes: tuple[c.Outcome, ...]
    decide: Decide
    at_least: tuple[int, ...] = ()
    n_arms: int = 1

    @property
    def n_primary(self) -> int:
        """How many outcomes resolve a patient."""
        return len(self.outcomes) - (1 if self.at_least else 0)


@dataclass(frozen=True)
class Conducted:
    """How a trial went: calendar days of enrolment by number of the patient, of looks, and what each look counted.

    `counts` has shape (looks, arms, 1 + outcomes). `stopped_day` is that of the boundary for toxicity, if it was met.
    """

    enrolled: dict[int, float]
    look_days: tuple[float, ...]
    counts: Counts
    stopped_day: float


class MonitoredTrial:
    """A trial of one or more arms under a plan; `arms` has the arm of each patient by number."""

    def __init__(
        self, protocols: Sequence[Protocol], seed: int, replicate: int, arms: dict[int, int], analyses: InterimAnalyses
    ) -> None:
        self.env = TrialEnvironment()
        replicate_protocols = [parameters.of_replicate(item, seed, replicate) for item in protocols]
        tables = [DrawTable(seed, replicate, item.decision_codes.values()) for item in replicate_protocols]
        self.each = [
            Arm(self.env, *pair, self.record, count_nothing) for pair in zip(replicate_protocols, tables, strict=True)
        ]
        self.arms, self.analyses, self.plan = arms, analyses, analyses.plan
        self.data: dict[int, InterimData] = {}
        self.enrolled: dict[int, float] = {}
        self.look = 0
        self.look_days = [NAN] * len(self.plan.looks)
        self.counts = np.zeros((len(self.plan.looks), analyses.n_arms, 1 + analyses.n_primary), np.int64)
        self.stopped_day = inf
        self.next_review = self.env.event()
        self.is_accrual_over = False
        self.ended = self.env.event()

    def run(self) -> Conducted:
        """Run the trial to the look that ends it."""
        self.env.process(self.enrolment())
        self.env.run(until=self.ended)
        return Conducted(self.enrolled, tuple(self.look_days), self.counts, self.stopped_day)

    # Enrolment, which may have to wait.

    def enrolment(self) -> Generator[simpy.Event, object, None]:
        """Patients come one by one while accrual is open; while it waits, the clock of arrivals stands still."""
        each = [virtual_patients(arm.protocol, arm.table) for arm in self.each]
        shift = 0.0
        for i, first in enumerate(each[0]):
            if not first.is_eligible:
                continue
            arm = self.arms[first.number]
            patient = each[arm][i]
            yield self.env.at(patient.arrival_day + shift, event_order.ARRIVAL)
            self.enrol(patient, arm)
            while not self.is_open():
                self.next_review = self.env.event()
                yield self.next_review
                shift = self.env.now - patient.arrival_day
        self.is_accrual_over = True
        self.review()

    def enrol(self, virtual_patient: VirtualPatient, arm: int) -> None:
        """One more patient: the course begins, and the windows of the outcomes."""
        patient = Patient(self.each[arm], replace(virtual_patient, arrival_day=self.env.now))
        n = len(self.analyses.outcomes)
        data = InterimData(arm, [False] * n, [False] * n)
        self.data[virtual_patient.number] = data
        self.enrolled[virtual_patient.number] = self.env.now
        self.check_toxicity()
        self.env.process(patient.course())
        for k, outcome in enumerate(self.analyses.outcomes):
            if outcome.window_days < inf:
                self.env.process(self.window(data, k, outcome.window_days))
        if self.plan.wait_days < inf:
            self.env.process(self.waiting(data))

    def is_open(self) -> bool:
        """Whether one more patient may be enrolled now."""
        return self.look >= len(self.plan.looks) or len(self.held()) < self.plan.most_before(self.look)

    def held(self) -> list[InterimData]:
        """The patients who have their place, in order of enrolment."""
        replaces = self.plan.not_evaluable == c.REPLACED
        return [item for item in self.data.values() if not (replaces and item.is_not_evaluable)]

    # Data as they come.

    def record(self, row: Row) -> None:
        """A row of the log of a patient."""
        data = self.data[row.patient]
        event, detail = row.event, row.detail
        if event == v.BECAME_EVALUABLE:
            data.is_evaluable = True
        has_left = event == v.OBSERVATION_ENDED
        has_progressed = event == v.ASSESSED and disease.is_progression(detail)
        for k, outcome in enumerate(self.analyses.outcomes):
            if data.is_resolved[k]:
                continue
            if is_event(outcome, self.each[data.arm].protocol, row):
                data.has_event[k] = True
                self.resolve(data, k)
            elif outcome.kind == c.RESPONSE and (has_progressed or has_left):
                is_out = has_left and not data.is_evaluable and self.plan.not_evaluable != c.FAILURE
                data.is_not_evaluable |= is_out
                self.resolve(data, k)
            elif has_left:
                if detail == v.WITHDRAWAL:
                    data.is_not_evaluable |= outcome.if_left == c.NOT_EVALUABLE
                    data.has_event[k] = outcome.if_left == c.AN_EVENT
                self.resolve(data, k)
        self.review()

    def resolve(self, data: InterimData, k: int) -> None:
        """An outcome is resolved for a patient; the one of safety may stop the trial."""
        data.is_resolved[k] = True
        if k == self.analyses.n_primary and data.has_event[k]:
            self.check_toxicity()

    def check_toxicity(self) -> None:
        """Stop the trial if toxicity has come to its boundary among the first patients, however many of them."""
        n_toxic = 0
        for enough, item in zip(self.analyses.at_least, self.data.values(), strict=False):
            n_toxic += item.has_event[self.analyses.n_primary]
            if n_toxic >= enough and not self.ended.triggered:
                self.stopped_day = self.env.now
                self.ended.succeed()

    def window(self, data: InterimData, k: int, days: float) -> Generator[simpy.Event, object, None]:
        """The window of an outcome closes: what has not happened by now does not count any more."""
        yield self.env.at_study_day(self.env.now + days, days, event_order.WINDOW_END)
        if not data.is_resolved[k]:
            self.resolve(data, k)
            self.review()

    def waiting(self, data: InterimData) -> Generator[simpy.Event, object, None]:
        """An interim look need not wait for this patient any longer."""
        days = self.plan.wait_days
        yield self.env.at_study_day(self.env.now + days, days, event_order.WINDOW_END)
        data.has_waited = True
        self.review()

    # What is decided.

    def review(self) -> None:
        """Take the looks that are due; let accrual see what is new."""
        last = len(self.plan.looks) - 1
        while self.look <= last and not self.ended.triggered:
            concerned = self.held()[: self.plan.looks[self.look]]
            if len(concerned) < self.plan.looks[self.look]:
                if not (self.is_accrual_over and all(self.is_resolved(item) for item in self.data.values())):
                    break
                self.look = last  # attained numbers make this the final analysis
            elif not all(self.is_resolved(item) or (self.look < last and item.has_waited) for item in concerned):
                break
            self.take_look(concerned)
        if not self.next_review.triggered:
            self.next_review.succeed()

    def take_look(self, concerned: list[InterimData]) -> None:
        """Count, decide, and end the trial or continue."""
        for item in concerned:
            if not item.is_not_evaluable:
                self.counts[self.look, item.arm] += [1, *item.has_event[: self.analyses.n_primary]]
        self.look_days[self.look] = self.env.now
        is_last = self.look == len(self.plan.looks) - 1
        if self.analyses.decide(self.look, self.counts) or is_last:
            self.ended.succeed()
        self.look += 1

    def is_resolved(self, data: InterimData) -> bool:
        """Whether all outcomes that the design decides on are resolved."""
        return all(data.is_resolved[: self.analyses.n_primary])


def is_event(outcome: c.Outcome, protocol: Protocol, row: Row) -> bool:
    """Whether a row of the log is the event of an outcome."""
    if outcome.kind == c.RESPONSE:
        return row.event == v.ASSESSED and disease.is_response(row.detail) and row.detail >= outcome.least
    return row.event == v.TOXICITY_ONSET and protocol.clocks[row.clock].name in outcome.toxicities
