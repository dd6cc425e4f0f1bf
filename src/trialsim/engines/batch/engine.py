"""What other folders call: a protocol made ready, outcomes of blocks of replicates, logs of single ones."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from trialsim.compiled.jit import is_compiled, known_to_compiler
from trialsim.engines.batch.patient_row import PATIENT_ROW
from trialsim.engines.batch.planning import Plan
from trialsim.engines.batch.state import COURSE, Course
from trialsim.engines.batch.summary import ENROLLED, OUTCOMES
from trialsim.engines.batch.trial import simulate_block
from trialsim.errors import EventLogError
from trialsim.model import accrual, baseline, course, disease, draws, event_order, hazards, parameters, titration
from trialsim.model import vocabulary as v
from trialsim.model.protocol import Protocol
from trialsim.typing import Counts, Flags, Floats

_ROWS_AT_FIRST: Final = 4096
_NO_DETAILS: Final = np.zeros(0, PATIENT_ROW)
_NO_ITEMS: Final = np.zeros((0, 1))
_EVERYONE: Final = np.zeros((0, 1), np.bool_)

known_to_compiler(draws, accrual, course, baseline, disease, hazards, titration)


class Patients(NamedTuple):
    """Outcomes by replicate, counts by replicate and reported toxicity, and what is known of each enrolled patient.

    `enrolled` has shape (replicates, patients) and the fields of `summary.ENROLLED`; rows beyond those who enrolled in
    a replicate are zeros.
    """

    outcomes: npt.NDArray[Any]
    n_counted: Counts
    enrolled: npt.NDArray[Any]


class Details(NamedTuple):
    """Outcomes by replicate, and for each patient a row by name and numbers by toxicity and level.

    `rows` has shape (replicates, patients) and the fields of `PATIENT_ROW`; `by_item` has shape (replicates, patients,
    items): the onsets of each toxicity, the day of its first one, the days at each level, the dose taken by each of the
    protocol's `dose_days`. Rows beyond those who enrolled in a replicate are zeros.
    """

    outcomes: npt.NDArray[Any]
    rows: npt.NDArray[Any]
    by_item: Floats


class Batch:
    """A protocol made ready for the compiled trial. Several threads may use one at a time."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self.n_patients = protocol.accrual.n_patients
        self._plans: dict[int, Plan] = {}
        self._first_plan: Plan | None = None

    def outcomes(self, seed: int, first: int, n: int, wanted: Flags | None = None) -> tuple[npt.NDArray[Any], Counts]:
        """The outcomes of `n` replicates from `first` on, or of those patients alone who are `wanted`, as in `details`.

        Gives a table of records (n,) with the fields of `summary.OUTCOMES`, and counts (n, categories of response and
        reported toxicities).
        Raises `HazardError` where a hazard is infinite, NaN or negative.
        """
        return self._simulate(seed, first, n, wanted=wanted)[:2]

    def patients(self, seed: int, first: int, n: int) -> Patients:
        """The outcomes of `n` replicates from `first` on, with what each patient adds to their medians."""
        everyone = np.zeros(n * self.n_patients, ENROLLED)
        outcomes, n_counted, _ = self._simulate(seed, first, n, everyone)
        return Patients(outcomes, n_counted, everyone.reshape(n, self.n_patients))

    def details(self, seed: int, first: int, n: int, wanted: Flags | None = None) -> Details:
        """The outcomes of `n` replicates from `first` on, and what is known of each of their patients.

        `wanted`, shape (replicates, patients), chooses by place among the eligible whose courses are run; the outcomes
        are then of those alone. Raises `ValueError` if a cut-off that waits for everyone's events is to be found from
        some.
        """
        if wanted is not None and self.protocol.cut_off.count > 0:
            raise ValueError("a cut-off after a number of events needs everyone")
        rows, by_item = self._room_for_details(n)
        outcomes, _, _ = self._simulate(seed, first, n, details=(rows, by_item), wanted=wanted)
        return self._details(outcomes, rows, by_item)

    def patients_with_details(self, seed: int, first: int, n: int) -> tuple[Patients, Details]:
        """What `patients` and `details` give, of one simulation."""
        everyone = np.zeros(n * self.n_patients, ENROLLED)
        rows, by_item = self._room_for_details(n)
        outcomes, n_counted, _ = self._simulate(seed, first, n, everyone, details=(rows, by_item))
        patients = Patients(outcomes, n_counted, everyone.reshape(n, self.n_patients))
        return patients, self._details(outcomes, rows, by_item)

    def _room_for_details(self, n: int) -> tuple[npt.NDArray[Any], Floats]:
        protocol = self.protocol
        n_items = 2 * len(protocol.toxicities) + len(protocol.levels) + len(protocol.dose_days)
        n_items += 2 * len(protocol.responses)
        return np.zeros(n * self.n_patients, PATIENT_ROW), np.zeros((n * self.n_patients, n_items))

    def _details(self, outcomes: npt.NDArray[Any], rows: npt.NDArray[Any], by_item: Floats) -> Details:
        shape = (len(outcomes), self.n_patients)
        return Details(outcomes, rows.reshape(shape), by_item.reshape(*shape, by_item.shape[1]))

    def log(self, seed: int, replicate: int) -> npt.NDArray[Any]:
        """The event log of one replicate, in order of time: records of `state.ROW`."""
        n_rows = _ROWS_AT_FIRST
        while True:
            room = self._simulate(seed, replicate, 1, n_rows=n_rows)[2]
            n_rows = int(room.record["n_written"])
            if n_rows > v.MAX_LOGGED_EVENTS:
                raise EventLogError.of(v.MAX_LOGGED_EVENTS)
            if n_rows <= len(room.tables["rows"]):
                return in_order(room.tables["rows"][:n_rows])

    def _simulate(
        self,
        seed: int,
        first: int,
        n: int,
        everyone: npt.NDArray[Any] | None = None,
        n_rows: int = 0,
        details: tuple[npt.NDArray[Any], Floats] | None = None,
        wanted: Flags | None = None,
    ) -> tuple[npt.NDArray[Any], Counts, Course]:
        numbers = parameters.draw_numbers(self.protocol.n_parameter_draws, seed, np.arange(first, first + n))
        trial_plans = [self._plan(number) for number in numbers.tolist()]
        plans = np.array([plan.address for plan in trial_plans], np.uint64)
        room = Course(trial_plans[0], seed, n_rows, in_detail=details is not None, dose_days=self.protocol.dose_days)
        outcomes = np.zeros(n, OUTCOMES)
        record = trial_plans[0].record
        n_counted = np.zeros((n, int(record["n_responses"]) + int(record["n_reported"])), np.int64)
        enrolled, values = np.zeros(self.n_patients, ENROLLED), np.zeros(self.n_patients)
        kept_patients = everyone if everyone is not None else np.zeros(0, ENROLLED)
        rows, by_item = details if details is not None else (_NO_DETAILS, _NO_ITEMS)
        chosen = wanted if wanted is not None else _EVERYONE
        simulate_block(
            plans, room.record, enrolled, values, first, outcomes, n_counted, kept_patients, rows, by_item, chosen
        )
        return outcomes, n_counted, room

    def _plan(self, number: int) -> Plan:
        """The plan of the protocol under a draw of its parameters; of the protocol as it is for number 0."""
        plan = self._plans.get(number)
        if plan is None:
            protocol = parameters.under_draw(self.protocol, number) if number > 0 else self.protocol
            plan = self._plans[number] = Plan(protocol, self._first_plan)
            self._first_plan = self._first_plan or plan
        return plan


