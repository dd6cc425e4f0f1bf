"""Published against simulated: the estimates of a run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from trialsim.analysis.endpoints import Endpoint, endpoints_of
from trialsim.analysis.estimate import (
    Estimate,
    Values,
    mean_and_error,
    position_and_error,
    quantile_and_error,
    ratio_and_error,
)
from trialsim.config import Figure

LOWER_SHARE, UPPER_SHARE = 0.025, 0.975


def estimates(outcomes: pd.DataFrame, figures: Mapping[str, Figure], n_planned: int) -> list[Estimate]:
    """An estimate for each published figure, in the order of the cohort, then for every other endpoint.

    `outcomes` has one row per replicate (`records.columns.REPLICATES`); `n_planned` is the number of patients that a
    single trial plans, which the interval's words name.
    """
    outcomes = _with_responders(outcomes)
    endpoints = endpoints_of(outcomes)
    published = [
        _estimate(quantity, endpoints[figure.statistic or quantity], outcomes, figure, n_planned)
        for quantity, figure in figures.items()
    ]
    others = [
        _estimate(name, endpoint, outcomes, None, n_planned)
        for name, endpoint in endpoints.items()
        if name not in figures
    ]
    return published + others


def per_trial_values(outcomes: pd.DataFrame, names: Iterable[str]) -> list[Values]:
    """For each endpoint one value per replicate, missing where it does not exist."""
    outcomes = _with_responders(outcomes)
    endpoints = endpoints_of(outcomes)
    return [endpoints[name].per_trial(outcomes) for name in names]


def _with_responders(outcomes: pd.DataFrame) -> pd.DataFrame:
    return outcomes.assign(n_responders=outcomes["n_partial"] + outcomes["n_minor"])


def _estimate(
    quantity: str, endpoint: Endpoint, outcomes: pd.DataFrame, figure: Figure | None, n_planned: int
) -> Estimate:
    per_trial = endpoint.per_trial(outcomes)
    defined = per_trial[~np.isnan(per_trial)]
    if endpoint.of:
        counts = outcomes[[endpoint.column, endpoint.of]].to_numpy(dtype=np.float64)
        value, mcse = ratio_and_error(counts[:, 0], counts[:, 1])
    else:
        value, mcse = mean_and_error(defined)
    lower, lower_mcse = quantile_and_error(defined, LOWER_SHARE)
    upper, upper_mcse = quantile_and_error(defined, UPPER_SHARE)
    published = figure.published if figure is not None else math.nan
    rounding = figure.rounded_to.value if figure is not None and figure.rounded_to is not None else 0.0
    position, position_mcse = position_and_error(defined, published, rounding)
    return Estimate(
        quantity=quantity,
        published=published,
        value=value,
        mcse=mcse,
        lower=lower,
        upper=upper,
        unit=endpoint.unit,
        lower_mcse=lower_mcse,
        upper_mcse=upper_mcse,
        position=position,
        position_mcse=position_mcse,
        n_defined=len(defined),
        interval_contains=f"95 % of single trials of {n_planned} patients: patient sampling, parameters fixed",
        printed=figure.printed if figure is not None else "",
    )
