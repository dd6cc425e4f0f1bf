"""The JSON Schema (draft 2020-12) of each kind of file, made from the models that read it.

What a model accepts beside its keys is said by the model itself (`Section.short_forms`, `needed_keys`,
`rules_of_keys`, `Quantity.plain_forms`). Added here is what needs more than one section: inheritance, numbers that may
be calibrated, changes by dotted key. A schema accepts every valid file; it cannot know what other files say, so
`trialsim check` finds more.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from trialsim.config.calibrated.places import CALIBRATED_PLACES
from trialsim.config.schema.calibration_study import CalibrationStudy
from trialsim.config.schema.cohort import Cohort
from trialsim.config.schema.comparison_study import CompareStudy
from trialsim.config.schema.json_forms import (
    CALIBRATED_NUMBER,
    CHANGED_KEY,
    NULL,
    REFERENCE,
    TEXT,
    VARIANT_KEY,
    JsonSchema,
    reference,
)
from trialsim.config.schema.parameters import ParameterSet
from trialsim.config.schema.population import Section
from trialsim.config.schema.scenario import ScenarioData
from trialsim.config.schema.size_study import SizeStudy

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"  # a name that validators know; nothing is fetched
STUDIES: Final = (CompareStudy, SizeStudy, CalibrationStudy)
_EXTENDS: Final = "The scenario that this one inherits from: a path or a name. Null takes an inherited key away."
_PLACE: Final = r"(\.[^.]+)*$"


def schema_of(kind: str) -> JsonSchema:
    """The JSON Schema of a kind of file, one of `SCHEMAS`."""
    root, definitions = _KINDS[kind]()
    head = {"$schema": DIALECT, "$id": f"urn:trialsim:schema:{kind}:1", "title": f"trialsim {kind}"}
    definitions = {**definitions, **_shared_definitions()}
    schema: JsonSchema = _with_references({**head, **root, "$defs": definitions})
    return {**schema, "$defs": _used_definitions(schema)}


class _Plain(GenerateJsonSchema):
    """Without titles that repeat the keys."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _generated(*models: type[BaseModel]) -> dict[str, JsonSchema]:
    """The definitions of some models and of everything in them, by the name of the class."""
    wanted = [(model, "validation") for model in models]
    _, schema = models_json_schema(wanted, schema_generator=_Plain)  # type: ignore[arg-type]
    return dict(schema["$defs"])


def _single(model: type[Section]) -> tuple[JsonSchema, dict[str, JsonSchema]]:
    """A kind of file that is one model, whole."""
    definitions = _mergeable(_generated(model), model)
    return _complete(definitions.pop(model.__name__), model), definitions


def _scenario() -> tuple[JsonSchema, dict[str, JsonSchema]]:
    """A scenario is whole, unless it extends another one."""
    definitions = _mergeable(_generated(ScenarioData), ScenarioData)
    root = definitions.pop(ScenarioData.__name__)
    for listed in CALIBRATED_PLACES:
        _let_be_calibrated(root, definitions, listed.pattern)
    inherited = {"extends": {"description": _EXTENDS, "anyOf": [TEXT, NULL]}}
    root = {**root, "properties": {**inherited, **root["properties"]}}
    whole = {"if": {"properties": {"extends": NULL}}, "then": _shape(ScenarioData)}
    return {**root, "allOf": [*root.get("allOf", ()), whole]}, definitions


def _study() -> tuple[JsonSchema, dict[str, JsonSchema]]:
    """A study is of the kind that its key `study` says."""
    kinds = {model: typing.get_args(model.model_fields["study"].annotation)[0] for model in STUDIES}
    definitions = _generated(*STUDIES)
    rules = [
        {
            "if": {"properties": {"study": {"const": kind}}, "required": ["study"]},
            "then": {"$ref": f"#/$defs/{model.__name__}"},
        }
        for model, kind in kinds.items()
    ]
    key = {"description": definitions[CompareStudy.__name__]["properties"]["study"]["description"]}
    study = {**key, "enum": list(kinds.values())}
    return {"type": "object", "properties": {"study": study}, "required": ["study"], "allOf": rules}, definitions


def _mergeable(definitions: dict[str, JsonSchema], root: type[Section]) -> dict[str, JsonSchema]:
    """Definitions in which keys may be missing wherever another file, or another layer, can have them.

    Mappings merge key by key; lists are replaced whole, and what is in them is complete.
    """
    for model in _merged_models(root):
        definition = definitions[model.__name__]
        for form in [definition] if "properties" in definition else definition["anyOf"]:
            if form.get("additionalProperties") is False:
                for key in model.needed_keys():
                    form.pop(key, None)
    return definitions


def _complete(definition: JsonSchema, model: type[Section]) -> JsonSchema:
    return {**definition, "allOf": [*definition.get("allOf", ()), _shape(model)]}


