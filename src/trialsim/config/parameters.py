"""Parameter sets: the numbers that a cohort informs, with prior, mode and what informs each."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_serializer

from trialsim.config.population import Section
from trialsim.config.quantities import mistake


class Prior(Section):
    """A prior: `median` in the parameter's unit, `sd` on the scale of the distribution; `above` cuts it from below."""

    distribution: Literal["lognormal", "normal", "logit-normal", "fixed"]
    median: str | int | float
    sd: float = Field(default=0.0, ge=0.0)
    above: float | None = None

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        return {key: value for key, value in handler(self).items() if value is not None}


class Parameter(Section):
    """One parameter: its `mode` with unit, its prior, what informs it, and the source of the mode."""

    mode: str | int | float
    prior: Prior
    informed_by: str
    source: str


class ParameterSet(Section):
    """The parameters that belong to one cohort."""

    format: Literal[1] = 1
    name: str
    title: str
    parameters: dict[str, Parameter]


class Parameters(Section):
    """Which numbers stand where a scenario says `calibrated`.

    `mode` takes the mode of the set named by `calibrated_to`; `fixed` takes `values` alone. `values` win in both.
    """

    use: Literal["mode", "fixed"] = "mode"
    calibrated_to: str | None = None
    values: dict[str, Any] = Field(default_factory=dict)

    @field_validator("use", mode="before")
    @classmethod
    def _known(cls, data: Any) -> Any:
        if data not in ("mode", "fixed"):
            raise mistake("parameters come from the mode of a set, or are fixed", '"mode" or "fixed"', "mode")
        return data
