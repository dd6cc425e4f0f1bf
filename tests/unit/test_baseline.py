"""Quantiles and baseline values, against SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logit, ndtr, ndtri

from trialsim.errors import HazardError
from trialsim.model import baseline


def test_normal_quantile_agrees_with_scipy_everywhere() -> None:
    shares = [2.0**-53, 1e-15, 1e-9, 1e-4, 0.02, 0.0749, 0.0751, 0.3, 0.5, 0.6, 0.9249, 0.9251, 0.999, 1 - 2.0**-53]
    for share in [*shares, *np.linspace(0.001, 0.999, 997)]:
        assert baseline.standard_normal_quantile(share) == pytest.approx(ndtri(share), rel=2e-14, abs=1e-15)


@pytest.mark.parametrize(
    ("distribution", "location", "spread", "expected"),
    [
        (baseline.NORMAL, 60.0, 9.0, stats.norm(60, 9)),
        (baseline.LOGNORMAL, math.log(4.36), 0.6, stats.lognorm(0.6, scale=4.36)),
    ],
)
def test_continuous_values_are_the_quantiles_of_their_distribution(
    distribution: int, location: float, spread: float, expected: stats.rv_continuous
) -> None:
    for share in (0.01, 0.4, 0.5, 0.97):
        found = baseline.continuous_value(share, distribution, location, spread, 0.0, 1.0)
        assert found == pytest.approx(expected.ppf(share), rel=1e-12)


def test_a_logit_normal_value_lies_between_0_and_1_with_its_median() -> None:
    location = math.log(0.7 / 0.3)
    assert baseline.continuous_value(0.5, baseline.LOGIT_NORMAL, location, 1.0, 0.0, 1.0) == pytest.approx(0.7)
    for share in (1e-12, 1 - 1e-12):
        assert 0.0 < baseline.continuous_value(share, baseline.LOGIT_NORMAL, location, 1.0, 0.0, 1.0) < 1.0


def test_truncation_keeps_values_inside_the_bounds() -> None:
    low, high = stats.norm.cdf((18 - 60) / 9), stats.norm.cdf((75 - 60) / 9)
    shares = np.linspace(1e-9, 1 - 1e-9, 99)
    values = [baseline.continuous_value(u, baseline.NORMAL, 60.0, 9.0, low, high) for u in shares]
    truncated = stats.truncnorm((18 - 60) / 9, (75 - 60) / 9, loc=60, scale=9)
    assert values == pytest.approx(truncated.ppf(shares), rel=1e-12)
    assert 18.0 <= min(values) < max(values) <= 75.0


def test_categories_take_their_shares() -> None:
    cumulative = (0.25, 0.5, 1.0)
    assert [baseline.category_index(u, cumulative) for u in (0.0, 0.2499, 0.25, 0.4999, 0.5, 0.9999)] == [
        0,
        0,
        1,
        1,
        2,
        2,
    ]


def test_a_frailty_has_median_1() -> None:
    assert baseline.frailty_value(0.5, 0.8, 0.0) == pytest.approx(1.0)
    assert baseline.frailty_value(stats.norm.cdf(1.0), 0.8, 0.0) == pytest.approx(math.exp(0.8))


@pytest.mark.parametrize("p_sensitive", [1e-6, 0.3, 0.5, 0.999])
@pytest.mark.parametrize("log_odds_ratio", [-800.0, -3.0, -1e-9, 0.0, 0.7, 30.0, 800.0, math.inf])
def test_the_log_odds_of_being_sensitive_are_shifted(p_sensitive: float, log_odds_ratio: float) -> None:
    expected = expit(logit(p_sensitive) + log_odds_ratio)
    for uniform in (expected * (1.0 - 1e-9), expected * (1.0 + 1e-9)):
        if 2.0**-53 <= uniform < 1.0:
            found = baseline.is_sensitive(uniform, p_sensitive, log_odds_ratio, True)
            assert found == (uniform < expected)


def test_no_effect_makes_everybody_or_nobody_sensitive_where_nobody_or_everybody_is() -> None:
    for log_odds_ratio in (-math.inf, -1.0, 800.0):
        assert baseline.is_sensitive(1.0 - 2.0**-53, 1.0, log_odds_ratio, True)
        assert not baseline.is_sensitive(2.0**-53, 0.0, log_odds_ratio, True)
    with pytest.raises(HazardError, match="no odds of being sensitive"):
        baseline.is_sensitive(0.5, 0.5, math.nan, True)


def test_the_number_of_a_score_is_its_normal_probability_within_the_open_interval() -> None:
    for score in (-9.0, -3.0, 0.0, 0.4, 5.0):
        expected = max(float(ndtr(score)), 2.0**-53)
        assert baseline.uniform_of_score(score) == pytest.approx(expected, rel=1e-13)
    assert baseline.uniform_of_score(50.0) == 1.0 - 2.0**-53
    assert baseline.uniform_of_score(-50.0) == 2.0**-53
    for uniform in (2.0**-53, 0.01, 0.7, 1.0 - 2.0**-53):
        assert baseline.uniform_of_score(baseline.weighted_score(1.0, uniform)) == pytest.approx(uniform, rel=1e-13)


def test_an_infinite_hazard_ratio_or_baseline_value_is_refused() -> None:
    with pytest.raises(HazardError, match="infinite hazard"):
        baseline.finite_exp(1e6)
    with pytest.raises(HazardError, match="infinite hazard"):
        baseline.frailty_value(1 - 2.0**-53, 500.0, 0.0)
    with pytest.raises(HazardError, match="baseline value is infinite"):
        baseline.continuous_value(1 - 2.0**-53, baseline.LOGNORMAL, 0.0, 500.0, 0.0, 1.0)
    assert baseline.finite_exp(1.0) == math.e
