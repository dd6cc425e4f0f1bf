"""What a design decides at a look, from what was counted: for many trials at once, or for the one that is running."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

import numpy as np
from scipy.stats import binom, norm

from trialsim.design.theory.bryant_day import BryantDay
from trialsim.design.theory.precision import half_widths
from trialsim.design.theory.proportions import rejection_region
from trialsim.design.theory.rounding import highest_accepted
from trialsim.design.theory.tables import z_of_counts
from trialsim.design.theory.two_stage import TwoStage
from trialsim.model.draws import LARGEST_WORD, decision_code, philox4x32, uniform_from_words
from trialsim.typing import Counts, Flags, Floats, Signs

FUTILE: Final = -1  # stop: the null hypothesis is not rejected
GO_ON: Final = 0
REJECT: Final = 1
Z_TESTS: Final = ("chi-square", "unpooled")  # whose regions need no enumeration
GREEN_DAHLBERG: Final = "green-dahlberg"
KOYAMA_CHEN: Final = "koyama-chen"
GREEN_DAHLBERG_LEVEL: Final = 0.02  # of the test of the alternative at the first stage
GREEN_DAHLBERG_FINAL: Final = 0.055  # of the test of the null hypothesis at the end


class Decisions(Protocol):
    """A design as decisions: from counts (trials, looks, arms, 1 + questions), of which a look sees those up to it."""

    @property
    def looks(self) -> tuple[int, ...]:
        """Patients at each look, all arms together."""

    def decide(self, look: int, counts: Counts, trials: Counts) -> Signs:
        """`FUTILE`, `GO_ON` or `REJECT` for each trial, shape (trials,); `trials` are their numbers."""

    def statistic(self, counts: Counts) -> Floats:
        """A standard normal deviate of the final counts under the null hypothesis, shape (trials,)."""


@dataclass(frozen=True)
class OneArm:
    """One arm, one question, one or two stages; `e1` of the design lets the first stage reject.

    Where attained numbers are not the planned ones: *Green-Dahlberg* (1992, Stat Med 11:853) stops after the first
    stage if p1 is rejected at level 0.02 and rejects p0 at level 0.055 at the end. *Koyama-Chen* (2008, Stat Med
    27:3145) keeps the conditional type I error of the plan given the first stage; a first stage of other size stops if
    p1 is rejected at the level at which the planned one stops.
    """

    design: TwoStage | None
    n: int
    r: int
    p0: float
    p1: float
    alpha: float
    attained: str = KOYAMA_CHEN

    @property
    def looks(self) -> tuple[int, ...]:
        """Patients at each look."""
        return (self.n,) if self.design is None else (self.design.n1, self.n)

    def statistic(self, counts: Counts) -> Floats:
        """(x - n p0) / sqrt(n p0 (1 - p0))."""
        n, x = counts[:, -1, 0, 0], counts[:, -1, 0, 1]
        return _standardised(n, x, self.p0)

    def decide(self, look: int, counts: Counts, trials: Counts) -> Signs:
        """See `Decisions`."""
        n, x = counts[:, look, 0, 0], counts[:, look, 0, 1]
        if look < len(self.looks) - 1:
            return self._first(n, x)
        planned = self._final_as_planned(counts, n)
        rejects = np.where(planned, x > self.r, self._final_attained(counts, n, x))
        return np.where(rejects, REJECT, FUTILE).astype(np.int8)

    def _first(self, n: Counts, x: Counts) -> Signs:
        design = self.design
        if design is None:
            raise AssertionError("a single stage has no first one")
        e1 = design.n1 + 1 if design.e1 is None else design.e1
        level = GREEN_DAHLBERG_LEVEL if self.attained == GREEN_DAHLBERG else binom.cdf(design.r1, design.n1, self.p1)
        low = np.where(n == design.n1, x <= design.r1, binom.cdf(x, n, self.p1) <= highest_accepted(float(level)))
        high_level = binom.sf(e1 - 1, design.n1, self.p0)
        high = np.where(
            n == design.n1,
            x >= e1,
            (binom.sf(x - 1, n, self.p0) <= highest_accepted(high_level)) & (design.e1 is not None),
        )
        return np.where(low, FUTILE, np.where(high, REJECT, GO_ON)).astype(np.int8)

    def _final_as_planned(self, counts: Counts, n: Counts) -> Flags:
        is_planned = n == self.n
        return np.asarray(is_planned if self.design is None else is_planned & (counts[:, 0, 0, 0] == self.design.n1))

    def _final_attained(self, counts: Counts, n: Counts, x: Counts) -> Flags:
        if self.attained == GREEN_DAHLBERG:
            return np.asarray(binom.sf(x - 1, n, self.p0) <= GREEN_DAHLBERG_FINAL)
        if self.design is None:
            return np.asarray(binom.sf(x - 1, n, self.p0) <= highest_accepted(self.alpha))
        n1, x1 = counts[:, 0, 0, 0], counts[:, 0, 0, 1]
        spent = np.asarray(binom.sf(self.r - x1, np.maximum(self.n - n1, 0), self.p0), dtype=np.float64)
        second = binom.sf(x - x1 - 1, np.maximum(n - n1, 0), self.p0) <= highest_accepted(spent)
        return np.asarray(np.where(n1 > 0, second, binom.sf(x - 1, n, self.p0) <= highest_accepted(self.design.alpha)))


@dataclass(frozen=True)
class ResponseAndToxicity:
    """Bryant and Day's two stages; counts are of responses and of toxicities.

    At attained numbers that are not the planned ones both endpoints are judged as Green and Dahlberg do: at the first
    stage by the level at which the plan stops each under its alternative, at the end by the plan's two levels.
    """

    design: BryantDay
    alpha_r: float
    alpha_t: float

    @property
    def looks(self) -> tuple[int, ...]:
        """Patients at each look."""
        return (self.design.n1, self.design.n)

    def statistic(self, counts: Counts) -> Floats:
        """The deviate of responses."""
        return _standardised(counts[:, -1, 0, 0], counts[:, -1, 0, 1], self.design.rates.pr0)

    def second_statistic(self, counts: Counts) -> Floats:
        """The deviate of freedom from toxicity."""
        n = counts[:, -1, 0, 0]
        return _standardised(n, n - counts[:, -1, 0, 2], self.design.rates.pt0)

    def decide(self, look: int, counts: Counts, trials: Counts) -> Signs:
        """See `Decisions`."""
        d, rates = self.design, self.design.rates
        n, x, free = counts[:, look, 0, 0], counts[:, look, 0, 1], counts[:, look, 0, 0] - counts[:, look, 0, 2]
        if look == 0:
            low_r = binom.cdf(x, n, rates.pr1) <= highest_accepted(binom.cdf(d.cr1, d.n1, rates.pr1))
            low_t = binom.cdf(free, n, rates.pt1) <= highest_accepted(binom.cdf(d.ct1, d.n1, rates.pt1))
            is_low = np.where(n == d.n1, (x <= d.cr1) | (free <= d.ct1), low_r | low_t)
            return np.where(is_low, FUTILE, GO_ON).astype(np.int8)
        planned = (x > d.cr) & (free > d.ct)
        attained = (binom.sf(x - 1, n, rates.pr0) <= highest_accepted(self.alpha_r)) & (
            binom.sf(free - 1, n, rates.pt0) <= highest_accepted(self.alpha_t)
        )
        return np.where(np.where(n == d.n, planned, attained), REJECT, FUTILE).astype(np.int8)


@dataclass(frozen=True)
class TwoArms:
    """Two arms (control, experimental), one question. One look: an exact or approximate test at the attained numbers.

    More looks: the pooled z statistic against bounds by look, `upper` for rejecting and `lower` for futility.
    `two_sided` is that of `exact.proportions.rejection_region`.
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

    def decide(self, look: int, counts: Counts, trials: Counts) -> Signs:
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
        found = np.zeros(len(counts), np.bool_)
        sizes, which = np.unique(counts[:, :, 0], axis=0, return_inverse=True)
        for i, (control, experimental) in enumerate(sizes.tolist()):
            if control and experimental:
                own = np.flatnonzero(which.reshape(-1) == i)
                arms = control, experimental
                region = _region(*arms, self.alpha, self.sides, self.test, self.better, self.two_sided)
                found[own] = region[counts[own, 0, 1], counts[own, 1, 1]]
        return found

    def _rejects_by_z(self, counts: Counts) -> Flags:
        """As the region of a z test would have it, for each trial at once."""
        n, x = counts[:, :, 0], counts[:, :, 1]
        x = x if self.better == "higher" else n - x
        both = (n > 0).all(axis=1)
        n = np.maximum(n, 1)
        z = z_of_counts(n[:, 0], x[:, 0], n[:, 1], x[:, 1], is_pooled=self.test != "unpooled")
        size = np.abs(z) if self.sides == 2 else z
        return np.asarray(both & (size >= norm.isf(self.alpha / self.sides)))


