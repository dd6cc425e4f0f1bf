"""Baseline columns of the patients of many replicates: site, sensitivity, covariates, drawn by address."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trialsim.model.baseline import continuous_value
from trialsim.model.draws import uniforms_at
from trialsim.model.parameters import draw_numbers, under_draw
from trialsim.model.protocol import Covariate, Protocol
from trialsim.patients.enrolment import SENSITIVITY, SITE, covariate_uniform, is_sensitive
from trialsim.records.columns import (
    BASELINE_PREFIX,
    IS_SENSITIVE,
    KEY,
    SITE_COLUMN,
    Column,
    baseline_columns,
    conform,
    is_total_dose,
)
from trialsim.typing import Counts, Flags, Floats

if TYPE_CHECKING:
    import pandas as pd


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
        return _sensitivity(protocol, seed, patients).astype(np.float64)
    i = next(i for i, item in enumerate(protocol.covariates) if f"{BASELINE_PREFIX}{item.name}" == name)
    return _covariate_values(protocol, i, seed, patients)


def body_sizes(protocol: Protocol, seed: int, patients: Enrolled) -> Floats:
    """The m² or kg of each patient, shape (patients,), where doses are by body size."""
    return _covariate_values(protocol, protocol.body_size, seed, patients)


def with_baseline(patients: pd.DataFrame, protocol: Protocol, seed: int) -> pd.DataFrame:
    """Patients with their baseline, columns as in `columns.baseline_columns`, after their outcomes.

    Where doses are by body size, totals are made mg of the whole body.
    """
    import pandas as pd

    enrolled = Enrolled(*(patients[name].to_numpy() for name in (*KEY, "enrolled_day")))
    if protocol.body_size >= 0:
        sizes = body_sizes(protocol, seed, enrolled)
        totals = [name for name in map(str, patients.columns) if is_total_dose(name)]
        patients = patients.assign(**{name: patients[name] * sizes for name in totals})
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


def _covariate_values(protocol: Protocol, position: int, seed: int, patients: Enrolled) -> Floats:
    """The values of the covariate at a position, categories as codes; shape (patients,)."""
    covariate = protocol.covariates[position]
    uniforms = _uniforms(seed, patients, covariate.code)
    if covariate.scores:
        needed = {i for i, _ in covariate.scores}
        rows = _rows(protocol, needed, lambda i: _uniforms(seed, patients, protocol.covariates[i].code))
        pairs = zip(uniforms.tolist(), rows, strict=True)
        uniforms = np.array([covariate_uniform(covariate, own, row) for own, row in pairs], np.float64)
    if covariate.categories:
        return _codes(uniforms, np.array([covariate.cumulative_shares]))
    return np.array([_continuous(uniform, covariate) for uniform in uniforms.tolist()], np.float64)


def _codes(uniforms: Floats, cumulative_shares: Floats) -> Floats:
    """The category that each number falls in, as `model.baseline.category_index` gives it: shares rise to 1."""
    return np.asarray((uniforms[:, None] >= cumulative_shares[:, :-1]).sum(axis=1), np.float64)


def _continuous(uniform: float, covariate: Covariate) -> float:
    place = (covariate.distribution, covariate.location, covariate.spread)
    return continuous_value(uniform, *place, covariate.lowest_share, covariate.highest_share)


def _sensitivity(protocol: Protocol, seed: int, patients: Enrolled) -> Flags:
    """Who can respond, shape (patients,)."""
    uniforms = _uniforms(seed, patients, SENSITIVITY)
    under, draw_of = _under_draws(protocol, seed, patients.replicates)
    if not protocol.sensitivity_effects:
        return np.asarray(uniforms < np.array([item.p_sensitive for item in under])[draw_of])
    acting = {effect[0] for effect in protocol.sensitivity_effects}
    rows = _rows(protocol, acting, lambda i: _covariate_values(protocol, i, seed, patients))
    columns = zip(draw_of.tolist(), uniforms.tolist(), rows, strict=True)
    return np.array([is_sensitive(under[draw], uniform, row) for draw, uniform, row in columns], np.bool_)


def _under_draws(protocol: Protocol, seed: int, replicates: Counts) -> tuple[list[Protocol], Counts]:
    """The protocol under each draw of the parameters, and which of them is that of each patient's replicate."""
    if not protocol.parameter_draws:
        return [protocol], np.zeros(len(replicates), np.int64)
    numbers, position = np.unique(replicates, return_inverse=True)
    draws, draw_of = np.unique(draw_numbers(protocol.n_parameter_draws, seed, numbers), return_inverse=True)
    return [under_draw(protocol, number) for number in draws.tolist()], draw_of[position]


def _rows(protocol: Protocol, needed: set[int], column: Callable[[int], Floats]) -> list[tuple[float, ...]]:
    """One number a covariate for each patient; NaN for covariates that are not needed."""
    columns = {i: column(i).tolist() for i in sorted(needed)}
    missing = itertools.repeat(math.nan)
    numbers = (columns.get(i, missing) for i in range(len(protocol.covariates)))
    return list(zip(*numbers, strict=False))


def _uniforms(seed: int, patients: Enrolled, decision: int) -> Floats:
    """The number of each patient for one decision of the baseline, as `DrawTable.uniform` gives it."""
    return uniforms_at(seed, patients.replicates, patients.numbers, decision)
