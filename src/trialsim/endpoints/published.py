"""Published statistics that are measured in the patients of a trial: shares, medians, Kaplan-Meier estimates.

Each is an endpoint of the registry and a way to sum it up. The expressions by which it is measured in a patient serve
twice: on simulated trials, one number a trial, and in a calibration, on many simulated patients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from trialsim.config.schema.comparison_study import EndpointSpec
from trialsim.config.schema.published_statistic import PublishedStatistic
from trialsim.config.schema.quantities import Duration
from trialsim.config.schema.written_values import plain_unit
from trialsim.config.source.problems import nearest
from trialsim.endpoints.endpoint import Endpoint
from trialsim.endpoints.expressions import Expression, KnownColumns
from trialsim.endpoints.measures import Mean, Measurement, TimeToEvent
from trialsim.endpoints.per_patient import condition_of, known_columns
from trialsim.endpoints.per_trial import TrialStatistic
from trialsim.endpoints.population import Population, population_named
from trialsim.endpoints.registry import ENDPOINTS, TOXICITY, known_endpoints, toxicity_named
from trialsim.endpoints.responses import response_named_by
from trialsim.endpoints.survival import curves_at, medians_of
from trialsim.errors import RequestError
from trialsim.model.disease import STATISTIC_PREFIX
from trialsim.model.protocol import Protocol
from trialsim.typing import Floats

if TYPE_CHECKING:
    from trialsim.simulation.patients import PatientTable

SHARE: Final = "share"  # of patients for whom `value` is true
MEDIAN: Final = "median"  # of `value`, which is known of everyone
MEAN: Final = "mean"  # the same
SURVIVAL: Final = "survival"  # Kaplan-Meier estimate at a time
SURVIVAL_MEDIAN: Final = "survival median"  # Kaplan-Meier median
NOT_REACHED: Final = "not reached"  # whether that median lies beyond a time
_COUNT, _OF = " | count", " | of"


@dataclass(frozen=True)
class PatientStatistic:
    """A published statistic as it is measured in patients.

    `value` and `among` are expressions; for a time to an event `value` is the time in days and `event` whether it came,
    and `at` is in days. `factor` makes units of `value` of published ones. `is_incidence` says that what is published
    is 1 less survival, `is_of_everyone` that nobody is left out.
    """

    name: str
    kind: str
    value: str
    event: str = "1"
    among: str = "1"
    unit: str = ""
    factor: float = 1.0
    at: float = 0.0
    is_incidence: bool = False
    is_of_everyone: bool = True

    @property
    def per_trial(self) -> TrialStatistic:
        """The statistic of a trial that reads the columns of `of_trials`."""
        if self.kind == SHARE:
            return TrialStatistic(self.name, self.name, self.name + _COUNT, counted_of=self.name + _OF)
        return TrialStatistic(self.name, self.name, self.name, unit=self.unit)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of `of_trials`."""
        return (self.name + _COUNT, self.name + _OF) if self.kind == SHARE else (self.name,)

    def of_trials(self, table: PatientTable) -> dict[str, Floats]:
        """The number of each trial, by column, shapes (trials,).

        A share is two numbers, its count and of how many. A median that was not reached is infinite; what does not
        exist is missing.
        """
        known = known_columns(table.protocol)
        value, event, among = (
            Expression(text, known, None)(table, len(table)) for text in (self.value, self.event, self.among)
        )
        who = (among > 0.0) & ~np.isnan(value)
        trial = table.replicate[who]
        if self.kind == SHARE:
            counts = (
                np.bincount(table.replicate[who & is_counted], minlength=table.n) for is_counted in (value > 0.0, who)
            )
            return {self.name + end: np.asarray(n, np.float64) for end, n in zip((_COUNT, _OF), counts, strict=True)}
        if self.kind == MEAN:
            n = np.bincount(trial, minlength=table.n)
            sums = np.bincount(trial, weights=value[who], minlength=table.n) / self.factor
            return {self.name: np.divide(sums, n, out=np.full(table.n, np.nan), where=n > 0)}
        has_event = event[who] > 0.0
        if self.kind == SURVIVAL:
            survival = curves_at(value[who], has_event, trial, table.n, self.at)
            return {self.name: 1.0 - survival if self.is_incidence else survival}
        if self.kind == MEDIAN:
            has_event = np.ones(len(trial), np.bool_)
        medians = medians_of(value[who], has_event, trial, table.n)
        if self.kind == NOT_REACHED:
            return {self.name: np.where(np.isnan(medians), np.nan, (medians > self.at).astype(np.float64))}
        return {self.name: medians / self.factor}


def name_in_words(quantity: str, statistic: PublishedStatistic) -> str:
    """The name of a statistic of patients: what, how it is summed up, of whom."""
    words = _endpoint_name(quantity, statistic)
    if statistic.not_reached_by is not None:
        words += f", median not reached by {statistic.not_reached_by.text}"
    elif statistic.kind in _WITH_UNITS:
        words += f", {statistic.kind} ({statistic.unit})"
    if statistic.at_least is not None:
        words += f" of at least {statistic.at_least.text}"
    if statistic.by is not None:
        words += f" by {statistic.by.text}"
    if statistic.at is not None:
        words += f" at {statistic.at.text}"
    population = _population(quantity, statistic)
    if population is not None:
        return words if population is Population.ENROLLED else f"{words} {population.words}"
    return f"{words} where {statistic.among}"


