"""Trials simulated under the posterior: does the calibrated model give trials like the one that was published?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from arviz_stats.base import array_stats

from trialsim.analysis import Estimate, estimates
from trialsim.analysis.comparison import groups_of
from trialsim.analysis.endpoints import endpoints_of
from trialsim.calibration.fitting import QUICK, fit
from trialsim.calibration.likelihood import cells_of, log_likelihoods
from trialsim.calibration.model import Calibration
from trialsim.calibration.posterior import Posterior
from trialsim.model.protocol import Protocol
from trialsim.montecarlo.engine import BATCH, simulate_rows
from trialsim.records.outcomes import columns_of
from trialsim.records.replicate_store import ReplicateStore

Array = npt.NDArray[np.float64]
N_TRIALS: Final = 20_000
LARGEST_PARETO_K: Final = 0.7  # above it importance weights are not to be trusted (Vehtari et al. 2024, JMLR 25:72)
_BLOCK: Final = 2_000
_SHARES: Final = (0.025, 0.1, 0.5, 0.9, 0.975)


def protocol_with_draws(calibration: Calibration, scores: Array) -> Protocol:
    """The calibrated scenario with a draw of the parameters for each replicate."""
    draws = calibration.engine_values(scores)
    return replace(
        calibration.simulator.protocol,
        parameter_names=calibration.names,
        parameter_places=calibration.simulator.places,
        parameter_draws=tuple(tuple(row) for row in draws.tolist()),
    )


def simulated(calibration: Calibration, scores: Array, seed: int, n: int = N_TRIALS) -> ReplicateStore:
    """Replicates of the calibrated scenario, each under its own draw of the parameters."""
    protocol = protocol_with_draws(calibration, scores)
    store = ReplicateStore(columns_of(protocol))
    for first in range(1, n + 1, _BLOCK):
        store.append(simulate_rows(BATCH, protocol, seed, first, min(_BLOCK, n - first + 1)))
    return store


def predictive_estimates(calibration: Calibration, store: ReplicateStore) -> list[Estimate]:
    """Every published figure against trials under the posterior."""
    return estimates(store, calibration.scenario.figures, calibration.n_patients)


def predictive_table(found: Sequence[Estimate]) -> pd.DataFrame:
    """One row a published figure: where it lies among trials under the posterior.

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
            "share_below": item.position,
            "share_below_mcse": item.position_mcse,
            "tail_probability": 2.0 * min(item.position, 1.0 - item.position),
            "is_inside_80": item.is_inside_80,
        }
        for item in found
        if item.printed
    ]
    return pd.DataFrame(rows)


def left_out(posterior: Posterior, store: ReplicateStore, seed: int, workers: int = 1) -> pd.DataFrame:
    """Each published figure predicted from the others: one row a figure.

    The posterior without a figure is the posterior weighted by 1 / likelihood of that figure, with Pareto-smoothed
    weights (Vehtari, Gelman, Gabry 2017, Statistics and Computing 27:1413). Where `pareto_k` says that this cannot be
    trusted, the model is fitted again without the figure, and `method` says so. `predicted` ± `mcse` and the intervals
    are those of trials of the cohort's size; `share_below` as in `predictive_table`.
    """
    calibration = posterior.fit.calibration
    without = {quantity: calibration.without(quantity) for quantity in calibration.scenario.figures}
    cells = cells_of([*calibration.terms, *(term for less in without.values() for term in less.terms)])
    with_cells = replace(calibration, simulator=calibration.simulator.with_cells(cells))
    probabilities = with_cells.probabilities(posterior.scores, workers)
    full = log_likelihoods(calibration.terms, cells, probabilities).sum(axis=1)
    rows = []
    for quantity, less in without.items():
        reduced = log_likelihoods(less.terms, cells, probabilities).sum(axis=1)
        log_weights, pareto_k = array_stats.psislw(full - reduced)  # it takes what is left out, and turns its sign
        weights, own, method = np.exp(log_weights - np.max(log_weights)), store, "importance weights"
        if not float(pareto_k) <= LARGEST_PARETO_K:
            scores = Posterior(fit(less.quickened(), seed, workers, QUICK)).scores
            own, weights, method = simulated(less, scores, seed), np.ones(len(scores)), "fitted again"
        row = _predicted(calibration, quantity, own, weights)
        rows.append({**row, "pareto_k": float(pareto_k), "ess": _ess(weights), "method": method})
    return pd.DataFrame(rows)


def _ess(weights: Array) -> float:
    return float(weights.sum() ** 2 / np.sum(weights**2))


def _predicted(calibration: Calibration, quantity: str, store: ReplicateStore, weights: Array) -> dict[str, Any]:
    """What trials say of one figure when draws of the parameters have weights."""
    figure = calibration.scenario.figures[quantity]
    endpoint = endpoints_of(store.columns)[figure.statistic or quantity]
    values, draws = endpoint.per_trial(store), groups_of(store)
    if draws is None:
        raise AssertionError("these trials have draws of the parameters: see simulated")
    is_defined = ~np.isnan(values)
    values, draws = values[is_defined], draws[is_defined]
    w = weights[draws - 1] / weights[draws - 1].sum()
    half = figure.rounded_to.value / 2.0 if figure.rounded_to is not None else 0.0
    is_below = values < figure.published - half
    is_equal = ~is_below & ((values < figure.published + half) if half > 0.0 else (values <= figure.published))
    place, place_error = _weighted(is_below + 0.5 * is_equal, w, draws)
    mean, mean_error = _weighted(values, w, draws)
    order = np.argsort(values)
    reached = np.cumsum(w[order])
    points = [float(values[order][min(int(np.searchsorted(reached, share)), len(order) - 1)]) for share in _SHARES]
    return {
        "quantity": quantity,
        "unit": endpoint.unit,
        "published": figure.published,
        "predicted": mean,
        "mcse": mean_error,
        **dict(zip(("lower_95", "lower_80", "median", "upper_80", "upper_95"), points, strict=True)),
        "share_below": place,
        "share_below_mcse": place_error,
        "tail_probability": 2.0 * min(place, 1.0 - place),
        "is_inside_80": bool(points[1] <= figure.published + half and figure.published - half <= points[3]),
    }


def _weighted(values: Array, weights: Array, draws: npt.NDArray[np.int64]) -> tuple[float, float]:
    """A weighted mean and its Monte Carlo standard error, draws of the parameters as clusters."""
    mean = float(np.sum(weights * values))
    by_draw = np.bincount(draws, weights=weights * (values - mean))
    return mean, float(np.sqrt(np.sum(by_draw**2)))
