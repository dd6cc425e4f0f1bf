"""The likelihood of published statistics, against textbooks and simulation."""

from __future__ import annotations

from typing import Final

import numpy as np
import pytest
from scipy import stats

from tests.tolerances import N_STANDARD_ERRORS
from trialsim.calibration.likelihood import log_likelihoods
from trialsim.calibration.order_statistics import p_median_below, p_median_below_given
from trialsim.calibration.targets import BelowCell, Categories, Median, Share, ShareCell, Term

N_SAMPLES = 200_000
MEDIAN_ERROR: Final = N_STANDARD_ERRORS * np.sqrt(0.25 / N_SAMPLES)  # of a probability, at most
# What the flat shape between the two values in the middle is off, from 2,000,000 samples: 0.0045 for 20 exponential
# values, 0.0015 for 14 and 6 values of two uniform distributions (standard error 0.0004).
FLAT_IN_EXPONENTIAL, FLAT_IN_MIXTURE = 0.005, 0.002

A, B = ShareCell("a", "n"), ShareCell("b", "n")
LOW, HIGH = BelowCell("x", "n", 1.0), BelowCell("x", "n", 2.0)


def test_a_share_is_binomial() -> None:
    p = np.array([[0.1], [0.3], [0.9]])
    found = log_likelihoods([Share(("a",), (A,), 11, 27)], [A], p)
    assert found[:, 0] == pytest.approx(stats.binom.logpmf(11, 27, p[:, 0]))


def test_categories_are_multinomial_with_the_rest_as_one_of_them() -> None:
    found = log_likelihoods([Categories(("a", "b"), (A, B), (5, 4), 20)], [A, B], np.array([[0.25, 0.2]]))
    assert found[0, 0] == pytest.approx(stats.multinomial.logpmf([5, 4, 11], 20, [0.25, 0.2, 0.55]))


def test_a_median_of_odd_size_lies_between_two_values_as_order_statistics_say() -> None:
    """The median of 27 has a beta distribution on the scale of the distribution function (David and Nagaraja)."""
    found = log_likelihoods([Median(("m",), (LOW, HIGH), 27)], [LOW, HIGH], np.array([[0.3, 0.7]]))
    assert np.exp(found[0, 0]) == pytest.approx(stats.beta(14, 14).cdf(0.7) - stats.beta(14, 14).cdf(0.3))


@pytest.mark.parametrize("n", [1, 2, 9, 20])
def test_a_median_lies_below_a_value_as_often_as_medians_of_samples_do(n: int) -> None:
    rng = np.random.default_rng(n)
    samples = rng.random((N_SAMPLES, n))
    for p in (0.3, 0.5, 0.6):
        simulated = float(np.mean(np.median(samples, axis=1) < p))
        assert float(p_median_below(n, np.array(p))) == pytest.approx(simulated, abs=MEDIAN_ERROR)


def test_for_an_even_size_the_shape_between_the_two_in_the_middle_hardly_matters() -> None:
    """The formula takes it as flat; in a skewed distribution it is not."""
    rng = np.random.default_rng(3)
    medians = np.median(rng.exponential(size=(N_SAMPLES, 20)), axis=1)
    for p in (0.3, 0.5, 0.6):
        simulated = float(np.mean(medians < stats.expon.ppf(p)))
        assert float(p_median_below(20, np.array(p))) == pytest.approx(
            simulated, abs=MEDIAN_ERROR + FLAT_IN_EXPONENTIAL
        )


def test_what_no_simulated_patient_does_is_unlikely_and_not_impossible() -> None:
    terms: list[Term] = [Share(("a",), (A,), 11, 27), Median(("m",), (LOW, HIGH), 27)]
    found = log_likelihoods(terms, [A, LOW, HIGH], np.array([[1e-5, 1e-5, 1e-5]]))
    assert np.all(np.isfinite(found))
    assert found[0, 0] < -90.0
    assert found[0, 1] < -15.0


def test_terms_take_their_cells_wherever_they_stand() -> None:
    term = [Categories(("a", "b"), (A, B), (5, 4), 20)]
    straight = log_likelihoods(term, [A, B], np.array([[0.25, 0.2]]))
    turned = log_likelihoods(term, [B, HIGH, A], np.array([[0.2, 0.9, 0.25]]))
    assert straight == pytest.approx(turned)


@pytest.mark.parametrize(("k", "m"), [(20, 7), (14, 6), (5, 0), (0, 8)])
def test_a_median_over_two_kinds_of_patients_is_that_of_mixed_samples(k: int, m: int) -> None:
    rng = np.random.default_rng(k)
    samples = np.concatenate([rng.random((N_SAMPLES, k)), 0.6 * rng.random((N_SAMPLES, m))], axis=1)
    for x in (0.35, 0.5):
        simulated = float(np.mean(np.median(samples, axis=1) < x))
        found = float(p_median_below_given(k, m, np.array(x), np.array(x / 0.6)))
        margin = 0.0 if (k + m) % 2 else FLAT_IN_MIXTURE
        assert found == pytest.approx(simulated, abs=MEDIAN_ERROR + margin)


def test_two_kinds_that_are_alike_are_one() -> None:
    p = np.array([0.1, 0.45, 0.8])
    assert p_median_below_given(20, 7, p, p) == pytest.approx(p_median_below(27, p))
    assert p_median_below_given(12, 8, p, p) == pytest.approx(p_median_below(20, p))
