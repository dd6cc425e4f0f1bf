"""What other folders call: a protocol made ready, outcomes of blocks of replicates, logs of single ones."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from trialsim.compilation import is_compiled, known_to_compiler
from trialsim.engines.batch.plan import PLAN
from trialsim.engines.batch.planning import Plan
from trialsim.engines.batch.state import COURSE, Course
from trialsim.engines.batch.summary import ENROLLED, OUTCOMES
from trialsim.engines.batch.trial import simulate_block
from trialsim.model import accrual, baseline, clock, course, disease, draws, titration
from trialsim.model import vocabulary as v
from trialsim.model.protocol import Protocol

_ROWS_AT_FIRST: Final = 4096

known_to_compiler(draws, accrual, course, baseline, clock, disease, titration)


class Batch:
    """A protocol made ready for the compiled trial. Several threads may use one at a time."""

    def __init__(self, protocol: Protocol) -> None:
        self.plan = Plan(protocol)
        self.n_patients = protocol.accrual.n_patients

    def outcomes(self, seed: int, first: int, n: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        """The outcomes of `n` replicates from `first` on.

        Gives a table of records (n,) with the fields of `summary.OUTCOMES`, and counts (n, reported toxicities).
        Raises `HazardError` where a hazard is infinite, NaN or negative.
        """
        return self._simulate(Course(self.plan, seed), first, n)

    def log(self, seed: int, replicate: int) -> npt.NDArray[Any]:
        """The event log of one replicate, in order of time: records of `state.ROW`."""
        n_rows = _ROWS_AT_FIRST
        while True:
            room = Course(self.plan, seed, n_rows)
            self._simulate(room, replicate, 1)
            n_rows = int(room.record["n_written"])
            if n_rows <= len(room.tables["rows"]):
                return in_order(room.tables["rows"][:n_rows])

    def _simulate(self, room: Course, first: int, n: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        outcomes = np.zeros(n, OUTCOMES)
        n_toxicity = np.zeros((n, int(self.plan.record["n_reported"])), np.int64)
        enrolled, values = np.zeros(self.n_patients, ENROLLED), np.zeros(self.n_patients)
        simulate_block(self.plan.record, room.record, enrolled, values, first, outcomes, n_toxicity)
        return outcomes, n_toxicity


def in_order(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The rows of all patients as one log, told in order of time.

    First the calendar, then the class of the instant, then the study day; arrivals in their order, and the end of
    observation at the cut-off in the order of enrolment.
    """
    is_entry = np.isin(rows["event"], (v.ENROLLED, v.SCREENED_OUT))
    entered = dict(zip(rows["patient"][is_entry].tolist(), rows["calendar_day"][is_entry].tolist(), strict=True))
    entry_days = np.array([entered[number] for number in rows["patient"].tolist()])
    within = np.where(rows["order"] == v.ORDER_CLOCK, rows["study_day"], entry_days)
    found: npt.NDArray[Any] = rows[np.lexsort((within, rows["order"], rows["calendar_day"]))]
    return found


def is_ready() -> bool:
    """Whether the compiled trial need not be compiled first."""
    return is_compiled(simulate_block)


def compile_all() -> None:
    """Compile the trial now, or load its machine code, by simulating no trial at all."""
    plan = np.zeros(1, PLAN)[0]
    room = np.zeros(1, COURSE)[0]
    outcomes, n_toxicity = np.zeros(0, OUTCOMES), np.zeros((0, 0), np.int64)
    simulate_block(plan, room, np.zeros(0, ENROLLED), np.zeros(0), 1, outcomes, n_toxicity)
