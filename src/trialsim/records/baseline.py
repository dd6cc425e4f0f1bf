"""Who the patients of a replicate are: site, sensitivity, baseline covariates, from the draws of their courses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from trialsim.model.draws import LARGEST_WORD, philox4x32, uniform_from_words
from trialsim.model.protocol import Covariate, Protocol
from trialsim.patients import DrawTable, virtual_patients
from trialsim.patients.enrolment import SITE
from trialsim.records.columns import KEY, conform, who_columns
from trialsim.typing import Counts, Floats


class Enrolled(NamedTuple):
    """Patients by replicate, number and calendar day of enrolment, shapes (patients,)."""

    replicates: Counts
    numbers: Counts
    days: Floats


def with_baseline(patients: pd.DataFrame, protocol: Protocol, seed: int, replicates: Iterable[int]) -> pd.DataFrame:
    """The patients of some replicates with who they are, columns as in `columns.who_columns`, after their outcomes."""
    units = {item.name: None if item.categories else item.unit for item in protocol.covariates}
    columns = who_columns(units)
    rows = [row for replicate in replicates for row in _rows(protocol, seed, replicate)]
    names = [*KEY, *(column.name for column in columns)]
    who = conform(pd.DataFrame(rows, columns=names).set_index(KEY), columns)
    return patients.join(who, on=KEY)


def strata_of(protocol: Protocol, seed: int, patients: Enrolled, by: Sequence[str]) -> Counts:
    """The site and categories of patients, as codes from 0; shape (patients, strata), or (patients, 1) of zeros.

    They follow from the address of each patient and the day of enrolment alone, so they are the same in a trial of any
    size. Patients must be enrolled on the day on which they arrive (no clinic).
    """
    codes = np.zeros((len(patients.numbers), max(len(by), 1)), np.int64)
    covariates = {item.name: item for item in protocol.covariates}
    for column, name in enumerate(by):
        if name == "site":
            plan = protocol.accrual
            uniform = _uniforms(seed, patients, SITE)
            interval = np.maximum(np.searchsorted(plan.starts, patients.days, side="right") - 1, 0)
            edges = np.array(plan.site_shares)[interval, :-1]
        else:
            uniform = _uniforms(seed, patients, covariates[name].code)
            edges = np.array(covariates[name].cumulative_shares)[None, :-1]
        codes[:, column] = (uniform[:, None] >= edges).sum(axis=1)  # as `baseline.category_index`: shares rise
    return codes


def _uniforms(seed: int, patients: Enrolled, decision: int) -> Floats:
    """The number of each patient for one decision of the baseline, as `DrawTable.uniform` gives it."""
    words = philox4x32(
        np.ones(len(patients.numbers), np.uint64),
        np.full(len(patients.numbers), decision, np.uint64),
        patients.numbers.astype(np.uint64),
        patients.replicates.astype(np.uint64),
        np.full(len(patients.numbers), seed & LARGEST_WORD, np.uint64),
        np.full(len(patients.numbers), seed >> 32, np.uint64),
    )
    return uniform_from_words(words[0], words[1])


def _rows(protocol: Protocol, seed: int, replicate: int) -> Iterable[tuple[object, ...]]:
    table = DrawTable(seed, replicate, protocol.decision_codes.values())
    for who in virtual_patients(protocol, table):
        site = protocol.accrual.site_names[who.site] if who.site >= 0 else ""
        values = (_shown(item, value) for item, value in zip(protocol.covariates, who.baseline, strict=True))
        yield (replicate, who.number, site, who.is_sensitive, *values)


def _shown(covariate: Covariate, value: float) -> object:
    return covariate.categories[int(value)] if covariate.categories else value