def in_order(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The rows of all patients as one log, told in order of time.

    First the calendar, then the class of the instant, then the study day; arrivals in their order, and the end of
    observation at the cut-off in the order of enrolment.
    """
    is_entry = np.isin(rows["event"], (v.ENROLLED, v.SCREEN_FAILURE))
    entered = dict(zip(rows["patient"][is_entry].tolist(), rows["calendar_day"][is_entry].tolist(), strict=True))
    entry_days = np.array([entered[number] for number in rows["patient"].tolist()])
    within = np.where(rows["order"] == event_order.PATIENT, rows["study_day"], entry_days)
    sorted_rows: npt.NDArray[Any] = rows[np.lexsort((within, rows["order"], rows["calendar_day"]))]
    return sorted_rows


def is_ready() -> bool:
    """Whether the compiled trial need not be compiled first."""
    return is_compiled(simulate_block)


def compile_all() -> None:
    """Compile the trial now, or load its machine code, by simulating no trial at all."""
    room = np.zeros(1, COURSE)[0]
    plans, enrolled = np.zeros(0, np.uint64), np.zeros(0, ENROLLED)
    outcomes, n_counted = np.zeros(0, OUTCOMES), np.zeros((0, 0), np.int64)
    nothing = (_NO_DETAILS, _NO_ITEMS, _EVERYONE)
    simulate_block(plans, room, enrolled, np.zeros(0), 1, outcomes, n_counted, enrolled, *nothing)
