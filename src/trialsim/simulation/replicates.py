"""Replicates of one scenario: simulate block by block, keep the outcomes of all and the events of the first few."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

import pandas as pd

from trialsim.compiled.source_digest import source_digest
from trialsim.errors import Interrupted
from trialsim.simulation.engine import REFERENCE
from trialsim.simulation.trials import Trials, rows_of_trials
from trialsim.simulation.workers import WorkerPool, available_cores, blocks, local_pool
from trialsim.storage.replicate_store import ReplicateStore, Rows

REPLICATES_IN_REFERENCE_BLOCK: Final = 50
COURSES_IN_REFERENCE_BLOCK: Final = 5_000  # a block holds all its events in memory, some 10 kB a patient
COURSES_IN_BATCH_BLOCK: Final = 100_000  # a twentieth of a second: Ctrl-C is heard, and asking costs nothing
COURSES_IN_CLUSTER_BLOCK: Final = 2_000_000  # a second: a task costs milliseconds on its way
COURSES_WORTH_A_PROCESS: Final = 3_000  # a second of SimPy; a process takes as long to start
BLOCKS_A_WORKER: Final = 4  # at least, so that all end at about the same time

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Simulation:
    """What is simulated, by which engine and by whom; nothing here can change a result but the trials and the seed.

    `workers` is None for all cores with compiled code, and one with SimPy.
    """

    trials: Trials
    seed: int
    engine: str
    workers: int | None = None
    cluster: str | None = None
    block_size: int | None = None

    def pool(self, n: int) -> AbstractContextManager[WorkerPool]:
        """The workers for `n` replicates."""
        if self.cluster is None:
            few = n * self.trials.n_patients // COURSES_WORTH_A_PROCESS if self.engine == REFERENCE else n
            return local_pool(self.engine, max(1, min(self.n_workers, few)))
        from trialsim.simulation.cluster import cluster_pool

        return cluster_pool(self.cluster)

    @property
    def n_workers(self) -> int:
        """How many workers this machine gives."""
        if self.workers is not None:
            return self.workers
        return 1 if self.engine == REFERENCE else available_cores()

    def replicates_in_block(self, n: int, n_workers: int) -> int:
        """How many replicates a worker does at a time when there are `n` to do."""
        if self.block_size is not None:
            return self.block_size
        courses = COURSES_IN_CLUSTER_BLOCK if self.cluster is not None else COURSES_IN_BATCH_BLOCK
        most = courses // self.trials.n_patients
        if self.engine == REFERENCE:
            of_courses = COURSES_IN_REFERENCE_BLOCK // self.trials.n_patients
            most = min(REPLICATES_IN_REFERENCE_BLOCK, of_courses)
        return max(1, min(most, -(-n // (BLOCKS_A_WORKER * n_workers))))


@dataclass(frozen=True)
class Replicates:
    """What a Monte Carlo run gives.

    `store` has one row per replicate (1 to n); `patients` and `events` hold the first `n_kept` replicates only.
    """

    store: ReplicateStore
    patients: pd.DataFrame
    events: pd.DataFrame
    n_kept: int

    @property
    def n(self) -> int:
        """How many replicates there are."""
        return self.store.n


def grow(
    simulation: Simulation,
    store: ReplicateStore,
    n: int,
    on_progress: Progress,
    enough: Callable[[ReplicateStore], int] = len,
) -> None:
    """Add replicates to a store until there are `n`, and then as many more as `enough` asks for.

    `enough` gets the replicates so far and says how many there shall be. Calls `on_progress` with how many are done and
    how many there shall be. Raises `Interrupted` on Ctrl-C, when the store holds what was finished, and `HazardError`
    for a degenerate hazard.
    """
    try:
        with simulation.pool(n - store.n if enough is len else n) as pool:
            _grow_to(simulation, pool, store, n, on_progress)
            while (n_wanted := enough(store.first(n))) > n:
                n = n_wanted
                _grow_to(simulation, pool, store, n, on_progress)
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted after {store.n:,} of {n:,} replicates", None) from None


def _grow_to(simulation: Simulation, pool: WorkerPool, store: ReplicateStore, n: int, on_progress: Progress) -> None:
    if store.n >= n:
        return

    def take(rows: Rows) -> None:
        if rows["replicate"][0] == store.n + 1:  # not if Ctrl-C came when it had just been taken
            store.append(rows)
            on_progress(store.n, n)

    on_progress(store.n, n)
    size = simulation.replicates_in_block(n - store.n, pool.n_workers)
    todo = list(blocks(store.n + 1, n, size))
    arguments = (simulation.trials, simulation.engine, simulation.seed)
    if simulation.cluster is None:
        pool.in_order(rows_of_trials, ((*arguments, *block) for block in todo), take)
    else:
        from trialsim.simulation.cluster import rows_on_worker

        pool.in_order(rows_on_worker, ((source_digest(), *arguments, *block) for block in todo), take)


def keep_first(simulation: Simulation, store: ReplicateStore, n_kept: int, n_checked: int = 1) -> Replicates:
    """The replicates with patients and events of the first `n_kept`, whose logs are simulated anew.

    The logs of `n_checked` are looked at even if fewer are kept.

    Raises `OtherTrialsError` if the outcomes of these logs are not those in the store.
    """
    trials, seed = simulation.trials, simulation.seed
    numbers = range(1, min(max(n_kept, n_checked), store.n) + 1)
    rows, patients, events = trials.logs(simulation.engine, seed, numbers)
    if rows.tobytes() != store.head(len(numbers)).tobytes():
        raise OtherTrialsError("the events of the first trials do not lead to the outcomes that were stored")
    n_shown = min(n_kept, store.n)
    kept_patients = trials.with_baseline(patients[patients["replicate"] <= n_shown], seed)
    return Replicates(store, kept_patients, events[events["replicate"] <= n_shown], n_kept)


class OtherTrialsError(RuntimeError):
    """Stored outcomes are not those of the trials that this version simulates."""
