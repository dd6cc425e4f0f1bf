"""Two proportions in two arms: rejection regions of five tests, their exact power and size, sizes by approximation.

A region holds one cell per table (successes in the control arm, successes in the experimental arm). Fisher's test is
conditional on all successes; Boschloo's (1970, Statistica Neerlandica) and the pooled z test made exact by Suissa and
Shuster (1985, Journal of the Royal Statistical Society A) are unconditional: tables are ordered by a statistic, and
the region is the largest that is rejected with probability at most alpha whatever rate the arms share. The chi-square
and Wald tests take normal quantiles and may exceed alpha; `size_of` says by how much.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from trialsim.design.exact.arguments import (
    check_choice,
    check_count,
    check_kind,
    check_positive,
    check_probability,
)
from trialsim.design.exact.binomial import binomial_probabilities
from trialsim.design.exact.nuisance import BRACKET, largest_probability
from trialsim.design.exact.rounding import TOLERANCE, highest_accepted
from trialsim.design.exact.tables import fisher_higher, fisher_two_sided, given_total, totals_of, z_statistic
from trialsim.errors import RequestError

Floats = npt.NDArray[np.float64]
Region = npt.NDArray[np.bool_]
Test = Literal["fisher", "boschloo", "z-pooled", "chi-square", "unpooled"]
Better = Literal["higher", "lower"]
Approximation = Literal["pooled", "unpooled", "continuity", "arcsine"]

TESTS = ("fisher", "boschloo", "z-pooled", "chi-square", "unpooled")
EXACT_TESTS = ("fisher", "boschloo", "z-pooled")  # whose level is at most alpha whatever rate the arms share
APPROXIMATIONS = ("pooled", "unpooled", "continuity", "arcsine")


def rejection_region(
    n_control: int,
    n_experimental: int,
    alpha: float = 0.05,
    sides: int = 2,
    test: Test = "fisher",
    better: Better = "higher",
) -> Region:
    """The tables that a test rejects at level alpha, shape (n_control + 1, n_experimental + 1).

    With `sides` 1 only tables with a `better` (higher or lower) rate in the experimental arm are rejected. With
    `sides` 2 Fisher's test adds up tables that are no more probable than the one seen, Boschloo's is the union of both
    one-sided tests at alpha / 2, and the z tests take the absolute value. The size of an unconditional region is at
    most alpha + 2e-9, see `nuisance`. Raises RequestError for numbers and names that describe no such test.
    """
    check_count("n_control", n_control)
    check_count("n_experimental", n_experimental)
    check_probability("alpha", alpha)
    check_choice("sides", sides, (1, 2))
    check_choice("test", test, TESTS)
    check_choice("better", better, ("higher", "lower"))
    if sides == 1:
        region = _one_sided(n_control, n_experimental, alpha, test)
        return region if better == "higher" else _mirrored(region)
    if test == "boschloo":
        half = _one_sided(n_control, n_experimental, alpha / 2.0, test)
        return half | _mirrored(half)
    if test == "fisher":
        return fisher_two_sided(n_control, n_experimental) <= highest_accepted(alpha)
    z = np.abs(z_statistic(n_control, n_experimental, is_pooled=test != "unpooled"))
    if test == "z-pooled":
        return _largest_region(-z, alpha)
    return z >= stats.norm.isf(alpha / 2.0)


def reject_probability(region: Region, p_control: float, p_experimental: float) -> float:
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


def size_of(region: Region) -> float:
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
    check_question(p_control, p_experimental, alpha, power, sides, ratio)
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


def check_question(
    p_control: float, p_experimental: float, alpha: float, power: float, sides: int, ratio: float
) -> None:
    """Refuse numbers for which no size of a trial can be asked."""
    check_probability("p_control", p_control, with_ends=True)
    check_probability("p_experimental", p_experimental, with_ends=True)
    if p_control == p_experimental:
        raise RequestError(f"p_experimental: {p_experimental}", "Both rates are equal.", "a rate that differs.")
    check_probability("alpha", alpha)
    check_probability("power", power)
    if power <= alpha:
        raise RequestError(f"power: {power}", f"It is no larger than alpha = {alpha}.", "above alpha and below 1.")
    check_choice("sides", sides, (1, 2))
    check_positive("ratio", ratio)


def times(n: int, ratio: float) -> int:
    """The patients of the experimental arm; 10 times 1.1 is 11 although it rounds upwards in binary."""
    return math.ceil(n * ratio * (1.0 - TOLERANCE))


def _mirrored(region: Region) -> Region:
    """The region of the other direction: failures counted in place of successes."""
    return region[::-1, ::-1]


def _one_sided(n_control: int, n_experimental: int, alpha: float, test: Test) -> Region:
    """Tables with too high a rate in the experimental arm."""
    if test == "fisher":
        return fisher_higher(n_control, n_experimental) <= highest_accepted(alpha)
    if test == "boschloo":
        return _largest_region(fisher_higher(n_control, n_experimental), alpha)
    z = z_statistic(n_control, n_experimental, is_pooled=test != "unpooled")
    if test == "z-pooled":
        return _largest_region(-z, alpha)
    return z >= stats.norm.isf(alpha)


def _largest_region(statistic: Floats, alpha: float) -> Region:
    """The tables with the smallest statistics whose size is at most alpha; equal statistics go together."""
    flat = statistic.ravel()
    order = np.argsort(flat, kind="stable")
    steps = np.diff(flat[order])
    ends = np.append(np.flatnonzero(steps > TOLERANCE * np.abs(flat[order][1:])) + 1, flat.size)
    totals = totals_of(*statistic.shape).ravel()[order]
    weights = given_total(statistic.shape[0] - 1, statistic.shape[1] - 1).ravel()[order]
    ntotals_of = statistic.shape[0] + statistic.shape[1] - 1

    def is_small(end: int) -> bool:
        conditional = np.bincount(totals[:end], weights[:end], ntotals_of).astype(np.float64)
        return largest_probability(conditional, alpha) <= highest_accepted(alpha) + BRACKET

    small, too_large = -1, len(ends) - 1  # all tables together have probability 1
    while too_large - small > 1:
        middle = (small + too_large) // 2
        small, too_large = (middle, too_large) if is_small(int(ends[middle])) else (small, middle)
    region = np.zeros(flat.size, dtype=np.bool_)
    region[order[: ends[small] if small >= 0 else 0]] = True
    return region.reshape(statistic.shape)
