"""Designs from plain numbers: what a scenario would say of rates, hazards and accrual is given instead."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from trialsim.config.loading.plain_studies import TOXICITY
from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.base import ALTERNATIVE, Hypotheses, PlannedDesign, Rates, arms_in_turn, needed
from trialsim.design.counts import CountDesign
from trialsim.design.registry import design_of
from trialsim.design.theory.arguments import check_count, check_probability
from trialsim.design.theory.changing_hazards.piecewise import PiecewiseArms, PiecewiseHazard
from trialsim.design.theory.one_sample_logrank import one_sample_moments
from trialsim.design.theory.rounding import lowest_accepted
from trialsim.design.theory.stages import check_rates
from trialsim.design.theory.time_to_event import Arms, expected_events, month_of_events
from trialsim.design.time_to_event.by_moments import with_average_ratio
from trialsim.design.time_to_event.hazards import hazards_of_arms
from trialsim.design.time_to_event.one_sample_logrank import arm_of
from trialsim.design.time_to_event.planned import EventDesign, Events, months_of_follow_up
from trialsim.errors import RequestError
from trialsim.model.units import DAYS_PER_MONTH

MOST_PATIENTS: Final = 100_000
TO: Final = 1e-6  # how exactly a detectable alternative is found


@dataclass(frozen=True)
class PlainCalendar:
    """Patients come at a constant rate for `accrual` months; a share of them is lost at a constant hazard a month.

    `median` is that of the times to events in the control arm, in months; what the hazards say if `None`.
    """

    accrual: float = 0.0
    dropout: float = 0.0
    median: float | None = None


def plan(study: SizeStudy, calendar: PlainCalendar) -> PlannedDesign:
    """The design of a study, from its numbers and a calendar; nothing is simulated. Raises `RequestError`."""
    design = design_of(study)
    assumed = ASSUMED[design.hypotheses](study, calendar)
    planned = design.build(study, assumed)
    return _smallest_by_formula(planned) if isinstance(planned, EventDesign) and planned.n == 0 else planned


def with_n(planned: PlannedDesign, calendar: PlainCalendar, n: int) -> PlannedDesign:
    """The same question for another number of patients. Raises `RequestError`."""
    check_count("n", n, 1, MOST_PATIENTS)
    study = planned.study
    if n % study.n_in_turn and planned.step > 1 and not isinstance(planned, CountDesign):
        fewer = n - n % study.n_in_turn
        wrong = f"each turn of the allocation takes {study.n_in_turn} patients."
        raise RequestError(f"n = {n}", wrong, f"{fewer} or {fewer + study.n_in_turn}.", key="n")
    asked = study.model_copy(update={"n": n})
    return planned.design.build(asked, ASSUMED[planned.design.hypotheses](asked, calendar))


def at_hazard_ratio(planned: PlannedDesign, calendar: PlainCalendar, ratio: float) -> dict[str, float]:
    """How probably the design rejects at another hazard ratio, with the same looks, and the events it then expects."""
    if not isinstance(planned, EventDesign):
        raise TypeError(planned)
    study = planned.study.model_copy(update={"alternative": ratio, "medians": {}})
    if planned.study.medians:
        control = next(iter(planned.study.medians.values())).value / DAYS_PER_MONTH
        calendar = replace(calendar, median=control)
    if planned.study.hazards:
        assumed = _with_effect(planned, calendar, ratio)
    else:
        assumed = ASSUMED[planned.design.hypotheses](study, calendar)
    other = replace(planned, assumed=assumed)
    asked, month_of = study.conduct.events, assumed.month_of_events
    if asked is not None and month_of is not None:
        return {"hazard_ratio": ratio, "rejects": other.rejects(), "month_of_events": month_of(planned.n, asked)}
    return {"hazard_ratio": ratio, "rejects": other.rejects(), "expected_events": assumed.expected_events(planned.n)}


def _with_effect(planned: EventDesign, calendar: PlainCalendar, ratio: float) -> Events:
    """Piecewise exponential times whose average hazard ratio is another: all log hazard ratios change by a factor."""
    assumed = planned.assumed
    factor = math.log(ratio) / math.log(assumed.hazard_ratio)
    arms = assumed.arms(planned.n).with_effect_times(factor)
    return replace(_events_of_hazards(planned.study, calendar, arms.of_arms), hazard_ratio=ratio)


def detectable(planned: PlannedDesign, calendar: PlainCalendar, power: float) -> float:
    """The alternative nearest to the null at which the design, as it is, has a power. Raises `RequestError`.

    A rate (of the last arm, the others as assumed) or a hazard ratio, to 0.0001.
    """
    check_probability("power", power)
    if isinstance(planned, EventDesign):
        near, far = planned.null_ratio, 0.01

        def reached(value: float) -> float:
            return at_hazard_ratio(planned, calendar, value)["rejects"]

    else:
        rates = planned.alternative_rates
        if not rates or not planned.design.has_test or len(rates) > 2:
            raise RequestError("detectable", "this design has no test.", "a design with a null hypothesis.")
        is_lower = len(rates) == 2 and rates[1] < rates[0]
        null = planned.study.null.value if planned.study.null is not None else rates[0]
        near, far = null, (0.0 if is_lower else 1.0)

        def reached(value: float) -> float:
            at = planned.at_rates((*rates[:-1], value))
            return at.rejects if at is not None else 0.0

    if reached(far) < power:
        raise RequestError(f"power = {power:g}", "no alternative has it.", f"up to {reached(far):.3f}.", key="power")
    while abs(far - near) > TO:
        middle = (near + far) / 2.0
        near, far = (near, middle) if reached(middle) >= power else (middle, far)
    return round(far, 4)


def _one_rate(study: SizeStudy, calendar: PlainCalendar) -> Rates:
    """The rate of one arm under the alternative."""
    p1 = needed(study.alternative_rate, "alternative")
    if study.null is not None:
        check_rates(study.null.value, p1)
    toxicity = study.toxicity.alternative.value if study.toxicity is not None else None
    return Rates((p1,), toxicity)


def _rates_of_arms(study: SizeStudy, calendar: PlainCalendar) -> Rates:
    """The rates of the arms; with two of them, what the second one changes is what is wanted."""
    names = tuple(study.variants)
    values = tuple(study.rates[name].value for name in names)
    is_harm = str(study.endpoint.of) == TOXICITY if study.margin is not None else values[1] < values[0]
    return Rates(values, None, names, "lower" if len(values) == 2 and is_harm else "higher")


def _events_of_arms(study: SizeStudy, calendar: PlainCalendar) -> Events:
    """Exponential times in two arms."""
    names = tuple(study.variants)
    if study.hazards:
        return with_average_ratio(study, _events_of_hazards(study, calendar, hazards_of_arms(study, names)))
    if study.medians:
        control, experimental = (study.medians[name].value / DAYS_PER_MONTH for name in names)
        ratio = control / experimental
    else:
        control, ratio = needed(calendar.median, "median_control"), needed(study.alternative_rate, "hazard_ratio")
    allocation = arms_in_turn(study, names)
    hazard, dropout = math.log(2.0) / control, calendar.dropout
    arms = Arms(hazard, ratio, calendar.accrual, allocation.count(1) / allocation.count(0), dropout, dropout)
    return _events(study, calendar, names, arms, allocation)


def _events_of_hazards(
    study: SizeStudy, calendar: PlainCalendar, hazards: tuple[PiecewiseHazard, PiecewiseHazard]
) -> Events:
    """Piecewise exponential times in two arms, whose hazard ratio is still to be found."""
    names, allocation = tuple(study.variants), arms_in_turn(study, tuple(study.variants))
    ratio = allocation.count(1) / allocation.count(0)
    arms = PiecewiseArms(*hazards, calendar.accrual, ratio, calendar.dropout)
    total = calendar.accrual + months_of_follow_up(study)
    return Events(
        names, 1.0, lambda n: float(expected_events(arms, n, total)), lambda n: calendar.accrual,
        hazards[0].hazards[0], calendar.dropout, allocation, lambda n, events: month_of_events(arms, n, events),
        hazards,
    )  # fmt: skip


def _events_of_reference(study: SizeStudy, calendar: PlainCalendar) -> Events:
    """Times of one arm whose hazard is that of the reference times a ratio; events are counted by Wu's formula."""
    reference, ratio = needed(study.reference, "reference"), needed(study.alternative_rate, "hazard_ratio")
    hazard = math.log(2.0) * DAYS_PER_MONTH / reference.median.value
    observed = one_sample_moments(arm_of(study, ratio, calendar.accrual, calendar.dropout)).observed
    return Events(
        ("all patients",), ratio, lambda n: n * observed, lambda n: calendar.accrual, hazard, calendar.dropout
    )


