"""The units of the whole package: days, months of 30.4375 days, mg/day."""

from __future__ import annotations

from typing import Final

DAYS_PER_MONTH: Final = 30.4375
DAYS_PER_WEEK: Final = 7.0
DAYS_PER_YEAR: Final = 365.25
