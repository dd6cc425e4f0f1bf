"""One trial told in order: the event log as sentences."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from trialsim.report.words import date_of


def story(events: pd.DataFrame, opens: str) -> Iterator[str]:
    """One line per event of a readable event table: date, calendar day, patient, study day, what happened."""
    yield f"{'date':<10}  {'day':>7}  {'patient':>7}  {'on study':>8}  what happened"
    for row in events.itertuples():
        study_day = "" if pd.isna(row.study_day) else f"{row.study_day:8.2f}"
        date = date_of(opens, row.calendar_day)
        yield f"{date}  {row.calendar_day:7.2f}  {row.patient:>7}  {study_day:>8}  {sentence(row)}"


def sentence(row: object) -> str:
    """What one event says."""
    event, of, detail = str(row.event), str(row.of), str(row.detail)  # type: ignore[attr-defined]
    if event == "decision":
        return _decision(row, of, detail)
    if event == "first dose":
        return f"takes the first dose, {row.dose_to_mg_per_day:g} mg/day"  # type: ignore[attr-defined]
    if event == "toxicity onset":
        return f"{of} begins{_again(row)}"
    if event == "toxicity resolved":
        return f"{of} is over{_again(row)}"
    if event in ("response", "progression"):
        return f"{of} (not yet seen)" if event == "response" else f"{of} of the disease (not yet seen)"
    if event == "assessed":
        return f"is assessed: {detail}"
    if event in ("treatment ended", "observation ended"):
        return f"{event}: {detail}"
    if event == "died":
        return f"dies, disease {detail}"
    return {"became evaluable": "is evaluable from now on", "enrolled": "enrols"}.get(event, event)


def _decision(row: object, of: str, detail: str) -> str:
    before, after = row.dose_from_mg_per_day, row.dose_to_mg_per_day  # type: ignore[attr-defined]
    dose = f"{before:g} → {after:g} mg/day" if before != after else f"stays at {after:g} mg/day"
    why = f"rule {row.rule}" if row.rule else "no rule holds"  # type: ignore[attr-defined]
    moment = f"at {of}" if of else "at the visit"
    return f"{dose}: {detail} {moment} ({why})"


def _again(row: object) -> str:
    occurrence = int(row.occurrence)  # type: ignore[attr-defined]
    return f" (number {occurrence})" if occurrence > 1 else ""
