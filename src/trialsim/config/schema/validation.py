"""Plain data to frozen objects: what pydantic found invalid, as problems with file and line."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from trialsim.config.schema.json_forms import descriptions_of
from trialsim.config.schema.quantity_places import quantities_in
from trialsim.config.schema.written_values import NO_DATE
from trialsim.config.source.plain_data import explain_empty_key
from trialsim.config.source.problems import nearest, problem_at, refuse_unusable
from trialsim.config.source.yaml import Place, Places
from trialsim.errors import ConfigurationError, Problem

Model = TypeVar("Model", bound=BaseModel)
CANNOT_BE_CALIBRATED: Final = "this number cannot be calibrated"

_WANTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "date_type": "a date such as 1999-10-01",
    "dict_type": "a mapping of keys to values",
    "list_type": "a list, such as [one, two]",
    "model_type": "a mapping of keys to values",
}
_COMMA = re.compile(r"\s*([-+]?\d+),(\d+)\s*\Z")


def validated(model: type[Model], data: Mapping[str, Any], places: Places, *, may_be_calibrated: bool = False) -> Model:
    """Plain data as a frozen object of a model. Raises `ConfigurationError` with every problem.

    Only the numbers of a scenario `may_be_calibrated`: nothing gives a value to those of other files.
    """
    refuse_unusable(data, places)
    try:
        valid = model.model_validate(data)
    except ValidationError as error:
        raise ConfigurationError(problems_of(error, model, places)) from None
    problems = [
        problem_at(places, place, "calibrated", CANNOT_BE_CALIBRATED, f"a value such as {type(quantity).example}")
        for place, quantity in quantities_in(valid)
        if quantity.calibrated and not may_be_calibrated
    ]
    if problems:
        raise ConfigurationError(problems)
    return valid


def problems_of(error: ValidationError, model: type[BaseModel], places: Places, prefix: Place = ()) -> list[Problem]:
    """Every error of a validation, in the order of the file. `prefix` is where the model stands in the file."""
    problems = []
    for item in error.errors(include_url=False):
        place = (*prefix, *item["loc"])
        problem, allowed, suggestion = _explained(item, model)
        problems.append(problem_at(places, place, item["input"], problem, allowed, suggestion, item["type"]))
    return list(dict.fromkeys(problems))


def _explained(item: Any, model: type[BaseModel]) -> tuple[str, str, str]:
    kind, context, place, given = item["type"], item.get("ctx", {}), item["loc"], item["input"]
    slip = explain_empty_key(str(place[-1])) if given is None and place else None
    if slip is not None:
        return slip
    if kind == "trialsim":
        return context["wrong"], context["allowed"], context["suggestion"]
    if kind == "extra_forbidden":
        keys = _keys_at(model, place[:-1])
        return "this key is not known here", ", ".join(keys) or "no key", nearest(place[-1], keys)
    if kind == "missing":
        reason = _reason(model, place)
        return f"this key is missing{f': {reason}' if reason else ''}", _description(model, place), ""
    if kind == "literal_error":
        words = re.findall(r"'([^']*)'", context["expected"]) or [context["expected"]]
        return "this word is not known here", ", ".join(words), nearest(given, words) if isinstance(given, str) else ""
    if kind in _WANTED:
        return _unexpected(kind, given, model, place)
    if kind.startswith(("greater_than", "less_than")):
        return "the number is out of range", item["msg"].removeprefix("Input should be "), ""
    if kind.startswith("date"):
        return NO_DATE, _WANTED["date_type"], ""
    return item["msg"], "see the documentation of this key", ""


def _reason(model: type[BaseModel], place: Place) -> str:
    """What a key is, as its field says."""
    section = _annotation_at(model, place[:-1])
    is_model = isinstance(section, type) and issubclass(section, BaseModel)
    description = descriptions_of(section).get(str(place[-1]), "").removesuffix(".") if is_model else ""
    return description[:1].lower() + description[1:]


def _unexpected(kind: str, given: Any, model: type[BaseModel], place: Place) -> tuple[str, str, str]:
    """A value of another kind than the schema has here."""
    wanted = _form(_annotation_at(model, place)) or _WANTED[kind]
    if given is None:
        return "this key has no value, and there is nothing of this name to take away", wanted, ""
    if kind in ("int_type", "float_type") and isinstance(given, str):
        if (comma := _COMMA.match(given)) is not None:
            suggestion = "" if kind == "int_type" or len(comma[2]) == 3 else f"{comma[1]}.{comma[2]}"
            without = "without a comma" if kind == "int_type" else "with a decimal point"
            return "a comma stands in this number", f"{wanted}, {without}", suggestion
        if re.fullmatch(r"[-+]?(0[xob][0-9a-fA-F_]+|\d[\d_:]*)", given):
            return "this is a text and not a decimal number", f"{wanted}, without quotes and in decimal digits", ""
    if kind in ("dict_type", "model_type") and isinstance(given, str) and re.match(r"[\w .]+:\S", given):
        return (
            "this is a text, perhaps as a space is missing after a colon",
            f"{wanted}; `key: value`, with a space",
            "",
        )
    if kind == "bool_type" and str(given).lower() in ("yes", "on", "no", "off"):
        return "this is a text", wanted, "true" if str(given).lower() in ("yes", "on") else "false"
    return "this is something else than expected", wanted, ""


def _form(annotation: Any) -> str:
    """The form of a section, of a mapping of named sections, or of a list of sections, with the keys that it needs."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        needed = [name for name, field in annotation.model_fields.items() if field.is_required()]
        keys = ", ".join(f"{name}: …" for name in needed or annotation.model_fields)
        return f"a mapping of keys to values, {{{keys}}}"
    inner = typing.get_args(annotation)
    origin, form = typing.get_origin(annotation), _form(inner[-1]) if inner else ""
    if form and origin is dict:
        return f"a mapping of names, {{NAME: {form.split(', ', 1)[1]}, …}}"
    return f"a list, [{form.split(', ', 1)[1]}, …]" if form and origin is list else ""


def _description(model: type[BaseModel], place: Place) -> str:
    annotation = _annotation_at(model, place)
    example = getattr(annotation, "example", None)
    if example:
        return f'a value such as "{example}"'
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"a mapping with {', '.join(annotation.model_fields)}"
    return f"`{place[-1]}: …`"


def _keys_at(model: type[BaseModel], place: Place) -> list[str]:
    annotation = _annotation_at(model, place)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return list(annotation.model_fields)
    return []


def _annotation_at(model: Any, place: Place) -> Any:
    """The type that stands at a place of a model, optional marks taken off."""
    for part in place:
        model = _plain(model)
        if isinstance(model, type) and issubclass(model, BaseModel):
            field = model.model_fields.get(str(part))
            model = field.annotation if field is not None else None
        else:
            arguments = typing.get_args(model)
            model = arguments[-1] if arguments else None
    return _plain(model)


def _plain(annotation: Any) -> Any:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        options = [option for option in typing.get_args(annotation) if option is not type(None)]
        return options[0] if len(options) == 1 else annotation
    return annotation
