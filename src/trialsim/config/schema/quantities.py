"""The kinds of quantity: durations, doses, rates, probabilities and numbers, each with its units and bounds."""

from __future__ import annotations

import difflib
import math
from typing import Final

from trialsim.config.schema.quantity import Quantity
from trialsim.config.schema.written_values import mistake, plain_unit, point_for_comma, split_number
from trialsim.model.units import DAYS_PER_MONTH, DAYS_PER_WEEK, DAYS_PER_YEAR, DOSE_UNITS, MG_PER_DAY, DoseUnit


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


_AMOUNTS: Final = {"mg": 1.0, "g": 1000.0, "µg": 0.001}  # in mg
_DAYS_OF_PERIODS: Final = {"/day": 1.0, "/week": DAYS_PER_WEEK, "": 1.0}
_SIZES: Final = tuple(f"/{unit.size}" if unit.size else "" for unit in DOSE_UNITS)


_NEAR: Final = 0.85  # how much of a misspelt unit is as in the one that is meant


class Dose(Quantity):
    """A daily dose in mg/day, or for each m² or kg of a patient.

    A bare number is mg/day, an amount without a time is a day's, and a dose by the week is its average by the day.
    """

    units = {
        **{
            f"{amount}{size}{period}": factor / days
            for size in _SIZES
            for period, days in _DAYS_OF_PERIODS.items()
            for amount, factor in _AMOUNTS.items()
        },
        "": 1.0,
    }
    convertible = {
        "kg/day": 1e6, "ng/day": 1e-6, "mg/month": 1.0 / DAYS_PER_MONTH, "g/month": 1000.0 / DAYS_PER_MONTH,
        "mg/year": 1.0 / DAYS_PER_YEAR, "g/year": 1000.0 / DAYS_PER_YEAR,
    }  # fmt: skip
    is_open_below = True
    highest = 1e6
    example = "400 mg/day"

    @classmethod
    def units_in_words(cls) -> str:
        """Amounts by time, and the sizes of a body instead of every unit by each of them."""
        units = ", ".join(f"{amount}{period}" for period in _DAYS_OF_PERIODS for amount in _AMOUNTS)
        by_size = [unit for unit in DOSE_UNITS if unit.size]
        return f"{units}; by {' or '.join(unit.size for unit in by_size)}: {', '.join(unit.text for unit in by_size)}"

    @classmethod
    def with_nearest_unit(cls, number: float, unit: str) -> str:
        """The unit with the same amount whose size and time are nearest: mg/kg/day for mg/kgs/day."""
        amount, slash, rest = plain_unit(unit).partition("/")
        amount = amount.removesuffix("s")
        given = amount + slash + rest
        known = [item for item in map(plain_unit, cls.units) if item.partition("/")[0] == amount]
        close = difflib.get_close_matches(given, known, n=1, cutoff=_NEAR)
        return f"{number:.15g} {close[0]}" if amount and close else ""

    @classmethod
    def number(cls, data: str | float) -> float:
        """As for any quantity; a dose that was converted is rounded to 15 digits, so that 700 µg/day is 0.7 mg/day."""
        dose = super().number(data)
        parts = split_number(str(data))
        return dose if parts is None or cls.factor_of(parts[1]) == 1.0 else float(f"{dose:.15g}")

    @classmethod
    def unit_of(cls, data: str | float) -> DoseUnit:
        """The unit of a dose by its text."""
        _, written = split_number(str(data)) or (math.nan, "")
        sizes = plain_unit(written).split("/")[1:]
        return next((unit for unit in DOSE_UNITS if unit.size in sizes), MG_PER_DAY)

    @property
    def unit(self) -> DoseUnit:
        """The unit of the number."""
        return self.unit_of(self.text)

    def __str__(self) -> str:
        return f"{self.value:g} {self.unit.text}"


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
    """The power of dose / reference dose in a hazard: 0 for no part of the dose, below 0 where the drug protects."""

    lowest = -10.0
    highest = 10.0
    example = "0.7"


class HazardRatio(Number):
    """A hazard ratio."""

    is_open_below = True
    example = "1.2"


class PieceRatio(Number):
    """A factor on a hazard while a piece of it lasts; 0 for none."""

    example = "0.5"


class CorrelationCoefficient(Number):
    """A correlation, above -1 and below 1."""

    lowest = -1.0
    highest = math.nextafter(1.0, 0.0)
    is_open_below = True
    example = "0.3"

    @classmethod
    def allowed(cls) -> str:
        """What may be written, in words."""
        return f'a number above -1 and below 1, such as "{cls.example}"'


class OddsRatio(Number):
    """A ratio of odds."""

    is_open_below = True
    example = "0.8"


class Probability(Quantity):
    """A probability: a number between 0 and 1, or per cent."""

    units = {"": 1.0, "%": 0.01, "percent": 0.01, "per cent": 0.01}
    highest = 1.0
    example = "0.25"


NOT_REACHED: Final = "not reached"
_IN_PLACE_OF_A_VALUE: Final = "for a median, `not_reached_by: 14 months` in place of `value` and `rounded_to`"


class Measurement(Quantity):
    """A measured value with whatever unit it has; canonical in that unit, per cent as a share of 1."""

    lowest = -math.inf
    example = "60 years"

    @classmethod
    def number(cls, data: str | float) -> float:
        """The number before the unit."""
        text = str(data).strip()
        if text in cls.words:
            return cls.words[text]
        if text == NOT_REACHED:
            raise mistake("what was not reached has no value", _IN_PLACE_OF_A_VALUE)
        parts = split_number(text)
        if parts is None or not math.isfinite(parts[0]):
            allowed = f'a number and its unit, such as "{cls.example}"'
            raise mistake("this is not a number", allowed, point_for_comma(str(data)))
        return parts[0] * 0.01 if parts[1] == "%" else parts[0]

    @property
    def unit(self) -> str:
        """The unit as written; empty for none."""
        parts = split_number(self.text)
        return parts[1] if parts else ""


class IntervalEnd(Measurement):
    """An end of a published interval; the upper one of a median of times may be `not reached`."""

    words = {NOT_REACHED: math.inf}
    example = "35.9 months"
