"""Cell probabilities from the batch engine: the scenario's own trial, on the same draws at every parameter value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from trialsim.calibration.patient_cells import (
    ConditionCell,
    CurveCell,
    Expressions,
    MomentCell,
    Numbers,
    PatientCell,
    expressions_of,
    numbers_of_cells,
)
from trialsim.calibration.targets import (
    ENROLLED,
    EVALUABLE,
    NOT_EVALUABLE,
    PLANNED,
    RESPONDERS,
    BelowCell,
    Cell,
    ShareCell,
)
from trialsim.engines.batch import Batch, Patients
from trialsim.model.parameters import with_values
from trialsim.model.protocol import ParameterPlace, Protocol
from trialsim.model.sums import add_in_order
from trialsim.records.outcomes import counted_columns_of
from trialsim.simulation.patients import table_of_details
from trialsim.typing import Flags, Floats

FIRST_REPLICATE: Final = 1


@dataclass(frozen=True)
class Simulator:
    """A trial whose parameters are calibrated. `n_trials` of it, on the draws of `seed`, stand for all of its patients.

    `places` tells where each parameter stands, `cells` what is wanted. The probabilities are a deterministic function
    of the parameters.
    """

    protocol: Protocol
    places: tuple[tuple[ParameterPlace, ...], ...]
    cells: tuple[Cell, ...]
    n_trials: int
    seed: int

    def probabilities(self, values: Sequence[float]) -> Floats:
        """The probability of each cell under parameters in engine units. Shape (cells,)."""
        return probabilities_of(self.numbers(values))

    def numbers(self, values: Sequence[float]) -> Floats:
        """The count of each cell and of how many simulated patients, in rows. Shape (cells, 2).

        Of a curve or moment it is the value, and the second number is missing.
        """
        batch = Batch(with_values(self.protocol, self.places, values))
        in_patients: Mapping[PatientCell, Numbers] = {}
        if self._expressions:
            patients, details = batch.patients_with_details(self.seed, FIRST_REPLICATE, self.n_trials)
            table = table_of_details(details, batch.protocol, self.seed, FIRST_REPLICATE)
            in_patients = numbers_of_cells(self._patient_cells, self._expressions, table)
        else:
            patients = batch.patients(self.seed, FIRST_REPLICATE, self.n_trials)
        totals = self._totals(patients)
        masks = self._who(patients)
        found = [
            in_patients[cell]
            if isinstance(cell, ConditionCell | CurveCell | MomentCell)
            else self._count(cell, totals, patients.enrolled, masks)
            for cell in self.cells
        ]
        return np.array(found).reshape(-1, 2)

    @cached_property
    def _patient_cells(self) -> tuple[PatientCell, ...]:
        return tuple(cell for cell in self.cells if isinstance(cell, ConditionCell | CurveCell | MomentCell))

    @cached_property
    def _expressions(self) -> Expressions:
        """What the cells that are measured in patients need, read once."""
        return expressions_of(self._patient_cells, self.protocol)

    def patients(self, values: Sequence[float], seed: int, first: int, n: int) -> Patients:
        """The patients of `n` trials from `first` on, under parameters in engine units."""
        return Batch(with_values(self.protocol, self.places, values)).patients(seed, first, n)

    def with_cells(self, cells: tuple[Cell, ...]) -> Simulator:
        """The same trial, for other cells."""
        return replace(self, cells=cells)

    def _totals(self, patients: Patients) -> dict[str, float]:
        totals = {name: float(patients.outcomes[name].sum()) for name in patients.outcomes.dtype.names or ()
                  if name.startswith("n_")}  # fmt: skip
        counted = counted_columns_of(self.protocol)
        totals |= {name: float(patients.n_counted[:, i].sum()) for i, name in enumerate(counted)}
        totals[PLANNED] = float(self.n_trials * self.protocol.accrual.n_patients)
        return totals

    @staticmethod
    def _who(patients: Patients) -> dict[str, Flags]:
        numbers = np.arange(patients.enrolled.shape[1])
        is_there = numbers[None, :] < patients.outcomes["n_enrolled"][:, None]
        return {
            ENROLLED: is_there,
            EVALUABLE: is_there & patients.enrolled["is_evaluable"],
            NOT_EVALUABLE: is_there & ~patients.enrolled["is_evaluable"],
            RESPONDERS: is_there & patients.enrolled["is_responder"],
        }

    @staticmethod
    def _count(
        cell: ShareCell | BelowCell, totals: dict[str, float], enrolled: npt.NDArray[Any], masks: dict[str, Flags]
    ) -> Numbers:
        if isinstance(cell, ShareCell):
            count, of = (add_in_order(totals[name] for name in text.split(" + ")) for text in (cell.column, cell.of))
            return count, of
        values = enrolled[cell.field][masks[cell.who]]
        return float(np.count_nonzero(values < cell.edge)), float(len(values))


def probabilities_of(numbers: Floats) -> Floats:
    """The probability of each cell. Shapes (…, 2) to (…).

    A share of n patients is (k + 1/2) / (n + 1), so that a cell which no simulated patient is in has a probability of
    about half a patient's. Curves and moments are what they are.
    """
    count, of = numbers[..., 0], numbers[..., 1]
    return np.where(np.isnan(of), count, (count + 0.5) / (of + 1.0))
