"""Cells that are measured in simulated patients: expressions over the patients table, and Kaplan-Meier estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trialsim.endpoints.expressions import Expression
from trialsim.endpoints.per_patient import known_columns
from trialsim.endpoints.survival import survival_and_greenwood
from trialsim.model.protocol import Protocol
from trialsim.simulation.patients import PatientTable
from trialsim.typing import Flags


@dataclass(frozen=True)
class ConditionCell:
    """The share of patients for whom `condition` holds, of those `among` whom it is looked for: two expressions."""

    condition: str
    among: str


@dataclass(frozen=True)
class CurveCell:
    """The Kaplan-Meier probability of no `event` by the day `at`, among some patients; `time` is the time in days.

    With `is_variance`, n times Greenwood's sum up to that day instead, for n patients.
    """

    time: str
    event: str
    among: str
    at: float
    is_variance: bool = False


@dataclass(frozen=True)
class MomentCell:
    """The mean of the `power` of a `value` of those `among` whom it is known."""

    value: str
    among: str
    power: int


PatientCell = ConditionCell | CurveCell | MomentCell
Expressions = Mapping[str, Expression]
Numbers = tuple[float, float]  # a count and of how many, or a value and nothing


def expressions_of(cells: Sequence[PatientCell], protocol: Protocol) -> dict[str, Expression]:
    """The expressions of some cells, read once."""
    known = known_columns(protocol)
    texts = [text for cell in cells for text in _texts_of(cell)]
    return {text: Expression(text, known, None) for text in dict.fromkeys(texts)}


def _texts_of(cell: PatientCell) -> tuple[str, ...]:
    if isinstance(cell, ConditionCell):
        return cell.condition, cell.among
    return (cell.value, cell.among) if isinstance(cell, MomentCell) else (cell.time, cell.event, cell.among)


def numbers_of_cells(
    cells: Sequence[PatientCell], expressions: Expressions, table: PatientTable
) -> dict[PatientCell, Numbers]:
    """The numbers of each cell in the patients of a table.

    A share is a count of so many. A curve or moment is a value, of which there is no denominator; a curve is missing
    from where nobody is observed any more, a moment where it is of nobody.
    """
    values = {text: expression(table, len(table)) for text, expression in expressions.items()}
    found: dict[PatientCell, Numbers] = {}
    curves: dict[tuple[str, str, str], list[CurveCell]] = {}
    for cell in cells:
        if isinstance(cell, ConditionCell):
            found[cell] = _count(values[cell.condition] > 0.0, values[cell.among] > 0.0)
        elif isinstance(cell, MomentCell):
            own_values = values[cell.value][(values[cell.among] > 0.0) & ~np.isnan(values[cell.value])]
            found[cell] = (float(np.mean(own_values**cell.power)) if len(own_values) else np.nan, np.nan)
        else:
            curves.setdefault((cell.time, cell.event, cell.among), []).append(cell)
    for (time, event, among), own in curves.items():
        who = (values[among] > 0.0) & ~np.isnan(values[time])
        at = np.array([cell.at for cell in own])
        survival, greenwood = survival_and_greenwood(values[time][who], values[event][who] > 0.0, at)
        for cell, s, variance in zip(own, survival.tolist(), greenwood.tolist(), strict=True):
            found[cell] = (variance if cell.is_variance else s, np.nan)
    return found


def _count(holds: Flags, among: Flags) -> Numbers:
    return float(np.count_nonzero(holds & among)), float(np.count_nonzero(among))


def curve_cells(time: str, event: str, among: str, days: Sequence[float]) -> tuple[CurveCell, ...]:
    """Survival and variance at some days, in turn."""
    return tuple(CurveCell(time, event, among, day, is_variance) for day in days for is_variance in (False, True))
