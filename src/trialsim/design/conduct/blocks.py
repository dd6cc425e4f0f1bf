"""Trials in blocks, on as many cores as there are."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

import numpy as np

from trialsim.design.base import one_rate
from trialsim.design.conduct.timelines import ideal
from trialsim.design.decisions import REJECT
from trialsim.design.theory.toxicity import ToxicityBoundary
from trialsim.engines.batch.conduct import toxicity_stops
from trialsim.simulation.engine import BATCH, REFERENCE
from trialsim.simulation.workers import blocks, local_pool
from trialsim.storage.replicate_store import Rows
from trialsim.typing import Floats

PATIENTS_IN_BLOCK: Final = 40_000  # of each arm: all of them are in memory
TRIALS_IN_REFERENCE_BLOCK: Final = 20
Progress = Callable[[int, int], None]


def boundary_stops(boundary: ToxicityBoundary, seed: int, first: int, n: int) -> Rows:
    """Whether each of `n` trials stops, as 0 and 1: toxicity is instant, and its true rate the one of the boundary."""
    size = len(boundary.at_least)
    timelines = ideal([one_rate(boundary.rate)], (0,), seed, first, n, size)
    stops, is_entry = np.full(n, inf), np.zeros(n, np.bool_)
    toxicity_stops(timelines.arrival, timelines.event[:, :, 0], np.array(boundary.at_least), stops, is_entry)
    return (stops < inf).astype(np.int8)


def run(work: Callable[[int, int], Rows], n: int, in_block: int, n_workers: int, done: Progress) -> Rows:
    """All rows of `n` trials from blocks of `work(first, n)`, in order."""
    finished: list[Rows] = []
    todo = list(blocks(1, n, max(1, min(in_block, -(-n // (4 * n_workers))))))

    def take(rows: Rows) -> None:
        finished.append(rows)
        done(sum(count for _, count in todo[: len(finished)]), n)

    with local_pool(BATCH, max(1, min(n_workers, len(todo)))) as pool:
        pool.in_order(work, todo, take)
    return np.concatenate(finished)


def block_size(engine: str, n_patients: int) -> int:
    """How many trials a worker does at a time."""
    return TRIALS_IN_REFERENCE_BLOCK if engine == REFERENCE else max(1, PATIENTS_IN_BLOCK // max(n_patients, 1))


def success(rows: Rows) -> Floats:
    """Whether each trial rejected the null hypothesis, as numbers."""
    return np.asarray((rows["decision"] == REJECT).astype(np.float64))
