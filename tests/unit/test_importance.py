"""Draws that are weighted for several densities at once, against normal densities whose moments are known."""

from __future__ import annotations

import numpy as np
import pytest

from trialsim.calibration.importance import FEWEST_EFFECTIVE, LARGEST_K, ImportanceSample
from trialsim.typing import Floats

N_PARAMETERS = 8
N_STANDARD_ERRORS = 4.0
MEANS = np.stack([np.full(N_PARAMETERS, 0.3), np.linspace(-1.5, 1.5, N_PARAMETERS)])
FACTORS = np.stack([np.eye(N_PARAMETERS) * 0.8, np.tril(np.full((N_PARAMETERS, N_PARAMETERS), 0.25))])


def two_normals(scores: Floats) -> Floats:
    """A wide density, near the prior, and a narrow one away from it, whose parameters depend on each other."""
    scaled = [np.linalg.solve(factor, (scores - mean).T) for mean, factor in zip(MEANS, FACTORS, strict=True)]
    return np.stack([-0.5 * (item**2).sum(axis=0) for item in scaled], axis=1)


@pytest.fixture(scope="module")
def sample() -> ImportanceSample:
    sample = ImportanceSample(N_PARAMETERS, seed=11)
    sample.grow(two_normals, (), lambda: None)
    return sample


@pytest.mark.parametrize("which", [0, 1])
def test_weighted_draws_have_the_moments_of_each_density(sample: ImportanceSample, which: int) -> None:
    weighted = sample.weighted
    assert weighted.is_enough(which)
    assert weighted.ess(which) >= FEWEST_EFFECTIVE
    assert weighted.pareto_k(which) <= LARGEST_K
    draws = weighted.resampled(which, 20_000)
    sd = np.sqrt((FACTORS[which] ** 2).sum(axis=1))
    assert draws.mean(axis=0) == pytest.approx(MEANS[which], abs=N_STANDARD_ERRORS * sd.max() / FEWEST_EFFECTIVE**0.5)
    assert draws.std(axis=0) == pytest.approx(sd, rel=N_STANDARD_ERRORS / (2.0 * FEWEST_EFFECTIVE) ** 0.5)


def test_an_interrupted_sampling_goes_on_as_if_it_had_not_been(sample: ImportanceSample) -> None:
    assert len(sample.log_densities) > 1
    rounds = []
    again = ImportanceSample(N_PARAMETERS, seed=11)
    again.grow(two_normals, sample.log_densities[:1], lambda: rounds.append(len(again.scores)))
    assert rounds == list(range(2, len(sample.scores) + 1))  # the first is not made again
    assert np.array_equal(again.weighted.log_weights, sample.weighted.log_weights)


def test_a_density_that_no_draw_reaches_is_left_without_draws() -> None:
    sample = ImportanceSample(N_PARAMETERS, seed=11)
    sample.grow(lambda scores: np.full((len(scores), 1), -np.inf), (), lambda: None)
    assert len(sample.scores) == 1
    assert sample.weighted.ess(0) == 0.0
    assert not sample.weighted.is_enough(0)


def test_a_density_of_few_draws_is_flattened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights so uneven that no proposal can be fitted to them are evened out until it can."""
    monkeypatch.setattr("trialsim.calibration.importance.MOST_ROUNDS", 1)
    sample = ImportanceSample(N_PARAMETERS, seed=11)
    sample.grow(two_normals, (), lambda: None)
    weighted = sample.weighted
    assert weighted.ess(1) < 40.0
    flattened = weighted.flattened(1, 40.0)
    assert 1.0 / np.sum(flattened**2) == pytest.approx(40.0)
    order = np.argsort(weighted.log_weights[:, 1])
    assert (np.diff(flattened[order]) >= 0.0).all()
