"""Variants of one trial on the same patients: what each trial says of each endpoint, block by block.

Every variant simulates the same replicates with the same seed, and a replicate has the same draw of the parameters in
all of them; so a patient meets the same chance under every strategy, and what differs is the strategy. In a parallel
trial each patient is in one arm, and what would have happened in the others is not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trialsim.endpoints.per_patient import PatientEndpoint, endpoint_written
from trialsim.model.parameters import draw_numbers
from trialsim.model.protocol import Protocol
from trialsim.model.sums import add_in_order
from trialsim.records.columns import Column
from trialsim.records.digest import row_type
from trialsim.simulation.allocation import Arms
from trialsim.simulation.patients import PatientTable, patient_table
from trialsim.storage.replicate_store import ReplicateStore, Rows
from trialsim.typing import Counts, Floats

UTILITY = "utility"


@dataclass(frozen=True)
class PreparedComparison:
    """What is compared: protocols, engines and endpoints by variant, pairs of variants, weights of the utility.

    `plane` names the endpoints of benefit and of harm. `arms` allocates patients in a parallel trial; without it every
    variant treats everyone. `reference` is the place of the control, or of the first variant; there is a pair of every
    other one with it.
    """

    names: tuple[str, ...]
    protocols: tuple[Protocol, ...]
    engines: tuple[str, ...]
    of_variants: tuple[tuple[PatientEndpoint, ...], ...]
    pairs: tuple[tuple[int, int], ...]
    weights: tuple[float, ...] = ()
    plane: tuple[str, str] | None = None
    arms: Arms | None = None
    reference: int = 0

    @property
    def endpoints(self) -> tuple[PatientEndpoint, ...]:
        """The endpoints, as the first variant has them."""
        return self.of_variants[0]

    @property
    def quantities(self) -> tuple[str, ...]:
        """The endpoints by name, with the utility if there is one."""
        names = tuple(item.name for item in self.endpoints)
        return (*names, UTILITY) if self.weights else names

    @property
    def columns(self) -> tuple[Column, ...]:
        """One row a trial: numbers of each variant, what patients make of their variance, the same of differences."""
        variants = [(name, quantity) for name in self.names for quantity in self.quantities]
        pairs = [(self.names[a], self.names[b], quantity) for a, b in self.pairs for quantity in self.quantities]
        by_patients = "variance of the number that its patients make"
        labels = {
            **{f"{name} | {quantity}": f"{quantity} in this trial" for name, quantity in variants},
            **{f"{name} | {quantity} | variance": by_patients for name, quantity in variants},
            **{f"{one} - {other} | {quantity} | variance": by_patients for one, other, quantity in pairs},
        }
        draw = "row, from 1, of the table of parameter draws; 0 for none"
        return (
            Column("replicate", "int64", "", "number of the replicate, from 1"),
            Column("parameter_draw", "int64", "", draw),
            *(Column(label, "float64", "", meaning) for label, meaning in labels.items()),
        )


@dataclass(frozen=True)
class Numbers:
    """What all trials say: `values` and `variances` (variants, quantities, trials), `pair_variances` (pairs, …)."""

    values: Floats
    variances: Floats
    pair_variances: Floats
    draws: Counts

    @classmethod
    def of(cls, prepared: PreparedComparison, store: ReplicateStore) -> Numbers:
        """The numbers that a store holds."""
        rows = store.head(store.n)
        names = [column.name for column in prepared.columns]
        table = np.stack([rows[name] for name in names[2:]])
        n_variants, n_quantities, n_pairs = len(prepared.names), len(prepared.quantities), len(prepared.pairs)
        first, second = n_variants * n_quantities, 2 * n_variants * n_quantities
        shape = (n_variants, n_quantities, store.n)
        return cls(
            table[:first].reshape(shape),
            table[first:second].reshape(shape),
            table[second:].reshape(n_pairs, n_quantities, store.n),
            rows["parameter_draw"],
        )


def comparison_rows(prepared: PreparedComparison, seed: int, first: int, n: int) -> Rows:
    """The rows of `n` trials from `first` on. Raises `HazardError` for a degenerate hazard."""
    tables = [
        patient_table(engine, protocol, seed, first, n)
        for engine, protocol in zip(prepared.engines, prepared.protocols, strict=True)
    ]
    places, n_places = _places(tables)
    widths = _widths(tables, n)
    chosen = prepared.arms.of(prepared.protocols[0], tables[0], seed) if prepared.arms is not None else None
    rows = np.zeros(n, row_type(prepared.columns))
    rows["replicate"] = np.arange(first, first + n)
    protocol = prepared.protocols[0]
    rows["parameter_draw"] = draw_numbers(protocol.n_parameter_draws, seed, rows["replicate"].astype(np.int64))
    utility: list[Floats] = [np.zeros(n) for _ in tables]
    utility_added = [np.zeros(n_places) for _ in tables]
    for k, endpoint in enumerate(prepared.endpoints):
        added = []
        for i, table in enumerate(tables):
            is_in_arm = None if chosen is None else chosen == i
            values, parts = prepared.of_variants[i][k].of_trials(table, is_in_arm)
            dense = np.zeros(n_places)
            dense[places[i]] = parts
            added.append(dense)
            rows[f"{prepared.names[i]} | {endpoint.name}"] = values
            if prepared.weights:
                utility[i] = utility[i] + prepared.weights[k] * values if prepared.weights[k] != 0.0 else utility[i]
                utility_added[i] += prepared.weights[k] * dense
        _write_variances(prepared, rows, endpoint.name, added, widths)
    if prepared.weights:
        for i, name in enumerate(prepared.names):
            rows[f"{name} | {UTILITY}"] = utility[i]
        _write_variances(prepared, rows, UTILITY, utility_added, widths)
    return rows


def _places(tables: Sequence[PatientTable]) -> tuple[list[Counts], int]:
    """Where each patient of each variant stands among all: one place for a patient, whatever the variant."""
    most = max((int(table["patient"].max()) if len(table) else 0) for table in tables)
    places = [table.replicate * most + table["patient"].astype(np.int64) - 1 for table in tables]
    return places, tables[0].n * most


def _widths(tables: Sequence[PatientTable], n: int) -> Counts:
    """The largest number of a patient in each trial."""
    widths = np.zeros(n, np.int64)
    for table in tables:
        np.maximum.at(widths, table.replicate, table["patient"].astype(np.int64))
    return widths


def _write_variances(
    prepared: PreparedComparison, rows: Rows, quantity: str, added: Sequence[Floats], widths: Counts
) -> None:
    def total(squares: Floats) -> Floats:
        """A sum for each trial over its own patients: the order of a sum must not depend on other trials of a block."""
        totals = np.zeros(len(widths))
        for width in np.unique(widths[widths > 0]):
            trials = np.flatnonzero(widths == width)
            totals[trials] = np.ascontiguousarray(squares.reshape(len(widths), -1)[trials, :width]).sum(axis=1)
        return totals

    for i, name in enumerate(prepared.names):
        rows[f"{name} | {quantity} | variance"] = total(added[i] ** 2)
    for a, b in prepared.pairs:
        label = f"{prepared.names[a]} - {prepared.names[b]} | {quantity} | variance"
        rows[label] = total((added[a] - added[b]) ** 2)


def weights_of(utility: Mapping[str, float], endpoints: Sequence[PatientEndpoint]) -> tuple[float, ...]:
    """The weight of each endpoint in the utility; none where there is no utility."""
    named = [(endpoint_written(endpoints, name), weight) for name, weight in utility.items()]
    return tuple(add_in_order(weight for item, weight in named if item is one) for one in endpoints) if utility else ()
