"""Events, patients and months of time-to-event trials against published ones, integrals and simulated patients."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from tests.theory.formulas import freedman_power, month_of_events, patients_for, schoenfeld_power
from trialsim.design.theory.one_sample_logrank import Arm, one_sample_moments, one_sample_power
from trialsim.design.theory.time_to_event import (
    Arms,
    event_probability,
    expected_events,
    freedman_events,
    lachin_foulkes_power,
    schoenfeld_events,
)
from trialsim.errors import RequestError

PER_MONTH = -math.log(0.8) / 12.0  # 20 % with an event by month 12


@pytest.mark.parametrize(
    ("share", "events", "patients"),
    [(0.4, 58.52451, 197.78666), (0.5, 31.248898, 90.804254), (0.6, 20.120262, 51.314209)],
)
def test_schoenfeld_in_rpact(share: float, events: float, patients: float) -> None:
    # rpact, tests/testthat/test-f_design_plan_survival.R: getSampleSizeSurvival(alpha = 0.01), power 0.8, 12 + 6 months
    arms = Arms(PER_MONTH, math.log(1.0 - share) / math.log(0.8), accrual=12.0)
    found = schoenfeld_events(arms.hazard_ratio, 0.01, 0.8)
    assert found == pytest.approx(events, rel=1e-7)
    assert found / float(expected_events(arms, 1.0, 18.0)) == pytest.approx(patients, rel=1e-7)


def test_events_by_hand() -> None:
    # The quantiles are 1.959964 and 0.841621; their sum squared is 7.848879, times 4 / log(2)^2 and times 9.
    assert schoenfeld_events(0.5, 0.05, 0.8, sides=2) == pytest.approx(65.3456, abs=1e-3)
    assert freedman_events(0.5, 0.05, 0.8, sides=2) == pytest.approx(70.6399, abs=1e-3)
    # Two on treatment for each control: the share of the events' variance is 2/9 in place of 1/4.
    assert schoenfeld_events(0.5, 0.05, 0.8, ratio=2.0, sides=2) == pytest.approx(65.3456 * 9 / 8, abs=1e-3)


@pytest.mark.parametrize(
    ("arms", "total", "patients", "events"),
    [  # the book gsSurv (keaven.github.io/gsSurv/nsurv-examples.html), then gsDesign's
        # tests/testthat/_snaps/independent-test-print.nSurv.md, 1 patient a month, 0.2 months of follow-up;
        # printed to one digit, which its search for the duration to 1e-4 may move by one
        (Arms(math.log(2) / 20, 0.5, 20.0), 30.0, 227.6, 88.7),
        (Arms(math.log(2) / 6, 0.6, 171.997), 172.197, 172.0, 160.7),
        (Arms(math.log(2) / 6, 0.6, 362.589, dropout_experimental=0.2), 362.789, 362.6, 223.3),
        (Arms(math.log(2) / 6, 0.6, 385.563, ratio=0.8, dropout_experimental=0.2), 385.763, 385.6, 253.2),
    ],
)
def test_lachin_and_foulkes_in_gsdesign(arms: Arms, total: float, patients: float, events: float) -> None:
    found = patients_for(lambda n: lachin_foulkes_power(arms, total, n, 0.025), 0.9)
    assert found == pytest.approx(patients, abs=0.1)
    assert float(expected_events(arms, found, total)) == pytest.approx(events, abs=0.1)


def test_the_month_of_an_event_in_lrstat() -> None:
    # lrstat, vignette direct_approximation_vs_schoenfeld: 40 events among 200 patients, 1.63 months after accrual
    arms = Arms(-math.log(0.6) / 12.0, math.log(0.8) / math.log(0.6), accrual=12.0)
    assert month_of_events(arms, 200.0, 40.0) == pytest.approx(13.63, abs=0.005)


def test_the_example_of_wu() -> None:
    # Wu (2015), sec. 4: Mayo Clinic PBC data, median 9 years, Weibull shape 1.22, 5 + 3 years; package logRank1s
    # computes 88 patients with a power of 0.803. Its second trial has 534, which we read as those of a power of 0.9.
    arm = Arm(math.log(2) ** (1 / 1.22) / 9.0, 1 / 1.75, 5.0, 8.0, shape=1.22)
    assert math.ceil(patients_for(lambda n: one_sample_power(arm, n, 0.05), 0.8)) == 88
    assert one_sample_power(arm, 88, 0.05) == pytest.approx(0.803, abs=0.0005)
    flat = Arm(math.log(2) ** 10, 1 / 1.2, 3.0, 4.0, shape=0.1)
    assert math.ceil(patients_for(lambda n: one_sample_power(flat, n, 0.05), 0.9)) == 534


hazards = st.floats(0.001, 0.5)
dropouts = st.one_of(st.just(0.0), st.floats(0.0, 0.2))
ratios = st.floats(0.3, 3.0)
effects = st.one_of(st.floats(0.3, 0.9), st.floats(1.1, 3.0))


@given(hazards, st.floats(0.1, 40.0), st.floats(0.1, 80.0), dropouts)
def test_event_probability_is_its_integral(hazard: float, accrual: float, total: float, dropout: float) -> None:
    def seen(entry: float) -> float:
        leaving = hazard + dropout
        return -math.expm1(-leaving * (total - entry)) * hazard / leaving / accrual

    expected = integrate.quad(seen, 0.0, min(accrual, total), epsabs=1e-13)[0]
    assert float(event_probability(hazard, accrual, total, dropout)) == pytest.approx(expected, rel=1e-9)


@given(hazards, st.floats(0.1, 40.0), dropouts)
def test_event_probability_without_accrual_and_in_its_limits(hazard: float, total: float, dropout: float) -> None:
    leaving = hazard + dropout
    at_once = -math.expm1(-leaving * total) * hazard / leaving
    assert float(event_probability(hazard, 0.0, total, dropout)) == pytest.approx(at_once, rel=1e-9)
    assert float(event_probability(hazard, 1e-9, total, dropout)) == pytest.approx(at_once, rel=1e-7)
    assert float(event_probability(hazard, 10.0, 0.0, dropout)) == 0.0
    assert float(event_probability(hazard, 10.0, 1e6, dropout)) == pytest.approx(hazard / leaving, rel=1e-9)


@given(hazards, ratios, ratios, st.floats(1.0, 40.0), dropouts, dropouts, st.floats(0.01, 0.95))
def test_the_month_of_events_is_when_they_are_expected(
    hazard: float, hazard_ratio: float, ratio: float, accrual: float, lost: float, lost_too: float, share: float
) -> None:
    arms = Arms(hazard, hazard_ratio, accrual, ratio, lost, lost_too)
    most = 300.0 * float(arms.shares @ (arms.hazards / (arms.hazards + arms.dropouts)))
    month = month_of_events(arms, 300.0, share * most)
    assert float(expected_events(arms, 300.0, month)) == pytest.approx(share * most, rel=1e-6)
    later = expected_events(arms, 300.0, month + np.arange(5.0))
    assert (np.diff(later) > 0.0).all()


@given(effects, ratios, st.floats(0.005, 0.1), st.floats(0.5, 0.95), st.sampled_from([1, 2]))
def test_powers_are_inverses_and_arms_can_be_swapped(
    hazard_ratio: float, ratio: float, alpha: float, power: float, sides: int
) -> None:
    events = schoenfeld_events(hazard_ratio, alpha, power, ratio, sides)
    assert schoenfeld_power(events, hazard_ratio, alpha, ratio, sides) == pytest.approx(power, abs=1e-10)
    assert schoenfeld_events(1.0 / hazard_ratio, alpha, power, 1.0 / ratio, sides) == pytest.approx(events)
    other = freedman_events(hazard_ratio, alpha, power, ratio, sides)
    assert freedman_power(other, hazard_ratio, alpha, ratio, sides) == pytest.approx(power, abs=1e-10)
    assert freedman_events(1.0 / hazard_ratio, alpha, power, 1.0 / ratio, sides) == pytest.approx(other)


@given(hazards, effects, ratios, dropouts, st.sampled_from(["log hazard ratio", "hazard difference"]))
def test_lachin_and_foulkes_with_swapped_arms(
    hazard: float, hazard_ratio: float, ratio: float, dropout: float, scale: str
) -> None:
    arms = Arms(hazard, hazard_ratio, 12.0, ratio, dropout, 0.01)
    swapped = Arms(hazard * hazard_ratio, 1.0 / hazard_ratio, 12.0, 1.0 / ratio, 0.01, dropout)
    for n in (20.0, 150.0, 900.0):
        power = lachin_foulkes_power(arms, 30.0, n, 0.025, scale=scale)
        assert lachin_foulkes_power(swapped, 30.0, n, 0.025, scale=scale) == pytest.approx(power, rel=1e-9)


@pytest.mark.parametrize("scale", ["log hazard ratio", "hazard difference"])
def test_small_effects_make_lachin_and_foulkes_and_freedman_agree_with_schoenfeld(scale: str) -> None:
    arms = Arms(0.03, 0.99, 12.0)
    events = schoenfeld_events(0.99, 0.025, 0.9)
    n = patients_for(lambda n: lachin_foulkes_power(arms, 36.0, n, 0.025, scale=scale), 0.9)
    assert float(expected_events(arms, n, 36.0)) == pytest.approx(events, rel=0.005)
    assert freedman_events(0.99, 0.025, 0.9) == pytest.approx(events, rel=0.005)


def simulated(arm: Arm, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Whether each of n patients has an event seen, and the reference cumulative hazard while under observation."""
    draws = np.random.default_rng(seed)
    months = (draws.exponential(size=n) / arm.hazard_ratio) ** (1.0 / arm.shape) / arm.hazard
    ends = arm.total - arm.accrual * draws.uniform(size=n)
    if arm.dropout > 0.0:
        ends = np.minimum(ends, draws.exponential(1.0 / arm.dropout, n))
    return months <= ends, (arm.hazard * np.minimum(months, ends)) ** arm.shape


