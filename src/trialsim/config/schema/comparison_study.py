"""A study that compares variants of one scenario: strategies, what-if questions, on which endpoints, in which words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_serializer, model_validator

from trialsim.config.schema.population import Section
from trialsim.config.schema.quantities import Dose, Duration
from trialsim.config.schema.written_values import mistake
from trialsim.config.source.plain_data import explain_empty_key

PARALLEL: Final = "parallel"
Strategy = Literal["treatment policy", "composite", "while on treatment"]


Weight = Annotated[float, Field(allow_inf_nan=False, ge=-1e9, le=1e9)]


class EndpointSpec(Section):
    """One endpoint: a known one (`of`), or an `expression` over the columns of the patients table.

    `at` asks for the probability at a time, `to` for the mean time up to a time, `level` for a dose of the ladder.
    `among` says of whom: `enrolled`, `evaluable`, `responders`, or an expression. `strategy` says what a patient counts
    as whose treatment was given up, by a rule or by choice (ICH E9(R1)): `treatment policy` (as if nothing had
    happened), `composite` (no success), `while on treatment` (what was seen until then). `better` is `higher` or
    `lower`.
    """

    of: str | None = None
    name: str | None = None
    at: Duration | None = None
    to: Duration | None = None
    level: Dose | None = None
    among: str | None = None
    strategy: Strategy = "treatment policy"
    expression: str | None = None
    unit: str = ""
    better: Literal["higher", "lower"] | None = None

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


class Allocation(Section):
    """Who goes where in a parallel trial: permuted blocks of `block` patients, within each combination of `strata`.

    `ratio` gives how many of a block go to each variant, 1 unless given. Strata are `site` or categorical covariates.
    """

    ratio: dict[str, Annotated[int, Field(ge=1, le=100)]] = Field(default_factory=dict)
    block: int | None = Field(default=None, ge=1, le=1000)
    strata: list[str] = Field(default_factory=list)


def expand_variants(variants: Mapping[Any, Any]) -> dict[str, Any]:
    """Variants without changes (`published:`) in their long form (`{}`), unless the name looks like a slip."""
    return {
        str(name): {} if item is None and explain_empty_key(str(name)) is None else item
        for name, item in variants.items()
    }


class Estimand(Section):
    """What is estimated, in the words of ICH E9(R1); strategies for intercurrent events stand with the endpoints."""

    population: str = "all enrolled patients"
    treatment: str = "the variants below, each from the first dose to the end of observation"
    summary: str = "difference of means or proportions between variants"


class Plane(Section):
    """The two endpoints of the benefit-harm plane."""

    benefit: str
    harm: str


class CompareStudy(Section):
    """A comparison. `changes` hold for all variants; a variant is more changes, or the name of a shipped `strategy`.

    `grid` adds a variant for each combination of values. With a `control`, differences are against it, else between all
    pairs. `utility` weighs endpoints into one number.
    """

    format: Literal[1] = 1
    study: Literal["compare"]
    name: str = "study"
    title: str
    description: str = ""
    scenario: str
    changes: dict[str, Any] = Field(default_factory=dict)
    variants: dict[str, dict[str, Any]] = Field(default_factory=dict)
    grid: dict[str, list[Any]] = Field(default_factory=dict)
    control: str | None = None
    endpoints: list[EndpointSpec]
    plane: Plane | None = None
    utility: dict[str, Weight] = Field(default_factory=dict)
    design: Literal["same patients", "parallel"] = "same patients"
    allocation: Allocation = Field(default_factory=Allocation)
    estimand: Estimand = Field(default_factory=Estimand)
    replicates: int = Field(default=1000, ge=1)

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
