"""The toxicities that the conditions and rules of a scenario name."""

from __future__ import annotations

from trialsim.config.schema.conditions import Condition
from trialsim.config.schema.scenario import ScenarioData
from trialsim.config.schema.treatment import Rule


def waited_for(scenario: ScenarioData, rule: Rule) -> set[str]:
    """The toxicities that a hold waits for: those that its conditions name, but not under a `not`."""
    leaves = [leaf for leaf in rule.leaves(negated=False) if leaf.toxicity is not None]
    return set().union(*(toxicities_named(scenario, leaf) for leaf in leaves))


def _is_severe_by_itself(scenario: ScenarioData, name: str) -> bool:
    """Whether a toxicity is severe and is no part of one that is: an onset counts once."""
    toxicity = scenario.toxicities[name]
    whole = scenario.toxicities.get(toxicity.part_of or "")
    return bool(toxicity.severe) and not (whole is not None and whole.severe)


def toxicities_named(scenario: ScenarioData, condition: Condition) -> set[str]:
    """The toxicities that a condition without parts names; `any` and `severe` expanded, of its grade if it has one."""
    names: set[str] = set()
    for name in condition.toxicity or condition.free_of or []:
        if name == "any":
            names |= {toxicity for toxicity, event in scenario.toxicities.items() if event.part_of is None}
        elif name == "severe":
            names |= {toxicity for toxicity in scenario.toxicities if _is_severe_by_itself(scenario, toxicity)}
        else:
            names.add(name)
    if condition.grade is not None:
        return {name for name in names & set(scenario.toxicities) if scenario.toxicities[name].grade == condition.grade}
    return names
