"""The design of one arm with times to events, against what was seen before it: the one-sample log-rank test.

The reference is a Weibull distribution whose median is taken as known. The final analysis is made so long after the
last entry, and there is no other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.base import ALTERNATIVE, NULL, Design, Hypotheses, Information, InWords, needed, sides_in_words
from trialsim.design.theory.one_sample_logrank import Arm, one_sample_power, one_sample_rejection
from trialsim.design.time_to_event.decisions import OneSampleDecisions
from trialsim.design.time_to_event.planned import EventDesign, Events, check_enough, months_of_follow_up
from trialsim.errors import RequestError
from trialsim.model.interim import EventConduct
from trialsim.model.units import DAYS_PER_MONTH

SMALLEST: Final = 5  # patients: below, the normal distribution is no approximation


@dataclass(frozen=True)
class PlannedOneSample(EventDesign):
    """A one-sample log-rank test; `by_formula` are the numbers that do not depend on `n`."""

    by_formula: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def numbers(self) -> dict[str, Any]:
        """The numbers as they are reported; those of a trial of n once there is an n."""
        if self.n == 0:
            return dict(self.by_formula)
        planned, assumed, n = self.planned(), self.assumed, self.n
        return {
            **self.by_formula, "n": n, "expected_events": assumed.expected_events(n),
            "accrual_months": assumed.accrual_months(n), "alpha": planned[NULL], "power": planned[ALTERNATIVE],
        }  # fmt: skip

    @property
    def decisions(self) -> OneSampleDecisions:
        """The decision, the same for every n."""
        return decisions_of(self.study)

    @property
    def conduct(self) -> EventConduct:
        """A final look only."""
        return EventConduct((), self.n, self.study.conduct.follow_up.value)

    def planned(self) -> dict[str, float]:
        """How probably it rejects with uniform accrual and a constant hazard ratio (Wu 2015)."""
        power = one_sample_power(self._arm(), self.n, self.study.alpha, self.study.sides)
        return {NULL: self.study.alpha, ALTERNATIVE: power}

    def rejects(self) -> float:
        """How probably it rejects, whatever the hazard ratio."""
        return one_sample_rejection(self._arm(), self.n, self.study.alpha, self.study.sides)

    def smallest_by_formula(self) -> int | None:
        """The smallest n that has the power by the formula; None if none up to the limit has it."""
        sizes = range(SMALLEST, self.study.largest_n + 1)
        return next((n for n in sizes if self.at(n).planned()[ALTERNATIVE] >= self.study.power), None)

    def at(self, n: int) -> PlannedOneSample:
        """The design with `n` patients."""
        return replace(self, n=n)

    def describe(self, in_words: InWords) -> list[str]:
        """What is compared with which reference, when, with how many events."""
        study, at = self.study, self.numbers
        kind = "exponential" if at["reference_shape"] == 1.0 else f"Weibull, shape {at['reference_shape']:g}"
        of = study.reference.median if study.reference is not None else None
        source = f", {of.source}" if of is not None and of.source is not None else ""
        asked = at.get("wu_n")
        formula = f"; the formula of Wu (2015) asks for {asked}" if asked not in (None, at["n"]) else ""
        return [
            f"Time to {in_words(study.endpoint)} in one arm is compared with a reference whose median is "
            f"{at['reference_median_months']:.1f} months ({kind}{source}) by the one-sample log-rank test. "
            f"{at['n']} patients are treated{formula}, and the analysis is made "
            f"{at['follow_up_days'] / DAYS_PER_MONTH:.1f} months after the last entry, with "
            f"{at['expected_events']:.0f} events expected if the hazard ratio to the reference is "
            f"{at['hazard_ratio']:.3f}. The reference is rejected if (E - O) / sqrt(E), of the events expected and "
            f"observed, reaches {at['reject_from_z']:.3f} ({sides_in_words(study)} level {study.alpha:g})."
        ]

    def _arm(self) -> Arm:
        assumed = self.assumed
        return arm_of(self.study, assumed.hazard_ratio, assumed.accrual_months(self.n), assumed.dropout)


def arm_of(study: SizeStudy, hazard_ratio: float, accrual_months: float, dropout: float) -> Arm:
    """The arm of a study for formulas, in months."""
    reference = needed(study.reference, "reference")
    shape, median = reference.shape.value, reference.median.value / DAYS_PER_MONTH
    hazard = math.log(2.0) ** (1.0 / shape) / median
    total = accrual_months + months_of_follow_up(study)
    return Arm(hazard, hazard_ratio, accrual_months, total, shape, dropout)


class OneSampleLogrankDesign(Design[Events]):
    """One arm against a reference; simulation finds its n."""

    name = "one-sample-logrank"
    title = "one-sample log-rank test"
    hypotheses = Hypotheses.REFERENCE
    information = Information.EVENTS
    has_size = False

    def smallest(self, study: SizeStudy, assumed: Events) -> PlannedOneSample:
        """The design. Raises `RequestError` where the largest trial is far from the power, or there is no gain."""
        _check_gain(study, assumed)
        planned = PlannedOneSample(self, study, assumed)
        n = planned.smallest_by_formula()
        reached = planned.at(study.largest_n).planned()[ALTERNATIVE]
        if n is None and reached < 0.8 * study.power:
            wrong = f"power {study.power:g} takes more patients: the largest trial has {reached:.2f}."
            nearest = "a larger `largest_n`, a longer `conduct.follow_up`, or less power."
            raise RequestError(f"largest_n = {study.largest_n}", wrong, nearest, key="largest_n")
        return replace(planned, by_formula={**_numbers_of(study, assumed), "wu_n": n, "target": study.power})

    def with_n(self, study: SizeStudy, assumed: Events, n: int) -> PlannedOneSample:
        """The test with `n` patients. Raises `RequestError` where there is no gain, or for too few of them."""
        _check_gain(study, assumed)
        check_enough(n, SMALLEST)
        return PlannedOneSample(self, study, assumed, n, _numbers_of(study, assumed))


def _check_gain(study: SizeStudy, assumed: Events) -> None:
    """Refuse an arm that does not do better than the reference. Raises `RequestError`."""
    if assumed.hazard_ratio >= 1.0:
        wrong = f"it does not do better than the reference: its hazard ratio is about {assumed.hazard_ratio:.2f}."
        allowed = "a reference with a shorter median, or a hazard ratio below 1."
        raise RequestError(f"alternative: {study.alternative}", wrong, allowed, key="alternative")


def _numbers_of(study: SizeStudy, assumed: Events) -> dict[str, Any]:
    """The numbers that depend neither on n nor on a power that is asked for."""
    reference = needed(study.reference, "reference")
    return {
        "hazard_ratio": assumed.hazard_ratio, "reference_median_months": reference.median.value / DAYS_PER_MONTH,
        "reference_shape": reference.shape.value, "dropout_per_month": assumed.dropout, "sides": study.sides,
        "reject_from_z": decisions_of(study).bound, "follow_up_days": study.conduct.follow_up.value,
        "nominal_alpha": study.alpha,
    }  # fmt: skip


def decisions_of(study: SizeStudy) -> OneSampleDecisions:
    """The decision of a study."""
    reference = needed(study.reference, "reference")
    return OneSampleDecisions(reference.median.value, reference.shape.value, study.alpha, study.sides)
