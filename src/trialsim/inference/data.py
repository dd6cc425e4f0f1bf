"""What was counted in a trial, look by look; from numbers, or from a table of patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from trialsim.errors import RequestError
from trialsim.model.units import DAYS_PER_MONTH
from trialsim.records.columns import BASELINE_PREFIX
from trialsim.typing import Counts, Flags, Floats

RESPONDED: Final = "responded"
ARM: Final = "arm"
EVALUABLE: Final = "is_evaluable"
ENROLLED: Final = "enrolled_day"
EVENT: Final = "event"
TIMES: Final = {"time_days": 1.0, "time_months": DAYS_PER_MONTH}
SEEN: Final = "response_seen_days"  # of the table of patients that `run` writes
PROGRESSION: Final = "progression_seen_days"
DEATH: Final = "death_days"
OBSERVED: Final = "observed_days"


@dataclass(frozen=True)
class Counted:
    """Patients and responses at each look that was taken, cumulative: shapes (looks, arms)."""

    patients: Counts
    responses: Counts


@dataclass(frozen=True)
class Covariates:
    """Columns that effects are adjusted for, that tests are stratified by, and whose levels are subgroups."""

    adjust: tuple[str, ...] = ()
    strata: tuple[str, ...] = ()
    subgroups: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.adjust, *self.strata, *self.subgroups)

    def check(self, table: pd.DataFrame) -> None:
        """Refuse columns that a table lacks, that patients have no value of, or that are asked for twice.

        Raises `RequestError`.
        """
        for name in self.names:
            if name not in table:
                there = ", ".join(map(str, table.columns))
                raise RequestError(f"column {name}", "the table has no such column.", f"one of {there}.", key="columns")
        both = [name for name in self.adjust if name in self.strata]
        if both:
            wrong = "the analysis is stratified by it."
            raise RequestError(f"adjust: {both[0]}", wrong, "one of the two.", key="adjust")
        missing = [name for name in self.names if table[name].isna().any()]
        if missing:
            wrong = f"{int(table[missing[0]].isna().sum())} patients have none."
            raise RequestError(f"column {missing[0]}", wrong, "a value for each patient.", key="columns")


def counted(data: Mapping[str, Any], arms: Sequence[str]) -> Counted:
    """Counts from numbers: `{"patients": …, "responses": …}`, of several arms by name; a number, or one for each look.

    Raises `RequestError`.
    """
    by_arm = [data] if len(arms) < 2 else [_of_arm(data, name) for name in arms]
    columns = [tuple(_whole(one, key) for key in ("patients", "responses")) for one in by_arm]
    n_looks = {len(values) for column in columns for values in column}
    if len(n_looks) != 1:
        raise RequestError("counts", "patients and responses have other numbers of looks.", "one for each look.")
    patients, responses = (np.array([column[i] for column in columns]).T for i in (0, 1))
    before = np.zeros_like(patients[:1])
    is_cumulative = (np.diff(patients, axis=0, prepend=before) >= 0).all()
    fits = (np.diff(responses, axis=0, prepend=before) <= np.diff(patients, axis=0, prepend=before)).all()
    if not is_cumulative or not fits or (np.diff(responses, axis=0, prepend=before) < 0).any():
        wrong = "between two looks there are more responses than patients, or fewer than before."
        raise RequestError("counts", wrong, "numbers of all patients so far, at each look.")
    return Counted(patients.astype(np.int64), responses.astype(np.int64))


def _of_arm(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    if not isinstance(data.get(name), Mapping):
        allowed = f'counts of each arm, {{"{name}": {{"patients": 30, "responses": 9}}, …}}.'
        raise RequestError(f"arm {name}", "there are no counts of it.", allowed, key=ARM)
    found: Mapping[str, Any] = data[name]
    return found


def _whole(data: Mapping[str, Any], key: str) -> list[int]:
    """One whole number, or several."""
    given = data.get(key)
    values = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    if not values or any(isinstance(x, bool) or not isinstance(x, Integral) or x < 0 for x in values):
        raise RequestError(
            f"{key}: {given!r}", "these are no counts.", "a whole number, or one for each look.", key=key
        )
    return [int(x) for x in values if x is not None]


def read_patients(path: Path | str) -> pd.DataFrame:
    """A table of patients from a CSV or parquet file. Raises `RequestError` for what is no such file."""
    try:
        return pd.read_parquet(path) if str(path).endswith(".parquet") else pd.read_csv(path)
    except FileNotFoundError:
        raise RequestError(str(path), "there is no such file.", "a CSV or parquet file of patients.") from None
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise RequestError(str(path), f"this is no table of patients: {error}.", "a CSV or parquet file.") from None


def responses_of(table: pd.DataFrame, within_days: float | None, counts_all: bool) -> Floats:
    """Whether each patient responded, 1 or 0, and NaN for those who are not evaluable.

    From the column `responded`, or from `response_seen_days` within a number of days of the first dose. Raises
    `RequestError`.
    """
    if RESPONDED in table:
        responded = flags(table, RESPONDED)
    elif SEEN in table:
        days = pd.to_numeric(table[SEEN], errors="coerce").to_numpy(np.float64)
        responded = np.where(np.isnan(days), 0.0, days <= (np.inf if within_days is None else within_days))
    else:
        raise no_column(table, f"`{RESPONDED}` (1, 0, or empty for who is not evaluable), or `{SEEN}`")
    if EVALUABLE in table and not counts_all:
        responded = np.where(flags(table, EVALUABLE) == 1.0, responded, np.nan)
    return np.where(np.isnan(responded), 0.0, responded) if counts_all else responded


def times_of(table: pd.DataFrame, is_death: bool) -> tuple[Floats, Flags]:
    """The days until the event or the end of observation, and whether there was an event. Raises `RequestError`.

    From `time_days` or `time_months` and `event`, or from the columns of the table that `run` writes.
    """
    for name, days in TIMES.items():
        if name in table and EVENT in table:
            times = numbers(table, name) * days
            events = flags(table, EVENT)
            if np.isnan(times).any() or np.isnan(events).any():
                raise RequestError(name, "some patients have no time or no event.", "a number and 1 or 0 for each.")
            return times, events == 1.0
    if OBSERVED in table and DEATH in table:
        first = numbers(table, DEATH)
        if not is_death and PROGRESSION in table:
            first = np.fmin(first, numbers(table, PROGRESSION))
        until = numbers(table, OBSERVED)
        seen = first <= until
        return np.where(seen, first, until), np.asarray(seen)
    raise no_column(table, f"`time_months` or `time_days` with `{EVENT}` (1 or 0)")


def arms_of(table: pd.DataFrame, arms: Sequence[str]) -> Counts:
    """The place of each patient's arm among the names. Raises `RequestError`."""
    if len(arms) < 2:
        return np.zeros(len(table), np.int64)
    if ARM not in table:
        raise no_column(table, f"`{ARM}`, one of {', '.join(arms)}")
    place = {name: i for i, name in enumerate(arms)}
    unknown = sorted({str(name) for name in table[ARM]} - set(place))
    if unknown:
        allowed = f"one of {', '.join(arms)}."
        raise RequestError(f"arm = {unknown[0]}", "the design has no such arm.", allowed, key=ARM)
    return np.array([place[str(name)] for name in table[ARM]], np.int64)


