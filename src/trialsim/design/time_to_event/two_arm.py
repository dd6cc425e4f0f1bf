"""The design of a two-arm trial with times to events: bounds, looks at numbers of events, a final look on a day.

The final analysis is made so long after the last entry, so a larger trial has more events by then. Interim looks are at
shares of the events that are expected by the final one under the alternative.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.stats import norm

from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.plan import ALTERNATIVE, NULL
from trialsim.design.theory.sequential import crossing_probabilities, drift_for_power, inflation
from trialsim.design.theory.time_to_event import Arms, freedman_events, lachin_foulkes_power, schoenfeld_events
from trialsim.design.time_to_event.decisions import EventDecisions
from trialsim.design.two_arm.boundaries import bounds_of
from trialsim.errors import RequestError
from trialsim.model.interim import EventConduct
from trialsim.model.units import DAYS_PER_MONTH

MOST_PATIENTS: Final = 5000  # of a study; see config.size_study


@dataclass(frozen=True)
class EventPlan:
    """A log-rank design for every number of patients; `numbers` as they are reported of the one with `numbers["n"]`.

    `expected_events` tells how many events there are by the final look of a trial of n under the alternative.
    `upper` and `lower` are z bounds by look, `ratio` is experimental over control patients.
    """

    study: SizeStudy
    hazard_ratio: float
    ratio: float
    upper: tuple[float, ...]
    lower: tuple[float, ...]
    expected_events: Callable[[int], float]
    numbers: dict[str, Any]

    def decisions(self, n: int) -> EventDecisions:
        """The decisions of a trial with `n` patients."""
        study, d = self.study, self.expected_events(n)
        interim = sorted({max(1, round(d * share)) for share in study.looks.at[:-1]})
        k = len(interim)
        futility = study.looks.futility
        lower = (*self.lower[:k], self.lower[-1]) if self.lower else ()
        binds = futility is not None and futility.binding
        upper = (*self.upper[:k], self.upper[-1])
        return EventDecisions(tuple(interim), upper, lower, study.alpha, study.sides, binds)

    def conduct(self, n: int) -> EventConduct:
        """How a trial with `n` patients goes."""
        return EventConduct(self.decisions(n).interim, n, self.study.conduct.follow_up.value)

    def planned(self, n: int) -> dict[str, float]:
        """How probably it rejects at the expected number of events, by the normal approximation (Schoenfeld 1981)."""
        d, share = self.expected_events(n), self.ratio / (1.0 + self.ratio)
        drift = -math.log(self.hazard_ratio) * math.sqrt(d * share * (1.0 - share))
        at, sides = self.study.looks.at, self.study.sides
        low = np.array(self.lower) if self.lower else None

        def above(theta: float) -> float:
            return float(crossing_probabilities(at, np.array(self.upper), low, theta)[0].sum())

        return {NULL: sides * above(0.0), ALTERNATIVE: above(drift) + (above(-drift) if sides == 2 else 0.0)}

    def with_n(self, n: int) -> None:
        """Report the trial with `n` patients."""
        planned, decisions = self.planned(n), self.decisions(n)
        d = self.expected_events(n)
        self.numbers.update(
            n=n, expected_events=d, looks=[*decisions.interim, round(d)], upper_z=list(decisions.upper),
            lower_z=list(decisions.lower), nominal_p=norm.sf(np.array(decisions.upper)).tolist(),
            alpha=planned[NULL], power=planned[ALTERNATIVE],
        )  # fmt: skip


def event_plan(
    study: SizeStudy, hazard_ratio: float, ratio: float, expected_events: Callable[[int], float]
) -> EventPlan:
    """A log-rank design: how many events tell a hazard ratio, and the bounds of its looks.

    `ratio` is experimental over control patients. Raises `RequestError` where not even the largest trial has the events
    that formulas ask for.
    """
    fixed = schoenfeld_events(hazard_ratio, study.alpha, study.power, ratio, study.sides)
    upper, lower = bounds_of(study.looks, study.alpha, study.power, study.sides)
    drift = drift_for_power(study.looks.at, np.array(upper), study.power, np.array(lower) if lower else None)
    more = inflation(drift, study.alpha, study.power, study.sides)
    most = expected_events(study.largest_n)
    if most < 0.8 * fixed * more:
        per_patient = max(most / study.largest_n, 1e-9)
        wrong = f"it takes about {fixed * more:.0f} events, and there are {most:.0f} by the end of the largest trial."
        needed = math.ceil(fixed * more / per_patient)
        more_patients = f"largest_n from about {needed}, " if needed <= MOST_PATIENTS else ""
        nearest = f"{more_patients}a longer `conduct.follow_up`, more sites, or accrual that does not close."
        raise RequestError(f"largest_n = {study.largest_n}", wrong, nearest)
    numbers = {
        "hazard_ratio": hazard_ratio, "inflation": more, "schoenfeld_events": fixed, "sides": study.sides,
        "freedman_events": freedman_events(hazard_ratio, study.alpha, study.power, ratio, study.sides),
        "follow_up_days": study.conduct.follow_up.value, "nominal_alpha": study.alpha, "target": study.power,
    }  # fmt: skip
    return EventPlan(study, hazard_ratio, ratio, upper, lower, expected_events, numbers)


def by_lachin_and_foulkes(
    study: SizeStudy, hazard_ratio: float, ratio: float, hazard: float, dropout: float, months: Callable[[int], float],
    sizes: Iterable[int],
) -> int | None:  # fmt: skip
    """The first of the sizes with the power by Lachin and Foulkes (1986), one look; None if none has it.

    `hazard` (of the control arm) and `dropout` are per month and constant, `months` tells how long accrual takes.
    """
    follow_up = study.conduct.follow_up.value / DAYS_PER_MONTH
    for n in sizes:
        arms = Arms(hazard, hazard_ratio, months(n), ratio, dropout, dropout)
        if lachin_foulkes_power(arms, months(n) + follow_up, n, study.alpha, study.sides) >= study.power:
            return n
    return None


def effective_hazard_ratio(mean_z: float, events: float, ratio: float) -> float:
    """The hazard ratio that the log-rank deviate of so many events speaks of (Schoenfeld 1981), if it is constant.

    E z = -log(hazard ratio) sqrt(d s (1 - s)), where s is the experimental share of patients.
    """
    share = ratio / (1.0 + ratio)
    return math.exp(-mean_z / math.sqrt(max(events, 1.0) * share * (1.0 - share)))
