"""Baseline columns of the patients of many replicates: site, sensitivity, covariates, drawn by address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from trialsim.model.baseline import continuous_value
from trialsim.model.draws import uniforms_at
from trialsim.model.parameters import draw_numbers, under_draw
from trialsim.model.protocol import Covariate, Protocol
from trialsim.patients.enrolment import SENSITIVITY, SITE
from trialsim.records.columns import BASELINE_PREFIX, IS_SENSITIVE, KEY, SITE_COLUMN, Column, baseline_columns, conform
from trialsim.typing import Counts, Floats


class Enrolled(NamedTuple):
    """Patients by replicate, number and calendar day of enrolment, shapes (patients,)."""

    replicates: Counts
    numbers: Counts
    days: Floats


def baseline_columns_of(protocol: Protocol) -> tuple[Column, ...]:
    """The baseline columns of the patients of a protocol."""
    return baseline_columns({item.name: None if item.categories else item.unit for item in protocol.covariates})


def categories_of(protocol: Protocol) -> dict[str, tuple[str, ...]]:
    """The categories of each baseline column that has some, in the order of their codes."""
    categories = {f"{BASELINE_PREFIX}{item.name}": item.categories for item in protocol.covariates if item.categories}
    sites = tuple(protocol.accrual.site_names)
    return {SITE_COLUMN: sites, **categories} if sites else categories


def baseline_values(name: str, protocol: Protocol, seed: int, patients: Enrolled) -> Floats:
    """One baseline column as numbers, categories as codes from 0; shape (patients,).

    The values follow from the address of each patient, the day of enrolment and the draw of the parameters of the
    replicate, so they are the same in a trial of any size.
    """
    if name == SITE_COLUMN:
        plan = protocol.accrual
        if not plan.site_names:
            return np.full(len(patients.numbers), -1.0)
        interval = np.maximum(np.searchsorted(plan.starts, patients.days, side="right") - 1, 0)
        return _codes(_uniforms(seed, patients, SITE), np.array(plan.site_shares)[interval])
    if name == IS_SENSITIVE:
        is_sensitive = _uniforms(seed, patients, SENSITIVITY) < _sensitive_shares(protocol, seed, patients.replicates)
        return is_sensitive.astype(np.float64)
    covariate = next(item for item in protocol.covariates if f"{BASELINE_PREFIX}{item.name}" == name)
    uniforms = _uniforms(seed, patients, covariate.code)
    if covariate.categories:
        return _codes(uniforms, np.array([covariate.cumulative_shares]))
    return np.array([_continuous(uniform, covariate) for uniform in uniforms.tolist()], np.float64)


def with_baseline(patients: pd.DataFrame, protocol: Protocol, seed: int) -> pd.DataFrame:
    """Patients with their baseline, columns as in `columns.baseline_columns`, after their outcomes."""
    enrolled = Enrolled(*(patients[name].to_numpy() for name in (*KEY, "enrolled_day")))
    columns, categories = baseline_columns_of(protocol), categories_of(protocol)
    values: dict[str, object] = {}
    for column in columns:
        numbers = baseline_values(column.name, protocol, seed, enrolled)
        names = np.array([*categories.get(column.name, ()), ""], dtype=object)  # -1, where there are none, is the last
        values[column.name] = names[numbers.astype(np.int64)] if column.dtype == "str" else numbers
    return patients.join(conform(pd.DataFrame(values, index=patients.index), columns))


def strata_of(protocol: Protocol, seed: int, patients: Enrolled, by: Sequence[str]) -> Counts:
    """The site and categories of patients, as codes from 0; shape (patients, strata), or (patients, 1) of zeros."""
    columns = [name if name == SITE_COLUMN else f"{BASELINE_PREFIX}{name}" for name in by]
    codes = [baseline_values(name, protocol, seed, patients).astype(np.int64) for name in columns]
    return np.stack(codes, axis=1) if codes else np.zeros((len(patients.numbers), 1), np.int64)


def _codes(uniforms: Floats, cumulative_shares: Floats) -> Floats:
    """The category that each number falls in, as `model.baseline.category_index` gives it: shares rise to 1."""
    return np.asarray((uniforms[:, None] >= cumulative_shares[:, :-1]).sum(axis=1), np.float64)


def _continuous(uniform: float, covariate: Covariate) -> float:
    place = (covariate.distribution, covariate.location, covariate.spread)
    return continuous_value(uniform, *place, covariate.lowest_share, covariate.highest_share)


def _sensitive_shares(protocol: Protocol, seed: int, replicates: Counts) -> Floats:
    """The share of patients who can respond in each patient's replicate: it may vary with the draw of parameters."""
    if not protocol.parameter_draws:
        return np.full(len(replicates), protocol.p_sensitive)
    numbers, position = np.unique(replicates, return_inverse=True)
    draws, draw_of = np.unique(draw_numbers(protocol.n_parameter_draws, seed, numbers), return_inverse=True)
    shares = np.array([under_draw(protocol, number).p_sensitive for number in draws.tolist()])
    return np.asarray(shares[draw_of][position])


def _uniforms(seed: int, patients: Enrolled, decision: int) -> Floats:
    """The number of each patient for one decision of the baseline, as `DrawTable.uniform` gives it."""
    return uniforms_at(seed, patients.replicates, patients.numbers, decision)
