"""A design from plain numbers, without a scenario: what is printed of it, and its picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd
from rich.console import Group, RenderableType

from trialsim.design.base import PlannedDesign
from trialsim.report import labels
from trialsim.report.design.numbers_table import admissible_table, numbers_table, written
from trialsim.report.layout import DataTable, Paragraph

_COLUMNS: Final = {
    "look": "look", "information": "share", "patients": "patients", "events": "events", "months": "month",
    "stop_at_most": "stop: at most", "reject_from": "reject from", "reject_from_z": "reject from z",
    "futile_below_z": "stop below z", "nominal_p": "p alone", "spent_alpha": "alpha spent",
    "go_on_above": "go on above", "recommend_above": "recommend above", "most_toxic": "toxic at most",
    "futile_p0": "stops, p0", "rejects_p0": "rejects, p0", "futile_p1": "stops, p1", "rejects_p1": "rejects, p1",
}  # fmt: skip
_WHOLE: Final = ("look", "patients", "events", "stop_at_most", "reject_from", "go_on_above", "recommend_above",
                 "most_toxic")  # fmt: skip


def plain_design_view(
    planned: PlannedDesign, numbers: Mapping[str, Any], looks: pd.DataFrame, curve: pd.DataFrame, paragraph: str
) -> RenderableType:
    """The design, its looks, designs that could be had instead, the curve, and the sentences for a protocol."""
    others = planned.others if len(planned.others) > 1 else []
    shown = numbers if not len(looks) else {k: v for k, v in numbers.items() if k not in ("upper_z", "lower_z")}
    return Group(
        Paragraph(f"\n{planned.design.title[:1].upper()}{planned.design.title[1:]}\n", "bold"),
        *(Paragraph(f"{remark}\n") for remark in planned.remarks()),
        numbers_table(shown, planned.design),
        *([_looks(looks)] if len(looks) else []),
        *([admissible_table(others)] if others else []),
        *([_curve(curve)] if len(curve) else []),
        Paragraph("For the protocol", "bold"),
        Paragraph(f"\n{paragraph}\n"),
    )


def _looks(looks: pd.DataFrame) -> DataTable:
    names = [name for name in _COLUMNS if name in looks.columns]
    table = DataTable("The looks", [_COLUMNS[name] for name in names])
    for row in looks.to_dict("records"):
        table.add(*(_cell(row[name], name) for name in names))
    return table


def _cell(value: Any, name: str) -> str:
    if pd.isna(value):
        return labels.NOTHING
    if name in _WHOLE:
        return f"{value:.0f}"
    return f"{value:.1f}" if name == "months" else written(float(value))


def _curve(curve: pd.DataFrame) -> DataTable:
    """The operating characteristics by rate; a trial that cannot stop early has no column for it."""
    never = [name for name in ("stops_early", "expected_n") if name in curve and not curve["stops_early"].any()]
    names = [name for name in curve.columns if name not in never]
    table = DataTable("At other true rates" if "hazard_ratio" not in names else "At other hazard ratios",
                      [str(name).replace("_", " ") for name in names])  # fmt: skip
    for row in curve[names].to_dict("records"):
        table.add(*(_value(value, str(name)) for name, value in row.items()))
    return table


def _value(value: float, name: str) -> str:
    if name.startswith(("expected", "month")):
        return f"{value:.1f}"
    return f"{value:.4f}" if name.startswith(("rejects", "stops")) else f"{value:.4g}"


def points_of(planned: PlannedDesign, curve: pd.DataFrame) -> Sequence[str]:
    """The columns of a curve that are true rates or hazard ratios."""
    return [str(name) for name in curve.columns[: max(1, len(planned.alternative_rates))]]
