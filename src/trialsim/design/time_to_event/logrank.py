"""The design of a two-arm trial with times to events: bounds, looks at numbers of events, a final look on a day.

The final analysis is made so long after the last entry, so a larger trial has more events by then. Interim looks are at
shares of the events that are expected by the final one under the alternative.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from scipy.stats import norm

from trialsim.config.schema.plain_times import STRATIFIED, is_weighted, rho_gamma_of
from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.adaptive.reestimation import PromisingZone
from trialsim.design.base import ALTERNATIVE, NULL, Design, Hypotheses, Information, InWords, PlannedDesign
from trialsim.design.search import multiples
from trialsim.design.theory.sequential import crossing_probabilities, drift_for_power, inflation
from trialsim.design.theory.time_to_event import Arms, freedman_events, lachin_foulkes_power, schoenfeld_events
from trialsim.design.time_to_event.by_moments import goes_by_moments, rejection_by_moments
from trialsim.design.time_to_event.decisions import EventDecisions
from trialsim.design.time_to_event.hazards import arms_in_words, plain_times_of
from trialsim.design.time_to_event.planned import (
    FEWEST_IN_SEARCH,
    EventDesign,
    Events,
    check_enough,
    months_of_follow_up,
)
from trialsim.design.time_to_event.reestimated import ReestimatedDecisions, zone_of
from trialsim.design.two_arms.boundaries import bounds_by_look, bounds_of
from trialsim.design.two_arms.words import looks_in_words, rule_in_words
from trialsim.errors import RequestError
from trialsim.model.interim import EventConduct
from trialsim.model.units import DAYS_PER_MONTH

MOST_PATIENTS: Final = 5000  # of a study; see config.size_study


@dataclass(frozen=True)
class PlannedLogrank(EventDesign):
    """A log-rank test; `upper` and `lower` are z bounds by look, `by_formula` the numbers that formulas ask for."""

    upper: tuple[float, ...] = ()
    lower: tuple[float, ...] = ()
    by_formula: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def numbers(self) -> dict[str, Any]:
        """The numbers as they are reported; those of a trial of n once there is an n."""
        if self.n == 0:
            return dict(self.by_formula)
        planned, decisions, d = self.planned(), self.decisions, self.final_events
        month_of, looks = self.assumed.month_of_events, [*decisions.interim, round(d)]
        months = [month_of(self.n, events) for events in [*decisions.interim, d]] if month_of is not None else []
        return {
            **self.by_formula, "n": self.n, "expected_events": d, "looks": looks,
            **({"look_months": months} if months else {}),
            "upper_z": list(decisions.upper), "lower_z": list(decisions.lower),
            **({"most_events": decisions.most} if isinstance(decisions, ReestimatedDecisions) else {}),
            "nominal_p": norm.sf(np.array(decisions.upper)).tolist(), "alpha": planned[NULL],
            "power": planned[ALTERNATIVE],
        }  # fmt: skip

    @property
    def ratio(self) -> float:
        """Experimental over control patients."""
        return ratio_of(self.assumed)

    @property
    def final_events(self) -> float:
        """The events of the final look: as many as the study asks for, or those expected at the end of follow-up."""
        asked = self.study.conduct.events
        return self.assumed.expected_events(self.n) if asked is None else float(asked)

    @cached_property
    def decisions(self) -> EventDecisions:
        """The decisions of a trial with `n` patients."""
        study, d = self.study, self.final_events
        interim = sorted({max(1, round(d * share)) for share in study.looks.at[:-1]})
        k = len(interim)
        futility = study.looks.futility
        lower = (*self.lower[:k], self.lower[-1]) if self.lower else ()
        binds = futility is not None and futility.binding
        upper = (*self.upper[:k], self.upper[-1])
        weights = rho_gamma_of(study.test)
        by_strata = study.test == STRATIFIED
        planned = EventDecisions(tuple(interim), upper, lower, study.alpha, study.sides, binds, weights, by_strata)
        return planned if self.zone is None else ReestimatedDecisions.of(planned, self.zone, round(d))

    @cached_property
    def zone(self) -> PromisingZone | None:
        """The rule of re-estimation, where there is one."""
        return zone_of(self.study, self.upper, self.lower)

    @property
    def conduct(self) -> EventConduct:
        """Looks at numbers of events, and the final one on a day."""
        conduct = self.study.conduct
        return EventConduct(self.decisions.interim, self.n, conduct.follow_up.value, conduct.events or 0)

    @property
    def looks(self) -> list[dict[str, Any]]:
        """The looks with their bounds and, where a formula has them, the months in which they are expected."""
        has_all = len(self.decisions.upper) == self.n_looks  # with few events two looks may be one
        return bounds_by_look(self.study, self.numbers, "events") if self.n > 0 and has_all else []

    def planned(self) -> dict[str, float]:
        """How probably it rejects, by the normal approximation (Schoenfeld 1981; Yung and Liu 2020)."""
        return {NULL: self.study.sides * self._above(0.0), ALTERNATIVE: self.rejects()}

    def rejects(self) -> float:
        """How probably it rejects under what is assumed: by the hazard ratio, or by the moments of the statistic."""
        if goes_by_moments(self.study, self.assumed):
            return rejection_by_moments(self.study, self.assumed, self.n, self.upper, self.lower)
        drift = self.drift
        return self._above(drift) + (self._above(-drift) if self.study.sides == 2 else 0.0)

    @property
    def drift(self) -> float:
        """The mean of z at the final look at the hazard ratio that is assumed (Schoenfeld 1981)."""
        share = self.ratio / (1.0 + self.ratio)
        effect = math.log(self.null_ratio) - math.log(self.assumed.hazard_ratio)
        return effect * math.sqrt(self.final_events * share * (1.0 - share))

    def n_by_formula(self) -> int | None:
        """The patients that a formula asks for, where it has an answer."""
        n: int | None = self.by_formula.get("lachin_foulkes_n")
        return n

    def _above(self, drift: float) -> float:
        """How probably an upper bound is crossed first."""
        if self.zone is not None:
            return self.zone.reached(drift).rejects
        low = np.array(self.lower) if self.lower else None
        return float(crossing_probabilities(self.study.looks.at, np.array(self.upper), low, drift)[0].sum())

    def at(self, n: int) -> PlannedLogrank:
        """The design with `n` patients."""
        return replace(self, n=n)

    def describe(self, in_words: InWords) -> list[str]:
        """Who is compared on which time, when, with how many events."""
        study, at, (control, experimental) = self.study, self.numbers, self.assumed.names
        hazards = f"Hazards are taken as {arms_in_words(study, self.assumed.names)}. " if study.hazards else ""
        return [
            f"The arm '{experimental}' is compared with the arm '{control}' on time to {in_words(study.endpoint)} by "
            f"the {test_in_words(study)}. {at['n']} patients are randomised in permuted blocks, and the final analysis "
            f"is made {self._end_in_words()} ({self._by_formulas()}). {hazards}"
            + (looks_in_words(study, at, Information.EVENTS) + self._rule_in_words()).rstrip()
        ]

    def _rule_in_words(self) -> str:
        """The rule of re-estimation in sentences; nothing without one."""
        decisions = self.decisions
        if not isinstance(decisions, ReestimatedDecisions):
            return ""
        return rule_in_words(decisions.zone, decisions.interim[0], decisions.planned, decisions.most, "events")

    def _end_in_words(self) -> str:
        """When the final analysis is made, and on how many events."""
        at, asked = self.numbers, self.study.conduct.events
        months = f"{at['follow_up_days'] / DAYS_PER_MONTH:.1f} months after the last entry"
        on_average = " on average over the events" if self._changes else ""
        ratio = f"{at['hazard_ratio']:.3f}{on_average}"
        if asked is not None:
            return f"after {asked} events, and at the latest {months}; the hazard ratio is taken as {ratio}"
        return f"{months}, with {at['expected_events']:.0f} events expected if the hazard ratio is {ratio}"

    @property
    def _changes(self) -> bool:
        """Whether the hazard ratio changes with time."""
        return self.assumed.hazards is not None and not self.assumed.arms(self.n).is_proportional

    def _by_formulas(self) -> str:
        """What formulas say: the power of the given n, or the events and the patients that they ask for."""
        at = self.numbers
        if goes_by_moments(self.study, self.assumed):
            return f"the power is {at['power']:.3f} by the mean and variance of the statistic, Yung and Liu 2020"
        if self.study.conduct.events is not None:
            return f"the power is {at['power']:.3f} by the normal approximation, Schoenfeld 1981"
        if self.study.n is not None and "lachin_foulkes_power" not in at:
            return f"the power is {at['power']:.3f} by the normal approximation, Schoenfeld 1981"
        if self.study.n is not None:
            return (
                f"the power with one look is {at['lachin_foulkes_power']:.3f} by the formula of Lachin and Foulkes 1986"
            )
        lachin = at.get("lachin_foulkes_n")
        patients = f", and for {lachin} patients with one look, Lachin and Foulkes 1986" if lachin is not None else ""
        return (
            f"formulas ask for {at['schoenfeld_events']:.1f} events with one look, Schoenfeld 1981, times "
            f"{at['inflation']:.4f} for the looks{patients}"
        )


class LogrankDesign(Design[Events]):
    """Looks at numbers of events with bounds by alpha spending; simulation finds its n."""

    name = "logrank"
    title = "log-rank test"
    hypotheses = Hypotheses.HAZARD_RATIO
    information = Information.EVENTS
    has_size = False

    def check(self, study: SizeStudy) -> PlannedDesign | None:
        """Refuse looks without bounds."""
        zone_of(study, *bounds_of(study.looks, study.alpha, study.power, study.sides))
        return None

    def describe_test(self, study: SizeStudy) -> list[str]:
        """The weights of the test, where it has some."""
        return [f"test: {test_in_words(study)}"] if study.test is not None else []

    def smallest(self, study: SizeStudy, assumed: Events) -> PlannedLogrank:
        """How many events tell a hazard ratio, and the bounds of the looks.

        Raises `RequestError` where not even the largest trial has the events that formulas ask for.
        """
        requested = study.alpha, study.power
        upper, lower = bounds_of(study.looks, *requested, study.sides)
        drift = drift_for_power(study.looks.at, np.array(upper), study.power, np.array(lower) if lower else None)
        more = inflation(drift, *requested, study.sides)
        schoenfeld, freedman = ({}, {}) if goes_by_moments(study, assumed) else _events_by_formulas(study, assumed)
        for fixed in schoenfeld.values():
            check_events(study, fixed * more, assumed.expected_events(study.largest_n))
        numbers: dict[str, Any] = {
            "hazard_ratio": assumed.hazard_ratio, "inflation": more, **schoenfeld, "sides": study.sides, **freedman,
            **_numbers_of(study, assumed), "target": study.power, **plain_times_of(study),
        }  # fmt: skip
        planned = PlannedLogrank(self, study, assumed, 0, upper, lower, numbers)
        if not has_lachin_and_foulkes(study, assumed):
            return planned
        step = planned.step
        lachin = by_lachin_and_foulkes(study, assumed, multiples(2 * step, study.largest_n, step).tolist())
        return replace(planned, by_formula={**numbers, "lachin_foulkes_n": lachin})

    def with_n(self, study: SizeStudy, assumed: Events, n: int) -> PlannedLogrank:
        """The test with `n` patients in all, and its power by formulas. Raises `RequestError` for too few of them."""
        check_enough(n, FEWEST_IN_SEARCH * len(assumed.allocation))
        upper, lower = bounds_of(study.looks, study.alpha, study.power, study.sides)
        numbers = _numbers_of(study, assumed)
        if has_lachin_and_foulkes(study, assumed):
            numbers["lachin_foulkes_power"] = power_by_lachin_and_foulkes(study, assumed, n)
        return PlannedLogrank(self, study, assumed, n, upper, lower, {**numbers, **plain_times_of(study)})


def _numbers_of(study: SizeStudy, assumed: Events) -> dict[str, Any]:
    """The numbers that depend neither on n nor on a power that is asked for."""
    return {
        "hazard_ratio": assumed.hazard_ratio, "sides": study.sides, "follow_up_days": study.conduct.follow_up.value,
        "nominal_alpha": study.alpha, **({"test": study.test} if study.test is not None else {}),
    }  # fmt: skip


def _events_by_formulas(study: SizeStudy, assumed: Events) -> tuple[dict[str, float], dict[str, float]]:
    """The events that a test with one look needs for a hazard ratio, by two formulas."""
    asked = assumed.hazard_ratio, study.alpha, study.power, ratio_of(assumed), study.sides
    return {"schoenfeld_events": schoenfeld_events(*asked)}, {"freedman_events": freedman_events(*asked)}


def has_lachin_and_foulkes(study: SizeStudy, assumed: Events) -> bool:
    """Whether the formula of Lachin and Foulkes, which is of constant hazards, holds."""
    return not is_weighted(study.test) and assumed.hazards is None


def test_in_words(study: SizeStudy) -> str:
    """The test as a sentence says it."""
    if study.test is None:
        return "log-rank test"
    if not is_weighted(study.test):
        return f"log-rank test, stratified by {' and '.join(study.allocation.strata)}"
    rho, gamma = rho_gamma_of(study.test)
    return f"weighted log-rank test of Fleming and Harrington (rho {rho:g}, gamma {gamma:g})"


def ratio_of(assumed: Events) -> float:
    """Experimental over control patients."""
    return assumed.allocation.count(1) / assumed.allocation.count(0)


def check_events(study: SizeStudy, wanted: float, most: float) -> None:
    """Refuse a study whose largest trial is far from the events that are wanted. Raises `RequestError`."""
    if most >= 0.8 * wanted:
        return
    per_patient = max(most / study.largest_n, 1e-9)
    wrong = f"it takes about {wanted:.0f} events, and there are {most:.0f} by the end of the largest trial."
    n = math.ceil(wanted / per_patient)
    more_patients = f"largest_n from about {n}, " if n <= MOST_PATIENTS else ""
    nearest = f"{more_patients}a longer `conduct.follow_up`, more sites, or accrual that does not close."
    raise RequestError(f"largest_n = {study.largest_n}", wrong, nearest, key="largest_n")


def by_lachin_and_foulkes(study: SizeStudy, assumed: Events, sizes: Iterable[int]) -> int | None:
    """The first of the sizes with the power by Lachin and Foulkes (1986), one look; None if none has it."""
    return next((n for n in sizes if power_by_lachin_and_foulkes(study, assumed, n) >= study.power), None)


def power_by_lachin_and_foulkes(study: SizeStudy, assumed: Events, n: int) -> float:
    """The power of `n` patients by Lachin and Foulkes (1986), one look."""
    months, dropout = assumed.accrual_months(n), assumed.dropout
    arms = Arms(assumed.hazard, assumed.hazard_ratio, months, ratio_of(assumed), dropout, dropout)
    return lachin_foulkes_power(arms, months + months_of_follow_up(study), n, study.alpha, study.sides)


def effective_hazard_ratio(mean_z: float, events: float, ratio: float) -> float:
    """The constant hazard ratio that a log-rank z statistic and its number of events estimate (Schoenfeld 1981).

    E z = -log(hazard ratio) sqrt(d s (1 - s)), where s is the experimental share of patients.
    """
    share = ratio / (1.0 + ratio)
    return math.exp(-mean_z / math.sqrt(max(events, 1.0) * share * (1.0 - share)))
