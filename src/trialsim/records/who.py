"""Who the patients of a replicate are: site, sensitivity, baseline covariates, from the draws of their courses."""

from __future__ import annotations

from collections.abc import Iterable

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


def _rows(protocol: Protocol, seed: int, replicate: int) -> Iterable[tuple[object, ...]]:
    table = DrawTable(seed, replicate, protocol.decision_codes.values())
    for who in virtual_patients(protocol, table):
        site = protocol.accrual.site_names[who.site] if who.site >= 0 else ""
        values = (_shown(item, value) for item, value in zip(protocol.covariates, who.baseline, strict=True))
        yield (replicate, who.number, site, who.is_sensitive, *values)


def _shown(covariate: Covariate, value: float) -> object:
    return covariate.categories[int(value)] if covariate.categories else value
