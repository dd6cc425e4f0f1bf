"""What is known of patients on the day of a look."""

from __future__ import annotations

from typing import Final

from trialsim.compiled.jit import inline, jitable
from trialsim.compiled.logrank import set_key
from trialsim.typing import Counts, Floats

EVERYONE: Final = -1  # in place of a stratum


@inline
def seen_by(day: float, arrival: float, event: float, left: float) -> tuple[float, bool]:
    """How long a patient who came before a calendar day was seen until then, and whether that ended with the event."""
    has_event = arrival + event <= day and event <= left
    return event if has_event else min(day - arrival, left), has_event


@jitable
def seen_on(
    day: float, arrival: Floats, event: Floats, left: Floats, arm: Counts, stratum: Counts, wanted: int, keys: Counts
) -> tuple[int, int]:
    """Sort what is known on a calendar day of the patients of one trial into `keys`; how many are there, and events.

    Of the patients of the stratum that is `wanted`, or of `EVERYONE`; no more than there is room for.
    """
    n = n_events = 0
    for i in range(min(keys.size, arrival.size)):
        if arrival[i] < day and wanted in (EVERYONE, stratum[i]):
            time, has_event = seen_by(day, arrival[i], event[i], left[i])
            set_key(keys, n, time, has_event, arm[i] == 1)
            n_events += has_event
            n += 1
    keys[:n].sort()
    return n, n_events
