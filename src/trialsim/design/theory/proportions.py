"""Two proportions in two arms: rejection regions of six tests, their exact power and size, sizes by approximation.

A region holds one cell per table (successes in the control arm, successes in the experimental arm). Fisher's test is
conditional on all successes; Boschloo's (1970, Statistica Neerlandica) and the pooled z test made exact by Suissa and
Shuster (1985, Journal of the Royal Statistical Society A), like that of the unpooled z, are unconditional: tables are
ordered by a statistic, and the region is the largest that is rejected with probability at most alpha whatever rate the
arms share. The chi-square test (pooled z) and the unpooled z test take normal quantiles and may exceed alpha; `size_of`
says by how much. Where a two-sided test has two definitions in use, `two_sided` says which is meant.
"""

from __future__ import annotations

import math
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import stats

from trialsim.design.theory.arguments import (
    check_alpha,
    check_choice,
    check_count,
    check_kind,
    check_positive,
    check_probability,
)
from trialsim.design.theory.binomial import binomial_probabilities
from trialsim.design.theory.nuisance import BRACKET, largest_probability
from trialsim.design.theory.rounding import TOLERANCE, highest_accepted
from trialsim.design.theory.tables import fisher_higher, fisher_two_sided, given_total, totals_of, z_statistic
from trialsim.errors import RequestError
from trialsim.typing import Flags, Floats

Test = Literal["fisher", "boschloo", "z-pooled", "z-unpooled", "chi-square", "unpooled"]
TwoSided = Literal["doubled", "ordered"]
Item = TypeVar("Item", bound=np.generic)
Better = Literal["higher", "lower"]
Approximation = Literal["pooled", "unpooled", "continuity", "arcsine"]

TESTS = ("fisher", "boschloo", "z-pooled", "z-unpooled", "chi-square", "unpooled")
TWO_SIDED = ("doubled", "ordered")
EXACT_TESTS = (
    "fisher",
    "boschloo",
    "z-pooled",
    "z-unpooled",
)  # whose level is at most alpha whatever rate the arms share
APPROXIMATIONS = ("pooled", "unpooled", "continuity", "arcsine")


def rejection_region(
    n_control: int,
    n_experimental: int,
    alpha: float = 0.05,
    sides: int = 2,
    test: Test = "fisher",
    better: Better = "higher",
    two_sided: TwoSided | None = None,
) -> Flags:
    """The tables that a test rejects at level alpha, shape (n_control + 1, n_experimental + 1).

    With `sides` 1 only tables with a `better` (higher or lower) rate in the experimental arm are rejected. With
    `sides` 2 there are two definitions. "doubled": both one-sided tests at alpha / 2. "ordered": one order of all
    tables, by the sum of the tables that are no more probable given the total (Fisher's test; Boschloo's orders by that
    p-value), or by the absolute z. Without `two_sided` it is `usual_two_sided` of the test; tests that take a normal
    quantile are the same either way. The size of an unconditional region is at most alpha + 2e-9, see `nuisance`.
    Raises RequestError for numbers and names that describe no such test.
    """
    check_count("n_control", n_control)
    check_count("n_experimental", n_experimental)
    check_alpha(alpha)
    check_choice("sides", sides, (1, 2))
    check_choice("test", test, TESTS)
    check_choice("better", better, ("higher", "lower"))
    check_two_sided(two_sided, sides)
    if sides == 1:
        region = _region(statistic_of(n_control, n_experimental, test), alpha, test)
        return region if better == "higher" else mirrored(region)
    if (two_sided or usual_two_sided(test)) == "doubled":
        half = _region(statistic_of(n_control, n_experimental, test), alpha / 2.0, test)
        return half | mirrored(half)
    ordered = statistic_of(n_control, n_experimental, test, is_ordered=True)
    return _region(ordered, alpha, test, tails=2)


