"""Selection of the best arm: the published table, enumeration of every trial, and simulated trials."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tolerances import CDF_SUMS
from trialsim.design.theory.selection import selection_probabilities
from trialsim.errors import RequestError

# Simon, Wittes and Ellenberg 1985, Cancer Treatment Reports 69: 1375-1381: patients per arm for two, three and four
# arms, by the smaller response rate, such that an arm better by 0.15 is selected with probability 0.90.
PUBLISHED = {
    0.1: (21, 31, 37),
    0.2: (29, 44, 52),
    0.3: (35, 52, 62),
    0.4: (37, 55, 67),
    0.5: (36, 54, 65),
    0.6: (32, 49, 59),
    0.7: (26, 39, 47),
    0.8: (16, 24, 29),
}


def selection_probability(n: int, p: float, difference: float, n_arms: int) -> float:
    """The probability that the best arm is taken, better than all others by a difference."""
    return selection_probabilities(n, (*[p] * (n_arms - 1), min(p + difference, 1.0)))[-1]


@pytest.mark.parametrize("p", PUBLISHED)
def test_the_published_table(p: float) -> None:
    for n_arms, n in zip((2, 3, 4), PUBLISHED[p], strict=True):
        assert selection_probability(n, p, 0.15, n_arms) >= 0.9
        assert all(selection_probability(less, p, 0.15, n_arms) < 0.9 for less in range(1, n))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.lists(st.floats(0.0, 1.0), min_size=2, max_size=4))
def test_enumeration_of_every_trial(n: int, rates: list[float]) -> None:
    expected = [0.0] * len(rates)
    for counts in itertools.product(range(n + 1), repeat=len(rates)):
        probability = math.prod(
            math.comb(n, x) * rate**x * (1.0 - rate) ** (n - x) for x, rate in zip(counts, rates, strict=True)
        )
        winners = [arm for arm, x in enumerate(counts) if x == max(counts)]
        for arm in winners:
            expected[arm] += probability / len(winners)
    assert selection_probabilities(n, rates) == pytest.approx(expected, abs=CDF_SUMS)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.lists(st.floats(0.0, 1.0), min_size=2, max_size=9))
def test_some_arm_is_taken(n: int, rates: list[float]) -> None:
    assert sum(selection_probabilities(n, rates)) == pytest.approx(1.0, abs=1e-10)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.floats(0.0, 1.0), st.integers(2, 12))
def test_equal_arms_are_taken_equally_often(n: int, rate: float, n_arms: int) -> None:
    assert selection_probabilities(n, [rate] * n_arms) == pytest.approx([1.0 / n_arms] * n_arms, abs=1e-10)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.floats(0.05, 0.5), st.floats(0.05, 0.4), st.integers(2, 8))
def test_a_larger_difference_and_fewer_arms_are_easier(n: int, p: float, difference: float, n_arms: int) -> None:
    probability = selection_probability(n, p, difference, n_arms)
    assert probability < selection_probability(n, p, difference + 0.05, n_arms)
    assert probability > selection_probability(n, p, difference, n_arms + 1)


def test_the_share_of_simulated_trials() -> None:
    n, rates = 25, (0.2, 0.3, 0.35, 0.4)
    draws = np.random.default_rng(3)
    counts = draws.binomial(n, rates, (100_000, 4)) + draws.random((100_000, 4)) / 2.0  # ties broken at random
    shares = np.bincount(counts.argmax(axis=1), minlength=4) / len(counts)
    for share, probability in zip(shares, selection_probabilities(n, rates), strict=True):
        assert abs(share - probability) < 4.0 * math.sqrt(probability * (1.0 - probability) / len(counts))


@pytest.mark.parametrize("rates", [(-0.1, 0.3), (0.9, 1.1), (0.3,), (math.nan, 0.4)])
def test_wrong_questions_are_refused(rates: tuple[float, ...]) -> None:
    with pytest.raises(RequestError):
        selection_probabilities(10, rates)
