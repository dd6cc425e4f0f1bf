"""A SimPy environment in which an event stands at an exact time, with a rank among those of the same instant.

SimPy schedules after a delay, and `now + delay` may miss the time that was meant by the last bit. Visits, assessments
and clocks of one patient must keep their order to the bit, so they are scheduled at a time instead.
"""

from __future__ import annotations

from heapq import heappush
from typing import Any

import simpy


class TrialEnvironment(simpy.Environment):
    """`simpy.Environment` with `at`: the calendar in days since the trial opened."""

    def at(self, day: float, rank: int) -> simpy.Event:
        """An event that happens on a calendar day, after all others of that instant with a lower rank.

        Ranks start at 2, because SimPy's own consequences of an event (interrupts 0, process ends 1) come first.
        """
        event = simpy.Event(self)
        event._ok = True
        event._value = None
        queue: list[Any] = self._queue
        heappush(queue, (day, rank, next(self._eid), event))
        return event
