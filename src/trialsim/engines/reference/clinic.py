"""A clinic with a limited number of visit slots per day: patients wait for each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator

import simpy

from trialsim.engines.reference.environment import TrialEnvironment
from trialsim.model import event_order


class Clinic:
    """Visit slots as a SimPy resource. A slot that is taken is free again at midnight."""

    def __init__(self, env: TrialEnvironment, slots_per_day: int) -> None:
        self.env = env
        self.slots = simpy.Resource(env, capacity=slots_per_day)

    def visit(self, still_comes: Callable[[], bool]) -> Generator[simpy.Event, object, None]:
        """Wait for a slot, first come first served, and take it for the rest of the day.

        Who does not come any more when the slot is granted leaves it to the next.
        """
        slot = self.slots.request()
        yield slot
        if still_comes():
            self.env.process(self._until_midnight(slot))
        else:
            self.slots.release(slot)

    def _until_midnight(self, slot: simpy.resources.resource.Request) -> Generator[simpy.Event, object, None]:
        yield self.env.at(math.floor(self.env.now) + 1.0, event_order.ARRIVAL)
        self.slots.release(slot)
