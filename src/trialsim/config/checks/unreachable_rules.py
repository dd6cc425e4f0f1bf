"""Rules that can never decide: contradictory ones, and ones before which an earlier rule always decides.

The single conditions of the rules are taken as statements that are true or false. What one says about another (a
partial response is also a minor one, day 56 comes after day 28, who is free of a toxicity does not have it) leaves out
combinations that no patient can be in. A rule that decides in none of the others is unreachable. What is left out here
may leave an unreachable rule unnoticed, but no rule that could decide is called unreachable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from trialsim.config.schema.scenario import ScenarioData, own_name
from trialsim.config.source.problems import Finding
from trialsim.config.to_protocol.dose_rules import rules_of
from trialsim.model import titration
from trialsim.model.rules import Condition, Rule

_MAX_STATEMENTS: Final = 14  # some 10^4 combinations, a second; rules with more are not looked at
_NEVER: Final = Condition(titration.NOT, parts=(Condition(titration.ALWAYS),))
_LASTING: Final = (titration.IS_STABLE, titration.IS_UNCHANGED, titration.IS_FREE)
_IMPLIED_MODES: Final = {
    titration.NEW: {titration.NEW, titration.NEW_OR_ONGOING, titration.EVER},
    titration.ONGOING: {titration.ONGOING, titration.NEW_OR_ONGOING, titration.EVER},
    titration.NEW_OR_ONGOING: {titration.NEW_OR_ONGOING, titration.EVER},
    titration.RECENT: {titration.RECENT, titration.EVER},
    titration.EVER: {titration.EVER},
}

Truths = Mapping[Condition, bool]


def unreachable_rules(scenario: ScenarioData) -> Iterator[Finding]:
    """Each rule that can never decide, and why."""
    for rules in rules_of(scenario):
        simple = [replace(rule, condition=simplified(scenario, rule.condition)) for rule in rules]
        statements = list(dict.fromkeys(leaf for rule in simple for leaf in rule.condition.leaves))
        if len(statements) > _MAX_STATEMENTS:
            problem = (
                f"these rules have {len(statements)} different conditions, too many to look for rules that never decide"
            )
            yield ("treatment", "rules"), len(rules), problem, f"up to {_MAX_STATEMENTS} for this to be looked at", ""
            continue
        deciding, possible = _deciding(simple, statements)
        for i, rule in enumerate(rules):
            if i in deciding or rule.number > len(scenario.treatment.rules):
                continue
            problem = "this rule can never decide: its conditions contradict each other, or cannot come about"
            if i in possible:
                problem = f"this rule can never decide: rule {_earlier_rules(simple, i, statements)} always comes first"
            yield ("treatment", "rules", rule.number - 1), rule.text, problem, "a rule that some patient can meet", ""


def _deciding(rules: Sequence[Rule], statements: Sequence[Condition]) -> tuple[set[int], set[int]]:
    """The places of rules that can decide, and of those that can hold at all."""
    deciding: set[int] = set()
    possible: set[int] = set()
    for truths in combinations(statements):
        is_undecided = True
        for i, rule in enumerate(rules):
            if titration.whole_holds(rule.condition, partial(_is_true, truths)):
                possible.add(i)
                if is_undecided:
                    deciding.add(i)
                is_undecided = is_undecided and rule.once
    return deciding, possible


def _is_true(truths: Truths, statement: Condition) -> bool:
    return statement.kind == titration.ALWAYS or truths[statement]


def _earlier_rules(rules: Sequence[Rule], place: int, statements: Sequence[Condition]) -> str:
    """The number of the one rule that always decides before another, or of all before it where it takes several."""
    for rule in rules[:place]:
        if 1 not in _deciding([rule, rules[place]], statements)[0]:
            return str(rule.number)
    return " or ".join(str(rule.number) for rule in rules[:place])


def combinations(statements: Sequence[Condition]) -> Iterator[Truths]:
    """Every way in which statements can be true and false together."""

    def extended(truths: dict[Condition, bool], rest: Sequence[Condition]) -> Iterator[Truths]:
        if not rest:
            yield truths
            return
        first, *others = rest
        for truth in (True, False):
            if all(_can_be(a, is_a, first, truth) for a, is_a in truths.items()):
                yield from extended({**truths, first: truth}, others)

    yield from extended({}, [item for item in statements if item.kind != titration.ALWAYS])


def _can_be(a: Condition, is_a: bool, b: Condition, is_b: bool) -> bool:
    """Whether two statements can be as said at the same time."""
    if is_a and is_b:
        return not (excludes(a, b) or excludes(b, a))
    if is_a:
        return not implies(a, b)
    return not (is_b and implies(b, a))


def implies(a: Condition, b: Condition) -> bool:
    """Whether b holds wherever a does."""
    if b.kind == titration.FROM_DAY and a.kind in (titration.FROM_DAY, *_LASTING):
        return a.days >= b.days
    if a.kind != b.kind:
        return False
    if a.kind == titration.HAS_TOXICITY:
        fits = b.mode in _IMPLIED_MODES[a.mode] and not a.toxicities & ~b.toxicities and a.at_least >= b.at_least
        return fits and (b.mode != titration.RECENT or a.days <= b.days)
    if a.kind == titration.IS_FREE:
        return not b.toxicities & ~a.toxicities and a.days >= b.days
    if a.kind == titration.HAS_RESPONSE:
        return a.response >= b.response
    if a.kind == titration.AT_LEVEL:
        return a.level >= b.level
    return a.kind in _LASTING and a.days >= b.days


def excludes(a: Condition, b: Condition) -> bool:
    """Whether a, being free of toxicities, leaves no room for b."""
    if a.kind != titration.IS_FREE or b.kind != titration.HAS_TOXICITY or b.toxicities & ~a.toxicities:
        return False
    return b.mode == titration.ONGOING or (b.mode == titration.RECENT and b.days <= a.days)


def simplified(scenario: ScenarioData, condition: Condition) -> Condition:
    """A condition in as few kinds as possible, without what cannot come about in this scenario."""
    if condition.parts:
        return replace(condition, parts=tuple(simplified(scenario, part) for part in condition.parts))
    if condition.kind == titration.TOLERATED:
        has_toxicity = Condition(titration.HAS_TOXICITY, condition.toxicities)
        return Condition(titration.NOT, parts=(simplified(scenario, has_toxicity),))
    if condition.kind == titration.HAS_TOXICITY:
        real = condition.toxicities & _occurring(scenario)
        return replace(condition, toxicities=real) if real else _NEVER
    if condition.kind == titration.IS_FREE:
        return replace(condition, toxicities=condition.toxicities & _occurring(scenario))
    if condition.kind == titration.HAS_RESPONSE:
        steps = [item.name for item in scenario.responses[: condition.response]]
        return condition if all(_occurs(scenario, kind) for kind in steps) else _NEVER
    if condition.kind == titration.AT_MAXIMUM:
        condition = Condition(titration.AT_LEVEL, level=len(scenario.treatment.levels) - 1)
    if condition.kind == titration.AT_LEVEL and condition.level == 0:
        return Condition(titration.ALWAYS)
    if condition.kind == titration.WAS_REDUCED:
        reduces = any(rule.do in ("reduce", "hold", "go to") for rule in scenario.treatment.rules)
        return condition if reduces else _NEVER
    return condition


def _occurring(scenario: ScenarioData) -> int:
    """The mask of the toxicities whose rate is above 0."""
    names = scenario.toxicities
    return sum(1 << i for i, name in enumerate(names) if _has_rate(scenario, name))


def _occurs(scenario: ScenarioData, kind: str) -> bool:
    return any(event.kind == kind and _has_rate(scenario, name) for name, event in scenario.events.items())


def _has_rate(scenario: ScenarioData, name: str) -> bool:
    whole, share = scenario.events[name].part_of, scenario.events[name].share
    if whole is not None and share is not None:
        return _has_rate(scenario, whole) and scenario.resolved(share, own_name(("events", name, "share"))).value > 0.0
    return scenario.resolved(scenario.events[name].rate, own_name(("events", name, "rate"))).value > 0.0
