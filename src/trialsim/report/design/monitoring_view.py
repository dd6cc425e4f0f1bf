"""What `monitor` prints: the decision, how probable success is, and what is to be expected when."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from rich.console import Group, RenderableType

from trialsim.report.layout import DataTable, Paragraph


def monitoring_view(
    title: str,
    today: str,
    decision: str,
    success: tuple[float, float] | None,
    milestones: pd.DataFrame,
    standing: Mapping[str, int],
    draws: tuple[float, int],
) -> RenderableType:
    """The decision by the looks so far, the predictive probability of success, and the milestones.

    `success` is None for a trial that has ended; `draws` are the effective number of draws of the posterior and all.
    """
    states = ", ".join(f"{n} {name}" for name, n in standing.items())
    parts: list[RenderableType] = [
        Paragraph(f"\n{title}", "bold"),
        Paragraph(f"{today}: {states}\n"),
        Paragraph(f"By the design {decision}.\n"),
    ]
    if success is None:
        return Group(*parts)
    known = f"; the data so far leave {draws[0]:.0f} of {draws[1]} draws of the posterior" if draws[1] > 1 else ""
    parts.append(Paragraph(f"The predictive probability of success is {success[0]:.3f} ± {success[1]:.3f}{known}.\n"))
    table = DataTable("What is to be expected", ("", "in so many futures", "date", "90 % of them"))
    for row in milestones.to_dict("records"):
        table.add(
            row["milestone"], f"{100.0 * row['share']:.0f} %", row["date"], f"{row['date_low']} to {row['date_high']}"
        )
    return Group(*parts, table)
