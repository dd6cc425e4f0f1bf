"""A study that asks how many patients the next trial needs: which question, which design, how it is conducted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, Self

from pydantic import Field, model_serializer, model_validator

from trialsim.config.schema.comparison_study import Allocation, EndpointSpec, expand_variants
from trialsim.config.schema.designs import ARMS, KEYS, Design, DesignKeys
from trialsim.config.schema.population import Section
from trialsim.config.schema.quantities import Observation, Probability, Shape
from trialsim.config.schema.written_values import Share, mistake, split_number

CALIBRATED: Final = "calibrated"
MODELLED: Final = "modelled"
SPENDING: Final = r"obrien-fleming|pocock|power (0*[1-9]\d*(\.\d+)?|0*\.\d*[1-9]\d*)"  # spending functions by name


class SizeEndpoint(EndpointSpec):
    """What the trial decides on: an endpoint as in `compare`, seen `within` a time of the first dose."""

    within: Observation | None = None


class ToxicityAim(Section):
    """The second endpoint of a Bryant-Day design: a toxicity, its rates that are too high and acceptable, its level.

    `odds_ratio` is of response in patients free of the toxicity against others.
    """

    endpoint: SizeEndpoint
    null: Probability
    alternative: Probability
    alpha: Share = Field(default=0.10, gt=0.0, lt=1.0)
    odds_ratio: float = Field(default=1.0, gt=0.0, le=1e6)


class Futility(Section):
    """Stopping for futility: `spending` beta as alpha is spent, or a `z` for each interim look.

    Without `binding` the efficacy boundaries do not count on it.
    """

    spending: str | None = None
    z: list[float] | None = None
    binding: bool = False

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.spending is None) == (self.z is None):
            raise mistake("futility has one rule", "one of `spending` and `z`")
        return self


class Looks(Section):
    """Interim looks `at` shares of the patients or events, the last 1; alpha is spent by `spending`.

    `spending` is `obrien-fleming`, `pocock`, `power RHO` (alpha t^RHO), or the cumulative alphas themselves. With
    `boundary` exact, the alpha that is spent is lowered until two proportions keep the level whatever rate they share.
    """

    at: list[Share] = Field(default_factory=lambda: [1.0], min_length=1, max_length=10)
    spending: str | list[Share] = "obrien-fleming"
    futility: Futility | None = None
    boundary: Literal["normal", "exact"] = "normal"

    @model_validator(mode="after")
    def _rising(self) -> Self:
        rises = all(a < b for a, b in zip([0.0, *self.at], self.at, strict=False))
        if not rises or self.at[-1] != 1.0:
            raise mistake(
                "looks rise to the whole of the trial", "rising shares, the last one 1, such as [0.5, 0.75, 1]"
            )
        if isinstance(self.spending, str) and not re.fullmatch(SPENDING, self.spending):
            raise mistake(
                f"{self.spending!r} spends no alpha", "obrien-fleming, pocock, power 2, or the cumulative alphas"
            )
        if isinstance(self.spending, list) and len(self.spending) != len(self.at):
            raise mistake("alpha is spent at every look", f"{len(self.at)} cumulative alphas")
        return self


class Conduct(Section):
    """How the trial goes on around its looks.

    `accrual` pauses before a look, or continues; `overrun` patients at most are enrolled beyond those the look waits
    for (0 with `pause`, as many as come with `continue`, unless given). Patients who are `not_evaluable` are
    `replaced`, count as `failures`, or are `dropped`. `interim_after`: an interim look waits so long for each of its
    patients, and takes what is seen by then; without it, until all of them are resolved. `attained` decides where
    numbers are not as planned. `follow_up`: how long after the last entry a trial with times to events ends at the
    latest.
    """

    accrual: Literal["pause", "continue"] = "pause"
    overrun: int | None = Field(default=None, ge=0, le=10_000)
    not_evaluable: Literal["replaced", "failures", "dropped"] = "replaced"
    interim_after: Observation | None = None
    attained: Literal["koyama-chen", "green-dahlberg"] = "koyama-chen"
    follow_up: Observation = Field(
        default_factory=lambda: Observation.model_validate({"value": "12 months", "source": "assumed"})
    )


class Safety(Section):
    """A boundary that stops the trial for toxicity, watched all the time.

    `bayesian`: stop when the posterior probability that toxicity exceeds `rate` reaches `certainty`, with a beta
    `prior`; `exact`: stopping at `rate` is as probable as `alpha` in all. Nothing stops before `first` patients.
    """

    endpoint: SizeEndpoint
    rate: Probability
    method: Literal["bayesian", "exact"] = "bayesian"
    certainty: Share = Field(default=0.9, gt=0.0, lt=1.0)
    prior: tuple[float, float] = (1.0, 1.0)
    alpha: Share = Field(default=0.05, gt=0.0, lt=1.0)
    first: int = Field(default=3, ge=1, le=1000)

    @model_validator(mode="before")
    @classmethod
    def _pair(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and isinstance(data.get("prior"), list):
            return {**data, "prior": tuple(data["prior"])}
        return data


class Stages(Section):
    """The stages of a Fleming design: patients after the first stage, and in all."""

    first: int = Field(ge=1)
    all: int = Field(ge=2)


class Reference(Section):
    """What a single arm with times to events is compared with: a Weibull distribution with a `median`, taken as known.

    With `shape` 1 it is exponential.
    """

    median: Observation
    shape: Shape = Field(default_factory=lambda: Shape.of(1))


class SizeStudy(Section):
    """A question of size. See docs/guide/size.md; a key that a design does not use is refused.

    `null` is the rate that is not worth more (two arms have none: it is not a difference), `alternative` the rate
    (or, of log-rank tests, the hazard ratio) that must not be missed, or `calibrated`: what the posterior of the pilot
    says; `modelled`: what the scenario says at its point values.
    """

    format: Literal[1] = 1
    study: Literal["size"]
    name: str = "study"
    title: str
    description: str = ""
    scenario: str
    changes: dict[str, Any] = Field(default_factory=dict)
    endpoint: SizeEndpoint
    design: Design
    null: Probability | None = None
    alternative: Any = None
    alpha: Share = 0.05
    power: Share = 0.80
    sides: Literal[1, 2] = 1
    test: str | None = None
    two_sided: Literal["doubled", "ordered"] | None = None
    stages: Stages | None = None
    toxicity: ToxicityAim | None = None
    variants: dict[str, dict[str, Any]] = Field(default_factory=dict)
    control: str | None = None
    allocation: Allocation = Field(default_factory=Allocation)
    looks: Looks = Field(default_factory=Looks)
    conduct: Conduct = Field(default_factory=Conduct)
    safety: Safety | None = None
    half_width: Probability | None = None
    reference: Reference | None = None
    confidence: Share = Field(default=0.95, gt=0.0, lt=1.0)
    largest_n: int = Field(default=400, ge=2, le=5000)
    replicates: int = Field(default=20_000, ge=100, le=10_000_000)
    source: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _numbers(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        fields = dict(data)
        if "n" in fields:
            problem = "a study of size finds n, so `n` is not a key of it"
            raise mistake(problem, "`largest_n` as a limit; the power of each n that was tried is in curve.csv")
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
