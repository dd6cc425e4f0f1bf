"""What is decided about the rates of two arms: a test at the attained numbers, or looks against bounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from scipy.stats import norm

from trialsim.design.decisions import FUTILE, GO_ON, REJECT, OneEndpoint
from trialsim.design.theory.proportions import rejection_region
from trialsim.design.theory.tables import z_of_counts
from trialsim.typing import Counts, DecisionCodes, Flags, Floats

Z_TESTS: Final = ("chi-square", "unpooled")  # whose regions need no enumeration


@dataclass(frozen=True)
class TwoArms(OneEndpoint):
    """Two arms (control, experimental), one outcome. One look: an exact or approximate test at the attained numbers.

    More looks: the pooled z statistic against bounds by look, `upper` for rejecting and `lower` for futility.
    `two_sided` is that of `theory.proportions.rejection_region`.
    """

    looks: tuple[int, ...]
    alpha: float
    sides: int
    test: str
    better: str
    upper: tuple[float, ...] = ()
    lower: tuple[float, ...] = ()
    two_sided: str | None = None

    def statistic(self, counts: Counts) -> Floats:
        """The pooled z statistic, positive where the experimental arm is better; 0 where the arms cannot differ."""
        return self._z(counts[:, -1])

    def _z(self, counts: Counts) -> Floats:
        n, x = counts[:, :, 0].astype(np.float64), counts[:, :, 1].astype(np.float64)
        total = np.maximum(n.sum(axis=1), 1.0)
        pooled = x.sum(axis=1) / total
        variance = pooled * (1.0 - pooled) * (1.0 / np.maximum(n[:, 0], 1.0) + 1.0 / np.maximum(n[:, 1], 1.0))
        gain = x[:, 1] / np.maximum(n[:, 1], 1.0) - x[:, 0] / np.maximum(n[:, 0], 1.0)
        z = np.divide(gain, np.sqrt(variance), out=np.zeros(len(n)), where=variance > 0.0)
        return np.asarray(z if self.better == "higher" else -z)

    def decide(self, look: int, counts: Counts, trials: Counts) -> DecisionCodes:
        """See `Decisions`."""
        is_last = look == len(self.looks) - 1
        if not self.upper:
            return np.where(self._rejects(counts[:, look]), REJECT, FUTILE).astype(np.int8)
        z = self._z(counts[:, look])
        size = np.abs(z) if self.sides == 2 else z
        low = (z < self.lower[look]) if self.lower else np.zeros(len(z), np.bool_)
        otherwise = FUTILE if is_last else GO_ON
        return np.where(size >= self.upper[look], REJECT, np.where(low, FUTILE, otherwise)).astype(np.int8)

    def _rejects(self, counts: Counts) -> Flags:
        """The test at the attained numbers of each trial."""
        if self.test in Z_TESTS:
            return self._rejects_by_z(counts)
        rejects = np.zeros(len(counts), np.bool_)
        for arms, trials in by_size(counts[:, :, 0]):
            region = _region(*arms, self.alpha, self.sides, self.test, self.better, self.two_sided)
            rejects[trials] = region[counts[trials, 0, 1], counts[trials, 1, 1]]
        return rejects

    def _rejects_by_z(self, counts: Counts) -> Flags:
        """As the region of a z test would have it, for each trial at once."""
        n, x = counts[:, :, 0], counts[:, :, 1]
        x = x if self.better == "higher" else n - x
        both = (n > 0).all(axis=1)
        n = np.maximum(n, 1)
        z = z_of_counts(n[:, 0], x[:, 0], n[:, 1], x[:, 1], is_pooled=self.test != "unpooled")
        size = np.abs(z) if self.sides == 2 else z
        return np.asarray(both & (size >= norm.isf(self.alpha / self.sides)))


def by_size(sizes: Counts) -> Iterator[tuple[tuple[int, int], Counts]]:
    """The sizes of both arms where each has somebody, each with the trials that have them.

    `sizes` has shape (trials, 2).
    """
    base = int(sizes[:, 1].max(initial=0)) + 1
    pairs, which = np.unique(sizes[:, 0] * base + sizes[:, 1], return_inverse=True)  # quicker to sort than rows
    for i, pair in enumerate(pairs.tolist()):
        control, experimental = divmod(pair, base)
        if control and experimental:
            yield (control, experimental), np.flatnonzero(which == i)


@lru_cache(maxsize=512)
def _region(
    control: int, experimental: int, alpha: float, sides: int, test: str, better: str, two_sided: str | None
) -> Flags:
    return rejection_region(control, experimental, alpha, sides, test, better, two_sided)  # type: ignore[arg-type]
