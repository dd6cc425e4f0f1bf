"""How an endpoint is measured in a patient: expressions over the columns of the patients table.

A measure is what a registered endpoint has (`registry`); its `measurement` is the measure for one protocol and one
specification of a study.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import ClassVar, Final

from trialsim.config.schema.comparison_study import EndpointSpec
from trialsim.errors import RequestError
from trialsim.model import vocabulary as v
from trialsim.model.protocol import Protocol

MEAN: Final = "mean"  # of the value over those among whom, or the ratio of two sums
SURVIVAL: Final = "survival"  # the probability of no event by a time
RESTRICTED: Final = "restricted mean"  # of the time without an event, up to a horizon

STOPPED: Final = f"treatment_end == {v.TOXICITY_STOP}"
DISCONTINUED: Final = f"treatment_end == {v.DISCONTINUATION}"
GIVEN_UP: Final = f"({STOPPED} or {DISCONTINUED})"  # the intercurrent event: treatment ended by a rule or by choice
RESPONDED: Final = "not missing(response_seen_days)"
PROGRESSED_OR_DIED: Final = "min(progression_seen_days, death_days)"  # the day of the first of the two


@dataclass(frozen=True)
class Measurement:
    """Expressions: `value` and `weight` are the numerator and denominator of a patient `among` whom it is measured.

    For a time to an event `value` is the time and `weight` whether there was an event. `unit` replaces that of the
    endpoint where it is not None.
    """

    kind: str
    value: str
    weight: str = "1"
    among: str = "1"
    unit: str | None = None


class Measure(ABC):
    """What is measured. `keys` are those of a specification that say something of it, beside `of` and `among`."""

    keys: ClassVar[frozenset[str]] = frozenset()
    is_of_patients: ClassVar[bool] = True  # whether each patient has a number of their own

    @property
    def has_day(self) -> bool:
        """Whether what is counted comes on a study day, which `day_of` gives."""
        return False

    @abstractmethod
    def measurement(self, spec: EndpointSpec, protocol: Protocol, everyone: Sequence[Protocol]) -> Measurement:
        """The measure for one variant; `everyone` are the protocols of all. Raises `RequestError`."""

    def day_of(self, protocol: Protocol) -> str:
        """The study day on which what is counted came, as an expression; missing where it comes on no single day."""
        return "0 / 0"


@dataclass(frozen=True)
class Mean(Measure):
    """A mean over patients; a share where `value` is true or false, which it becomes on the study day `day`.

    `by_day` is the value as it was on a study day, `{day}` in the expression; empty where that is not recorded.
    """

    value: str
    among: str = "1"
    day: str = ""
    by_day: str = ""

    @property
    def has_day(self) -> bool:
        """Whether it comes on a day."""
        return bool(self.day)

    def measurement(self, spec: EndpointSpec, protocol: Protocol, everyone: Sequence[Protocol]) -> Measurement:
        """The same for every protocol."""
        return Measurement(MEAN, self.value, among=self.among)

    def day_of(self, protocol: Protocol) -> str:
        """The same for every protocol."""
        return self.day


@dataclass(frozen=True)
class Response(Measure):
    """Whether a response is the best one seen; `seen` is the column of the day on which it was first seen."""

    value: str
    seen: str
    keys: ClassVar[frozenset[str]] = frozenset({"strategy"})
    has_day = True

    def measurement(self, spec: EndpointSpec, protocol: Protocol, everyone: Sequence[Protocol]) -> Measurement:
        """The share under the strategy for those whose treatment was given up."""
        value = self.value
        if spec.strategy == "composite":
            value = f"{value} and not {GIVEN_UP}"
        elif spec.strategy == "while on treatment":
            value = f"{value} and {self.seen} <= {_until_stop('observed_days')}"
        return Measurement(MEAN, value)

    def day_of(self, protocol: Protocol) -> str:
        """The day on which the response was first seen."""
        return self.seen


@dataclass(frozen=True)
class ConfirmedResponse(Measure):
    """Whether a response was confirmed; `confirmed` is the column of the day on which it was."""

    confirmed: str
    has_day = True

    def measurement(self, spec: EndpointSpec, protocol: Protocol, everyone: Sequence[Protocol]) -> Measurement:
        """The share, where assessments can confirm a response."""
        if protocol.confirmation_days == 0.0:
            raise refused(
                spec, "no response is ever confirmed", "`assessment: {confirmation: 28 days}` in the scenario"
            )
        return Measurement(MEAN, f"not missing({self.confirmed})")

    def day_of(self, protocol: Protocol) -> str:
        """The day of the assessment that confirmed it."""
        return self.confirmed


@dataclass(frozen=True)
class Ratio(Measure):
    """A ratio of two sums over patients."""

    value: str
    weight: str
    is_of_patients: ClassVar[bool] = False

    def measurement(self, spec: EndpointSpec, protocol: Protocol, everyone: Sequence[Protocol]) -> Measurement:
        """The same for every protocol."""
        return Measurement(MEAN, self.value, self.weight)


@dataclass(frozen=True)
class TimeAtLevel(Measure):
    """The share of the time on treatment that is spent at one level of the ladder."""

    keys: ClassVar[frozenset[str]] = frozenset({"level"})
    is_of_patients: ClassVar[bool] = False

    def measurement(self, spec: EndpointSpec, protocol: Protocol, everyone: Sequence[Protocol]) -> Measurement:
        """No time where the ladder of this variant lacks the level."""
        if spec.level is None:
            raise refused(spec, "`time at level` needs a `level`", "{of: time at level, level: 400 mg/day}")
        level, unit = spec.level.value, spec.level.unit
        has_level = [level in item.levels and unit == item.dose_unit for item in (protocol, *everyone)]
        if not any(has_level):
            raise refused(spec, "no variant has this level", "a dose of a ladder")
        days = f"days_at({level:g})" if has_level[0] else "0 * treatment_days"
        return Measurement(MEAN, days, "treatment_days")


@dataclass(frozen=True)
class TimeToEvent(Measure):
    """A time to an event from the first dose, or from `start` in those who have one."""

    event: str
    start: str = ""
    keys: ClassVar[frozenset[str]] = frozenset({"at", "to", "strategy"})

    def measurement(self, spec: EndpointSpec, protocol: Protocol, everyone: Sequence[Protocol]) -> Measurement:
        """The time, whether the event came, and among whom, under the strategy."""
        if (spec.at or spec.to) is None:
            raise refused(spec, "a time to an event needs a time", "`at: 12 months` or `to: 12 months`")
        event, until = self.event, "observed_days"
        among = f"not missing({self.start})" if self.start else "not missing(observed_days)"
        if spec.strategy == "composite":
            event = f"min({event}, {_until_stop('death_days')})"
        elif spec.strategy == "while on treatment":
            until = _until_stop("observed_days")
            among += f" and {self.start} <= {until}" if self.start else ""
        value = f"min({event}, {until})"
        if self.start:
            value = f"max({value} - {self.start}, 0)"
        kind, unit = (SURVIVAL, "") if spec.at is not None else (RESTRICTED, "months")
        return Measurement(kind, value, f"{event} <= {until}", among, unit)


@dataclass(frozen=True)
class Toxicity(Measure):
    """Whether a patient had a toxicity: the one with a name, or any, or any severe one."""

    name: str = ""
    only_severe: bool = False
    has_day = True

    def names_in(self, protocol: Protocol) -> tuple[str, ...]:
        """The toxicities of a protocol that are meant."""
        clocks = (protocol.clocks[place] for place in protocol.toxicities)
        return tuple(
            clock.name
            for clock in clocks
            if self.name in ("", clock.name) and (clock.is_severe or not self.only_severe)
        )

    def measurement(self, spec: EndpointSpec, protocol: Protocol, everyone: Sequence[Protocol]) -> Measurement:
        """The share with any of them; at least one variant has one."""
        if not any(self.names_in(item) for item in everyone):
            raise refused(spec, "no variant has such a toxicity", "another endpoint")
        had = [f'n_onsets("{name}") > 0' for name in self.names_in(protocol)]
        return Measurement(MEAN, " or ".join(had) or "0")

    def day_of(self, protocol: Protocol) -> str:
        """The day of the first onset of any of them."""
        days = [f'first_onset_days("{name}")' for name in self.names_in(protocol)]
        return reduce(lambda first, second: f"min({first}, {second})", days) if days else super().day_of(protocol)


def _until_stop(otherwise: str) -> str:
    """The day on which treatment was given up, by a rule or by choice, or another one for those who went on."""
    return f"where({GIVEN_UP}, treatment_days, {otherwise})"


def refused(spec: EndpointSpec, wrong: str, allowed: str, suggestion: str = "") -> RequestError:
    """The error for a specification."""
    return RequestError(f"endpoint {spec.name or spec.of}", f"{wrong}.", f"{allowed}.", suggestion, key="endpoint")
