"""Parameter sets: the numbers that a cohort informs, with prior, mode and what informs each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, Literal, Self, TypeVar, get_args

from pydantic import Field, field_validator, model_serializer, model_validator

from trialsim.config.schema.json_forms import TEXT, JsonSchema
from trialsim.config.schema.population import Section
from trialsim.config.schema.quantities import Dose
from trialsim.config.schema.quantity import Quantity
from trialsim.config.schema.written_values import mistake, plain_unit, point_for_comma, read_source, split_number
from trialsim.config.source.builtin import DRAWS_ENDINGS

AnyQuantity = TypeVar("AnyQuantity", bound=Quantity)
Origin = Literal["user", "fitted mode", "parameter set", "posterior median"]
Use = Literal["calibrated", "mode", "fixed"]

_USES: Final = get_args(Use)


class Prior(Section):
    """A prior: `median` in the parameter's unit, `sd` on the scale of the distribution; `above` cuts it from below."""

    distribution: Literal["lognormal", "normal", "logit-normal", "fixed"]
    """lognormal for rates, times and ratios, logit-normal for shares, normal for exponents, fixed for a number that is
    not calibrated.
    """
    median: str | int | float
    """The median of the prior, in the unit of the parameter."""
    sd: float = Field(default=0.0, ge=0.0)
    """The standard deviation on the scale of the distribution: of the logarithm, of the logit, or of the number
    itself.
    """
    above: float | None = None
    """Lower values are excluded; for a normal prior only."""

    @field_validator("median", mode="after")
    @classmethod
    def _is_number(cls, median: str | float) -> str | float:
        if split_number(str(median)) is None:
            allowed = 'a number with its unit, such as "0.05 /month"'
            raise mistake("the median of a prior is a number", allowed, point_for_comma(str(median)))
        return median

    @model_validator(mode="after")
    def _has_width(self) -> Self:
        if self.distribution == "fixed":
            return self
        if self.sd == 0.0:
            raise mistake("a prior of zero width is a fixed number", "sd above 0, or `distribution: fixed`")
        number, unit = split_number(str(self.median)) or (math.nan, "")
        median = number / 100.0 if unit == "%" else number
        lowest, highest = {"lognormal": (0.0, math.inf), "logit-normal": (0.0, 1.0)}.get(
            self.distribution, (-math.inf, math.inf)
        )
        if not lowest < median < highest:
            problem = f"a {self.distribution} prior cannot have this median"
            raise mistake(problem, f"above {lowest:g}" + (f" and below {highest:g}" if highest < math.inf else ""))
        if self.above is not None and self.distribution != "normal":
            raise mistake(f"a {self.distribution} prior has its own bounds", "`above` for a normal prior only")
        return self

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        return {key: value for key, value in handler(self).items() if value is not None}


class Parameter(Section):
    """One parameter: its `mode` with unit, its prior, what informs it, and the source of the mode.

    `fitted` says whether the mode was fitted to the cohort; otherwise it is assumed or from the literature.
    """

    mode: str | int | float
    """The number that `parameters: mode` takes, with its unit."""
    prior: Prior
    """The prior of the parameter."""
    informed_by: str
    """What the cohort, or other data, say of the number."""
    source: str
    """Where the mode is from, such as `assumed`."""
    fitted: bool = False
    """Whether the mode was fitted to the cohort."""

    @field_validator("mode", mode="after")
    @classmethod
    def _is_number(cls, mode: str | float) -> str | float:
        if split_number(str(mode)) is None:
            suggestion = point_for_comma(str(mode))
            raise mistake(
                "the mode of a parameter is a number", 'a number with its unit, such as "0.05 /month"', suggestion
            )
        return mode

    @model_validator(mode="after")
    def _is_in_one_kind_of_unit(self) -> Self:
        if _is_rate(self.mode) != _is_rate(self.prior.median) or _has_unit(self.mode) != _has_unit(self.prior.median):
            problem = f"the mode {self.mode} and the median {self.prior.median} of the prior have different units"
            raise mistake(problem, "both as a rate, both as a time, or both without a unit")
        return self

    @model_validator(mode="after")
    def _is_one_number_if_fixed(self) -> Self:
        is_fixed = self.prior.distribution == "fixed"
        if is_fixed and _share_as_number(self.mode) != _share_as_number(self.prior.median):
            problem = f"the mode {self.mode} and the median {self.prior.median} of a fixed number differ"
            raise mistake(problem, "the same number twice, in the same unit")
        return self


def _share_as_number(text: str | float) -> tuple[float, str]:
    """A number and its unit in the plain spelling; per cent as parts of 1."""
    number, unit = split_number(str(text)) or (math.nan, "")
    return (number / 100.0, "") if unit == "%" else (number, plain_unit(unit))


def _has_unit(text: str | float) -> bool:
    return bool(_share_as_number(text)[1])


