"""The design of a two-arm trial that compares restricted mean times, at a final look on a day.

The final analysis is made so long after the last entry that everyone who is not lost is seen for the time to which the
means are restricted. So the power does not depend on how patients come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.base import (
    ALTERNATIVE,
    NULL,
    Design,
    Hypotheses,
    Information,
    InWords,
    PlannedDesign,
    needed,
    sides_in_words,
)
from trialsim.design.theory.changing_hazards.piecewise import PiecewiseArms
from trialsim.design.theory.changing_hazards.restricted_means import (
    RestrictedMeans,
    restricted_means,
    restricted_means_power,
)
from trialsim.design.time_to_event.decisions import RestrictedMeanDecisions
from trialsim.design.time_to_event.hazards import arms_in_order, arms_in_words, hazards_of_arms, plain_times_of
from trialsim.design.time_to_event.planned import FEWEST_IN_SEARCH, EventDesign, Events, check_enough
from trialsim.errors import RequestError
from trialsim.model.interim import EventConduct
from trialsim.model.units import DAYS_PER_MONTH

TO_ZERO: Final = 1e-9  # months, to which integrals are right


@dataclass(frozen=True)
class PlannedRestrictedMeans(EventDesign):
    """A test of two restricted means; `by_formula` are the numbers that do not depend on `n`."""

    by_formula: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def numbers(self) -> dict[str, Any]:
        """The numbers as they are reported; those of a trial of n once there is an n."""
        if self.n == 0:
            return dict(self.by_formula)
        planned, n = self.planned(), self.n
        return {
            **self.by_formula, "n": n, "expected_events": self.assumed.expected_events(n), "alpha": planned[NULL],
            "power": planned[ALTERNATIVE],
        }  # fmt: skip

    @property
    def decisions(self) -> RestrictedMeanDecisions:
        """The decision, the same for every n."""
        return restricted_mean_decisions(self.study)

    @property
    def conduct(self) -> EventConduct:
        """A final look only."""
        return EventConduct((), self.n, self.study.conduct.follow_up.value)

    def planned(self) -> dict[str, float]:
        """How probably it rejects, by the normal approximation."""
        return {NULL: self.study.alpha, ALTERNATIVE: self.rejects()}

    def rejects(self) -> float:
        """How probably it rejects under what is assumed."""
        study = self.study
        return restricted_means_power(self.assumed.arms(self.n), until_months(study), self.n, study.alpha, study.sides)

    def n_by_formula(self) -> int | None:
        """The patients that the formula asks for, where it has an answer."""
        n: int | None = self.by_formula.get("formula_n")
        return n

    def smallest_by_formula(self) -> int | None:
        """The first of the sizes that has the power by the formula; None if none has it."""
        sizes = self.sizes().tolist()
        return next((n for n in sizes if self.at(n).rejects() >= self.study.power), None)

    def at(self, n: int) -> PlannedRestrictedMeans:
        """The design with `n` patients."""
        return replace(self, n=n)

    def describe(self, in_words: InWords) -> list[str]:
        """Who is compared on which mean, when, and what is decided."""
        study, at, (control, experimental) = self.study, self.numbers, self.assumed.names
        hazards = f" Hazards are taken as {arms_in_words(study, self.assumed.names)}." if study.hazards else ""
        means = at["restricted_means"]
        return [
            f"The arm '{experimental}' is compared with the arm '{control}' on the mean time to "
            f"{in_words(study.endpoint)} restricted to {at['until_months']:.4g} months (RMST, Royston and Parmar "
            f"2013). {at['n']} patients are randomised in permuted blocks, and the analysis is made "
            f"{at['follow_up_days'] / DAYS_PER_MONTH:.1f} months after the last entry. Restricted means of "
            f"{means[control]:.2f} and {means[experimental]:.2f} months are assumed, a difference of "
            f"{at['difference_months']:.2f} months; the power is {at['power']:.3f} by the normal approximation."
            f"{hazards} The null hypothesis is rejected if the difference over its standard error (Greenwood) reaches "
            f"{at['reject_from_z']:.3f} ({sides_in_words(study)} level {study.alpha:g})."
        ]


class RestrictedMeansDesign(Design[Events]):
    """Two restricted mean times at one look; simulation finds its n."""

    name = "rmst"
    title = "difference of restricted mean times (RMST)"
    hypotheses = Hypotheses.HAZARD_RATIO
    information = Information.EVENTS
    has_size = False
    labels = {"reject_from_z": "reject from z"}

    def describe_test(self, study: SizeStudy) -> list[str]:
        """The time to which the means are restricted."""
        return [f"mean times are restricted to {needed(study.until, 'until').text}"]

    def check(self, study: SizeStudy) -> PlannedDesign | None:
        """Refuse plain hazards of which the experimental arm has no longer mean."""
        if study.hazards:
            arms = PiecewiseArms(*hazards_of_arms(study, arms_in_order(study)), 0.0)
            _check_gain(restricted_means(arms, until_months(study)))
        return None

    def smallest(self, study: SizeStudy, assumed: Events) -> PlannedRestrictedMeans:
        """The design. Raises `RequestError` where the largest trial is far from the power, or there is no gain."""
        planned = PlannedRestrictedMeans(self, study, assumed, 0, _numbers_of(study, assumed))
        n = planned.smallest_by_formula()
        reached = planned.at(study.largest_n).rejects()
        if n is None and reached < 0.8 * study.power:
            wrong = f"power {study.power:g} takes more patients: the largest trial has {reached:.2f}."
            nearest = "a larger `largest_n`, a longer `until`, or less power."
            raise RequestError(f"largest_n = {study.largest_n}", wrong, nearest, key="largest_n")
        return replace(planned, by_formula={**planned.by_formula, "formula_n": n, "target": study.power})

    def with_n(self, study: SizeStudy, assumed: Events, n: int) -> PlannedRestrictedMeans:
        """The test with `n` patients. Raises `RequestError` where there is no gain, or for too few of them."""
        check_enough(n, FEWEST_IN_SEARCH * len(assumed.allocation))
        return PlannedRestrictedMeans(self, study, assumed, n, _numbers_of(study, assumed))


def _numbers_of(study: SizeStudy, assumed: Events) -> dict[str, Any]:
    """The numbers that depend neither on n nor on a power that is asked for. Raises `RequestError` without a gain."""
    at = restricted_means(assumed.arms(study.most_patients), until_months(study))
    _check_gain(at)
    means = dict(zip(assumed.names, (at.control, at.experimental), strict=True))
    return {
        "hazard_ratio": assumed.hazard_ratio, "until_months": until_months(study), "restricted_means": means,
        "difference_months": at.difference, "sides": study.sides, "follow_up_days": study.conduct.follow_up.value,
        "reject_from_z": restricted_mean_decisions(study).bound, "nominal_alpha": study.alpha, **plain_times_of(study),
    }  # fmt: skip


def _check_gain(means: RestrictedMeans) -> None:
    """Refuse arms of which the experimental one has no longer mean. Raises `RequestError`."""
    if means.difference <= TO_ZERO:
        wrong = f"the mean of the experimental arm is not longer: {means.difference:.3f} months."
        raise RequestError("until", wrong, "a later month, or arms that differ otherwise.", key="until")


def until_months(study: SizeStudy) -> float:
    """The month of patients up to which means are restricted."""
    return needed(study.until, "until").value / DAYS_PER_MONTH


def restricted_mean_decisions(study: SizeStudy) -> RestrictedMeanDecisions:
    """The decision of a study."""
    return RestrictedMeanDecisions(needed(study.until, "until").value, study.alpha, study.sides)
