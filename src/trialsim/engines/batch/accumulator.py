"""What happened, recorded: a row of the log where one is asked for, and what outcomes need of it.

Outcomes are a fold over rows: `record_event` adds each to the account of the patient, and the onset of a toxicity is
added beside its row, so nothing reaches an outcome that is not in the log. Rows that change nothing (a visit that keeps
the dose, an assessment that sees what was known) change no outcome either, which is why a course that keeps
no log may leave them out.
"""

from __future__ import annotations

from math import nan

from trialsim.compiled.jit import inline, jitable
from trialsim.engines.batch.plan import Record
from trialsim.engines.batch.state import (
    confirmed_days,
    dose_days,
    doses_by_day,
    first_onset_days,
    level_days,
    log_rows,
    logged_days,
)
from trialsim.model import disease, event_order
from trialsim.model import vocabulary as v


@inline
def record_event(
    course: Record, event: int, clock: int, occurrence: int, detail: int, rule: int, dose_from: float, dose_to: float
) -> None:
    """Note what happens to the patient today."""
    day = course.patient.first_dose_day + course.patient.today
    order = event_order.ARRIVAL if event == v.FIRST_DOSE else event_order.PATIENT
    record_event_on(course, day, event, clock, occurrence, detail, rule, dose_from, dose_to, order)


@inline
def record_event_on(
    course: Record,
    day: float,
    event: int,
    clock: int,
    occurrence: int,
    detail: int,
    rule: int,
    dose_from: float,
    dose_to: float,
    order: int,
) -> None:
    """Note what happens to the patient today, on a calendar day, in the class of events of that instant."""
    today = course.patient.today
    if course.n_level_days > 0 and dose_from != dose_to and event in (v.DECISION, v.FIRST_DOSE):
        accumulate_level(course, today, dose_to)
    accumulate(course, event, detail, today, day, dose_from, dose_to)
    if course.n_rows > 0:
        write(course, day, today, event, clock, occurrence, detail, rule, dose_from, dose_to, order)


@jitable
def write(
    course: Record,
    day: float,
    study_day: float,
    event: int,
    clock: int,
    occurrence: int,
    detail: int,
    rule: int,
    dose_from: float,
    dose_to: float,
    order: int,
) -> None:
    """Write one row; where the log is full, only count it."""
    n = course.n_written
    course.n_written = n + 1
    if n >= course.n_rows:
        return
    row = log_rows(course)[n]
    row.patient = course.patient.number
    row.calendar_day = day
    row.study_day = study_day
    row.event = event
    row.clock = clock
    row.occurrence = occurrence
    row.detail = detail
    row.rule = rule
    row.dose_from_mg_per_day = dose_from
    row.dose_to_mg_per_day = dose_to
    row.order = order
    if event == v.DECISION:
        patient = course.patient
        row.saw_new = patient.saw_new
        row.saw_ongoing = patient.saw_ongoing
        row.saw_onsets = patient.saw_onsets
        row.saw_level_mg_per_day = patient.saw_level_mg_per_day
        row.saw_response = patient.saw_response
        row.saw_stable_days = patient.saw_stable_days
        row.saw_unchanged_days = patient.saw_unchanged_days
    else:
        row.saw_new = row.saw_ongoing = row.saw_onsets = row.saw_response = 0
        row.saw_level_mg_per_day = row.saw_stable_days = row.saw_unchanged_days = nan


@inline
def accumulate(
    course: Record, event: int, detail: int, today: float, day: float, dose_from: float, dose_to: float
) -> None:
    """What one row adds to the outcomes of its patient."""
    account = course.account
    if event == v.DECISION:
        if dose_to != dose_from:
            account.taken += account.dose * (today - account.dose_since_day)
            account.dose = dose_to
            account.dose_since_day = today
            account.highest_dose = max(account.highest_dose, dose_to)
    elif event == v.FIRST_DOSE:
        account.dose = account.highest_dose = account.first_dose = dose_to
        account.dose_since_day = today
    elif event == v.TREATMENT_ENDED:
        account.treatment_end = detail
        account.until_day = today
    elif event == v.ASSESSED:
        accumulate_finding(course, detail, today)
    elif event == v.RESPONSE_CONFIRMED:
        days = confirmed_days(course)
        for i in range(detail):
            if not days[i] >= 0.0:
                days[i] = today
    elif event == v.BECAME_EVALUABLE:
        account.is_evaluable = True
    elif event == v.DIED:
        account.has_died = True
        account.death_day = today
    elif event == v.OBSERVATION_ENDED:
        account.ended_day = day
        account.observed_day = today
        account.observation_end = detail
        if account.treatment_end == v.NO_REASON:
            account.until_day = today


@inline
def accumulate_finding(course: Record, state: int, today: float) -> None:
    """What an assessment found."""
    account = course.account
    if disease.is_progression(state):
        account.has_progressed = True
        account.progression_seen_day = today
    elif state > account.best_response:
        logged_days(course)[account.best_response : state] = today
        account.best_response = state


@inline
def accumulate_level(course: Record, today: float, dose_to: float) -> None:
    """The time at one level is over, that at the next begins."""
    account, days = course.account, level_days(course)
    accumulate_doses(course, today)
    days[account.at_level] += today - account.dose_since_day
    account.at_level = course.patient.level + 1 if dose_to > 0.0 else 0
    if account.at_level == days.size - 1 and not account.maximum_reached_day >= 0.0:
        account.maximum_reached_day = today


@inline
def accumulate_doses(course: Record, today: float) -> None:
    """What was taken since the last change of dose, as far as it was before each of the days that are asked for."""
    account, days, taken = course.account, dose_days(course), doses_by_day(course)
    for i in range(days.size):
        taken[i] += account.dose * max(min(today, days[i]) - account.dose_since_day, 0.0)


@inline
def accumulate_onset(course: Record, toxicity: int) -> None:
    """The onset of a toxicity, by its place in a mask."""
    bit = 1 << toxicity
    if course.n_first_onset_days > 0 and not course.account.toxicities & bit:
        first_onset_days(course)[toxicity] = course.patient.today
    course.account.toxicities |= bit


@inline
def open_account(course: Record, enrolled_day: float) -> None:
    """Nothing has happened yet."""
    account = course.account
    account.enrolled_day = enrolled_day
    account.ended_day = account.until_day = nan
    account.dose = account.dose_since_day = account.taken = account.highest_dose = account.first_dose = 0.0
    account.treatment_end = v.NO_REASON
    account.best_response = disease.STABLE
    account.is_evaluable = account.has_progressed = account.has_died = False
    account.toxicities = account.at_level = account.observation_end = 0
    logged_days(course)[:] = nan
    confirmed_days(course)[:] = nan
    account.observed_day = account.progression_seen_day = nan
    account.death_day = account.maximum_reached_day = nan


@inline
def total_dose(account: Record) -> float:
    """All that was taken (mg)."""
    return float(account.taken + account.dose * (account.until_day - account.dose_since_day))


@inline
def mean_dose(account: Record) -> float:
    """The time-averaged dose (mg/day) on treatment; the first one if treatment took no time."""
    until = account.until_day
    return float(total_dose(account) / until if until > 0.0 else account.first_dose)
