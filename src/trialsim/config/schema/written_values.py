"""Values as they are written: numbers with a unit, shares, dates, sources. An invalid one raises a `mistake`."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

# A number and its unit; what looks like the rest of a number (`,5`, ` 000`) is not a unit, but a power of ten is one.
_NUMBER = re.compile(
    r"((?>[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?))(?>\s*)((?![,.'_^]|[0-9]+(?![0-9^])).*)\Z"
)
_DECIMAL_COMMA = re.compile(r"([-+]?[0-9]+),([0-9]+)(\s*[^\s0-9,.].*)?\Z")
NO_DATE = "this is not a valid date (expected YYYY-MM-DD)"
MAX_LENGTH = 100  # characters of a number with its unit
_PERIODS = {
    "d": "day", "days": "day", "w": "week", "wk": "week", "wks": "week", "weeks": "week", "mo": "month", "mos": "month",
    "months": "month", "y": "year", "yr": "year", "yrs": "year", "years": "year",
}  # fmt: skip


def mistake(wrong: str, allowed: str, suggestion: str = "") -> PydanticCustomError:
    """An error that carries what is allowed, and what was probably meant."""
    return PydanticCustomError("trialsim", "{wrong}", {"wrong": wrong, "allowed": allowed, "suggestion": suggestion})


def read_source(data: Any) -> str:
    """The source of a number: a short text."""
    if not isinstance(data, str) or not data.strip():
        raise mistake("a source is a short text", 'such as "assumed", "Glasmacher 2006" or "2006"')
    return data


def split_number(text: str) -> tuple[float, str] | None:
    """A text to its number and its unit, or None where it does not begin with a number."""
    match = _NUMBER.match(text.strip()) if len(text) <= MAX_LENGTH else None
    return (float(match[1]), match[2]) if match else None


def plain_unit(unit: str) -> str:
    """A unit in its plain spelling: `per mo` is `/month`, `MCG/d` is `µg/day`."""
    text = re.sub(r"\s*(?:/|\bper\b)\s*", "/", unit.strip().lower().replace("\u03bc", "µ"))
    amount, slash, period = text.rpartition("/")
    amount = {"ug": "µg", "mcg": "µg"}.get(amount, amount)
    return amount + slash + _PERIODS.get(period, period)


def read_share(data: Any) -> Any:
    """A share of 1 as a number, also from its text in per cent ("5 %")."""
    if not isinstance(data, str):
        return data
    parts = split_number(data)
    if parts is None or parts[1] not in ("", "%"):
        raise mistake("this is not a number", "a number such as 0.05, or 5 %", point_for_comma(data))
    return parts[0] / 100.0 if parts[1] else parts[0]


Share = Annotated[float, BeforeValidator(read_share)]


def has_decimal_comma(text: str) -> bool:
    """Whether a text is a number with a comma in the place of the point."""
    return _DECIMAL_COMMA.match(text) is not None


def point_for_comma(text: str) -> str:
    """A number with a decimal comma as it is written with a point; empty if the comma may separate thousands."""
    match = _DECIMAL_COMMA.match(text.strip())
    return "" if match is None or len(match[2]) == 3 else f"{match[1]}.{match[2]}{match[3] or ''}"


def read_date(data: Any) -> Any:
    """A date, also from its ISO text."""
    if isinstance(data, str):
        try:
            data = dt.date.fromisoformat(data)
        except ValueError:
            raise mistake(NO_DATE, "a date of the calendar, such as 1999-10-01") from None
    if isinstance(data, dt.date) and not 1900 <= data.year <= 2200:
        raise mistake("this date is out of range", "a date from 1900 to 2200")
    return data


Day = Annotated[dt.date, BeforeValidator(read_date)]
