"""Statistics of a trial: how a column of the table of replicates, or a ratio of two, becomes one number per trial."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from trialsim.endpoints.population import Population
from trialsim.typing import Floats


class Outcomes(Protocol):
    """One row per replicate, column by column: a `ReplicateStore`, or a DataFrame with the same columns."""

    @property
    def columns(self) -> Iterable[str]:
        """The names of the columns."""

    def __getitem__(self, name: str, /) -> Any:
        """One column."""

    def __len__(self) -> int:
        """The number of replicates."""


@dataclass(frozen=True)
class TrialStatistic:
    """A number of one trial, as `run` and `calibrate` report it and a cohort publishes it.

    `name` is its name in files, `label` its name in tables, which states the denominator where several are in use. It
    is `column` of the table of replicates, or the share of patients counted in `column` among `population`. `column`
    may name several, joined by ` + `, whose sum is meant. `scale` converts to `unit`. For a median, `median_of` is the
    patient's value (a field of `engines.batch.summary.ENROLLED`) and `population` the patients over whom it is taken.
    `counted_of` is the column of the denominator where that is no population.
    """

    name: str
    label: str
    column: str
    population: Population | None = None
    unit: str = ""
    scale: float = 1.0
    median_of: str = ""
    counted_of: str = ""

    @property
    def of(self) -> str:
        """The column that counts the denominator; empty where there is none."""
        return self.counted_of if self.population is None or self.median_of else self.population.column

    def numerators(self, outcomes: Outcomes) -> Floats:
        """The number, or the count above the line, in each replicate; shape (replicates,)."""
        return _sum(outcomes, self.column) * self.scale

    def denominators(self, outcomes: Outcomes) -> Floats:
        """The count below the line in each replicate; shape (replicates,)."""
        return _sum(outcomes, self.of)

    def per_trial(self, outcomes: Outcomes) -> Floats:
        """One value per replicate, shape (replicates,); missing where it does not exist."""
        values = self.numerators(outcomes)
        if not self.of:
            return values
        denominators = self.denominators(outcomes)
        result: Floats = np.full_like(values, np.nan)
        np.divide(values, denominators, out=result, where=denominators > 0.0)
        return result


def _sum(outcomes: Outcomes, columns: str) -> Floats:
    parts = [np.asarray(outcomes[name], dtype=np.float64) for name in columns.split(" + ")]
    return np.asarray(sum(parts[1:], parts[0]))
