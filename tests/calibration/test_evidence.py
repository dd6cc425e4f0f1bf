"""The evidence by a bridge: densities whose integral is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.tolerances import N_STANDARD_ERRORS
from trialsim.calibration.joint.evidence import LogEvidence, log_evidence
from trialsim.typing import Floats

N_TIMES = 60
N_GROUPS = 4
CONSTANT = -123.0


@pytest.fixture(scope="module")
def found() -> list[LogEvidence]:
    """The evidence of a skew density in twelve dimensions that depend on each other, time after time."""
    random = np.random.default_rng(11)
    d = 12
    mixing = np.eye(d) + random.standard_normal((d, d)) / d
    inverse, log_volume = np.linalg.inv(mixing), float(np.linalg.slogdet(mixing)[1])

    def log_density(x: Floats) -> Floats:
        return np.asarray(stats.skewnorm.logpdf(x @ inverse.T, 2.0).sum(axis=1) - log_volume + CONSTANT)

    def once() -> LogEvidence:
        independent = stats.skewnorm.rvs(2.0, size=(N_GROUPS, 1000, d), random_state=random)
        return log_evidence(log_density, independent @ mixing.T, random)

    return [once() for _ in range(N_TIMES)]


def test_the_evidence_is_the_integral(found: list[LogEvidence]) -> None:
    values = np.array([item.value for item in found])
    error = values.std(ddof=1) / np.sqrt(N_TIMES)
    assert values.mean() == pytest.approx(CONSTANT, abs=N_STANDARD_ERRORS * error)


def test_its_standard_error_is_what_it_scatters_by(found: list[LogEvidence]) -> None:
    """A ratio of two variances, with N_TIMES - 1 and (N_GROUPS - 1) N_TIMES degrees of freedom."""
    degrees = (N_TIMES - 1, (N_GROUPS - 1) * N_TIMES)
    ratio = np.var([item.value for item in found], ddof=1) / np.mean([item.mcse**2 for item in found])
    tail = float(stats.norm.sf(N_STANDARD_ERRORS))
    assert stats.f.ppf(tail, *degrees) < ratio < stats.f.isf(tail, *degrees)


def test_weights_correct_it() -> None:
    weights = np.array([0.5, 1.5, 4.0])
    corrected = LogEvidence(-10.0, 0.3).corrected(np.log(weights), ess=2.0)
    assert corrected.value == pytest.approx(-10.0 + np.log(2.0), rel=1e-15)
    assert corrected.mcse == pytest.approx(np.hypot(0.3, np.sqrt(1 / 2 - 1 / 3)), rel=1e-15)
