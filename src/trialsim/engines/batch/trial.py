"""A trial: patients enrol, their courses run one after another, and the calendar cuts them.

A course reads nothing of another patient, so courses come first and the calendar afterwards. Only a cut-off that waits
for a count needs two passes: one that finds the event which completes the count, and one that ends there.
"""

from __future__ import annotations

from math import inf, nan
from typing import Final, NamedTuple

import numpy as np

from trialsim.compiled.jit import compiled, inline, jitable, merged, table_at
from trialsim.engines.batch import enrolment
from trialsim.engines.batch.accumulator import open_account, write
from trialsim.engines.batch.course import follow, happens
from trialsim.engines.batch.patient_row import open_details, write_details
from trialsim.engines.batch.plan import PLAN, Record
from trialsim.engines.batch.summary import add_patient, close_summary, open_summary, take_day
from trialsim.model import event_order
from trialsim.model import vocabulary as v
from trialsim.typing import Counts, Flags, Floats

BEFORE_FIRST_DOSE: Final = -1.0  # the study day of an arrival, for the order of what falls on one instant


class Screened(NamedTuple):
    """Everyone who is screened, by number from 1: calendar day of arrival, eligibility; numbers of the eligible."""

    days: Floats
    is_eligible: Flags
    numbers: Counts


class Stop(NamedTuple):
    """When observation ends: before `day`, or with the event on `day` and `study_day` of patient `number`.

    For a date `study_day` is minus infinity and `number` 0.
    """

    day: float
    study_day: float
    number: int


@compiled
def simulate_block(
    plans: Record,
    course: Record,
    enrolled: Record,
    values: Floats,
    first: int,
    outcomes: Record,
    n_counted: Counts,
    everyone: Record,
    details: Record,
    by_item: Floats,
    wanted: Flags,
) -> None:
    """The outcomes of replicates from `first` on, one row each.

    `plans` has the address of each replicate's plan.
    `enrolled` and `values` are room for the patients of one trial. `everyone` keeps the patients of all trials, one
    after another, where it has room for any; `details` and `by_item` have a row for each of them, or no row at all.
    `wanted` says, by replicate and by place among the eligible, whose courses are run; where it has no row, everyone's.
    """
    for i in range(outcomes.size):
        plan = table_at(plans[i], 1, PLAN)[0]
        start, end = (i * enrolled.size, (i + 1) * enrolled.size) if details.size > 0 else (0, 0)
        rows = (details[start:end], by_item[start:end])
        chosen_patients = wanted[i] if wanted.shape[0] > 0 else wanted.ravel()
        simulate(plan, course, enrolled, values, first + i, outcomes[i], n_counted[i], rows, chosen_patients)
        if everyone.size > 0:
            for k in range(outcomes[i].n_enrolled):
                everyone[i * enrolled.size + k] = enrolled[k]


@merged
def simulate(
    plan: Record,
    course: Record,
    enrolled: Record,
    values: Floats,
    replicate: int,
    outcome: Record,
    n_counted: Counts,
    rows: tuple[Record, Floats],
    wanted: Flags,
) -> None:
    """One trial; its log, where one is asked for, patient by patient. Those who are not wanted enrol all the same."""
    course.replicate = replicate
    course.n_written = 0
    open_summary(outcome, n_counted, replicate)
    screened = screen(plan, course)
    numbers = chosen(screened.numbers, wanted)
    enrolment.draw_all(plan, course, numbers)
    stop = stop_of(plan, course, screened)
    details, by_item = rows
    for i in range(screened.days.size):
        if happens(screened.days[i], BEFORE_FIRST_DOSE, stop.day, stop.study_day):
            outcome.n_screened += 1
            take_day(outcome, screened.days[i])
            if not screened.is_eligible[i] and course.n_rows > 0:
                course.patient.number = i + 1
                write(course, screened.days[i], nan, v.SCREEN_FAILURE, -1, 0, 0, 0, nan, nan, event_order.ARRIVAL)
    for place in range(numbers.size):
        number = numbers[place]
        if happens(screened.days[number - 1], BEFORE_FIRST_DOSE, stop.day, stop.study_day):
            run_course(plan, course, screened.days[number - 1], number, place, stop)
            if details.size > 0:
                write_details(plan, course, details[outcome.n_enrolled], by_item[outcome.n_enrolled])
            add_patient(plan, course.account, outcome, n_counted, enrolled)
    close_summary(outcome, enrolled, values)


