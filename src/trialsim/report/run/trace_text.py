"""One trial told in order: the event log as sentences."""

from __future__ import annotations

import datetime as dt
import math
import sys
import textwrap
from collections.abc import Iterator
from typing import Any, Final

import pandas as pd

from trialsim.model.units import dose_unit_of
from trialsim.report.labels import date_of

_LEAST_TEXT: Final = 30  # columns that a continued line has at least


def story(events: pd.DataFrame, opens: dt.date, width: int = sys.maxsize) -> Iterator[str]:
    """One line per event of a readable event table: date, calendar day, patient, study day, what happened.

    A line that is longer than `width` goes on below.
    """
    head = f"{'date':<10}  {'day':>7}  {'patient':>7}  {'on study':>8}  "
    indent = " " * min(len(head), max(width - _LEAST_TEXT, 2))
    yield textwrap.fill(f"{head}what happened", width, subsequent_indent=indent)
    for row in events.to_dict(orient="records"):
        study_day = "" if math.isnan(row["study_day"]) else f"{row['study_day']:.2f}"
        day = row["calendar_day"]
        start = f"{date_of(opens, day)}  {day:7.2f}  {row['patient']:>7}  {study_day:>8}  "
        yield textwrap.fill(start + sentence(row), width, subsequent_indent=indent, break_on_hyphens=False)


def sentence(row: dict[Any, Any]) -> str:
    """What one event says."""
    event, of, detail = row["event"], row["of"], row["detail"]
    again = f" (number {row['occurrence']})" if row["occurrence"] > 1 else ""
    _, after, unit = _doses(row)
    sentences = {
        "screen failure": "is screened and not eligible",
        "enrolled": f"enrols, in the arm {row['arm']}" if row.get("arm") else "enrols",
        "first dose": f"takes the first dose, {after:g} {unit}",
        "toxicity onset": f"{of} begins{again}",
        "toxicity resolved": f"{of} is over{again}",
        "response": f"{of} begins, not yet seen",
        "progression": f"{of} of the disease, not yet seen",
        "assessed": f"is assessed: {detail}",
        "became evaluable": "is evaluable for response from now on",
        "treatment ended": f"treatment ends: {detail}",
        "observation ended": f"observation ends: {detail}",
        "died": f"dies; the disease was {detail}",
        "withdrew": "withdraws from the study",
        "discontinued": f"gives up treatment: {of}",
        "assessment missed": "misses an assessment",
        "response confirmed": f"the response is confirmed: {detail}",
    }
    return _decision(row) if event == "decision" else sentences[event]


def _doses(row: dict[Any, Any]) -> tuple[float, float, str]:
    """The dose before an event and after it, and their unit, which the columns name."""
    unit = dose_unit_of(row)
    return row[unit.column("dose_from_mg_per_day")], row[unit.column("dose_to_mg_per_day")], unit.text


def _decision(row: dict[Any, Any]) -> str:
    before, after, unit = _doses(row)
    dose = f"{before:g} → {after:g} {unit}" if before != after else f"stays at {after:g} {unit}"
    why = f"rule {row['rule']}" if row["rule"] else "no rule holds"
    moment = "at the visit"
    if row["of"]:
        moment = f"now that {row['of']} is over" if row["detail"] == "resume" else f"because of {row['of']}"
    if row["detail"] == "escalate" and before == after > 0:
        moment += ", already at the highest level"
    return f"{dose}: {row['detail']} {moment} ({why})"
