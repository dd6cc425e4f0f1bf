"""Any cohort can be calibrated: an invented one, with two parameters, whose posterior a grid gives exactly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trialsim.calibration.fitting import ConvergenceCriteria, Fit, fit
from trialsim.calibration.importance import Weighted
from trialsim.calibration.left_out import BY_IMPORTANCE, FITTED_AGAIN, left_out, sample_without_each
from trialsim.calibration.model import Calibration, calibration_of
from trialsim.calibration.posterior import Posterior
from trialsim.calibration.prior import log_density
from trialsim.calibration.sampling import BURN_IN_LEGS, Chains
from trialsim.calibration.targets import ShareCell
from trialsim.config import load_published_trial
from trialsim.errors import RequestError
from trialsim.records.tables import plain_rows

pytestmark = pytest.mark.slow

COHORT = Path(__file__).parent / "invented" / "cohort.yaml"
FEW = 60  # simulated patients for each one of the cohort: quick, and the grid has the same noise


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return calibration_of(load_published_trial(COHORT), replicates=FEW)


@pytest.fixture(scope="module")
def fitted(calibration: Calibration) -> Fit:
    return fit(calibration, seed=3, workers=2)


def test_the_cohort_brings_its_scenario_and_its_priors(calibration: Calibration) -> None:
    assert set(calibration.names) == {"nausea rate", "sensitive"}
    assert [term.quantities for term in calibration.terms] == [
        ("enrolled",), ("toxicity.nausea",), ("response.any",), ("dose.median",),
    ]  # fmt: skip


def test_the_likelihood_is_a_deterministic_function_of_the_parameters(calibration: Calibration) -> None:
    z = np.random.default_rng(1).standard_normal((6, 2))
    assert np.array_equal(calibration.log_posterior(z, 1), calibration.log_posterior(z, 2))
    assert np.array_equal(calibration.log_posterior(z[::-1])[::-1], calibration.log_posterior(z))


def test_the_posterior_is_that_of_a_grid(calibration: Calibration, fitted: Fit) -> None:
    """Prior times likelihood on a fine grid, no sampler; within four Monte Carlo errors and the width of a cell."""
    axis = np.linspace(-3.5, 3.5, 57)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    density = calibration.log_posterior(grid, 2)
    assert density == pytest.approx(log_density(grid) + calibration.log_likelihoods(grid, 2).sum(axis=1))
    weights = np.exp(density - density.max())
    weights /= weights.sum()
    draws = fitted.chains.by_chain()
    for i in range(len(calibration.names)):
        ess = float(fitted.diagnostics["ess_bulk"].iloc[i])
        mean, sd = weights @ grid[:, i], np.sqrt(weights @ grid[:, i] ** 2 - (weights @ grid[:, i]) ** 2)
        assert draws[:, :, i].mean() == pytest.approx(mean, abs=4 * sd / np.sqrt(ess))
        assert draws[:, :, i].std() == pytest.approx(sd, rel=4 / np.sqrt(2 * ess) + 0.01)


def test_it_has_converged_by_the_limits_it_promises(fitted: Fit) -> None:
    assert (fitted.diagnostics["r_hat"] <= 1.01).all()
    assert (fitted.diagnostics[["ess_bulk", "ess_tail"]] >= 1000).to_numpy().all()


def test_chains_that_have_not_converged_give_no_posterior_but_advice(calibration: Calibration) -> None:
    with pytest.raises(RequestError, match=r"have not converged.*No posterior was written(.|\n)*--resume"):
        fit(calibration, seed=3, workers=2, criteria=ConvergenceCriteria(most_steps=10))


def test_interrupted_and_resumed_chains_are_those_of_an_undisturbed_run(calibration: Calibration, fitted: Fit) -> None:
    class StopError(Exception):
        pass

    chains = Chains()
    for n_legs in (2, BURN_IN_LEGS - 1, BURN_IN_LEGS + 2):

        def stop(found: Chains, wanted: int, at: int = n_legs) -> None:
            if found.n_legs >= at:
                raise StopError

        with pytest.raises(StopError):
            fit(calibration, seed=3, workers=1, chains=chains, on_leg=stop)
        assert chains.n_legs == n_legs
        stored = {name: np.array(value) for name, value in chains.arrays().items()}
        chains = Chains.of_arrays(stored)
    again = fit(calibration, seed=3, workers=1, chains=chains)
    assert np.array_equal(again.chains.kept, fitted.chains.kept)


def test_another_seed_gives_the_same_posterior_within_its_error(calibration: Calibration, fitted: Fit) -> None:
    other = fit(calibration, seed=4, workers=2)
    for i in range(2):
        errors = [float(found.diagnostics["mcse_median_score"].iloc[i]) for found in (fitted, other)]
        medians = [float(np.median(found.chains.by_chain()[:, :, i])) for found in (fitted, other)]
        assert medians[0] == pytest.approx(medians[1], abs=4 * float(np.linalg.norm(errors)))


def test_what_was_summary_says_so(fitted: Fit) -> None:
    summary = Posterior(fitted).summary.set_index("parameter")
    assert list(summary["verdict"]) == ["informed by the cohort"] * 2
    assert summary.loc["nausea rate", "prior_median"] == pytest.approx(0.06)
    row = summary.loc["sensitive"]
    assert row["prior_lower"] < row["posterior_lower"] < 0.35 < row["posterior_upper"] < row["prior_upper"]
    principal_components = Posterior(fitted).principal_components
    assert (principal_components["contraction"] > 0.5).all()


def test_the_noise_of_the_simulation_is_far_below_the_scale_of_the_likelihood() -> None:
    """With as many simulated patients as a calibration uses, other draws of chance move the log-likelihood little.

    Its own scale over the posterior is sqrt(d / 2): half a chi-square with d degrees of freedom.
    """
    calibration = calibration_of(load_published_trial("tosi2000"))
    z = 0.6 * np.random.default_rng(2).standard_normal((6, len(calibration.names)))
    found = [
        replace(calibration, simulator=replace(calibration.simulator, seed=seed)).log_likelihoods(z, 2).sum(axis=1)
        for seed in range(100, 112)
    ]
    noise = float(np.sqrt(np.mean(np.var(found, axis=0, ddof=1))))
    assert noise < 0.1 * np.sqrt(len(calibration.names) / 2.0)


@pytest.mark.parametrize("method", [BY_IMPORTANCE, FITTED_AGAIN])
def test_a_figure_is_predicted_from_the_others_alone(
    calibration: Calibration, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Posterior without the toxicity on a grid, no draws and no weights: what it predicts, and how surely."""
    sample = sample_without_each(calibration, seed=5, workers=2)
    if method == FITTED_AGAIN:
        monkeypatch.setattr(Weighted, "is_enough", lambda *_: False)
    known = [{"quantity": name} for name in calibration.scenario.published_statistics if name != "toxicity.nausea"]
    found = left_out(calibration, sample, seed=5, workers=2, known=known).set_index("quantity")
    assert found["method"]["toxicity.nausea"] == method
    axis = np.linspace(-4.0, 4.0, 33)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    less = calibration.without("toxicity.nausea")
    cell = next(c for c in calibration.simulator.cells if isinstance(c, ShareCell) and c.column == "n_toxicity.nausea")
    with_cell = replace(less, simulator=less.simulator.with_cells((*less.simulator.cells, cell)))
    p = with_cell.probabilities(grid, 2)[:, -1]
    weights = np.exp(less.log_posterior(grid, 2))
    row = plain_rows(found.loc[["toxicity.nausea"]])[0]
    mean = float(weights @ p / weights.sum())
    sd = float(np.sqrt(weights @ (p - mean) ** 2 / weights.sum()))
    assert row["predicted"] == pytest.approx(mean, abs=4 * row["mcse"])
    assert row["sd_parameters"] == pytest.approx(sd, rel=4 / np.sqrt(2 * row["ess"]) + 0.05)
