"""One patient's course, event by event, to the day on which observation ends.

Where no log is asked for, visits at which nothing can change and assessments that can find nothing new are passed over:
a visit that kept the dose and saw nothing new is followed by others of its kind until something happens.
"""

from __future__ import annotations

from math import inf, nan

from trialsim.compiled.jit import inline, jitable, merged
from trialsim.engines.batch import clocks, treatment
from trialsim.engines.batch.accumulator import accumulate_onset, record_event, record_event_on
from trialsim.engines.batch.enrolment import first_level
from trialsim.engines.batch.plan import Record, parts, slots
from trialsim.engines.batch.state import clock_states, fires_days, onsets, seen_days
from trialsim.engines.batch.visit_schedule import (
    ASSESSMENT,
    VISIT,
    day_of,
    nearest_day,
    number_after,
    number_from,
)
from trialsim.model import course as days
from trialsim.model import disease, event_order
from trialsim.model import vocabulary as v


@inline
def happens(calendar_day: float, study_day: float, stop_day: float, stop_study_day: float) -> bool:
    """Whether an event comes before observation ends, or is what ends it (at a date nothing is: minus infinity)."""
    return calendar_day < stop_day or (calendar_day == stop_day and study_day <= stop_study_day)


@jitable
def follow(plan: Record, course: Record, stop_day: float, stop_study_day: float, ends_with_count: bool) -> None:
    """Follow the patient from the first dose to the end of observation.

    Observation ends on a calendar day, or with the event of this patient that completes a count.
    """
    patient = course.patient
    first_dose_day = patient.first_dose_day
    begin(plan, course)
    while patient.is_observed:
        day, order = patient.next_day, event_order.CLOCK
        if patient.assessment_day < day:
            day, order = patient.assessment_day, event_order.ASSESSMENT
        if patient.evaluable_day < day:
            day, order = patient.evaluable_day, event_order.EVALUABLE
        if patient.visit_day < day:
            day, order = patient.visit_day, event_order.VISIT
        if not happens(first_dose_day + day, day, stop_day, stop_study_day):
            break
        patient.today = day
        if order == event_order.CLOCK:
            fire(plan, course, patient.next_slot)
        elif order == event_order.VISIT:
            visit(plan, course)
        elif order == event_order.ASSESSMENT:
            keep_assessment(plan, course)
        else:
            patient.evaluable_day = inf
            become_evaluable(plan, course)
        if patient.is_stale or patient.has_new_dose:
            clocks.update_firing_times(plan, course)
        if ends_with_count and patient.counted_day >= 0.0:
            break
    if patient.is_observed:
        end_at_cut_off(plan, course, stop_day, stop_study_day)


@merged
def begin(plan: Record, course: Record) -> None:
    """The first dose; every clock of the first state starts."""
    patient = course.patient
    patient.today = 0.0
    patient.state = patient.best_response_seen = patient.best_response_confirmed = disease.STABLE
    patient.is_observed = True
    patient.is_evaluable = patient.has_progression_seen = False
    patient.new = patient.ongoing = patient.ever = patient.waiting_for = patient.held_by = patient.decided = 0
    patient.level = first_level(plan, course)
    patient.dose_since_day = patient.response_seen_day = 0.0
    patient.was_reduced = False
    patient.counted_day = nan
    patient.has_new_dose = False
    patient.n_new = 0
    onsets(course)[:] = 0
    states, fires = clock_states(course), fires_days(course)
    for i in range(fires.size):
        states[i].is_running = states[i].is_finished = False
        fires[i] = inf
    treatment.begin(plan, course)
    clocks.review(plan, course)
    clocks.update_firing_times(plan, course)
    patient.visit_number = number_after(plan, VISIT, 0.0, 0)
    patient.visit_day = day_of(plan, VISIT, patient.visit_number)
    patient.assessment_number = 0
    patient.assessment_day = inf
    next_assessment(plan, course)
    patient.evaluable_day = plan.evaluable_after_days


