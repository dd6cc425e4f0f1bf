"""YAML text to nodes: scalars as in the core schema of YAML 1.2, limits of depth and number, errors in words.

PyYAML reads YAML 1.1, where `027` is 23, `1:40` is 100 and `no` is false. In the core schema of YAML 1.2 these are 27
and two texts. Numbers are decimal: `0x1F`, `0o17` and `1_000` are texts, which no number accepts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import yaml

from trialsim.config.source.plain_data import MAX_DEPTH, TOO_DEEP
from trialsim.errors import ConfigurationError, Problem

MAX_NODES: Final = 100_000
MAX_DIGITS: Final = 400
_TAG: Final = "tag:yaml.org,2002:"
_UNTAGGED: Final = (None, "!", f"{_TAG}str")
_CORE: Final = (
    ("null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
     "-+0123456789."),
)  # fmt: skip
_READERS: Final[dict[str, Callable[[str], Any]]] = {
    f"{_TAG}null": lambda text: None,
    f"{_TAG}bool": lambda text: text.lower() == "true",
    f"{_TAG}int": int,
    f"{_TAG}float": lambda text: float(text.lower().replace(".inf", "inf").replace(".nan", "nan")),
}


class CoreLoader(yaml.SafeLoader):
    """PyYAML's parser with the scalars of YAML 1.2, without tags, and with an end to depth and number of nodes."""

    yaml_implicit_resolvers: Any = {}  # PyYAML's own class attribute

    def __init__(self, text: str, place: Callable[[yaml.Mark], str]) -> None:
        super().__init__(text)
        self.place = place
        self.depth = 0
        self.n_nodes = 0

    def compose_node(self, parent: Any, index: Any) -> yaml.Node | None:
        """One node, after a look at its depth and tag."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        place = self.place(event.start_mark)
        if self.depth > MAX_DEPTH:
            raise refusal(place, *TOO_DEEP)
        self.n_nodes += 1
        if self.n_nodes > MAX_NODES:
            raise refusal(place, *too_many_nodes())
        allowed_tag = f"{_TAG}seq" if isinstance(event, yaml.SequenceStartEvent) else f"{_TAG}map"
        tag = getattr(event, "tag", None)
        is_scalar = isinstance(event, yaml.ScalarEvent)
        if tag not in _UNTAGGED and (is_scalar or tag != allowed_tag):
            shown = str(tag).replace(_TAG, "!!")
            raise refusal(place, f"the tag {shown} is not read", "the value without a tag; quotes around a text")
        self.depth += 1
        try:
            node: yaml.Node | None = super().compose_node(parent, index)
        finally:
            self.depth -= 1
        return node


class CoreDumper(yaml.SafeDumper):
    """PyYAML's writer, with quotes around every text that YAML 1.1 or 1.2 would read as something else."""


for _kind, _pattern, _first in _CORE:
    for _class in (CoreLoader, CoreDumper):
        _class.add_implicit_resolver(f"{_TAG}{_kind}", re.compile(rf"(?:{_pattern})\Z"), list(_first))


def read_scalar(node: yaml.ScalarNode) -> Any:
    """The value of a scalar. Raises `ValueError` for a number with too many digits."""
    if node.style in ("'", '"', "|", ">"):
        return str(node.value)
    if node.tag == f"{_TAG}int" and len(node.value) > MAX_DIGITS:
        raise ValueError("too many digits")
    return _READERS.get(node.tag, str)(node.value)


def refusal(place: str, wrong: str, allowed: str, what: str = "") -> ConfigurationError:
    """The error of one place in a text."""
    return ConfigurationError([Problem(place, what, f"{wrong}.", f"{allowed}.")])


def too_many_nodes() -> tuple[str, str]:
    """What is wrong and what is allowed for a text with too many values."""
    return "this text has too many values, aliases counted as often as they stand", f"at most {MAX_NODES:,}"


_QUOTED: Final = "while scanning a quoted scalar"
# Part of PyYAML's context, part of its problem, whether the place is where the context began, what is wrong, allowed.
_SYNTAX: Final = (
    ("", r"'\t' that cannot start", False, "there is a tab: use spaces", "spaces for indentation and between values"),
    (_QUOTED, "unexpected end of stream", True, "this quotation mark is never closed", "the same mark at the end"),
    (_QUOTED, "document separator", True, "this quotation mark is never closed", "the same mark at the end"),
    ("flow sequence", "<stream end>", True, "this [ is never closed", "[one, two]"),
    ("flow mapping", "<stream end>", True, "this { is never closed", "{key: value, other: value}"),
    ("flow sequence", "expected ','", False, "inside [ ] a comma or the ] is missing here", "[one, two]"),
    ("flow mapping", "expected ','", False, "inside { } a comma or the } is missing here",
     "{key: value, other: value}; quotes around a text with such characters in it"),
    ("", "mapping values are not allowed", False, "a second `: ` stands in this line, or its indentation is wrong",
     "one `key: value` a line; quotes around a text that has `: ` in it"),
    ("", "could not find expected ':'", True, "this line is not `key: value`", "`key: value`, a space after the colon"),
    ("block mapping", "expected <block end>", False, "the indentation or the quotes of this line do not fit the others",
     "keys of one section begin in the same column; a text that begins with a quotation mark ends with it"),
    ("block collection", "expected <block end>", False, "the indentation of this line does not fit the others",
     "entries of one list begin in the same column"),
    ("", "undefined alias", False, "there is no anchor of this name; a text cannot begin with *",
     "quotes around a text"),
    ("", "cannot start any token", False, "a text cannot begin with this character", "quotes around the text"),
)  # fmt: skip


def syntax_problem(name: str, text: str, error: yaml.YAMLError) -> Problem:
    """What PyYAML could not parse, in words, with file and line."""
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        message = f"this is not YAML: it has the character U+{int(error.character):04X}."
        return Problem(f"{name}:{line}", "", message, "text without control characters.")
    context, problem = str(getattr(error, "context", "")), str(getattr(error, "problem", "it cannot be parsed"))
    mark = getattr(error, "problem_mark", None)
    message, allowed = problem, "YAML; quotes around a text that has `: ` or ` #` in it"
    for in_context, in_problem, is_at_context, *words in _SYNTAX:
        if in_context in context and in_problem in problem:
            message, allowed = words
            mark = getattr(error, "context_mark", None) or mark if is_at_context else mark
            break
    place = f"{name}:{mark.line + 1}" if mark is not None else name
    return Problem(place, "", f"this is not YAML: {message}.", f"{allowed}.")
