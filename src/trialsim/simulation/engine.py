"""Which engine simulates, and blocks of replicates and event logs from either, in the same form."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from trialsim.engines.reference import simulate
from trialsim.errors import OptionError
from trialsim.model.parameters import draw_numbers
from trialsim.model.protocol import Protocol
from trialsim.records.columns import PARAMETER_DRAW
from trialsim.records.digest import row_type
from trialsim.records.outcomes import columns_of, counted_columns_of, patient_outcomes, replicate_outcomes
from trialsim.records.tables import event_table, event_table_of_records
from trialsim.storage.replicate_store import Rows, rows_of
from trialsim.typing import Flags

if TYPE_CHECKING:
    from trialsim.engines.batch import Batch

AUTO: Final = "auto"
REFERENCE: Final = "reference"
BATCH: Final = "batch"
ENGINES: Final = (AUTO, REFERENCE, BATCH)
FEWEST_COURSES_FOR_BATCH: Final = 1500  # below this SimPy is done before the compiled code is loaded


@dataclass(frozen=True)
class EngineChoice:
    """The engine that simulates, and why it is this one."""

    name: str
    why: str


def choose_engine(requested: str, protocol: Protocol, n_replicates: int) -> EngineChoice:
    """The engine for a run: the one asked for, or for `auto` the quickest that can simulate the scenario.

    Raises `RequestError` for an unknown engine, or for `batch` where patients wait for each other.
    """
    if requested not in ENGINES:
        raise OptionError(f"--engine {requested}", "there is no such engine.", "auto, reference, batch.")
    obstacle = _obstacle_to_batch(protocol)
    if requested == BATCH and obstacle:
        raise OptionError("--engine batch", f"{obstacle}.", "reference, or auto, which chooses it by itself.")
    if requested != AUTO:
        return EngineChoice(requested, "as asked for")
    if obstacle:
        return EngineChoice(REFERENCE, obstacle)
    if n_replicates * protocol.accrual.n_patients < FEWEST_COURSES_FOR_BATCH:
        return EngineChoice(REFERENCE, "so few trials are not worth the compiler")
    return EngineChoice(BATCH, "no patient waits for another")


def _obstacle_to_batch(protocol: Protocol) -> str:
    """Why the batch engine cannot simulate a protocol; empty if it can."""
    if protocol.clinic_slots_per_day > 0:
        return "patients wait for each other's visit slots at the clinic"
    if protocol.strategy is not None:
        return "the dose is decided by a Python function"
    return ""


def simulate_rows(engine: str, protocol: Protocol, seed: int, first: int, n: int, wanted: Flags | None = None) -> Rows:
    """The outcomes of `n` replicates from `first` on, as rows of a `ReplicateStore`.

    `wanted`, for the batch engine alone, has shape (replicates, patients) and says, by place among the eligible, whose
    courses are run and counted. Raises `HazardError` where a hazard is infinite, NaN or negative.
    """
    columns = columns_of(protocol)
    if engine == REFERENCE:
        numbers = range(first, first + n)
        events = event_logs(engine, protocol, seed, numbers)
        return rows_of(replicate_outcomes(patient_outcomes(events, protocol), events, protocol, seed, numbers), columns)
    outcomes, n_counted = batch_of(protocol).outcomes(seed, first, n, wanted)
    rows = np.zeros(n, row_type(columns))
    for name in outcomes.dtype.names or ():
        rows[protocol.dose_unit.column(name)] = outcomes[name]
    for i, name in enumerate(counted_columns_of(protocol)):
        rows[name] = n_counted[:, i]
    if protocol.parameter_draws:
        rows[PARAMETER_DRAW.name] = draw_numbers(protocol.n_parameter_draws, seed, np.arange(first, first + n))
    return rows


@lru_cache(maxsize=2)
def batch_of(protocol: Protocol) -> Batch:
    """The compiled engine made ready for a protocol; kept, so that each draw of its parameters is planned once."""
    from trialsim.engines.batch import Batch

    return Batch(protocol)


def event_logs(engine: str, protocol: Protocol, seed: int, replicates: Iterable[int]) -> pd.DataFrame:
    """The event logs of some replicates as one table, columns as in `records.tables.event_table`."""
    if engine == REFERENCE:
        return event_table((replicate, simulate(protocol, seed, replicate)) for replicate in replicates)
    batch = batch_of(protocol)
    return event_table_of_records((replicate, batch.log(seed, replicate)) for replicate in replicates)


def ignore_stage(name: str, unit: str) -> None:
    """For who does not ask which part of the work begins."""


def make_ready(
    engine: str, on_note: Callable[[str], None], on_stage: Callable[[str, str], None] = ignore_stage
) -> None:
    """Compile what has to be compiled, and say so before."""
    if engine != BATCH:
        return
    from trialsim.compiled.jit import slowness
    from trialsim.engines.batch import compile_all, is_ready

    reason = slowness()
    if reason:
        on_note(reason)
    if not is_ready():
        on_stage("compiling", "")
        on_note("compiling the batch engine; this takes some 20 seconds, once for each version of the package")
    compile_all()
