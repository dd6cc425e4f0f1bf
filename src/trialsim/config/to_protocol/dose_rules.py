"""The dose rules of a scenario as flat rules: what the treatment says beside them goes into their conditions.

A guard (no escalation before the loading is over, none after a reduction, no change too soon) is one more condition of
the rules that it restrains, and stands in their text.
"""

from __future__ import annotations

import math

from trialsim.config.schema.conditions import Condition
from trialsim.config.schema.named_toxicities import toxicities_named, waited_for
from trialsim.config.schema.quantity import Quantity
from trialsim.config.schema.scenario import ScenarioData
from trialsim.config.schema.treatment import Rule, Treatment
from trialsim.model import titration
from trialsim.model.protocol import FirstLevel, VisitPhase
from trialsim.model.rules import Condition as FlatCondition
from trialsim.model.rules import Rule as FlatRule

_TIMINGS = {
    None: titration.NEW_OR_ONGOING,
    "new or ongoing": titration.NEW_OR_ONGOING,
    "new": titration.NEW,
    "ongoing": titration.ONGOING,
    "ever": titration.EVER,
}
_WORDS = {
    "always": titration.ALWAYS,
    "at maximum": titration.AT_MAXIMUM,
    "reduced before": titration.WAS_REDUCED,
}
_MOVES = ("escalate", "reduce", "go to")
_LOWERING = (titration.REDUCE, titration.HOLD, titration.STOP)
_WAS_REDUCED = FlatCondition(titration.WAS_REDUCED)

Rules = tuple[FlatRule, ...]


def rules_of(scenario: ScenarioData) -> tuple[Rules, Rules]:
    """The rules for visits and those for onsets, numbered as they are written."""
    treatment = scenario.treatment
    rules = [_rule(scenario, number, rule) for number, rule in enumerate(treatment.rules, start=1)]
    at_visit = [rule for rule, written in zip(rules, treatment.rules, strict=True) if written.at == "visit"]
    at_onset = [rule for rule, written in zip(rules, treatment.rules, strict=True) if written.at == "onset"]
    urgent = next((i for i, rule in enumerate(at_visit) if rule.action not in _LOWERING), len(at_visit))
    return (*at_visit[:urgent], *_end_of_loading(scenario), *at_visit[urgent:]), tuple(at_onset)


def first_level(treatment: Treatment) -> int:
    """The level at which treatment begins, counted from 0."""
    dose = treatment.loading.dose if treatment.loading is not None else treatment.start
    return _level(treatment, dose) if dose is not None else 0


def first_levels(scenario: ScenarioData) -> tuple[FirstLevel, ...]:
    """The levels at which some patients begin, by their baseline values."""
    names, found = list(scenario.population), []
    for item in scenario.treatment.start_by:
        categories = list(scenario.population[item.covariate].shares or {})
        category = categories.index(item.category) if item.category is not None else -1
        at_least = item.at_least.value if item.at_least is not None else -math.inf
        below = item.below.value if item.below is not None else math.inf
        level = _level(scenario.treatment, item.dose)
        found.append(FirstLevel(names.index(item.covariate), category, at_least, below, level))
    return tuple(found)


def early_visits(treatment: Treatment) -> tuple[VisitPhase, ...]:
    """The visits that come at intervals of their own before the others."""
    phases, day = [], 0.0
    for item in treatment.visits_at_first:
        n = round((item.until.value - day) / item.every.value)
        phases.append(VisitPhase(day, item.every.value, n))
        day = item.until.value
    return tuple(phases)


def _end_of_loading(scenario: ScenarioData) -> Rules:
    """The rule that ends the loading, before all rules that keep or raise the dose; its number is the last."""
    treatment = scenario.treatment
    if treatment.loading is None:
        return ()
    start = treatment.start or treatment.levels[0]
    due = FlatCondition(titration.FROM_DAY, days=treatment.loading.days.value)
    guards = _guards_of_rises(scenario, start)
    text = ", ".join([f"loading of {treatment.loading.days.text} is over → go to {start}, once", *guards])
    condition = _group(titration.ALL_OF, [due, *guards.values()])
    number, level = len(treatment.rules) + 1, _level(treatment, start)
    return (FlatRule(number, text, condition, titration.GO_TO, level, once=True, ends_loading=True),)


def _rule(scenario: ScenarioData, number: int, rule: Rule) -> FlatRule:
    conditions = [_condition(scenario, condition) for condition in rule.when]
    guards = _guards(scenario, rule)
    return FlatRule(
        number=number,
        text=", ".join([str(rule), *guards]),
        condition=_group(titration.ALL_OF, [*conditions, *guards.values()]),
        action=titration.DECISION_NAMES.index(rule.do),
        amount=_amount(scenario.treatment, rule),
        stops_at_lowest=rule.at_lowest == "stop",
        waits_for=_mask(scenario, waited_for(scenario, rule)) if rule.do == "hold" else 0,
        once=rule.once,
    )


