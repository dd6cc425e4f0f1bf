"""What a patient takes: rules to decisions, decisions to doses."""

from __future__ import annotations

from math import inf

from trialsim.compiled.jit import inline, jitable
from trialsim.engines.batch import clocks
from trialsim.engines.batch.accumulator import record_event
from trialsim.engines.batch.plan import RULE_HOLDS, Record, conditions, levels, onset_rules, quiet_rule, visit_rules
from trialsim.engines.batch.state import onset_days, onsets, resolved_days
from trialsim.model import disease, titration
from trialsim.model import vocabulary as v


@inline
def begin(plan: Record, course: Record) -> None:
    """The first dose."""
    patient = course.patient
    patient.is_on_treatment = True
    patient.dose = levels(plan)[patient.level]
    record_event(course, v.FIRST_DOSE, -1, 0, 0, 0, 0.0, patient.dose)


@jitable
def end(plan: Record, course: Record, reason: int) -> None:
    """Treatment ends for good."""
    patient = course.patient
    if not patient.is_on_treatment:
        return
    patient.is_on_treatment = False
    before = patient.dose
    patient.dose = 0.0
    patient.visit_day = inf
    record_event(course, v.TREATMENT_ENDED, -1, 0, reason, 0, before, 0.0)
    clocks.review(plan, course)
    if before != 0.0:
        patient.has_new_dose = True


@inline
def visit(plan: Record, course: Record) -> None:
    """A titration visit: the first rule that holds decides. While the drug is held there is nothing to decide."""
    patient = course.patient
    if patient.waiting_for != 0:
        look(plan, course, patient.new)
        record(course, titration.STILL_HELD, patient.held_by, -1, patient.dose)
    elif is_quiet(plan, patient):
        quiet_visit(plan, course)
    else:
        decide(plan, course, visit_rules(plan), -1, patient.new)
    patient.new = 0


@inline
def is_quiet(plan: Record, patient: Record) -> bool:
    """Whether nothing has happened yet that a rule could see but the level."""
    nothing_seen = patient.ever == 0 and patient.best_response_seen == disease.STABLE
    return nothing_seen and not patient.was_reduced and not plan.visits_depend_on_time


@inline
def quiet_visit(plan: Record, course: Record) -> None:
    """A visit of a patient to whom nothing has happened yet: only the level matters, and the rule is looked up."""
    look(plan, course, 0)
    rule = quiet_rule(plan, course.patient.level)
    if rule >= 0:
        act(plan, course, visit_rules(plan)[rule], -1)
    else:
        record(course, titration.KEEP, 0, -1, course.patient.dose)


@inline
def toxicity_begins(plan: Record, course: Record, new: int, position: int) -> None:
    """Record toxicities that begin together; the rules for onsets see them as the only new ones."""
    patient = course.patient
    for toxicity in range(plan.n_toxicities):
        if (new >> toxicity) & 1:
            onsets(course)[toxicity] += 1
            onset_days(course)[toxicity] = patient.today
    patient.new |= new
    patient.ongoing |= new
    patient.ever |= new
    if patient.is_on_treatment:
        decide(plan, course, onset_rules(plan), position, new)


@inline
def toxicity_resolves(plan: Record, course: Record, over: int, position: int) -> None:
    """Record toxicities that are over together; a hold ends when all that it waits for are."""
    patient = course.patient
    patient.ongoing &= ~over
    for toxicity in range(plan.n_toxicities):
        if (over >> toxicity) & 1:
            resolved_days(course)[toxicity] = patient.today
    if patient.is_on_treatment and patient.waiting_for != 0 and not patient.waiting_for & patient.ongoing:
        patient.waiting_for = 0
        look(plan, course, 0)
        record(course, titration.RESUME, patient.held_by, position, levels(plan)[patient.level])


@inline
def look(plan: Record, course: Record, new: int) -> None:
    """Note what is seen of the patient, for the log of what comes of it, where there is one."""
    if course.n_rows == 0:
        return
    patient = course.patient
    patient.saw_new = new
    patient.saw_ongoing = patient.ongoing
    patient.saw_onsets = 0
    for toxicity in range(plan.n_toxicities):
        if (plan.whole >> toxicity) & 1:
            patient.saw_onsets += onsets(course)[toxicity]
    patient.saw_level_mg_per_day = levels(plan)[patient.level]
    patient.saw_response = patient.best_response_seen
    patient.saw_stable_days = patient.today - patient.response_seen_day
    patient.saw_unchanged_days = patient.today - patient.dose_since_day


@inline
def decide(plan: Record, course: Record, rules: Record, position: int, new: int) -> None:
    """Let the first rule that holds act; at a visit where none holds, the dose is kept."""
    look(plan, course, new)
    for i in range(rules.size):
        if not (course.patient.decided >> rules[i].number) & 1 and holds(plan, course, rules[i], new):
            act(plan, course, rules[i], position)
            return
    if position < 0:
        record(course, titration.KEEP, 0, position, course.patient.dose)


@inline
def holds(plan: Record, course: Record, rule: Record, new: int) -> bool:
    """Whether the condition of a rule holds for what is known today."""
    patient, place = course.patient, rule.first_condition
    while place >= 0:
        leaf = conditions(plan)[place]
        if titration.condition_holds(
            leaf.kind, leaf.toxicities, leaf.mode, leaf.at_least, leaf.response, leaf.level, leaf.days, patient.today,
            patient.level, plan.n_levels, new, patient.ongoing, patient.ever, onsets(course), onset_days(course),
            resolved_days(course), patient.best_response_seen, patient.response_seen_day, patient.dose_since_day,
            patient.was_reduced,
        ):  # fmt: skip
            place = leaf.if_true
        else:
            place = leaf.if_false
    return bool(place == RULE_HOLDS)


@inline
def act(plan: Record, course: Record, rule: Record, position: int) -> None:
    """Do what a rule says: move on the ladder, hold until the toxicities that it names are over, or stop."""
    patient = course.patient
    if rule.once:
        patient.decided |= 1 << rule.number
    if rule.action == titration.STOP or (rule.stops_at_lowest and patient.level == 0):
        record(course, titration.STOP, rule.number, position, 0.0)
        end(plan, course, v.TOXICITY_STOP)
        return
    before = patient.level
    if rule.action == titration.HOLD:
        hold(plan, patient, rule)
    else:
        patient.level = titration.level_after(rule.action, rule.amount, patient.level, plan.n_levels)
    if patient.waiting_for != 0 or (patient.level < before and not rule.ends_loading):
        patient.was_reduced = True
    dose = 0.0 if patient.waiting_for != 0 else levels(plan)[patient.level]
    record(course, rule.action, rule.number, position, dose)


@inline
def hold(plan: Record, patient: Record, rule: Record) -> None:
    """Hold the drug until the toxicities that the rule names are over, if one of them is there."""
    waiting, ongoing = patient.waiting_for, patient.ongoing
    patient.level = titration.level_after_hold(
        rule.amount, rule.waits_for, waiting, ongoing, patient.level, plan.n_levels
    )
    patient.waiting_for = titration.waiting_after_hold(rule.waits_for, waiting, ongoing)
    if rule.waits_for & ongoing:
        patient.held_by = rule.number


@inline
def record(course: Record, action: int, rule: int, position: int, dose: float) -> None:
    """Note a decision and give the dose that it asks for."""
    patient = course.patient
    before = patient.dose
    patient.dose = dose
    record_event(course, v.DECISION, position, 0, action, rule, before, dose)
    if dose != before:
        patient.has_new_dose = True
        patient.dose_since_day = patient.today
