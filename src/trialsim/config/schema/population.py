"""Who is enrolled: baseline covariates, frailties and accrual, as they stand in a scenario."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_serializer, model_validator
from pydantic_core import CoreSchema, PydanticSerializationError

from trialsim.config.schema.json_forms import (
    NULL,
    TEXT,
    JsonSchema,
    at_most_one,
    descriptions_of,
    nullable,
    on_one_line,
)
from trialsim.config.schema.quantities import CorrelationCoefficient, Duration, Measurement, Probability, Rate, Spread
from trialsim.config.schema.written_values import Day, mistake
from trialsim.model.sums import add_in_order
from trialsim.model.units import DoseUnit

# Keys that tell a covariate in its long form from shares of categories.
LONG_KEYS: Final = ("median", "shares", "sd", "mean", "distribution", "lowest", "highest")


class Section(BaseModel):
    """A part of a configuration: strict, frozen, no unknown keys.

    `exclusive` are groups of keys of which at most one is given.
    """

    # A section that is not used is not built: a scenario does not wait for the sections of studies.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, data: Any) -> Any:
        return cls.without_nulls(data) if isinstance(data, Mapping) else data

    @classmethod
    def without_nulls(cls, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """Plain data without the known keys that are null, which says no more than if they were not there."""
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return {key: value for key, value in data.items() if value is not None or key not in known}

    def model_dump(self, **how: Any) -> dict[str, Any]:
        """As of any model, but Ctrl-C stays what it is: pydantic takes it for a mistake in what it serialises."""
        try:
            return super().model_dump(**how)
        except PydanticSerializationError as error:
            if "KeyboardInterrupt" in str(error):
                raise KeyboardInterrupt from None
            raise

    @classmethod
    def short_forms(cls) -> tuple[JsonSchema, ...]:
        """What may stand in place of the keys, in JSON Schema."""
        return ()

    @classmethod
    def needed_keys(cls) -> JsonSchema:
        """Which keys must be there, in JSON Schema."""
        needed = [field.alias or name for name, field in cls.model_fields.items() if field.is_required()]
        return {"required": needed} if needed else {}

    @classmethod
    def rules_of_keys(cls) -> list[JsonSchema]:
        """Which keys go together, in JSON Schema."""
        return [rule for group in cls.exclusive for rule in at_most_one(group)]

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        written: JsonSchema = dict(handler.resolve_ref_schema(handler(core_schema)))
        written.pop("required", None)
        written.pop("title", None)
        description = on_one_line(written.pop("description", cls.__doc__))
        names = {field.alias or name: name for name, field in cls.model_fields.items()}
        described = descriptions_of(cls)
        properties = {
            key: {"description": described[names[key]], **nullable(form)} for key, form in written["properties"].items()
        }
        keys = {**written, "properties": properties, **cls.needed_keys()}
        if rules := cls.rules_of_keys():
            keys["allOf"] = rules
        forms = cls.short_forms()
        return {"description": description, **({"anyOf": [*forms, keys]} if forms else keys)}


_BODY_SIZES: Final = {
    "m²": ("body surface", {"median": "1.8 m²", "sd": "0.2 m²", "lowest": "1.2 m²"}),
    "kg": ("weight", {"median": "75 kg", "sd": "15 kg", "lowest": "35 kg"}),
}


def body_size_example(unit: DoseUnit, form: Callable[[str], str] = str) -> str:
    """A covariate that is the size of a patient, for doses in a unit by body size; `form` writes each number."""
    name, numbers = _BODY_SIZES[unit.size]
    written = ", ".join(f"{key}: {form(number)}" for key, number in numbers.items())
    return f"{name}: {{{written}}}"


class Covariate(Section):
    """A baseline covariate: either `shares` of categories, or a continuous `distribution` by median and spread.

    `{male: 17, female: 10}` is short for shares. `sd` is the standard deviation of the value itself (normal), of its
    logarithm (lognormal) or of its log odds (logit-normal).
    """

    shares: dict[str, float] | None = None
    """The weights of categories, counts or shares: `{male: 17, female: 10}`."""
    distribution: Literal["normal", "lognormal", "logit-normal"] = "normal"
    """How a continuous value is distributed."""
    median: Measurement | None = None
    """The median of a continuous value, with its unit."""
    sd: Measurement | None = None
    """The standard deviation: of the value (normal), of its logarithm (lognormal) or of its log odds (logit-normal)."""
    lowest: Measurement | None = None
    """Patients with a lower value are not enrolled."""
    highest: Measurement | None = None
    """Patients with a higher value are not enrolled."""
    source: str | None = None
    """Where these numbers are from."""

    exclusive: ClassVar = (("shares", "median"), ("shares", "sd"))

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise mistake("this is not a covariate", "{median: 60 years, sd: 9 years} or {male: 17, female: 10}")
        if set(data) & set(LONG_KEYS):
            return data
        source = {"source": data["source"]} if isinstance(data.get("source"), str) else {}
        return {"shares": {k: v for k, v in data.items() if k not in source}, **source}

    @classmethod
    def short_forms(cls) -> tuple[JsonSchema, ...]:
        """Shares by category."""
        share = {"anyOf": [{"type": "number", "minimum": 0}, NULL]}
        categories = {"type": "object", "properties": {"source": TEXT}, "additionalProperties": share}
        return ({**categories, "minProperties": 1, "propertyNames": {"not": {"enum": list(LONG_KEYS)}}},)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.shares is not None:
            if self.median is not None or self.sd is not None:
                raise mistake("a covariate has categories or a distribution", "`shares`, or `median` and `sd`")
            shares = self.shares.values()
            if not self.shares or min(shares) < 0 or not 0.0 < add_in_order(shares) < math.inf:
                raise mistake("shares must be counts or weights", "numbers of at least 0, not all 0")
            return self
        if self.median is None or self.sd is None:
            raise mistake("a continuous covariate needs its median and its sd", "{median: 60 years, sd: 9 years}")
        self._check_units()
        if self.sd.value <= 0.0:
            raise mistake("the sd must be above 0", f"above 0 {self.sd.unit}".rstrip())
        if self.distribution != "normal" and self.sd.value > Spread.highest:
            raise mistake("this spread on the log or logit scale is out of range", f"at most {Spread.highest:g}")
        if self.distribution != "normal" and self.sd.unit:
            raise mistake("this sd is on the log or logit scale", "sd without a unit, such as 0.5")
        if self.distribution == "lognormal" and self.median.value <= 0:
            raise mistake("a lognormal median must be above 0", f"above 0 {self.median.unit}".rstrip())
        if self.distribution == "logit-normal" and not 0 < self.median.value < 1:
            raise mistake("a logit-normal median lies between 0 and 1", "between 0 % and 100 %")
        self._check_bounds(self.median)
        return self

    def _check_bounds(self, median: Measurement) -> None:
        low = self.lowest.value if self.lowest is not None else -math.inf
        high = self.highest.value if self.highest is not None else math.inf
        if not low < median.value < high:
            raise mistake("lowest, median and highest must rise", "lowest < median < highest")

    def _check_units(self) -> None:
        """Refuse numbers in several units: the median's is that of all but an sd on the log or logit scale."""
        written = {"median": self.median, "lowest": self.lowest, "highest": self.highest}
        if self.distribution == "normal":
            written["sd"] = self.sd
        numbers = {key: item for key, item in written.items() if item is not None}
        units = dict.fromkeys(item.unit for item in numbers.values())
        if len(units) <= 1:
            return
        shown = ", ".join(f"{key} {item.text}" for key, item in numbers.items())
        without = {key: item for key, item in numbers.items() if not item.unit}
        named = [unit for unit in units if unit]
        is_plain = len(named) == 1 and named[0] != "%"
        meant = ", ".join(f"{key}: {item.text} {named[0]}" for key, item in without.items()) if is_plain else ""
        problem = "the numbers of this covariate have different units"
        if without:
            verb = "has" if len(without) == 1 else "have"
            problem = f"the {' and '.join(without)} of this covariate {verb} no unit, and others have one"
        raise mistake(f"{problem} ({shown})", f"all in {' or all in '.join(named)}", meant)

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        written = {key: value for key, value in handler(self).items() if value is not None}
        if self.shares is not None:
            written.pop("distribution")
        return written


