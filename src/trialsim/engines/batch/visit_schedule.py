"""Visits and assessments on their days: the next one, the first from some day on, the one that a cut-off nearly meets.

The days are the model's own, looked up in a table as far as that goes: a division takes as long as a rule.
"""

from __future__ import annotations

from math import floor
from typing import Final

from trialsim.compiled.jit import inline, jitable, table_at
from trialsim.engines.batch.plan import FLOAT, Record
from trialsim.model import course as days

VISIT: Final = 0
ASSESSMENT: Final = 1


@inline
def day_of(plan: Record, what: int, number: int) -> float:
    """The study day of the n-th visit or assessment, n from 1."""
    if what == VISIT:
        if number < plan.n_visit_days:
            return float(table_at(plan.visit_days_at, plan.n_visit_days, FLOAT)[number])
        return days.repeated_day(number - plan.n_early_visits, plan.visit_every_days, plan.early_visits_end_day)
    if number < plan.n_assessment_days:
        return float(table_at(plan.assessment_days_at, plan.n_assessment_days, FLOAT)[number])
    return days.repeated_day(number, plan.assessment_every_days)


@inline
def per_day(plan: Record, what: int) -> float:
    """How many visits or assessments there are in a day."""
    return float(plan.visits_per_day if what == VISIT else plan.assessments_per_day)


@inline
def about(plan: Record, what: int, day: float) -> int:
    """The number of the last one before a study day, as near as a division tells it."""
    if what == VISIT and plan.n_early_visits > 0:
        late = max(0.0, day - plan.early_visits_end_day)
        return int(floor(late * plan.visits_per_day) + plan.n_early_visits)
    return floor(day * per_day(plan, what))


@inline
def number_after(plan: Record, what: int, day: float, number: int) -> int:
    """The number of the first one after a study day; `number` was the last one that was held."""
    number += 1
    while day_of(plan, what, number) <= day:
        number += 1
    return number


@jitable
def number_from(plan: Record, what: int, day: float, number: int) -> int:
    """The number of the first one on a study day or later; `number` was the last one."""
    first_number = max(number + 1, about(plan, what, day))
    while first_number > number + 1 and day_of(plan, what, first_number - 1) >= day:
        first_number -= 1
    while day_of(plan, what, first_number) < day:
        first_number += 1
    return first_number


@inline
def nearest_day(plan: Record, what: int, day: float) -> float:
    """The study day of the one that is nearest to a study day, 0 if that is the first dose."""
    number = floor(day * per_day(plan, what) + 0.5)
    if what == VISIT and plan.n_early_visits > 0:
        number = number_from(plan, what, day, 0)
        if number > 1 and day - day_of(plan, what, number - 1) < day_of(plan, what, number) - day:
            number -= 1
    return day_of(plan, what, number) if number >= 1 else 0.0
