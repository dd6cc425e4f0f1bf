"""What looks at times to events reckon with: z statistics of two arms, and of one arm against a reference.

Compiled where it is repeated a million times. Patients are rows of trials, in order of arrival.
"""

from __future__ import annotations

from math import inf

import numpy as np

from trialsim.compiled.hazard_ratio import hazard_ratio_score
from trialsim.compiled.jit import compiled, inline
from trialsim.compiled.logrank import logrank, logrank_of_keys, set_key, weighted_logrank_of_keys, z_statistic
from trialsim.compiled.restricted_means import restricted_means_of_keys, z_of_gain
from trialsim.design.conduct.margin_at_looks import looks_at_margin
from trialsim.design.conduct.seen_patients import EVERYONE, seen_by, seen_on
from trialsim.design.conduct.timelines import Timelines
from trialsim.design.time_to_event.decisions import (
    LOG_2,
    DecisionsAtEvents,
    EventDecisions,
    MarginDecisions,
    OneSampleDecisions,
    RestrictedMeanDecisions,
)
from trialsim.typing import Counts, Flags, Floats


@inline
def z_of_keys(keys: Counts, rho: float, gamma: float, until_days: float) -> float:
    """The z statistic of sorted keys: of restricted means if `until_days` is above 0, else log-rank, with weights."""
    if until_days > 0.0:
        gain, variance = restricted_means_of_keys(keys, until_days)
        return z_of_gain(gain, variance)
    if rho == 0.0 and gamma == 0.0:
        difference, variance = logrank_of_keys(keys)
    else:
        difference, variance = weighted_logrank_of_keys(keys, rho, gamma)
    return z_statistic(difference, variance)


@compiled
def looks_at_events(
    arrival: Floats, event: Floats, left: Floats, arm: Counts, days: Floats, n_patients: int, rho: float, gamma: float,
    until_days: float, z: Floats, events: Counts,
) -> None:  # fmt: skip
    """The z statistic and the number of events of every look; which one, as `z_of_keys` says.

    `days` (trials, looks) are calendar days of the looks, missing for none; `z` (trials, looks) is positive where arm 1
    does better, 0 where nothing can be compared.
    """
    keys = np.empty(n_patients, np.int64)
    for t in range(arrival.shape[0]):
        for k in range(days.shape[1]):
            z[t, k] = 0.0
            events[t, k] = 0
            if days[t, k] < inf:
                n, events[t, k] = seen_on(days[t, k], arrival[t], event[t], left[t], arm[t], arm[t], EVERYONE, keys)
                z[t, k] = z_of_keys(keys[:n], rho, gamma, until_days)


@compiled
def stratified_looks(
    arrival: Floats, event: Floats, left: Floats, arm: Counts, stratum: Counts, n_strata: int, days: Floats,
    n_patients: int, z: Floats, events: Counts,
) -> None:  # fmt: skip
    """The stratified log-rank z statistic and the number of events of every look, as `looks_at_events`."""
    keys = np.empty(n_patients, np.int64)
    for t in range(arrival.shape[0]):
        for k in range(days.shape[1]):
            z[t, k] = 0.0
            events[t, k] = 0
            difference = variance = 0.0
            if days[t, k] < inf:
                for s in range(n_strata):
                    n, seen = seen_on(days[t, k], arrival[t], event[t], left[t], arm[t], stratum[t], s, keys)
                    events[t, k] += seen
                    added = logrank_of_keys(keys[:n])
                    difference += added[0]
                    variance += added[1]
                z[t, k] = z_statistic(difference, variance)


@compiled
def z_of_patients(
    times: Floats, has_event: Flags, is_second: Flags, rho: float, gamma: float, until_days: float
) -> float:
    """The z statistic of one look from the time, in days, that each patient was seen; which one, as `z_of_keys`."""
    keys = np.empty(times.size, np.int64)
    for i in range(times.size):
        set_key(keys, i, times[i], has_event[i], is_second[i])
    keys.sort()
    return z_of_keys(keys, rho, gamma, until_days)


@inline
def reference_hazard(day: float, median_days: float, shape: float) -> float:
    """The cumulative hazard of a Weibull reference with a median."""
    return float(LOG_2 * (day / median_days) ** shape)