@merged
def end_at_cut_off(plan: Record, course: Record, stop_day: float, stop_study_day: float) -> None:
    """Observation ends for a patient who was still in it; time does not run back behind what was passed over."""
    patient = course.patient
    latest = patient.today
    if course.n_rows == 0:
        first = patient.first_dose_day
        if patient.is_on_treatment:
            latest = max(latest, passed_over(plan, VISIT, first, stop_day, stop_study_day))
        if plan.assessment_every_days > 0.0 and not patient.has_progression_seen:
            latest = max(latest, passed_over(plan, ASSESSMENT, first, stop_day, stop_study_day))
    patient.today = days.study_day_of(stop_day, patient.first_dose_day, latest)
    record_event_on(course, stop_day, v.OBSERVATION_ENDED, -1, 0, v.CUT_OFF, 0, nan, nan, event_order.STILL_OBSERVED)


@inline
def passed_over(plan: Record, what: int, first_dose_day: float, stop_day: float, stop_study_day: float) -> float:
    """The visit or assessment whose day observation ends on but for a rounding error, 0 if there is none."""
    day = nearest_day(plan, what, stop_day - first_dose_day)
    return day if happens(first_dose_day + day, day, stop_day, stop_study_day) else 0.0


# What clocks do when they fire.


@merged
def fire(plan: Record, course: Record, slot: int) -> None:
    """A clock fires."""
    clock = clock_states(course)[slot]
    clock.is_finished = True
    clocks.stop(course, slot)
    slot_plan = slots(plan)[slot]
    if slot >= plan.n_clocks:
        toxicity_resolves(plan, course, slot_plan.toxicity, slot_plan.position, clock.occurrence)
    elif slot_plan.kind == disease.TOXICITY:
        toxicity_begins(plan, course, slot)
    elif slot_plan.kind == disease.DEATH:
        dies(plan, course, slot)
    elif slot_plan.kind == disease.WITHDRAWAL:
        record_event(course, v.WITHDREW, slot, 0, course.patient.state, 0, nan, nan)
        leaves(plan, course, v.WITHDRAWAL)
    elif slot_plan.kind == disease.DISCONTINUATION:
        record_event(course, v.DISCONTINUED, slot, 0, course.patient.state, 0, nan, nan)
        treatment.end(plan, course, v.DISCONTINUATION)
    else:
        disease_moves(plan, course, slot)


@merged
def toxicity_begins(plan: Record, course: Record, slot: int) -> None:
    """A toxicity starts; it may resolve later, and the rules for onsets decide at once."""
    occurrence = clock_states(course)[slot].occurrence
    slot_plan = slots(plan)[slot]
    record_event(course, v.TOXICITY_ONSET, slot, occurrence, 0, 0, nan, nan)
    accumulate_onset(course, slot_plan.toxicity)
    new = 1 << slot_plan.toxicity
    if slot_plan.after_parts > slot_plan.first_part:
        new |= parts_begin(plan, course, slot_plan, occurrence)
    if slot_plan.resolution >= 0:
        clocks.start(plan, course, slot_plan.resolution, occurrence)
    treatment.toxicity_begins(plan, course, new, slot)
    wake_visits(plan, course)


@jitable
def parts_begin(plan: Record, course: Record, slot_plan: Record, occurrence: int) -> int:
    """The parts of a toxicity that an onset is severe enough for, as a mask; each is an onset too."""
    severity, new = clocks.uniform_at(course, slot_plan.severity_code, occurrence), 0
    for part in parts(plan, slot_plan):
        part_plan = slots(plan)[part]
        if severity < part_plan.share:
            record_event(course, v.TOXICITY_ONSET, part, occurrence, 0, 0, nan, nan)
            accumulate_onset(course, part_plan.toxicity)
            new |= 1 << part_plan.toxicity
    return new