def _shape(annotation: Any) -> JsonSchema:
    """What must be there in a file that is whole: the keys of each section that has some."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        inner = {field.alias or name: _shape(field.annotation) for name, field in annotation.model_fields.items()}
        properties = {key: shape for key, shape in inner.items() if shape}
        return {**annotation.needed_keys(), **({"properties": properties} if properties else {})}
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is dict and (values := _shape(arguments[1])):
        return {"additionalProperties": values}
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, typing.Annotated):
        return next((shape for item in arguments if (shape := _shape(item))), {})
    return {}


def _merged_models(annotation: Any) -> Iterator[type[Section]]:
    """The sections that are reached through mappings alone."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
        for field in annotation.model_fields.values():
            yield from _merged_models(field.annotation)
    elif typing.get_origin(annotation) in (dict, typing.Union, types.UnionType, typing.Annotated):
        for item in typing.get_args(annotation):
            yield from _merged_models(item)


def _let_be_calibrated(root: JsonSchema, definitions: Mapping[str, JsonSchema], pattern: tuple[str, ...]) -> None:
    """Let the number at a place be calibrated."""
    forms = [root]
    for part in pattern[:-1]:
        forms = [inner for form in forms for inner in _forms_at(form, part, definitions)]
    for form in forms:
        holder, key = _holder(form, pattern[-1])
        if key in holder and reference(CALIBRATED_NUMBER) not in holder[key].get("anyOf", []):
            options = holder[key].get("anyOf", [{k: v for k, v in holder[key].items() if k != "description"}])
            kept = {k: v for k, v in holder[key].items() if k == "description"}
            holder[key] = {**kept, "anyOf": [reference(CALIBRATED_NUMBER), *options]}


def _holder(form: JsonSchema, part: str) -> tuple[JsonSchema, str]:
    return (form, "additionalProperties") if part == "*" else (form.get("properties", {}), part)


def _forms_at(form: JsonSchema, part: str, definitions: Mapping[str, JsonSchema]) -> Iterator[JsonSchema]:
    holder, key = _holder(form, part)
    if isinstance(holder.get(key), dict):
        yield from _options(holder[key], definitions)


def _options(form: JsonSchema, definitions: Mapping[str, JsonSchema]) -> Iterator[JsonSchema]:
    """The forms behind references and alternatives."""
    if "$ref" in form:
        yield from _options(definitions[form["$ref"].rpartition("/")[2]], definitions)
    elif "anyOf" in form and "properties" not in form:
        for option in form["anyOf"]:
            yield from _options(option, definitions)
    else:
        yield form


_KINDS: Final[dict[str, Callable[[], tuple[JsonSchema, dict[str, JsonSchema]]]]] = {
    "scenario": _scenario,
    "cohort": lambda: _single(Cohort),
    "parameters": lambda: _single(ParameterSet),
    "study": _study,
}


def _shared_definitions() -> dict[str, JsonSchema]:
    """What every schema may refer to."""
    names = "|".join(ScenarioData.model_fields)
    calibrated = {"properties": {"calibrated": TEXT, "source": TEXT}, "required": ["calibrated"]}
    with_source = {"properties": {"value": {"const": "calibrated"}, "source": TEXT}, "required": ["value"]}
    return {
        CALIBRATED_NUMBER: {
            "description": "A number that the parameter set gives: `calibrated`, or `{calibrated: NAME}`.",
            "anyOf": [
                {"const": "calibrated"},
                *({"type": "object", **form, "additionalProperties": False} for form in (calibrated, with_source)),
            ],
        },
        CHANGED_KEY: {"description": "A dotted key of the scenario.", "pattern": f"^({names}){_PLACE}"},
        VARIANT_KEY: {
            "description": "A dotted key of the scenario, or `strategy`.",
            "pattern": f"^(strategy$|({names}){_PLACE})",
        },
    }


def _with_references(form: Any) -> Any:
    """A schema in which references that models made are those of JSON Schema."""
    if isinstance(form, Mapping):
        if set(form) == {REFERENCE}:
            return {"$ref": f"#/$defs/{form[REFERENCE]}"}
        return {key: _with_references(item) for key, item in form.items()}
    return [_with_references(item) for item in form] if isinstance(form, list | tuple) else form


def _used_definitions(schema: JsonSchema) -> dict[str, JsonSchema]:
    """The definitions that are referred to, from the root on, sorted."""
    definitions, used = schema["$defs"], set[str]()
    waiting = [{key: form for key, form in schema.items() if key != "$defs"}]
    while waiting:
        for name in set(_references(waiting.pop())) - used:
            used.add(name)
            waiting.append(definitions[name])
    return {name: definitions[name] for name in sorted(used)}


def _references(form: Any) -> Iterator[str]:
    if isinstance(form, Mapping):
        if isinstance(form.get("$ref"), str):
            yield form["$ref"].removeprefix("#/$defs/")
        for item in form.values():
            yield from _references(item)
    elif isinstance(form, list):
        for item in form:
            yield from _references(item)
