"""The weighted log-rank test: its kernel against another program, its planned power against simulated trials."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

import trialsim as ts
from tests.theory.changing_trials import LATE, STEPS, drawn_trials
from tests.theory.test_piecewise import TABLE, rows
from tests.tolerances import N_STANDARD_ERRORS, error_of_sd
from trialsim.compiled.logrank import logrank_of_keys, set_key, weighted_logrank_of_keys
from trialsim.design.conduct.logrank_at_looks import z_of_patients
from trialsim.design.theory.changing_hazards.piecewise import PiecewiseArms, PiecewiseHazard, with_ratios
from trialsim.design.theory.changing_hazards.weighted_logrank import logrank_moments, weighted_logrank_power
from trialsim.design.theory.time_to_event import month_of_events
from trialsim.inference.survival import logrank

WEIGHTS = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (0.5, 0.5), (1.0, 1.0), (0.0, 2.0)]
N_TRIALS = 20_000
N = 300
POWER = 0.012  # of the normal approximation with 300 patients
MEAN = 0.03  # of the mean of z, which a trial of 300 patients reaches to some hundredths
SD = 0.015  # of its standard deviation, the same
FIRST_EVENTS = 1e-6  # of integrals of weights that rise as a root at the start


@pytest.mark.parametrize("rho_gamma", WEIGHTS)
@given(st.integers(0, 2**32), st.integers(6, 60), st.booleans())
def test_the_kernel_is_the_test_that_analyses_trials(
    rho_gamma: tuple[float, float], seed: int, n: int, has_ties: bool
) -> None:
    rng = np.random.default_rng(seed)
    times = rng.exponential(10.0, n)
    times = np.ceil(times) if has_ties else times
    is_event, is_second = rng.random(n) < 0.7, np.arange(n) % 2 == 0
    is_event[:4] = True
    found = float(z_of_patients(times, is_event, is_second, *rho_gamma, 0.0))
    try:
        expected, _ = logrank(times, is_event, is_second, None, rho_gamma)
    except ts.InputError:
        assert found == 0.0
        return
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_without_weights_it_is_the_log_rank_test_bit_for_bit() -> None:
    rng = np.random.default_rng(2)
    keys = np.empty(80, np.int64)
    for i, time in enumerate(np.ceil(rng.exponential(20.0, 80))):
        set_key(keys, i, time, rng.random() < 0.7, i % 2 == 1)
    keys.sort()
    assert weighted_logrank_of_keys(keys, 0.0, 0.0) == logrank_of_keys(keys)


def test_the_kernel_is_survdiff_of_r() -> None:
    """R's survival weights by S^rho just before each event."""
    patients = pd.read_csv(TABLE.parent / "survival.csv")
    times, events = patients["time_days"].to_numpy(float), patients["event"].to_numpy(bool)
    second = (patients["arm"] == "experimental").to_numpy()
    cases = list(rows("survdiff"))
    assert len(cases) == 4
    for asked, found in cases:
        z = float(z_of_patients(times, events, second, asked["rho"][0], 0.0, 0.0))
        assert z**2 == pytest.approx(found[0], rel=1e-9)
        assert z == pytest.approx(-found[2] / math.sqrt(found[3]), rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("rho_gamma", WEIGHTS)
@pytest.mark.parametrize("ratios", [LATE, PiecewiseHazard((0.0,), (0.65,)), PiecewiseHazard((0.0, 3.0), (1.3, 0.45))])
@pytest.mark.parametrize(("accrual", "ratio", "dropout"), [(12.0, 1.0, 0.0), (6.0, 2.0, 0.02)])
def test_planned_moments_and_power_are_those_of_simulated_trials(
    rho_gamma: tuple[float, float], ratios: PiecewiseHazard, accrual: float, ratio: float, dropout: float
) -> None:
    arms = PiecewiseArms(STEPS, with_ratios(STEPS, ratios), accrual, ratio, dropout)
    z = drawn_trials(arms, N, N_TRIALS, 11).z(24.0, *rho_gamma)
    at = logrank_moments(arms, 24.0, rho_gamma)
    assert z.mean() == pytest.approx(
        at.mean * math.sqrt(N), abs=N_STANDARD_ERRORS * z.std() / math.sqrt(N_TRIALS) + MEAN
    )
    assert z.std() == pytest.approx(at.sd, abs=N_STANDARD_ERRORS * error_of_sd(z) + SD)
    for sides in (1, 2):
        power = weighted_logrank_power(arms, 24.0, N, 0.05, sides, rho_gamma)
        size = z if sides == 1 else np.abs(z)
        error = math.sqrt(power * (1.0 - power) / N_TRIALS)
        share = (size >= norm.isf(0.05 / sides)).mean()
        assert share == pytest.approx(power, abs=N_STANDARD_ERRORS * error + POWER)


@pytest.mark.slow
def test_looks_at_a_late_effect_have_the_planned_power() -> None:
    """The effect of the interim look, which comes early, is less than its share of the events says."""
    design = ts.design.logrank([(0, 1), (3, 0.5)], hazards_control=[(0, 0.08), (6, 0.05)], alpha=0.025, accrual=12,
                               follow_up=12, n=300, looks=2, futility="pocock")  # fmt: skip
    arms = PiecewiseArms(STEPS, with_ratios(STEPS, LATE), 12.0)
    months = [month_of_events(arms, 300, 0.5 * design.numbers["expected_events"]), 24.0]
    trials = drawn_trials(arms, 300, N_TRIALS, 12)
    z = np.column_stack([trials.z(month) for month in months])
    upper, lower = np.array(design.numbers["upper_z"]), np.array(design.numbers["lower_z"])
    goes_on = (z[:, 0] < upper[0]) & (z[:, 0] >= lower[0])
    rejects = (z[:, 0] >= upper[0]) | (goes_on & (z[:, 1] >= upper[1]))
    error = math.sqrt(design.power() * (1.0 - design.power()) / N_TRIALS)
    assert rejects.mean() == pytest.approx(design.power(), abs=N_STANDARD_ERRORS * error + POWER)
    by_average = ts.design.logrank(design.numbers["hazard_ratio"], hazards_control=[(0, 0.08), (6, 0.05)], alpha=0.025,
                                   accrual=12, follow_up=12, n=300, looks=2, futility="pocock")  # fmt: skip
    assert by_average.power() > design.power() + 0.05


def test_without_an_effect_z_is_standard_normal_and_the_level_is_kept() -> None:
    arms = PiecewiseArms(STEPS, STEPS, 12.0, 2.0, 0.01)
    for rho_gamma in ((0.0, 0.0), (1.0, 0.0)):
        at = logrank_moments(arms, 20.0, rho_gamma)
        assert (at.mean, at.sd, at.average_ratio) == pytest.approx((0.0, 1.0, 1.0), abs=1e-9)
    assert logrank_moments(arms, 20.0, (0.0, 1.0)).sd == pytest.approx(1.0, abs=1e-9)
    assert logrank_moments(arms, 20.0, (0.5, 0.5)).sd == pytest.approx(1.0, abs=FIRST_EVENTS)
    assert weighted_logrank_power(arms, 20.0, 200, 0.05, 2) == pytest.approx(0.05, abs=1e-9)


def test_near_the_null_the_mean_is_that_of_schoenfeld() -> None:
    """E z = -log(hazard ratio) sqrt(d s (1 - s)) for a hazard ratio near 1 (Schoenfeld 1981)."""
    ratio = 0.999
    arms = PiecewiseArms(STEPS, with_ratios(STEPS, PiecewiseHazard((0.0,), (ratio,))), 12.0, 2.0, 0.01)
    share, seen = 2.0 / 3.0, float(arms.seen_by(np.array(24.0)) @ arms.shares)
    expected = -math.log(ratio) * math.sqrt(seen * share * (1.0 - share))
    at = logrank_moments(arms, 24.0)
    assert at.mean == pytest.approx(expected, rel=2e-4)
    assert at.average_ratio == pytest.approx(ratio, rel=1e-12)


def test_weights_of_late_events_help_where_the_effect_is_late() -> None:
    ask = {"hazard_ratio": [(0, 1), (4, 0.5)], "median_control": 12, "accrual": 12, "follow_up": 12}
    plain = ts.design.logrank(**ask)
    late, early = (ts.design.logrank(**ask, test=f"fleming-harrington {text}") for text in ("0 1", "1 0"))
    assert late.numbers["n"] < plain.numbers["n"] < early.numbers["n"]
    assert late.power() >= 0.8 > late.power(late.numbers["n"] - 2)
    average, power = late.numbers["hazard_ratio"], late.power()
    assert late.operating_characteristics(average)["rejects"].iloc[0] == pytest.approx(power)
    assert "Fleming and Harrington (rho 0, gamma 1)" in late.paragraph


@pytest.mark.parametrize("rate", [0.001, 0.08, 5.0, 5000.0])
@pytest.mark.parametrize("total", [1.0, 24.0, 1200.0])
@pytest.mark.parametrize("dropout", [0.0, 1.0])
def test_moments_are_numbers_on_any_scale_of_time(rate: float, total: float, dropout: float) -> None:
    """Hours or centuries: where nobody is left nothing is added, and a unit of time does not matter."""
    arms = PiecewiseArms(PiecewiseHazard((0.0, 3.0), (rate, rate / 2.0)), PiecewiseHazard((0.0,), (0.6 * rate,)), 0.0)
    lost = PiecewiseArms(arms.control, arms.experimental, 12.0, 2.0, dropout)
    scaled = PiecewiseArms(PiecewiseHazard((0.0, 0.3), (10.0 * rate, 5.0 * rate)),
                           PiecewiseHazard((0.0,), (6.0 * rate,)), 0.0)  # fmt: skip
    for rho_gamma in WEIGHTS[:3]:
        at, other = logrank_moments(arms, total, rho_gamma), logrank_moments(scaled, total / 10.0, rho_gamma)
        assert [at.mean, at.sd, at.average_ratio] == pytest.approx(
            [other.mean, other.sd, other.average_ratio], rel=1e-9
        )
        assert np.isfinite(logrank_moments(lost, total, rho_gamma).sd)