def statistic_of_patients(quantity: str, statistic: PublishedStatistic, protocol: Protocol) -> PatientStatistic:
    """How a published statistic is measured in the patients of a protocol.

    Raises `RequestError`, whose `key` is the key that is wrong, for what cannot be measured.
    """
    endpoint = endpoint_of_statistic(quantity, statistic, protocol)
    measure = endpoint.measure
    if measure is None:  # refused above
        raise ValueError(endpoint.name)
    spec = EndpointSpec(of=endpoint.name, at=_ANY_TIME if _is_time(endpoint) else None)
    found = measure.measurement(spec, protocol, [protocol])
    columns = known_columns(protocol)
    population = _population(quantity, statistic)
    condition = population.among if population is not None else _condition(quantity, str(statistic.among), columns)
    among = f"({found.among}) and ({condition})"
    kind, value, event = _summed_up(statistic, endpoint), _value(statistic, endpoint, found, protocol), found.weight
    if kind == SURVIVAL and not _is_time(endpoint):
        value, event = f"where({value}, {measure.day_of(protocol)}, observed_days)", value
    at = statistic.at or statistic.not_reached_by
    return PatientStatistic(
        name=name_in_words(quantity, statistic),
        kind=kind,
        value=value,
        event=event if kind != SHARE else "1",
        among=among,
        unit=statistic.unit,
        factor=_factor(statistic.unit, endpoint)
        if statistic.kind in _WITH_UNITS and statistic.rounded is not None
        else 1.0,
        at=at.value if at is not None else 0.0,
        is_incidence=kind == SURVIVAL and not _is_time(endpoint),
        is_of_everyone=population is Population.ENROLLED and found.among in ("1", _TREATED),
    )


def _value(statistic: PublishedStatistic, endpoint: Endpoint, found: Measurement, protocol: Protocol) -> str:
    """What is summed up, as an expression: the endpoint's value, up to a day or from a value on."""
    value = found.value
    if statistic.by is not None and statistic.is_of_amounts:
        value = _by_day(endpoint).format(day=statistic.by.value)
    elif statistic.by is not None and endpoint.measure is not None:
        value = f"({value}) and {endpoint.measure.day_of(protocol)} <= {statistic.by.value!r}"
    if statistic.at_least is not None:
        value = f"({value}) >= {statistic.at_least.value * _factor(statistic.at_least.unit, endpoint)!r}"
    return value


def kinds_of(endpoint: Endpoint) -> tuple[str, ...]:
    """How a publication may sum up an endpoint: the kinds of its statistics, with keys that they need or may have."""
    measure = endpoint.measure
    if measure is None or not measure.is_of_patients:
        return ()
    if _is_time(endpoint):
        return ("median", "landmark")
    if endpoint.unit:
        kinds = ("median", "mean", "proportion with `at_least`")
        return (*kinds, "each also `by`") if _by_day(endpoint) else kinds
    return ("proportion, also `by`", "landmark") if measure.has_day else ("proportion",)


def endpoint_of_statistic(quantity: str, statistic: PublishedStatistic, protocol: Protocol | None) -> Endpoint:
    """The endpoint that a published statistic is of, once all of its keys are known to fit it.

    Without a protocol, a name that is not near any endpoint is taken for a toxicity. Raises `RequestError`.
    """
    name = _endpoint_name(quantity, statistic)
    known = {item.name: item for item in known_endpoints([protocol] if protocol is not None else []) if item.measure}
    written = statistic.endpoint or quantity
    near = nearest(written, [*known, *_OF_STATISTICS])
    if protocol is None and (written.startswith(TOXICITY) or not near):
        known.setdefault(name, toxicity_named(name))
    endpoint = known.get(name)
    if endpoint is None:
        raise _refused(quantity, "there is no such endpoint", ", ".join(known), near)
    _check_summary(quantity, statistic, endpoint)
    return endpoint


_ANY_TIME: Final = Duration.of("1 day")  # the time itself is not part of what is measured
_WITH_UNITS: Final = ("median", "mean")  # kinds whose value is in the unit of the endpoint
_TREATED: Final = "not missing(observed_days)"
_OF_STATISTICS: Final = {
    one.name: (item.name, one.population or Population.ENROLLED) for item in ENDPOINTS for one in item.statistics
}


def _of_statistic(name: str) -> tuple[str, Population] | None:
    """The endpoint that a statistic of a trial is of, and among whom; None for what is no such statistic."""
    if name.startswith(STATISTIC_PREFIX):
        return response_named_by(name), Population.EVALUABLE
    return _OF_STATISTICS.get(name)


def _condition(quantity: str, among: str, columns: KnownColumns) -> str:
    """The expression for those among whom a statistic is measured; a single word is a population or a column."""
    if among.isidentifier() and among not in columns.names:
        labels = [population.label for population in Population]
        allowed = f"{', '.join(labels)}, or an expression such as best_response == 2"
        near = nearest(among, [*labels, *columns.names])
        raise _refused(quantity, "there are no such patients", allowed, near, "among")
    return condition_of(among, columns)


