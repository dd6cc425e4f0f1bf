"""The median of an even number of patients on a ladder of doses, against closed forms and simulated samples."""

from __future__ import annotations

from typing import Final

import numpy as np
import pytest

from tests.tolerances import CDF_SUMS, N_STANDARD_ERRORS
from trialsim.calibration.likelihood import log_likelihoods
from trialsim.calibration.targets import BelowCell, LadderMedian
from trialsim.typing import Floats

RUNGS: Final = (100.0, 300.0, 500.0, 700.0, 800.0)
SHARES: Final = (0.3, 0.15, 0.05, 0.2, 0.3)
OTHER_SHARES: Final = (0.7, 0.0, 0.2, 0.1, 0.0)
MEDIANS: Final = sorted({(a + b) / 2.0 for a in RUNGS for b in RUNGS})
N_SAMPLES: Final = 100_000


def median(low: float, high: float, n: int, n_evaluable: int | None = None) -> LadderMedian:
    groups = ("n",) if n_evaluable is None else ("evaluable", "others")
    cells = tuple(BelowCell("highest_dose", group, rung) for group in groups for rung in RUNGS[1:])
    return LadderMedian(("dose",), cells, RUNGS, low, high, n, n_evaluable)


def probability(term: LadderMedian, *shares: tuple[float, ...]) -> float:
    below = np.concatenate([np.cumsum(item)[:-1] for item in shares])
    return float(np.exp(log_likelihoods([term], term.cells, below)[0]))


def check(found: float, medians: Floats, low: float, high: float) -> None:
    """The share of samples that would print the median, within 4 standard errors of the probability that is claimed."""
    error = np.sqrt(max(found * (1.0 - found), 1.0 / N_SAMPLES) / N_SAMPLES)
    assert np.mean((medians >= low) & (medians < high)) == pytest.approx(found, abs=N_STANDARD_ERRORS * error)


@pytest.mark.parametrize("n", [2, 4, 10, 24])
def test_each_median_is_as_likely_as_samples_have_it(n: int) -> None:
    samples = np.random.default_rng(n).choice(RUNGS, p=SHARES, size=(N_SAMPLES, n))
    medians, total = np.median(samples, axis=1), 0.0
    for value in MEDIANS:
        found = probability(median(value - 1.0, value + 1.0, n), SHARES)
        check(found, medians, value - 1.0, value + 1.0)
        total += found
    assert total == pytest.approx(1.0, abs=len(MEDIANS) * 1e-9)  # a probability is at least 1e-9


@pytest.mark.parametrize(("k", "m"), [(15, 9), (3, 1), (2, 12)])
def test_over_two_kinds_of_patients_it_is_that_of_mixed_samples(k: int, m: int) -> None:
    rng = np.random.default_rng(k)
    kinds = [rng.choice(RUNGS, p=p, size=(N_SAMPLES, n)) for p, n in ((SHARES, k), (OTHER_SHARES, m))]
    medians = np.median(np.concatenate(kinds, axis=1), axis=1)
    for value in MEDIANS:
        found = probability(median(value - 1.0, value + 1.0, k + m, k), SHARES, OTHER_SHARES)
        check(found, medians, value - 1.0, value + 1.0)


@pytest.mark.parametrize(("low", "high"), [(350.0, 450.0), (450.0, 550.0), (250.0, 550.0), (0.0, 1000.0)])
def test_a_rounded_median_is_met_by_every_pair_whose_mean_rounds_to_it(low: float, high: float) -> None:
    """400 to the nearest 100 is 300 and 500, 100 and 700, and, from 450 on, not 100 and 800."""
    n = 12
    single = [probability(median(value - 1.0, value + 1.0, n), SHARES) for value in MEDIANS if low <= value < high]
    assert probability(median(low, high, n), SHARES) == pytest.approx(np.sum(single), abs=len(MEDIANS) * 1e-9)


def test_two_patients_are_either_both_at_a_rung_or_one_at_each_of_two() -> None:
    assert probability(median(299.0, 301.0, 2), SHARES) == pytest.approx(0.15**2 + 2 * 0.3 * 0.05)
    assert probability(median(399.0, 401.0, 2), SHARES) == pytest.approx(2 * (0.3 * 0.2 + 0.15 * 0.05))
    assert probability(median(199.0, 201.0, 2, 1), SHARES, OTHER_SHARES) == pytest.approx(0.15 * 0.7)


def test_two_kinds_that_are_alike_are_one() -> None:
    for value in MEDIANS:
        split = probability(median(value - 1.0, value + 1.0, 14, 5), SHARES, SHARES)
        assert split == pytest.approx(probability(median(value - 1.0, value + 1.0, 14), SHARES), abs=CDF_SUMS)


def test_what_no_pair_of_rungs_rounds_to_is_unlikely_and_not_impossible() -> None:
    found = log_likelihoods([median(420.0, 430.0, 12)], median(420.0, 430.0, 12).cells, np.array([0.2, 0.4, 0.6, 0.8]))
    assert np.isfinite(found[0])
    assert found[0] < -20.0


def test_a_ladder_of_one_rung_has_its_dose_for_a_median() -> None:
    term = LadderMedian(("dose",), (), (400.0,), 350.0, 450.0, 24)
    assert log_likelihoods([term], [], np.zeros((3, 0)))[:, 0] == pytest.approx(0.0)
