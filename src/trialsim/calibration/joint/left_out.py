"""Each trial predicted from the others: what the model says of a trial that it has not seen.

The trial is left out, the others are calibrated together, and the trial is simulated as a new one: what differs between
trials is drawn anew, and practice, of which only the trial itself could tell, comes from its prior.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from trialsim.analysis.estimate import Estimate, is_inside
from trialsim.analysis.published import per_trial_values
from trialsim.calibration.joint.fitting import N_CHAINS, JointFit, Simulated, fit_joint
from trialsim.calibration.joint.model import JointModel
from trialsim.calibration.model import Calibration
from trialsim.calibration.predictive import measured, predictive_estimates, predictive_table, simulated
from trialsim.endpoints.measured_trials import statistic_name
from trialsim.endpoints.published import endpoint_of_statistic
from trialsim.typing import Floats

N_LEFT_OUT_DRAWS: Final = 1000
MIN_ESS: Final = 400.0
SHARES: Final = (50, 80, 90)  # per cent: the central intervals
ALL: Final = "all"


@dataclass(frozen=True)
class LeftOut:
    """The draws of the joint vector without one trial, and how many they are worth."""

    draws: Floats
    ess: float


def without_trial(model: JointModel, j: int) -> JointModel:
    """The joint model of the other trials."""
    names = model.names[:j] + model.names[j + 1 :]
    return JointModel(names, model.trials[:j] + model.trials[j + 1 :], model.families, model.own)


def fit_without(
    fit: JointFit, stored: Simulated, j: int, workers: int = 1, on_simulated: Callable[[], None] = lambda: None
) -> LeftOut:
    """The posterior of the other trials; it begins at the joint posterior, with what was simulated for it.

    Raises `OptionError` where the emulators stay too far from the simulator.
    """
    model = without_trial(fit.model, j)
    start = fit.draws[:N_CHAINS][:, _kept_scores(fit.model, model, j)]
    others = stored.without(j)
    less = fit_joint(
        model, fit.seed, N_LEFT_OUT_DRAWS, workers, others, lambda _, __: on_simulated(), start=start, min_ess=MIN_ESS
    )
    return LeftOut(less.draws, less.ess)


def _kept_scores(full: JointModel, less: JointModel, j: int) -> list[int]:
    """The places in the full joint vector of the scores of the model without a trial."""
    names = [*full.marginals]
    places = [names.index(name) for name in less.marginals]
    places += [len(names) + i for i in range(len(full.families))]
    for i, own in enumerate(full.places):
        if i != j:
            places += own.units.tolist()
    return places


def new_trial_scores(model: JointModel, draws: Floats, trial: Calibration, random: np.random.Generator) -> Floats:
    """Scores of a trial that is not in the model, under its draws. Shapes (n, scores) to (n, parameters).

    A parameter that no other trial has comes from its prior.
    """
    shared = model.new_trial_scores(draws, random)
    names = list(model.marginals)
    alone = random.standard_normal((len(draws), len(trial.names)))
    columns = [shared[:, names.index(name)] if name in names else alone[:, i] for i, name in enumerate(trial.names)]
    return np.column_stack(columns)


def predicted(trial: Calibration, scores: Floats, seed: int) -> pd.DataFrame:
    """Every published statistic of a trial among simulated ones: as `predictive_table`, with more intervals.

    `family` says what the statistic is of. For each of 50, 80 and 90 per cent there are `lower_50`, `upper_50` and
    `is_inside_50`, the central interval of single trials and whether the published statistic lies in it, within its
    rounding. `effective_patients` are those of `effective_patients`, for a share; `tail_probability` is small where
    the trial contradicts the others.
    """
    trials = measured(trial, scores, simulated(trial, scores, seed), seed)
    every = {item.quantity: item for item in predictive_estimates(trial, trials)}
    table = predictive_table(list(every.values()))
    published = trial.scenario.published_statistics
    rows = []
    for quantity in table["quantity"]:
        entry, value = published[quantity], every[quantity].published
        values = per_trial_values(trials, statistic_name(quantity, entry))
        values = values[~np.isnan(values)]
        row: dict[str, object] = {
            "quantity": quantity,
            "family": endpoint_of_statistic(quantity, entry, trial.simulator.protocol).family,
        }
        for share in SHARES:
            ends = (0.5 - share / 200.0, 0.5 + share / 200.0)
            low, high = (float(item) for item in np.quantile(values, ends, method="inverted_cdf"))
            row |= {f"lower_{share}": low, f"upper_{share}": high}
            row[f"is_inside_{share}"] = is_inside(value, entry.rounding, low, high)
        row["effective_patients"] = effective_patients(every[quantity]) if entry.kind == "proportion" else math.nan
        rows.append(row)
    kept = table.drop(columns=["lower_80", "upper_80", "is_inside_80"])
    return kept.merge(pd.DataFrame(rows), on="quantity")


def effective_patients(share: Estimate) -> float:
    """How many patients of its own would tell of a share as much as the other trials do.

    The number of patients whose binomial variance is that of the share's parameter uncertainty, p (1 - p) / sd^2 (the
    moment-based effective sample size of a meta-analytic predictive prior: Neuenschwander, Capkun-Niggli, Branson,
    Spiegelhalter 2010, Clinical Trials 7:5-18).
    """
    sd = share.sd_parameters
    return share.value * (1.0 - share.value) / sd**2 if sd > 0.0 else math.nan


def left_out_table(model: JointModel, results: Mapping[int, LeftOut], seed: int) -> pd.DataFrame:
    """One row a trial and published statistic, predicted from the other trials; `ess` as in `LeftOut`."""
    tables = []
    for j, result in results.items():
        trial, less = model.trials[j], without_trial(model, j)
        random = np.random.default_rng(np.random.SeedSequence([seed, _SEED_OF_LEFT_OUT, j]))
        table = predicted(trial, new_trial_scores(less, result.draws, trial, random), seed)
        table.insert(0, "trial", model.names[j])
        tables.append(table.assign(ess=result.ess))
    return pd.concat(tables, ignore_index=True)


def coverage_of(left_out: pd.DataFrame) -> pd.DataFrame:
    """One row a family of statistics, and one of all: how many lie in each interval, and their mean percentile."""
    rows = []
    families = [*dict.fromkeys(left_out["family"]), ALL]
    for family in families:
        own = left_out if family == ALL else left_out[left_out["family"] == family]
        inside = {f"inside_{share}": int(own[f"is_inside_{share}"].sum()) for share in SHARES}
        rows.append({"family": family, "statistics": len(own), **inside, "mean_percentile": own["percentile"].mean()})
    return pd.DataFrame(rows)


_SEED_OF_LEFT_OUT: Final = 3  # of the differences between a trial that was left out and the others