def _is_time(endpoint: Endpoint) -> bool:
    return isinstance(endpoint.measure, TimeToEvent)


def _endpoint_name(quantity: str, statistic: PublishedStatistic) -> str:
    """The endpoint by its own name, which may be written as a statistic of a trial."""
    written = statistic.endpoint or quantity
    known = _of_statistic(written)
    return known[0] if known is not None else written.removeprefix(TOXICITY)


def _population(quantity: str, statistic: PublishedStatistic) -> Population | None:
    """The population among whom a statistic is measured; None for an expression."""
    if statistic.among is not None:
        return population_named(statistic.among)
    known = _of_statistic(statistic.endpoint or quantity)
    return known[1] if known is not None else Population.ENROLLED


def _summed_up(statistic: PublishedStatistic, endpoint: Endpoint) -> str:
    if statistic.kind == "proportion":
        return SHARE
    if statistic.kind == "landmark":
        return SURVIVAL
    if statistic.kind == "mean":
        return MEAN
    if statistic.not_reached_by is not None:
        return NOT_REACHED
    return SURVIVAL_MEDIAN if _is_time(endpoint) else MEDIAN


def _factor(unit: str, endpoint: Endpoint) -> float:
    """What makes units of an endpoint's value of a published unit; 0 where they do not fit."""
    own = "days" if _is_time(endpoint) else endpoint.unit
    per_own, per_unit = Duration.factor_of(own), Duration.factor_of(unit)
    if per_own is not None and per_unit is not None:
        return per_unit / per_own
    return 1.0 if plain_unit(unit) == plain_unit(own) else 0.0


def _check_summary(quantity: str, statistic: PublishedStatistic, endpoint: Endpoint) -> None:
    """Refuse a way to sum up that the endpoint does not have, or a value in another unit."""
    name, unit, is_time = endpoint.name, endpoint.unit, _is_time(endpoint)
    is_value = bool(unit) and not is_time
    has_day = endpoint.measure is not None and endpoint.measure.has_day
    if endpoint.measure is not None and not endpoint.measure.is_of_patients:
        raise _refused(quantity, f"{name} is not a number of each patient", "another endpoint")
    if statistic.kind == "landmark" and not (is_time or has_day):
        raise _refused(quantity, f"{name} has no day on which it comes, so it has no landmark", _those_with_days())
    if statistic.kind in _WITH_UNITS and not (is_time or is_value):
        raise _refused(quantity, f"{name} is a share, which has no {statistic.kind}", "`kind: proportion`", key="kind")
    if statistic.kind == "mean" and is_time:
        raise _refused(quantity, f"{name} is a time that may be censored", "`kind: median` or `landmark`", key="kind")
    if statistic.not_reached_by is not None and not is_time:
        raise _refused(quantity, f"{name} is known of everyone", "`not_reached_by` for times to events", key="kind")
    if statistic.kind == "proportion":
        if is_time:
            allowed = "`kind: landmark` with `at`, or `kind: median`"
            raise _refused(quantity, f"{name} is a time to an event, not a share", allowed, key="kind")
        if is_value != (statistic.at_least is not None):
            wrong = f"a share of {name} needs the least value that counts" if is_value else f"{name} has no values"
            allowed = f"`at_least` in {unit}" if is_value else "`at_least` for endpoints with a unit"
            raise _refused(quantity, wrong, allowed, key="at_least")
        if statistic.by is not None and not (has_day or is_value):
            raise _refused(quantity, f"{name} has no day on which it comes", _those_with_days(), key="by")
    if statistic.by is not None and (is_value or is_time) and not _by_day(endpoint):
        allowed = f"one of {', '.join(item.name for item in ENDPOINTS if _by_day(item))}"
        raise _refused(quantity, f"{name} is not recorded by a day", allowed, key="by")
    values = {"value": statistic.value if statistic.kind in _WITH_UNITS else None, "at_least": statistic.at_least}
    for key, value in values.items():
        if value is not None and _factor(value.unit, endpoint) == 0.0:
            allowed = "days, weeks, months or years" if is_time or Duration.factor_of(unit) is not None else unit
            raise _refused(quantity, f"{name} is not measured in {value.unit or 'shares'}", allowed, key=key)


def _by_day(endpoint: Endpoint) -> str:
    """The value as it was on a day, as an expression; empty where that is not recorded."""
    return endpoint.measure.by_day if isinstance(endpoint.measure, Mean) else ""


def _those_with_days() -> str:
    with_days = [item.name for item in ENDPOINTS if item.measure is not None and item.measure.has_day]
    return f"one of {', '.join(with_days)}, a toxicity"


def _refused(quantity: str, wrong: str, allowed: str, suggestion: str = "", key: str = "endpoint") -> RequestError:
    """The error for one key of a statistic."""
    return RequestError(f"statistics.{quantity}.{key}", f"{wrong}.", f"{allowed}.", suggestion, key=key)
