"""Estimates and their errors, against formulas and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tests.tolerances import N_STANDARD_ERRORS, error_of_sd
from trialsim.analysis.estimate import (
    is_inside,
    mean_and_error,
    percentile_and_error,
    quantile_and_error,
    ratio_and_error,
)

# How much too small the linearised error of a ratio is with 50 trials, and that of a quantile near the end of 1,000
# values: 0.012 in 20,000 repetitions (standard error 0.005) and 0.082 in 10,000 (0.007), rounded up.
BIAS_OF_RATIOS_ERROR, BIAS_OF_QUANTILES_ERROR = 0.02, 0.1


def test_the_error_of_a_mean_is_sd_over_root_n() -> None:
    value, error = mean_and_error(np.array([1.0, 2.0, 3.0, 6.0]))
    assert value == 3.0
    assert error == pytest.approx(math.sqrt(14 / 3) / 2)


def test_one_replicate_has_no_error() -> None:
    assert math.isnan(mean_and_error(np.array([1.0]))[1])
    assert math.isnan(ratio_and_error(np.array([1.0]), np.array([2.0]))[1])


def test_a_ratio_of_totals_with_constant_denominators_is_a_mean() -> None:
    counts = np.array([3.0, 5.0, 4.0, 8.0])
    ratio, error = ratio_and_error(counts, np.full(4, 20.0))
    mean, mean_error = mean_and_error(counts / 20.0)
    assert ratio == pytest.approx(mean)
    assert error == pytest.approx(mean_error)


def test_the_error_of_a_ratio_is_how_much_it_scatters() -> None:
    rng = np.random.default_rng(4)
    ratios, errors = [], []
    for _ in range(2000):
        denominators = rng.integers(5, 20, 50).astype(float)
        numerators = rng.binomial(denominators.astype(int), 0.3).astype(float)
        ratio, error = ratio_and_error(numerators, denominators)
        ratios.append(ratio)
        errors.append(error)
    scatter = float(np.std(ratios))
    error_of_scatter = N_STANDARD_ERRORS * error_of_sd(np.array(ratios))
    assert np.mean(errors) == pytest.approx(scatter, abs=error_of_scatter + BIAS_OF_RATIOS_ERROR * scatter)


def test_quantiles_are_attained_values_and_their_errors_are_how_much_they_scatter() -> None:
    rng = np.random.default_rng(5)
    found = [quantile_and_error(np.sort(rng.normal(size=1000)), 0.975) for _ in range(2000)]
    values, errors = np.array(found).T
    exact = math.sqrt(0.025 * 0.975 / 1000) / stats.norm.pdf(stats.norm.ppf(0.975))
    assert np.std(values) == pytest.approx(exact, abs=N_STANDARD_ERRORS * error_of_sd(values))
    of_mean = N_STANDARD_ERRORS * float(np.std(errors)) / math.sqrt(len(errors))
    assert np.mean(errors) == pytest.approx(exact, abs=of_mean + BIAS_OF_QUANTILES_ERROR * exact)
    assert quantile_and_error(np.array([1.0, 2.0, 3.0]), 0.5)[0] == 2.0


def test_percentile_counts_ties_half_and_rounds_as_printed() -> None:
    counts = np.array([0.1, 0.2, 0.2, 0.4])
    assert percentile_and_error(counts, 0.2, 0.0)[0] == pytest.approx((1 + 0.5 * 2) / 4)
    medians = np.array([340.0, 350.0, 449.9, 450.0])
    assert percentile_and_error(medians, 400.0, 100.0)[0] == pytest.approx((1 + 0.5 * 2) / 4)
    assert math.isnan(percentile_and_error(counts, math.nan, 0.0)[0])


@pytest.mark.parametrize(
    ("published", "rounded_to", "is_in"),
    [(2.0, 0.0, True), (4.0, 0.0, True), (1.5, 1.0, True), (4.5, 1.0, True), (1.25, 1.0, False), (4.75, 1.0, False)],
)
def test_an_interval_holds_its_ends_and_what_rounds_to_them(published: float, rounded_to: float, is_in: bool) -> None:
    assert is_inside(published, rounded_to, 2.0, 4.0) is is_in