ARMS = [Arm(0.05, 0.6, 18.0, 30.0), Arm(0.04, 1.5, 10.0, 10.0, 1.4, 0.03), Arm(0.1, 0.8, 0.0, 12.0, 0.7, 0.01)]


@pytest.mark.parametrize("arm", ARMS)
def test_moments_of_one_arm_in_simulated_patients(arm: Arm) -> None:
    n = 200_000
    has_event, reference = simulated(arm, n, seed=3)
    moments = one_sample_moments(arm)
    difference = has_event - reference
    squares = (difference - (moments.observed - moments.expected)) ** 2
    for values, expected in (
        (has_event.astype(float), moments.observed),
        (reference, moments.expected),
        (squares, moments.variance),
    ):
        assert abs(values.mean() - expected) < 4.0 * values.std() / math.sqrt(n)


@pytest.mark.parametrize("arm", ARMS)
def test_moments_of_one_arm_by_adaptive_integration(arm: Arm) -> None:
    def at_risk(month: float) -> float:
        observed: float = 1.0 if arm.accrual == 0.0 else min((arm.total - month) / arm.accrual, 1.0)
        return observed * math.exp(-arm.hazard_ratio * (arm.hazard * month) ** arm.shape - arm.dropout * month)

    def rate(month: float) -> float:
        return float(arm.shape * arm.hazard**arm.shape * month ** (arm.shape - 1.0))

    edge = [arm.total - arm.accrual] if 0.0 < arm.accrual < arm.total else None
    first = integrate.quad(lambda t: at_risk(t) * rate(t), 0.0, arm.total, points=edge, epsabs=1e-12)[0]
    second = integrate.quad(
        lambda t: at_risk(t) * rate(t) * (arm.hazard * t) ** arm.shape, 0.0, arm.total, points=edge, epsabs=1e-12
    )[0]
    moments = one_sample_moments(arm)
    r = arm.hazard_ratio
    assert moments.expected == pytest.approx(first, rel=1e-6)
    assert moments.observed == pytest.approx(r * first, rel=1e-6)
    variance = r * first + 2 * second - 2 * r * second - (r * first - first) ** 2  # E (O - E)^2 - (E (O - E))^2
    assert moments.variance == pytest.approx(variance, rel=1e-6)


