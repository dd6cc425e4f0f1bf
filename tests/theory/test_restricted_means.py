"""Restricted mean times: the kernel against another program, planned numbers against closed forms and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

import trialsim as ts
from tests.theory.changing_trials import LATE, STEPS, drawn_trials
from tests.tolerances import N_STANDARD_ERRORS, error_of_sd
from trialsim.compiled.logrank import set_key
from trialsim.compiled.restricted_means import restricted_means_of_keys
from trialsim.design.theory.changing_hazards.piecewise import PiecewiseArms, PiecewiseHazard, with_ratios
from trialsim.design.theory.changing_hazards.restricted_means import restricted_mean_and_variance, restricted_means
from trialsim.design.theory.changing_hazards.restricted_means import restricted_means_power as power_of
from trialsim.inference.survival import restricted_means as analysed_means
from trialsim.typing import Counts, Flags, Floats

N_TRIALS, N = 20_000, 300
POWER = 0.01  # of the normal approximation with 300 patients
MEAN = 0.03  # of the mean of z, which a trial of 300 patients reaches to some hundredths


def keys_of(times: Floats, is_event: Flags, is_second: Flags) -> Counts:
    keys = np.empty(len(times), np.int64)
    for i in range(len(times)):
        set_key(keys, i, times[i], is_event[i], is_second[i])
    keys.sort()
    return keys


@given(st.integers(0, 2**32), st.integers(6, 60), st.booleans(), st.floats(1.0, 25.0))
def test_the_kernel_is_the_difference_that_analyses_trials(seed: int, n: int, has_ties: bool, until: float) -> None:
    rng = np.random.default_rng(seed)
    times = rng.exponential(10.0, n)
    times = np.ceil(times) if has_ties else times
    is_event, is_second = rng.random(n) < 0.7, np.arange(n) % 2 == 0
    times[:2], is_event[:2] = 30.0, False  # both arms are observed for longer
    is_event[2] = True
    difference, variance = restricted_means_of_keys(keys_of(times, is_event, is_second), until)
    found = analysed_means(times, is_event, is_second, until)
    assert difference == pytest.approx(found.value, rel=1e-9, abs=1e-9)
    assert math.sqrt(variance) == pytest.approx((found.upper - found.value) / norm.isf(0.025), rel=1e-9, abs=1e-9)


def test_an_arm_that_is_not_observed_so_long_keeps_its_last_value() -> None:
    times = np.array([2.0, 4.0, 10.0, 10.0])
    is_event, is_second = np.array([True, False, False, False]), np.array([False, False, True, True])
    difference, variance = restricted_means_of_keys(keys_of(times, is_event, is_second), 10.0)
    assert difference == pytest.approx(10.0 - (2.0 + 0.5 * 8.0))
    assert variance == pytest.approx((0.5 * 8.0) ** 2 / (2 * 1))


@given(st.floats(0.01, 0.3), st.floats(0.5, 40.0), st.sampled_from([0.0, 0.03]))
def test_of_a_constant_hazard_mean_and_variance_have_a_closed_form(rate: float, until: float, dropout: float) -> None:
    """Without loss the variance is that of the restricted time: E T^2 - (E T)^2."""
    mean, variance = restricted_mean_and_variance(PiecewiseHazard((0.0, 3.0), (rate, rate)), until, dropout)
    x = rate * until
    assert mean == pytest.approx(-math.expm1(-x) / rate, rel=1e-9)
    second = 2.0 / rate**2 * (1.0 - math.exp(-x) * (1.0 + x))
    if dropout == 0.0:
        assert variance == pytest.approx(second - mean**2, rel=1e-6)
    else:
        assert variance > second - mean**2


@pytest.mark.slow
@pytest.mark.parametrize("ratios", [LATE, PiecewiseHazard((0.0,), (0.65,)), PiecewiseHazard((0.0, 3.0), (1.3, 0.45))])
@pytest.mark.parametrize(("ratio", "dropout", "until"), [(1.0, 0.0, 12.0), (2.0, 0.02, 18.0)])
def test_planned_moments_and_power_are_those_of_simulated_trials(
    ratios: PiecewiseHazard, ratio: float, dropout: float, until: float
) -> None:
    arms = PiecewiseArms(STEPS, with_ratios(STEPS, ratios), 12.0, ratio, dropout)
    z = drawn_trials(arms, N, N_TRIALS, 13).z(12.0 + until, until=until)
    at = restricted_means(arms, until)
    mean = at.difference / at.sd * math.sqrt(N)
    assert z.mean() == pytest.approx(mean, abs=N_STANDARD_ERRORS * z.std() / math.sqrt(N_TRIALS) + MEAN)
    assert z.std() == pytest.approx(1.0, abs=N_STANDARD_ERRORS * error_of_sd(z) + MEAN)
    for sides in (1, 2):
        power = power_of(arms, until, N, 0.05, sides)
        size = z if sides == 1 else np.abs(z)
        error = math.sqrt(power * (1.0 - power) / N_TRIALS)
        assert (size >= norm.isf(0.05 / sides)).mean() == pytest.approx(power, abs=N_STANDARD_ERRORS * error + POWER)


def test_the_smallest_trial_has_the_power_and_none_smaller_has() -> None:
    design = ts.design.rmst(18, 0.6, 12, alpha=0.025, accrual=12, ratio=2, dropout=0.1)
    n, step = design.numbers["n"], design.planned.step
    assert design.power() >= 0.8 > design.power(n - step)
    later = ts.design.rmst(18, 0.6, 12, alpha=0.025, accrual=36, follow_up=30, ratio=2, dropout=0.1)
    assert later.power() == pytest.approx(design.power(), rel=1e-12)  # everyone is seen for 18 months in both
    assert later.numbers["expected_events"] > design.numbers["expected_events"]


def test_means_that_are_restricted_to_longer_than_everyone_is_seen_are_refused() -> None:
    with pytest.raises(ts.ConfigurationError, match="longer than the follow-up after the last entry, 12 months"):
        ts.design.rmst(18, 0.6, 12, follow_up=12)
