"""The split of scatter into sampling variability and parameters, and errors that know of shared draws."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.tolerances import N_STANDARD_ERRORS, error_of_sd
from trialsim.analysis.estimate import mean_and_error, quantile_and_error
from trialsim.analysis.variance_components import error_of_sum, split_of

# How much smaller errors from 40 draws are than the scatter, as a share: 0.023 and 0.042, found in 4,000 repetitions
# (standard error 0.011), rounded up.
BIAS_OF_MEANS_ERROR, BIAS_OF_QUANTILES_ERROR = 0.03, 0.06
# The same for the two parts of the scatter with 400 draws (0.003 and 0.012 in 4,000 repetitions, standard error 0.011),
# and how much smaller the parts themselves are than the truth (0.0005 and 0.0012, standard error 0.0006).
BIAS_OF_PARTS_ERROR, BIAS_OF_PARTS = 0.03, 0.002


def nested(rng: np.random.Generator, n_draws: int, n: int, between: float, within: float) -> tuple[np.ndarray, ...]:
    """Values of trials whose draw of the parameters moves their mean."""
    groups = rng.integers(1, n_draws + 1, n)
    levels = rng.normal(0.0, between, n_draws + 1)
    return levels[groups] + rng.normal(0.0, within, n), groups


def test_both_parts_are_found_and_their_errors_are_how_much_they_scatter() -> None:
    rng = np.random.default_rng(11)
    found = [split_of(*nested(rng, 400, 2000, 0.6, 1.0)) for _ in range(400)]
    for part, truth in (("sampling", 1.0), ("parameters", 0.6)):
        values = np.array([getattr(item, part) for item in found])
        errors = np.array([getattr(item, f"{part}_mcse") for item in found])
        scatter = float(values.std())
        error_of_mean = scatter / math.sqrt(len(values))
        assert values.mean() == pytest.approx(truth, abs=N_STANDARD_ERRORS * error_of_mean + BIAS_OF_PARTS)
        error_of_scatter = N_STANDARD_ERRORS * error_of_sd(values)
        assert errors.mean() == pytest.approx(scatter, abs=error_of_scatter + BIAS_OF_PARTS_ERROR * scatter)


def test_variances_add_up_to_that_of_all_trials() -> None:
    rng = np.random.default_rng(12)
    values, groups = nested(rng, 50, 5000, 0.6, 1.0)
    found = split_of(values, groups)
    n = len(values)
    differs = (groups[:, None] != groups[None, :]).sum() / (n * (n - 1.0))
    total = values.var(ddof=1)  # two trials of one draw share its level, so pairs of different draws alone add it
    assert found.sampling**2 + found.parameters**2 * differs == pytest.approx(total)


def test_where_parameters_matter_nothing_their_part_is_small_against_its_error() -> None:
    rng = np.random.default_rng(13)
    found = [split_of(*nested(rng, 400, 2000, 0.0, 1.0)) for _ in range(200)]
    assert np.mean([item.parameters <= 3.0 * item.parameters_mcse for item in found]) > 0.9


def test_fixed_parameters_leave_sampling_alone() -> None:
    values = np.array([1.0, 2.0, 3.0, 6.0])
    found = split_of(values, None)
    assert found.sampling == pytest.approx(values.std(ddof=1))
    assert (found.parameters, found.parameters_mcse) == (0.0, 0.0)


def test_too_few_shared_draws_split_nothing() -> None:
    assert math.isnan(split_of(np.arange(10.0), np.arange(1, 11)).parameters)


def test_the_error_of_a_mean_knows_that_trials_share_draws() -> None:
    rng = np.random.default_rng(14)
    means, errors = [], []
    for _ in range(600):
        values, groups = nested(rng, 40, 2000, 0.5, 1.0)
        mean, error = mean_and_error(values, groups)
        means.append(mean)
        errors.append(error)
    scatter = float(np.std(means))
    assert np.mean(errors) == pytest.approx(
        scatter, rel=N_STANDARD_ERRORS / math.sqrt(2 * len(means)) + BIAS_OF_MEANS_ERROR
    )
    assert scatter > 3.0 * math.sqrt(1.25 / 2000)  # what independent trials would have


def test_the_error_of_a_quantile_knows_it_too() -> None:
    rng = np.random.default_rng(15)
    points, errors = [], []
    for _ in range(400):
        values, groups = nested(rng, 40, 2000, 0.5, 1.0)
        point, error = quantile_and_error(np.sort(values), 0.9, values, groups)
        points.append(point)
        errors.append(error)
    error_of_scatter = N_STANDARD_ERRORS / math.sqrt(2 * len(points))
    assert np.mean(errors) == pytest.approx(float(np.std(points)), rel=error_of_scatter + BIAS_OF_QUANTILES_ERROR)


def test_groups_of_one_are_independent_trials() -> None:
    values = np.random.default_rng(16).normal(size=100)
    values -= values.mean()
    assert error_of_sum(values, np.arange(1, 101)) == pytest.approx(error_of_sum(values, None))
