"""The design of one arm with times to events, against what was seen before it: the one-sample log-rank test.

The reference is a Weibull distribution whose median is taken as known. The final analysis is made so long after the
last entry, and there is no other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from trialsim.config.schema.size_study import Reference, SizeStudy
from trialsim.design.plan import ALTERNATIVE, NULL
from trialsim.design.theory.one_sample_logrank import Arm, one_sample_power
from trialsim.design.time_to_event.decisions import OneSampleDecisions
from trialsim.errors import RequestError
from trialsim.model.interim import EventConduct
from trialsim.model.units import DAYS_PER_MONTH

SMALLEST: Final = 5  # patients: below, the normal distribution is no approximation


@dataclass(frozen=True)
class OneSamplePlan:
    """A one-sample log-rank design for every n; `numbers` as they are reported of the one with `numbers["n"]`.

    `hazard_ratio` is that of the arm to the reference. `accrual_months` tells how long the accrual of n patients takes,
    `expected_events` how many events there are at the end of it under the alternative. `dropout` is per month.
    """

    study: SizeStudy
    hazard_ratio: float
    accrual_months: Callable[[int], float]
    expected_events: Callable[[int], float]
    dropout: float
    numbers: dict[str, Any]

    def decisions(self, n: int) -> OneSampleDecisions:
        """The decision of a trial with `n` patients, the same for every one."""
        return decisions_of(self.study)

    def conduct(self, n: int) -> EventConduct:
        """How a trial with `n` patients goes."""
        return EventConduct((), n, self.study.conduct.follow_up.value)

    def planned(self, n: int) -> dict[str, float]:
        """How probably it rejects with uniform accrual and a constant hazard ratio (Wu 2015)."""
        power = one_sample_power(self._arm(n), n, self.study.alpha, self.study.sides)
        return {NULL: self.study.alpha, ALTERNATIVE: power}

    def with_n(self, n: int) -> None:
        """Report the trial with `n` patients."""
        planned = self.planned(n)
        self.numbers.update(
            n=n, expected_events=self.expected_events(n), accrual_months=self.accrual_months(n),
            alpha=planned[NULL], power=planned[ALTERNATIVE],
        )  # fmt: skip

    def by_formula(self) -> int | None:
        """The smallest n that has the power by the formula; None if none up to the limit has it."""
        sizes = range(SMALLEST, self.study.largest_n + 1)
        return next((n for n in sizes if self.planned(n)[ALTERNATIVE] >= self.study.power), None)

    def _arm(self, n: int) -> Arm:
        reference, months = reference_of(self.study), self.accrual_months(n)
        shape, median = reference.shape.value, reference.median.value / DAYS_PER_MONTH
        hazard = math.log(2.0) ** (1.0 / shape) / median
        total = months + self.study.conduct.follow_up.value / DAYS_PER_MONTH
        return Arm(hazard, self.hazard_ratio, months, total, shape, self.dropout)


def reference_of(study: SizeStudy) -> Reference:
    """The reference of a study that has one."""
    if study.reference is None:
        raise AssertionError("one-sample-logrank has a reference: see config.size_study")
    return study.reference


def decisions_of(study: SizeStudy) -> OneSampleDecisions:
    """The decision of a study."""
    own = reference_of(study)
    return OneSampleDecisions(own.median.value, own.shape.value, study.alpha, study.sides)


def one_sample_plan(
    study: SizeStudy,
    hazard_ratio: float,
    accrual_months: Callable[[int], float],
    expected_events: Callable[[int], float],
    dropout: float,
) -> OneSamplePlan:
    """The design. Raises `RequestError` where the largest trial is far from the power, or there is no gain."""
    if hazard_ratio >= 1.0:
        wrong = f"it does not do better than the reference: its hazard ratio is about {hazard_ratio:.2f}."
        allowed = "a reference with a shorter median, or a hazard ratio below 1."
        raise RequestError(f"alternative: {study.alternative}", wrong, allowed)
    plan = OneSamplePlan(study, hazard_ratio, accrual_months, expected_events, dropout, {})
    n = plan.by_formula()
    reached = plan.planned(study.largest_n)[ALTERNATIVE]
    if n is None and reached < 0.8 * study.power:
        wrong = f"power {study.power:g} takes more patients: the largest trial has {reached:.2f}."
        nearest = "a larger `largest_n`, a longer `conduct.follow_up`, or less power."
        raise RequestError(f"largest_n = {study.largest_n}", wrong, nearest)
    plan.numbers.update(
        hazard_ratio=hazard_ratio, reference_median_months=reference_of(study).median.value / DAYS_PER_MONTH,
        reference_shape=reference_of(study).shape.value, wu_n=n, dropout_per_month=dropout, sides=study.sides,
        reject_from_z=decisions_of(study).bound, follow_up_days=study.conduct.follow_up.value,
        nominal_alpha=study.alpha, target=study.power,
    )  # fmt: skip
    return plan
