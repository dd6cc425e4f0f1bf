"""The compiled log-rank test against a library, and against a published example."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trialsim.compiled.logrank import logrank


def statistic(first: stats.CensoredData, second: stats.CensoredData) -> float:
    return float(stats.logrank(first, second).statistic)


def censored(times: np.ndarray, is_event: np.ndarray) -> stats.CensoredData:
    return stats.CensoredData(uncensored=times[is_event], right=times[~is_event])


@given(st.integers(0, 2**32), st.integers(4, 80), st.booleans())
def test_it_is_the_statistic_of_scipy_with_ties_and_censoring(seed: int, n: int, has_ties: bool) -> None:
    rng = np.random.default_rng(seed)
    times = rng.exponential(10.0, n)
    if has_ties:
        times = np.ceil(times)
    is_event, is_second = rng.random(n) < 0.7, np.arange(n) % 2 == 0
    is_event[:4] = True
    difference, variance = logrank(times, is_event, is_second)
    if variance > 0.0:
        expected = statistic(
            censored(times[is_second], is_event[is_second]), censored(times[~is_second], is_event[~is_second])
        )
        assert difference / np.sqrt(variance) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_remission_times_of_freireich_give_the_published_chi_square() -> None:
    """Freireich et al. (1963), 6-mercaptopurine against placebo; chi-square 16.79 in Collett and in R's survival."""
    treated = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    relapsed = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    placebo = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
    times = np.array(treated + placebo, dtype=np.float64)
    is_event = np.array(relapsed + [1] * 21, dtype=np.bool_)
    is_second = np.arange(42) >= 21
    difference, variance = logrank(times, is_event, is_second)
    assert difference**2 / variance == pytest.approx(16.79, abs=0.005)


def test_groups_that_cannot_be_compared_have_no_variance() -> None:
    times, is_event = np.array([1.0, 2.0, 3.0]), np.array([True, True, False])
    assert logrank(times, is_event, np.zeros(3, np.bool_)) == (0.0, 0.0)
    assert logrank(np.zeros(0), np.zeros(0, np.bool_), np.zeros(0, np.bool_)) == (0.0, 0.0)
