"""When patients come: the two kinds of accrual, as the inverse of a cumulative rate."""

from __future__ import annotations

from collections.abc import Sequence


def arrival_in_window(uniform: float, window_days: float) -> float:
    """The calendar day (days since opening) of a patient who enters uniformly over `[0, window_days)`."""
    return uniform * window_days


def arrival_at_expected_count(expected_count: float, starts: Sequence[float], rates: Sequence[float]) -> float:
    """The calendar day by which a piecewise-constant rate has expected `expected_count` arrivals.

    `starts` (days, rising, the first 0) open the intervals `[starts[i], starts[i+1])`, the last has no end; `rates`
    are arrivals per day in each. With unit-exponential steps in `expected_count` this is the Poisson process
    (time-change theorem; Cinlar 1975, section 4.7). Infinity when the rate ends at 0 before the count is reached.
    """
    reached = 0.0
    for i in range(len(starts) - 1):
        gained = rates[i] * (starts[i + 1] - starts[i])
        if reached + gained > expected_count:
            return starts[i] + (expected_count - reached) / rates[i]
        reached += gained
    last = len(starts) - 1
    if rates[last] <= 0.0:
        return float("inf")
    return starts[last] + (expected_count - reached) / rates[last]


def interval_at(day: float, starts: Sequence[float]) -> int:
    """The index of the interval `[starts[i], starts[i+1])` that holds a calendar day."""
    i = len(starts) - 1
    while i > 0 and day < starts[i]:
        i -= 1
    return i
