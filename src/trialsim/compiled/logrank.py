"""The two-sample log-rank test, compiled: what a simulated design repeats a million times.

Importing this module imports the compiler. Where a test is shown once, a library does it (lifelines, scipy).
"""

from __future__ import annotations

import numpy as np

from trialsim.compiled.jit import compiled, inline, jitable
from trialsim.typing import Counts, Flags, Floats

EVENT = np.int64(1)
SECOND = np.int64(2)
FLAGS = EVENT | SECOND  # the two lowest bits of a time, where a key keeps whether it is an event, and the group


@compiled
def logrank(times: Floats, is_event: Flags, is_second: Flags) -> tuple[float, float]:
    """Observed minus expected events of the second group, and the variance of the difference.

    `times` (any unit, not NaN), `is_event` (else censored) and `is_second` (group) have one entry a patient. The
    hypergeometric variance of Mantel (1966, Cancer Chemother Rep 50:163), ties included. The chi-square statistic with
    one degree of freedom is the difference squared over the variance; the variance is 0 where the groups cannot be
    compared. A censored time counts as just after an event at the same time.
    """
    order = np.argsort(times)
    difference = variance = 0.0
    at_risk = times.size
    at_risk_second = is_second.sum()
    i = 0
    while i < order.size:
        time = times[order[i]]
        events = events_second = leaving = leaving_second = 0
        while i < order.size and times[order[i]] == time:
            k = order[i]
            leaving += 1
            leaving_second += is_second[k]
            events += is_event[k]
            events_second += is_event[k] and is_second[k]
            i += 1
        if events > 0:
            added = _at_one_time(events, events_second, at_risk, at_risk_second)
            difference += added[0]
            variance += added[1]
        at_risk -= leaving
        at_risk_second -= leaving_second
    return difference, variance


@inline
def _at_one_time(events: int, events_second: int, at_risk: int, at_risk_second: int) -> tuple[float, float]:
    """What the events of one time add to the difference and to its variance."""
    share = at_risk_second / at_risk
    variance = events * share * (1.0 - share) * (at_risk - events) / (at_risk - 1) if at_risk > 1 else 0.0
    return events_second - events * share, variance


@inline
def z_statistic(difference: float, variance: float) -> float:
    """Standard normal, positive where the second group has fewer events than expected; 0 without a comparison."""
    return float(-difference / np.sqrt(variance)) if variance > 0.0 else 0.0


@jitable
def set_key(keys: Counts, i: int, time: float, is_event: bool, is_second: bool) -> None:
    """Make the i-th key of a time (not negative), with what `logrank` asks of a patient in its two lowest bits.

    Keys sort as their times do, much faster than an order of times can be found. Times that differ by less than the
    fourth part of 10^-15 of themselves become equal.
    """
    keys.view(np.float64)[i] = time
    keys[i] = (keys[i] & ~FLAGS) | (EVENT * is_event) | (SECOND * is_second)


@jitable
def logrank_of_keys(keys: Counts) -> tuple[float, float]:
    """What `logrank` gives, from sorted keys."""
    n = keys.size
    at_risk, at_risk_second = n, 0
    for i in range(n):
        at_risk_second += (keys[i] & SECOND) != 0
    difference = variance = 0.0
    i = 0
    while i < n:
        time = keys[i] & ~FLAGS
        events = events_second = leaving = leaving_second = 0
        while i < n and keys[i] & ~FLAGS == time:
            is_event, is_second = keys[i] & EVENT, (keys[i] & SECOND) >> 1
            leaving += 1
            leaving_second += is_second
            events += is_event
            events_second += is_event & is_second
            i += 1
        if events > 0:
            added = _at_one_time(events, events_second, at_risk, at_risk_second)
            difference += added[0]
            variance += added[1]
        at_risk -= leaving
        at_risk_second -= leaving_second
    return difference, variance


@jitable
def weighted_logrank_of_keys(keys: Counts, rho: float, gamma: float) -> tuple[float, float]:
    """The weighted difference and its variance, from sorted keys.

    The weights are those of Fleming and Harrington (1991, Counting Processes and Survival Analysis, section 7.2):
    S^rho (1 - S)^gamma with the Kaplan-Meier estimate of both groups just before each event; the difference is weighted
    once, its variance twice. (0, 0) is `logrank_of_keys`.
    """
    n = keys.size
    at_risk, at_risk_second = n, 0
    for i in range(n):
        at_risk_second += (keys[i] & SECOND) != 0
    difference = variance = 0.0
    survival = 1.0
    i = 0
    while i < n:
        time = keys[i] & ~FLAGS
        events = events_second = leaving = leaving_second = 0
        while i < n and keys[i] & ~FLAGS == time:
            is_event, is_second = keys[i] & EVENT, (keys[i] & SECOND) >> 1
            leaving += 1
            leaving_second += is_second
            events += is_event
            events_second += is_event & is_second
            i += 1
        if events > 0:
            added = _at_one_time(events, events_second, at_risk, at_risk_second)
            weight = survival**rho * (1.0 - survival) ** gamma
            difference += weight * added[0]
            variance += weight * weight * added[1]
            survival *= 1.0 - events / at_risk
        at_risk -= leaving
        at_risk_second -= leaving_second
    return difference, variance