def _events(
    study: SizeStudy, calendar: PlainCalendar, names: tuple[str, ...], arms: Arms, allocation: tuple[int, ...]
) -> Events:
    total = calendar.accrual + months_of_follow_up(study)
    return Events(
        names, arms.hazard_ratio, lambda n: float(expected_events(arms, n, total)), lambda n: calendar.accrual,
        arms.hazard_control, calendar.dropout, allocation, lambda n, events: month_of_events(arms, n, events),
    )  # fmt: skip


def _smallest_by_formula(planned: EventDesign) -> EventDesign:
    """The smallest of the sizes whose power, by the design's formula, is enough. Raises `RequestError`."""
    study, sizes = planned.study, planned.sizes()

    def power_of(i: int) -> float:
        return planned.at(int(sizes[i])).planned()[ALTERNATIVE]

    few, enough = -1, len(sizes) - 1
    most = power_of(enough) if enough >= 0 else 0.0
    if most < lowest_accepted(study.power):
        wrong = f"no trial of at most {study.largest_n} patients has power {study.power:g}: {most:.3f} at most."
        raise RequestError(
            f"largest_n = {study.largest_n}", wrong, "a larger limit, longer follow-up, or less power.", key="largest_n"
        )
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (few, middle) if power_of(middle) >= lowest_accepted(study.power) else (middle, enough)
    return planned.at(int(sizes[enough]))


Assume = Callable[[SizeStudy, PlainCalendar], Any]
ASSUMED: Final[dict[Hypotheses, Assume]] = {
    Hypotheses.RESPONSE_RATE: _one_rate,
    Hypotheses.ESTIMATED_RATE: _one_rate,
    Hypotheses.RESPONSE_AND_TOXICITY: _one_rate,
    Hypotheses.ARMS: _rates_of_arms,
    Hypotheses.HAZARD_RATIO: _events_of_arms,
    Hypotheses.REFERENCE: _events_of_reference,
}
