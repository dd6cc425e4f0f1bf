"""The score test of a hazard ratio of two groups, compiled: what a simulated trial with a margin repeats."""

from __future__ import annotations

import numpy as np

from trialsim.compiled.jit import compiled, jitable
from trialsim.compiled.logrank import EVENT, FLAGS, SECOND, set_key
from trialsim.typing import Counts, Flags, Floats


@jitable
def score_of_keys(keys: Counts, ratio: float) -> tuple[float, float]:
    """Observed minus expected events of the second group at a hazard ratio, and the variance, from sorted keys.

    The score of Cox's partial likelihood (1972, J R Statist Soc B 34:187) and its information, both at the ratio, with
    ties by Efron (1977, J Am Statist Assoc 72:557): of n1 patients of the second group and n0 others at risk, the next
    event is in the second with probability ratio n1 / (n0 + ratio n1). `keys` are those of `logrank.set_key`.
    """
    at_risk, at_risk_second = keys.size, 0
    for i in range(keys.size):
        at_risk_second += (keys[i] & SECOND) != 0
    difference = variance = 0.0
    i = 0
    while i < keys.size:
        time = keys[i] & ~FLAGS
        events = events_second = leaving = leaving_second = 0
        while i < keys.size and keys[i] & ~FLAGS == time:
            is_event, is_second = keys[i] & EVENT, (keys[i] & SECOND) >> 1
            leaving += 1
            leaving_second += is_second
            events += is_event
            events_second += is_event & is_second
            i += 1
        difference += events_second
        for j in range(events):
            gone = j / events
            second = ratio * (at_risk_second - gone * events_second)
            share = second / (second + (at_risk - at_risk_second) - gone * (events - events_second))
            difference -= share
            variance += share * (1.0 - share)
        at_risk -= leaving
        at_risk_second -= leaving_second
    return difference, variance


@compiled
def hazard_ratio_score(times: Floats, is_event: Flags, is_second: Flags, ratio: float) -> tuple[float, float]:
    """As `score_of_keys`, from a time (any unit, not negative), whether it is an event, and the group of each patient.

    The variance is 0 where the groups cannot be compared.
    """
    keys = np.empty(times.size, np.int64)
    for i in range(times.size):
        set_key(keys, i, times[i], is_event[i], is_second[i])
    keys.sort()
    return score_of_keys(keys, ratio)