def _is_rate(text: str | float) -> bool:
    return _share_as_number(text)[1].startswith("/")


class ParameterSet(Section):
    """The parameters that belong to one cohort, of one drug. Rates are per month at `reference_dose`."""

    format: Literal[1] = 1
    """The version of this kind of file."""
    name: str
    """A short name."""
    title: str
    """What the set is, in a line."""
    drug: str
    """The drug that the rates are of."""
    reference_dose: Dose
    """The dose at which the rates hold."""
    parameters: dict[str, Parameter]
    """The parameters by name, such as `rash rate` or `sensitive`."""


class ParameterValue(Section):
    """The value of one parameter, and where it is from.

    `origin` is `user` for a number that the scenario states, and is then not written. Any other number was filled in:
    from the mode of a parameter set (`fitted mode`), from a number of that set that was not fitted or that a table of
    draws has as fixed (`parameter set`), or as the median of a table of draws (`posterior median`), which each
    replicate replaces by a draw. `source` is text for people; nothing depends on its words.
    """

    value: str | int | float
    """The number, with its unit."""
    source: str | None = None
    """Where the number is from."""
    origin: Origin = "user"
    """How the number came here; written when a scenario is resolved."""

    @classmethod
    def short_forms(cls) -> tuple[JsonSchema, ...]:
        """The number alone."""
        return ({"type": "number"}, {**TEXT, "not": {"const": "calibrated"}})

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        if isinstance(data, ParameterValue):
            return data.model_dump()
        if not isinstance(data, Mapping):
            data = {"value": data}
        if "source" in data:
            data = {**data, "source": read_source(data["source"])}
        value = data.get("value")
        if value == "calibrated" or "calibrated" in data:
            raise mistake("a parameter needs a number", 'a number with its unit, such as "0.05 /month"')
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise mistake(
                "this is not a number", 'a number with its unit, such as "0.05 /month", or {value: …, source: …}'
            )
        return data

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        if self.origin != "user":
            return handler(self)
        return self.value if self.source is None else {"value": self.value, "source": self.source}

    @property
    def is_filled_in(self) -> bool:
        """Whether the number came from a parameter set or a table of draws, and not from the scenario."""
        return self.origin != "user"

    def as_quantity(self, kind: type[AnyQuantity]) -> AnyQuantity:
        """The number as the kind of quantity that it stands for. Raises `ValueError` where it cannot be one."""
        number = {"value": self.value} if self.source is None else {"value": self.value, "source": self.source}
        return kind.model_validate(number)


class Parameters(Section):
    """Which numbers stand where a scenario says `calibrated`.

    With draws, each replicate takes one, of the posterior of `calibrated_to` or of the table in the file `draws`.
    """

    use: Use = "mode"
    """Draws of a posterior (calibrated), the mode of a parameter set (mode), or `values` alone (fixed)."""
    calibrated_to: str | None = None
    """The parameter set, or the cohort with its posterior: a name or a path."""
    centre: str | None = None
    """The cohort whose centre draws are for, where a posterior is of several trials; a new trial unless given."""
    draws: str | None = None
    """The file of a table of draws, parquet or CSV."""
    digest: str | None = None
    """The digest that tells the table of draws from any other; written when a scenario is resolved."""
    drug: str | None = None
    """The drug that the numbers hold for; written when a scenario is resolved."""
    reference_dose: Dose | None = None
    """The dose at which the numbers hold; written when a scenario is resolved."""
    values: dict[str, ParameterValue] = Field(default_factory=dict)
    """Values of single parameters, by name, which win over all others."""

    @classmethod
    def short_forms(cls) -> tuple[JsonSchema, ...]:
        """A word, or the file of a table of draws."""
        endings = "|".join(ending.removeprefix(".") for ending in DRAWS_ENDINGS)
        return ({"enum": list(_USES)}, {"type": "string", "pattern": rf"\.({endings})$"})

    @field_validator("use", mode="before")
    @classmethod
    def _known(cls, data: Any) -> Any:
        if data not in _USES:
            problem = "parameters are draws of a posterior, the mode of a set, or fixed"
            is_set = isinstance(data, str) and data.endswith((".yaml", ".yml"))
            meant = f"{{use: mode, calibrated_to: {data}}}" if is_set else ""
            raise mistake(problem, '"calibrated", "mode", "fixed", or the file of a table of draws', meant)
        return data

    @model_validator(mode="after")
    def _draws_are_used(self) -> Self:
        if self.draws is not None and self.centre is not None:
            raise mistake("a table of draws is of one centre", "`draws`, or `centre` beside `calibrated_to`")
        if self.draws is not None and self.use != "calibrated":
            raise mistake(f"with `use: {self.use}` no draws are used", "`use: calibrated` beside `draws`")
        return self