def columns_of_strata(table: pd.DataFrame, strata: Sequence[str]) -> tuple[str, ...]:
    """The columns that hold the strata of an allocation, by their names or as `run` exports them.

    Raises `RequestError` where one is not there.
    """
    found = []
    for name in strata:
        column = next((one for one in (name, f"{BASELINE_PREFIX}{name}") if one in table), None)
        if column is None:
            raise no_column(table, f"`{name}`: the test of the design is stratified by it")
        found.append(column)
    return tuple(found)


def counts_at_looks(table: pd.DataFrame, responded: Floats, arm: Counts, n_arms: int, looks: Sequence[int]) -> Counted:
    """Counts when so many evaluable patients, all arms together, were there: the last look has everyone.

    Patients are in the order of `enrolled_day` where the table has it, otherwise in that of its rows.
    """
    order = np.argsort(numbers(table, ENROLLED), kind="stable") if ENROLLED in table else np.arange(len(table))
    order = order[~np.isnan(responded[order])]
    ends = [n for n in looks[:-1] if n < len(order)] + [len(order)]
    patients = np.array([[(arm[order[:n]] == i).sum() for i in range(n_arms)] for n in ends])
    responses = np.array([[responded[order[:n]][arm[order[:n]] == i].sum() for i in range(n_arms)] for n in ends])
    return Counted(patients.astype(np.int64), responses.astype(np.int64))


def numbers(table: pd.DataFrame, name: str) -> Floats:
    """A column as numbers. Raises `RequestError` for text that is no number."""
    column = pd.to_numeric(table[name], errors="coerce")
    wrong = table[name].notna() & column.isna()
    if wrong.any():
        first = table.index[wrong][0]
        raise RequestError(
            f"{name} = {table[name][first]}", f"in row {first + 2} this is no number.", "numbers.", key=name
        )
    return np.asarray(column.to_numpy(np.float64))


def flags(table: pd.DataFrame, name: str) -> Floats:
    """A column of 1, 0, true, false, yes, no; NaN where it is empty. Raises `RequestError`."""
    words = {"1": 1.0, "1.0": 1.0, "true": 1.0, "yes": 1.0, "0": 0.0, "0.0": 0.0, "false": 0.0, "no": 0.0}
    values = [np.nan if pd.isna(item) else words.get(str(item).strip().lower(), -1.0) for item in table[name]]
    if -1.0 in values:
        row = values.index(-1.0)
        raise RequestError(
            f"{name} = {table[name].iloc[row]}", f"in row {row + 2} this is neither yes nor no.", "1 or 0.", key=name
        )
    return np.array(values, np.float64)


def no_column(table: pd.DataFrame, wanted: str) -> RequestError:
    """The error for a table without a column that is needed."""
    there = ", ".join(map(str, table.columns))
    return RequestError("columns", f"the table has {there}.", f"a column {wanted}.", key="columns")
