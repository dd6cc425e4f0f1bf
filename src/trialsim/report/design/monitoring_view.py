"""What `monitor` prints: the decision, how probable success is, and what is to be expected when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType

from trialsim.report.layout import DataTable, Paragraph


def monitoring_view(
    title: str,
    today: str,
    decision: str,
    endings: pd.DataFrame | None,
    safety: Mapping[str, Any] | None,
    milestones: pd.DataFrame,
    standing: Mapping[str, int],
    draws: tuple[float, int],
) -> RenderableType:
    """The decision by the looks so far, the predictive probability of each way to end, and the milestones.

    `endings` is None for a trial that has ended, `safety` for one without a boundary for toxicity; `draws` are the
    effective number of draws of the posterior and all.
    """
    states = ", ".join(f"{n} {name}" for name, n in standing.items())
    parts: list[RenderableType] = [
        Paragraph(f"\n{title}", "bold"),
        Paragraph(f"{today}: {states}\n"),
        Paragraph(f"By the design {decision}.\n"),
    ]
    if safety is not None:
        parts.append(Paragraph(_safety_in_words(safety)))
    if endings is None:
        return Group(*parts)
    known = f"; the data so far leave {draws[0]:.0f} of {draws[1]} draws of the posterior" if draws[1] > 1 else ""
    shares = [
        f"of {row['ending']} is {row['probability']:.3f} ± {row['mcse']:.3f}" for row in endings.to_dict("records")
    ]
    parts.append(Paragraph(f"The predictive probability {', '.join(shares)}{known}.\n"))
    table = DataTable("What is to be expected", ("", "in so many futures", "date", "90 % of them"))
    for row in milestones.to_dict("records"):
        table.add(
            row["milestone"], f"{100.0 * row['share']:.0f} %", row["date"], f"{row['date_low']} to {row['date_high']}"
        )
    return Group(*parts, table)


def _safety_in_words(safety: Mapping[str, Any]) -> str:
    """The boundary for toxicity as it stands."""
    n, from_on = safety["patients"], safety["stops_from"]
    stops = f"{from_on} of {n} stop the trial" if from_on is not None else f"with {n} no number stops the trial"
    reached = f"It was reached on day {safety['reached_day']:.0f}." if safety["reached"] else "It has not been reached."
    return (
        f"The boundary for toxicity: {safety['with_toxicity']} of {n} patients had it, and it is known of "
        f"{safety['known']}; {stops}. {reached}\n"
    )
