"""The patients of a running trial as they stand on a day: what is known of each, and for how long each was seen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from trialsim.design.outcomes import Outcomes
from trialsim.errors import RequestError
from trialsim.inference.data import ENROLLED, EVALUABLE, arms_of, flags, no_column, numbers
from trialsim.model import interim as c
from trialsim.records.columns import FIRST_ONSET_PREFIX
from trialsim.typing import Counts, Flags, Floats

ENTERED: Final = "enrolled"  # a date, in the place of `enrolled_day`
EVENT_DAYS: Final = ("event_day", "toxicity_day")  # of the first and the second outcome that the design decides on
SAFETY_DAY: Final = "safety_day"
PROGRESSION_DAY: Final = "progression_day"
OFF_DAY: Final = "off_study_day"


@dataclass(frozen=True)
class Standing:
    """Patients in order of entry: calendar day of entry and arm (patients,), study days of outcomes, one a column.

    `event` is infinite where there was none so far; from `closed` on it is known that there will be none, on leaving or
    with the end of the window. `today` is a calendar day, from the opening of the trial on; for `waited` days before it
    accrual waited for looks.
    """

    today: float
    entered: Floats
    arm: Counts
    event: Floats
    closed: Floats
    is_evaluable: Flags
    waited: float = 0.0

    @property
    def seen(self) -> Floats:
        """For how many days each patient has been on study."""
        return np.asarray(self.today - self.entered)

    @property
    def has_event(self) -> Flags:
        """Whether each event was seen, shape (patients, outcomes)."""
        return np.asarray(self.event <= self.seen[:, None])

    @property
    def is_known(self) -> Flags:
        """Whether each outcome is known: the event was seen, or there will be none; shape (patients, outcomes)."""
        return np.asarray(self.has_event | (self.closed <= self.seen[:, None]))


def standing_of(
    table: pd.DataFrame, arms: Sequence[str], today: float | str | None, opens: dt.date, outcomes: Outcomes
) -> Standing:
    """The patients of a table on a day; by default the last day that the table knows of. Raises `RequestError`."""
    if not len(table):
        raise RequestError("patients", "the table has none.", "one row for each patient.", key="patients")
    entered = _entered(table, opens)
    followed = (*outcomes.primary, *([outcomes.safety] if outcomes.safety is not None else []))
    names = (*EVENT_DAYS[: len(outcomes.primary)], SAFETY_DAY)
    events = [_event_days(table, name, outcome) for name, outcome in zip(names, followed, strict=False)]
    progressed, off = _days(table, PROGRESSION_DAY), _days(table, OFF_DAY)
    last = np.max([np.where(np.isfinite(days), days, 0.0) for days in (*events, progressed, off)], axis=0)
    day = _day_of_look(entered + last, today, opens)
    evaluable = np.asarray(flags(table, EVALUABLE) != 0.0 if EVALUABLE in table else np.ones(len(table), np.bool_))
    pairs = [
        _outcome(outcome, days, progressed, off, evaluable) for outcome, days in zip(followed, events, strict=True)
    ]
    event, closed = (np.column_stack(columns) for columns in zip(*pairs, strict=True))
    order, arm = np.argsort(entered, kind="stable"), arms_of(table, arms)
    return Standing(day, entered[order], arm[order], event[order], closed[order], evaluable[order])


def _day_of_look(known: Floats, today: float | str | None, opens: dt.date) -> float:
    """The day on which the trial is looked at; `known` are the last calendar days known of the patients."""
    day = float(known.max()) if today is None else day_of(today, opens)
    late = np.flatnonzero(known > day)
    if len(late):
        wrong = f"the patient of row {int(late[0]) + 2} has something later, on day {known[late[0]]:.0f}."
        raise RequestError(f"today = day {day:.0f}", wrong, "a day after all that the table knows.", key="today")
    return day


def _outcome(
    outcome: c.Outcome, event: Floats, progressed: Floats, off: Floats, is_evaluable: Flags
) -> tuple[Floats, Floats]:
    """The study day of the event within its window, and the one from which it is known that there will be none."""
    closed = np.minimum(off, outcome.window_days)
    if outcome.kind == c.RESPONSE:
        closed = np.minimum(closed, progressed)
    in_window = np.where(event <= outcome.window_days, event, np.inf)
    if outcome.if_left == c.AN_EVENT and outcome.kind == c.TOXICITY:
        has_left = ~is_evaluable & (off < outcome.window_days) & (in_window == np.inf)
        in_window = np.where(has_left, off, in_window)
    return in_window, closed


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


def _event_days(table: pd.DataFrame, name: str, outcome: c.Outcome) -> Floats:
    """The study days of an outcome: its own column, or the first onsets of its toxicities. Raises `RequestError`."""
    onsets = [f"{FIRST_ONSET_PREFIX}{item}" for item in outcome.toxicities]
    if name in table or not onsets or not all(item in table for item in onsets):
        return _days(table, name, is_needed=True)
    return np.asarray(np.min([_days(table, item) for item in onsets], axis=0))


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
