"""Files to frozen objects: `extends`, the cohort, the readings, the parameters, then validation with all errors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from trialsim.config.builtin import find_file
from trialsim.config.cohort import Cohort
from trialsim.config.consistency import consistency_problems
from trialsim.config.parameters import ParameterSet
from trialsim.config.problems import problems_of
from trialsim.config.scenario import Scenario
from trialsim.config.yaml_lines import Places, merge, read_yaml
from trialsim.errors import ConfigurationError, Problem

Model = TypeVar("Model", bound=BaseModel)


def load_scenario(name: str | Path, changes: Mapping[str, Any] | None = None) -> Scenario:
    """A scenario from a YAML path or a built-in name, with changes by dotted key if there are any.

    Raises `ConfigurationError` with every problem of the file.
    """
    path = find_file(str(name), "scenarios")
    data, places = _layers(path, ())
    data.setdefault("name", path.stem)
    scenario = _built_scenario(data, places, path)
    return scenario.with_changes(changes) if changes else scenario


def scenario_from_mapping(data: Mapping[str, Any], place: str = "") -> Scenario:
    """A scenario from plain data, such as the resolved configuration of a manifest."""
    return _built_scenario(dict(data), {(): place}, None)


def load_cohort(name: str | Path) -> Cohort:
    """A published cohort from a YAML path or a built-in name. Raises `ConfigurationError`."""
    data, places = read_yaml(find_file(str(name), "cohorts"))
    return _validated(Cohort, data, places)


def load_parameters(name: str | Path) -> ParameterSet:
    """A parameter set from a YAML path or a built-in name. Raises `ConfigurationError`."""
    data, places = read_yaml(find_file(str(name), "parameters"))
    return _validated(ParameterSet, data, places)


def changed_scenario(scenario: Scenario, changes: Mapping[str, Any]) -> Scenario:
    """A scenario with some dotted keys changed; see `Scenario.with_changes`."""
    data = scenario.to_mapping()
    places: Places = {}
    over: dict[str, Any] = {}
    for dotted, value in changes.items():
        place = tuple(_index(part) for part in str(dotted).split("."))
        over = merge(over, _nested(place, value, merge(data, over)), keeps_null=True)
        places.update({place[:n]: f"change {dotted}" for n in range(1, len(place) + 1)})
    return _built_scenario(_overlaid(data, over), places, None)


def _built_scenario(data: dict[str, Any], places: Places, path: Path | None) -> Scenario:
    data = _with_cohort(data, places, path)
    data = _with_parameters(data, path)
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


def _layers(path: Path, seen: tuple[Path, ...]) -> tuple[dict[str, Any], Places]:
    """A file laid over the one that it extends, and that over the one before."""
    if path.resolve() in seen:
        raise ConfigurationError(
            [Problem(str(path), "extends", "the files extend each other.", "a chain with an end.")]
        )
    data, places = read_yaml(path)
    parent = data.pop("extends", None)
    if parent is None:
        return data, places
    base_path = find_file(str(parent), "scenarios", beside=path)
    base, base_places = _layers(base_path, (*seen, path.resolve()))
    base = _with_cohort(base, base_places, base_path)
    base.pop("name", None)
    return _overlaid(base, data), {**base_places, **places}


def _overlaid(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid on `base`; a reading chosen in `over` lays its own changes between the two."""
    cohort = over.get("cohort", base.get("cohort"))
    between: dict[str, Any] = {}
    chosen = over.get("readings") or {}
    if isinstance(cohort, Mapping) and isinstance(chosen, Mapping):
        for name, choice in chosen.items():
            readings = cohort.get("ambiguities", {}).get(name, {}).get("readings", {})
            for dotted, value in readings.get(str(choice), {}).get("changes", {}).items():
                between = merge(between, _nested(tuple(dotted.split(".")), value, base))
    return merge(merge(base, between), over)


def _with_cohort(data: dict[str, Any], places: Places, path: Path | None) -> dict[str, Any]:
    """The cohort's own data in the place of its name, and every ambiguity with the reading taken."""
    if isinstance(data.get("cohort"), str):
        published, published_places = read_yaml(find_file(data["cohort"], "cohorts", beside=path))
        places.update({("cohort", *place): where for place, where in published_places.items()})
        data = {**data, "cohort": published}
    cohort = data.get("cohort")
    if not isinstance(cohort, Mapping) or not isinstance(cohort.get("ambiguities", {}), Mapping):
        return data
    taken = data.get("readings") or {}
    if not isinstance(taken, Mapping):
        return data
    ambiguities = cohort.get("ambiguities", {}).items()
    defaults = {name: item.get("default") for name, item in ambiguities if isinstance(item, Mapping)}
    return {**data, "readings": {**defaults, **taken}}


def _with_parameters(data: dict[str, Any], path: Path | None) -> dict[str, Any]:
    """`parameters` in its long form, with the value of every parameter of the set that it names."""
    written = data.get("parameters", "mode")
    parameters: Any = {"use": written} if isinstance(written, str) else written
    if not isinstance(parameters, Mapping) or parameters.get("use", "mode") != "mode":
        return {**data, "parameters": parameters}
    cohort = data.get("cohort")
    named = parameters.get("calibrated_to") or (cohort.get("name") if isinstance(cohort, Mapping) else None)
    values = parameters.get("values") or {}
    if named is None or not isinstance(values, Mapping):
        return {**data, "parameters": parameters}
    found = load_parameters(find_file(str(named), "parameters", beside=path))
    from_set = {
        name: {"value": item.mode, "source": f"calibrated: mode of {found.name}"}
        for name, item in found.parameters.items()
    }
    filled = {"use": "mode", "calibrated_to": str(named), "values": {**from_set, **values}}
    return {**data, "parameters": {**parameters, **filled}}


def _index(part: str) -> str | int:
    return int(part) if part.isdigit() else part


def _nested(place: tuple[str | int, ...], value: Any, base: Any) -> dict[str, Any]:
    """A value at a dotted place as nested mappings; a step into a list copies the list and changes one entry."""
    first, rest = place[0], place[1:]
    inside = base.get(first) if isinstance(base, Mapping) else None
    if not rest:
        return {str(first): value}
    if isinstance(inside, list) and isinstance(rest[0], int) and 0 <= rest[0] < len(inside):
        items = list(inside)
        entry = items[rest[0]]
        items[rest[0]] = merge(entry, _nested(rest[1:], value, entry)) if len(rest) > 1 else value
        return {str(first): items}
    return {str(first): _nested(rest, value, inside)}
