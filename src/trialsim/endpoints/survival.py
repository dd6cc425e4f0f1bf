"""Survival probabilities and restricted means of one trial (Kaplan and Meier 1958), with what each patient adds.

The contributions are those of the infinitesimal jackknife: their sum is 0 and their sum of squares estimates the
variance (for the survival probability it is Greenwood's). They let one patient's part in two
strategies be paired.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from trialsim.typing import Counts, Flags, Floats

_HALF: Final = 0.5
_NOTHING: Final = 1e-9  # a product of some hundred factors is off by less


def survival_at(times: Floats, has_event: Flags, horizon: float) -> tuple[float, Floats]:
    """The probability of no event by a time, and each patient's contribution. Shapes (n,) to scalar and (n,).

    Missing where observation of everyone without an event ends before.
    """
    n = len(times)
    if not _is_known(times, has_event, horizon):
        return math.nan, np.zeros(n)
    days, n_events, at_risk, survival = _table(times, has_event, horizon)
    final = float(survival[-1]) if len(days) else 1.0
    return final, -final * _added(times, has_event, days, n_events, at_risk, np.ones(len(days)))


def restricted_mean(times: Floats, has_event: Flags, horizon: float) -> tuple[float, Floats]:
    """The mean time without an event up to a horizon, and each patient's contribution. Shapes (n,) to scalar and (n,).

    Missing where observation of everyone without an event ends before.
    """
    n = len(times)
    if not _is_known(times, has_event, horizon):
        return math.nan, np.zeros(n)
    days, n_events, at_risk, survival = _table(times, has_event, horizon)
    edges = np.concatenate([[0.0], days, [horizon]])
    areas = np.diff(edges) * np.concatenate([[1.0], survival])
    after = areas[::-1].cumsum()[::-1][1:]  # the area to the right of each event
    return float(areas.sum()), -_added(times, has_event, days, n_events, at_risk, after)


def _added(times: Floats, has_event: Flags, days: Floats, n_events: Floats, at_risk: Floats, weights: Floats) -> Floats:
    """What each patient adds, before its sign: for an event of one's own, less for having been at risk at the others.

    An event that leaves nobody at risk weighs all of them alike, so nobody adds anything by it.
    """
    n_remaining = at_risk - n_events
    event_weight = np.divide(weights, n_remaining, out=np.zeros(len(days)), where=n_remaining > 0.0)
    shared = np.concatenate([[0.0], np.cumsum(event_weight * n_events / at_risk)])[
        np.searchsorted(days, times, side="right")
    ]
    event_index = np.searchsorted(days, times)
    fires = has_event & np.isin(times, days)
    hit = np.zeros(len(times))
    hit[fires] = event_weight[event_index[fires]]
    return np.asarray(hit - shared)


def _is_known(times: Floats, has_event: Flags, horizon: float) -> bool:
    """Whether someone is observed to the horizon, or everyone's event came before."""
    return len(times) > 0 and bool(times.max() >= horizon or has_event[times == times.max()].all())


def _table(times: Floats, has_event: Flags, horizon: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Days of events up to the horizon, how many there were, how many were at risk, and survival after each."""
    days, n_events = np.unique(times[has_event & (times <= horizon)], return_counts=True)
    at_risk = (len(times) - np.searchsorted(np.sort(times), days)).astype(np.float64)
    survival = np.cumprod(1.0 - n_events / at_risk).astype(np.float64)
    return days, n_events.astype(np.float64), at_risk, survival


def curves_at(times: Floats, has_event: Flags, trial: Counts, n_trials: int, at: float) -> Floats:
    """The probability of no event by a time in each of many trials; `trial` counts from 0. Shape (trials,).

    Each is that of `survival_at`, missing where observation of everyone without an event ends before.
    """
    days, survival, sizes = _curves(times, has_event, trial, n_trials)
    rows = np.arange(n_trials)
    n_before = (days <= at).sum(axis=1)
    values = np.where(n_before > 0, survival[rows, n_before - 1], 1.0)
    last = survival[rows, np.maximum(sizes - 1, 0)]
    longest = days[rows, np.maximum(sizes - 1, 0)]
    is_known = (sizes > 0) & ((longest >= at) | (last < _NOTHING))
    return np.where(is_known, values, np.nan)


def medians_of(times: Floats, has_event: Flags, trial: Counts, n_trials: int) -> Floats:
    """The Kaplan-Meier median time to an event in each of many trials. Shape (trials,).

    The first time at which survival is below 1/2; where it is 1/2 for a while, the middle of that time (Brookmeyer and
    Crowley 1982), so that without censoring this is the median of the sample. Infinite where it was not reached,
    missing in a trial of nobody.
    """
    days, survival, sizes = _curves(times, has_event, trial, n_trials)
    rows = np.arange(n_trials)
    first = (survival > _HALF + _NOTHING).sum(axis=1)
    first_below = (survival > _HALF - _NOTHING).sum(axis=1)
    padded = np.concatenate([days, np.full((n_trials, 1), np.inf)], axis=1)
    reached = padded[rows, first]
    below = padded[rows, first_below]
    medians = np.where(np.isfinite(below), 0.5 * (reached + np.where(np.isfinite(below), below, 0.0)), reached)
    return np.where(sizes > 0, medians, np.nan)


def survival_and_greenwood(times: Floats, has_event: Flags, at: Floats) -> tuple[Floats, Floats]:
    """The probability of no event by each of some times, and n times Greenwood's sum of d / (r (r - d)) up to it.

    r are at risk and d have the event; n is the number of patients, so that the sum over a sample of another size is
    the second value over that size. Missing from where nobody is observed any more; infinite where nobody survives.
    Shapes (patients,) and (times,).
    """
    order = np.lexsort((~has_event, times))
    days, events = times[order], has_event[order]
    at_risk = np.arange(len(days), 0, -1, dtype=np.float64)
    with np.errstate(divide="ignore"):
        added = np.where(events, 1.0 / at_risk / (at_risk - 1.0), 0.0)
    survival = np.concatenate([[1.0], np.cumprod(1.0 - events / at_risk)])
    greenwood = np.concatenate([[0.0], np.cumsum(added)]) * len(days)
    place = np.searchsorted(days, at, side="right")
    is_known = (place < len(days)) | (survival[-1] < _NOTHING)
    if len(days):
        is_known |= at == days[-1]
    return np.where(is_known, survival[place], np.nan), np.where(is_known, greenwood[place], np.nan)


def _curves(times: Floats, has_event: Flags, trial: Counts, n_trials: int) -> tuple[Floats, Floats, Counts]:
    """Of each trial the rising times (infinite beyond its last), survival after each, and the number of its patients.

    Patients are taken one by one, events before censored ones of the same time: together they give the product over
    the times, (r - d) / r for d events among r at risk. Shapes (trials, most patients), the same, (trials,).
    """
    order = np.lexsort((~has_event, times, trial))
    sizes = np.bincount(trial, minlength=n_trials)
    most = max(int(sizes.max(initial=0)), 1)
    number = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    days, events = np.full((n_trials, most), np.inf), np.zeros((n_trials, most))
    days[trial[order], number], events[trial[order], number] = times[order], has_event[order]
    at_risk = np.maximum(sizes[:, None] - np.arange(most), 1)
    return days, np.cumprod(1.0 - events / at_risk, axis=1), sizes
