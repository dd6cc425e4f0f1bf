"""A scenario: one whole trial, as a user writes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_serializer, model_validator

from trialsim.config.schema.arms import Allocation, VariantChanges, expand_variants
from trialsim.config.schema.cohort import Cohort
from trialsim.config.schema.effects import SensitivityEffect
from trialsim.config.schema.events import Event
from trialsim.config.schema.json_forms import TEXT, AlsoAccepts, JsonSchema
from trialsim.config.schema.parameters import Parameters
from trialsim.config.schema.population import Accrual, Correlation, Covariate, Frailty, Section
from trialsim.config.schema.published_statistic import PublishedStatistic
from trialsim.config.schema.quantities import Duration, Interval, LookInterval, Observation, Probability
from trialsim.config.schema.quantity import OWN_NAME, Quantity
from trialsim.config.schema.responses import MINOR_AND_PARTIAL, ResponseCategory, check_categories, with_responses_named
from trialsim.config.schema.treatment import Treatment
from trialsim.config.schema.written_values import Day, mistake, plain_unit
from trialsim.config.source.yaml import Place, dump_yaml
from trialsim.model.disease import MOST_RESPONSES

MOST_ARMS = 10
WHOLE_TRIAL = "whole trial"  # stands in tables where the arms have names
COUNTED = ("deaths", "progressions", "responses", "evaluable patients")


class Disease(Section):
    """Who can respond at all."""

    sensitive: Probability
    """The probability that a patient can respond at all, where no baseline value says otherwise."""
    effects: dict[str, SensitivityEffect] = Field(default_factory=dict)
    """The effects of baseline covariates on the odds of it, by covariate."""

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        written = handler(self)
        return written if self.effects else {key: value for key, value in written.items() if key != "effects"}


class Assessment(Section):
    """Response and progression are seen at assessments."""

    every: LookInterval
    """The interval of the assessments; `continuously` where changes are seen at once."""
    missed: Probability = Field(default_factory=lambda: Probability.of(0))
    """The probability that an assessment is missed, whatever happened before."""
    confirmation: Interval | None = None
    """A response is confirmed by an assessment that still sees it at least so long after the first."""

    @model_validator(mode="after")
    def _can_be_missed(self) -> Self:
        if self.missed.value >= 1.0:
            raise mistake("every assessment would be missed", "missed below 1")
        if self.every.value == 0.0 and (self.missed.value > 0.0 or self.missed.calibrated):
            raise mistake(
                "the disease is looked at all the time: nothing is missed", "no `missed`, or `every: 28 days`"
            )
        if self.every.value == 0.0 and self.confirmation is not None:
            problem = "the disease is looked at all the time: no assessment confirms what another one saw"
            raise mistake(problem, "no `confirmation`, or `every: 28 days`")
        return self


class Evaluable(Section):
    """Evaluable for response: on study for `after`, or progressed before (if so configured), or died before."""

    after: Duration
    """A patient is evaluable for response after so long on study."""
    early_progression: bool = True
    """Whether a patient who progressed before is evaluable."""
    early_death: bool = False
    """Whether a patient who died before is evaluable."""
    source: str | None = None
    """Where this definition is from."""


class CutOff(Section):
    """When observation ends: exactly one of `after_opening`, `date`, `after_last_entry`, `after_count`."""

    after_opening: Observation | None = None
    """Observation ends so long after the trial opened."""
    date: Day | None = None
    """Observation ends on this day."""
    after_last_entry: Observation | None = None
    """Observation ends so long after the last patient entered."""
    after_count: int | None = Field(default=None, ge=1)
    """Observation ends when so many of something were seen."""
    of: Literal["deaths", "progressions", "responses", "evaluable patients"] | None = None
    """What is counted."""
    at_latest: Observation | None = None
    """The latest end of observation where something is counted, from the opening of the trial."""

    exclusive: ClassVar = (("after_opening", "date", "after_last_entry", "after_count"),)

    @classmethod
    def short_forms(cls) -> tuple[JsonSchema, ...]:
        """A time after the opening that is calibrated."""
        return ({"const": "calibrated"},)

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        return {"after_opening": data} if data == "calibrated" else data

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(getattr(self, key) is not None for key in self.exclusive[0]) != 1:
            raise mistake(
                "a cut-off has one rule",
                "exactly one of `after_opening`, `date`, `after_last_entry`, `after_count`; null takes a key away",
            )
        counts = self.after_count is not None
        if counts != (self.of is not None) or counts != (self.at_latest is not None):
            raise mistake(
                "a count needs what is counted and a last day",
                "{after_count: 20, of: evaluable patients, at_latest: 36 months}",
            )
        return self


class Clinic(Section):
    """A clinic with a number of visit slots per day; patients who find none wait for the next day."""

    slots_per_day: int = Field(ge=1)
    """The number of visits that fit in a day."""


class ScenarioData(Section):
    """One whole trial as a file states it: who, what dose rule, what can happen, what is measured."""

    # `loading.scenarios.Scenario` is this with what needs the loader and the checks.

    format: Literal[1] = 1
    """The version of this kind of file."""
    name: str = "scenario"  # of the results folder
    """The name of the results folder; that of the file unless given."""
    title: str
    """The title of the trial, in a line."""
    description: str = ""
    """What the trial is, in a few sentences."""
    cohort: Annotated[Cohort | None, AlsoAccepts(TEXT)] = None
    """The published cohort that results are compared with: a name, a path, or its keys; null for none."""
    interpretations: dict[str, str] = Field(default_factory=dict)
    """The interpretation that is taken of each ambiguity of the cohort, by its name."""
    parameters: Parameters = Field(default_factory=Parameters)
    """Which numbers stand where the scenario says `calibrated`."""
    population: dict[str, Covariate] = Field(default_factory=dict)
    """Baseline covariates, by name."""
    correlations: list[Correlation] = Field(default_factory=list)
    """Correlations of pairs of covariates; 0 for pairs that are not named."""
    frailties: dict[str, Frailty] = Field(default_factory=dict)
    """Frailties that clocks may share, by name."""
    accrual: Accrual
    """How many patients enrol, and when."""
    treatment: Treatment
    """The drug, its ladder of doses, visits and dose rules."""
    responses: list[ResponseCategory] = Field(
        default_factory=lambda: list(MINOR_AND_PARTIAL),
        json_schema_extra={"minItems": 1, "maxItems": MOST_RESPONSES},
    )
    """The categories of response, from the least to the best."""
    disease: Disease | None = None
    """Who can respond; may be left out where no event is a response."""
    events: dict[str, Event]
    """The event clocks, by name."""
    assessment: Assessment
    """When response and progression are looked for."""
    evaluable: Evaluable
    """Who is evaluable for response."""
    cut_off: CutOff
    """When observation ends."""
    clinic: Clinic | None = None
    """Visit slots for which patients wait; none unless given."""
    arms: dict[str, VariantChanges] = Field(default_factory=dict)
    """The arms of the trial by name, the first one the control: changes by dotted key, perhaps with a `strategy`."""
    allocation: Allocation = Field(default_factory=Allocation)
    """Who goes to which arm."""

    @property
    def body_sizes(self) -> list[str]:
        """The covariates in the unit of body size that doses are for, of which there is one; none for doses in mg."""
        size = self.treatment.dose_unit.size
        with_units = {name: item.median.unit for name, item in self.population.items() if item.median is not None}
        return [name for name, unit in with_units.items() if size and plain_unit(unit) == size]

    @model_validator(mode="before")
    @classmethod
    def _named_responses(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        if isinstance(data.get("arms"), Mapping):
            data = {**data, "arms": expand_variants(data["arms"])}
        return with_responses_named(data)

    @field_validator("responses", mode="after")
    @classmethod
    def _categories(cls, responses: list[ResponseCategory]) -> list[ResponseCategory]:
        check_categories(responses)
        return responses

    @field_validator("name", mode="after")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        if not re.fullmatch(r"\w[\w .+-]{0,99}", name):
            raise mistake("a name becomes a folder", "up to 100 letters, digits, spaces and . _ + -")
        return name

    @field_validator("arms", mode="after")
    @classmethod
    def _two_arms_or_more(cls, arms: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        if arms and not 2 <= len(arms) <= MOST_ARMS:
            raise mistake("a trial with arms has two or more of them", f"2 to {MOST_ARMS} arms")
        for name in arms:
            if not re.fullmatch(r"\w[\w ,.:+/()-]{0,59}", name) or " - " in name or name == WHOLE_TRIAL:
                raise mistake(
                    f"{name!r} cannot be the name of an arm", "up to 60 letters, digits, spaces and , . : _ + / ( ) -"
                )
        return arms

    @model_validator(mode="after")
    def _allocated(self) -> Self:
        if not self.arms and self.allocation != Allocation():
            raise mistake("nobody is allocated in a trial without arms", "`arms` beside `allocation`")
        return self

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        left_out = {"correlations": not self.correlations, "responses": self.responses == list(MINOR_AND_PARTIAL)}
        left_out |= {"arms": not self.arms, "allocation": self.allocation == Allocation()}
        return {key: value for key, value in handler(self).items() if value is not None and not left_out.get(key)}

    def to_mapping(self) -> dict[str, Any]:
        """The scenario as plain data, every default written out; reads back equal."""
        written: dict[str, Any] = without_none(self.model_dump())
        return written

    def to_yaml(self) -> str:
        """The resolved scenario as YAML text that can itself be run."""
        return dump_yaml(self.to_mapping())

    @property
    def published_statistics(self) -> dict[str, PublishedStatistic]:
        """The published statistics under the chosen interpretations; empty without a cohort."""
        return self.cohort.statistics_under(self.interpretations) if self.cohort is not None else {}

    @property
    def toxicities(self) -> dict[str, Event]:
        """The toxicity clocks by name, in the order of the file."""
        return {name: event for name, event in self.events.items() if event.kind == "toxicity"}

    @property
    def sensitive(self) -> Probability:
        """The probability that a patient can respond at all; everyone where no disease is described."""
        return self.disease.sensitive if self.disease is not None else Probability.of(1)

    @property
    def sensitivity_effects(self) -> Mapping[str, SensitivityEffect]:
        """The effects of baseline covariates on it."""
        return self.disease.effects if self.disease is not None else {}

    def category_number(self, name: str) -> int:
        """The number of a category of response, from 1 for the least; 0 if there is none of the name."""
        names = [item.name for item in self.responses]
        return names.index(name) + 1 if name in names else 0

    def resolved(self, quantity: Quantity, name: str) -> Quantity:
        """A quantity, or the parameter that stands for it where it is calibrated; `name` is its own name."""
        if not quantity.calibrated:
            return quantity
        return self.parameters.values[parameter_name(quantity, name)].as_quantity(type(quantity))


def parameter_name(quantity: Quantity, own_name: str) -> str:
    """The parameter that a calibrated quantity refers to."""
    return own_name if quantity.calibrated == OWN_NAME else quantity.calibrated


def own_name(place: Place) -> str:
    """The name of the parameter for a place, in words.

    `events.rash.rate` is "rash rate", `frailties.disease.sd` "disease frailty sd",
    `events.death.effects.sex.hazard_ratios.female` "death sex female hazard ratio", and
    `disease.effects.age.odds_ratio` "sensitive age odds ratio".
    """
    parts = [str(part) for part in place]
    if parts[0] == "frailties":
        parts.insert(2, "frailty")
    if parts[:2] == ["disease", "effects"]:
        parts[0] = "sensitive"
    if parts[0] in ("events", "disease", "frailties"):
        del parts[0]
    for ratios, ratio in (("hazard_ratios", "hazard ratio"), ("odds_ratios", "odds ratio")):
        if ratios in parts:
            parts = [*(part for part in parts if part != ratios), ratio]
    parts = [part for part in parts if part not in ("after_opening", "effects")]
    return " ".join(parts).replace("_", " ")


def without_none(data: Any) -> Any:
    """Plain data without the keys that hold nothing."""
    if isinstance(data, Mapping):
        return {key: without_none(value) for key, value in data.items() if value is not None}
    if isinstance(data, list):
        return [without_none(item) for item in data]
    return data
