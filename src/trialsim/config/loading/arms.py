"""The arms of a trial: each is its scenario with changes; what one trial has once, no arm changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from trialsim.config.loading.strategies import STRATEGY, expand_strategy
from trialsim.config.schema.arms import Allocation
from trialsim.config.schema.scenario import ScenarioData
from trialsim.config.source.problems import nearest, problem_at
from trialsim.config.source.yaml import Places, place_of
from trialsim.errors import ConfigurationError, Problem

SHARED: Final = ("accrual", "cut_off")  # by variants that are the arms of a parallel trial
SHARED_IN_RUN: Final = (*SHARED, "population", "correlations")  # and by arms of a scenario

Change = Callable[[Any, Mapping[str, Any], Mapping[str, str]], Any]


def with_strategies(data: Mapping[str, Any], places: Places, beside: Path | None) -> dict[str, Any]:
    """Plain data of a scenario in which each arm has the changes of its strategy. Raises `ConfigurationError`."""
    arms = data.get("arms")
    if not isinstance(arms, Mapping):
        return dict(data)
    expanded = {
        name: expand_strategy(item, beside, place_of(places, ("arms", name, STRATEGY)))
        if isinstance(item, Mapping)
        else item
        for name, item in arms.items()
    }
    return {**data, "arms": expanded}


def without_arms(scenario: Any) -> Any:
    """The scenario without its arms: what they change."""
    return scenario.model_copy(update={"arms": {}, "allocation": Allocation()})


def scenarios_of_arms(scenario: Any, change: Change, places: Places) -> tuple[dict[str, Any], list[Problem]]:
    """The scenario of every arm by name, the first one the control, and every problem that there is with them.

    `change` makes a scenario of another one and of changes whose places are given.
    """
    base, scenarios, problems = without_arms(scenario), {}, []
    if scenario.cohort is not None:
        wrong = "published statistics are those of one arm, and are not compared with a trial of several"
        problems.append(problem_at(places, ("arms",), "", wrong, "`cohort: null`, or no arms"))
    for name, changes in scenario.arms.items():
        line = place_of(places, ("arms", name))
        try:
            scenarios[name] = change(base, changes, dict.fromkeys(map(str, changes), line))
        except ConfigurationError as error:
            problems += [replace(item, place=f"{line}  arm {name}:".strip()) for item in error.problems]
    if not problems:
        mistakes = [*not_one_trial(scenarios, SHARED_IN_RUN, "an arm"), *_not_one_table(scenarios)]
        problems += [problem_at(places, ("arms", name), "", *why) for name, *why in mistakes]
        problems += [problem_at(places, at, value, *why) for at, value, *why in _allocation(scenario)]
    return scenarios, problems


def as_variants(data: Mapping[str, Any], scenario: ScenarioData) -> dict[str, Any]:
    """The plain data of a study that names no arms, with those of its scenario and their allocation."""
    plan = scenario.allocation.model_dump(mode="json")
    with_plan = {} if scenario.allocation == Allocation() else {"allocation": plan}
    return {"control": next(iter(scenario.arms)), **with_plan, **data, "variants": dict(scenario.arms)}


def refuse_unused_arms(scenario: ScenarioData, variants: Mapping[str, Any], places: Places) -> None:
    """Refuse a study whose scenario has other arms than it. Raises `ConfigurationError`."""
    if scenario.arms and dict(variants) != scenario.arms:
        wrong = "the scenario has arms, and the study has others" if variants else "the scenario has arms"
        allowed = (
            "a scenario without arms, `changes: {arms: null, allocation: null}`, or a study that names no variants"
        )
        raise ConfigurationError([problem_at(places, ("scenario",), ", ".join(scenario.arms), wrong, allowed)])


def not_one_trial(
    scenarios: Mapping[str, ScenarioData], parts: tuple[str, ...] = SHARED, one: str = "a variant"
) -> Iterator[tuple[str, str, str]]:
    """Why scenarios cannot be the arms of one trial: the name of one of them, what is wrong, what could be.

    `parts` are what they share, and `one` is what one of them is called.
    """
    name, first = next(iter(scenarios.items()))
    for part in parts:
        other = next((item for item in scenarios if getattr(scenarios[item], part) != getattr(first, part)), None)
        if other is not None:
            yield other, f"the arms of one trial have one {part.replace('_', '-')}", f"no change of `{part}` in {one}"
    if first.cut_off.after_count is not None:
        wrong = "a cut-off that counts would count in each arm what the whole trial counts"
        yield name, wrong, "a date, or a time after entry"
    if any(scenario.clinic is not None for scenario in scenarios.values()):
        yield name, "patients of different arms would wait for each other at the clinic", "no `clinic`"


def _not_one_table(scenarios: Mapping[str, ScenarioData]) -> Iterator[tuple[str, str, str]]:
    """Why arms do not fit into the same tables."""
    first, *_ = scenarios.values()
    for name, scenario in list(scenarios.items())[1:]:
        if _origin(scenario) != _origin(first):
            yield name, "the arms of one trial have their parameters from one place", "no change of `parameters` in it"
        if scenario.responses != first.responses:
            yield name, "arms have the same categories of response", "no change of `responses`"
        if list(scenario.toxicities) != list(first.toxicities):
            wrong = "arms have the same toxicities, in the same order"
            yield name, wrong, "a toxicity of all arms, with `rate: 0 /month` where it does not occur"
        if scenario.treatment.dose_unit != first.treatment.dose_unit:
            yield name, "the doses of all arms have one unit", "doses in the unit of the first arm"


def _origin(scenario: ScenarioData) -> tuple[object, ...]:
    """Where the numbers of calibrated parameters are from."""
    given = scenario.parameters
    return given.use, given.calibrated_to, given.draws, given.centre


def _allocation(scenario: ScenarioData) -> Iterator[tuple[tuple[str, ...], Any, str, str, str]]:
    """What is wrong with who goes to which arm."""
    plan, names = scenario.allocation, list(scenario.arms)
    for name in plan.ratio:
        if name not in names:
            near = nearest(name, names)
            yield (
                ("allocation", "ratio", name),
                plan.ratio[name],
                "there is no arm of this name",
                ", ".join(names),
                near,
            )
    turn = len([name for name in names for _ in range(plan.ratio.get(name, 1))])
    if plan.block is not None and plan.block % turn:
        wrong = f"a block of {plan.block} does not hold the ratio, which takes {turn} patients"
        yield ("allocation", "block"), plan.block, wrong, f"a multiple of {turn}", ""
    known = [name for name, item in scenario.population.items() if item.shares is not None]
    known += ["site"] if scenario.accrual.sites else []
    for i, name in enumerate(plan.strata):
        if name not in known:
            wrong = "there is nothing of this name to split by"
            allowed = f"one of {', '.join(known)}" if known else "no `strata`: there are no sites and no categories"
            yield ("allocation", "strata", str(i)), name, wrong, allowed, nearest(name, known)
