"""What is decided about the rates of two arms: a test at the attained numbers, or looks against bounds."""

from __future__ import annotations

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
        base = int(counts[:, 1, 0].max(initial=0)) + 1
        pairs = counts[:, 0, 0] * base + counts[:, 1, 0]  # one number for both sizes: quicker to sort than rows
        sizes, which = np.unique(pairs, return_inverse=True)
        for i, pair in enumerate(sizes.tolist()):
            control, experimental = divmod(pair, base)
            if control and experimental:
                trials_of_size = np.flatnonzero(which == i)
                arms = control, experimental
                region = _region(*arms, self.alpha, self.sides, self.test, self.better, self.two_sided)
                rejects[trials_of_size] = region[counts[trials_of_size, 0, 1], counts[trials_of_size, 1, 1]]
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


@lru_cache(maxsize=512)
def _region(
    control: int, experimental: int, alpha: float, sides: int, test: str, better: str, two_sided: str | None
) -> Flags:
    return rejection_region(control, experimental, alpha, sides, test, better, two_sided)  # type: ignore[arg-type]