def _guards(scenario: ScenarioData, rule: Rule) -> dict[str, FlatCondition]:
    """What else must hold for a rule to decide, by how its text says so."""
    treatment, guards = scenario.treatment, {}
    if rule.at == "visit" and rule.do in _MOVES and treatment.between_changes is not None:
        text, days = treatment.between_changes.text, treatment.between_changes.value
        guards[f"if the dose is unchanged for {text}"] = FlatCondition(titration.IS_UNCHANGED, days=days)
    if rule.do in ("escalate", "go to"):
        if treatment.loading is not None:
            days = treatment.loading.days.value
            after = FlatCondition(titration.FROM_DAY, days=days)
            guards["after the loading"] = _unless_lower(scenario, rule.level, [after])
        guards |= _guards_of_rises(scenario, rule.level)
    return guards


def _guards_of_rises(scenario: ScenarioData, to: Quantity | None) -> dict[str, FlatCondition]:
    """What must hold for the dose to rise (by a level, or to a dose) once it was reduced or held."""
    treatment = scenario.treatment
    not_reduced = FlatCondition(titration.NOT, parts=(_WAS_REDUCED,))
    if treatment.reescalate == "never":
        return {"never up after a reduction": _unless_lower(scenario, to, [not_reduced])}
    if not isinstance(treatment.reescalate, Quantity):
        return {}
    free = FlatCondition(titration.IS_FREE, _dose_limiting(scenario), days=treatment.reescalate.value)
    text = f"up after a reduction only if free of toxicity for {treatment.reescalate.text}"
    return {text: _unless_lower(scenario, to, [not_reduced, free])}


def _unless_lower(scenario: ScenarioData, to: Quantity | None, one_of: list[FlatCondition]) -> FlatCondition:
    """One of some conditions, which a move to a dose that is not above the patient's level does not need."""
    if to is not None:
        one_of = [*one_of, FlatCondition(titration.AT_LEVEL, level=_level(scenario.treatment, to))]
    return _group(titration.ANY_OF, one_of)


def _group(kind: int, parts: list[FlatCondition]) -> FlatCondition:
    return parts[0] if len(parts) == 1 else FlatCondition(kind, parts=tuple(parts))


def _amount(treatment: Treatment, rule: Rule) -> int:
    if rule.level is not None:
        return _level(treatment, rule.level)
    if rule.do != "hold":
        return rule.levels if rule.do in ("escalate", "reduce") else 0
    if rule.resume_dose is not None:
        return _level(treatment, rule.resume_dose)
    return titration.RESUME_SAME if rule.resume == "same" else titration.RESUME_SAME - 1


def _level(treatment: Treatment, dose: Quantity) -> int:
    return [level.value for level in treatment.levels].index(dose.value)


def _condition(scenario: ScenarioData, condition: Condition) -> FlatCondition:
    if condition.parts:
        kind = titration.ALL_OF if condition.all_of else titration.ANY_OF if condition.any_of else titration.NOT
        parts = [_condition(scenario, part) for part in condition.parts]
        return FlatCondition(kind, parts=tuple(parts)) if kind == titration.NOT else _group(kind, parts)
    if condition.toxicity is not None:
        return _toxicity(scenario, condition)
    if condition.free_of is not None and condition.days is not None:
        mask = _mask(scenario, toxicities_named(scenario, condition))
        return FlatCondition(titration.IS_FREE, mask, days=condition.days.value)
    if condition.response is not None:
        return FlatCondition(titration.HAS_RESPONSE, response=scenario.category_number(condition.response))
    if condition.level is not None:
        return FlatCondition(titration.AT_LEVEL, level=_level(scenario.treatment, condition.level))
    timed = (
        (titration.FROM_DAY, condition.study_day),
        (titration.IS_STABLE, condition.stable_for),
        (titration.IS_UNCHANGED, condition.unchanged_for),
    )
    for kind, item in timed:
        if item is not None:
            return FlatCondition(kind, days=item.value)
    if condition.holds == "tolerated":
        return FlatCondition(titration.TOLERATED, _dose_limiting(scenario))
    return FlatCondition(_WORDS[str(condition.holds)])


def _toxicity(scenario: ScenarioData, condition: Condition) -> FlatCondition:
    mask = _mask(scenario, toxicities_named(scenario, condition))
    mode, days = _TIMINGS[condition.timing], 0.0
    if condition.within is not None:
        mode, days = titration.RECENT, condition.within.value
    return FlatCondition(titration.HAS_TOXICITY, mask, mode, condition.at_least, days=days)


def _dose_limiting(scenario: ScenarioData) -> int:
    return _mask(scenario, {name for name, event in scenario.toxicities.items() if event.dose_limiting})


def _mask(scenario: ScenarioData, names: set[str]) -> int:
    return sum(1 << i for i, name in enumerate(scenario.toxicities) if name in names)
