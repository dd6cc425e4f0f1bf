"""Each published statistic predicted from the others: does the model foresee what it was not calibrated to?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from trialsim.analysis.published import published_estimate
from trialsim.calibration.diagnostics import smallest_ess_of
from trialsim.calibration.fitting import MOST_STEPS, fit, quick
from trialsim.calibration.importance import ImportanceSample, Weighted
from trialsim.calibration.likelihood import cells_of, log_likelihoods
from trialsim.calibration.model import Calibration
from trialsim.calibration.posterior import N_DRAWS, Posterior
from trialsim.calibration.predictive import predictive_table, protocol_with_draws, simulated
from trialsim.calibration.prior import log_density
from trialsim.endpoints.measured_trials import MeasuredTrials, measure_trials
from trialsim.endpoints.published import statistic_of_patients
from trialsim.records.tables import plain_rows
from trialsim.simulation.engine import BATCH
from trialsim.typing import Floats

BY_IMPORTANCE: Final = "importance sampling"
FITTED_AGAIN: Final = "fitted again"
_PARTS_OF_ROUND: Final = 20  # after each of which progress is shown, and Ctrl-C is heard

Rows = list[dict[str, Any]]
OnRound = Callable[[ImportanceSample], None]
OnProgress = Callable[[int, int], None]
OnStatistic = Callable[[Rows, int, int], None]


@dataclass(frozen=True)
class _Without:
    """Draws (n, parameters) of the posterior without a statistic, how many those are worth, how they were made."""

    scores: Floats
    ess: float
    method: str


def sample_without_each(
    calibration: Calibration,
    seed: int,
    workers: int = 1,
    known: Sequence[Floats] = (),
    on_round: OnRound = lambda sample: None,
    on_progress: OnProgress = lambda done, wanted: None,
) -> ImportanceSample:
    """Draws that are weighted for the posterior without each published statistic, in the order of these.

    The posterior without a statistic is wide in just the direction that statistic informs. It is reached from the
    prior, which is wider still, and not from the posterior with it. `known` are the log densities of rounds that are
    done; `on_round` gets the draws after each further round, `on_progress` how many draws are done and how many there
    will be at least.
    """
    lighter = calibration.quickened()
    without = _without_each(lighter)
    cells = cells_of([term for item in without for term in item.terms])
    with_cells = replace(lighter, simulator=lighter.simulator.with_cells(cells))
    sample = ImportanceSample(len(calibration.names), seed)

    def log_posteriors(scores: Floats) -> Floats:
        found = []
        for part in np.array_split(scores, _PARTS_OF_ROUND):
            probabilities = with_cells.probabilities(part, workers)
            logs = [log_likelihoods(item.terms, cells, probabilities).sum(axis=1) for item in without]
            found.append(np.stack(logs, axis=1) + log_density(part)[:, None])
            on_progress(sample.n_draws + sum(map(len, found)), sample.n_draws + len(scores))
        densities = np.concatenate(found)
        return np.where(np.isnan(densities), -np.inf, densities)

    sample.grow(log_posteriors, known, lambda: on_round(sample))
    return sample


def left_out(
    calibration: Calibration,
    sample: ImportanceSample,
    seed: int,
    workers: int = 1,
    most_steps: int = MOST_STEPS,
    known: Sequence[dict[str, Any]] = (),
    on_statistic: OnStatistic = lambda rows, done, wanted: None,
) -> pd.DataFrame:
    """Each published statistic predicted from the others: one row a statistic, columns as in `predictive_table`.

    `sample` is that of `sample_without_each`. Where its weights are worth too few draws (`ess`) the model is fitted
    without the statistic instead; `method` says which. Errors hold what the weights cost. `known` are rows that are
    done; `on_statistic` gets all rows after each.
    """
    rows = list(known)
    done = {row["quantity"] for row in rows}
    weighted, without = sample.weighted, _without_each(calibration.quickened())
    for i, (quantity, less) in enumerate(zip(calibration.scenario.published_statistics, without, strict=True)):
        if quantity in done:
            continue
        is_enough = weighted.is_enough(i)
        found = _weighted(weighted, i) if is_enough else _fitted_again(less, seed, workers, most_steps)
        trials = _trials_for(less, quantity, found.scores, seed)
        rows.append({**_predicted(less, quantity, trials, found.ess), "ess": found.ess, "method": found.method})
        on_statistic(rows, len(rows), len(without))
    return pd.DataFrame(rows)


def _without_each(calibration: Calibration) -> list[Calibration]:
    return [calibration.without(quantity) for quantity in calibration.scenario.published_statistics]


def _weighted(weighted: Weighted, i: int) -> _Without:
    return _Without(weighted.resampled(i, N_DRAWS), weighted.ess(i), BY_IMPORTANCE)


def _fitted_again(less: Calibration, seed: int, workers: int, most_steps: int) -> _Without:
    fitted = fit(less, seed, workers, quick(most_steps))
    return _Without(Posterior(fitted).scores, smallest_ess_of(fitted.diagnostics), FITTED_AGAIN)


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