@jitable
def parts_resolve(plan: Record, course: Record, slot_plan: Record, occurrence: int) -> int:
    """The parts of a toxicity that end with it, as a mask."""
    over = 0
    for part in parts(plan, slot_plan):
        bit = 1 << slots(plan)[part].toxicity
        if course.patient.ongoing & bit:
            record_event(course, v.TOXICITY_RESOLVED, part, occurrence, 0, 0, nan, nan)
            over |= bit
    return over


@merged
def toxicity_resolves(plan: Record, course: Record, toxicity: int, position: int, occurrence: int) -> None:
    """A toxicity ends; where it can recur, its clock starts again with a new threshold."""
    record_event(course, v.TOXICITY_RESOLVED, position, occurrence, 0, 0, nan, nan)
    slot_plan, over = slots(plan)[position], 1 << toxicity
    if slot_plan.after_parts > slot_plan.first_part:
        over |= parts_resolve(plan, course, slot_plan, occurrence)
    if slot_plan.recurs:
        clock_states(course)[position].is_finished = False
    treatment.toxicity_resolves(plan, course, over, position)
    clocks.review(plan, course)
    wake_visits(plan, course)


@merged
def disease_moves(plan: Record, course: Record, slot: int) -> None:
    """A response step, a relapse or a progression; it is seen at the next assessment."""
    patient = course.patient
    slot_plan = slots(plan)[slot]
    patient.state = disease.state_after(slot_plan.kind, slot_plan.response)
    event = v.RESPONSE if disease.is_response(patient.state) else v.PROGRESSION
    record_event(course, event, slot, 0, patient.state, 0, nan, nan)
    clocks.review(plan, course)
    every = plan.assessment_every_days
    if patient.has_progression_seen:
        return
    if every == 0.0:
        assess(plan, course)
    elif course.n_rows == 0:
        number = number_from(plan, ASSESSMENT, patient.today, patient.assessment_number)
        while misses_assessment(plan, course, number):
            number += 1
        patient.assessment_day = day_of(plan, ASSESSMENT, number)


@merged
def dies(plan: Record, course: Record, slot: int) -> None:
    """Death, from any state."""
    record_event(course, v.DIED, slot, 0, course.patient.state, 0, nan, nan)
    count(plan, course, v.COUNT_DEATHS)
    if plan.counts_early_death:
        become_evaluable(plan, course)
    leaves(plan, course, v.DEATH)


@inline
def leaves(plan: Record, course: Record, reason: int) -> None:
    """Treatment and observation end for this patient."""
    treatment.end(plan, course, reason)
    course.patient.is_observed = False
    record_event(course, v.OBSERVATION_ENDED, -1, 0, reason, 0, nan, nan)


# What is seen, and what follows from it.


@inline
def assess(plan: Record, course: Record) -> None:
    """See the present state of the disease. Progression, once seen, ends treatment and further assessments."""
    patient = course.patient
    record_event(course, v.ASSESSED, -1, 0, patient.state, 0, nan, nan)
    if disease.is_progression(patient.state):
        patient.has_progression_seen = True
        count(plan, course, v.COUNT_PROGRESSIONS)
        if plan.counts_early_progression:
            become_evaluable(plan, course)
        treatment.end(plan, course, v.PROGRESSION_SEEN)
    elif patient.state > patient.best_response_seen:
        if patient.best_response_seen < plan.first_response and patient.state >= plan.first_response:
            count(plan, course, v.COUNT_RESPONSES)
        seen_days(course)[patient.best_response_seen : patient.state] = patient.today
        patient.best_response_seen = patient.state
        patient.response_seen_day = patient.today
        wake_visits(plan, course)
    if plan.confirmation_days > 0.0 and disease.is_response(patient.state):
        confirm(plan, course)


