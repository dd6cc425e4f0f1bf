"""One trial: patients enrol on the calendar, their courses run, and at the data cut-off observation ends."""

from __future__ import annotations

from collections.abc import Generator

import simpy

from trialsim.engines.reference.arm import NAN, Arm, Row
from trialsim.engines.reference.clinic import Clinic
from trialsim.engines.reference.environment import TrialEnvironment
from trialsim.engines.reference.patient import Patient
from trialsim.errors import EventLogError
from trialsim.model import event_order, parameters
from trialsim.model import vocabulary as v
from trialsim.model.protocol import Protocol
from trialsim.patients import DrawTable, VirtualPatient, virtual_patients


def simulate(protocol: Protocol, seed: int, replicate: int) -> list[Row]:
    """The event log of one trial, in order of time; `replicate` counts from 1.

    Where parameters vary, the replicate has its own draw of them. Raises `HazardError` where a hazard is infinite, NaN
    or negative, and `StrategyError` where the protocol's strategy decides what cannot be done.
    """
    protocol = parameters.of_replicate(protocol, seed, replicate)
    return Trial(protocol, DrawTable(seed, replicate, protocol.decision_codes.values())).run()


class Trial:
    """A trial under way. The environment's clock is the calendar, in days since the trial opened."""

    def __init__(self, protocol: Protocol, table: DrawTable) -> None:
        self.protocol = protocol
        self.table = table
        self.env = TrialEnvironment()
        slots = protocol.clinic_slots_per_day
        clinic = Clinic(self.env, slots) if slots > 0 else None
        self.arm = Arm(self.env, protocol, table, self.write, self.count, clinic)
        self.patients: list[Patient] = []
        self.rows: list[Row] = []
        self.n_counted = 0
        self.cut_off = self.env.event()

    def run(self) -> list[Row]:
        """Run the trial to its cut-off and give the log."""
        arrivals = virtual_patients(self.protocol, self.table)
        self.env.process(self.enrolment(arrivals))
        self.env.process(self.data_cut_off(arrivals))
        self.env.run(until=self.cut_off)
        for patient in self.patients:
            if patient.is_under_observation:
                patient.end_at_cut_off()
        return self.rows

    def enrolment(self, arrivals: list[VirtualPatient]) -> Generator[simpy.Event, object, None]:
        """Patients come one by one; those who are not eligible go away again."""
        for virtual_patient in arrivals:
            yield self.env.at(virtual_patient.arrival_day, event_order.ARRIVAL)
            if virtual_patient.is_eligible:
                patient = Patient(self.arm, virtual_patient)
                self.patients.append(patient)
                self.env.process(patient.course())
            else:
                self.write(Row(virtual_patient.number, virtual_patient.arrival_day, NAN, v.SCREEN_FAILURE))

    def data_cut_off(self, arrivals: list[VirtualPatient]) -> Generator[simpy.Event, object, None]:
        """Wait for the day on which observation ends; a count that is reached ends it sooner."""
        plan = self.protocol.cut_off
        if plan.kind == v.CUT_AFTER_COUNT:
            yield self.env.at(plan.latest_day, event_order.CUT_OFF)
        elif plan.kind == v.CUT_AFTER_LAST_ENTRY:
            entries = [patient.arrival_day for patient in arrivals if patient.is_eligible]
            yield self.env.at((entries[-1] if entries else 0.0) + plan.day, event_order.CUT_OFF)
        else:
            yield self.env.at(plan.day, event_order.CUT_OFF)
        self.end_observation()

    def count(self, what: int) -> None:
        """Count something that a cut-off may wait for."""
        plan = self.protocol.cut_off
        if plan.kind == v.CUT_AFTER_COUNT and plan.counted == what:
            self.n_counted += 1
            if self.n_counted == plan.count:
                self.end_observation()

    def end_observation(self) -> None:
        """Let the cut-off happen now, once."""
        if not self.cut_off.triggered:
            self.cut_off.succeed()

    def write(self, row: Row) -> None:
        """Write one row of the log. Raises `EventLogError` for a log that is too long to be kept."""
        if len(self.rows) >= v.MAX_LOGGED_EVENTS:
            raise EventLogError.of(v.MAX_LOGGED_EVENTS)
        self.rows.append(row)