@dataclass(frozen=True)
class Estimation:
    """No test: the trial estimates a rate. `REJECT` stands for an exact interval of at most `half_width` each way."""

    n: int
    half_width: float
    confidence: float
    rate: float

    @property
    def looks(self) -> tuple[int, ...]:
        """Patients at the end."""
        return (self.n,)

    def statistic(self, counts: Counts) -> Floats:
        """How far the estimate is from the rate, in standard errors."""
        return _standardised(counts[:, -1, 0, 0], counts[:, -1, 0, 1], self.rate)

    def decide(self, look: int, counts: Counts, trials: Counts) -> Signs:
        """See `Decisions`; half of Clopper and Pearson's interval (1934, Biometrika 26:404)."""
        found = np.full(len(counts), FUTILE, np.int8)
        for n in np.unique(counts[:, look, 0, 0]):
            own = np.flatnonzero(counts[:, look, 0, 0] == n)
            if n > 0:
                narrow = half_widths(int(n), self.confidence) <= self.half_width
                found[own] = np.where(narrow[counts[own, look, 0, 1]], REJECT, FUTILE)
        return found


@dataclass(frozen=True)
class Selection:
    """The arm with the highest rate is selected, ties at random; `REJECT` stands for the arm `best`, the right one."""

    n_arms: int
    n_per_arm: int
    best: int
    seed: int

    @property
    def looks(self) -> tuple[int, ...]:
        """Patients of all arms."""
        return (self.n_arms * self.n_per_arm,)

    def statistic(self, counts: Counts) -> Floats:
        """How far the best arm is ahead of the others, in standard errors of a difference."""
        n, x = counts[:, -1, :, 0].astype(np.float64), counts[:, -1, :, 1].astype(np.float64)
        rate = x / np.maximum(n, 1.0)
        ahead = rate[:, self.best] - np.delete(rate, self.best, axis=1).max(axis=1)
        pooled = np.clip(x.sum(axis=1) / np.maximum(n.sum(axis=1), 1.0), 1e-3, 1.0 - 1e-3)
        return np.asarray(ahead / np.sqrt(2.0 * pooled * (1.0 - pooled) / self.n_per_arm))

    def decide(self, look: int, counts: Counts, trials: Counts) -> Signs:
        """See `Decisions`; a tie is broken by the trial's own draw."""
        rate = counts[:, look, :, 1] / np.maximum(counts[:, look, :, 0], 1)
        is_best = rate == rate.max(axis=1)[:, None]
        chance = tie_breaks(self.seed, trials)
        place = (chance * is_best.sum(axis=1)).astype(np.int64)
        rank = np.cumsum(is_best, axis=1)[:, self.best] - 1
        return np.where(is_best[:, self.best] & (rank == place), REJECT, FUTILE).astype(np.int8)


def tie_breaks(seed: int, trials: Counts) -> Floats:
    """A number between 0 and 1 for each trial, by address."""
    word = np.ones(len(trials), np.uint64)
    high, low, _, _ = philox4x32(
        word,
        word * np.uint64(decision_code("tie of arms")),
        word * np.uint64(0),
        trials.astype(np.uint64),
        word * np.uint64(seed & LARGEST_WORD),
        word * np.uint64(seed >> 32),
    )
    return uniform_from_words(high, low)


def _standardised(n: Counts, x: Counts, p0: float) -> Floats:
    return np.asarray((x - n * p0) / np.sqrt(np.maximum(n, 1) * p0 * (1.0 - p0)))


@lru_cache(maxsize=512)
def _region(
    control: int, experimental: int, alpha: float, sides: int, test: str, better: str, two_sided: str | None
) -> Flags:
    return rejection_region(control, experimental, alpha, sides, test, better, two_sided)  # type: ignore[arg-type]