def usual_two_sided(test: Test) -> TwoSided:
    """The definition of a two-sided test that holds unless another one is asked for."""
    return "doubled" if test == "boschloo" else "ordered"


def check_two_sided(two_sided: object, sides: int) -> None:
    """Refuse a definition that there is not, and one for a test with one side. Raises RequestError."""
    if two_sided is None:
        return
    check_choice("two_sided", two_sided, TWO_SIDED)
    if sides == 1:
        raise RequestError(
            f"two_sided: {two_sided}", "The test is one-sided.", "`sides` 2, or no `two_sided`.", key="two_sided"
        )


def statistic_of(n_control: int, n_experimental: int, test: Test, *, is_ordered: bool = False) -> Floats:
    """What orders the tables of a test, the smallest being the most extreme; `is_ordered` for both sides at once."""
    if test in ("fisher", "boschloo"):
        return (fisher_two_sided if is_ordered else fisher_higher)(n_control, n_experimental)
    z = z_statistic(n_control, n_experimental, is_pooled=test not in ("unpooled", "z-unpooled"))
    return -np.abs(z) if is_ordered else -z


def reject_probability(region: Flags, p_control: float, p_experimental: float) -> float:
    """The probability that a region is hit at two true rates, summed over its tables.

    Raises RequestError for rates outside 0 to 1, and for what is not a region.
    """
    check_kind("region", region, np.ndarray)
    check_probability("p_control", p_control, with_ends=True)
    check_probability("p_experimental", p_experimental, with_ends=True)
    n_control, n_experimental = region.shape[0] - 1, region.shape[1] - 1
    control = binomial_probabilities(n_control, p_control)
    experimental = binomial_probabilities(n_experimental, p_experimental)
    return min(float(control @ region @ experimental), 1.0)  # the sum may round above 1


def size_of(region: Flags) -> float:
    """The largest probability of a region over all rates that the arms may share, accurate to 1e-9.

    Raises RequestError for what is not a region.
    """
    check_kind("region", region, np.ndarray)
    given = given_total(region.shape[0] - 1, region.shape[1] - 1)
    weights = np.where(region, given, 0.0)
    return largest_probability(np.bincount(totals_of(*region.shape).ravel(), weights.ravel()).astype(np.float64))


def approximate_n(
    p_control: float,
    p_experimental: float,
    alpha: float = 0.05,
    power: float = 0.8,
    sides: int = 2,
    method: Approximation = "pooled",
    ratio: float = 1.0,
) -> int:
    """The patients of the control arm by a normal approximation; the experimental arm has `ratio` times as many.

    "pooled" has a common rate under the null hypothesis (Fleiss 1981, Statistical Methods for Rates and Proportions,
    2nd ed.), "unpooled" the two rates under both; "continuity" corrects "pooled" for Fisher's test (Casagrande, Pike
    and Smith 1978, Biometrics 34; for unequal arms Fleiss, Tytun and Ury 1980, Biometrics 36); "arcsine" compares
    angles (Cohen 1988, Statistical Power Analysis for the Behavioral Sciences, 2nd ed.). Raises RequestError for
    numbers that describe no such trial.
    """
    check_request(p_control, p_experimental, alpha, power, sides, ratio)
    check_choice("method", method, APPROXIMATIONS)
    z_alpha, z_power = float(stats.norm.isf(alpha / sides)), float(stats.norm.ppf(power))
    difference = abs(p_experimental - p_control)
    variance = p_control * (1.0 - p_control) + p_experimental * (1.0 - p_experimental) / ratio
    if method == "arcsine":
        angle = 2.0 * (math.asin(math.sqrt(p_experimental)) - math.asin(math.sqrt(p_control)))
        return math.ceil((z_alpha + z_power) ** 2 * (1.0 + 1.0 / ratio) / angle**2)
    if method == "unpooled":
        return max(1, math.ceil((z_alpha + z_power) ** 2 * variance / difference**2))
    mean = (p_control + ratio * p_experimental) / (1.0 + ratio)
    common = mean * (1.0 - mean) * (1.0 + 1.0 / ratio)
    n = ((z_alpha * math.sqrt(common) + z_power * math.sqrt(variance)) / difference) ** 2
    if method == "continuity":
        n *= (1.0 + math.sqrt(1.0 + 2.0 * (1.0 + ratio) / (n * ratio * difference))) ** 2 / 4.0
    return math.ceil(n)