@inline
def one_sample_z(n_events: int, expected: float) -> float:
    """(E - O) / sqrt(E): positive where there are fewer events than the reference expects (Breslow 1975)."""
    return float((expected - n_events) / np.sqrt(expected)) if expected > 0.0 else 0.0


@compiled
def one_sample_looks(
    arrival: Floats, event: Floats, left: Floats, days: Floats, n_patients: int, median_days: float, shape: float,
    z: Floats, events: Counts,
) -> None:  # fmt: skip
    """The one-sample log-rank z statistic and the number of events of every look, as `looks_at_events` of two arms."""
    for t in range(arrival.shape[0]):
        for k in range(days.shape[1]):
            z[t, k] = 0.0
            events[t, k] = 0
            day = days[t, k]
            if not day < inf:
                continue
            expected = 0.0
            for i in range(min(n_patients, arrival.shape[1])):
                if arrival[t, i] < day:
                    time, has_event = seen_by(day, arrival[t, i], event[t, i], left[t, i])
                    expected += reference_hazard(time, median_days, shape)
                    events[t, k] += has_event
            z[t, k] = one_sample_z(events[t, k], expected)


def z_of_looks(
    decisions: DecisionsAtEvents, timelines: Timelines, event: Floats, days: Floats, n_patients: int
) -> tuple[Floats, Counts]:
    """The z statistic and the number of events, (trials, looks), of looks on calendar `days`."""
    z, events = np.zeros(days.shape), np.zeros(days.shape, np.int64)
    if isinstance(decisions, OneSampleDecisions):
        reference = decisions.median_days, decisions.shape
        one_sample_looks(timelines.arrival, event, timelines.left, days, n_patients, *reference, z, events)
    elif isinstance(decisions, MarginDecisions):
        arm, margin = np.ascontiguousarray(timelines.arm), decisions.margin
        looks_at_margin(timelines.arrival, event, timelines.left, arm, days, n_patients, margin, z, events)
    elif isinstance(decisions, EventDecisions) and decisions.by_strata:
        arm, n_strata = np.ascontiguousarray(timelines.arm), int(timelines.stratum.max(initial=0)) + 1
        where = timelines.arrival, event, timelines.left, arm, timelines.stratum
        stratified_looks(*where, n_strata, days, n_patients, z, events)
    else:
        arm = np.ascontiguousarray(timelines.arm)
        looks_at_events(timelines.arrival, event, timelines.left, arm, days, n_patients, *_which(decisions), z, events)
    return z, events


def deviate_of(
    decisions: DecisionsAtEvents, times: Floats, has_event: Flags, is_second: Flags, stratum: Counts
) -> float:
    """The z statistic of one look from the time, in days, that each patient was seen; in order of entry."""
    if isinstance(decisions, OneSampleDecisions):
        expected = 0.0
        for day in times.tolist():
            expected += reference_hazard(day, decisions.median_days, decisions.shape)
        return one_sample_z(int(has_event.sum()), expected)
    if isinstance(decisions, MarginDecisions):
        difference, variance = hazard_ratio_score(times, has_event, is_second, decisions.margin)
        return float(z_statistic(difference, variance))
    if isinstance(decisions, EventDecisions) and decisions.by_strata:
        difference = variance = 0.0
        for s in np.unique(stratum):
            inside = stratum == s
            added = logrank(times[inside], has_event[inside], is_second[inside])
            difference, variance = difference + added[0], variance + added[1]
        return float(z_statistic(difference, variance))
    which = _which(decisions)
    if any(which):
        return float(z_of_patients(times, has_event, is_second, *which))
    difference, variance = logrank(times, has_event, is_second)
    return float(z_statistic(difference, variance))


def _which(decisions: EventDecisions | RestrictedMeanDecisions) -> tuple[float, float, float]:
    """Which statistic of two arms is computed, as `z_of_keys` takes it."""
    if isinstance(decisions, RestrictedMeanDecisions):
        return 0.0, 0.0, decisions.until_days
    return *decisions.rho_gamma, 0.0
