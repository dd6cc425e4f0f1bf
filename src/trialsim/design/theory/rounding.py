"""How far rounding may carry a probability beyond a level or short of a power: one tolerance for all exact designs.

A power of exactly 0.95 may come out at 0.95 (1 - 1e-16), for it is a sum of rounded terms, and one of 0.95 (1 - 1e-18)
as 0.95. Every comparison of a probability with a level or a power, and of two statistics that may be equal, is made
with the limits given here. Where a value is so close that rounding could decide, and whole numbers can tell, they do.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Final, TypeVar

from trialsim.typing import Floats

TOLERANCE: Final = 1e-9  # relative: far above what sums of some thousand terms round to, far below what a reader sees
Value = TypeVar("Value", float, Floats)


def highest_accepted(limit: Value) -> Value:
    """The largest value that counts as at most `limit`, a level or another upper limit."""
    return limit + TOLERANCE * abs(limit)


def lowest_accepted(limit: Value) -> Value:
    """The smallest value that counts as at least `limit`, a power or another lower limit."""
    return limit - TOLERANCE * abs(limit)


def is_at_most(value: float, limit: float, exact: Callable[[], Fraction]) -> bool:
    """Whether a probability is at most `limit`; `exact` gives it without rounding where that decides."""
    if lowest_accepted(limit) <= value <= highest_accepted(limit):
        return exact() <= as_written(limit)
    return value < limit


def is_at_least(value: float, limit: float, exact: Callable[[], Fraction]) -> bool:
    """Whether a probability is at least `limit`; `exact` gives it without rounding where that decides."""
    if lowest_accepted(limit) <= value <= highest_accepted(limit):
        return exact() >= as_written(limit)
    return value > limit


def as_written(number: float) -> Fraction:
    """The decimal number that was written: 0.1 is 1/10."""
    return Fraction(repr(float(number)))
