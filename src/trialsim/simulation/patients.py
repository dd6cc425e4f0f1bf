"""The patients of blocks of replicates as numbers, from either engine, in the same form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trialsim.model.protocol import Protocol
from trialsim.records.columns import KEY
from trialsim.records.outcomes import patient_columns_of, patient_outcomes
from trialsim.simulation.engine import REFERENCE, batch_of, event_logs
from trialsim.typing import Counts, Flags, Floats


@dataclass(frozen=True)
class PatientTable:
    """Patients of the replicates from `first` to `first + n - 1`, in order of their numbers.

    `values` has shape (patients, columns) with the columns of `records.columns.patient_columns` from `patient` on,
    codes and truths as numbers; `replicate` has shape (patients,) and counts from 0 within the block.
    """

    names: tuple[str, ...]
    values: Floats
    replicate: Counts
    first: int
    n: int

    def __getitem__(self, name: str) -> Floats:
        """One column, shape (patients,)."""
        return self.values[:, self.names.index(name)]

    def __len__(self) -> int:
        return len(self.values)


def patient_table(
    engine: str, protocol: Protocol, seed: int, first: int, n: int, wanted: Flags | None = None
) -> PatientTable:
    """The patients of `n` replicates from `first` on; `wanted`, if there, chooses whose courses are looked at.

    It has shape (replicates, patients), by place among the eligible, and no cut-off may wait for events.
    Raises `HazardError` where a hazard is infinite, NaN or negative.
    """
    names = tuple(column.name for column in patient_columns_of(protocol) if column.name != KEY[0])
    if engine == REFERENCE:
        table = patient_outcomes(event_logs(engine, protocol, seed, range(first, first + n)), protocol)
        table = table.sort_values(KEY)
        if wanted is not None:
            place = table.groupby(KEY[0]).cumcount().to_numpy()
            table = table[wanted[table[KEY[0]].to_numpy() - first, place]]
        values = np.column_stack([table[name].to_numpy(dtype=np.float64) for name in names])
        return PatientTable(names, values, table[KEY[0]].to_numpy() - first, first, n)
    outcomes, details = batch_of(protocol).details(seed, first, n, len(names), wanted)
    is_there = np.arange(details.shape[1]) < outcomes["n_enrolled"][:, None]
    replicate = np.repeat(np.arange(n), outcomes["n_enrolled"])
    return PatientTable(names, details[is_there], replicate, first, n)
