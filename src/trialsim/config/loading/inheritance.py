"""Plain data merged over plain data: `extends`, the cohort in the place of its name, interpretations, changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from trialsim.config.calibrated.resolve import Data, align_parameters, as_mapping, drop_outdated_values, resolve_paths
from trialsim.config.loading.changes import place_of_key
from trialsim.config.source.builtin import builtin_folder, builtin_names, find_file, require_kind
from trialsim.config.source.yaml import Place, Places, merge, place_of, read_yaml
from trialsim.errors import ConfigurationError, Problem

MAX_CHAIN: Final = 20  # files that extend one another


def read_layers(path: Path, place: str = "", key: str = "", seen: tuple[Path, ...] = ()) -> tuple[Data, Places]:
    """A scenario file merged over the one that it extends, and that over the one before.

    `place` and `key` are where another file names it, if one does.
    """
    what = f"{key} = {path.name}"
    if path.resolve() in seen:
        raise ConfigurationError([Problem(place, what, "the files extend each other.", "a chain with an end.")])
    if len(seen) > MAX_CHAIN:
        problem, allowed = "too many files extend one another.", f"a chain of at most {MAX_CHAIN} files."
        raise ConfigurationError([Problem(place, what, problem, allowed)])
    layer, places = read_yaml(path)
    require_kind(layer, str(path), "scenarios", place, key)
    parent = layer.pop("extends", None)
    base: Data = {}
    if parent is not None:
        line = place_of(places, ("extends",))
        file = find_file(str(parent), "scenarios", path, line, "extends")
        base, base_places = read_layers(file, line, "extends", (*seen, path.resolve()))
        places = {**seen_from(path, line, file, base_places), **places}
        base.pop("name", None)
    return merge_layers(base, layer, places, path), places


def seen_from(path: Path | None, line: str, file: Path, places: Places) -> Places:
    """The places in a file that another one names: the line that names it, where the file comes with the package.

    A user can change that line, and not the file.
    """
    folder = builtin_folder().resolve()
    is_builtin = folder in file.resolve().parents
    if not is_builtin or not line or (path is not None and folder in path.resolve().parents):
        return places
    return dict.fromkeys(places, line)


def merge_layers(base: Mapping[str, Any], over: Mapping[str, Any], places: Places, path: Path | None) -> Data:
    """`over` merged over `base`; `path` is the file that `over` stands in.

    A cohort that is named takes the place of another; an interpretation that is chosen puts its own changes between the
    two, so that what `over` says itself wins.
    """
    base, over = dict(base), dict(over)
    if isinstance(over.get("cohort"), str):
        line = place_of(places, ("cohort",))
        file = find_file(over["cohort"], "cohorts", path, line, "cohort")
        published, where = read_yaml(file)
        require_kind(published, str(over["cohort"]), "cohorts", line, "cohort")
        places.update(
            {("cohort", *place): line_of_key for place, line_of_key in seen_from(path, line, file, where).items()}
        )
        over["cohort"] = published
        base.pop("cohort", None)
        known = published.get("ambiguities")
        base["interpretations"] = {
            k: v for k, v in as_mapping(base.get("interpretations")).items() if k in as_mapping(known)
        }
    elif "cohort" in over and over["cohort"] is None:
        base.pop("interpretations", None)
    elif not isinstance(over.get("cohort", {}), Mapping):
        problem, allowed = "a cohort is a name, a path or its keys.", f"one of {', '.join(builtin_names('cohorts'))}."
        raise ConfigurationError(
            [Problem(place_of(places, ("cohort",)), f"cohort = {over['cohort']}", problem, allowed)]
        )
    with errors_at(places, ("parameters", "calibrated_to")):
        base, over = align_parameters(base, resolve_paths(over, path))
    base = drop_outdated_values(base, over)
    cohort = merge(as_mapping(base.get("cohort")), as_mapping(over.get("cohort")))
    between: Data = {}
    for name, choice in as_mapping(over.get("interpretations")).items():
        interpretation = as_mapping(
            as_mapping(as_mapping(as_mapping(cohort.get("ambiguities")).get(name)).get("interpretations")).get(
                str(choice)
            )
        )
        for dotted, value in as_mapping(interpretation.get("changes")).items():
            between = merge(between, nested(place_of_key(str(dotted)), value, base))
    return merge(merge(base, between), _expand_shares(over))


def _expand_shares(over: Data) -> Data:
    """Covariates in short form ({male: 17, female: 10}) in their long one, so that they can be merged."""
    population = over.get("population")
    if not isinstance(population, Mapping):
        return over
    long = {"shares", "median", "sd", "mean", "distribution", "lowest", "highest", "source"}
    expanded = {
        name: {"shares": dict(item)} if isinstance(item, Mapping) and item and not set(item) & long else item
        for name, item in population.items()
    }
    return {**over, "population": expanded}


def choose_interpretations(data: Data) -> Data:
    """Every ambiguity of the cohort with the interpretation taken: the one chosen, or the default."""
    ambiguities = as_mapping(as_mapping(data.get("cohort")).get("ambiguities"))
    choices = data.get("interpretations") or {}
    if not isinstance(choices, Mapping):
        return data
    defaults = {name: as_mapping(item).get("default") for name, item in ambiguities.items()}
    return {**data, "interpretations": {**defaults, **choices}}


@contextmanager
def errors_at(places: Places, place: Place) -> Iterator[None]:
    """Problems that have no place of their own are of the value at `place`."""
    try:
        yield
    except ConfigurationError as error:
        line = place_of(places, place)
        problems = [item if item.place else replace(item, place=line) for item in error.problems]
        raise ConfigurationError(problems) from None


def nested(place: Place, value: Any, base: Any) -> Data:
    """A value at a place as nested mappings; a step into a list copies the list and changes one entry."""
    first, rest = place[0], place[1:]
    inside = as_mapping(base).get(str(first))
    if not rest:
        return {str(first): value}
    if isinstance(inside, list) and isinstance(rest[0], int) and rest[0] < len(inside):
        items = list(inside)
        entry = items[rest[0]]
        items[rest[0]] = merge(as_mapping(entry), nested(rest[1:], value, entry)) if len(rest) > 1 else value
        return {str(first): items}
    return {str(first): nested(rest, value, inside)}
