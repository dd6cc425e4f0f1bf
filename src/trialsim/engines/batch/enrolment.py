"""Who enrols in a trial, and the numbers that every patient needs: first draws, sensitivity, hazard multipliers."""

from __future__ import annotations

from trialsim.compiled.jit import inline, jitable
from trialsim.engines.batch.clocks import uniform_at, word
from trialsim.engines.batch.plan import (
    Record,
    covariates,
    decisions,
    effects,
    first_levels,
    frailties,
    personal_slots,
    rates,
    scores,
    shares,
    slots,
    starts,
)
from trialsim.engines.batch.state import clock_states, uniforms
from trialsim.model import accrual, baseline, draws, titration
from trialsim.typing import Counts, Flags, Floats


@inline
def uniform_of(course: Record, number: int, code: Record) -> Record:
    """The first number of a decision for the patient with a number."""
    course.patient.number = number
    return uniform_at(course, code, 1)


@inline
def is_eligible(plan: Record, course: Record, number: int) -> bool:
    """Whether someone who is screened can enrol."""
    p_ineligible = plan.p_ineligible
    return bool(p_ineligible == 0.0 or uniform_of(course, number, plan.eligibility) >= p_ineligible)


@jitable
def screen(plan: Record, course: Record, arrivals: Floats, eligible: Flags) -> int:
    """Screen patient after patient: calendar day of arrival and eligibility, by number from 1.

    Gives how many were screened, or -1 if the arrays are too short for them.
    """
    if plan.window_days > 0.0:
        for i in range(plan.n_patients):
            arrivals[i] = accrual.arrival_in_window(uniform_of(course, i + 1, plan.arrival), plan.window_days)
            eligible[i] = is_eligible(plan, course, i + 1)
        return arrivals.size
    expected_count = 0.0
    n_enrolled = n = 0
    while n_enrolled < plan.n_patients:
        expected_count += draws.unit_exponential(uniform_of(course, n + 1, plan.arrival))
        day = accrual.arrival_at_expected_count(expected_count, starts(plan), rates(plan))
        if not day < plan.closes_day:
            break
        if n == arrivals.size:
            return -1
        arrivals[n] = day
        eligible[n] = is_eligible(plan, course, n + 1)
        n_enrolled += eligible[n]
        n += 1
    return n


@inline
def draw_all(plan: Record, course: Record, numbers: Counts) -> None:
    """The first draws of every decision and patient, decision by decision."""
    occurrence, replicate, low, high = word(1), course.replicate, course.key_low, course.key_high
    codes = decisions(plan)
    for i in range(codes.size):
        code = codes[i]
        values = uniforms(course, i)
        for k in range(numbers.size):
            word_0, word_1, _, _ = draws.philox4x32(occurrence, code, word(numbers[k]), replicate, low, high)
            values[k] = draws.uniform_from_words(word_0, word_1)


@inline
def init_patient(plan: Record, course: Record, number: int, place: int) -> None:
    """Take the patient at a place among the enrolled: sensitivity, and the factor on each hazard."""
    course.patient.number = number
    course.patient.place = place
    first, after = plan.first_sensitivity_effect, plan.n_effects
    log_odds_ratio = log_ratio(plan, course, first, after)
    course.patient.is_sensitive = baseline.is_sensitive(
        uniforms(course, 0)[place], plan.p_sensitive, log_odds_ratio, first < after
    )
    for k in range(plan.n_personal_slots):
        slot = personal_slots(plan)[k]
        slot_plan = slots(plan)[slot]
        has_effects = slot_plan.first_effect < slot_plan.after_effects
        log_hazard_ratio = log_ratio(plan, course, slot_plan.first_effect, slot_plan.after_effects)
        frailty = frailty_value(plan, course, slot_plan.frailty) if slot_plan.frailty >= 0 else 1.0
        clock_states(course)[slot].multiplier = baseline.multiplier(log_hazard_ratio, has_effects, frailty)


@inline
def log_ratio(plan: Record, course: Record, first_effect: int, after_effects: int) -> float:
    """The sum of some effects of the patient's baseline values."""
    total = 0.0
    for i in range(first_effect, after_effects):
        item = effects(plan)[i]
        value = covariate_value(plan, course, item.covariate)
        total += baseline.effect(value, item.category, item.reference, item.weight)
    return total


@inline
def first_level(plan: Record, course: Record) -> int:
    """The level at which the patient begins, by the first line that holds of baseline values."""
    for i in range(plan.n_first_levels):
        item = first_levels(plan)[i]
        value = covariate_value(plan, course, item.covariate)
        if titration.begins_there(value, item.category, item.at_least, item.below):
            return int(item.level)
    return int(plan.first_level)


@inline
def covariate_value(plan: Record, course: Record, covariate: int) -> float:
    """The patient's value of one of the covariates of the plan."""
    covariate_plan = covariates(plan)[covariate]
    uniform = covariate_uniform(plan, course, covariate)
    if covariate_plan.after_shares > covariate_plan.first_share:
        return float(
            baseline.category_index(uniform, shares(plan, covariate_plan.first_share, covariate_plan.after_shares))
        )
    return baseline.continuous_value(
        uniform,
        covariate_plan.distribution,
        covariate_plan.location,
        covariate_plan.spread,
        covariate_plan.lowest_share,
        covariate_plan.highest_share,
    )


@inline
def covariate_uniform(plan: Record, course: Record, covariate: int) -> float:
    """The number that gives the patient's value of a covariate: its own, or that of its correlated score."""
    covariate_plan, place = covariates(plan)[covariate], course.patient.place
    if covariate_plan.first_score == covariate_plan.after_scores:
        return float(uniforms(course, 1 + covariate)[place])
    score = 0.0
    for i in range(covariate_plan.first_score, covariate_plan.after_scores):
        item = scores(plan)[i]
        score += baseline.weighted_score(item.weight, uniforms(course, 1 + item.covariate)[place])
    return baseline.uniform_of_score(score)


@inline
def frailty_value(plan: Record, course: Record, frailty: int) -> float:
    """The patient's value of a frailty."""
    uniform = uniforms(course, 1 + plan.n_covariates + frailty)[course.patient.place]
    frailty_plan = frailties(plan)[frailty]
    return baseline.frailty_value(uniform, frailty_plan.sd_log, frailty_plan.p_long_term)
