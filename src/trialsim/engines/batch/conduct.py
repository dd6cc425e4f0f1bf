"""A trial conducted under a design: looks, pauses of accrual, and what is known at each look. Compiled.

Courses come first and the calendar afterwards, as everywhere in this engine: here the calendar moves. A decision can
only stop a trial, so the path that it takes if nothing stops it holds every trial that some design stops sooner; what
a look says of it is decided elsewhere. Days are calendar days unless they are called study days.
"""

from __future__ import annotations

from math import inf, nan

import numpy as np

from trialsim.compiled.jit import compiled, jitable
from trialsim.model.interim import DROPPED, REPLACED
from trialsim.typing import Counts, Flags, Floats


@compiled
def conduct_trials(
    arrival: Floats,
    resolved: Floats,
    is_evaluable: Flags,
    event: Floats,
    arm: Counts,
    looks: Counts,
    overrun: int,
    not_evaluable: int,
    wait_days: float,
    n_entered: int,
    as_of: float,
    enrolled: Floats,
    look_days: Floats,
    counts: Counts,
    waited: Floats,
) -> None:
    """Conduct every trial of a block to its last look, whatever the looks show.

    Shapes: `arrival` (trials, patients), calendar days in rising order if accrual never waits, infinity after the last;
    `resolved` (study day on which a patient is resolved), `is_evaluable`, `arm` the same; `event` (trials, patients,
    outcomes) study days, infinity for none. Of a running trial the first `n_entered` patients came on the days of
    `arrival`, whatever the plan says, and accrual goes on `as_of` a day that is not before any of these. Results:
    `enrolled` (trials, patients), missing for who is not needed; `look_days` (trials, looks), missing for a look that
    attained numbers made the final one; `counts` (trials, looks, arms, 1 + outcomes): how many patients the look
    counts, and how many of them had each event by then; `waited` (trials,): for how many days before `as_of` accrual
    waited.
    """
    for t in range(arrival.shape[0]):
        n = int(np.sum(arrival[t] < inf))
        waited[t] = _conduct(
            arrival[t, :n], resolved[t, :n], is_evaluable[t, :n], event[t, :n], arm[t, :n], looks, overrun,
            not_evaluable, wait_days, n_entered, as_of, enrolled[t], look_days[t], counts[t],
        )  # fmt: skip


@jitable
def _conduct(
    arrival: Floats,
    resolved: Floats,
    is_evaluable: Flags,
    event: Floats,
    arm: Counts,
    looks: Counts,
    overrun: int,
    not_evaluable: int,
    wait_days: float,
    n_entered: int,
    as_of: float,
    enrolled: Floats,
    look_days: Floats,
    counts: Counts,
) -> float:
    n = look = n_out = 0
    shift = waited = 0.0
    enrolled[:] = look_days[:] = nan
    counts[:] = 0
    last = looks.size - 1
    out = np.empty(arrival.size)  # the days on which places of those not evaluable become free
    while look <= last and n < arrival.size:
        enrolled[n] = today = arrival[n] + (shift if n >= n_entered else 0.0)
        if not_evaluable == REPLACED and not is_evaluable[n]:
            out[n_out] = today + resolved[n]
            n_out += 1
        n += 1
        is_waiting = False
        while look <= last:
            held, reopens = _held_places(out[:n_out], today, n)
            if held < min(looks[look] + overrun, looks[last]):
                break
            is_waiting = True
            wait = inf if look == last else wait_days
            day = _look_day(enrolled, resolved, is_evaluable, n, looks[look], not_evaluable, wait)
            if day <= reopens:
                today = max(today, day)
                _take_look(
                    enrolled, resolved, is_evaluable, event, arm, n, looks[look], not_evaluable, day, counts[look]
                )
                look_days[look] = day
                look += 1
            else:
                today = reopens
        if is_waiting and n <= n_entered:
            shift = max(shift, today - as_of)
            waited += max(min(today, arrival[n] if n < n_entered else as_of) - arrival[n - 1], 0.0)
        elif is_waiting:
            shift = today - arrival[n - 1] if today > enrolled[n - 1] else shift
    if look <= last:
        _look_at_the_rest(
            enrolled, resolved, is_evaluable, event, arm, n, looks, look, not_evaluable, wait_days, look_days, counts
        )
    return waited


@jitable
def _held_places(free_days: Floats, today: float, n: int) -> tuple[int, float]:
    """How many of `n` places are held today, and the next day on which one becomes free; infinity for none."""
    held, reopens = n, inf
    for i in range(free_days.size):
        held -= free_days[i] <= today
        if free_days[i] > today and free_days[i] < reopens:
            reopens = free_days[i]
    return held, reopens


