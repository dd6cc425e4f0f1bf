"""A study that compares variants of one scenario: strategies, what-if questions, on which endpoints, in which words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import Field, WithJsonSchema, model_serializer, model_validator

from trialsim.config.schema.arms import Allocation, Changes, VariantChanges, expand_variants
from trialsim.config.schema.json_forms import (
    CHANGED_KEY,
    TEXT,
    JsonSchema,
    reference,
)
from trialsim.config.schema.population import Section
from trialsim.config.schema.quantities import Dose, Duration
from trialsim.config.schema.written_values import mistake

PARALLEL: Final = "parallel"
Strategy = Literal["treatment policy", "composite", "while on treatment"]
_GRID: Final[JsonSchema] = {
    "type": "object",
    "propertyNames": reference(CHANGED_KEY),
    "additionalProperties": {"type": "array", "minItems": 1},
}

Weight = Annotated[float, Field(allow_inf_nan=False, ge=-1e9, le=1e9)]


class EndpointSpec(Section):
    """One endpoint: a known one (`of`), or an `expression` over the columns of the patients table.

    Strategies for treatment that was given up: `treatment policy` (as if nothing had happened), `composite` (no
    success), `while on treatment` (what was seen until then).
    """

    of: str | None = None
    """A known endpoint, such as partial response or a toxicity."""
    name: str | None = None
    """What the endpoint is called in tables."""
    at: Duration | None = None
    """The probability at this time."""
    to: Duration | None = None
    """The mean time up to this time."""
    level: Dose | None = None
    """A dose of the ladder, for endpoints of levels."""
    among: str | None = None
    """Of whom: enrolled, evaluable, responders, or an expression over the patients table."""
    strategy: Strategy = "treatment policy"
    """What a patient counts as whose treatment was given up, by a rule or by choice (ICH E9(R1))."""
    expression: str | None = None
    """An expression over the columns of the patients table."""
    unit: str = ""
    """The unit of an expression."""
    better: Literal["higher", "lower"] | None = None
    """Which direction is better."""

    exclusive: ClassVar = (("of", "expression"), ("at", "to"))

    @classmethod
    def short_forms(cls) -> tuple[JsonSchema, ...]:
        """The name of a known endpoint."""
        return (TEXT,)

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        return {"of": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.of is None) == (self.expression is None):
            raise mistake("an endpoint is a known one or an expression", "one of `of` and `expression`")
        if self.expression is not None and (self.name is None or self.better is None):
            raise mistake("an expression needs `name` and `better`", '{name: grams, expression: "…", better: lower}')
        if self.at is not None and self.to is not None:
            raise mistake("an endpoint has one time", "one of `at` and `to`")
        return self

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        return {key: value for key, value in handler(self).items() if value is not None and value != ""}


class Estimand(Section):
    """What is estimated, in the words of ICH E9(R1); strategies for intercurrent events stand with the endpoints."""

    population: str = "all enrolled patients"
    """Of whom the effect is."""
    treatment: str = "the variants below, each from the first dose to the end of observation"
    """Which treatments are compared."""
    summary: str = "difference of means or proportions between variants"
    """Which summary of the endpoint is compared."""


class Plane(Section):
    """The two endpoints of the benefit-harm plane."""

    benefit: str
    """The endpoint of benefit."""
    harm: str
    """The endpoint of harm."""


class CompareStudy(Section):
    """A comparison. `changes` hold for all variants; a variant is more changes, or the name of a shipped `strategy`.

    `grid` adds a variant for each combination of values. With a `control`, differences are against it, else between all
    pairs. `utility` weighs endpoints into one number.
    """

    format: Literal[1] = 1
    """The version of this kind of file."""
    study: Literal["compare"]
    """The kind of study."""
    name: str = "study"
    """The name of the results folder; that of the file unless given."""
    title: str
    """The title of the study, in a line."""
    description: str = ""
    """What the study is, in a few sentences."""
    scenario: str
    """The scenario that variants change: a name or a path."""
    changes: Changes = Field(default_factory=dict)
    """Changes to the scenario that hold for all variants, by dotted key."""
    variants: dict[str, VariantChanges] = Field(default_factory=dict)
    """The variants by name: changes by dotted key, perhaps with a `strategy`."""
    grid: Annotated[dict[str, list[Any]], WithJsonSchema(_GRID)] = Field(default_factory=dict)
    """Dotted keys with a list of values each; every combination is a variant."""
    control: str | None = None
    """The variant that the others are compared with."""
    endpoints: list[EndpointSpec] = Field(json_schema_extra={"minItems": 1})
    """What the variants are compared on."""
    plane: Plane | None = None
    """The two endpoints of the benefit-harm plane."""
    utility: dict[str, Weight] = Field(default_factory=dict)
    """Weights of endpoints, by name, which add up to one number."""
    design: Literal["same patients", "parallel"] = "same patients"
    """Whether variants treat the same patients, or are the arms of a parallel trial."""
    allocation: Allocation = Field(default_factory=Allocation)
    """Who goes where in a parallel trial."""
    estimand: Estimand = Field(default_factory=Estimand)
    """What is estimated, in words."""
    replicates: int = Field(default=1000, ge=1)
    """The number of simulated trials."""

    @model_validator(mode="before")
    @classmethod
    def _empty(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and isinstance(data.get("variants"), Mapping):
            data = {**data, "variants": expand_variants(data["variants"])}
        return data

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if not re.fullmatch(r"\w[\w .+-]{0,99}", self.name):
            raise mistake("a name becomes a folder", "up to 100 letters, digits, spaces and . _ + -")
        names = [*self.variants, *(item.name for item in self.endpoints if item.name is not None)]
        for name in names:
            if not re.fullmatch(r"\w[\w ,.:+/()-]{0,99}", name) or " - " in name:
                raise mistake(f"{name!r} cannot be a name", "up to 100 letters, digits, spaces and , . : _ + / ( ) -")
        if not self.endpoints:
            raise mistake("a comparison needs an endpoint", "[partial response, any severe toxicity]")
        if not self.variants and not self.grid:
            raise mistake("there is nothing to compare", "`variants` or a `grid`")
        if any(not values for values in self.grid.values()):
            raise mistake("a grid has a key without values", "{treatment.every: [14 days, 28 days]}")
        return self
