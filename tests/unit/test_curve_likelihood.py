"""The likelihood of Kaplan-Meier figures, against order statistics and against cohorts that are drawn and estimated."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
import pytest
from scipy import stats

from tests.tolerances import N_STANDARD_ERRORS
from trialsim.calibration.curve_likelihood import SMALLEST, log_likelihood_of_curve, p_above
from trialsim.calibration.patient_cells import curve_cells
from trialsim.calibration.targets import BEYOND, CURVE_MEDIAN, LANDMARK, Curve, Point
from trialsim.endpoints.survival import curves_at, medians_of, survival_and_greenwood
from trialsim.typing import Flags, Floats

N_COHORTS: Final = 10_000
N_PATIENTS: Final = 400_000  # the curve that a cohort is a sample of, to some thousandths
MCSE: Final = 0.5 / np.sqrt(N_COHORTS)  # of a probability, at most
# What the approximation is off beside chance, from 40,000 cohorts each (docs/why/published-curves.md): for 27 patients
# or more 0.021 for medians and 0.010 for landmarks at a day before which many were censored; for 10 patients 0.073.
OFF, OFF_FOR_TEN = 0.025, 0.08


class Setting(NamedTuple):
    """Weibull times with a median of 12 months; entry is spread over `accrual`, and cut off so long after its end."""

    shape: float
    accrual: float
    follow_up: float

    def sample(self, rng: np.random.Generator, n: int) -> tuple[Floats, Flags]:
        times = 12.0 * (rng.exponential(size=n) / np.log(2.0)) ** (1.0 / self.shape)
        observed = self.follow_up + self.accrual * rng.random(n)
        return np.minimum(times, observed), times <= observed


SETTINGS = (Setting(1.0, 12.0, 6.0), Setting(0.6, 18.0, 2.0), Setting(1.5, 18.0, 2.0))


@lru_cache(maxsize=2)
def cohorts(setting: Setting, n: int) -> tuple[Floats, Flags, Any]:
    rng = np.random.default_rng(n)
    return *setting.sample(rng, N_COHORTS * n), np.repeat(np.arange(N_COHORTS), n)


@lru_cache(maxsize=3)
def everyone(setting: Setting) -> tuple[Floats, Flags]:
    return setting.sample(np.random.default_rng(9), N_PATIENTS)


def truth(setting: Setting, days: list[float]) -> tuple[Floats, Floats]:
    return survival_and_greenwood(*everyone(setting), np.array(days))


def margin(n: int) -> float:
    return float(N_STANDARD_ERRORS * MCSE + (OFF_FOR_TEN if n == 10 else OFF))


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("n", [10, 27, 32, 75])
def test_a_median_lies_beyond_a_day_as_often_as_that_of_cohorts_does(setting: Setting, n: int) -> None:
    times, has_event, cohort = cohorts(setting, n)
    medians = medians_of(times, has_event, cohort, N_COHORTS)
    days = [6.0, 10.0, 12.0, 16.0]
    survival, greenwood = truth(setting, days)
    for i, day in enumerate(days):
        found = float(p_above(0.5, survival[i], greenwood[i] / n, np.array(float(n))))
        assert found == pytest.approx(float(np.mean(medians > day)), abs=margin(n)), day


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("n", [27, 75])
def test_a_landmark_lies_above_a_share_as_often_as_that_of_cohorts_does(setting: Setting, n: int) -> None:
    """Where some were censored before; without that it has the steps of a count, for which there is `proportion`."""
    times, has_event, cohort = cohorts(setting, n)
    survival, greenwood = truth(setting, [12.0])
    estimates = curves_at(times, has_event, cohort, N_COHORTS, 12.0)
    estimates = estimates[~np.isnan(estimates)]
    assert len(estimates) > 0.98 * N_COHORTS
    for share in (0.4, 0.5, 0.6):
        simulated = float(np.mean(estimates > share) + np.mean(estimates >= share)) / 2.0
        found = float(p_above(share, survival[0], greenwood[0] / n, np.array(float(n))))
        assert found == pytest.approx(simulated, abs=margin(n)), share


def test_without_censoring_a_median_of_an_odd_number_is_an_order_statistic() -> None:
    """It lies beyond a day where at least 14 of 27 do (David and Nagaraja 2003, eq. 2.1.3)."""
    survival = np.array([0.3, 0.5, 0.72])
    greenwood = (1.0 - survival) / survival / 27
    found = p_above(0.5, survival, greenwood, np.full(3, 27.0))
    assert found == pytest.approx(stats.binom.sf(13, 27, survival))
    assert found == pytest.approx(stats.beta(14, 14).cdf(survival))


def test_without_censoring_a_landmark_lies_between_the_two_binomial_tails() -> None:
    for k in range(1, 32):
        for survival in (0.2, 0.46, 0.9):
            greenwood = (1.0 - survival) / survival / 32
            found = float(p_above(k / 32, np.array(survival), np.array(greenwood), np.array(32.0)))
            assert stats.binom.sf(k, 32, survival) <= found <= stats.binom.sf(k - 1, 32, survival)


def curve(n: int, *figures: tuple[float, float, float, Point]) -> Curve:
    """A term with figures at days: the first, the last and the middle one of each."""
    cells = [cell for *days, _ in figures for cell in curve_cells("time", "event", "1", days)]
    return Curve(("figures",), tuple(cells), tuple(figure[3] for figure in figures), n)


def likelihood(term: Curve, setting: Setting) -> float:
    survival, greenwood = truth(setting, [cell.at for cell in term.cells])
    values = [greenwood[i] if cell.is_variance else survival[i] for i, cell in enumerate(term.cells)]
    return float(np.exp(log_likelihood_of_curve(term, np.array(values))))


@pytest.mark.parametrize("setting", SETTINGS)
def test_figures_of_one_curve_come_together_as_often_as_in_cohorts(setting: Setting) -> None:
    """Survival at 6 months within ten points, a median within five months after it, survival at 16 months after that.

    Each for itself would be off by far: the median given survival at 6 months is another one.
    """
    n = 75
    times, has_event, cohort = cohorts(setting, n)
    at_6, at_16 = (curves_at(times, has_event, cohort, N_COHORTS, day) for day in (6.0, 16.0))
    medians = medians_of(times, has_event, cohort, N_COHORTS)
    share = float(truth(setting, [6.0])[0][0]) - 0.08
    first = (6.0, 6.0, 6.0, Point(LANDMARK, share, share - 0.02, share + 0.02))
    second = (7.0, 12.0, 9.5, Point(CURVE_MEDIAN, 0.5))
    is_first = (at_6 >= share - 0.02) & (at_6 < share + 0.02)
    is_second = is_first & (medians >= 7.0) & (medians < 12.0)
    joint = likelihood(curve(n, first, second), setting)
    alone = likelihood(curve(n, first), setting)
    n_first = int(is_first.sum())
    simulated = float(is_second.sum()) / n_first
    assert joint / alone == pytest.approx(simulated, abs=N_STANDARD_ERRORS * 0.5 / np.sqrt(n_first) + 2 * OFF)
    independent = likelihood(curve(n, second), setting)
    assert abs(independent - simulated) > 0.1
    third = (16.0, 16.0, 16.0, Point(LANDMARK, 0.35, 0.30, 0.40))
    is_third = is_first & (at_16 >= 0.30) & (at_16 < 0.40)
    of_third = likelihood(curve(n, first, third), setting) / alone
    expected = float(is_third.sum()) / n_first
    assert of_third == pytest.approx(expected, abs=N_STANDARD_ERRORS * 0.5 / np.sqrt(n_first) + 2 * OFF)


def test_a_median_that_was_not_reached_is_what_its_rounded_windows_leave() -> None:
    setting = SETTINGS[0]
    beyond = likelihood(curve(27, (12.0, 12.0, 12.0, Point(BEYOND, float("nan")))), setting)
    windows = [(6.0 * i, 6.0 * (i + 1), 6.0 * i + 3.0, Point(CURVE_MEDIAN, 0.5)) for i in range(2)]
    before = sum(likelihood(curve(27, window), setting) for window in windows)
    assert beyond + before == pytest.approx(1.0)


def test_what_cannot_be_is_unlikely_and_not_impossible() -> None:
    """Beyond the last patient observed there is no curve; a median on a curve that nobody leaves is far away."""
    landmark = curve(27, (12.0, 12.0, 12.0, Point(LANDMARK, 0.46, 0.455, 0.465)))
    unknown = np.full(6, np.nan)
    assert log_likelihood_of_curve(landmark, unknown) == pytest.approx(np.log(SMALLEST))
    median = curve(27, (11.0, 13.0, 12.0, Point(CURVE_MEDIAN, 0.5)))
    flat = np.array([1.0, 0.0] * 3)
    assert log_likelihood_of_curve(median, flat) == pytest.approx(np.log(SMALLEST))
    gone = np.array([0.0, np.inf] * 3)
    assert np.isfinite(log_likelihood_of_curve(landmark, gone))
