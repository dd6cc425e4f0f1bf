"""A study that asks how many patients the next trial needs: which question, which design, how it is conducted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, Self, get_args

from pydantic import Field, WithJsonSchema, model_serializer, model_validator
from pydantic.fields import FieldInfo

from trialsim.config.schema.arms import Allocation, Changes, VariantChanges, expand_variants
from trialsim.config.schema.comparison_study import EndpointSpec
from trialsim.config.schema.designs import ARMS, KEYS, SPECIAL_KEYS, Design, DesignKeys
from trialsim.config.schema.json_forms import NULL, TEXT, JsonSchema
from trialsim.config.schema.plain_times import HazardPiece
from trialsim.config.schema.population import Section
from trialsim.config.schema.quantities import Observation, Probability, Shape
from trialsim.config.schema.reestimate import Reestimate
from trialsim.config.schema.written_values import Share, mistake, number_pattern, split_number

PlainKey = Literal["rates", "medians", "hazards"]
CALIBRATED: Final = "calibrated"
MODELLED: Final = "modelled"
_POSITIVE: Final = r"(0*[1-9]\d*(\.\d+)?|0*\.\d*[1-9]\d*)"
_ANY: Final = r"-?(\d+(\.\d+)?|\.\d+)"
SPENDING: Final = rf"obrien-fleming|pocock|power {_POSITIVE}|hwang-shih-decani {_ANY}"  # spending functions by name
SHAPES: Final = rf"classical obrien-fleming|classical pocock|wang-tsiatis {_ANY}|haybittle-peto( {_POSITIVE})?"
SPENDING_IN_WORDS: Final = "obrien-fleming, pocock, power 2, hwang-shih-decani -4"
SHAPES_IN_WORDS: Final = "classical obrien-fleming, classical pocock, wang-tsiatis 0.25, haybittle-peto"
_BETA: Final[JsonSchema] = {"type": "string", "pattern": f"^({SPENDING})$"}
_ALPHA: Final[JsonSchema] = {"type": "string", "pattern": f"^({SPENDING}|{SHAPES})$"}
_NUMBER: Final[JsonSchema] = {
    "anyOf": [
        {"type": "number"},
        {"enum": [CALIBRATED, MODELLED]},
        {"type": "string", "pattern": number_pattern(["", "%"])},
    ]
}
_SOURCED: Final = {"properties": {"value": _NUMBER, "source": TEXT}, "required": ["value"]}
_ALTERNATIVE: Final[JsonSchema] = {
    "anyOf": [*_NUMBER["anyOf"], {"type": "object", **_SOURCED, "additionalProperties": False}]
}


class SizeEndpoint(EndpointSpec):
    """What the trial decides on: an endpoint as in `compare`, seen `within` a time of the first dose."""

    within: Observation | None = None
    """The endpoint counts if it is seen within so long of the first dose."""


class ToxicityAim(Section):
    """The second endpoint of a Bryant-Day design: a toxicity, its rates that are too high and acceptable, its level.

    `odds_ratio` is of response in patients free of the toxicity against others.
    """

    endpoint: SizeEndpoint
    """The toxicity that is counted."""
    null: Probability
    """The rate that is too high."""
    alternative: Probability
    """The rate that is acceptable."""
    alpha: Share = Field(default=0.10, gt=0.0, lt=1.0)
    """The probability of accepting a drug that is too toxic."""
    odds_ratio: float = Field(default=1.0, gt=0.0, le=1e6)
    """The odds ratio of response in patients free of the toxicity against others."""


class Futility(Section):
    """Stopping for futility: `spending` beta as alpha is spent, or a `z` for each interim look.

    Without `binding` the efficacy boundaries do not count on it.
    """

    spending: Annotated[str, WithJsonSchema(_BETA)] | None = None
    """The function by which beta is spent."""
    z: list[float] | None = None
    """A boundary on the z scale for each interim look."""
    binding: bool = False
    """Whether the efficacy boundaries count on stopping for futility."""

    exclusive: ClassVar = (("spending", "z"),)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.spending is None) == (self.z is None):
            raise mistake("futility has one rule", "one of `spending` and `z`")
        return self


class Looks(Section):
    """Interim looks at shares of the patients or events.

    With an exact boundary, the alpha that is spent is lowered until two proportions keep the level whatever rate they
    share.
    """

    at: list[Share] = Field(default_factory=lambda: [1.0], min_length=1, max_length=10)
    """The shares of the patients or events at which looks are taken, the last 1."""
    spending: Annotated[str, WithJsonSchema(_ALPHA)] | list[Share] = "obrien-fleming"
    """How alpha is spent: `obrien-fleming`, `pocock`, `power RHO`, `hwang-shih-decani GAMMA`, the cumulative alphas; or
    a boundary of a shape: `classical obrien-fleming`, `classical pocock`, `wang-tsiatis DELTA`, `haybittle-peto [Z]`.
    """
    futility: Futility | None = None
    """When to stop for futility."""
    boundary: Literal["normal", "exact"] = "normal"
    """Whether boundaries are those of the normal approximation, or keep the level exactly."""
    first: int | None = Field(default=None, ge=1, le=5000)
    """The number of patients at the first of many looks, in place of `at`."""
    every: int | None = Field(default=None, ge=1, le=5000)
    """After how many more patients the next of many looks is taken; 1 unless given."""
    reestimate: Reestimate | None = None
    """When the only interim look makes the events after it more."""

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        new = ("first", "every", "reestimate")
        return {key: value for key, value in handler(self).items() if key not in new or value is not None}

    @model_validator(mode="after")
    def _rising(self) -> Self:
        rises = all(a < b for a, b in zip([0.0, *self.at], self.at, strict=False))
        if not rises or self.at[-1] != 1.0:
            raise mistake(
                "looks rise to the whole of the trial", "rising shares, the last one 1, such as [0.5, 0.75, 1]"
            )
        if isinstance(self.spending, str) and not re.fullmatch(f"{SPENDING}|{SHAPES}", self.spending):
            allowed = f"{SPENDING_IN_WORDS}, the cumulative alphas, or {SHAPES_IN_WORDS}"
            raise mistake(f"{self.spending!r} spends no alpha", allowed)
        if isinstance(self.spending, list) and len(self.spending) != len(self.at):
            raise mistake("alpha is spent at every look", f"{len(self.at)} cumulative alphas")
        return self


class Conduct(Section):
    """How the trial goes on around its looks."""

    accrual: Literal["pause", "continue"] = "pause"
    """Whether accrual pauses before a look, or continues."""
    overrun: int | None = Field(default=None, ge=0, le=10_000)
    """The most patients enrolled beyond those a look waits for: 0 with `pause`, all who come with `continue`."""
    not_evaluable: Literal["replaced", "failures", "dropped"] = "replaced"
    """Whether patients who are not evaluable are replaced, count as failures, or are dropped."""
    interim_after: Observation | None = None
    """An interim look waits so long for each of its patients; until all are resolved unless given."""
    attained: Literal["koyama-chen", "green-dahlberg"] = "koyama-chen"
    """How a look decides where its number of patients is not as planned."""
    follow_up: Observation = Field(
        default_factory=lambda: Observation.model_validate({"value": "12 months", "source": "assumed"})
    )
    """How long after the last entry a trial with times to events ends at the latest."""
    events: int | None = Field(default=None, ge=2, le=100_000)
    """The number of events at which the final analysis is made, where they are seen before `follow_up` is over."""

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        return {key: value for key, value in handler(self).items() if key != "events" or value is not None}


class Safety(Section):
    """A boundary that stops the trial for toxicity, watched all the time.

    `bayesian`: stop when the posterior probability that toxicity exceeds `rate` reaches `certainty`, with a beta
    `prior`; `exact`: stopping at `rate` is as probable as `alpha` in all. Nothing stops before `first` patients.
    """

    endpoint: SizeEndpoint
    """The toxicity that is watched."""
    rate: Probability
    """The rate that must not be exceeded."""
    method: Literal["bayesian", "exact"] = "bayesian"
    """How the boundary is found."""
    certainty: Share = Field(default=0.9, gt=0.0, lt=1.0)
    """The posterior probability at which a Bayesian boundary stops."""
    prior: tuple[float, float] = (1.0, 1.0)
    """The two parameters of the beta prior."""
    alpha: Share = Field(default=0.05, gt=0.0, lt=1.0)
    """The probability that an exact boundary stops at this rate."""
    first: int = Field(default=3, ge=1, le=1000)
    """The fewest patients before the trial may stop."""

    @model_validator(mode="before")
    @classmethod
    def _pair(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and isinstance(data.get("prior"), list):
            return {**data, "prior": tuple(data["prior"])}
        return data


class Bayesian(Section):
    """The rule of a design that looks often at one rate; what is not given is searched, or is its default.

    See docs/guide/size.md for which design uses what.
    """

    prior: tuple[float, float] | None = None
    """The two parameters of the beta prior of the rate; the null and one minus it unless given."""
    futility: Share | None = Field(default=None, ge=0.0, le=1.0)
    """The probability at or below which the trial stops for futility."""
    efficacy: Share | None = Field(default=None, ge=0.0, le=1.0)
    """The probability from which the trial stops for efficacy."""
    success: Share | None = Field(default=None, gt=0.0, lt=1.0)
    """The posterior probability that is success at the end."""
    level: Share | None = Field(default=None, gt=0.0, lt=1.0)
    """The cut-off of the posterior probability at the end (lambda)."""
    exponent: float | None = Field(default=None, ge=0.0, le=10.0)
    """How the cut-off rises with the share of patients (gamma)."""
    standard: tuple[float, float] | None = None
    """The two parameters of the beta distribution of the rate of the standard treatment."""
    gain: Share | None = Field(default=None, ge=0.0, lt=1.0)
    """The gain over the standard below which the trial stops for futility."""

    @model_validator(mode="before")
    @classmethod
    def _pairs(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        return {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}

    @model_validator(mode="after")
    def _positive(self) -> Self:
        for pair in (self.prior, self.standard):
            if pair is not None and not all(0.0 < value <= 1e6 for value in pair):
                raise mistake("a beta distribution has two positive parameters", "such as [0.2, 0.8]")
        return self

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        return {key: value for key, value in handler(self).items() if value is not None}


class Stages(Section):
    """The stages of a Fleming design: patients after the first stage, and in all."""

    first: int = Field(ge=1)
    """The number of patients in the first stage."""
    all: int = Field(ge=2)
    """The number of patients in both stages."""


class Reference(Section):
    """What a single arm with times to events is compared with: a Weibull distribution with a `median`, taken as known.

    With `shape` 1 it is exponential.
    """

    median: Observation
    """The median time of the reference."""
    shape: Shape = Field(default_factory=lambda: Shape.of(1))
    """The Weibull shape of the reference; 1 for exponential times."""


class SizeStudy(Section):
    """A question of size. See docs/guide/size.md; a key that a design does not use is refused.

    With `n` the question is the power of so many patients; without it, the smallest n of at most `largest_n`.
    `null` is the rate that is not worth more (two arms have none: it is not a difference), `alternative` the rate
    (or, of log-rank tests, the hazard ratio) that must not be missed, or `calibrated`: what the posterior of the pilot
    says; `modelled`: what the scenario says at its point values. In their place arms may have plain `rates`, or plain
    `medians` of exponential times, or plain `hazards` that change with time; then `variants` need not be written.
    """

    format: Literal[1] = 1
    """The version of this kind of file."""
    study: Literal["size"]
    """The kind of study."""
    name: str = "study"
    """The name of the results folder; that of the file unless given."""
    title: str
    """The title of the study, in a line."""
    description: str = ""
    """What the study is, in a few sentences."""
    scenario: str
    """The scenario under which the trial is conducted: a name or a path."""
    changes: Changes = Field(default_factory=dict)
    """Changes to the scenario, by dotted key."""
    endpoint: SizeEndpoint
    """What the trial decides on."""
    design: Design
    """The design of the trial."""
    n: int | None = Field(default=None, ge=2, le=5000)
    """The number of patients, whose power is asked for; without it the study looks for n."""
    null: Probability | None = None
    """The rate that is not worth more."""
    margin: Share | None = Field(default=None, gt=0.0, le=10.0)
    """By how much the rate of the experimental arm may be worse, or may differ; or a hazard ratio that is too high."""
    alternative: Annotated[Any, WithJsonSchema(_ALTERNATIVE)] = None
    """The rate or hazard ratio that must not be missed, `modelled`, or `calibrated`."""
    rates: dict[str, Probability] = Field(default_factory=dict)
    """The rates of two arms under the alternative, by the name of the arm, in place of `alternative` and `variants`."""
    medians: dict[str, Observation] = Field(default_factory=dict)
    """The median times of the arms under the alternative, by the name of the arm, in place of a hazard ratio."""
    hazards: dict[str, list[HazardPiece]] = Field(default_factory=dict)
    """The piecewise constant hazards of the event in the arms under the alternative, in place of `medians`."""
    until: Observation | None = None
    """The time up to which the mean times of a design `rmst` are restricted."""
    alpha: Share = 0.05
    """The type I error."""
    power: Share = 0.80
    """The power at the alternative."""
    sides: Literal[1, 2] = 1
    """Whether a test is one-sided or two-sided."""
    test: str | None = None
    """The test of two proportions; of times to events, `stratified` or `fleming-harrington RHO GAMMA`."""
    two_sided: Literal["doubled", "ordered"] | None = None
    """How a two-sided test of two proportions is defined."""
    stages: Stages | None = None
    """The sizes of the stages of a Fleming design."""
    toxicity: ToxicityAim | None = None
    """The second endpoint of a Bryant-Day design."""
    variants: dict[str, VariantChanges] = Field(default_factory=dict)
    """The arms by name: changes by dotted key, perhaps with a `strategy`."""
    control: str | None = None
    """The name of the control arm."""
    allocation: Allocation = Field(default_factory=Allocation)
    """Who goes to which arm."""
    looks: Looks = Field(default_factory=Looks)
    """Interim looks of a group-sequential design."""
    conduct: Conduct = Field(default_factory=Conduct)
    """How the trial goes on around its looks."""
    safety: Safety | None = None
    """A boundary that stops the trial for toxicity."""
    bayesian: Bayesian | None = None
    """The rule of a design that looks often at one rate."""
    half_width: Probability | None = None
    """The half width that the confidence interval shall have."""
    reference: Reference | None = None
    """What a single arm with times to events is compared with."""
    confidence: Share = Field(default=0.95, gt=0.0, lt=1.0)
    """The confidence level of the interval."""
    largest_n: int = Field(default=400, ge=2, le=5000)
    """The largest number of patients that is tried."""
    replicates: int = Field(default=20_000, ge=100, le=10_000_000)
    """The number of simulated trials under each truth."""
    source: str | None = None
    """Where the alternative is from."""

    @classmethod
    def rules_of_keys(cls) -> list[JsonSchema]:
        """The keys that each design needs, and those that it does not use."""
        return [
            {
                "if": {"properties": {"design": {"const": name}}, "required": ["design"]},
                "then": {**_needed(keys), "properties": dict.fromkeys(_not_used(keys, cls.model_fields), NULL)},
            }
            for name, keys in KEYS.items()
        ]

    @model_validator(mode="before")
    @classmethod
    def _numbers(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        fields = dict(data)
        plain = next((fields[key] for key in get_args(PlainKey) if fields.get(key)), None)
        keys = KEYS.get(str(fields.get("design")))
        if isinstance(plain, Mapping) and keys is not None and keys.uses("variants"):
            fields.setdefault("variants", {name: {} for name in plain})
        if isinstance(fields.get("variants"), Mapping):
            fields["variants"] = expand_variants(fields["variants"])
        given = fields.get("alternative")
        if isinstance(given, Mapping) and set(given) <= {"value", "source"} and "value" in given:
            if "source" in given:
                fields.setdefault("source", given["source"])
            fields["alternative"] = given = given["value"]
        if isinstance(given, str) and (number := split_number(given)) and number[1] in ("", "%"):
            fields["alternative"] = number[0] / (100.0 if number[1] else 1.0)
        return fields

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not re.fullmatch(r"\w[\w .+-]{0,99}", self.name):
            raise mistake("a name becomes a folder", "up to 100 letters, digits, spaces and . _ + -")
        return self

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        return {key: value for key, value in handler(self).items() if value is not None and value != {}}

    @property
    def alternative_rate(self) -> float | None:
        """The alternative as a number (a rate, or a hazard ratio); None where the model gives it."""
        return None if self.alternative in (CALIBRATED, MODELLED, None) else float(self.alternative)

    @property
    def plain_key(self) -> PlainKey | None:
        """The key that gives plain numbers for the arms in place of an alternative; None where none does."""
        return next((key for key in get_args(PlainKey) if getattr(self, key)), None)

    @property
    def plain(self) -> Mapping[str, Any]:
        """The plain numbers of the arms by name; none where `plain_key` is None."""
        return self.rates or self.medians or self.hazards

    @property
    def most_patients(self) -> int:
        """The patients of the largest trial that is looked at: `n`, or the limit of the search."""
        return self.largest_n if self.n is None else self.n

    @property
    def n_in_turn(self) -> int:
        """How many patients one turn of the allocation takes: the sum of its ratio, 1 for one arm."""
        return max(1, sum(self.allocation.ratio.get(name, 1) for name in self.variants))

    @property
    def keys(self) -> DesignKeys:
        """The keys that its design needs and may use."""
        return KEYS[self.design]

    @property
    def counts_all(self) -> bool:
        """Whether patients who are not evaluable count, as failures: then a response is of the enrolled."""
        return self.conduct.not_evaluable == "failures"

    @property
    def n_arms(self) -> int:
        """How many arms the trial has."""
        return len(self.variants) if self.design in ARMS else 1


def _needed(keys: DesignKeys) -> JsonSchema:
    """The keys that a design needs, in JSON Schema; the names of the arms may be those of their plain numbers."""
    needed = [key for key in keys.needs if key in SPECIAL_KEYS]
    plain = [key for key in get_args(PlainKey) if keys.uses(key)]
    if not plain:
        return {"required": needed}
    return {
        "required": [key for key in needed if key != "variants"],
        "anyOf": [{"required": [key]} for key in ("variants", *plain)],
    }


def _not_used(keys: DesignKeys, fields: Mapping[str, FieldInfo]) -> list[str]:
    """The keys that must not be written for a design, of those that have no default."""
    return [key for key in SPECIAL_KEYS if not keys.uses(key) and key in fields and fields[key].default is None]
