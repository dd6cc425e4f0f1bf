"""Trials with what their cohort's published statistics need besides the table of replicates: simulated once more.

The patients of each replicate follow from its number, so what is measured in them can be had after the run, in any
blocks, from either engine. Only scenarios whose cohort publishes such statistics pay for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from trialsim.config.schema.published_statistic import PublishedStatistic
from trialsim.endpoints.per_trial import Outcomes, TrialStatistic
from trialsim.endpoints.published import PatientStatistic, name_in_words
from trialsim.endpoints.registry import statistics_of
from trialsim.model.protocol import Protocol
from trialsim.simulation.engine import REFERENCE
from trialsim.simulation.patients import patient_table
from trialsim.simulation.replicates import COURSES_IN_REFERENCE_BLOCK
from trialsim.simulation.workers import blocks
from trialsim.storage.replicate_store import ReplicateStore
from trialsim.typing import Floats

COURSES_IN_BLOCK: Final = 200_000  # some 100 MB, as a patient has about 50 numbers


@dataclass(frozen=True)
class MeasuredTrials:
    """The replicates of a store, and columns of what was measured in their patients, shape (replicates,).

    `columns` are those of the store alone; `measured` are the statistics that the other columns make.
    """

    store: ReplicateStore
    values: Mapping[str, Floats] = field(default_factory=dict)
    measured: tuple[TrialStatistic, ...] = ()

    @property
    def columns(self) -> Iterable[str]:
        """The names of the columns of the store."""
        return self.store.columns

    @property
    def n(self) -> int:
        """How many replicates there are."""
        return self.store.n

    def __len__(self) -> int:
        return self.store.n

    def __getitem__(self, name: str) -> Any:
        """One column."""
        values = self.values.get(name)
        return values if values is not None else self.store[name]

    def first(self, n: int) -> MeasuredTrials:
        """The first `n` replicates."""
        return MeasuredTrials(
            self.store.first(n), {name: values[:n] for name, values in self.values.items()}, self.measured
        )


def statistics_in(outcomes: Outcomes) -> dict[str, TrialStatistic]:
    """Every statistic that a table of replicates supports, by name, and those that were measured in patients."""
    measured = outcomes.measured if isinstance(outcomes, MeasuredTrials) else ()
    return statistics_of(outcomes.columns) | {statistic.name: statistic for statistic in measured}


def statistic_name(quantity: str, published: PublishedStatistic | None) -> str:
    """The statistic that a published one is compared with, or the one of that name."""
    if published is None:
        return quantity
    return published.trial_statistic(quantity) or name_in_words(quantity, published)


def measure_trials(
    store: ReplicateStore, statistics: Sequence[PatientStatistic], engine: str, protocol: Protocol, seed: int
) -> MeasuredTrials:
    """The replicates of a store with what was measured in their patients, simulated block by block.

    Raises `HazardError` where a hazard is infinite, NaN or negative.
    """
    parts: dict[str, list[Floats]] = {name: [] for item in statistics for name in item.columns}
    courses = COURSES_IN_REFERENCE_BLOCK if engine == REFERENCE else COURSES_IN_BLOCK
    n_replicates = store.n if statistics else 0
    for first, n in blocks(1, n_replicates, max(1, courses // protocol.accrual.n_patients)):
        table = patient_table(engine, protocol, seed, first, n)
        for statistic in statistics:
            for name, values in statistic.of_trials(table).items():
                parts[name].append(values)
    columns = {name: np.concatenate([np.zeros(0), *several]) for name, several in parts.items()}
    return MeasuredTrials(store, columns, tuple(item.per_trial for item in statistics))
