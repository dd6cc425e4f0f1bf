"""Sums of floats that come out the same on every Python: from left to right, each step rounded."""

from __future__ import annotations

from collections.abc import Iterable


def add_in_order(values: Iterable[float]) -> float:
    """The sum of numbers from left to right.

    The built-in `sum` compensates for rounding from Python 3.12 on, so its last bit depends on the version, and what
    is simulated depends on the last bit.
    """
    total = 0.0
    for value in values:
        total += value
    return total
