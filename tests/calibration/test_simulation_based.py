"""Simulation-based calibration in small; `verification/simulation_based_calibration.py` is the whole of it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from verification.calibration_table import Table, simulated_cohort, table_of
from verification.simulation_based_calibration import coverage, holm, places

from trialsim.calibration.model import Calibration, calibration_of
from trialsim.config import load_published_trial

pytestmark = pytest.mark.slow

N_DRAWS, N_TRIALS, N_COHORTS, BINS = 5000, 60, 240, 8
ONE_IN_A_THOUSAND = 0.001


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return calibration_of(load_published_trial("tosi2000"))


@pytest.fixture(scope="module")
def table(calibration: Calibration) -> Table:
    return table_of(calibration, N_DRAWS, N_TRIALS, seed=3, workers=2)


def p_values(found: np.ndarray) -> np.ndarray:
    counts = np.array([np.histogram(column, bins=BINS, range=(0.0, 1.0))[0] for column in found.T])
    return np.asarray(stats.chisquare(counts, axis=1).pvalue)


def test_true_parameters_lie_uniformly_in_their_posteriors(calibration: Calibration, table: Table) -> None:
    found, worth = places(calibration, table, N_COHORTS, seed=4, workers=2)
    assert len(found) == N_COHORTS
    assert np.median(worth) > 30.0
    assert holm(p_values(found)).min() > ONE_IN_A_THOUSAND
    middle = np.array(coverage(found)["0.8"])
    assert middle.mean() == pytest.approx(0.8, abs=4 * np.sqrt(0.16 / N_COHORTS))


def test_a_likelihood_that_counts_its_figures_twice_is_found_out(calibration: Calibration, table: Table) -> None:
    """The same check must fail a posterior that is too sure of itself."""
    truths = np.random.default_rng(4).standard_normal((N_COHORTS, len(calibration.names)))
    found = []
    for k, truth in enumerate(truths):
        terms = simulated_cohort(calibration, truth, 4, k + 1)
        assert terms is not None
        weights = table.weights((*terms, *terms, *terms))
        found.append(weights @ (table.scores < truth))
    assert holm(p_values(np.array(found))).min() < ONE_IN_A_THOUSAND


def test_the_published_cohort_gives_the_shipped_posterior(calibration: Calibration, table: Table) -> None:
    """Prior draws weighted by the likelihood, against the chains that were shipped; noise of so few draws allowed."""
    import pandas as pd

    from trialsim.config.calibrated.draw_tables import posterior_file, read_table

    shipped = read_table(posterior_file("tosi2000"), "")
    assert shipped.names == calibration.names
    scores = calibration.prior.scores(shipped.values)
    weights = table.weights(calibration.terms)
    worth = 1.0 / np.sum(weights**2)
    means = pd.Series(weights @ table.scores - scores.mean(axis=0), index=calibration.names)
    assert means.abs().max() < 4 * (1 / np.sqrt(worth) + 0.05)  # the table's rows have 60 trials each
    assert np.corrcoef(weights @ table.scores, scores.mean(axis=0))[0, 1] > 0.9
