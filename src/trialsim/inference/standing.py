"""The patients of a running trial as they stand on a day: whose outcome is known, and for how long others are seen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from trialsim.errors import RequestError
from trialsim.inference.data import ENROLLED, EVALUABLE, arms_of, flags, no_column, numbers
from trialsim.typing import Counts, Flags, Floats

ENTERED: Final = "enrolled"  # a date, in the place of `enrolled_day`
EVENT_DAY: Final = "event_day"
OFF_DAY: Final = "off_study_day"


@dataclass(frozen=True)
class Standing:
    """Patients in order of entry, shapes (patients,): calendar day of entry, arm, study days of what has happened.

    `event` is infinite where there was none so far, `off` where the patient is still observed. `today` is a calendar
    day, from the opening of the trial on.
    """

    today: float
    entered: Floats
    arm: Counts
    event: Floats
    off: Floats
    is_evaluable: Flags

    @property
    def seen(self) -> Floats:
        """For how many days each patient has been on study."""
        return np.asarray(self.today - self.entered)

    def has_event(self) -> Flags:
        """Whether the event was seen."""
        return np.asarray(self.event <= self.seen)

    def is_closed(self, window_days: float) -> Flags:
        """Whether it is known that there will be no event: the window is over, or the patient is off study."""
        return np.asarray(~self.has_event() & ((self.seen >= window_days) | (self.off <= self.seen)))


def standing_of(table: pd.DataFrame, arms: Sequence[str], today: float | str | None, opens: dt.date) -> Standing:
    """The patients of a table on a day; by default the last day that the table knows of. Raises `RequestError`."""
    if not len(table):
        raise RequestError("patients", "the table has none.", "one row for each patient.", key="patients")
    entered = _entered(table, opens)
    event = _days(table, EVENT_DAY, is_needed=True)
    off = _days(table, OFF_DAY)
    known = entered + np.where(np.isfinite(event), event, np.where(np.isfinite(off), off, 0.0))
    day = float(known.max()) if today is None else day_of(today, opens)
    late = np.flatnonzero(known > day)
    if len(late):
        wrong = f"the patient of row {int(late[0]) + 2} has something later, on day {known[late[0]]:.0f}."
        raise RequestError(f"today = day {day:.0f}", wrong, "a day after all that the table knows.", key="today")
    evaluable = flags(table, EVALUABLE) != 0.0 if EVALUABLE in table else np.ones(len(table), np.bool_)
    order, arm = np.argsort(entered, kind="stable"), arms_of(table, arms)
    return Standing(day, entered[order], arm[order], event[order], off[order], np.asarray(evaluable)[order])


def day_of(given: float | str, opens: dt.date) -> float:
    """A day since the opening of the trial, from itself or from a date. Raises `RequestError`."""
    try:
        return float((dt.date.fromisoformat(given) - opens).days) if isinstance(given, str) else float(given)
    except ValueError:
        allowed = "a date such as 2027-03-01, or a number of days since the trial opened."
        raise RequestError(f"today: {given}", "this is not a valid day.", allowed, key="today") from None


def _entered(table: pd.DataFrame, opens: dt.date) -> Floats:
    if ENROLLED in table:
        days = numbers(table, ENROLLED)
    elif ENTERED in table:
        days = np.array([day_of(str(item), opens) for item in table[ENTERED]])
    else:
        raise no_column(table, f"`{ENROLLED}`, days since the trial opened, or `{ENTERED}`, a date")
    if np.isnan(days).any() or (days < 0.0).any():
        wrong = "some patients were enrolled on no day, or before the trial opened."
        raise RequestError(ENROLLED, wrong, f"a day from the opening on, {opens}.", key=ENROLLED)
    return days


def _days(table: pd.DataFrame, name: str, *, is_needed: bool = False) -> Floats:
    """Study days, infinite where a cell is empty. Raises `RequestError`."""
    if name not in table:
        if not is_needed:
            return np.full(len(table), np.inf)
        raise no_column(table, f"`{name}`: the study day of the event, empty where there was none so far")
    days = numbers(table, name)
    if (days < 0.0).any():
        raise RequestError(name, "a study day is negative.", "days from entry on.", key=name)
    return np.where(np.isnan(days), np.inf, days)
