"""The search for n: what it finds lies where the truth is, and its interval says what it does not know."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, norm

import trialsim as ts
from trialsim.design.search import Evaluate, PowerEstimates, SearchResult, estimate_power, multiples, search

SIZES = 400


def smooth(seed: int, effect: float = 0.17) -> tuple[Evaluate, np.ndarray]:
    """Trials of a z test: power by n, on the same noise for every n; and the true power."""
    n = np.arange(SIZES + 1)
    truth = np.asarray(norm.sf(norm.isf(0.05) - effect * np.sqrt(n)))

    def evaluate(sizes: list[int], first: int, count: int) -> PowerEstimates:
        steps = np.random.default_rng((seed, first)).normal(effect, 1.0, (count, SIZES)).cumsum(axis=1)
        chosen = np.array(sizes)
        return estimate_power((steps[:, chosen - 1] / np.sqrt(chosen) > norm.isf(0.05)).astype(np.float64), None)

    return evaluate, truth


def saw_tooth(seed: int) -> tuple[Evaluate, np.ndarray]:
    """Trials of an exact binomial test of 0.2 against 0.35: power by n is a saw-tooth."""
    n = np.arange(1, SIZES + 1)
    r = np.asarray(binom.ppf(0.95, n, 0.2))
    truth = np.concatenate([[0.0], binom.sf(r, n, 0.35)])

    def evaluate(sizes: list[int], first: int, count: int) -> PowerEstimates:
        x = (np.random.default_rng((seed, first)).random((count, SIZES)) < 0.35).cumsum(axis=1)
        chosen = np.array(sizes)
        return estimate_power((x[:, chosen - 1] > r[chosen - 1]).astype(np.float64), None)

    return evaluate, truth


def width(found: SearchResult) -> int:
    assert found.lower is not None
    assert found.upper is not None
    return found.upper - found.lower


def from_where(truth: np.ndarray, target: float) -> int:
    """The smallest n from which the truth stays at the target."""
    return int(np.flatnonzero(truth[: SIZES + 1] < target)[-1]) + 1


@pytest.mark.slow
@pytest.mark.parametrize("make", [smooth, saw_tooth])
def test_the_interval_holds_the_truth_in_19_of_20_searches(make: object) -> None:
    n_searches, covered, wide = 60, 0, []
    for seed in range(n_searches):
        evaluate, truth = make(seed)  # type: ignore[operator]
        found = search(evaluate, 0.8, multiples(5, SIZES, 1), 4000)
        right = from_where(truth, 0.8)
        assert found.lower is not None
        assert found.upper is not None
        assert found.n is not None
        assert found.lower <= found.n <= found.upper
        covered += found.lower <= right <= found.upper
        wide.append(width(found))
    assert covered >= binom.ppf(1e-4, n_searches, 0.95)
    assert np.mean(wide) < 40


@pytest.mark.parametrize("seed", range(6))
def test_no_size_of_a_saw_tooth_is_left_out_of_the_interval(seed: int) -> None:
    """A size that falls short between two that do not would be missed if it were not looked at."""
    sizes = multiples(5, SIZES, 1)
    found = search(saw_tooth(seed)[0], 0.8, sizes, 300)
    assert found.lower is not None
    assert found.upper is not None
    inside = sizes[(sizes >= found.lower) & (sizes <= 2 * found.upper - found.lower)]
    assert np.isin(inside, found.curve["n"]).all()


def test_more_trials_narrow_the_interval() -> None:
    few, many = (search(smooth(1)[0], 0.8, multiples(5, SIZES, 1), trials) for trials in (1000, 16_000))
    assert width(many) < width(few)


def test_a_target_that_no_size_reaches_is_said() -> None:
    found = search(smooth(1, effect=0.02)[0], 0.9, multiples(5, SIZES, 1), 2000)
    assert found.n is None
    assert found.best < 0.9


def test_sizes_are_multiples_of_the_step() -> None:
    found = search(smooth(2)[0], 0.8, multiples(5, SIZES, 4), 2000)
    assert (found.curve["n"] % 4 == 0).all()
    assert found.n is not None
    assert found.n % 4 == 0


def test_a_range_without_a_size_is_refused() -> None:
    with pytest.raises(ts.RequestError, match="no size from 30"):
        multiples(30, 20, 1)


def test_trials_that_share_a_draw_are_worth_fewer() -> None:
    rng = np.random.default_rng(1)
    draws = np.repeat(np.arange(40), 50)
    power = rng.beta(1.0, 1.0, 40)[draws]
    rejects = (rng.random(2000) < power)[:, None].astype(np.float64)
    assert estimate_power(rejects, None).effective[0] == 2000
    assert estimate_power(rejects, draws).effective[0] < 400