@given(hazards, st.floats(0.3, 0.9), st.floats(0.0, 30.0), st.floats(1.0, 30.0), dropouts)
def test_one_exponential_arm_agrees_with_event_probability(
    hazard: float, hazard_ratio: float, accrual: float, follow_up: float, dropout: float
) -> None:
    arm = Arm(hazard, hazard_ratio, accrual, accrual + follow_up, dropout=dropout)
    seen = float(event_probability(hazard * hazard_ratio, accrual, arm.total, dropout))
    assert one_sample_moments(arm).observed == pytest.approx(seen, rel=1e-9)


def test_events_of_simulated_arms() -> None:
    arms = Arms(0.06, 0.7, 15.0, 2.0, 0.01, 0.02)
    n, month = 300_000, 22.0
    draws = np.random.default_rng(8)
    arm = (draws.uniform(size=n) < arms.shares[1]).astype(int)
    event = draws.exponential(1.0 / arms.hazards[arm])
    end = np.minimum(month - arms.accrual * draws.uniform(size=n), draws.exponential(1.0 / arms.dropouts[arm]))
    count = int((event <= end).sum())
    expected = float(expected_events(arms, 1.0, month))
    assert stats.binomtest(count, n, expected).pvalue > 2 * float(stats.norm.sf(4.0))


