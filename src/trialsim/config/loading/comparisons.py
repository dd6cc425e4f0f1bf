"""Study files to frozen objects: the scenario of every variant, with all errors at once and the line of the variant."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from trialsim.config.checks.warnings import scenario_warnings
from trialsim.config.loading.arms import as_variants, not_one_trial, refuse_unused_arms, without_arms
from trialsim.config.loading.changes import places_of_changes
from trialsim.config.loading.scenarios import (
    Scenario,
    changed_scenario,
    load_named_scenario,
    read_given,
    scenario_from_mapping,
)
from trialsim.config.loading.strategies import expand_strategy
from trialsim.config.schema.arms import Allocation
from trialsim.config.schema.comparison_study import PARALLEL, CompareStudy
from trialsim.config.schema.validation import validated
from trialsim.config.source.problems import nearest, problem_at
from trialsim.config.source.yaml import Places, place_of
from trialsim.errors import ConfigurationError, Problem

MAX_VARIANTS: Final = 60


@dataclass(frozen=True)
class Comparison:
    """A study with the scenarios that it compares, by the name of the variant, in order."""

    study: CompareStudy
    scenarios: dict[str, Scenario]
    places: Places = field(default_factory=dict, repr=False, compare=False)  # file and line of each key, if from a file

    @property
    def warnings(self) -> list[Problem]:
        """What the scenarios of the variants may say but probably do not mean, with file and line of the variant."""
        lines = {name: _place_of_variant(self.study, name, self.places) for name in self.scenarios}
        return [
            replace(problem_at({}, at, *rest), place=f"{lines[name]}  variant {name}:".strip())
            for name, scenario in self.scenarios.items()
            for at, *rest in scenario_warnings(scenario)
        ]

    def to_mapping(self) -> dict[str, Any]:
        """Everything resolved, as plain data that can be read again."""
        scenarios = {name: scenario.to_mapping() for name, scenario in self.scenarios.items()}
        return {"study": self.study.model_dump(mode="json", by_alias=True), "scenarios": scenarios}


StudyLike = Mapping[str, Any] | str | Path


def load_comparison(given: Comparison | StudyLike, changes: Mapping[str, Any] | None = None) -> Comparison:
    """A comparison from a YAML path, a built-in name, a mapping or itself, with changes of its scenario by dotted key.

    Raises `ConfigurationError` with every problem at once; a comparison that is loaded takes no changes.
    """
    if isinstance(given, Comparison):
        refuse_changes(changes)
        return given
    data, places, path = study_data(given, "compare")
    if isinstance(data.get("study"), Mapping) and not changes:
        return study_from_mapping(data)  # as a comparison has saved it
    if data.get("name") is None:
        data["name"] = re.sub(r"[^\w.+-]", "-", path.stem)[:100]
    return _comparison(data, places, path, changes or {})


def study_data(given: object, wanted: str = "") -> tuple[dict[str, Any], Places, Path]:
    """The plain data of a study, where each key is from, and the path that files in it are relative to.

    `wanted` is `compare` or `size`; any study where it is empty. Raises `ConfigurationError` for another kind of file.
    """
    return read_given(given, "studies", "study", wanted)


def refuse_changes(changes: Mapping[str, Any] | None) -> None:
    """A study that is loaded has its scenarios already. Raises `ConfigurationError` for changes of it."""
    if changes:
        problem, allowed = (
            "a study that is loaded is not changed.",
            "the changes where it is loaded: load_study(name, changes).",
        )
        raise ConfigurationError([Problem("changes", ", ".join(map(str, changes)), problem, allowed)])


def study_from_mapping(data: Mapping[str, Any]) -> Comparison:
    """A study from the plain data of `Comparison.to_mapping`."""
    study = validated(CompareStudy, dict(data["study"]), {})
    return Comparison(study, saved_scenarios(data), {(): "study"})


def saved_scenarios(data: Mapping[str, Any]) -> dict[str, Scenario]:
    """The scenarios of a study as a command has saved it. Raises `ConfigurationError` where there are none."""
    scenarios = data.get("scenarios")
    if (
        not isinstance(scenarios, Mapping)
        or not scenarios
        or not all(isinstance(v, Mapping) for v in scenarios.values())
    ):
        problem, allowed = (
            "a saved study has its scenarios by name.",
            "`scenarios: {NAME: {…}}`, as saved with results.",
        )
        raise ConfigurationError([Problem("study", "scenarios", problem, allowed)])
    return {str(name): scenario_from_mapping(item, str(name)) for name, item in scenarios.items()}


def _comparison(data: dict[str, Any], places: Places, path: Path, changes: Mapping[str, Any]) -> Comparison:
    data = with_arms_of_scenario(data, path, places, ("variants", "grid"))
    study = validated(CompareStudy, data, places)
    _check_number(study, places)
    base = base_scenario(study.scenario, study.changes, changes, path, places)
    where = {name: _place_of_variant(study, name, places) for name in _variants(study)}
    refuse_unused_arms(base, study.variants, places)
    scenarios = changed_scenarios(without_arms(base), _variants(study), path, where)
    _check_names(study, scenarios, places)
    return Comparison(study, scenarios, places)


def with_arms_of_scenario(data: dict[str, Any], path: Path, places: Places, keys: tuple[str, ...]) -> dict[str, Any]:
    """The data of a study, whose variants are the arms of its scenario where none of some keys names others.

    Raises `ConfigurationError` for a scenario that cannot be read.
    """
    named = data.get("scenario")
    if not isinstance(named, str) or any(data.get(key) for key in keys):
        return data
    scenario = load_named_scenario(named, path, place_of(places, ("scenario",)), "scenario")
    if not scenario.arms:
        return data
    filled = as_variants(data, scenario)
    if data.get("study") == "compare" and data.get("design") != PARALLEL and "allocation" not in data:
        filled.pop("allocation", None)  # all variants treat the same patients
    return filled


def base_scenario(
    scenario_name: str, base_changes: Mapping[str, Any], changes: Mapping[str, Any], path: Path, places: Places
) -> Scenario:
    """The scenario that a study names, with the study's own changes and those asked for beside it.

    Raises `ConfigurationError`.
    """
    base = load_named_scenario(scenario_name, path, place_of(places, ("scenario",)), "scenario")
    where = {str(key): f"{place_of(places, ('changes', str(key)))}  change {key}:" for key in base_changes}
    return changed_scenario(base, {**base_changes, **changes}, {**where, **places_of_changes(changes)})


def changed_scenarios(
    base: Scenario, variants: Mapping[str, Mapping[str, Any]], path: Path, where: Mapping[str, str]
) -> dict[str, Scenario]:
    """The scenario of every variant; `where` has file and line of each. Raises `ConfigurationError`, all at once."""
    problems: list[Problem] = []
    scenarios: dict[str, Scenario] = {}
    for name, changes in variants.items():
        try:
            scenarios[name] = base.with_changes(expand_strategy(changes, path, where[name]))
            if scenarios[name].responses != base.responses:
                wrong = "variants are compared on the same categories of response."
                problems.append(
                    Problem(f"{where[name]}  variant {name}:", "responses", wrong, "no change of `responses`.")
                )
        except ConfigurationError as error:
            problems += [replace(item, place=f"{where[name]}  variant {name}:") for item in error.problems]
    if problems:
        raise ConfigurationError(list(dict.fromkeys(problems)))
    return scenarios


def _check_number(study: CompareStudy, places: Places) -> None:
    """Before anything is built: at least two variants, and not too many."""
    n = len(study.variants) + (math.prod(map(len, study.grid.values())) if study.grid else 0)
    if not 2 <= n <= MAX_VARIANTS:
        problem = "there is nothing to compare it with" if n < 2 else "there are too many variants"
        place = ("grid",) if study.grid else ("variants",)
        raise ConfigurationError([problem_at(places, place, n, problem, f"2 to {MAX_VARIANTS} variants")])


def not_parallel(scenarios: Mapping[str, Scenario]) -> Iterator[tuple[str, str]]:
    """Why variants cannot be the arms of one trial, and what could."""
    for _, wrong, allowed in not_one_trial(scenarios):
        yield wrong, allowed


def _place_of_variant(study: CompareStudy, name: str, places: Places) -> str:
    """File and line of a variant."""
    return place_of(places, ("variants", name) if name in study.variants else ("grid",))


def _variants(study: CompareStudy) -> dict[str, dict[str, Any]]:
    """Every variant's changes: those that are named, and those of the grid."""
    variants = dict(study.variants)
    for values in itertools.product(*study.grid.values()) if study.grid else ():
        changes = dict(zip(study.grid, values, strict=True))
        last = [key.split(".")[-1] for key in study.grid]
        labels = last if len(set(last)) == len(last) else [key.replace(".", " ") for key in study.grid]
        name = ", ".join(f"{label} {value}" for label, value in zip(labels, values, strict=True))
        plain = re.sub(r"[^\w ,.:+/()-]", "", name)[:100]
        if plain in variants:
            raise ConfigurationError([Problem("grid", plain, "two variants have this name.", "names that differ.")])
        variants[plain] = changes
    return variants


def _check_names(study: CompareStudy, scenarios: Mapping[str, Scenario], places: Places) -> None:
    """Names that one part of the study says of another."""
    problems: list[Problem] = []

    def check(at: tuple[str, ...], name: str, known: list[str], what: str) -> None:
        if name not in known:
            problems.append(problem_at(places, at, name, f"there is no {what} of this name", ", ".join(known),
                                       nearest(name, known)))  # fmt: skip

    variants = list(scenarios)
    if study.control is not None:
        check(("control",), study.control, variants, "variant")
    for name in study.allocation.ratio:
        check(("allocation", "ratio", name), name, variants, "variant")
    if study.design != PARALLEL and study.allocation != Allocation():
        problem, allowed = (
            "nobody is allocated where all variants treat the same patients",
            "`design: parallel`, or no `allocation`",
        )
        problems.append(problem_at(places, ("allocation",), "", problem, allowed))
    if study.design == PARALLEL:
        problems += [problem_at(places, ("design",), study.design, *mistake) for mistake in not_parallel(scenarios)]
    if problems:
        raise ConfigurationError(problems)
