"""Numbers with units, as text: "14 days", "400 mg/day", "0.134 /month", "25 %", and where they come from.

A quantity is written as its text, as `{value: text, source: text}` where it is not from the protocol, or as
`calibrated` (or `{calibrated: NAME}`) where a parameter set gives the number.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from trialsim.model.units import DAYS_PER_MONTH, DAYS_PER_WEEK, DAYS_PER_YEAR

# A number and its unit; what looks like the rest of a number (`,5`, ` 000`) is no unit, but a power of ten is one.
_NUMBER = re.compile(
    r"((?>[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?))(?>\s*)((?![,.'_^]|[0-9]+(?![0-9^])).*)\Z"
)
_COMMA = re.compile(r"([-+]?[0-9]+),([0-9]+)(\s*[^\s0-9,.].*)?\Z")
MAX_LENGTH = 100  # characters of a number with its unit
_PERIODS = {
    "d": "day", "days": "day", "w": "week", "wk": "week", "wks": "week", "weeks": "week", "mo": "month", "mos": "month",
    "months": "month", "y": "year", "yr": "year", "yrs": "year", "years": "year",
}  # fmt: skip
OWN_NAME = "*"  # `calibrated` without a name: the parameter is named after its place


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


def point_for_comma(text: str) -> str:
    """A number with a decimal comma as it is written with a point; empty if the comma may separate thousands."""
    match = _COMMA.match(text.strip())
    return "" if match is None or len(match[2]) == 3 else f"{match[1]}.{match[2]}{match[3] or ''}"


def read_date(data: Any) -> Any:
    """A date, also from its ISO text."""
    if isinstance(data, str):
        try:
            data = dt.date.fromisoformat(data)
        except ValueError:
            raise mistake("this is no date", "a date of the calendar, such as 1999-10-01") from None
    if isinstance(data, dt.date) and not 1900 <= data.year <= 2200:
        raise mistake("this date is out of range", "a date from 1900 to 2200")
    return data


Day = Annotated[dt.date, BeforeValidator(read_date)]


class Quantity(BaseModel):
    """A number in its canonical unit, with its text and its source if one is stated.

    `calibrated` names the parameter that gives the number. No behaviour depends on the words of a source.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float = math.nan
    text: str = "calibrated"
    source: str | None = None
    calibrated: str = ""

    units: ClassVar[Mapping[str, float]] = {}
    convertible: ClassVar[Mapping[str, float]] = {}  # units that are refused, and what they are of the first of `units`
    words: ClassVar[Mapping[str, float]] = {}
    lowest: ClassVar[float] = 0.0
    highest: ClassVar[float] = math.inf
    is_open_below: ClassVar[bool] = False
    example: ClassVar[str] = "1"

    @classmethod
    def allowed(cls) -> str:
        """What may be written, in words."""
        bounds = f"above {cls.lowest:g}" if cls.is_open_below else f"at least {cls.lowest:g}"
        if cls.highest < math.inf:
            bounds += f" and at most {cls.highest:g}"
        units = ", ".join(dict.fromkeys(u for u in cls.units if u)) or "none"
        return f'a number and its unit ({units}), {bounds}, such as "{cls.example}"'

    @model_validator(mode="before")
    @classmethod
    def _read(cls, data: Any) -> Any:
        if isinstance(data, Quantity):
            return {"value": data.value, "text": data.text, "source": data.source, "calibrated": data.calibrated}
        if not isinstance(data, Mapping):
            return cls._parsed(data, None)
        unknown = set(data) - {"value", "source", "calibrated"}
        if unknown or not {"value", "calibrated"} & set(data):
            raise mistake("this is no quantity", f"{cls.allowed()}, or {{value: …, source: …}}")
        source = read_source(data["source"]) if "source" in data else None
        if "calibrated" in data:
            if "value" in data or not isinstance(data["calibrated"], str) or not data["calibrated"].strip():
                raise mistake("a number is calibrated or has a value", "{calibrated: NAME} or {value: …, source: …}")
            return {"calibrated": data["calibrated"].strip(), "source": source, "text": "calibrated"}
        return cls._parsed(data["value"], source)

    @classmethod
    def _parsed(cls, data: Any, source: str | None) -> dict[str, Any]:
        if data == "calibrated":
            return {"calibrated": OWN_NAME, "source": source}
        if isinstance(data, bool) or not isinstance(data, str | int | float):
            raise mistake("this is no number", cls.allowed())
        return {"value": cls.number(data), "text": str(data), "source": source}

    @classmethod
    def number(cls, data: str | float) -> float:
        """A text to the number in the canonical unit; raises what `mistake` makes."""
        text = str(data).strip()
        if text in cls.words:
            return cls.words[text]
        parts = split_number(text)
        if parts is None:
            wrong = "a number has a decimal point here, and no comma" if _COMMA.match(text) else "this is no number"
            raise mistake(wrong, cls.allowed(), point_for_comma(text))
        number, unit = parts
        factor = cls.factor_of(unit)
        if factor is None:
            wrong = f"{unit!r} is no unit for this" if unit else "a number needs its unit here"
            raise mistake(wrong, cls.allowed(), cls._equal_quantity(number, unit))
        value = number * factor
        below = value <= cls.lowest if cls.is_open_below else value < cls.lowest
        if not math.isfinite(value) or below or value > cls.highest:
            raise mistake("the number is out of range", cls.allowed())
        return value

    @classmethod
    def factor_of(cls, unit: str) -> float | None:
        """What a number in a unit is multiplied with; None for a unit that does not fit."""
        if unit in cls.units:
            return cls.units[unit]
        return {plain_unit(known): factor for known, factor in cls.units.items()}.get(plain_unit(unit))

    @classmethod
    def _equal_quantity(cls, number: float, unit: str) -> str:
        """The same quantity in a unit that is read, or nothing: a suggestion never changes a quantity."""
        factor = cls.convertible.get(plain_unit(unit))
        if factor is None:
            return ""
        text = f"{number * factor:.15g} {next(iter(cls.units))}"
        try:
            cls.number(text)
        except PydanticCustomError:
            return ""
        return text

    @classmethod
    def of(cls, text: str | float) -> Self:
        """A quantity from its text, without a source."""
        return cls.model_validate(text)

    @model_serializer
    def _write(self) -> Any:
        if self.calibrated:
            return "calibrated" if self.calibrated == OWN_NAME else {"calibrated": self.calibrated}
        parts = split_number(self.text)
        bare = parts is not None and not parts[1]
        written = (int(self.text) if self.text.isdigit() else float(self.text)) if bare else self.text
        return written if self.source is None else {"value": written, "source": self.source}


