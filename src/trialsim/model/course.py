"""The two clocks of a patient: calendar days and study days."""

from __future__ import annotations


def study_day_of(calendar_day: float, first_dose_day: float, latest: float) -> float:
    """The study day of a calendar day, NaN before the first dose.

    `latest` is the last study day on which something happened; the difference of two calendar days may miss it by the
    last bit, and time never runs back.
    """
    day = calendar_day - first_dose_day
    return latest if day < latest else day


def repeated_day(number: int, every_days: float) -> float:
    """The study day of the n-th visit or assessment (n from 1): one product, never a sum of steps."""
    return number * every_days