@jitable
def screen(plan: Record, course: Record) -> Screened:
    """Everyone who is screened, in arrays that are as long as it takes."""
    capacity = plan.n_patients
    while True:
        days = np.empty(capacity)
        is_eligible = np.empty(capacity, np.bool_)
        n = enrolment.screen(plan, course, days, is_eligible)
        if n >= 0:
            return Screened(days[:n], is_eligible[:n], numbers_of(is_eligible[:n]))
        capacity *= 2


@inline
def numbers_of(is_eligible: Flags) -> Counts:
    """The numbers, from 1, of those who can enrol."""
    numbers = np.empty(is_eligible.size, np.int64)
    n = 0
    for i in range(is_eligible.size):
        if is_eligible[i]:
            numbers[n] = i + 1
            n += 1
    return numbers[:n]


@inline
def chosen(numbers: Counts, wanted: Flags) -> Counts:
    """The numbers of those who are wanted, by place; of all where nobody is chosen."""
    if wanted.size == 0:
        return numbers
    chosen_numbers = np.empty(numbers.size, np.int64)
    n = 0
    for place in range(numbers.size):
        if wanted[place]:
            chosen_numbers[n] = numbers[place]
            n += 1
    return chosen_numbers[:n]


@merged
def run_course(plan: Record, course: Record, arrival_day: float, number: int, place: int, stop: Stop) -> None:
    """Enrol a patient and follow the course to the end of observation."""
    enrolment.init_patient(plan, course, number, place)
    course.patient.first_dose_day = arrival_day
    open_account(course, arrival_day)
    open_details(course)
    if course.n_rows > 0:
        write(course, arrival_day, nan, v.ENROLLED, -1, 0, 0, 0, nan, nan, event_order.ARRIVAL)
    follow(plan, course, stop.day, stop.study_day, number == stop.number)


@merged
def stop_of(plan: Record, course: Record, screened: Screened) -> Stop:
    """When observation ends in this trial."""
    day = plan.cut_off_day
    if plan.cut_off_kind == v.CUT_AFTER_COUNT:
        return stop_at_count(plan, course, screened, day)
    if plan.cut_off_kind == v.CUT_AFTER_LAST_ENTRY:
        last_entry = 0.0
        for i in range(screened.numbers.size):
            last_entry = max(last_entry, screened.days[screened.numbers[i] - 1])
        return Stop(last_entry + day, -inf, 0)
    return Stop(day, -inf, 0)


@merged
def stop_at_count(plan: Record, course: Record, screened: Screened, latest_day: float) -> Stop:
    """The event that completes the count: every course is run once to the latest day to find it."""
    room, course.n_rows = course.n_rows, 0
    latest = Stop(latest_day, -inf, 0)
    n_counted = 0
    calendar_days = np.empty(screened.numbers.size)
    study_days = np.empty(screened.numbers.size)
    by = np.empty(screened.numbers.size, np.int64)
    for place in range(screened.numbers.size):
        number = screened.numbers[place]
        arrival_day = screened.days[number - 1]
        if happens(arrival_day, BEFORE_FIRST_DOSE, latest.day, latest.study_day):
            run_course(plan, course, arrival_day, number, place, latest)
            if course.patient.counted_day >= 0.0:
                calendar_days[n_counted] = arrival_day + course.patient.counted_day
                study_days[n_counted] = course.patient.counted_day
                by[n_counted] = number
                n_counted += 1
    course.n_rows = room
    if n_counted < plan.count:
        return latest
    day = np.sort(calendar_days[:n_counted])[plan.count - 1]
    for i in range(n_counted):
        if calendar_days[i] == day:
            return Stop(day, study_days[i], by[i])
    return latest