class Duration(Quantity):
    """A time span, canonical unit days."""

    units = {
        "days": 1.0, "day": 1.0, "weeks": DAYS_PER_WEEK, "week": DAYS_PER_WEEK, "months": DAYS_PER_MONTH,
        "month": DAYS_PER_MONTH, "years": DAYS_PER_YEAR, "year": DAYS_PER_YEAR,
    }  # fmt: skip
    convertible = {"h": 1 / 24, "hour": 1 / 24, "hours": 1 / 24, "min": 1 / 1440, "minutes": 1 / 1440}
    highest = 36525.0
    example = "14 days"


class Observation(Duration):
    """A time span in which something is to be seen, above 0 days."""

    is_open_below = True
    example = "12 months"


class Interval(Duration):
    """A time span between repetitions, above 0 days."""

    lowest = 0.01
    example = "14 days"


class LookInterval(Duration):
    """The time between assessments; 0 days or `continuously` for looking all the time."""

    words = {"continuously": 0.0}
    example = "28 days"

    @classmethod
    def number(cls, data: str | float) -> float:
        """As for any duration, but nothing between 0 and 1/100 of a day."""
        days = super().number(data)
        if 0.0 < days < Interval.lowest:
            raise mistake("assessments are too close together", 'at least 0.01 days, or "continuously"')
        return days


class Dose(Quantity):
    """A daily dose in mg/day; a bare number is mg/day, and a dose by the week is its average by the day."""

    units = {
        "mg/day": 1.0, "": 1.0, "g/day": 1000.0, "µg/day": 0.001, "mg/week": 1.0 / DAYS_PER_WEEK,
        "g/week": 1000.0 / DAYS_PER_WEEK, "µg/week": 0.001 / DAYS_PER_WEEK,
    }  # fmt: skip
    convertible = {
        "kg/day": 1e6, "ng/day": 1e-6, "mg/month": 1.0 / DAYS_PER_MONTH, "g/month": 1000.0 / DAYS_PER_MONTH,
        "mg/year": 1.0 / DAYS_PER_YEAR, "g/year": 1000.0 / DAYS_PER_YEAR,
    }  # fmt: skip
    is_open_below = True
    highest = 1e6
    example = "400 mg/day"

    @classmethod
    def number(cls, data: str | float) -> float:
        """As for any quantity; a dose that was converted is rounded to 15 digits, so that 700 µg/day is 0.7 mg/day."""
        dose = super().number(data)
        parts = split_number(str(data))
        return dose if parts is None or cls.factor_of(parts[1]) == 1.0 else float(f"{dose:.15g}")


class Rate(Quantity):
    """A hazard or arrival rate, canonical unit per month of 30.4375 days."""

    units = {
        "/month": 1.0, "per month": 1.0, "/day": DAYS_PER_MONTH, "per day": DAYS_PER_MONTH,
        "/week": DAYS_PER_MONTH / DAYS_PER_WEEK, "per week": DAYS_PER_MONTH / DAYS_PER_WEEK,
        "/year": DAYS_PER_MONTH / DAYS_PER_YEAR, "per year": DAYS_PER_MONTH / DAYS_PER_YEAR,
    }  # fmt: skip
    highest = 1e4
    example = "0.12 /month"


class Number(Quantity):
    """A number without a unit, at least 0."""

    units = {"": 1.0}
    highest = 1e3
    example = "0.7"


class Spread(Number):
    """A standard deviation on the log scale; beyond 10, single patients are e^80 times as likely as others."""

    highest = 10.0


class Shape(Number):
    """A Weibull shape."""

    lowest = 0.1
    highest = 10.0
    example = "1"


class DoseExponent(Number):
    """The power of dose / reference dose in a hazard; 0 for no part of the dose."""

    highest = 10.0
    example = "0.7"


class HazardRatio(Number):
    """A hazard ratio."""

    is_open_below = True
    example = "1.2"


class Probability(Quantity):
    """A probability: a number between 0 and 1, or per cent."""

    units = {"": 1.0, "%": 0.01, "percent": 0.01, "per cent": 0.01}
    highest = 1.0
    example = "0.25"


class Measurement(Quantity):
    """A measured value with whatever unit it has; canonical in that unit, per cent as a share of 1."""

    lowest = -math.inf
    example = "60 years"

    @classmethod
    def number(cls, data: str | float) -> float:
        """The number before the unit."""
        parts = split_number(str(data))
        if parts is None or not math.isfinite(parts[0]):
            raise mistake("this is no number", 'a number and its unit, such as "60 years"', point_for_comma(str(data)))
        return parts[0] * 0.01 if parts[1] == "%" else parts[0]

    @property
    def unit(self) -> str:
        """The unit as written; empty for none."""
        parts = split_number(self.text)
        return parts[1] if parts else ""
