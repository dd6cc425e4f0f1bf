"""What trials together say, on numbers whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialsim.comparison.effects import _probability, effects, rank_probabilities

N = 4000


def made_up(seed: int, sd_parameters: float, sd_sampling: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    true = 0.3 + sd_parameters * rng.standard_normal(N)
    return true + sd_sampling * rng.standard_normal(N), np.full(N, sd_sampling**2), np.arange(1, N + 1)


@pytest.mark.parametrize(("sd_parameters", "sd_sampling"), [(0.1, 0.02), (0.05, 0.1), (0.0, 0.1)])
@given(seed=st.integers(0, 2**32 - 1))
def test_parameters_and_sampling_are_told_apart(sd_parameters: float, sd_sampling: float, seed: int) -> None:
    found = effects(*made_up(seed, sd_parameters, sd_sampling))
    total = np.hypot(sd_parameters, sd_sampling)
    assert abs(found.mean - 0.3) < 5.0 * total / np.sqrt(N)
    assert found.mcse == pytest.approx(total / np.sqrt(N), rel=0.1)
    assert found.sampling == pytest.approx(sd_sampling)
    error_of_square = total**2 * np.sqrt(2.0 / N)
    assert abs(found.parameters**2 - sd_parameters**2) < 5.0 * error_of_square
    assert np.hypot(found.by_draw.std(ddof=1), found.open_by) == pytest.approx(
        np.hypot(found.parameters, found.mcse), abs=1e-12
    )


def test_the_share_of_draws_in_favour_is_free_of_the_noise_of_patients() -> None:
    """True effects are normal with mean 1 and sd 1, so Phi(1) of them are above 0, whatever the noise."""
    rng = np.random.default_rng(4)
    true = 1.0 + rng.standard_normal(20_000)
    noise = 2.0
    found = effects(true + noise * rng.standard_normal(20_000), np.full(20_000, noise**2), np.arange(1, 20_001))
    assert _probability(found, "higher")[0] == pytest.approx(0.8413, abs=0.02)
    assert np.quantile(found.scattered, [0.025, 0.975]) == pytest.approx([1.0 - 1.96, 1.0 + 1.96], abs=0.1)
    assert ((true + noise * rng.standard_normal(20_000)) > 0.0).mean() < 0.70  # what the plain share would say


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
    n, sure = 200, []
    for _ in range(200):
        up, down = (rng.binomial(n, discordant / 2.0, 400) for _ in range(2))
        values = (up - down) / n
        variances = ((up + down) / n - values**2) / (n - 1)
        found = effects(values, variances, np.arange(1, 401))
        probability = _probability(found, "higher")[0]
        sure.append(not 0.025 < probability < 0.975)
    assert np.mean(sure) < 0.1


def test_one_trial_that_differs_makes_nothing_sure() -> None:
    values, variances = np.zeros(1000), np.zeros(1000)
    values[7], variances[7] = 1.0 / 200, 1.0 / 200**2
    probability, _ = _probability(effects(values, variances, np.arange(1, 1001)), "higher")
    assert 0.7 < probability < 0.95


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
