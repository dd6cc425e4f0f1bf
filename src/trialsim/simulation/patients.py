"""The patients of blocks of replicates as numbers, from either engine, in the same form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trialsim.model.protocol import Protocol
from trialsim.records.baseline import Enrolled, baseline_values, body_sizes
from trialsim.records.columns import (
    DAYS_AT_PREFIX,
    DOSE_BY_PREFIX,
    FIRST_ONSET_PREFIX,
    KEY,
    ONSETS_PREFIX,
    confirmed_column,
    is_total_dose,
    patient_columns_of,
    seen_column,
)
from trialsim.records.outcomes import patient_outcomes
from trialsim.simulation.engine import REFERENCE, batch_of, event_logs
from trialsim.typing import Counts, Flags, Floats

if TYPE_CHECKING:
    from trialsim.engines.batch.engine import Details


@dataclass(frozen=True)
class PatientTable:
    """Patients of the replicates from `first` to `first + n - 1`, in order of their numbers.

    `columns` has each column of `records.columns.patient_columns` from `patient` on, shape (patients,), codes and
    truths as numbers; `replicate` has shape (patients,) and counts from 0 within the block. Where doses are by body
    size, total doses stand there as for 1 m² or 1 kg, and indexing makes them those of each patient.
    """

    columns: Mapping[str, Floats]
    replicate: Counts
    first: int
    n: int
    protocol: Protocol
    seed: int

    def __getitem__(self, name: str) -> Floats:
        """One column, shape (patients,); a baseline column is drawn when it is asked for, categories as codes."""
        column = self.columns.get(name)
        if column is None:
            return baseline_values(name, self.protocol, self.seed, self.enrolled)
        if self.protocol.body_size >= 0 and is_total_dose(name):
            return column * body_sizes(self.protocol, self.seed, self.enrolled)
        return column

    def __len__(self) -> int:
        return len(self.replicate)

    @property
    def enrolled(self) -> Enrolled:
        """Who they are: replicate, number, calendar day of enrolment."""
        return Enrolled(self.first + self.replicate, self["patient"].astype(np.int64), self["enrolled_day"])


def patient_table(
    engine: str, protocol: Protocol, seed: int, first: int, n: int, wanted: Flags | None = None
) -> PatientTable:
    """The patients of `n` replicates from `first` on; `wanted`, if there, chooses whose courses are looked at.

    It has shape (replicates, patients), by place among the eligible, and no cut-off may wait for events.
    Raises `HazardError` where a hazard is infinite, NaN or negative.
    """
    if engine == REFERENCE:
        columns, replicate = _by_reference(protocol, seed, first, n, wanted)
        return PatientTable(columns, replicate, first, n, protocol, seed)
    return table_of_details(batch_of(protocol).details(seed, first, n, wanted), protocol, seed, first)


def _by_reference(
    protocol: Protocol, seed: int, first: int, n: int, wanted: Flags | None
) -> tuple[dict[str, Floats], Counts]:
    events = event_logs(REFERENCE, protocol, seed, range(first, first + n))
    table = patient_outcomes(events, protocol).sort_values(KEY)
    if wanted is not None:
        place = table.groupby(KEY[0]).cumcount().to_numpy()
        table = table[wanted[table[KEY[0]].to_numpy() - first, place]]
    names = [column.name for column in patient_columns_of(protocol) if column.name != KEY[0]]
    return {name: table[name].to_numpy(dtype=np.float64) for name in names}, table[KEY[0]].to_numpy() - first


def table_of_details(details: Details, protocol: Protocol, seed: int, first: int) -> PatientTable:
    """The patients that the batch engine gives in detail, of the replicates from `first` on."""
    outcomes, rows, by_item = details
    is_there = np.arange(rows.shape[1]) < outcomes["n_enrolled"][:, None]
    names = rows.dtype.names or ()
    values = rows.view(np.float64).reshape(*rows.shape, len(names))[is_there]  # quicker to select than records
    toxicities = [protocol.clocks[i].name for i in protocol.toxicities]
    items = [f"{prefix}{name}" for prefix in (ONSETS_PREFIX, FIRST_ONSET_PREFIX) for name in toxicities]
    items += [f"{DAYS_AT_PREFIX}{dose:g}" for dose in protocol.levels]
    items += [f"{DOSE_BY_PREFIX}{day:g}" for day in protocol.dose_days]
    items += [column_of(item) for column_of in (seen_column, confirmed_column) for item in protocol.responses]
    found = dict(zip([*map(protocol.dose_unit.column, names), *items], [*values.T, *by_item[is_there].T], strict=True))
    columns = {column.name: found[column.name] for column in patient_columns_of(protocol) if column.name in found}
    n = len(outcomes)
    return PatientTable(columns, np.repeat(np.arange(n), outcomes["n_enrolled"]), first, n, protocol, seed)
