"""Plain data laid over plain data: `extends`, the cohort in the place of its name, readings, changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trialsim.config.builtin import find_file
from trialsim.config.filling import Data, aligned, mapping, with_paths, without_old
from trialsim.config.yaml_lines import Place, Places, merge, read_yaml
from trialsim.errors import ConfigurationError, Problem


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
    base, over = aligned(base, with_paths(over, path))
    base = without_old(base, over)
    cohort = merge(mapping(base.get("cohort")), mapping(over.get("cohort")))
    between: Data = {}
    for name, choice in mapping(over.get("readings")).items():
        reading = mapping(
            mapping(mapping(mapping(cohort.get("ambiguities")).get(name)).get("readings")).get(str(choice))
        )
        for dotted, value in mapping(reading.get("changes")).items():
            between = merge(between, nested(tuple(dotted.split(".")), value, base))
    return merge(merge(base, between), _with_shares(over))


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
