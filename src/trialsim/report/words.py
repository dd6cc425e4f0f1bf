"""Numbers and names in the words that a report uses."""

from __future__ import annotations

import math

import pandas as pd

_LABELS = {
    "dose.median": "median dose",
    "dose.median.evaluable": "median dose, evaluable patients",
    "dose.median.highest_level": "median of the highest dose",
    "evaluable": "evaluable for response",
    "response.partial": "partial response",
    "response.minor": "minor response",
    "response.any": "any response",
    "responders.progression_free": "responders progression-free",
    "responders.relapsed": "responders relapsed",
    "responders.died": "responders died",
    "follow_up.median": "median follow-up",
    "follow_up.median.responders": "median follow-up, responders",
    "toxicity.any_severe": "any severe toxicity",
    "treatment.stopped_by_rule": "treatment stopped by a rule",
    "progression.seen": "relapse or progression seen",
    "died": "died",
    "enrolled": "enrolled",
    "screened": "screened",
    "trial.duration": "length of the trial",
}


def label(quantity: str) -> str:
    """A quantity in words."""
    return _LABELS.get(quantity, quantity.removeprefix("toxicity."))


def number(value: float, unit: str, *, with_unit: bool = True) -> str:
    """A value as a report shows it: per cent for shares, whole mg/day, one decimal for months."""
    if math.isnan(value):
        return "–"
    if not unit:
        return f"{100 * value:.1f} %" if with_unit else f"{100 * value:.1f}"
    digits = 0 if unit == "mg/day" else 1
    return f"{value:.{digits}f} {unit}" if with_unit else f"{value:.{digits}f}"


def with_error(value: float, error: float, unit: str) -> str:
    """A value ± its Monte Carlo standard error."""
    if math.isnan(error):
        return number(value, unit)
    scale, digits = (100.0, 1) if not unit else (1.0, 1 if unit == "mg/day" else 2)
    return f"{value * scale:.{digits}f} ± {error * scale:.{digits + (not unit)}f} {unit or '%'}"


def interval(lower: float, upper: float, unit: str) -> str:
    """An interval with its unit; shares to the whole per cent."""
    if math.isnan(lower):
        return "–"
    if not unit:
        return f"{100 * lower:.0f} – {100 * upper:.0f} %"
    digits = 0 if unit in ("mg/day", "patients") else 1
    return f"{lower:.{digits}f} – {upper:.{digits}f} {unit}"


def position(value: float) -> str:
    """Where a published figure lies among simulated trials, as a percentile."""
    if math.isnan(value):
        return ""
    percent = 100 * value
    mark = "  outside" if not 2.5 <= percent <= 97.5 else ""
    return f"{percent:.0f} %{mark}" if 1 <= percent <= 99 else f"{percent:.1f} %{mark}"


def date_of(opens: str, calendar_day: float) -> str:
    """The date of a calendar day."""
    return str((pd.Timestamp(opens) + pd.Timedelta(days=math.floor(calendar_day))).date())
