"""A published statistic: what a cohort reports of its patients, with its denominator or its rounding."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Final, Literal, NamedTuple, Self

from pydantic import Field, model_serializer, model_validator

from trialsim.config.schema.population import Section
from trialsim.config.schema.quantities import Duration, IntervalEnd, Measurement, Observation
from trialsim.config.schema.written_values import mistake
from trialsim.model.vocabulary import STATISTICS

Kind = Literal["proportion", "count", "median", "mean", "landmark"]

# Keys that only some kinds have, and those kinds.
_KINDS_OF_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "count": ("proportion", "count"),
    "value": ("proportion", "median", "mean", "landmark"),
    "rounded_to": ("proportion", "median", "mean", "landmark"),
    "interval": ("median", "mean", "landmark"),
    "by": ("proportion", "median", "mean"),
    "at_least": ("proportion",),
    "at": ("landmark",),
    "not_reached_by": ("median",),
    "among": ("proportion", "median", "mean", "landmark"),
}
_OF_PATIENTS: Final = ("by", "at_least", "at", "not_reached_by", "among")  # keys of what is measured in patients
_ESTIMATES: Final = ("median", "mean", "landmark")  # kinds that are a value with its rounding
_SHARE_UNITS: Final = ("", "%")


class RoundedValue(NamedTuple):
    """A published value and the unit to whose multiples it is rounded, as numbers in the unit of the value."""

    value: float
    rounded_to: float


def plural(unit: str) -> str:
    """The plural of a unit of time: `1 month` beside `19 months`; any other unit as it is."""
    return f"{unit}s" if unit in ("day", "week", "month", "year") else unit


class PublishedStatistic(Section):
    """A published statistic: `count` of `of`, or a `value` rounded to the nearest `rounded_to`."""

    kind: Kind
    """What kind of statistic it is."""
    printed: str
    """The statistic as it was printed."""
    source: str
    """Where it stands in the publication."""
    count: int | None = Field(default=None, ge=0)
    """How many patients."""
    of: int | None = Field(default=None, ge=1)
    """Of how many patients."""
    value: Measurement | None = None
    """The value with its unit, where no count is given."""
    rounded_to: Measurement | None = None
    """The unit to whose multiples the value is rounded."""
    endpoint: str | None = None
    """What is measured in simulated trials; the name of the statistic says it unless this is given."""
    note: str = ""
    """Anything else."""
    among: str | None = None
    """Of whom: enrolled, evaluable, responders, or an expression over the patients table."""
    by: Observation | None = None
    """Counts what came, or the drug that was taken, up to this time after the first dose."""
    at_least: Measurement | None = None
    """Counts patients with at least this value."""
    at: Observation | None = None
    """The time of a landmark, at which a Kaplan-Meier estimate is read."""
    not_reached_by: Observation | None = None
    """A median had not been reached by this time; in place of its value."""
    interval: list[IntervalEnd] | None = None
    """The published interval of an estimate, as two values, or `[14 months, not reached]` of a median of times.

    It is shown, and nothing is computed from it."""
    compared: bool = True
    """False leaves it out, in an interpretation under which it does not apply."""

    exclusive: ClassVar = (("count", "value"), ("value", "not_reached_by"))

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for key, kinds in _KINDS_OF_KEYS.items():
            if getattr(self, key) is not None and self.kind not in kinds:
                allowed = f"`{key}` for {' or '.join(f'`kind: {kind}`' for kind in kinds)}"
                raise mistake(f"a {self.kind} has no `{key}`", allowed)
        checks = {"median": self._check_median, "mean": self._check_rounded, "landmark": self._check_landmark}
        checks.get(self.kind, self._check_count)()
        if self.interval is not None:
            self._check_interval(self.interval)
        return self

    def _check_interval(self, ends: list[IntervalEnd]) -> None:
        given = [end for end in ends if math.isfinite(end.value)] + ([self.value] if self.value is not None else [])
        units = {plural(item.unit) for item in given}
        if len(ends) != 2 or not ends[0].value < ends[1].value or len(units) != 1:
            allowed = "[10.6 months, 35.9 months] beside months, or [14 months, not reached]"
            raise mistake("an interval is two rising values in the unit of the value", allowed)
        if math.isinf(ends[1].value) and (self.kind != "median" or Duration.factor_of(units.pop()) is None):
            problem = f"an end of the interval of this {self.kind} is always reached"
            raise mistake(problem, "two values; `not reached` as the upper end of a median of times")

    def _check_median(self) -> None:
        if self.not_reached_by is not None:
            if self.value is not None or self.rounded_to is not None:
                raise mistake("a median that was not reached has no value", "one of `value` and `not_reached_by`")
            return
        self._check_rounded()

    def _check_rounded(self) -> None:
        if self.value is None or self.rounded_to is None or self.rounded_to.value <= 0:
            allowed = "{value: 400 mg/day, rounded_to: 100 mg/day}"
            if self.kind == "median":
                allowed += ", or `not_reached_by: 6 months` of a median that was not reached"
            raise mistake(f"a {self.kind} needs its value and its rounding", allowed)
        if plural(self.value.unit) != plural(self.rounded_to.unit):
            raise mistake("value and rounding have different units", f"rounded_to in {self.value.unit}")
        if self.value.unit in _SHARE_UNITS:
            raise mistake(f"a {self.kind} is not a share", "a value with its unit, or `kind: proportion`")

    def _check_landmark(self) -> None:
        if self.at is None or self.value is None or self.rounded_to is None:
            raise mistake(
                "a landmark needs its time, its value and its rounding",
                "{at: 12 months, value: 46 %, rounded_to: 1 %}",
            )
        self._check_share(self.value, self.rounded_to)

    def _check_share(self, value: Measurement, rounded_to: Measurement | None) -> None:
        if value.unit not in _SHARE_UNITS or not 0.0 <= value.value <= 1.0:
            raise mistake("this is not a share", "a share from 0 % to 100 %")
        if rounded_to is not None and (rounded_to.unit not in _SHARE_UNITS or not 0.0 < rounded_to.value < 1.0):
            raise mistake("this is not the rounding of a share", "a share above 0 %, such as 1 %")

    def _check_count(self) -> None:
        if self.of is None or (self.count is None and (self.value is None or self.kind == "count")):
            problem = f"{self.printed} of how many? a {self.kind} needs its count and its denominator"
            raise mistake(problem, "both, such as {count: 11, of: 27}")
        if self.value is not None:
            self._check_share(self.value, self.rounded_to)
            if self.count is not None:
                raise mistake("a proportion has a count or a value", "one of `count` and `value`, beside `of`")
            half = self.rounded_to.value / 2.0 if self.rounded_to is not None else math.inf
            if abs(self.n_counted / self.of - self.value.value) > half * (1.0 + 1e-9):
                below = math.floor(self.value.value * self.of)
                problem = f"no count of {self.of} rounds to {self.value.text}"
                raise mistake(problem, f"the count that is meant, such as {{count: {below}, of: {self.of}}}")
        elif self.n_counted > self.of:
            raise mistake(f"{self.count} of {self.of} is more than all", f"a count from 0 to {self.of}")

    @property
    def n_counted(self) -> int:
        """The count of a proportion or count; of a `value`, the nearest one."""
        if self.count is None and self.value is not None and self.of is not None:
            return math.floor(self.value.value * self.of + 0.5)
        return self.count or 0

    @property
    def rounded(self) -> RoundedValue | None:
        """The value of an estimate and its rounding; None for counts, and for a median that was not reached."""
        if self.kind not in _ESTIMATES or self.value is None or self.rounded_to is None:
            return None
        return RoundedValue(self.value.value, self.rounded_to.value)

    @property
    def rounded_median(self) -> RoundedValue | None:
        """The median and its rounding; None for a statistic of another kind, or a median that was not reached."""
        return self.rounded if self.kind == "median" else None

    @property
    def published(self) -> float:
        """The statistic as a number: a share, a count, or an estimate in its own unit; 1 for a median not reached."""
        if self.not_reached_by is not None:
            return 1.0
        if self.kind in _ESTIMATES:
            return self.value.value if self.value is not None else float("nan")
        return float(self.n_counted) if self.kind == "count" else self.n_counted / (self.of or 1)

    @property
    def rounding(self) -> float:
        """The unit to whose multiples `published` is rounded; 0 for counts and shares of a count."""
        return self.rounded.rounded_to if self.rounded is not None else 0.0

    @property
    def unit(self) -> str:
        """The unit of `published`; empty for a share."""
        if self.kind in ("median", "mean") and self.value is not None:
            return self.value.unit
        return "patients" if self.kind == "count" else ""

    @property
    def is_of_amounts(self) -> bool:
        """Whether values are summed up, and not the patients in whom something came."""
        return self.kind in ("median", "mean") or self.at_least is not None

    def trial_statistic(self, quantity: str) -> str | None:
        """The statistic of the table of replicates that this one is compared with; `quantity` is its own name.

        None for what is measured in the patients: what has a key of that, and what no statistic of a trial is called
        (their names have a dot, or are known).
        """
        name = self.endpoint or quantity
        if self.kind in ("mean", "landmark") or any(getattr(self, key) is not None for key in _OF_PATIENTS):
            return None
        return name if self.kind == "count" or "." in name or name in STATISTICS else None

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        written = handler(self)
        left_out = ("compared",) if self.compared else ()
        return {key: value for key, value in written.items() if value is not None and key not in left_out}
