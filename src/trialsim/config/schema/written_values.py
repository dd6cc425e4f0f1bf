"""Values as they are written: numbers with a unit, shares, dates, sources. An invalid one raises a `mistake`."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from trialsim.config.schema.json_forms import AlsoAccepts

# A number and its unit; what looks like the rest of a number (`,5`, ` 000`) is not a unit, but a power of ten is one.
_NUMBER = re.compile(
    r"((?>[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?))(?>\s*)((?![,.'_^]|[0-9]+(?![0-9^])).*)\Z"
)
_DECIMAL_COMMA = re.compile(r"([-+]?[0-9]+),([0-9]+)(\s*[^\s0-9,.].*)?\Z")
NO_DATE = "this is not a valid date (expected YYYY-MM-DD)"
MAX_LENGTH = 100  # characters of a number with its unit
_SPELLINGS: Final = {
    "d": "day", "days": "day", "w": "week", "wk": "week", "wks": "week", "weeks": "week", "mo": "month", "mos": "month",
    "months": "month", "y": "year", "yr": "year", "yrs": "year", "years": "year", "ug": "µg", "mcg": "µg",
    "m2": "m²", "m^2": "m²",
}  # fmt: skip
_DIGITS: Final = r"([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"
_DATE: Final = r"^(19[0-9]{2}|2[01][0-9]{2}|2200)-?(W|(0[1-9]|1[0-2])-?(0[1-9]|[12][0-9]|3[01])$)"


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
    """A unit in its plain spelling: `per mo` is `/month`, `MCG/d` is `µg/day`, `mg/m2/d` is `mg/m²/day`."""
    text = re.sub(r"\s*(?:/|\bper\b)\s*", "/", unit.strip().lower().replace("\u03bc", "µ"))
    return "/".join(_SPELLINGS.get(part, part) for part in text.split("/"))


def number_pattern(units: Iterable[str], *, has_sign: bool = False, is_positive: bool = False) -> str:
    """What `split_number` and `plain_unit` read, as a regular expression of JSON Schema; any unit where none is known.

    `has_sign` is for numbers that may be negative, `is_positive` for those that are not 0.
    """
    spellings = dict.fromkeys(_unit_pattern(plain_unit(unit)) for unit in units)
    unit = f"({'|'.join(spellings)})" if spellings else r"([^0-9,.'_^\s].*)?"
    sign, nonzero = "[-+]?" if has_sign else r"\+?", "(?=[0-9.]*[1-9])" if is_positive else ""
    return rf"^\s*{sign}{nonzero}{_DIGITS}\s*{unit}\s*$"


def _unit_pattern(plain: str) -> str:
    """Every spelling that `plain_unit` takes for a unit, in letters of either case."""
    parts = ["|".join(_spellings(part)).join("()") if part else "" for part in plain.split("/")]
    return r"(\s*/\s*|\s*[pP][eE][rR]\s+)".join(parts)


def _spellings(part: str) -> dict[str, None]:
    """Every spelling of a part of a unit, in letters of either case, in order."""
    spellings = [part, *(spelling for spelling, meant in _SPELLINGS.items() if meant == part)]
    if "µ" in part:
        spellings.append(part.replace("µ", "\u03bc"))
    return dict.fromkeys(map(_in_either_case, spellings))


def _in_either_case(word: str) -> str:
    return "".join(f"[{c}{c.upper()}]" if c.isascii() and c.isalpha() else re.escape(c) for c in word)


def read_share(data: Any) -> Any:
    """A share of 1 as a number, also from its text in per cent ("5 %")."""
    if not isinstance(data, str):
        return data
    parts = split_number(data)
    if parts is None or parts[1] not in ("", "%"):
        raise mistake("this is not a number", "a number such as 0.05, or 5 %", point_for_comma(data))
    return parts[0] / 100.0 if parts[1] else parts[0]


Share = Annotated[
    float, BeforeValidator(read_share), AlsoAccepts({"type": "string", "pattern": number_pattern(["", "%"])})
]


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


Day = Annotated[
    dt.date, BeforeValidator(read_date), WithJsonSchema({"type": "string", "format": "date", "pattern": _DATE})
]
