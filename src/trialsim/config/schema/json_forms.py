"""How what may be written is said in JSON Schema: the forms that a value has beside that of its type.

A model says its forms where it reads them. `describe.json_schema` puts them together.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

from pydantic import GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema

JsonSchema = dict[str, Any]

REFERENCE: Final = "refers to"  # stands for `$ref` until every definition is known
NULL: Final[JsonSchema] = {"type": "null"}
TEXT: Final[JsonSchema] = {"type": "string", "pattern": r"\S"}
CALIBRATED_NUMBER: Final = "calibrated-number"  # definitions that `describe.json_schema` adds
CHANGED_KEY: Final = "changed-key"
VARIANT_KEY: Final = "variant-key"
_OUTSIDE: Final = ("default", "examples")  # what is said of a property in whatever form


class AlsoAccepts:
    """A mark on a field: forms that it accepts beside that of its type."""

    def __init__(self, *forms: JsonSchema) -> None:
        self.forms = forms

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return {"anyOf": [*self.forms, handler(core_schema)]}


def reference(name: str) -> JsonSchema:
    """A reference to a definition."""
    return {REFERENCE: name}


def changes_form(keys: str = CHANGED_KEY) -> WithJsonSchema:
    """A mark on changes by dotted key; `keys` is the definition of the keys."""
    return WithJsonSchema({"type": "object", "propertyNames": reference(keys)})


def by_name(form: JsonSchema) -> WithJsonSchema:
    """A mark on a mapping of names to values of a form."""
    return WithJsonSchema({"type": "object", "additionalProperties": form})


def on_one_line(text: str | None) -> str:
    """A docstring on one line."""
    return " ".join((text or "").split())


@lru_cache(maxsize=128)
def descriptions_of(model: type) -> Mapping[str, str]:
    """What each field of a model is: the text below it in the source.

    It is read when it is wanted. Pydantic's `use_attribute_docstrings` does the same when a class is made, which would
    make every command start later.
    """
    described: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if base.__module__.startswith(__package__):
            (written,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
            described |= dict(_described_fields(written))
    return described


def _described_fields(written: ast.stmt) -> Iterator[tuple[str, str]]:
    for field, below in pairwise(written.body if isinstance(written, ast.ClassDef) else []):
        text = below.value if isinstance(below, ast.Expr) else None
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Constant):
            yield field.target.id, on_one_line(str(text.value))


def nullable(form: JsonSchema) -> JsonSchema:
    """A form that may also be null; what is said of the property stays outside."""
    outside: JsonSchema = {key: form[key] for key in _OUTSIDE if key in form and form[key] is not None}
    inside = {key: value for key, value in form.items() if key not in _OUTSIDE}
    options = [_with_null_values(option) for option in _alternatives(inside)]
    return {**outside, "anyOf": options if NULL in options else [*options, NULL]}


def _alternatives(form: JsonSchema) -> list[JsonSchema]:
    if set(form) != {"anyOf"}:
        return [form]
    return [option for inner in form["anyOf"] for option in _alternatives(inner)]


def _with_null_values(option: JsonSchema) -> JsonSchema:
    values = option.get("additionalProperties")
    return {**option, "additionalProperties": nullable(values)} if isinstance(values, dict) else option


def at_most_one(keys: Iterable[str]) -> list[JsonSchema]:
    """Rules by which at most one of some keys has a value."""
    names = list(keys)
    return [
        {
            "if": {"required": [name], "properties": {name: {"not": NULL}}},
            "then": {"properties": dict.fromkeys(names[i + 1 :], NULL)},
        }
        for i, name in enumerate(names[:-1])
    ]
