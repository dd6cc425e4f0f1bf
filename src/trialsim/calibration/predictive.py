"""Trials simulated under the posterior: does the calibrated model give trials like the one that was published?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd

from trialsim.analysis import Estimate, estimates
from trialsim.analysis.published import published_estimate
from trialsim.calibration.diagnostics import smallest_ess_of
from trialsim.calibration.fitting import MOST_STEPS, fit, quick
from trialsim.calibration.likelihood import cells_of, log_likelihoods
from trialsim.calibration.model import Calibration
from trialsim.calibration.posterior import N_DRAWS, Posterior
from trialsim.endpoints.measured_trials import MeasuredTrials, measure_trials
from trialsim.endpoints.published import statistic_of_patients
from trialsim.endpoints.published_checks import published_of_patients
from trialsim.model.protocol import Protocol
from trialsim.records.outcomes import columns_of
from trialsim.records.tables import plain_rows
from trialsim.simulation.engine import BATCH, simulate_rows
from trialsim.storage.replicate_store import ReplicateStore
from trialsim.typing import Floats

N_TRIALS: Final = 20_000
N_PRIOR_DRAWS: Final = 20_000
FEWEST_EFFECTIVE: Final = 400.0
_BLOCK: Final = 2_000


def protocol_with_draws(calibration: Calibration, scores: Floats) -> Protocol:
    """The calibrated scenario with a draw of the parameters for each replicate."""
    draws = calibration.engine_values(scores)
    return replace(
        calibration.simulator.protocol,
        parameter_names=calibration.names,
        parameter_places=calibration.simulator.places,
        parameter_draws=tuple(tuple(row) for row in draws.tolist()),
    )


def simulated(calibration: Calibration, scores: Floats, seed: int, n: int = N_TRIALS) -> ReplicateStore:
    """Replicates of the calibrated scenario, each under its own draw of the parameters."""
    protocol = protocol_with_draws(calibration, scores)
    store = ReplicateStore(columns_of(protocol))
    for first in range(1, n + 1, _BLOCK):
        store.append(simulate_rows(BATCH, protocol, seed, first, min(_BLOCK, n - first + 1)))
    return store


def measured(calibration: Calibration, scores: Floats, store: ReplicateStore, seed: int) -> MeasuredTrials:
    """The replicates that `simulated` gives, with what the published statistics need of their patients."""
    protocol = protocol_with_draws(calibration, scores)
    return measure_trials(store, published_of_patients(calibration.scenario, protocol), BATCH, protocol, seed)


def predictive_estimates(calibration: Calibration, trials: MeasuredTrials) -> list[Estimate]:
    """Every published statistic against trials under the posterior."""
    return estimates(trials, calibration.scenario.published_statistics, calibration.n_patients)


def predictive_table(predictive_list: Sequence[Estimate]) -> pd.DataFrame:
    """One row a published statistic: where it lies among trials under the posterior.

    `tail_probability` is the posterior-predictive one, two-sided: twice the smaller of the mid-p shares on either side.
    `is_inside_80` says whether it lies in the central 80 % of trials.
    """
    rows = [
        {
            "quantity": item.quantity,
            "statistic": item.statistic,
            "unit": item.unit,
            "published": item.published,
            "printed": item.printed,
            "predicted": item.value,
            "mcse": item.mcse,
            "sd_sampling": item.sd_sampling,
            "sd_sampling_mcse": item.sd_sampling_mcse,
            "sd_parameters": item.sd_parameters,
            "sd_parameters_mcse": item.sd_parameters_mcse,
            "lower_80": item.lower_80,
            "upper_80": item.upper_80,
            "lower_95": item.lower,
            "upper_95": item.upper,
            "percentile": item.percentile,
            "percentile_mcse": item.percentile_mcse,
            "tail_probability": 2.0 * min(item.percentile, 1.0 - item.percentile),
            "is_inside_80": item.is_inside_80,
        }
        for item in predictive_list
        if not math.isnan(item.published)
    ]
    return pd.DataFrame(rows)


def left_out(calibration: Calibration, seed: int, workers: int = 1, most_steps: int = MOST_STEPS) -> pd.DataFrame:
    """Each published statistic predicted from the others: one row a statistic, columns as in `predictive_table`.

    The posterior without a statistic is wide in just the direction that statistic informs, so it is reached from the
    prior, which is wider still, and not from the posterior with it: prior draws are weighted by the likelihood of the
    others. Where these weights are worth fewer than 400 draws (`ess`) the model is fitted without it instead;
    `method` says which. Errors hold what the weights cost.
    """
    lighter = calibration.quickened()
    without = {quantity: lighter.without(quantity) for quantity in calibration.scenario.published_statistics}
    cells = cells_of([term for less in without.values() for term in less.terms])
    scores = np.random.default_rng(seed).standard_normal((N_PRIOR_DRAWS, len(calibration.names)))
    with_cells = replace(lighter, simulator=lighter.simulator.with_cells(cells))
    probabilities = with_cells.probabilities(scores, workers)
    rows = []
    for quantity, less in without.items():
        log_posterior = log_likelihoods(less.terms, cells, probabilities).sum(axis=1)
        draws, ess, method = _resampled(scores, log_posterior)
        if ess < FEWEST_EFFECTIVE:
            refitted = fit(less, seed, workers, quick(most_steps))
            draws, ess, method = Posterior(refitted).scores, smallest_ess_of(refitted.diagnostics), "fitted again"
        trials = _trials_for(less, quantity, draws, seed)
        rows.append({**_predicted(less, quantity, trials, ess), "ess": ess, "method": method})
    return pd.DataFrame(rows)


def _resampled(scores: Floats, log_weights: Floats) -> tuple[Floats, float, str]:
    """Draws (n, parameters) from weighted ones, by systematic resampling; how many those are worth; how it was done."""
    log_weights = np.where(np.isnan(log_weights), -np.inf, log_weights)
    weights = np.exp(log_weights - log_weights.max())
    weights /= weights.sum()
    rows = np.searchsorted(np.cumsum(weights), (np.arange(N_DRAWS) + 0.5) / N_DRAWS)
    return scores[np.minimum(rows, len(scores) - 1)], 1.0 / float(np.sum(weights**2)), "weighted prior draws"


def _trials_for(calibration: Calibration, quantity: str, scores: Floats, seed: int) -> MeasuredTrials:
    """Trials under some draws, with what one published statistic needs of their patients."""
    store, published = simulated(calibration, scores, seed), calibration.scenario.published_statistics[quantity]
    if published.trial_statistic(quantity) is not None:
        return MeasuredTrials(store)
    protocol = protocol_with_draws(calibration, scores)
    return measure_trials(store, [statistic_of_patients(quantity, published, protocol)], BATCH, protocol, seed)


def _predicted(calibration: Calibration, quantity: str, trials: MeasuredTrials, ess: float) -> dict[str, Any]:
    """One statistic as trials predict it; errors hold that the draws are worth no more than `ess`."""
    published = calibration.scenario.published_statistics[quantity]
    estimate = published_estimate(quantity, trials, published, calibration.n_patients)
    row = plain_rows(predictive_table([estimate]))[0]
    row["mcse"] = math.hypot(row["mcse"], (row["sd_parameters"] or 0.0) / math.sqrt(ess))
    row["percentile_mcse"] = math.hypot(row["percentile_mcse"], 0.5 / math.sqrt(ess))  # a share's sd is at most 1/2
    return row
