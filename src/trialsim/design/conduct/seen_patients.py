"""What is known of a patient on the day of a look."""

from __future__ import annotations

from trialsim.compiled.jit import inline


@inline
def seen_by(day: float, arrival: float, event: float, left: float) -> tuple[float, bool]:
    """How long a patient who came before a calendar day was seen until then, and whether that ended with the event."""
    has_event = arrival + event <= day and event <= left
    return event if has_event else min(day - arrival, left), has_event
