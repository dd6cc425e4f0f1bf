"""Who the patients of a replicate are: site, sensitivity, baseline covariates, from the draws of their courses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from trialsim.model.protocol import Covariate, Protocol
from trialsim.patients import DrawTable, virtual_patients
from trialsim.records.columns import KEY, conform, who_columns


def with_baseline(patients: pd.DataFrame, protocol: Protocol, seed: int, replicates: Iterable[int]) -> pd.DataFrame:
    """The patients of some replicates with who they are, columns as in `columns.who_columns`, after their outcomes."""
    units = {item.name: None if item.categories else item.unit for item in protocol.covariates}
    columns = who_columns(units)
    rows = [row for replicate in replicates for row in _rows(protocol, seed, replicate)]
    names = [*KEY, *(column.name for column in columns)]
    who = conform(pd.DataFrame(rows, columns=names).set_index(KEY), columns)
    return patients.join(who, on=KEY)


def strata_of(
    protocol: Protocol, seed: int, replicate: int, numbers: npt.NDArray[np.int64], by: Sequence[str]
) -> npt.NDArray[np.int64]:
    """The site and categories of some patients of a replicate, as codes. Shape (patients, strata or 1)."""
    if not by:
        return np.zeros((len(numbers), 1), np.int64)
    everyone = virtual_patients(protocol, DrawTable(seed, replicate, protocol.decision_codes.values()))
    places = [-1 if name == "site" else [item.name for item in protocol.covariates].index(name) for name in by]
    codes = {who.number: [who.site if k < 0 else int(who.baseline[k]) for k in places] for who in everyone}
    return np.array([codes[number] for number in numbers.tolist()], np.int64)


def _rows(protocol: Protocol, seed: int, replicate: int) -> Iterable[tuple[object, ...]]:
    table = DrawTable(seed, replicate, protocol.decision_codes.values())
    for who in virtual_patients(protocol, table):
        site = protocol.accrual.site_names[who.site] if who.site >= 0 else ""
        values = (_shown(item, value) for item, value in zip(protocol.covariates, who.baseline, strict=True))
        yield (replicate, who.number, site, who.is_sensitive, *values)


def _shown(covariate: Covariate, value: float) -> object:
    return covariate.categories[int(value)] if covariate.categories else value
