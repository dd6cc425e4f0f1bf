"""Quantiles and baseline values, against SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtri

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
    values = [
        baseline.continuous_value(u, baseline.NORMAL, 60.0, 9.0, low, high) for u in np.linspace(1e-9, 1 - 1e-9, 99)
    ]
    assert min(values) == pytest.approx(18.0, abs=0.1)
    assert max(values) == pytest.approx(75.0, abs=1e-6)


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


def test_an_infinite_hazard_ratio_or_baseline_value_is_refused() -> None:
    with pytest.raises(HazardError, match="infinite hazard"):
        baseline.finite_exp(1e6)
    with pytest.raises(HazardError, match="infinite hazard"):
        baseline.frailty_value(1 - 2.0**-53, 500.0, 0.0)
    with pytest.raises(HazardError, match="baseline value is infinite"):
        baseline.continuous_value(1 - 2.0**-53, baseline.LOGNORMAL, 0.0, 500.0, 0.0, 1.0)
    assert baseline.finite_exp(1.0) == math.e
