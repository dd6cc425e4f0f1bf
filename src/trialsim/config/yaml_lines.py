"""YAML to plain data, remembering on which line of which file each value stands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from trialsim.errors import ConfigurationError, Problem

Place = tuple[str | int, ...]
Places = dict[Place, str]


def read_yaml(path: Path) -> tuple[dict[str, Any], Places]:
    """A file's data, and for each place in it "file:line".

    Raises `ConfigurationError` for a file that is missing, unreadable, no YAML, no mapping, or has a key twice.
    """
    name = str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not UTF-8 text"
        raise ConfigurationError([Problem(name, "", f"the file cannot be read: {reason}.", "a YAML file.")]) from error
    places: Places = {}
    problems: list[Problem] = []
    try:
        data = _parsed(text, name, places, problems)
    except yaml.YAMLError as error:
        raise ConfigurationError([_syntax(name, error)]) from error
    except RecursionError:
        wrong = "the text contains itself (an alias inside its own anchor)."
        raise ConfigurationError([Problem(name, "", wrong, "YAML without such aliases.")]) from None
    if not isinstance(data, dict):
        raise ConfigurationError([Problem(f"{name}:1", "", "the file holds no keys.", "a mapping: `key: value`.")])
    if problems:
        raise ConfigurationError(problems)
    return data, places


def _parsed(text: str, name: str, places: Places, problems: list[Problem]) -> Any:
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        return None if node is None else _data(loader, node, (), name, places, problems)
    finally:
        loader.dispose()


def _syntax(name: str, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    place = f"{name}:{mark.line + 1}" if mark is not None else name
    wrong = getattr(error, "problem", None) or "the text cannot be parsed"
    return Problem(place, "", f"this is not YAML: {wrong}.", "YAML 1.1; quote a text that has `: ` or `#` in it.")


def _data(
    loader: yaml.SafeLoader, node: yaml.Node, place: Place, name: str, places: Places, problems: list[Problem]
) -> Any:
    places[place] = f"{name}:{node.start_mark.line + 1}"
    if isinstance(node, yaml.SequenceNode):
        return [_data(loader, child, (*place, i), name, places, problems) for i, child in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return _scalar(loader, node)
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)  # as written: `yes` stays a name
        line = f"{name}:{key_node.start_mark.line + 1}"
        if key in result:
            problems.append(Problem(line, key, "this key stands here twice.", "each key once."))
        result[key] = _data(loader, value_node, (*place, key), name, places, problems)
        places[(*place, key)] = line
    return result


def _scalar(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    try:
        return loader.construct_object(node)
    except (ValueError, KeyError, AttributeError):  # a date that is none stays text: the message can name the key
        return node.value


def parse_value(text: str) -> Any:
    """The value behind `--set key=value`, read as YAML; text that is no YAML stays text."""
    problems: list[Problem] = []
    try:
        value = _parsed(text, "", {}, problems)
    except (yaml.YAMLError, RecursionError):
        return text
    return text if problems else value


def place_of(places: Places, place: Place) -> str:
    """Where a value stands; the nearest enclosing one for a value that was not written."""
    while place and place not in places:
        place = place[:-1]
    return places.get(place, "")


def merge(base: Mapping[str, Any], over: Mapping[str, Any], *, keeps_null: bool = False) -> dict[str, Any]:
    """A new mapping: `over` wins, mappings merge key by key, null takes a key away; a quantity is replaced whole.

    With `keeps_null` a null stays, to take the key away when the result is itself laid over something.
    """
    result = dict(base)
    for key, value in over.items():
        if value is None and not keeps_null:
            result.pop(key, None)
        elif isinstance(value, Mapping) and not (is_quantity(value) and is_quantity(result.get(key))):
            inside = result.get(key)
            result[key] = merge(inside if isinstance(inside, Mapping) else {}, value, keeps_null=keeps_null)
        else:
            result[key] = value
    return result


def is_quantity(data: Any) -> bool:
    """Whether plain data may be a number: a scalar, or `{value: …, source: …}` or `{calibrated: …}`."""
    if not isinstance(data, Mapping):
        return True
    return bool(data) and set(data) <= {"value", "source", "calibrated", "origin"} and set(data) != {"source"}


def dump_yaml(data: Mapping[str, Any]) -> str:
    """Plain data as YAML text that reads back equal, keys in the order given."""
    return yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True, width=110)