@inline
def confirm(plan: Record, course: Record) -> None:
    """A response that was seen long enough ago is still there: it is confirmed."""
    patient = course.patient
    response = patient.best_response_seen
    while response > patient.best_response_confirmed:
        if disease.confirms(seen_days(course)[response - 1], patient.today, plan.confirmation_days):
            patient.best_response_confirmed = response
            record_event(course, v.RESPONSE_CONFIRMED, -1, 0, response, 0, nan, nan)
        response -= 1


@jitable
def become_evaluable(plan: Record, course: Record) -> None:
    """Be evaluable for response from now on."""
    if not course.patient.is_evaluable:
        course.patient.is_evaluable = True
        record_event(course, v.BECAME_EVALUABLE, -1, 0, 0, 0, nan, nan)
        count(plan, course, v.COUNT_EVALUABLE)


@inline
def count(plan: Record, course: Record, what: int) -> None:
    """Keep the day of what a cut-off may wait for; it happens once to a patient."""
    if plan.count > 0 and plan.counted == what:
        course.patient.counted_day = course.patient.today


# Appointments.


@merged
def visit(plan: Record, course: Record) -> None:
    """A titration visit, and the appointment for the next one."""
    patient = course.patient
    level, dose, waiting, new = patient.level, patient.dose, patient.waiting_for, patient.new
    treatment.visit(plan, course)
    if not patient.is_on_treatment:
        return
    is_idle = new == 0 and level == patient.level and dose == patient.dose and waiting == patient.waiting_for
    if is_idle and course.n_rows == 0 and not plan.visits_depend_on_time:
        patient.visit_day = inf
    else:
        patient.visit_number = number_after(plan, VISIT, patient.today, patient.visit_number)
        patient.visit_day = day_of(plan, VISIT, patient.visit_number)


@jitable
def wake_visits(plan: Record, course: Record) -> None:
    """Something has happened: the next visit may decide something."""
    patient = course.patient
    if patient.is_on_treatment and patient.visit_day == inf:
        patient.visit_number = number_from(plan, VISIT, patient.today, patient.visit_number)
        patient.visit_day = day_of(plan, VISIT, patient.visit_number)


@jitable
def misses_assessment(plan: Record, course: Record, number: int) -> bool:
    """Whether the patient misses an assessment, numbered from 1."""
    p_missed = plan.p_missed_assessment
    return bool(p_missed > 0.0 and clocks.uniform_at(course, plan.missed_assessment, number) < p_missed)


@merged
def keep_assessment(plan: Record, course: Record) -> None:
    """An assessment, held or missed, and the appointment for the next one; without a log, only those held come."""
    if course.n_rows > 0 and misses_assessment(plan, course, course.patient.assessment_number):
        record_event(course, v.ASSESSMENT_MISSED, -1, 0, 0, 0, nan, nan)
    else:
        assess(plan, course)
    next_assessment(plan, course)


@inline
def next_confirmation(plan: Record, course: Record) -> float:
    """The study day of the next assessment that may confirm a response, infinity if there is none."""
    patient = course.patient
    if plan.confirmation_days == 0.0 or patient.best_response_confirmed == patient.best_response_seen:
        return inf
    due_day = seen_days(course)[patient.best_response_confirmed] + plan.confirmation_days - disease.HALF_A_MILLIONTH
    number = number_from(plan, ASSESSMENT, due_day, patient.assessment_number)
    while misses_assessment(plan, course, number):
        number += 1
    return day_of(plan, ASSESSMENT, number)


@inline
def next_assessment(plan: Record, course: Record) -> None:
    """Make the appointment for the next assessment, until progression is seen."""
    patient = course.patient
    every = plan.assessment_every_days
    if every == 0.0 or patient.has_progression_seen:
        patient.assessment_day = inf
        return
    if course.n_rows == 0:
        patient.assessment_day = next_confirmation(plan, course)
        return
    patient.assessment_number += 1
    patient.assessment_day = day_of(plan, ASSESSMENT, patient.assessment_number)
