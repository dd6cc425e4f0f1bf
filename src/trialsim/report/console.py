"""The table of published against simulated, in a terminal."""

from __future__ import annotations

import pandas as pd
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from trialsim.config import Scenario
from trialsim.report import words


def estimates_view(scenario: Scenario, table: pd.DataFrame, n_replicates: int, seed: int) -> RenderableType:
    """The estimates of a run: published figures first where there are some, then what else was measured."""
    published = table[table["printed"] != ""]
    others = table[table["printed"] == ""]
    n = scenario.accrual.patients
    heading = Text(f"\n{scenario.title}\n", style="bold")
    heading.append(f"{n_replicates:,} simulated trials of {n} patients, seed {seed}", style="not bold")
    parts: list[RenderableType] = [heading]
    if len(published) and scenario.cohort is not None:
        parts += [_published(published), _explained(published, n)]
    parts += [_simulated(others), Text(_note(n, bool(len(published))))]
    return Group(*parts)


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, title_style="bold")


def _published(rows: pd.DataFrame) -> Table:
    table = _table("Published against simulated")
    for name, justify in (("figure", "left"), ("published", "right"), ("simulated", "right"), ("95 % of trials", "right"), ("at", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for row in rows.itertuples():
        table.add_row(
            words.label(row.quantity),
            row.printed,
            words.with_error(row.value, row.mcse, row.unit),
            words.interval(row.lower, row.upper, row.unit),
            words.position(row.position),
        )
    return table


def _simulated(rows: pd.DataFrame) -> Table:
    table = _table("Also measured")
    for name, justify in (("quantity", "left"), ("simulated", "right"), ("95 % of trials", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for row in rows.itertuples():
        table.add_row(
            words.label(row.quantity),
            words.with_error(row.value, row.mcse, row.unit),
            words.interval(row.lower, row.upper, row.unit),
        )
    return table


def _explained(rows: pd.DataFrame, n: int) -> Text:
    outside = rows[(rows["position"] < 0.025) | (rows["position"] > 0.975)]
    if len(outside):
        names = ", ".join(words.label(quantity) for quantity in outside["quantity"])
        return Text(f"Outside the 95 % interval: {names}.", style="bold red")
    return Text(f"Every published figure lies inside the 95 % interval of trials of {n}.")


def _note(n: int, has_published: bool) -> str:
    lines = [
        "± is the Monte Carlo standard error. The interval holds 95 % of single trials of",
        f"{n} patients: patient sampling, with the parameters fixed; it does not contain what",
        "is unknown about the parameters.",
    ]
    if has_published:
        lines[-1] += " `at` is the share of trials below the published figure"
        lines.append("(half of those equal to it, after rounding as printed).")
    return "\n".join(lines)
