"""Event clocks in their slots: which run, when they fire, what a change of dose does to them."""

from __future__ import annotations

from math import inf

import numpy as np

from trialsim.compiled.jit import inline, jitable
from trialsim.engines.batch.plan import Record, dose_factor, dose_slots, piece_days, piece_ratios, slots
from trialsim.engines.batch.state import clock_states, fires_days, new_slots, onsets, uniforms
from trialsim.model import disease, draws, hazards


@jitable
def uniform_at(course: Record, code: Record, occurrence: int) -> Record:
    """The number at one address of this patient."""
    number = course.patient.number
    high, low, _, _ = draws.philox4x32(
        word(occurrence), code, word(number), course.replicate, course.key_low, course.key_high
    )
    return draws.uniform_from_words(high, low)


@inline
def word(number: int) -> Record:
    """A number as a word of an address."""
    return np.uint64(number)


@inline
def threshold(plan: Record, course: Record, slot: int, occurrence: int) -> float:
    """The unit-exponential threshold of one occurrence of a clock."""
    n_clocks = plan.n_clocks
    if occurrence == 1 and slot < n_clocks:
        decision = plan.n_decisions - n_clocks + slot
        return draws.unit_exponential(uniforms(course, decision)[course.patient.place])
    return draws.unit_exponential(uniform_at(course, slots(plan)[slot].code, occurrence))


@inline
def start(plan: Record, course: Record, slot: int, occurrence: int) -> None:
    """Start a clock today; when it fires is reckoned once all that happens now has happened."""
    clock = clock_states(course)[slot]
    clock.is_running = True
    clock.is_new = True
    clock.started_day = clock.since_day = course.patient.today + slots(plan)[slot].delay_days
    clock.occurrence = occurrence
    clock.remaining = threshold(plan, course, slot, occurrence)
    new_slots(course)[course.patient.n_new] = slot
    course.patient.n_new += 1
    course.patient.is_stale = True


@inline
def stop(course: Record, slot: int) -> None:
    """Stop a clock, before it fires or because it does."""
    clock_states(course)[slot].is_running = False
    fires_days(course)[slot] = inf
    course.patient.is_stale = True


@jitable
def review(plan: Record, course: Record) -> None:
    """Stop the clocks that left their states, and start those that entered them."""
    patient, states, all_slots = course.patient, clock_states(course), slots(plan)
    state, is_on_treatment, is_sensitive = patient.state, patient.is_on_treatment, patient.is_sensitive
    for slot in range(plan.n_clocks):
        slot_plan, clock = all_slots[slot], states[slot]
        belongs = disease.runs(
            slot_plan.states,
            slot_plan.needs_treatment,
            slot_plan.needs_sensitivity,
            state,
            is_on_treatment,
            is_sensitive,
        )
        if clock.is_running:
            if not belongs:
                stop(course, slot)
        elif belongs and not clock.is_finished:
            start(plan, course, slot, onsets(course)[slot_plan.toxicity] + 1 if slot_plan.toxicity >= 0 else 1)


@inline
def update_firing_times(plan: Record, course: Record) -> None:
    """Say when each clock fires that has started now or whose dose is another one now, and which fires first."""
    patient, states = course.patient, clock_states(course)
    level = patient.level if patient.dose > 0.0 else -1
    if patient.has_new_dose:
        today, affected = patient.today, dose_slots(plan)
        for i in range(affected.size):
            slot = affected[i]
            clock = states[slot]
            if clock.is_running and not clock.is_new:
                slot_plan = slots(plan)[slot]
                if slot_plan.by_exposure:
                    age = hazards.age_by_exposure(today, clock.since_day, clock.age_days, clock.pace)
                    clock.since_day = max(today, clock.started_day)
                else:
                    age = hazards.age_on(today, clock.started_day)
                used_hazard = hazards.hazard_between(
                    clock.intensity, clock.age_days, age, slot_plan.shape,
                    piece_days(plan, slot_plan), piece_ratios(plan, slot_plan),
                )  # fmt: skip
                schedule_firing(plan, course, slot, level, age, hazards.remaining_after(clock.remaining, used_hazard))
    for i in range(patient.n_new):
        slot = new_slots(course)[i]
        clock = states[slot]
        clock.is_new = False
        if clock.is_running:
            schedule_firing(plan, course, slot, level, 0.0, clock.remaining)
    patient.n_new = 0
    patient.has_new_dose = patient.is_stale = False
    days, next_day, next_slot = fires_days(course), inf, 0
    for slot in range(days.size):
        if days[slot] < next_day:
            next_day, next_slot = days[slot], slot
    patient.next_day, patient.next_slot = next_day, next_slot


@inline
def schedule_firing(plan: Record, course: Record, slot: int, level: int, age: float, remaining: float) -> None:
    """Reckon when a clock of some age (days), whose threshold has so much left, fires if the dose stays at a level.

    Level -1 is not a dose.
    """
    clock, slot_plan = clock_states(course)[slot], slots(plan)[slot]
    factor = dose_factor(plan, slot, level)
    if slot_plan.by_exposure:
        clock.pace, factor = factor, 1.0
    intensity = hazards.intensity(slot_plan.coefficient, factor, clock.multiplier)
    clock.age_days, clock.remaining, clock.intensity = age, remaining, intensity
    days, ratios = piece_days(plan, slot_plan), piece_ratios(plan, slot_plan)
    age_fires = hazards.age_at_firing(age, remaining, intensity, slot_plan.shape, days, ratios)
    if slot_plan.by_exposure:
        today, since_day = course.patient.today, clock.since_day
        fires_days(course)[slot] = hazards.day_of_firing(today, since_day, age, age_fires, clock.pace)
    else:
        fires_days(course)[slot] = clock.started_day + age_fires
