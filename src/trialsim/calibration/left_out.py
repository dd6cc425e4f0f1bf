"""Each published statistic predicted from the others: does the model foresee what it was not calibrated to?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from trialsim.analysis.published import published_estimate
from trialsim.calibration.diagnostics import smallest_ess_of
from trialsim.calibration.fitting import MOST_STEPS, fit, quick
from trialsim.calibration.likelihood import cells_of, log_likelihoods
from trialsim.calibration.model import Calibration
from trialsim.calibration.posterior import N_DRAWS, Posterior
from trialsim.calibration.predictive import predictive_table, protocol_with_draws, simulated
from trialsim.endpoints.measured_trials import MeasuredTrials, measure_trials
from trialsim.endpoints.published import statistic_of_patients
from trialsim.records.tables import plain_rows
from trialsim.simulation.engine import BATCH
from trialsim.typing import Floats

N_PRIOR_DRAWS: Final = 20_000
FEWEST_EFFECTIVE: Final = 400.0
_FIRST_SHARE: Final = 0.1  # of the prior draws, that are looked at before the others
_PROMISING: Final = 0.5  # of the effective draws that this share must have, to be worth the others

WEIGHTED_PRIOR: Final = "weighted prior draws"
FITTED_AGAIN: Final = "fitted again"

Rows = list[dict[str, Any]]
OnStatistic = Callable[[Rows, int, int], None]


@dataclass(frozen=True)
class _Without:
    """Draws (n, parameters) of the posterior without a statistic, how many those are worth, how they were made."""

    scores: Floats
    ess: float
    method: str


def left_out(
    calibration: Calibration,
    seed: int,
    workers: int = 1,
    most_steps: int = MOST_STEPS,
    known: Sequence[dict[str, Any]] = (),
    on_statistic: OnStatistic = lambda rows, done, wanted: None,
) -> pd.DataFrame:
    """Each published statistic predicted from the others: one row a statistic, columns as in `predictive_table`.

    The posterior without a statistic is wide in just the direction that statistic informs. It is reached from the
    prior, which is wider still, and not from the posterior with it: prior draws are weighted by the likelihood of the
    others. Where these weights are worth fewer than 400 draws (`ess`) the model is fitted without it instead; `method`
    says which. Errors hold what the weights cost. `known` are rows that are done; `on_statistic` gets all rows after
    each.
    """
    lighter = calibration.quickened()
    without = {quantity: lighter.without(quantity) for quantity in calibration.scenario.published_statistics}
    rows = list(known)
    done = {row["quantity"] for row in rows}
    remaining = {quantity: less for quantity, less in without.items() if quantity not in done}
    draws = _from_prior(lighter, remaining, seed, workers)
    for quantity, less in remaining.items():
        found = draws.get(quantity) or _fitted_again(less, seed, workers, most_steps)
        trials = _trials_for(less, quantity, found.scores, seed)
        rows.append({**_predicted(less, quantity, trials, found.ess), "ess": found.ess, "method": found.method})
        on_statistic(rows, len(rows), len(without))
    return pd.DataFrame(rows)


def _from_prior(
    lighter: Calibration, without: Mapping[str, Calibration], seed: int, workers: int
) -> dict[str, _Without]:
    """The draws that weighted prior draws give, for the statistics for which they are enough.

    A first share of them shows for which statistics the others are worth their time.
    """
    if not without:
        return {}
    scores = np.random.default_rng(seed).standard_normal((N_PRIOR_DRAWS, len(lighter.names)))
    n_first = math.ceil(_FIRST_SHARE * N_PRIOR_DRAWS)
    first = _log_likelihoods_of(lighter, without, scores[:n_first], workers)
    needed = _PROMISING * _FIRST_SHARE * FEWEST_EFFECTIVE
    promising = {quantity: without[quantity] for quantity, logs in first.items() if _worth(_weights(logs)) >= needed}
    if not promising:
        return {}
    others = _log_likelihoods_of(lighter, promising, scores[n_first:], workers)
    found = {}
    for quantity in promising:
        weights = _weights(np.concatenate([first[quantity], others[quantity]]))
        if _worth(weights) >= FEWEST_EFFECTIVE:
            found[quantity] = _Without(_resampled(scores, weights), _worth(weights), WEIGHTED_PRIOR)
    return found


def _fitted_again(less: Calibration, seed: int, workers: int, most_steps: int) -> _Without:
    fitted = fit(less, seed, workers, quick(most_steps))
    return _Without(Posterior(fitted).scores, smallest_ess_of(fitted.diagnostics), FITTED_AGAIN)


def _log_likelihoods_of(
    calibration: Calibration, calibrations: Mapping[str, Calibration], scores: Floats, workers: int
) -> dict[str, Floats]:
    """The log-likelihood of each calibration's terms at some scores, from the patients of one of them."""
    cells = cells_of([term for item in calibrations.values() for term in item.terms])
    with_cells = replace(calibration, simulator=calibration.simulator.with_cells(cells))
    probabilities = with_cells.probabilities(scores, workers)
    return {name: log_likelihoods(item.terms, cells, probabilities).sum(axis=1) for name, item in calibrations.items()}


def _weights(logs: Floats) -> Floats:
    """Weights with the sum 1 from their logarithms; what cannot be simulated counts for nothing."""
    logs = np.where(np.isnan(logs), -np.inf, logs)
    if np.isneginf(logs).all():
        return np.zeros_like(logs)
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum())


def _worth(weights: Floats) -> float:
    """How many draws of equal weight these are worth (Kish 1965)."""
    return 1.0 / float(np.sum(weights**2)) if weights.any() else 0.0


def _resampled(scores: Floats, weights: Floats) -> Floats:
    """Draws (n, parameters) from weighted ones, by systematic resampling."""
    rows = np.searchsorted(np.cumsum(weights), (np.arange(N_DRAWS) + 0.5) / N_DRAWS)
    return scores[np.minimum(rows, len(scores) - 1)]


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
