"""Event clocks in their slots: which run, when they fire, what a change of dose does to them."""

from __future__ import annotations

from math import inf

import numpy as np

from trialsim.compilation import part, small_part
from trialsim.engines.batch.plan import Record, dose_factor, dose_slots, slots
from trialsim.engines.batch.state import clock_states, fires_days, new_slots, onsets, uniforms
from trialsim.model import clock as hazard
from trialsim.model import disease, draws


@part
def uniform_at(course: Record, code: Record, occurrence: int) -> Record:
    """The number at one address of this patient."""
    number = course.patient.number
    high, low, _, _ = draws.philox4x32(
        word(occurrence), code, word(number), course.replicate, course.key_low, course.key_high
    )
    return draws.uniform_from_words(high, low)


@small_part
def word(number: int) -> Record:
    """A number as a word of an address."""
    return np.uint64(number)


@part
def threshold(plan: Record, course: Record, slot: int, occurrence: int) -> float:
    """The unit-exponential threshold of one occurrence of a clock."""
    n_clocks = plan.n_clocks
    if occurrence == 1 and slot < n_clocks:
        decision = plan.n_decisions - n_clocks + slot
        return draws.unit_exponential(uniforms(course, decision)[course.patient.place])
    return draws.unit_exponential(uniform_at(course, slots(plan)[slot].code, occurrence))


@part
def start(plan: Record, course: Record, slot: int, occurrence: int) -> None:
    """Start a clock today; when it fires is reckoned once all that happens now has happened."""
    clock = clock_states(course)[slot]
    clock.is_running = True
    clock.is_new = True
    clock.started_day = course.patient.today
    clock.age_days = 0.0
    clock.occurrence = occurrence
    clock.remaining = threshold(plan, course, slot, occurrence)
    new_slots(course)[course.patient.n_new] = slot
    course.patient.n_new += 1
    course.patient.is_stale = True


@small_part
def stop(course: Record, slot: int) -> None:
    """Stop a clock, before it fires or because it does."""
    clock_states(course)[slot].is_running = False
    fires_days(course)[slot] = inf
    course.patient.is_stale = True


@small_part
def runs(plan: Record, course: Record, slot: int) -> bool:
    """Whether a clock belongs to the patient's present state."""
    its, patient = slots(plan)[slot], course.patient
    return disease.runs(
        its.states, its.needs_treatment, its.needs_sensitivity, patient.state, patient.is_on_treatment,
        patient.is_sensitive,
    )  # fmt: skip


@part
def review(plan: Record, course: Record) -> None:
    """Stop the clocks that left their states, and start those that entered them."""
    for slot in range(plan.n_clocks):
        clock = clock_states(course)[slot]
        if clock.is_running:
            if not runs(plan, course, slot):
                stop(course, slot)
        elif not clock.is_finished and runs(plan, course, slot):
            toxicity = slots(plan)[slot].toxicity
            start(plan, course, slot, onsets(course)[toxicity] + 1 if toxicity >= 0 else 1)


@part
def reckon(plan: Record, course: Record) -> None:
    """Say when each clock fires that has started now or whose dose is another one now, and which fires first."""
    patient = course.patient
    states, level = clock_states(course), patient.level if patient.dose > 0.0 else -1
    if patient.has_new_dose:
        affected = dose_slots(plan)
        for i in range(affected.size):
            slot = affected[i]
            clock = states[slot]
            if clock.is_running and not clock.is_new:
                use_up(clock, patient.today, slots(plan)[slot].shape)
                set_off(plan, course, slot, level)
    for i in range(patient.n_new):
        slot = new_slots(course)[i]
        states[slot].is_new = False
        if states[slot].is_running:
            set_off(plan, course, slot, level)
    patient.n_new = 0
    patient.has_new_dose = patient.is_stale = False
    patient.next_day = inf
    days = fires_days(course)
    for slot in range(days.size):
        if days[slot] < patient.next_day:
            patient.next_day = days[slot]
            patient.next_slot = slot


@small_part
def set_off(plan: Record, course: Record, slot: int, level: int) -> None:
    """Reckon when a clock fires if the dose stays at a level (-1 for none)."""
    clock, its = clock_states(course)[slot], slots(plan)[slot]
    clock.intensity = hazard.intensity(its.coefficient, dose_factor(plan, slot, level), clock.multiplier)
    age = hazard.age_at_firing(clock.age_days, clock.remaining, clock.intensity, its.shape)
    fires_days(course)[slot] = clock.started_day + age


@small_part
def use_up(clock: Record, today: float, shape: float) -> None:
    """Take the hazard since the last change of dose off the threshold."""
    age = today - clock.started_day
    used = hazard.hazard_between(clock.intensity, clock.age_days, age, shape)
    clock.remaining = hazard.remaining_after(clock.remaining, used)
    clock.age_days = age
