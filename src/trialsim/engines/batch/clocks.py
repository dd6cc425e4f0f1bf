"""Event clocks in their slots: which run, when they fire, what a change of dose does to them."""

from __future__ import annotations

from math import inf

import numpy as np

from trialsim.compilation import part, small_part
from trialsim.engines.batch.plan import Record, dose_factor, slots
from trialsim.engines.batch.state import clock_states, onsets, uniforms
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
    course.patient.has_other_clocks = True


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
                clock.is_running = False
                course.patient.has_other_clocks = True
        elif not clock.is_finished and runs(plan, course, slot):
            toxicity = slots(plan)[slot].toxicity
            start(plan, course, slot, onsets(course)[toxicity] + 1 if toxicity >= 0 else 1)


@small_part
def reckon(plan: Record, course: Record) -> None:
    """Say when each clock fires that has started now or whose dose is another one now, and which fires first."""
    patient = course.patient
    level = patient.level if patient.dose > 0.0 else -1
    patient.next_day = inf
    for slot in range(course.n_clocks):
        clock = clock_states(course)[slot]
        if not clock.is_running:
            continue
        its = slots(plan)[slot]
        if clock.is_new or (patient.has_new_dose and its.depends_on_dose):
            if not clock.is_new:
                use_up(clock, patient.today, its.shape)
            clock.is_new = False
            clock.intensity = hazard.intensity(its.coefficient, dose_factor(plan, slot, level), clock.multiplier)
            age = hazard.age_at_firing(clock.age_days, clock.remaining, clock.intensity, its.shape)
            clock.fires_day = clock.started_day + age
        if clock.fires_day < patient.next_day:
            patient.next_day = clock.fires_day
            patient.next_slot = slot
    patient.has_new_dose = patient.has_other_clocks = False


@small_part
def use_up(clock: Record, today: float, shape: float) -> None:
    """Take the hazard since the last change of dose off the threshold."""
    age = today - clock.started_day
    used = hazard.hazard_between(clock.intensity, clock.age_days, age, shape)
    clock.remaining = hazard.remaining_after(clock.remaining, used)
    clock.age_days = age
