"""What looks of a log-rank test decide whose second stage has more events where the interim look is promising."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from scipy.stats import norm

from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.adaptive.reestimation import PromisingZone
from trialsim.design.decisions import FUTILE, REJECT
from trialsim.design.time_to_event.decisions import EventDecisions
from trialsim.errors import RequestError
from trialsim.typing import Counts, DecisionCodes, Floats

UNCHANGED = PromisingZone(0.5, math.inf, 2.0, 0.36, 0.8, 0.8, 1.0)


@dataclass(frozen=True)
class ReestimatedDecisions(EventDecisions):
    """One interim look, by whose z the `planned` events become more; the final z is the combined one."""

    zone: PromisingZone = UNCHANGED
    planned: int = 0

    @classmethod
    def of(cls, decisions: EventDecisions, zone: PromisingZone, planned: int) -> ReestimatedDecisions:
        """The decisions of a plan with a rule."""
        values = {item.name: getattr(decisions, item.name) for item in fields(EventDecisions)}
        return cls(**values, zone=zone, planned=planned)

    @property
    def most(self) -> int:
        """The most events of the final look."""
        return self._in_all(self.zone.factor * (1.0 - self.zone.look))

    def _in_all(self, second: float) -> int:
        return math.ceil(self.planned * (self.zone.look + second) - 1e-9)

    def final_events(self, z: Floats) -> Counts:
        """The events of the final look by z at the interim look; more than planned are rounded up."""
        second = self.zone.second_stage(z)
        wanted = np.ceil(self.planned * (self.zone.look + second) - 1e-9)
        return np.where(second > 1.0 - self.zone.look, wanted, self.planned).astype(np.int64)

    def combined(self, first: Floats, events_then: Counts, z: Floats, events: Counts) -> Floats:
        """The z statistics of both stages with the weights of the plan (Cui, Hung and Wang 1999).

        `first` and `events_then` are those of the interim look, `z` and `events` of all the data. The second stage is
        the increment of the log-rank score; 0 where no event came after the look.
        """
        after = events - events_then
        score = np.sqrt(events.astype(np.float64)) * z - np.sqrt(events_then.astype(np.float64)) * first
        second = np.divide(score, np.sqrt(np.maximum(after, 1)), out=np.zeros(len(z)), where=after > 0)
        return np.asarray(math.sqrt(self.zone.look) * first + math.sqrt(1.0 - self.zone.look) * second)

    def decide(self, look: int, z: Floats, events: Counts, taken: Counts) -> DecisionCodes:
        """See `EventDecisions`; the final bound is that of the plan, or of one look where there was no interim one."""
        if look < len(self.interim):
            return super().decide(look, z, events, taken)
        bounds = np.where(taken == 0, norm.isf(self.alpha), self.zone.final)
        return np.where(z >= bounds, REJECT, FUTILE).astype(np.int8)


def zone_of(study: SizeStudy, upper: Sequence[float], lower: Sequence[float]) -> PromisingZone | None:
    """The rule of a study with its bounds by look; None without one. Raises `RequestError` for an empty zone."""
    rule = study.looks.reestimate
    if rule is None:
        return None
    if study.hazards:
        wrong = "with hazards that change, the information of a stage is not the share of its events."
        allowed = "`medians` or a hazard ratio in place of `hazards`, or no re-estimation."
        raise RequestError("looks.reestimate", wrong, allowed, key="looks.reestimate")
    target = study.power if rule.target is None else rule.target
    high = target if rule.to is None else rule.to
    floor = float(lower[0]) if len(lower) else -math.inf
    try:
        return PromisingZone(
            study.looks.at[0], float(upper[0]), float(upper[-1]), rule.promising, high, target, rule.factor, floor
        )
    except RequestError as error:
        problem = error.problem
        raise RequestError(
            f"looks.reestimate: {problem.what}", problem.wrong, problem.allowed, key="looks.reestimate"
        ) from None
