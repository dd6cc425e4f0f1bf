"""YAML to plain data, remembering on which line of which file each value stands."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

from trialsim.config.source import plain_data
from trialsim.config.source.plain_data import MAX_DEPTH, TOO_DEEP, explain_empty_key, unusable
from trialsim.config.source.yaml_nodes import (
    MAX_NODES,
    CoreDumper,
    CoreLoader,
    read_scalar,
    refusal,
    syntax_problem,
    too_many_nodes,
)
from trialsim.errors import ConfigurationError, Problem
from trialsim.files.regular import read_regular

Place = plain_data.Place
Places = dict[Place, str]

MAX_BYTES: Final = 4_000_000


def read_yaml(path: Path) -> tuple[dict[str, Any], Places]:
    """A file's data, and for each place in it "file:line".

    Raises `ConfigurationError` for a file that is missing, unreadable, too large, no YAML, no mapping, or has a key
    twice.
    """
    name = str(path)
    try:
        text = read_regular(path, MAX_BYTES).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigurationError([Problem(name, "", f"the file cannot be read: {reason}.", "a YAML file.")]) from error
    data, places = _parsed(text, name)
    if not isinstance(data, dict):
        raise ConfigurationError([Problem(f"{name}:1", "", "the file holds no keys.", "a mapping: `key: value`.")])
    return data, places


def parse_value(text: str, place: str = "") -> Any:
    """The value behind `--set key=value`, read as YAML; text that is not YAML stays text.

    Raises `ConfigurationError` at `place` for what no configuration may hold.
    """
    try:
        return _parsed(text, place, is_file=False)[0]
    except yaml.YAMLError:
        return text


def _parsed(text: str, name: str, *, is_file: bool = True) -> tuple[Any, Places]:
    """The data of a text with the place of each value. Raises `ConfigurationError`; in a file also for bad syntax."""
    data, places = _read_once(text, name, is_file)
    return copy.deepcopy(data), dict(places)


@lru_cache(maxsize=16)
def _read_once(text: str, name: str, is_file: bool) -> tuple[Any, Places]:
    reader = _Reader(name, is_file)
    try:
        loader = CoreLoader(text, reader.line)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        if not is_file:
            raise
        raise ConfigurationError([syntax_problem(name, text, error)]) from error
    data = None if node is None else reader.read(node, ())
    unusable_keys = [Problem(place_of(reader.places, place), ".".join(map(str, place)), f"{problem}.", f"{allowed}.")
             for place, problem, allowed in unusable(data)]  # fmt: skip
    if reader.problems or unusable_keys:
        raise ConfigurationError([*reader.problems, *unusable_keys])
    return data, reader.places


class _Reader:
    """Nodes to plain data; what is wrong with them and where each stands is collected on the way."""

    def __init__(self, name: str, is_file: bool) -> None:
        self.name = name
        self.is_file = is_file
        self.places: Places = {}
        self.problems: list[Problem] = []
        self.n_nodes = 0
        self.enclosing: list[yaml.Node] = []

    def read(self, node: yaml.Node, place: Place) -> Any:
        """The data of a node, aliases expanded."""
        line = self.line(node.start_mark)
        self.n_nodes += 1
        if any(node is outer for outer in self.enclosing):
            raise refusal(line, "the text contains itself (an alias inside its own anchor)", "no such aliases")
        if len(place) > MAX_DEPTH:
            raise refusal(line, *TOO_DEEP)
        if self.n_nodes > MAX_NODES:
            raise refusal(line, *too_many_nodes())
        self.places[place] = line
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, place)
        self.enclosing.append(node)
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.read(child, (*place, i)) for i, child in enumerate(node.value)]
            return self._mapping(node, place)
        finally:
            self.enclosing.pop()

    def line(self, mark: yaml.Mark) -> str:
        """File and line of a mark; the name alone where the text is not a file."""
        return f"{self.name}:{mark.line + 1}" if self.is_file else self.name

    def _scalar(self, node: yaml.ScalarNode, place: Place) -> Any:
        try:
            return read_scalar(node)
        except ValueError:
            problem = f"this number has {len(node.value):,} digits."
            self.problems.append(
                Problem(self.line(node.start_mark), ".".join(map(str, place)), problem, "at most 300 digits.")
            )
            return 0

    def _mapping(self, node: yaml.Node, place: Place) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = self.line(key_node.start_mark)
            if not isinstance(key_node, yaml.ScalarNode) or not key_node.value:
                self.problems.append(Problem(line, "", "a key is missing before a colon.", "`key: value`."))
                continue
            key = str(key_node.value)  # as written: `yes` stays a name
            if key in result:
                self.problems.append(Problem(line, key, "this key stands here twice.", "each key once."))
            slip = explain_empty_key(key) if _is_empty(value_node) else None
            if slip is not None:  # said here, as not every part of a file is validated when it is read
                problem, allowed, suggestion = slip
                dotted = ".".join(map(str, (*place, key)))
                self.problems.append(Problem(line, dotted, f"{problem}.", f"{allowed}.", suggestion))
            result[key] = self.read(value_node, (*place, key))
            self.places[(*place, key)] = line
        return result


def _is_empty(node: yaml.Node) -> bool:
    """Whether a value was not written at all; `null` and `~` are values."""
    return isinstance(node, yaml.ScalarNode) and node.style is None and not node.value


def place_of(places: Places, place: Place) -> str:
    """Where a value stands; the nearest enclosing one for a value that was not written."""
    while place and place not in places:
        place = place[:-1]
    return places.get(place, "")


def merge(base: Mapping[str, Any], over: Mapping[str, Any], *, keeps_null: bool = False) -> dict[str, Any]:
    """A new mapping: `over` wins, mappings merge key by key, null takes a key away; a quantity is replaced whole.

    A null that has nothing to take away stays, so that validation can refuse the key if it is not known. With
    `keeps_null` every null stays, to take the key away when the result is itself merged over something.
    """
    result = dict(base)
    for key, value in over.items():
        if value is None and not keeps_null and result.get(key) is not None:
            del result[key]
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
    text: str = yaml.dump(dict(data), Dumper=CoreDumper, sort_keys=False, allow_unicode=True, width=110)
    return text
