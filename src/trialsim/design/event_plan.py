"""The design of a two-arm trial with times to events: how many events, which bounds, how many patients to have them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from trialsim.config.size_study import SizeStudy
from trialsim.design.event_decisions import EventDecisions
from trialsim.design.exact.sequential import drift_for_power, inflation
from trialsim.design.exact.time_to_event import freedman_events, schoenfeld_events
from trialsim.design.two_arms import bounds_of
from trialsim.errors import RequestError
from trialsim.model.conduct import EventConduct


@dataclass(frozen=True)
class EventPlan:
    """A log-rank design: `decisions` at numbers of events; `numbers` as they are reported."""

    kind: str
    numbers: dict[str, Any]
    decisions: EventDecisions
    follow_up_days: float

    def conduct(self, n: int) -> EventConduct:
        """How the trial goes with `n` patients."""
        return EventConduct(self.decisions.events, n, self.follow_up_days)


def event_plan(study: SizeStudy, hazard_ratio: float, ratio: float) -> EventPlan:
    """How many events tell a hazard ratio, with looks (Schoenfeld 1981, Biometrika 68:316, times the inflation).

    `ratio` is experimental over control patients. Raises `RequestError`.
    """
    fixed = schoenfeld_events(hazard_ratio, study.alpha, study.power, ratio, study.sides)
    upper, lower = bounds_of(study.looks, study.alpha, study.power, study.sides)
    drift = drift_for_power(study.looks.at, np.array(upper), study.power, np.array(lower) if lower else None)
    more = inflation(drift, study.alpha, study.power, study.sides)
    events = math.ceil(fixed * more)
    if events > study.largest_n:
        wrong = f"it takes {events} events to tell a hazard ratio of {hazard_ratio:.3f}."
        nearest = f"largest_n from about {math.ceil(1.3 * events)}, or a smaller hazard ratio."
        raise RequestError(f"largest_n = {study.largest_n}", wrong, nearest)
    looks = tuple(max(1, round(events * share)) for share in study.looks.at)
    if len(set(looks)) < len(looks):
        raise RequestError("looks.at", f"two looks fall on the same of {events} events.", "fewer looks.")
    numbers = {
        "hazard_ratio": hazard_ratio, "events": events, "looks": list(looks), "upper_z": list(upper),
        "lower_z": list(lower), "nominal_p": norm.sf(np.array(upper)).tolist(), "inflation": more,
        "schoenfeld_events": fixed, "sides": study.sides,
        "freedman_events": freedman_events(hazard_ratio, study.alpha, study.power, ratio, study.sides),
        "follow_up_days": study.conduct.follow_up.value, "alpha": study.alpha, "power": study.power,
    }  # fmt: skip
    decisions = EventDecisions(looks, upper, lower, study.alpha, study.sides)
    return EventPlan(study.design, numbers, decisions, study.conduct.follow_up.value)


def effective_hazard_ratio(mean_z: float, events: float, ratio: float) -> float:
    """The hazard ratio that the log-rank deviate of so many events speaks of (Schoenfeld 1981), if it is constant.

    E z = -log(hazard ratio) sqrt(d s (1 - s)), where s is the experimental share of patients.
    """
    share = ratio / (1.0 + ratio)
    return math.exp(-mean_z / math.sqrt(events * share * (1.0 - share)))


