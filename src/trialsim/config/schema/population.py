"""Who is enrolled: baseline covariates, frailties and accrual, as they stand in a scenario."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator
from pydantic_core import PydanticSerializationError

from trialsim.config.schema.quantities import CorrelationCoefficient, Duration, Measurement, Probability, Rate, Spread
from trialsim.config.schema.written_values import Day, mistake
from trialsim.model.sums import add_in_order


class Section(BaseModel):
    """A part of a configuration: strict, frozen, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

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


class Covariate(Section):
    """A baseline covariate: either `shares` of categories, or a continuous `distribution` by median and spread.

    `{male: 17, female: 10}` is short for shares. `sd` is the standard deviation of the value itself (normal), of its
    logarithm (lognormal) or of its log odds (logit-normal).
    """

    shares: dict[str, float] | None = None
    distribution: Literal["normal", "lognormal", "logit-normal"] = "normal"
    median: Measurement | None = None
    sd: Measurement | None = None
    lowest: Measurement | None = None
    highest: Measurement | None = None
    source: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise mistake("this is not a covariate", "{median: 60 years, sd: 9 years} or {male: 17, female: 10}")
        if set(data) & {"median", "shares", "sd", "mean", "distribution", "lowest", "highest"}:
            return data
        source = {"source": data["source"]} if isinstance(data.get("source"), str) else {}
        return {"shares": {k: v for k, v in data.items() if k not in source}, **source}

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
        if self.sd.value <= 0.0:
            raise mistake("the sd must be above 0", f"above 0 {self.sd.unit}")
        if self.distribution == "normal" and self.sd.unit != self.median.unit:
            raise mistake("median and sd have different units", f"sd in {self.median.unit}")
        if self.distribution != "normal" and self.sd.value > Spread.highest:
            raise mistake("this spread on the log or logit scale is out of range", f"at most {Spread.highest:g}")
        if self.distribution != "normal" and self.sd.unit:
            raise mistake("this sd is on the log or logit scale", "sd without a unit, such as 0.5")
        if self.distribution == "lognormal" and self.median.value <= 0:
            raise mistake("a lognormal median must be above 0", f"above 0 {self.median.unit}")
        if self.distribution == "logit-normal" and not 0 < self.median.value < 1:
            raise mistake("a logit-normal median lies between 0 and 1", "between 0 % and 100 %")
        self._check_bounds(self.median)
        return self

    def _check_bounds(self, median: Measurement) -> None:
        low = self.lowest.value if self.lowest is not None else -math.inf
        high = self.highest.value if self.highest is not None else math.inf
        if not low < median.value < high:
            raise mistake("lowest, median and highest must rise", "lowest < median < highest")
        if {q.unit for q in (self.lowest, self.highest) if q is not None} - {median.unit}:
            raise mistake("the bounds have another unit than the median", f"bounds in {median.unit}")

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

    between: list[str]
    correlation: CorrelationCoefficient

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
    long_term: Probability = Field(default_factory=lambda: Probability.of(0))

    @model_validator(mode="after")
    def _leaves_some(self) -> Self:
        if self.long_term.value >= 1.0:
            raise mistake("nobody would ever have these events", "long_term below 1")
        return self


class Pause(Section):
    """A time without enrolment, `[start, end)`."""

    start: Day
    end: Day

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end <= self.start:
            raise mistake("a pause ends after it starts", "start < end")
        return self


class Site(Section):
    """A site with its own opening date, full rate, and a ramp-up in monthly steps to that rate."""

    rate: Rate
    opens: Day | None = None
    ramp_up: Duration = Field(default_factory=lambda: Duration.of("0 days"))


class Accrual(Section):
    """Either exactly `patients` uniformly `over` a window, or a Poisson process at `sites` with target and closing."""

    opens: Day
    patients: int = Field(ge=1, le=100_000)
    over: Duration | None = None
    sites: dict[str, Site] | None = None
    pauses: list[Pause] = Field(default_factory=list)
    closes_after: Duration | None = None
    ineligible: Probability = Field(default_factory=lambda: Probability.of(0))

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
