"""Survival probabilities and restricted means of trials (Kaplan and Meier 1958), with what each patient adds.

The contributions are those of the infinitesimal jackknife: their sum is 0 and their sum of squares estimates the
variance (for the survival probability it is Greenwood's). They let one patient's part in two
strategies be paired.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from trialsim.typing import Counts, Flags, Floats

_HALF: Final = 0.5
_NOTHING: Final = 1e-9  # a product of some hundred factors is off by less


def survival_at(times: Floats, has_event: Flags, trial: Counts, n_trials: int, horizon: float) -> tuple[Floats, Floats]:
    """The probability of no event by a time in each trial, and each patient's contribution. Shapes (trials,), (n,).

    `trial` counts from 0 and does not fall. Missing where observation of everyone without an event ends before, or
    where there is nobody.
    """
    table = _Table(times, has_event, trial, n_trials, horizon)
    values = table.survival[np.arange(n_trials), table.n_days]
    added = table.added(np.ones(table.n_events.shape))
    return np.where(table.is_known, values, np.nan), np.where(table.is_known[trial], -values[trial] * added, 0.0)


def restricted_mean(
    times: Floats, has_event: Flags, trial: Counts, n_trials: int, horizon: float
) -> tuple[Floats, Floats]:
    """The mean time without an event up to a horizon in each trial, and each patient's contribution.

    As `survival_at`, with shapes (trials,) and (n,).
    """
    table = _Table(times, has_event, trial, n_trials, horizon)
    edges = np.concatenate([np.zeros((n_trials, 1)), table.days, np.full((n_trials, 1), horizon)], axis=1)
    areas = np.diff(edges, axis=1) * table.survival
    after = areas[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]  # the area to the right of each event
    # the order of a sum depends on its length, which must not depend on other trials
    values = np.array([area[: n + 1].sum() for area, n in zip(areas, table.n_days.tolist(), strict=True)])
    return np.where(table.is_known, values, np.nan), np.where(table.is_known[trial], -table.added(after), 0.0)


class _Table:
    """Days of events up to the horizon, how many there were, how many were at risk, and survival after each.

    Rows are trials; `n_days` says how many columns of each count, where beyond them `days` is the horizon, `n_events`
    is 0 and `at_risk` is 1. `survival` begins with 1, before the first event. `is_known` says whether someone is
    observed to the horizon, or everyone's event came before.
    """

    def __init__(self, times: Floats, has_event: Flags, trial: Counts, n_trials: int, horizon: float) -> None:
        sizes = np.bincount(trial, minlength=n_trials)
        most = max(int(sizes.max(initial=0)), 1)
        starts = np.cumsum(sizes) - sizes
        padded, events = np.full((n_trials, most), np.inf), np.zeros((n_trials, most), np.bool_)
        number = np.arange(len(trial)) - starts[trial]
        padded[trial, number], events[trial, number] = times, has_event
        order = np.argsort(padded, axis=1)
        padded, events = np.take_along_axis(padded, order, axis=1), np.take_along_axis(events, order, axis=1)
        is_there = np.arange(most) < sizes[:, None]
        last = padded[np.arange(n_trials), np.maximum(sizes - 1, 0)]
        is_censored_last = (is_there & ~events & (padded == last[:, None])).any(axis=1)
        self.is_known = (sizes > 0) & ((last >= horizon) | ~is_censored_last)
        self._trial, self._place = trial, (order + starts[:, None])[is_there]  # of the patients, sorted
        self._fires = events & (padded <= horizon)
        self._fill(padded, sizes, horizon)
        self._is_there = is_there

    def _fill(self, padded: Floats, sizes: Counts, horizon: float) -> None:
        n_trials, most = padded.shape
        is_first = np.ones(padded.shape, np.bool_)
        is_first[:, 1:] = padded[:, 1:] != padded[:, :-1]
        first = np.flatnonzero(is_first)
        n_events = np.add.reduceat(self._fires.astype(np.int64).ravel(), first)
        first, n_events = first[n_events > 0], n_events[n_events > 0]
        row, rank = first // most, first % most
        self.n_days = np.bincount(row, minlength=n_trials)
        column = np.arange(len(row)) - (np.cumsum(self.n_days) - self.n_days)[row]
        shape = (n_trials, int(self.n_days.max(initial=0)))
        self.days, self.n_events, self.at_risk = np.full(shape, horizon), np.zeros(shape), np.ones(shape)
        self.days[row, column], self.n_events[row, column] = padded[row, rank], n_events
        self.at_risk[row, column] = sizes[row] - rank
        left = np.cumprod(1.0 - self.n_events / self.at_risk, axis=1)
        self.survival = np.concatenate([np.ones((n_trials, 1)), left], axis=1)
        is_day = np.zeros(padded.shape, np.int64)
        is_day[row, rank] = 1
        self._n_until = np.cumsum(is_day, axis=1)  # days of events up to the time of each patient, with it

    def added(self, weights: Floats) -> Floats:
        """What each patient adds, before its sign: for an event of one's own, less for having been at risk at others.

        An event that leaves nobody at risk weighs all of them alike, so nobody adds anything by it.
        """
        n_remaining = self.at_risk - self.n_events
        event_weight = np.divide(
            weights, n_remaining, out=np.zeros(weights.shape), where=(n_remaining > 0.0) & (self.n_events > 0.0)
        )
        sums = np.cumsum(event_weight * self.n_events / self.at_risk, axis=1)
        shared = np.concatenate([np.zeros((len(sums), 1)), sums], axis=1)
        hits = np.concatenate([np.zeros((len(sums), 1)), event_weight], axis=1)
        rows = np.arange(len(sums))[:, None]
        parts = np.where(self._fires, hits[rows, self._n_until], 0.0) - shared[rows, self._n_until]
        added = np.zeros(len(self._trial))
        added[self._place] = parts[self._is_there]
        return added


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
