"""Two arms and one rate at one look: p-values of the tests of designs, and an exact interval of the difference."""

from __future__ import annotations

from typing import cast

import numpy as np
from scipy import optimize
from scipy.stats import norm

from trialsim.design.theory.arguments import check_choice, check_count, check_probability
from trialsim.design.theory.binomial import binomial_weights
from trialsim.design.theory.nuisance import largest_probability
from trialsim.design.theory.proportions import (
    EXACT_TESTS,
    TESTS,
    Better,
    Test,
    TwoSided,
    statistic_of,
    usual_two_sided,
)
from trialsim.design.theory.rounding import TOLERANCE
from trialsim.design.theory.score import score_statistic
from trialsim.design.theory.tables import given_total, totals_of
from trialsim.typing import Flags, Floats

BETTER: tuple[Better, ...] = ("higher", "lower")
GRID = 257  # rates of the control arm among which the largest probability is sought, before it is refined
STEPS = 64  # differences among which the ends of an interval are sought, before they are refined
TO = 1e-7


def p_value_of(
    arms: tuple[int, int],
    counts: tuple[int, int],
    test: Test,
    sides: int = 1,
    better: Better = "higher",
    two_sided: TwoSided | None = None,
) -> float:
    """The p-value of a test of two rates, control first; a design rejects where it is at most alpha.

    Exact for `theory.proportions.EXACT_TESTS`: the largest probability, whatever rate the arms share, of the tables
    that are at least as extreme. Errors: counts that are not whole or above the patients, an unknown test.
    """
    check_choice("test", test, TESTS)
    check_choice("sides", sides, (1, 2))
    for n, x in zip(arms, counts, strict=True):
        check_count("patients", n)
        check_count("responses", x, 0, n)
    if sides == 1:
        return _one_sided(arms, counts, test, better)
    if (two_sided or usual_two_sided(test)) == "doubled" and test in EXACT_TESTS:
        return _doubled(arms, counts, test)
    return _of_statistic(statistic_of(*arms, test, is_ordered=True), counts, test, tails=2)


def _one_sided(arms: tuple[int, int], counts: tuple[int, int], test: Test, better: Better) -> float:
    if better == "lower":  # failures take the place of successes
        counts = (arms[0] - counts[0], arms[1] - counts[1])
    return _of_statistic(statistic_of(*arms, test), counts, test)


def _doubled(arms: tuple[int, int], counts: tuple[int, int], test: Test) -> float:
    """Twice the smaller of both one-sided p-values, at most 1."""
    both = [_one_sided(arms, counts, test, better) for better in BETTER]
    return min(1.0, 2.0 * min(both))


def _of_statistic(statistic: Floats, counts: tuple[int, int], test: Test, tails: int = 1) -> float:
    """The p-value of a table, where a statistic orders all of them, the smallest the most extreme."""
    here = float(statistic[counts])
    if test == "fisher":
        return min(here, 1.0)
    if test not in EXACT_TESTS:
        return float(tails * norm.sf(-here))
    margin = 0.0 if np.isinf(here) else TOLERANCE * abs(here)
    return _largest(statistic <= here + margin)


def _largest(region: Flags) -> float:
    """The largest probability of some tables over all rates that the arms may share."""
    weights = np.where(region, given_total(region.shape[0] - 1, region.shape[1] - 1), 0.0)
    conditional = np.bincount(totals_of(*region.shape).ravel(), weights.ravel()).astype(np.float64)
    return min(largest_probability(np.minimum(conditional, 1.0)), 1.0)


def interval_of_difference(
    arms: tuple[int, int], counts: tuple[int, int], confidence: float = 0.95
) -> tuple[float, float]:
    """The exact interval of the experimental rate minus that of the control (Chan and Zhang 1999, Biometrics 55:1202).

    Each end is a difference at which a one-sided exact test, ordered by the score statistic of Farrington and Manning
    (1990, Stat Med 9:1447), has the level (1 - confidence) / 2 whatever the rate of the control. Errors: as
    `p_value_of`; a confidence outside (0, 1).
    """
    check_probability("confidence", confidence)
    for n, x in zip(arms, counts, strict=True):
        check_count("patients", n)
        check_count("responses", x, 0, n)
    tail = (1.0 - confidence) / 2.0
    lower = _lower_end(arms, counts, tail)
    flipped = tuple(n - x for n, x in zip(arms, counts, strict=True))
    return lower, -_lower_end(arms, cast(tuple[int, int], flipped), tail)


def _lower_end(arms: tuple[int, int], counts: tuple[int, int], tail: float) -> float:
    """The smallest difference that the data do not reject as too small; -1 where even that is not rejected."""

    def excess(difference: float) -> float:
        return _p_value_at(arms, counts, difference) - tail

    grid = np.linspace(-1.0, 1.0, STEPS + 1)[1:-1]
    inside = next((i for i, difference in enumerate(grid) if excess(float(difference)) > 0.0), None)
    if inside is None:
        return float(grid[-1])
    below = float(grid[inside - 1]) if inside else -1.0 + TO
    if excess(below) > 0.0:
        return -1.0
    return float(optimize.brentq(excess, below, float(grid[inside]), xtol=TO)) - TO


def _p_value_at(arms: tuple[int, int], counts: tuple[int, int], difference: float) -> float:
    """The largest probability of tables that speak at least as much for a larger difference than the one given."""
    statistic = score_statistic(arms, difference)
    here = float(statistic[counts])
    region = (statistic >= here - TOLERANCE * max(abs(here), 1.0)).astype(np.float64)
    low, high = max(0.0, -difference), min(1.0, 1.0 - difference)

    def probability(rates: Floats) -> Floats:
        control, experimental = binomial_weights(arms[0], rates), binomial_weights(arms[1], rates + difference)
        return np.asarray(((control @ region) * experimental).sum(axis=1))

    inner = 1e-12 * (high - low)
    rates = np.linspace(low + inner, high - inner, GRID)
    found = probability(rates)
    best = int(np.argmax(found))
    around = (float(rates[max(best - 1, 0)]), float(rates[min(best + 1, GRID - 1)]))
    refined = optimize.minimize_scalar(
        lambda rate: -float(probability(np.array([rate]))[0]), bounds=around, method="bounded", options={"xatol": 1e-9}
    )
    return min(max(float(found[best]), -float(refined.fun)), 1.0)
