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

_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*\Z")
OWN_NAME = "*"  # `calibrated` without a name: the parameter is named after its place


def mistake(wrong: str, allowed: str, suggestion: str = "") -> PydanticCustomError:
    """An error that carries what is allowed, and what was probably meant."""
    return PydanticCustomError("trialsim", "{wrong}", {"wrong": wrong, "allowed": allowed, "suggestion": suggestion})


def read_source(data: Any) -> str:
    """The source of a number: a short text."""
    if not isinstance(data, str) or not data.strip():
        raise mistake("a source is a short text", 'such as "assumed" or "Glasmacher 2006"', "assumed")
    return data


def split_number(text: str) -> tuple[float, str] | None:
    """A text to its number and its unit, or None where it does not begin with a number."""
    match = _NUMBER.match(text)
    return (float(match[1]), match[2]) if match else None


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
            raise mistake("this is no number", cls.allowed())
        number, unit = parts
        factor = cls.units.get(unit)
        if factor is None:
            wrong = f"{unit!r} is no unit for this" if unit else "a number needs its unit here"
            raise mistake(wrong, cls.allowed(), f"{number:g} {next(iter(cls.units))}")
        value = number * factor
        below = value <= cls.lowest if cls.is_open_below else value < cls.lowest
        if not math.isfinite(value) or below or value > cls.highest:
            raise mistake("the number is out of range", cls.allowed())
        return value

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
    """A daily dose in mg/day; a bare number is mg/day."""

    units = {"mg/day": 1.0, "": 1.0, "g/day": 1000.0}
    is_open_below = True
    highest = 1e6
    example = "400 mg/day"


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

    units = {"": 1.0, "%": 0.01}
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
            raise mistake("this is no number", 'a number and its unit, such as "60 years"')
        return parts[0] * 0.01 if parts[1] == "%" else parts[0]

    @property
    def unit(self) -> str:
        """The unit as written; empty for none."""
        parts = split_number(self.text)
        return parts[1] if parts else ""
