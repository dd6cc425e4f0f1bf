"""What an analysis prints: the decision, and a table of estimates."""

from __future__ import annotations

import math

import pandas as pd
from rich.console import Group, RenderableType

from trialsim.report import labels
from trialsim.report.layout import DataTable, Paragraph


def analysis_view(
    title: str, decision: str, table: pd.DataFrame, remarks: tuple[str, ...], confidence: float
) -> RenderableType:
    """The decision, what must be known, and the estimates with their intervals and p-values."""
    interval = f"{100.0 * confidence:g} % interval"
    shown = DataTable("", ("", "estimate", interval, "p", "method"), prose=("method",))
    for row in table.to_dict("records"):
        lower, upper = (_number(float(row[key])) for key in ("lower", "upper"))
        has_interval = not math.isnan(float(row["lower"]))
        shown.add(
            row["quantity"], _number(float(row["value"])), f"{lower} to {upper}" if has_interval else labels.NOTHING,
            _p_value(float(row["p_value"])), row["method"],
        )  # fmt: skip
    return Group(
        Paragraph(f"\n{title}\n", "bold"),
        Paragraph(f"By the design {decision}.\n"),
        *(Paragraph(f"{remark}\n") for remark in remarks),
        shown,
    )


def _number(value: float) -> str:
    if math.isnan(value):
        return labels.NOTHING
    if math.isinf(value):
        return labels.NOT_REACHED
    return f"{value:.0f}" if value == round(value) and abs(value) >= 2.0 else labels.significant(value)


def _p_value(p: float) -> str:
    if math.isnan(p):
        return labels.NOTHING
    return f"{p:.4f}" if p >= 1e-4 else f"{p:.1e}"