@pytest.mark.parametrize(
    "call",
    [
        lambda: schoenfeld_events(1.0, 0.025, 0.9),
        lambda: schoenfeld_events(-0.5, 0.025, 0.9),
        lambda: schoenfeld_events(0.5, 0.025, 0.02),
        lambda: freedman_events(0.5, 0.025, 0.9, ratio=0.0),
        lambda: freedman_events(0.5, 0.025, 0.9, sides=0),
        lambda: Arms(0.0, 0.5, 12.0),
        lambda: Arms(0.1, 0.5, -1.0),
        lambda: event_probability(0.1, 12.0, -1.0),
        lambda: lachin_foulkes_power(Arms(0.1, 1.0, 12.0), 24.0, 100.0, 0.025),
        lambda: lachin_foulkes_power(Arms(0.1, 0.5, 12.0), 24.0, 100.0, 0.025, scale="odds"),
        lambda: lachin_foulkes_power(Arms(0.1, 0.5, 12.0), 11.9, 100.0, 0.025),
        lambda: lachin_foulkes_power(Arms(0.1, 0.5, 12.0), 6.0, 100.0, 0.025, scale="hazard difference"),
        lambda: Arm(0.1, 0.5, 12.0, 6.0),
        lambda: one_sample_power(Arm(0.1, 1.0, 12.0, 24.0), 40.0, 0.05),
        lambda: one_sample_power(Arm(0.1, 0.5, 12.0, 24.0), 40.0, 0.05, variance="none"),
        lambda: one_sample_power(Arm(0.1, 0.5, 12.0, 24.0), 0.0, 0.05),
    ],
)
def test_wrong_requests_are_refused(call: object) -> None:
    assert callable(call)
    with pytest.raises(RequestError):
        call()


def test_a_trial_may_end_with_its_accrual_but_not_before() -> None:
    arms = Arms(0.1, 0.5, 12.0)
    assert lachin_foulkes_power(arms, 12.0, 100.0, 0.025) > 0.025
    with pytest.raises(RequestError, match="end of accrual") as refused:
        lachin_foulkes_power(arms, 12.0 - 1e-6, 100.0, 0.025)
    assert "12 months or more" in str(refused.value)


@pytest.mark.parametrize(
    ("n", "events", "hazard_ratio", "median", "accrual", "ratio", "dropout"),
    [(54, 27, 0.6, 12.0, 12.0, 1.0, 0.0), (120, 70, 0.7, 9.0, 18.0, 2.0, 0.01), (40, 30, 1.5, 6.0, 5.0, 1.0, 0.02)],
)
def test_the_follow_up_is_that_of_the_integrated_model(
    n: int, events: int, hazard_ratio: float, median: float, accrual: float, ratio: float, dropout: float
) -> None:
    """Events by the month that is given, by integrating over entry and over the time of the event."""
    arms = Arms(math.log(2.0) / median, hazard_ratio, accrual, ratio, dropout, dropout)
    month = month_of_events(arms, n, events)
    assert month > accrual
    expected, seen = 0.0, []
    for share, factor in ((1.0 / (1.0 + ratio), 1.0), (ratio / (1.0 + ratio), hazard_ratio)):
        hazard = factor * math.log(2.0) / median
        events_of_one, _ = integrate.dblquad(
            lambda t, entry, hazard=hazard: hazard * math.exp(-(hazard + dropout) * t) / accrual,
            0.0, accrual, 0.0, lambda entry: month - entry,
        )  # fmt: skip
        expected += n * share * events_of_one
        seen.append(n * share * events_of_one)
    assert expected == pytest.approx(events, abs=1e-6)
    assert lachin_foulkes_power(arms, month, n, 0.025) == pytest.approx(
        stats.norm.cdf(
            (abs(math.log(hazard_ratio)) - 1.959963984540054 * null_error(month, n, hazard_ratio, median, accrual,
             ratio, dropout)) / math.sqrt(1.0 / seen[0] + 1.0 / seen[1])
        ),
        abs=1e-7,
    )  # fmt: skip


def null_error(
    month: float, n: int, hazard_ratio: float, median: float, accrual: float, ratio: float, dropout: float
) -> float:
    """The standard error of the log hazard ratio if both arms had the mean hazard, by integration over entry."""
    hazard = math.log(2.0) / median * (1.0 + ratio * hazard_ratio) / (1.0 + ratio)
    leaving = hazard + dropout
    seen, _ = integrate.quad(
        lambda entry: hazard / leaving * (1.0 - math.exp(-leaving * (month - entry))) / accrual, 0.0, accrual
    )
    return math.sqrt(1.0 / (n * seen / (1.0 + ratio)) + 1.0 / (n * seen * ratio / (1.0 + ratio)))