class Correlation(Section):
    """The correlation between the standard normal scores of two covariates; of pairs that are not named it is 0.

    A score is the normal quantile of the number in (0, 1) that gives the value. Of a covariate with categories it rises
    from the first category to the last.
    """

    between: list[str] = Field(json_schema_extra={"minItems": 2, "maxItems": 2, "uniqueItems": True})
    """The names of two covariates."""
    correlation: CorrelationCoefficient
    """The correlation of their normal scores, above -1 and below 1."""

    @model_validator(mode="after")
    def _of_two(self) -> Self:
        if len(self.between) != 2 or self.between[0] == self.between[1]:
            raise mistake("a correlation is between two covariates", "{between: [age, marker], correlation: 0.3}")
        return self


class Frailty(Section):
    """A lognormal frailty (median 1) that clocks may share; `sd` on the log scale.

    `long_term` is the share of patients in whom none of these events ever happens (a mixture cure model).
    """

    sd: Spread
    """The standard deviation of the logarithm of the frailty."""
    long_term: Probability = Field(default_factory=lambda: Probability.of(0))
    """The share of patients in whom none of these events ever happens."""

    @model_validator(mode="after")
    def _leaves_some(self) -> Self:
        if self.long_term.value >= 1.0:
            raise mistake("nobody would ever have these events", "long_term below 1")
        return self


