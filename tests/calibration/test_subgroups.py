"""An effect of a baseline value that published subgroups tell of, against two binomials and a quadrature over ages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logit

from tests.tolerances import N_STANDARD_ERRORS
from trialsim.calibration.model import Calibration, calibration_of
from trialsim.config import load_published_trial
from trialsim.typing import Floats

COHORT = Path(__file__).parent / "subgroups" / "cohort.yaml"
TRIALS, PATIENTS = 150, 80
PUBLISHED = ((20, 50), (5, 30))
AGES = stats.truncnorm((18.0 - 62.0) / 10.0, np.inf, 62.0, 10.0)


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return calibration_of(load_published_trial(COHORT), replicates=TRIALS)


def responders(sensitive: float, odds_ratio: float) -> tuple[float, float]:
    """The probability of a response up to 65 years and beyond, by quadrature over ages."""
    q = (np.arange(4000) + 0.5) / 4000
    border = AGES.cdf(65.0)
    ages = AGES.ppf(border * q), AGES.ppf(border + (1.0 - border) * q)
    young, old = (expit(logit(sensitive) + np.log(odds_ratio) * (age - 62.0) / 10.0).mean() for age in ages)
    return float(young), float(old)


def log_likelihood(sensitive: float, odds_ratio: float) -> float:
    """Two binomials."""
    p = responders(sensitive, odds_ratio)
    return float(sum(stats.binom(n, share).logpmf(x) for (x, n), share in zip(PUBLISHED, p, strict=True)))


def scores_of(calibration: Calibration, points: list[tuple[float, float]]) -> Floats:
    assert calibration.names == ("sensitive", "sensitive age odds ratio")
    return calibration.prior.scores(np.array(points))


def test_the_likelihood_of_subgroups_is_that_of_two_binomials(calibration: Calibration) -> None:
    points = [(0.3, 0.5), (0.4, 1.0), (0.35, 1.6)]
    found = calibration.log_likelihoods(scores_of(calibration, points), 1)
    for row, point in zip(found, points, strict=True):
        expected = log_likelihood(*point)
        p, share_of_young = responders(*point), AGES.cdf(65.0)
        numbers = TRIALS * PATIENTS * np.array([share_of_young, 1.0 - share_of_young])
        # the slope of a binomial log-likelihood in p, times the standard error of the simulated share
        errors = [
            abs(x / share - (n - x) / (1.0 - share)) * np.sqrt(share * (1.0 - share) / number)
            for (x, n), share, number in zip(PUBLISHED, p, numbers, strict=True)
        ]
        assert row.sum() == pytest.approx(expected, abs=N_STANDARD_ERRORS * float(np.hypot(*errors)) + 0.01)


def test_subgroups_tell_the_effect_of_age(calibration: Calibration) -> None:
    """On a grid of scores: its posterior median by simulation is that by quadrature, and it is below 1 as published."""
    axis = np.linspace(-2.5, 1.5, 9)
    z = np.stack(np.meshgrid(np.linspace(-1.0, 0.8, 7), axis, indexing="ij"), axis=-1).reshape(-1, 2)
    prior = stats.norm.logpdf(z).sum(axis=1)
    simulated = calibration.log_likelihoods(z, 2).sum(axis=1)
    exact = np.array([log_likelihood(*map(float, row)) for row in calibration.prior.values(z)])
    means = []
    for values in (simulated, exact):
        weights = np.exp(values + prior - (values + prior).max())
        means.append(float(weights @ z[:, 1] / weights.sum()))
    assert means[0] == pytest.approx(means[1], abs=0.1)
    assert means[1] < -0.3
