"""Survival probabilities and restricted means against lifelines, closed forms, and the jackknife."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter
from lifelines.utils import restricted_mean_survival_time

from trialsim.endpoints import survival as of_trials

HORIZON = 6.0


def survival_at(times: np.ndarray, has_event: np.ndarray, horizon: float) -> tuple[float, np.ndarray]:
    """The survival probability of one trial."""
    values, added = of_trials.survival_at(times, has_event, np.zeros(len(times), np.int64), 1, horizon)
    return float(values[0]), added


def restricted_mean(times: np.ndarray, has_event: np.ndarray, horizon: float) -> tuple[float, np.ndarray]:
    """The restricted mean of one trial."""
    values, added = of_trials.restricted_mean(times, has_event, np.zeros(len(times), np.int64), 1, horizon)
    return float(values[0]), added


def trial(seed: int, n: int = 80) -> tuple[np.ndarray, np.ndarray]:
    """Times rounded so that some are equal, and whether there was an event."""
    rng = np.random.default_rng(seed)
    events, ends = rng.exponential(5.0, n), rng.uniform(3.0, 14.0, n)
    return np.round(np.minimum(events, ends), 1), events <= ends


@given(st.integers(0, 2**32 - 1))
def test_both_are_those_of_lifelines(seed: int) -> None:
    times, has_event = trial(seed)
    fitted = KaplanMeierFitter().fit(times, has_event)
    assert survival_at(times, has_event, HORIZON)[0] == pytest.approx(float(fitted.predict(HORIZON)), abs=1e-12)
    assert restricted_mean(times, has_event, HORIZON)[0] == pytest.approx(
        float(restricted_mean_survival_time(fitted, t=HORIZON)), abs=1e-9
    )


@pytest.mark.parametrize("of", [survival_at, restricted_mean])
def test_without_censoring_they_are_plain_means(of) -> None:  # type: ignore[no-untyped-def]
    times = np.array([1.0, 2.0, 2.0, 7.0, 9.0])
    value, added = of(times, np.ones(5, bool), HORIZON)
    own = times > HORIZON if of is survival_at else np.minimum(times, HORIZON)
    assert value == pytest.approx(own.mean())
    assert added == pytest.approx((own - own.mean()) / 5)


@pytest.mark.parametrize("of", [survival_at, restricted_mean])
@given(seed=st.integers(0, 2**32 - 1))
def test_contributions_sum_to_nothing_and_agree_with_leaving_one_out(of, seed: int) -> None:  # type: ignore[no-untyped-def]
    times, has_event = trial(seed, 150)
    value, added = of(times, has_event, HORIZON)
    assert added.sum() == pytest.approx(0.0, abs=1e-12)
    without = [of(np.delete(times, i), np.delete(has_event, i), HORIZON)[0] for i in range(150)]
    jackknife = (value - np.array(without)) * 149 / 150
    assert np.abs(added - jackknife).max() < 0.1 * np.abs(jackknife).max() + 1e-12, "they differ by order 1/n^2"


def test_the_sum_of_squares_is_greenwoods_variance() -> None:
    times, has_event = trial(3, 400)
    value, added = survival_at(times, has_event, HORIZON)
    total = 0.0
    for day in np.unique(times[has_event & (times <= HORIZON)]):
        at_risk, n = (times >= day).sum(), (has_event & (times == day)).sum()
        total += n / (at_risk * (at_risk - n))
    assert (added**2).sum() == pytest.approx(value**2 * total, rel=1e-9)


def test_what_nobody_was_observed_for_is_missing() -> None:
    times, has_event = np.array([1.0, 2.0, 3.0]), np.array([True, False, False])
    assert np.isnan(survival_at(times, has_event, 5.0)[0])
    assert np.isnan(restricted_mean(times, has_event, 5.0)[0])
    assert survival_at(times, np.ones(3, bool), 5.0)[0] == 0.0
    assert np.isnan(survival_at(np.zeros(0), np.zeros(0, bool), 5.0)[0])


def test_observation_that_ends_on_the_horizon_is_enough() -> None:
    times, nobody = np.array([5.0, 10.0]), np.zeros(2, np.bool_)
    assert survival_at(times, nobody, 10.0)[0] == 1.0
    assert restricted_mean(times, nobody, 10.0)[0] == 10.0


@pytest.mark.parametrize("horizon", [0.0, 3.0, 8.0, 40.0])
@pytest.mark.parametrize("of", [survival_at, restricted_mean])
def test_a_trial_has_the_same_numbers_whatever_trials_are_beside_it(of, horizon: float) -> None:  # type: ignore[no-untyped-def]
    """Bit by bit: with ties, trials of nobody, without an event, and of events alone."""
    rng = np.random.default_rng(4)
    numbers = np.repeat(np.arange(300), rng.integers(0, 41, 300))
    times = rng.exponential(6.0, len(numbers))
    times = np.where(numbers % 3 > 0, np.round(times, 1), times)
    has_event = rng.random(len(times)) < rng.choice([0.0, 0.3, 0.7, 1.0], 300)[numbers]
    values, added = getattr(of_trials, of.__name__)(times, has_event, numbers, 300, horizon)
    for i in range(300):
        value, parts = of(times[numbers == i], has_event[numbers == i], horizon)
        assert np.array_equal(value, values[i], equal_nan=True)
        assert np.array_equal(parts, added[numbers == i])
    assert np.isnan(values).any()
