"""A number with a unit, as text: "14 days", "0.134 /month", "25 %", and where it comes from.

A quantity is written as its text, as `{value: text, source: text}` where it is not from the protocol, or as
`calibrated` (or `{calibrated: NAME}`) where a parameter set gives the number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_serializer, model_validator
from pydantic_core import CoreSchema, PydanticCustomError

from trialsim.config.schema.json_forms import TEXT, JsonSchema, on_one_line
from trialsim.config.schema.written_values import (
    has_decimal_comma,
    mistake,
    number_pattern,
    plain_unit,
    point_for_comma,
    read_source,
    split_number,
)

OWN_NAME: Final = "*"  # `calibrated` without a name: the parameter is named after its place


class Quantity(BaseModel):
    """A number in its canonical unit, with its text and its source if one is stated.

    `calibrated` names the parameter that gives the number. No behaviour depends on the words of a source.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    value: float = math.nan
    text: str = "calibrated"
    source: str | None = None
    calibrated: str = ""

    units: ClassVar[Mapping[str, float]] = {}
    convertible: ClassVar[Mapping[str, float]] = {}  # units that are refused, and what they are of the first of `units`
    words: ClassVar[Mapping[str, float]] = {}
    lowest: ClassVar[float] = 0.0
    highest: ClassVar[float] = math.inf
    is_open_below: ClassVar[bool] = False
    example: ClassVar[str] = "1"

    @classmethod
    def allowed(cls) -> str:
        """What may be written, in words."""
        bounds = f"above {cls.lowest:g}" if cls.is_open_below else f"at least {cls.lowest:g}"
        if cls.highest < math.inf:
            bounds += f" and at most {cls.highest:g}"
        return f'a number and its unit ({cls.units_in_words()}), {bounds}, such as "{cls.example}"'

    @classmethod
    def units_in_words(cls) -> str:
        """The units that may be written."""
        return ", ".join(dict.fromkeys(u for u in cls.units if u)) or "none"

    @model_validator(mode="before")
    @classmethod
    def _read(cls, data: Any) -> Any:
        if isinstance(data, Quantity):
            return {"value": data.value, "text": data.text, "source": data.source, "calibrated": data.calibrated}
        if not isinstance(data, Mapping):
            return cls._parsed(data, None)
        unknown = set(data) - {"value", "source", "calibrated"}
        if unknown or not {"value", "calibrated"} & set(data):
            raise mistake("this is not a number with a unit", f"{cls.allowed()}, or {{value: …, source: …}}")
        source = read_source(data["source"]) if "source" in data else None
        if "calibrated" in data:
            if "value" in data or not isinstance(data["calibrated"], str) or not data["calibrated"].strip():
                raise mistake("a number is calibrated or has a value", "{calibrated: NAME} or {value: …, source: …}")
            return {"calibrated": data["calibrated"].strip(), "source": source, "text": "calibrated"}
        return cls._parsed(data["value"], source)

    @classmethod
    def _parsed(cls, data: Any, source: str | None) -> dict[str, Any]:
        if data == "calibrated":
            return {"calibrated": OWN_NAME, "source": source}
        if isinstance(data, bool) or not isinstance(data, str | int | float):
            raise mistake("this is not a number", cls.allowed())
        return {"value": cls.number(data), "text": str(data), "source": source}

    @classmethod
    def number(cls, data: str | float) -> float:
        """A text to the number in the canonical unit; raises what `mistake` makes."""
        text = str(data).strip()
        if text in cls.words:
            return cls.words[text]
        parts = split_number(text)
        if parts is None:
            has_comma = has_decimal_comma(text)
            problem = "a number is written with a decimal point, not a comma" if has_comma else "this is not a number"
            raise mistake(problem, cls.allowed(), point_for_comma(text))
        number, unit = parts
        factor = cls.factor_of(unit)
        if factor is None:
            problem = f"{unit!r} is not a valid unit here" if unit else "a number needs its unit here"
            raise mistake(
                problem, cls.allowed(), cls._equal_quantity(number, unit) or cls.with_nearest_unit(number, unit)
            )
        value = number * factor
        below = value <= cls.lowest if cls.is_open_below else value < cls.lowest
        if not math.isfinite(value) or below or value > cls.highest:
            raise mistake("the number is out of range", cls.allowed())
        return value

    @classmethod
    def factor_of(cls, unit: str) -> float | None:
        """What a number in a unit is multiplied with; None for a unit that does not fit."""
        if unit in cls.units:
            return cls.units[unit]
        return {plain_unit(known): factor for known, factor in cls.units.items()}.get(plain_unit(unit))

    @classmethod
    def _equal_quantity(cls, number: float, unit: str) -> str:
        """The same quantity in a unit that is read, or nothing: a suggestion never changes a quantity."""
        factor = cls.convertible.get(plain_unit(unit))
        if factor is None:
            return ""
        text = f"{number * factor:.15g} {next(iter(cls.units))}"
        try:
            cls.number(text)
        except PydanticCustomError:
            return ""
        return text

    @classmethod
    def with_nearest_unit(cls, number: float, unit: str) -> str:
        """The number in the unit that a misspelt one must mean; nothing where that is not certain."""
        return ""

    @classmethod
    def of(cls, text: str | float) -> Self:
        """A quantity from its text, without a source."""
        return cls.model_validate(text)

    @classmethod
    def plain_forms(cls) -> list[JsonSchema]:
        """A number with its unit in JSON Schema: as a text, and as a number where none is needed."""
        bounds = {"exclusiveMinimum" if cls.is_open_below else "minimum": cls.lowest, "maximum": cls.highest}
        finite = {key: value for key, value in bounds.items() if math.isfinite(value)}
        is_positive = cls.is_open_below and cls.lowest == 0.0
        pattern = number_pattern(cls.units, has_sign=cls.lowest < 0.0, is_positive=is_positive)
        text = {"type": "string", "pattern": pattern, "patternErrorMessage": f"Allowed: {cls.allowed()}."}
        is_bare = not cls.units or "" in cls.units
        words = [{"enum": list(cls.words)}] if cls.words else []
        return [*([{"type": "number", **finite}] if is_bare else []), *words, text]

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        handler(core_schema)
        sourced = {"value": {"anyOf": cls.plain_forms()}, "source": TEXT}
        mapping = {"type": "object", "properties": sourced, "required": ["value"], "additionalProperties": False}
        description = f"{on_one_line(cls.__doc__).rstrip('.')}: {cls.allowed()}."
        return {"description": description, "anyOf": [*cls.plain_forms(), mapping], "examples": [cls.example]}

    @model_serializer
    def _write(self) -> Any:
        if self.calibrated:
            return "calibrated" if self.calibrated == OWN_NAME else {"calibrated": self.calibrated}
        parts = split_number(self.text)
        bare = parts is not None and not parts[1]
        written = (int(self.text) if self.text.isdigit() else float(self.text)) if bare else self.text
        return written if self.source is None else {"value": written, "source": self.source}
