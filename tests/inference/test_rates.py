"""Two arms and one rate: p-values that agree with the regions of the tests, intervals that cover."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.special import xlogy
from scipy.stats import barnard_exact, binom, boschloo_exact, fisher_exact

from trialsim.design.theory.proportions import TESTS, Test, rejection_region
from trialsim.design.theory.score import restricted_rates, score_statistic
from trialsim.errors import RequestError
from trialsim.inference.rates import interval_of_difference, p_value_of

ARMS = (9, 13)


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("better", ["higher", "lower"])
def test_a_p_value_of_at_most_alpha_is_a_rejection(test: Test, better: str) -> None:
    """For every table of two arms and several levels, one-sided and two-sided."""
    for alpha, sides in product((0.01, 0.05, 0.2), (1, 2)):
        region = rejection_region(*ARMS, alpha, sides, test, better)  # type: ignore[arg-type]
        for counts in product(range(ARMS[0] + 1), range(ARMS[1] + 1)):
            p_value = p_value_of(ARMS, counts, test, sides, better)  # type: ignore[arg-type]
            assert (p_value <= alpha * (1.0 + 1e-8)) == region[counts], (alpha, sides, counts, p_value)


@pytest.mark.parametrize("counts", [(3, 9), (2, 2), (0, 5), (9, 4), (5, 13)])
def test_p_values_of_scipy(counts: tuple[int, int]) -> None:
    """SciPy seeks the largest probability on a few points: it may miss some of it."""
    table = np.array([[counts[1], counts[0]], [ARMS[1] - counts[1], ARMS[0] - counts[0]]])
    assert p_value_of(ARMS, counts, "fisher") == pytest.approx(fisher_exact(table, "greater")[1])
    for test, of_scipy in (("boschloo", boschloo_exact), ("z-pooled", barnard_exact)):
        theirs = float(of_scipy(table, "greater", n=128).pvalue)
        ours = p_value_of(ARMS, counts, test)  # type: ignore[arg-type]
        assert theirs - 1e-9 <= ours <= theirs + 2e-3


def test_restricted_rates_are_the_most_likely_ones() -> None:
    rates = np.linspace(0.0, 1.0, 20_001)
    for x0, x1, difference in product((0, 3, 8), (0, 5, 11, 13), (-0.4, -0.1, 0.0, 0.05, 0.6)):
        found = float(restricted_rates(*ARMS, np.array(x0 / ARMS[0]), np.array(x1 / ARMS[1]), difference))
        possible = rates[(rates + difference >= 0.0) & (rates + difference <= 1.0)]

        def likelihood(p: np.ndarray | float, x0: int = x0, x1: int = x1, d: float = difference) -> np.ndarray:
            q = np.clip(np.asarray(p) + d, 0.0, 1.0)
            return np.asarray(xlogy(x0, p) + xlogy(ARMS[0] - x0, 1.0 - p) + xlogy(x1, q) + xlogy(ARMS[1] - x1, 1.0 - q))

        assert likelihood(found) >= likelihood(possible).max() - 1e-6


def test_without_a_difference_the_score_is_the_pooled_z() -> None:
    statistic = score_statistic(ARMS, 0.0)
    x0, x1 = 3, 9
    pooled = (x0 + x1) / 22
    z = (x1 / 13 - x0 / 9) / np.sqrt(pooled * (1.0 - pooled) * (1.0 / 9 + 1.0 / 13))
    assert statistic[x0, x1] == pytest.approx(z)


@pytest.mark.slow
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_the_interval_of_a_difference_covers(confidence: float) -> None:
    """Exactly, over every table, at a grid of rates."""
    arms = (7, 10)
    tables = list(product(range(8), range(11)))
    limits = {counts: interval_of_difference(arms, counts, confidence) for counts in tables}
    for p0, p1 in product((0.02, 0.15, 0.3, 0.5, 0.77, 0.95), repeat=2):
        mass = {counts: binom.pmf(counts[0], 7, p0) * binom.pmf(counts[1], 10, p1) for counts in tables}
        covered = sum(mass[c] for c in tables if limits[c][0] - 1e-9 <= p1 - p0 <= limits[c][1] + 1e-9)
        assert covered >= confidence - 1e-9, (p0, p1)


def test_the_interval_mirrors() -> None:
    lower, upper = interval_of_difference((8, 11), (2, 9))
    flipped = interval_of_difference((8, 11), (6, 2))
    assert [lower, upper] == pytest.approx([-flipped[1], -flipped[0]], abs=1e-6)


@pytest.mark.parametrize("counts", [(10, 1), (1, 14), (-1, 2)])
def test_counts_that_cannot_be_are_refused(counts: tuple[int, int]) -> None:
    with pytest.raises(RequestError):
        p_value_of(ARMS, counts, "boschloo")
    with pytest.raises(RequestError):
        interval_of_difference(ARMS, counts)
