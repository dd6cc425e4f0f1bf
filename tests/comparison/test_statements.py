"""What trials together say, on numbers whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from tests.tolerances import N_STANDARD_ERRORS
from trialsim.comparison.effects import _probability, effects, rank_probabilities

N = 4000
# How much too near limits at 1.96 are where four fifths of the variance is a normal distribution in 25 numbers: 0.0458,
# by the distribution function of the mixture.
NORMAL_IN_25_NUMBERS = 0.046


def made_up(seed: int, sd_parameters: float, sd_sampling: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    true = 0.3 + sd_parameters * rng.standard_normal(N)
    return true + sd_sampling * rng.standard_normal(N), np.full(N, sd_sampling**2), np.arange(1, N + 1)


@pytest.mark.parametrize(("sd_parameters", "sd_sampling"), [(0.1, 0.02), (0.05, 0.1), (0.0, 0.1)])
@pytest.mark.parametrize("seed", range(10))
def test_parameters_and_sampling_are_told_apart(sd_parameters: float, sd_sampling: float, seed: int) -> None:
    found = effects(*made_up(seed, sd_parameters, sd_sampling))
    total = np.hypot(sd_parameters, sd_sampling)
    assert abs(found.mean - 0.3) < N_STANDARD_ERRORS * total / np.sqrt(N)
    assert found.mcse == pytest.approx(total / np.sqrt(N), rel=N_STANDARD_ERRORS / np.sqrt(2.0 * N))
    assert found.sampling == pytest.approx(sd_sampling)
    error_of_square = total**2 * np.sqrt(2.0 / N)
    assert abs(found.parameters**2 - sd_parameters**2) < N_STANDARD_ERRORS * error_of_square


@pytest.mark.parametrize(("sd_parameters", "sd_sampling"), [(0.1, 0.02), (0.05, 0.1), (0.0, 0.1)])
@given(seed=st.integers(0, 2**32 - 1))
def test_effects_by_draw_are_as_wide_as_the_parameters(sd_parameters: float, sd_sampling: float, seed: int) -> None:
    found = effects(*made_up(seed, sd_parameters, sd_sampling))
    assert np.hypot(found.by_draw.std(ddof=1), found.open_by) == pytest.approx(
        np.hypot(found.parameters, found.mcse), abs=1e-12
    )


def test_the_share_of_draws_in_favour_is_free_of_the_noise_of_patients() -> None:
    """True effects are normal with mean 1 and sd 1, so Phi(1) of them are above 0, whatever the noise."""
    rng, n, noise = np.random.default_rng(4), 200_000, 2.0
    true = 1.0 + rng.standard_normal(n)
    found = effects(true + noise * rng.standard_normal(n), np.full(n, noise**2), np.arange(1, n + 1))
    error = np.sqrt(1.0 + noise**2) / np.sqrt(n)  # of the mean
    error_of_sd = (1.0 + noise**2) * np.sqrt(2.0 / n) / 2.0  # of a variance of 1 from which the noise is taken off
    error_of_z = N_STANDARD_ERRORS * np.hypot(error, error_of_sd)
    assert _probability(found, "higher")[0] == pytest.approx(norm.cdf(1.0), abs=norm.pdf(1.0) * error_of_z)
    z = norm.isf(0.025)
    error_of_limit = N_STANDARD_ERRORS * np.hypot(error, z * error_of_sd)
    limits = np.quantile(found.scattered, [0.025, 0.975])
    assert limits == pytest.approx([1.0 - z, 1.0 + z], abs=error_of_limit + NORMAL_IN_25_NUMBERS)
    plain = float((true + noise * rng.standard_normal(n) > 0.0).mean())
    assert plain == pytest.approx(norm.cdf(1.0 / np.sqrt(5.0)), abs=N_STANDARD_ERRORS * 0.5 / np.sqrt(n))  # 0.67


def test_trials_with_the_same_draw_are_one_draw() -> None:
    values, draws = np.array([1.0, 3.0, 5.0, 7.0]), np.array([1, 1, 2, 2])
    found = effects(values, np.zeros(4), draws)
    assert found.mcse == pytest.approx(2.0)
    assert found.by_draw.tolist() == pytest.approx([2.0, 6.0])
    assert found.open_by == pytest.approx(2.0)


def test_the_noise_of_the_means_of_draws_is_taken_off_by_hand() -> None:
    """Two trials a draw: means 0, 3, 6, whose variances 1, 0 and 2 are those of single trials (2, 0, 4) by two."""
    values, draws = np.array([-1.0, 1.0, 2.0, 4.0, 5.0, 7.0]), np.array([1, 1, 2, 2, 3, 3])
    found = effects(values, np.array([2.0, 2.0, 0.0, 0.0, 4.0, 4.0]), draws)
    assert found.parameters == pytest.approx(np.sqrt(9.0 - 1.0))
    error = np.std([9.0 - 1.0, 0.0 - 0.0, 9.0 - 2.0], ddof=1) / np.sqrt(3.0)
    assert found.parameters_mcse == pytest.approx((np.sqrt(8.0 + error) - np.sqrt(8.0 - error)) / 2.0)


@pytest.mark.parametrize("discordant", [0.5, 1e-2, 1e-4])
def test_noise_is_hardly_ever_called_surely_better(discordant: float) -> None:
    """No effect at all, in patients of whom few or many fare otherwise under the two strategies."""
    rng = np.random.default_rng(8)
    n, n_repeats, nominal, sure = 200, 400, 0.05, []
    for _ in range(n_repeats):
        up, down = (rng.binomial(n, discordant / 2.0, 400) for _ in range(2))
        values = (up - down) / n
        variances = ((up + down) / n - values**2) / (n - 1)
        found = effects(values, variances, np.arange(1, 401))
        probability = _probability(found, "higher")[0]
        sure.append(not 0.025 < probability < 0.975)
    assert np.mean(sure) < nominal + N_STANDARD_ERRORS * np.sqrt(nominal * (1.0 - nominal) / n_repeats)


def test_one_trial_that_differs_makes_nothing_sure() -> None:
    values, variances = np.zeros(1000), np.zeros(1000)
    values[7], variances[7] = 1.0 / 200, 1.0 / 200**2
    probability, _ = _probability(effects(values, variances, np.arange(1, 1001)), "higher")
    # All scatter is of patients, so the mean is all that is known: it is one Monte Carlo standard error above 0.
    assert probability == pytest.approx(norm.cdf(1.0), abs=1e-9)


def test_where_nothing_varies_all_scatter_is_of_patients() -> None:
    found = effects(np.array([0.2, 0.4]), np.array([0.01, 0.01]), np.zeros(2, np.int64))
    assert found.parameters == 0.0
    assert len(found.by_draw) == 0


def test_missing_trials_are_left_out_and_counted() -> None:
    found = effects(np.array([0.2, np.nan, 0.4]), np.zeros(3), np.arange(1, 4))
    assert found.n_defined == 2
    assert found.mean == pytest.approx(0.3)
    assert effects(np.array([np.nan]), np.zeros(1), np.ones(1, np.int64)).n_defined == 0


def test_ranks_are_shared_by_equals() -> None:
    scores = np.array([[3.0, 1.0], [1.0, 1.0], [1.0, 2.0]])
    assert rank_probabilities(scores).tolist() == [[0.5, 0.25, 0.25], [0.0, 0.5, 0.5], [0.5, 0.25, 0.25]]


@given(st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_rank_probabilities_add_up_both_ways(n: int, seed: int) -> None:
    shares = rank_probabilities(np.random.default_rng(seed).integers(0, 4, (n, 50)).astype(float))
    assert shares.sum(axis=0) == pytest.approx(np.ones(n))
    assert shares.sum(axis=1) == pytest.approx(np.ones(n))
