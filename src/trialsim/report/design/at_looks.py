"""What is printed of an interim look of a design from plain numbers: conditional power, and re-estimation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
from rich.console import Group, RenderableType

from trialsim.design.z_scale import ZScale
from trialsim.report import labels
from trialsim.report.layout import DataTable, Paragraph

_NAMES: Final = {
    "hazard_ratio": "hazard ratio", "p_experimental": "experimental rate", "conditional_power": "conditional power",
    "conditional_power_then": "then", "rejects": "rejects", "without": "without", "promising": "promising",
    "unweighted": "no weights",
}  # fmt: skip


def power_at_look_view(power: pd.DataFrame, look: int, z: float) -> RenderableType:
    """The conditional power under several assumptions."""
    return _table(f"Conditional power after look {look}, z = {z:g} (normal approximation)", power)


def reestimation_view(
    numbers: Mapping[str, Any], rule: pd.DataFrame, reached: pd.DataFrame, scale: ZScale, paragraph: str
) -> RenderableType:
    """The rule, what it comes to at true effects, and the sentences for a protocol."""
    unit = scale.unit
    titles = {unit: unit, f"expected_{unit}": f"expected {unit}", f"expected_{unit}_without": f"{unit} without"}
    pooled = f"{numbers['unweighted_alpha']:.4f} if the stages were pooled without weights"
    return Group(
        _table(f"The {unit} by z at the look (Mehta and Pocock 2011)", rule, titles),
        _table("At true effects, with re-estimation and without (by numerical integration)", reached, titles),
        Paragraph(f"The level is {numbers['alpha']:.4f}; {pooled}.\n"),
        Paragraph("For the protocol", "bold"),
        Paragraph(f"\n{paragraph}\n"),
    )


def _table(title: str, table: pd.DataFrame, titles: Mapping[str, str] | None = None) -> DataTable:
    names = [str(name) for name in table.columns]
    shown = DataTable(title, [{**_NAMES, **(titles or {})}.get(name, name) for name in names])
    for row in table.to_dict("records"):
        shown.add(*(_cell(row[name], name) for name in names))
    return shown


def _cell(value: Any, name: str) -> str:
    if isinstance(value, str):
        return value
    if pd.isna(value):
        return labels.NOTHING
    if name.startswith("expected"):
        return f"{value:.1f}"
    return f"{value:.0f}" if isinstance(value, int) else f"{value:.4g}" if name == "z" else f"{value:.4f}"
