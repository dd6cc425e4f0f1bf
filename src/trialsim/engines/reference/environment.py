"""A SimPy environment in which an event stands at an exact time, in a stated order among those of the same instant.

SimPy schedules after a delay, and `now + delay` may miss the time that was meant by the last bit; and two study days
that differ may fall on the same instant of the calendar. So an event is scheduled at a time, and ties are broken as
`model.event_order` lists them.
"""

from __future__ import annotations

from heapq import heappush
from typing import Any

import simpy

from trialsim.model import event_order


class TrialEnvironment(simpy.Environment):
    """`simpy.Environment` whose clock is the calendar, in days since the trial opened."""

    def at(self, day: float, event_class: int) -> simpy.Event:
        """An event of the trial on a calendar day; the class is one of those of `event_order`."""
        return self._put(day, (event_class, 0.0, 0))

    def at_study_day(self, day: float, study_day: float, rank: int) -> simpy.Event:
        """An event of a patient on a calendar day, which is `study_day` of that patient; see `event_order`."""
        return self._put(day, (event_order.PATIENT, study_day, rank))

    def schedule(self, event: simpy.Event, priority: int = simpy.events.NORMAL, delay: float = 0) -> None:
        """What SimPy schedules by itself: interrupts, ends of processes, resources that are granted."""
        self._push(self.now + delay, (priority, 0.0, 0), event)

    def _put(self, day: float, key: tuple[int, float, int]) -> simpy.Event:
        event = simpy.Event(self)
        event._ok = True
        event._value = None
        self._push(day, key, event)
        return event

    def _push(self, day: float, key: tuple[int, float, int], event: simpy.Event) -> None:
        queue: list[Any] = self._queue
        heappush(queue, (day, key, next(self._eid), event))
