"""A few large trials, simulated before a design with times to events is made: how many events there will be."""

from __future__ import annotations

from functools import cache

from trialsim.design.event_decisions import EventDecisions
from trialsim.design.event_plan import effective_hazard_ratio
from trialsim.design.event_trials import event_rows
from trialsim.design.plan import ALTERNATIVE
from trialsim.design.ready import PROBES, Ready
from trialsim.design.settings import SEED_OF_RATES, followed
from trialsim.design.timelines import simulated
from trialsim.errors import RequestError
from trialsim.model import conduct as c
from trialsim.records.replicate_store import Rows


class Probe:
    """A few large trials under the alternative: how many events a trial of each size has, which hazard ratio shows."""

    def __init__(self, ready: Ready, ratio: float) -> None:
        self.ready, self.ratio, self.largest = ready, ratio, ready.study.largest_n
        arms, protocols = ready.arms, ready.truths[ALTERNATIVE]
        follow_up = ready.study.conduct.follow_up.value
        own = tuple(followed(item, self.largest, follow_up) for item in protocols)
        asked = ready.questions.primary
        self.found = simulated(["batch"] * 2, own, arms, asked, SEED_OF_RATES, 1, PROBES)
        self.follow_up = follow_up

    @cache  # noqa: B019  # as long as the study lasts
    def expected_events(self, n: int) -> float:
        """The mean number of events by the final look of a trial of `n`."""
        return float((self._rows(n)["x_0"] + self._rows(n)["x_1"]).mean())

    def hazard_ratio(self) -> float:
        """The hazard ratio that the largest trials speak of. Raises `RequestError` where it is no gain."""
        rows = self._rows(self.largest)
        events = float((rows["x_0"] + rows["x_1"]).mean())
        found = effective_hazard_ratio(float(rows["statistic"].mean()), events, self.ratio)
        if found >= 1.0:
            wrong = f"the second arm does not do better: its hazard ratio is about {found:.2f}."
            allowed = "a variant that does, or a hazard ratio below 1."
            raise RequestError(f"alternative: {self.ready.study.alternative}", wrong, allowed)
        return found

    def _rows(self, n: int) -> Rows:
        decisions = EventDecisions((), (0.0,), (), 0.5, 1)
        return event_rows(self.found, decisions, c.EventConduct((), n, self.follow_up), False)
