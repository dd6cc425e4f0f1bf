"""Plain data laid over plain data: `extends`, the cohort in the place of its name, readings, changes, parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trialsim.config.builtin import find_file, is_path
from trialsim.config.parameters import ParameterSet
from trialsim.config.scenario import own_name
from trialsim.config.yaml_lines import Place, Places, merge, read_yaml
from trialsim.errors import ConfigurationError, Problem

Data = dict[str, Any]


def read_layers(path: Path, seen: tuple[Path, ...] = ()) -> tuple[Data, Places]:
    """A scenario file laid over the one that it extends, and that over the one before."""
    if path.resolve() in seen:
        problem = Problem(str(path), "extends", "the files extend each other.", "a chain with an end.")
        raise ConfigurationError([problem])
    layer, places = read_yaml(path)
    parent = layer.pop("extends", None)
    base: Data = {}
    base_places: Places = {}
    if parent is not None:
        base, base_places = read_layers(find_file(str(parent), "scenarios", path), (*seen, path.resolve()))
        base.pop("name", None)
    return laid(base, layer, places, path), {**base_places, **places}


def laid(base: Mapping[str, Any], over: Mapping[str, Any], places: Places, path: Path | None) -> Data:
    """`over` laid on `base`; `path` is the file that `over` stands in.

    A cohort that is named takes the place of another; a reading that is chosen lays its own changes between the two, so
    that what `over` says itself wins.
    """
    base, over = dict(base), dict(over)
    if isinstance(over.get("cohort"), str):
        published, where = read_yaml(find_file(over["cohort"], "cohorts", path))
        places.update({("cohort", *place): line for place, line in where.items()})
        over["cohort"] = published
        base.pop("cohort", None)
        known = published.get("ambiguities")
        base["readings"] = {k: v for k, v in mapping(base.get("readings")).items() if k in mapping(known)}
    elif "cohort" in over and over["cohort"] is None:
        base.pop("readings", None)
    over = _with_path_of_parameters(over, path)
    cohort = merge(mapping(base.get("cohort")), mapping(over.get("cohort")))
    between: Data = {}
    for name, choice in mapping(over.get("readings")).items():
        reading = mapping(
            mapping(mapping(mapping(cohort.get("ambiguities")).get(name)).get("readings")).get(str(choice))
        )
        for dotted, value in mapping(reading.get("changes")).items():
            between = merge(between, nested(tuple(dotted.split(".")), value, base))
    return merge(merge(base, between), _with_shares(over))


def mapping(value: Any) -> Mapping[str, Any]:
    """A mapping, or an empty one where something else stands (validation will say so)."""
    return value if isinstance(value, Mapping) else {}


def _with_path_of_parameters(over: Data, path: Path | None) -> Data:
    """A parameter set that is given by a path is found from the file that names it, wherever that is inherited."""
    named = mapping(over.get("parameters")).get("calibrated_to")
    if path is None or not isinstance(named, str) or not is_path(named):
        return over
    return {**over, "parameters": {**over["parameters"], "calibrated_to": str(find_file(named, "parameters", path))}}


def _with_shares(over: Data) -> Data:
    """Covariates in short form ({male: 17, female: 10}) in their long one, so that they can be laid on each other."""
    population = over.get("population")
    if not isinstance(population, Mapping):
        return over
    long = {"shares", "median", "sd", "mean", "distribution", "lowest", "highest", "source"}
    spelt = {
        name: {"shares": dict(item)} if isinstance(item, Mapping) and item and not set(item) & long else item
        for name, item in population.items()
    }
    return {**over, "population": spelt}


def with_readings(data: Data) -> Data:
    """Every ambiguity of the cohort with the reading taken: the one chosen, or the default."""
    ambiguities = mapping(mapping(data.get("cohort")).get("ambiguities"))
    taken = data.get("readings") or {}
    if not isinstance(taken, Mapping):
        return data
    defaults = {name: mapping(item).get("default") for name, item in ambiguities.items()}
    return {**data, "readings": {**defaults, **taken}}


def parameters_wanted(data: Data) -> tuple[Data, str | None]:
    """`parameters` in its long form, and the name of the set to read if values are missing (else None).

    Values that were filled in from a set for a number that is not there any more are dropped.
    """
    written = data.get("parameters", "mode")
    parameters: Any = {"use": written} if isinstance(written, str) else written
    values = mapping(parameters).get("values", {})
    if not isinstance(parameters, Mapping) or not isinstance(values, Mapping):
        return {**data, "parameters": parameters}, None
    used = set(_calibrated_names(data, ()))
    values = {name: value for name, value in values.items() if name in used or not is_filled_in(value)}
    named = parameters.get("calibrated_to") or mapping(data.get("cohort")).get("name")
    is_missing = bool(used - set(values)) and parameters.get("use", "mode") == "mode"
    data = {**data, "parameters": {**parameters, "values": values}}
    return data, str(named) if is_missing and named is not None else None


def with_values(data: Data, found: ParameterSet) -> Data:
    """The modes of a parameter set as values of the calibrated numbers that have none yet."""
    used = set(_calibrated_names(data, ()))
    filled = {
        name: {"value": item.mode, "source": source_of_mode(item.source, found.name)}
        for name, item in found.parameters.items()
        if name in used
    }
    parameters = data["parameters"]
    known = {"use": "mode", "calibrated_to": found.name, "values": {**filled, **parameters["values"]}}
    return {**data, "parameters": {**parameters, **known}}


def source_of_mode(source: str, name: str) -> str:
    """Where a number is from that a parameter set filled in."""
    return f"calibrated: mode of {name}" if source.startswith("rough fit") else f"{source} in the parameter set {name}"


def is_filled_in(value: Any) -> bool:
    """Whether a value was filled in from a parameter set."""
    source = str(mapping(value).get("source", ""))
    return ": mode of " in source or " in the parameter set " in source


def _calibrated_names(data: Any, place: Place) -> Iterator[str]:
    """The parameters that a scenario refers to, from its plain data."""
    if data == "calibrated":
        yield own_name(place)
    elif isinstance(data, Mapping):
        if isinstance(data.get("calibrated"), str):
            yield str(data["calibrated"]).strip()
            return
        for key, value in data.items():
            if place or key not in ("cohort", "parameters", "readings"):
                yield from _calibrated_names(value, (*place, str(key)))
    elif isinstance(data, list):
        for i, value in enumerate(data):
            yield from _calibrated_names(value, (*place, i))


def place_of_key(dotted: str) -> Place:
    """A dotted key as a place; whole numbers are positions in lists."""
    return tuple(int(part) if part.isdecimal() and part.isascii() else part for part in dotted.split("."))


def nested(place: Place, value: Any, base: Any) -> Data:
    """A value at a place as nested mappings; a step into a list copies the list and changes one entry."""
    first, rest = place[0], place[1:]
    inside = mapping(base).get(str(first))
    if not rest:
        return {str(first): value}
    if isinstance(inside, list) and isinstance(rest[0], int) and rest[0] < len(inside):
        items = list(inside)
        entry = items[rest[0]]
        items[rest[0]] = merge(mapping(entry), nested(rest[1:], value, entry)) if len(rest) > 1 else value
        return {str(first): items}
    return {str(first): nested(rest, value, inside)}