def check_request(
    p_control: float, p_experimental: float, alpha: float, power: float, sides: int, ratio: float
) -> None:
    """Refuse numbers for which no size of a trial can be asked."""
    check_probability("p_control", p_control, with_ends=True)
    check_probability("p_experimental", p_experimental, with_ends=True)
    if p_control == p_experimental:
        raise RequestError(f"p_experimental: {p_experimental}", "Both rates are equal.", "a rate that differs.")
    check_alpha(alpha)
    check_probability("power", power)
    if power <= alpha:
        raise RequestError(
            f"power: {power}", f"It is no larger than alpha = {alpha}.", "above alpha and below 1.", key="power"
        )
    check_choice("sides", sides, (1, 2))
    check_positive("ratio", ratio)


def times(n: int, ratio: float) -> int:
    """The patients of the experimental arm; 10 times 1.1 is 11 although it rounds upwards in binary."""
    return math.ceil(n * ratio * (1.0 - TOLERANCE))


def mirrored(region: npt.NDArray[Item]) -> npt.NDArray[Item]:
    """The region of the other direction, or what else belongs to its tables: failures take the place of successes."""
    return region[::-1, ::-1]


def _region(statistic: Floats, alpha: float, test: Test, tails: int = 1) -> Flags:
    """The tables that are rejected by what orders them; `tails` of the normal distribution are cut off."""
    if test == "fisher":
        return statistic <= highest_accepted(alpha)
    if test in EXACT_TESTS:
        return _largest_region(statistic, alpha)
    return -statistic >= stats.norm.isf(alpha / tails)


class Ordered:
    """All tables in the order of a statistic, those of equal statistics together.

    `tables` are flat indices, `ends` counts of tables at which a region may end, rising.
    """

    def __init__(self, statistic: Floats) -> None:
        flat = statistic.ravel()
        self.shape = statistic.shape
        self.tables = np.argsort(flat, kind="stable")
        rising = flat[self.tables]
        with np.errstate(invalid="ignore"):  # infinite statistics are equal: their difference is no number
            is_end = np.diff(rising) > TOLERANCE * np.abs(np.where(np.isinf(rising), 0.0, rising)[1:])
        self.ends = np.append(np.flatnonzero(is_end) + 1, flat.size)
        self._totals = totals_of(*self.shape).ravel()[self.tables]
        self._weights = given_total(self.shape[0] - 1, self.shape[1] - 1).ravel()[self.tables]

    def has_level(self, end: int, alpha: float) -> bool:
        """Whether the first `end` tables are rejected with probability at most alpha whatever rate the arms share."""
        n_totals = self.shape[0] + self.shape[1] - 1
        conditional = np.bincount(self._totals[:end], self._weights[:end], n_totals).astype(np.float64)
        return largest_probability(conditional, alpha) <= highest_accepted(alpha) + BRACKET


def _largest_region(statistic: Floats, alpha: float) -> Flags:
    """The tables with the smallest statistics whose size is at most alpha; equal statistics go together."""
    order = Ordered(statistic)
    small, too_large = -1, len(order.ends) - 1  # all tables together have probability 1
    while too_large - small > 1:
        middle = (small + too_large) // 2
        is_small = order.has_level(int(order.ends[middle]), alpha)
        small, too_large = (middle, too_large) if is_small else (small, middle)
    region = np.zeros(statistic.size, dtype=np.bool_)
    region[order.tables[: order.ends[small] if small >= 0 else 0]] = True
    return region.reshape(statistic.shape)
