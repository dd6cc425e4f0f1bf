"""Trials simulated under the posterior: does the calibrated model give trials like the one that was published?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd

from trialsim.analysis import Estimate, estimates
from trialsim.calibration.diagnostics import smallest_ess_of
from trialsim.calibration.fitting import MOST_STEPS, fit, quick
from trialsim.calibration.likelihood import cells_of, log_likelihoods
from trialsim.calibration.model import Calibration
from trialsim.calibration.posterior import N_DRAWS, Posterior
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


def predictive_estimates(calibration: Calibration, store: ReplicateStore) -> list[Estimate]:
    """Every published statistic against trials under the posterior."""
    return estimates(store, calibration.scenario.published_statistics, calibration.n_patients)


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
        rows.append({**_predicted(less, quantity, simulated(less, draws, seed), ess), "ess": ess, "method": method})
    return pd.DataFrame(rows)


def _resampled(scores: Floats, log_weights: Floats) -> tuple[Floats, float, str]:
    """Draws (n, parameters) from weighted ones, by systematic resampling; how many those are worth; how it was done."""
    log_weights = np.where(np.isnan(log_weights), -np.inf, log_weights)
    weights = np.exp(log_weights - log_weights.max())
    weights /= weights.sum()
    rows = np.searchsorted(np.cumsum(weights), (np.arange(N_DRAWS) + 0.5) / N_DRAWS)
    return scores[np.minimum(rows, len(scores) - 1)], 1.0 / float(np.sum(weights**2)), "weighted prior draws"


def _predicted(calibration: Calibration, quantity: str, store: ReplicateStore, ess: float) -> dict[str, Any]:
    """One statistic as trials predict it; errors hold that the draws are worth no more than `ess`."""
    rows = plain_rows(predictive_table(predictive_estimates(calibration, store)))
    row = next(row for row in rows if row["quantity"] == quantity)
    row["mcse"] = math.hypot(row["mcse"], (row["sd_parameters"] or 0.0) / math.sqrt(ess))
    row["percentile_mcse"] = math.hypot(row["percentile_mcse"], 0.5 / math.sqrt(ess))  # a share's sd is at most 1/2
    return row
