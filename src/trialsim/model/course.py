"""The two clocks of a patient: calendar days and study days."""

from __future__ import annotations

import math


def study_day_of(calendar_day: float, first_dose_day: float, latest: float) -> float:
    """The study day of a calendar day, NaN before the first dose.

    `latest` is the last study day on which something happened; the difference of two calendar days may miss it by the
    last bit, and time never runs back.
    """
    day = calendar_day - first_dose_day
    return latest if day < latest else day


def repeated_day(number: int, every_days: float, start_day: float = 0.0) -> float:
    """The study day of the n-th visit or assessment (n from 1) after a start, to the nearest millionth of a day.

    Rounding makes days equal that are equal on paper (3 × 0.7 and 1 × 2.1), so that their order is the one of
    `event_order` and not one of rounding errors.
    """
    return math.floor((start_day + number * every_days) * 1e6 + 0.5) / 1e6
