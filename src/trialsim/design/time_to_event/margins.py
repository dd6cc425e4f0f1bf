"""The design of a two-arm trial with times to events and a margin: non-inferiority by a hazard ratio.

The null hypothesis is that the hazard ratio is at least the margin. It is tested by the score test of Cox's model at
the margin; at 1, without ties, that is the log-rank test, whose looks, bounds and calendar it shares.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.base import Information, InWords, needed
from trialsim.design.theory.sequential import drift_for_power, inflation
from trialsim.design.theory.time_to_event import schoenfeld_events
from trialsim.design.time_to_event.decisions import EventDecisions, with_margin
from trialsim.design.time_to_event.hazards import plain_times_of
from trialsim.design.time_to_event.logrank import LogrankDesign, PlannedLogrank, check_events, ratio_of
from trialsim.design.time_to_event.planned import FEWEST_IN_SEARCH, Events, check_enough
from trialsim.design.two_arms.boundaries import bounds_of
from trialsim.design.two_arms.words import looks_in_words


@dataclass(frozen=True)
class PlannedSurvivalMargin(PlannedLogrank):
    """A score test against a hazard ratio, the margin."""

    @property
    def null_ratio(self) -> float:
        """The margin."""
        return needed(self.study.margin, "margin")

    @cached_property
    def decisions(self) -> EventDecisions:
        """The decisions of a trial with `n` patients."""
        return with_margin(super().decisions, self.null_ratio)

    def n_by_formula(self) -> int | None:
        """The smallest number of patients with the power by Schoenfeld's formula, where one has it."""
        sizes = self.sizes().tolist()
        i = bisect_left(sizes, self.study.power, key=lambda n: self.at(n).rejects())
        return sizes[i] if i < len(sizes) else None

    def describe(self, in_words: InWords) -> list[str]:
        """Who is compared on which time, when, with which margin and which error rates."""
        study, at, (control, experimental) = self.study, self.numbers, self.assumed.names
        wanted = ""
        if study.n is None:
            wanted = f", where the formula asks for {at['schoenfeld_events']:.1f} with one look"
            wanted += f" times {at['inflation']:.4f} for the looks" if self.n_looks > 1 else ""
        return [
            f"The arm '{experimental}' is compared with the arm '{control}' on time to {in_words(study.endpoint)}. "
            f"{at['n']} patients are randomised in permuted blocks, and the final analysis is made "
            f"{self._end_in_words()}{wanted}. The null hypothesis is that the hazard ratio is {at['margin']:g} or "
            "higher; the treatment is declared not inferior if the score test of Cox's model at this margin rejects "
            f"it. {looks_in_words(study, at, Information.EVENTS)}The power is {at['power']:.3f} by the normal "
            "approximation (Schoenfeld 1981)."
        ]


class SurvivalMarginDesign(LogrankDesign):
    """The hazard of the experimental arm is higher by less than a margin; simulation finds its n."""

    name = "non-inferiority-survival"
    title = "non-inferiority of a hazard ratio, score test of Cox's model"

    def smallest(self, study: SizeStudy, assumed: Events) -> PlannedSurvivalMargin:
        """How many events tell a hazard ratio from the margin, and the bounds of the looks.

        Raises `RequestError` where not even the largest trial has the events that the formula asks for.
        """
        margin, requested = needed(study.margin, "margin"), (study.alpha, study.power)
        fixed = schoenfeld_events(assumed.hazard_ratio / margin, *requested, ratio_of(assumed))
        upper, lower = bounds_of(study.looks, *requested, study.sides)
        drift = drift_for_power(study.looks.at, np.array(upper), study.power, np.array(lower) if lower else None)
        more = inflation(drift, *requested)
        check_events(study, fixed * more, assumed.expected_events(study.largest_n))
        numbers = {"inflation": more, "schoenfeld_events": fixed, "target": study.power}
        return PlannedSurvivalMargin(self, study, assumed, 0, upper, lower, {**_numbers_of(study, assumed), **numbers})

    def with_n(self, study: SizeStudy, assumed: Events, n: int) -> PlannedSurvivalMargin:
        """The test with `n` patients in all, and its power by the formula. Raises `RequestError` for too few."""
        check_enough(n, FEWEST_IN_SEARCH * len(assumed.allocation))
        upper, lower = bounds_of(study.looks, study.alpha, study.power, study.sides)
        return PlannedSurvivalMargin(self, study, assumed, n, upper, lower, _numbers_of(study, assumed))


def _numbers_of(study: SizeStudy, assumed: Events) -> dict[str, Any]:
    """What is known before there is a number of patients."""
    return {
        "hazard_ratio": assumed.hazard_ratio, "margin": needed(study.margin, "margin"), "sides": study.sides,
        "follow_up_days": study.conduct.follow_up.value, "nominal_alpha": study.alpha, **plain_times_of(study),
    }  # fmt: skip
