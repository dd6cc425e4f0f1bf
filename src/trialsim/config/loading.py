"""Files to frozen objects: layers of plain data, then validation with all errors at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from trialsim.config import layers
from trialsim.config.builtin import find_file
from trialsim.config.cohort import Cohort
from trialsim.config.consistency import consistency_problems
from trialsim.config.filling import filled_in
from trialsim.config.given import plain_mapping, refuse_type
from trialsim.config.parameter_draws import TableError
from trialsim.config.parameters import ParameterSet
from trialsim.config.problems import problem_at, problems_of
from trialsim.config.scenario import Scenario
from trialsim.config.warnings import scenario_warnings
from trialsim.config.yaml_lines import Places, merge, place_of, read_yaml
from trialsim.errors import ConfigurationError, Problem

Model = TypeVar("Model", bound=BaseModel)


ScenarioLike = Scenario | Mapping[str, Any] | str | Path
CohortLike = Cohort | Mapping[str, Any] | str | Path


def load_scenario(given: ScenarioLike, changes: Mapping[str, Any] | None = None) -> Scenario:
    """A scenario from a YAML path, a built-in name, a mapping or itself, with changes by dotted key if there are any.

    A mapping is read as a file with the same keys would be, `extends` too. Raises `ConfigurationError` with every
    problem at once.
    """
    if isinstance(given, Scenario):
        scenario = given
    elif isinstance(given, Mapping):
        scenario = scenario_from_mapping(given, "scenario")
    elif isinstance(given, str | Path):
        path = find_file(str(given), "scenarios")
        data, places = layers.read_layers(path)
        data.setdefault("name", re.sub(r"[^\w.+-]", "-", path.stem)[:100])
        scenario = _built_scenario(data, places)
    else:
        raise refuse_type(given, "a scenario")
    return scenario.with_changes(changes) if changes else scenario


def warnings_of(given: ScenarioLike, changes: Mapping[str, Any] | None = None) -> list[Problem]:
    """What a scenario may say but cannot mean, with file and line: see `scenario_warnings`.

    Raises `ConfigurationError` as `load_scenario` does.
    """
    places: Places = {(): "scenario"}
    if isinstance(given, str | Path):
        _, places = layers.read_layers(find_file(str(given), "scenarios"))
    for dotted in changes or {}:
        place = layers.place_of_key(str(dotted))
        places = {known: where for known, where in places.items() if known[: len(place)] != place}
        places[place] = f"change {dotted}"
    return [
        problem_at(places, where, value, *rest)
        for where, value, *rest in scenario_warnings(load_scenario(given, changes))
    ]


def scenario_from_mapping(data: Mapping[str, Any], place: str = "") -> Scenario:
    """A scenario from plain data, such as the resolved configuration of a manifest.

    What it `extends` is found as from a file in the working folder.
    """
    layer = plain_mapping(data, place)
    base: dict[str, Any] = {}
    places: Places = {(): place}
    parent = layer.pop("extends", None)
    if parent is not None:
        base, base_places = layers.read_layers(find_file(str(parent), "scenarios"))
        base.pop("name", None)
        places = {**base_places, **{(key,): place for key in layer}, **places}
    return _built_scenario(layers.laid(base, layer, places, None), places)


def load_cohort(given: CohortLike) -> Cohort:
    """A published cohort from a YAML path, a built-in name, a mapping or itself. Raises `ConfigurationError`."""
    if isinstance(given, Cohort):
        return given
    if isinstance(given, Mapping):
        return _validated(Cohort, plain_mapping(given, "cohort"), {(): "cohort"})
    if not isinstance(given, str | Path):
        raise refuse_type(given, "a cohort")
    data, places = read_yaml(find_file(str(given), "cohorts"))
    return _validated(Cohort, data, places)


def load_published_trial(given: CohortLike, changes: Mapping[str, Any] | None = None) -> Scenario:
    """The scenario that is the published trial of a cohort (as `load_cohort` takes it), with that cohort in it.

    Raises `ConfigurationError`, also for a cohort that names no scenario.
    """
    path = find_file(str(given), "cohorts") if isinstance(given, str | Path) else Path("cohort")
    cohort = load_cohort(given)
    if cohort.scenario is None:
        wrong, allowed = "the cohort names no scenario, so there is nothing to simulate.", "`scenario: FILE or NAME`."
        raise ConfigurationError([Problem(str(path), "scenario", wrong, allowed)])
    scenario = load_scenario(find_file(cohort.scenario, "scenarios", path))
    if scenario.cohort is None or scenario.cohort.model_dump() != cohort.model_dump():
        scenario = scenario.with_changes({"cohort": cohort.model_dump()})
    return scenario.with_changes(changes) if changes else scenario


def load_parameters(given: ParameterSet | Mapping[str, Any] | str | Path) -> ParameterSet:
    """A parameter set from a YAML path, a built-in name, a mapping or itself. Raises `ConfigurationError`."""
    if isinstance(given, ParameterSet):
        return given
    if isinstance(given, Mapping):
        return _validated(ParameterSet, plain_mapping(given, "parameters"), {(): "parameters"})
    data, places = read_yaml(find_file(str(given), "parameters"))
    return _validated(ParameterSet, data, places)


def changed_scenario(scenario: Scenario, changes: Mapping[str, Any]) -> Scenario:
    """A scenario with some dotted keys changed; see `Scenario.with_changes`."""
    data = scenario.to_mapping()
    places: Places = {}
    over: dict[str, Any] = {}
    for dotted, value in changes.items():
        place = layers.place_of_key(str(dotted))
        over = merge(over, layers.nested(place, value, merge(data, over)), keeps_null=True)
        places.update({place[:n]: f"change {dotted}" for n in range(1, len(place) + 1)})
    return _built_scenario(layers.laid(data, over, places, None), places)


def _built_scenario(data: dict[str, Any], places: Places) -> Scenario:
    try:
        data = filled_in(layers.with_readings(data), load_parameters)
    except TableError as error:
        raise ConfigurationError([replace(error.problem, place=place_of(places, ("parameters",)))]) from None
    scenario = _validated(Scenario, data, places)
    problems = consistency_problems(scenario, places)
    if problems:
        raise ConfigurationError(problems)
    return scenario


def _validated(model: type[Model], data: Mapping[str, Any], places: Places) -> Model:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ConfigurationError(problems_of(error, model, places)) from None
