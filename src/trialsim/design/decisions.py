"""What a design decides at a look, from what was counted: for many trials at once, or for the one that is running."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np

from trialsim.typing import Counts, DecisionCodes, Floats

FUTILE: Final = -1  # stop: the null hypothesis is not rejected
GO_ON: Final = 0
REJECT: Final = 1


class Decisions(Protocol):
    """A design as decisions: from counts (trials, looks, arms, 1 + outcomes), of which a look sees those up to it."""

    @property
    def looks(self) -> tuple[int, ...]:
        """Patients at each look, all arms together."""

    def decide(self, look: int, counts: Counts, trials: Counts) -> DecisionCodes:
        """`FUTILE`, `GO_ON` or `REJECT` for each trial, shape (trials,); `trials` are their numbers."""

    def statistic(self, counts: Counts) -> Floats:
        """A z statistic of the final counts under the null hypothesis, shape (trials,)."""

    def second_statistic(self, counts: Counts) -> Floats:
        """The same of the second endpoint; 0 where there is none."""


class OneEndpoint:
    """Decisions on one endpoint."""

    def second_statistic(self, counts: Counts) -> Floats:
        """There is no second endpoint."""
        return np.zeros(len(counts))


def standardised(n: Counts, x: Counts, p0: float) -> Floats:
    """A number of successes among n as a z statistic under the rate p0."""
    return np.asarray((x - n * p0) / np.sqrt(np.maximum(n, 1) * p0 * (1.0 - p0)))
