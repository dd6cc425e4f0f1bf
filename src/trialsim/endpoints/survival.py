"""Survival probabilities and restricted means of one trial (Kaplan and Meier 1958), with what each patient adds.

The contributions are those of the infinitesimal jackknife: their sum is 0 and their sum of squares estimates the
variance (for the survival probability it is Greenwood's). They let one patient's part in two
strategies be paired.
"""

from __future__ import annotations

import math

import numpy as np

from trialsim.typing import Flags, Floats


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