@jitable
def _look_day(
    enrolled: Floats, resolved: Floats, is_evaluable: Flags, n: int, wanted: int, not_evaluable: int, wait_days: float
) -> float:
    """The day of a look at the first `wanted` patients; infinity if it takes more than the `n` who are there.

    It is the first day on which the first `wanted` who are not known to be not evaluable have waited or are resolved.
    """
    day = -inf
    while True:
        n_counted = 0
        latest = day
        for i in range(n):
            if not_evaluable == REPLACED and not is_evaluable[i] and enrolled[i] + resolved[i] <= day:
                continue
            latest = max(latest, enrolled[i] + min(resolved[i], wait_days))
            n_counted += 1
            if n_counted == wanted:
                break
        if n_counted < wanted:
            return inf
        if latest == day:
            return day
        day = latest


@jitable
def _take_look(
    enrolled: Floats,
    resolved: Floats,
    is_evaluable: Flags,
    event: Floats,
    arm: Counts,
    n: int,
    wanted: int,
    not_evaluable: int,
    day: float,
    count: Counts,
) -> None:
    """What is known on the day of a look of its patients."""
    n_counted = 0
    for i in range(n):
        is_out = not_evaluable in (REPLACED, DROPPED) and not is_evaluable[i] and enrolled[i] + resolved[i] <= day
        if is_out and not_evaluable == REPLACED:
            continue
        n_counted += 1
        if not is_out:
            count[arm[i], 0] += 1
            for k in range(event.shape[1]):
                count[arm[i], 1 + k] += enrolled[i] + event[i, k] <= day
        if n_counted == wanted:
            return


@jitable
def _look_at_the_rest(
    enrolled: Floats,
    resolved: Floats,
    is_evaluable: Flags,
    event: Floats,
    arm: Counts,
    n: int,
    looks: Counts,
    look: int,
    not_evaluable: int,
    wait_days: float,
    look_days: Floats,
    counts: Counts,
) -> None:
    """Nobody comes any more: looks that can still be taken are, then all who are there make the final analysis."""
    last = looks.size - 1
    while look < last:
        day = _look_day(enrolled, resolved, is_evaluable, n, looks[look], not_evaluable, wait_days)
        if day == inf:
            break
        _take_look(enrolled, resolved, is_evaluable, event, arm, n, looks[look], not_evaluable, day, counts[look])
        look_days[look] = day
        look += 1
    day = 0.0
    for i in range(n):
        day = max(day, enrolled[i] + resolved[i])
    _take_look(enrolled, resolved, is_evaluable, event, arm, n, n + 1, not_evaluable, day, counts[last])
    look_days[last] = day


@compiled
def toxicity_stops(enrolled: Floats, day: Floats, at_least: Counts, stops: Floats, is_entry: Flags) -> None:
    """The calendar day on which the number of toxicities among the first m enrolled stops the trial, for any m.

    Shapes: `enrolled` (rising) and `day` (study day of the toxicity, infinity for none) (trials, patients); `at_least`
    has the number that stops it for m from 1 on, more than m for none. `stops` (trials,), infinity for never;
    `is_entry`: it is the entry of patient m that stops it, with toxicities seen before.
    """
    seen_days = np.empty(at_least.size)
    for t in range(enrolled.shape[0]):
        stops[t] = inf
        is_entry[t] = False
        n_seen = 0
        for m in range(min(at_least.size, enrolled.shape[1])):
            if not enrolled[t, m] < stops[t]:
                break  # whoever comes later cannot stop it any sooner
            if day[t, m] < inf:
                place = n_seen
                while place > 0 and seen_days[place - 1] > enrolled[t, m] + day[t, m]:
                    seen_days[place] = seen_days[place - 1]
                    place -= 1
                seen_days[place] = enrolled[t, m] + day[t, m]
                n_seen += 1
            if n_seen >= at_least[m]:
                stop_day = seen_days[at_least[m] - 1]
                if max(stop_day, enrolled[t, m]) < stops[t]:
                    stops[t] = max(stop_day, enrolled[t, m])
                    is_entry[t] = stop_day < enrolled[t, m]


@compiled
def event_looks(
    arrival: Floats,
    event: Floats,
    left: Floats,
    interim: Counts,
    n_patients: int,
    follow_up_days: float,
    final_events: int,
    days: Floats,
) -> None:
    """The calendar days of looks: interim ones at numbers of events, missing where the final look comes first.

    `event` (study day of the event, infinity for none), `left` (study day on which observation ended without one,
    infinity for none) and `arrival` (rising) have shape (trials, patients); `days` (trials, interim looks + 1). The
    final look is `follow_up_days` after the last of the first `n_patients` came, or with `final_events` before it.
    """
    last = interim.size
    for t in range(arrival.shape[0]):
        n = min(n_patients, int(np.sum(arrival[t] < inf)))
        event_days = np.full(n, inf)
        for i in range(n):
            if event[t, i] <= left[t, i]:
                event_days[i] = arrival[t, i] + event[t, i]
        event_days = np.sort(event_days)
        days[t, last] = (arrival[t, n - 1] if n > 0 else 0.0) + follow_up_days
        final_day = event_days[final_events - 1] if 0 < final_events <= n else inf
        is_at_events = final_day < days[t, last]
        if is_at_events:
            days[t, last] = final_day
        for k in range(last):
            day = event_days[interim[k] - 1] if interim[k] <= n else inf
            days[t, k] = day if is_at_events or day < days[t, last] else nan
