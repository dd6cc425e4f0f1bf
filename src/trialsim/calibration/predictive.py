"""Trials simulated under the posterior: does the calibrated model give trials like the one that was published?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import pandas as pd

from trialsim.analysis import Estimate, estimates
from trialsim.calibration.model import Calibration
from trialsim.endpoints.measured_trials import MeasuredTrials, measure_trials
from trialsim.endpoints.published_checks import published_of_patients
from trialsim.model.protocol import Protocol
from trialsim.records.outcomes import columns_of
from trialsim.simulation.engine import BATCH, simulate_rows
from trialsim.storage.replicate_store import ReplicateStore
from trialsim.typing import Floats

N_TRIALS: Final = 20_000
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
