"""A study that calibrates several published trials together."""

from __future__ import annotations

import re
from typing import Any, Literal, Self

from pydantic import Field, model_serializer, model_validator

from trialsim.config.schema.population import Section
from trialsim.config.schema.quantities import Spread
from trialsim.config.schema.written_values import mistake


class BetweenTrials(Section):
    """Parameters that differ between trials, all by one between-trial standard deviation.

    `sd` is the scale of its half-normal prior, on the scale of the parameters' distribution: log for a lognormal prior,
    logit for a logit-normal one, the value itself for a normal one.
    """

    parameters: list[str] = Field(min_length=1)
    """The parameters that differ between trials."""
    sd: Spread
    """The scale of the half-normal prior of their standard deviation between trials."""

    @model_validator(mode="after")
    def _has_width(self) -> Self:
        if not self.sd.value > 0.0:
            problem = "trials that differ by nothing share the parameter"
            raise mistake(problem, "an sd above 0, or the parameter under no `between_trials`")
        return self


class CalibrationStudy(Section):
    """Published trials that are calibrated together: their `cohorts`, each of which names its scenario.

    `scenarios` names another scenario for some of the cohorts. `parameters` is the parameter set with the priors, which
    hold for all of them. A parameter is the same in every trial unless it stands under `between_trials`, or under
    `own`: then each trial has its own, such as the cut-off.
    """

    format: Literal[1] = 1
    """The version of this kind of file."""
    study: Literal["calibrate"]
    """The kind of study."""
    name: str = "study"
    """The name of the results folder; that of the file unless given."""
    title: str
    """The title of the study, in a line."""
    description: str = ""
    """What the study is, in a few sentences."""
    cohorts: list[str] = Field(min_length=1)
    """The published cohorts, by name or path."""
    scenarios: dict[str, str] = Field(default_factory=dict)
    """Another scenario for some of the cohorts, by cohort."""
    parameters: str
    """The parameter set with the priors: a name or a path."""
    between_trials: dict[str, BetweenTrials] = Field(default_factory=dict)
    """Groups of parameters that differ between trials, by a name of the group."""
    own: list[str] = Field(default_factory=list)
    """Parameters of which each trial has its own."""

    @model_validator(mode="after")
    def _says_each_once(self) -> Self:
        if not re.fullmatch(r"\w[\w .+-]{0,99}", self.name):
            raise mistake("a name becomes a folder", "up to 100 letters, digits, spaces and . _ + -")
        if len(set(self.cohorts)) < len(self.cohorts):
            raise mistake("a cohort is there twice", "each cohort once")
        named = [*self.own, *(name for item in self.between_trials.values() for name in item.parameters)]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise mistake(f"{twice[0]!r} stands in two places", "each parameter once, in `between_trials` or `own`")
        return self

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        return {key: value for key, value in handler(self).items() if value is not None}