class Pause(Section):
    """A time without enrolment, `[start, end)`."""

    start: Day
    """The first day without enrolment."""
    end: Day
    """The day on which enrolment goes on."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end <= self.start:
            raise mistake("a pause ends after it starts", "start < end")
        return self


class Site(Section):
    """A site with its own opening date, full rate, and a ramp-up in monthly steps to that rate."""

    rate: Rate
    """The rate of enrolment once the site is at full speed, such as 3 /month."""
    opens: Day | None = None
    """The day on which the site opens; the opening of the trial unless given."""
    ramp_up: Duration = Field(default_factory=lambda: Duration.of("0 days"))
    """How long the site takes to reach its full rate, in monthly steps."""


class Accrual(Section):
    """Either exactly `patients` uniformly `over` a window, or a Poisson process at `sites` with target and closing."""

    opens: Day
    """The day on which the trial opens."""
    patients: int = Field(ge=1, le=100_000)
    """The number of patients: exactly this many over a window, or the target of a Poisson process."""
    over: Duration | None = None
    """The window over which exactly these patients enrol, uniformly."""
    sites: dict[str, Site] | None = None
    """The sites of a Poisson process of enrolment, by name."""
    pauses: list[Pause] = Field(default_factory=list)
    """Times without enrolment."""
    closes_after: Duration | None = None
    """How long after its opening the trial closes to enrolment, whatever the number of patients."""
    ineligible: Probability = Field(default_factory=lambda: Probability.of(0))
    """The share of screened patients who are not eligible."""

    exclusive: ClassVar = (("over", "sites"),)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.over is None) == (self.sites is None):
            raise mistake(
                "accrual is either over a window or by a Poisson process",
                "exactly one of `over` (a window) and `sites` (rates); null takes an inherited key away",
            )
        if self.over is not None:
            self._check_window(self.over)
        if self.sites is not None:
            self._check_sites(self.sites)
        return self

    def _check_window(self, over: Duration) -> None:
        if over.value <= 0.0:
            raise mistake("the accrual window must be longer than 0", 'such as "10 months"')
        if self.pauses or self.closes_after is not None or self.ineligible.value > 0.0:
            raise mistake(
                "an accrual window takes exactly its patients",
                "`pauses`, `closes_after` and `ineligible` only with `sites`",
            )

    def _check_sites(self, sites: dict[str, Site]) -> None:
        if not sites or all(site.rate.value == 0.0 for site in sites.values()):
            raise mistake("nobody would ever enrol", "at least one site with a rate above 0")
        if self.ineligible.value >= 1.0:
            raise mistake("nobody would be eligible", "ineligible below 1")
        if any(site.opens is not None and site.opens < self.opens for site in sites.values()):
            raise mistake("a site opens before the trial", f"site dates from {self.opens} on")
        if any(pause.end <= self.opens for pause in self.pauses):
            raise mistake("a pause ends before the trial opens", f"pauses after {self.opens}")
