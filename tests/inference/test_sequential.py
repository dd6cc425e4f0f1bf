"""Inference after looks at a normal statistic: without looks it is the usual one, with them it covers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from tests.tolerances import N_STANDARD_ERRORS
from trialsim.design.theory.sequential import crossing_probabilities, efficacy_bounds
from trialsim.design.theory.spending import ObrienFleming, Pocock
from trialsim.errors import RequestError
from trialsim.inference.sequential import infer_sequential

TIMES = np.array([0.5, 1.0])
N = 1500


def test_one_look_is_the_usual_interval() -> None:
    found = infer_sequential([25.0], [], 0, 2.3, confidence=0.9)
    half = norm.isf(0.05) / 5.0
    assert [found.lower, found.median_unbiased, found.upper] == pytest.approx([0.46 - half, 0.46, 0.46 + half])
    assert found.p_value == pytest.approx(norm.sf(2.3))


def test_a_p_value_at_a_bound_is_the_alpha_that_was_spent() -> None:
    times = [0.4, 0.7, 1.0]
    for spending in (ObrienFleming(), Pocock()):
        upper = efficacy_bounds(times, 0.025, spending)
        spent = np.cumsum(crossing_probabilities(times, upper)[0])
        bounds = upper.tolist()
        found = [infer_sequential(times, bounds, look, bounds[look]).p_value for look in range(3)]
        assert found == pytest.approx(spent.tolist(), rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("theta", [0.0, 0.25])
@pytest.mark.parametrize("lower", [None, (0.3,)])
def test_it_covers_and_its_estimate_is_the_median(theta: float, lower: tuple[float, ...] | None) -> None:
    """Binding futility is counted on; trials that stopped for it are in."""
    information, upper = 80.0 * TIMES, efficacy_bounds(TIMES, 0.025, Pocock())
    rng = np.random.default_rng(3)
    steps = np.diff(information, prepend=0.0)
    scores = np.cumsum(rng.normal(theta * steps, np.sqrt(steps), (N, 2)), axis=1)
    z = scores / np.sqrt(information)
    stops = (z[:, 0] >= upper[0]) | ((z[:, 0] < lower[0]) if lower is not None else False)
    cached: dict[tuple[int, float], tuple[float, float, float]] = {}
    found = []
    for stop, pair in zip(stops, z, strict=True):
        look = 0 if stop else 1
        key = look, round(float(pair[look]), 2)  # a hundredth is nothing beside the sampling error
        if key not in cached:
            one = infer_sequential(information.tolist(), upper.tolist(), *key, lower=lower, confidence=0.8)
            cached[key] = one.lower, one.median_unbiased, one.upper
        found.append(cached[key])
    low, median, high = np.array(found).T
    error = np.sqrt(0.8 * 0.2 / N)
    assert np.mean((low <= theta) & (theta <= high)) == pytest.approx(0.8, abs=N_STANDARD_ERRORS * error)
    assert np.mean(median < theta) == pytest.approx(0.5, abs=N_STANDARD_ERRORS * np.sqrt(0.25 / N))


def test_what_cannot_be_is_refused() -> None:
    wrong: tuple[tuple[list[float], list[float], int, float, float], ...] = (
        ([2.0, 1.0], [2.5], 1, 1.0, 0.9),
        ([1.0], [2.5], 1, 1.0, 0.9),
        ([1.0], [], 0, float("nan"), 0.9),
        ([1.0], [], 0, 1.0, 1.0),
    )
    for information, upper, look, z, confidence in wrong:
        with pytest.raises(RequestError, match="Allowed"):
            infer_sequential(information, upper, look, z, confidence=confidence)
