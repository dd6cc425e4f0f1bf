"""Endpoints: from the patients of a trial to one number, and what each patient adds to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from trialsim.config.schema.comparison_study import EndpointSpec
from trialsim.config.source.problems import nearest
from trialsim.endpoints.expressions import MAX_LENGTH, Expression
from trialsim.endpoints.survival import restricted_mean, survival_at
from trialsim.errors import RequestError
from trialsim.model import vocabulary as v
from trialsim.model.protocol import Protocol
from trialsim.model.units import DAYS_PER_MONTH, DAYS_PER_WEEK
from trialsim.records.outcomes import patient_columns_of
from trialsim.simulation.patients import PatientTable
from trialsim.typing import Flags, Floats

MEAN: Final = "mean"  # of the value over those among whom, or the ratio of two sums
SURVIVAL: Final = "survival"  # the probability of no event by a time
RESTRICTED: Final = "restricted mean"  # of the time without an event, up to a horizon

_STOPPED: Final = f"treatment_end == {v.TOXICITY_STOP}"
_EVENT: Final = "min(progression_seen_days, death_days)"
_RESPONDER: Final = "best_response >= 1"
_AMONG: Final = {"enrolled": "1", "evaluable": "is_evaluable", "responders": f"is_evaluable and {_RESPONDER}"}
# Known endpoints that are means: expression, among whom, unit, which way is better, factor.
_MEANS: Final[dict[str, tuple[str, str, str, str]]] = {
    "partial response": ("best_response == 2", "enrolled", "", "higher"),
    "minor response": ("best_response == 1", "enrolled", "", "higher"),
    "any response": (_RESPONDER, "enrolled", "", "higher"),
    "time to response": (f"response_seen_days / {DAYS_PER_MONTH}", _RESPONDER, "months", "lower"),
    "average dose": ("mean_dose_mg_per_day", "enrolled", "mg/day", ""),
    "highest dose": ("highest_dose_mg_per_day", "enrolled", "mg/day", ""),
    "total dose": ("total_dose_mg / 1000", "enrolled", "g", ""),
    "maximum reached": ("not missing(maximum_reached_days)", "enrolled", "", ""),
    "time to maximum": (
        f"maximum_reached_days / {DAYS_PER_MONTH}",
        "not missing(maximum_reached_days)",
        "months",
        "",
    ),
    "days held": ("held_days", "enrolled", "days", "lower"),
    "treatment time": (f"treatment_days / {DAYS_PER_MONTH}", "enrolled", "months", ""),
    "stopped by a rule": (_STOPPED, "enrolled", "", "lower"),
    "died": ("not missing(death_days)", "enrolled", "", "lower"),
}
_RESPONSE_DAYS: Final = {"partial response": "partial_seen_days", "any response": "response_seen_days"}
_TIMES: Final = {"survival": "death_days", "progression-free": _EVENT, "relapse-free": _EVENT}
_OTHERS: Final = ("any severe toxicity", "any toxicity", "dose intensity", "time at level")


@dataclass(frozen=True)
class Endpoint:
    """One endpoint of a comparison.

    `value` and `weight` give the numerator and denominator of each patient among whom it is asked for (who have none of
    it, such as a day that has not come, are left out); for times to
    events `value` is the time, `weight` whether there was an event, and `horizon` in days. An empty `unit` is a share,
    an empty `better` an endpoint of which neither more nor less is better by itself, such as a dose.
    """

    name: str
    unit: str
    better: str
    kind: str
    value: Expression
    weight: Expression
    among: Expression
    strategy: str
    horizon: float = 0.0

    def of_trials(self, table: PatientTable, is_chosen: Flags | None) -> tuple[Floats, Floats]:
        """The number of each trial, shape (trials,), and what each patient adds, shape (patients,).

        The sum of squares of what the n patients of a trial add is the variance of its number, with n - 1 in the
        denominator as for any variance that is estimated. `is_chosen` are the patients of one arm. Missing where there
        is nobody to take it of.
        """
        among = self.among(table, len(table)) > 0.0
        if is_chosen is not None:
            among &= is_chosen
        value, weight = self.value(table, len(table)), self.weight(table, len(table))
        among &= ~(np.isnan(value) | np.isnan(weight))
        n = np.bincount(table.replicate[among], minlength=table.n)
        freed = np.sqrt(n / np.maximum(n - 1.0, 1.0))[table.replicate]
        if self.kind == MEAN:
            values, added = _ratios(table, np.where(among, value, 0.0), np.where(among, weight, 0.0))
            return values, added * freed
        found, added = np.full(table.n, np.nan), np.zeros(len(table))
        one = survival_at if self.kind == SURVIVAL else restricted_mean
        scale = 1.0 if self.kind == SURVIVAL else 1.0 / DAYS_PER_MONTH
        edges = np.searchsorted(table.replicate, np.arange(table.n + 1))
        for i in range(table.n):
            own = np.flatnonzero(among[edges[i] : edges[i + 1]]) + edges[i]
            found[i], part = one(value[own], weight[own] > 0.0, self.horizon)
            added[own] = part * scale
        return found * scale, added * freed


def _ratios(table: PatientTable, value: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Ratios of sums by trial, and what each patient adds to them (the delta method)."""
    total = np.bincount(table.replicate, weights=weight, minlength=table.n)
    sums = np.bincount(table.replicate, weights=value, minlength=table.n)
    found = np.divide(sums, total, out=np.full(table.n, np.nan), where=total > 0.0)
    whole = np.where(total > 0.0, total, 1.0)[table.replicate]
    return found, (value - np.nan_to_num(found)[table.replicate] * weight) / whole


def endpoints_of(specs: Sequence[EndpointSpec], protocols: Sequence[Protocol]) -> tuple[tuple[Endpoint, ...], ...]:
    """The endpoints of a study for each of its variants, whose toxicities and ladders may differ.

    Raises `RequestError` for one that is not known, that a variant has no column for, or that two share a name.
    """
    found = tuple(tuple(endpoint_of(spec, protocol, protocols) for spec in specs) for protocol in protocols)
    names = [item.name for item in found[0]]
    for name in names:
        if names.count(name) > 1:
            raise RequestError(
                f"endpoint {name}", "two endpoints have this name.", "a `name` of its own for each.", key="endpoint"
            )
    return found


def endpoint_of(spec: EndpointSpec, protocol: Protocol, everyone: Sequence[Protocol]) -> Endpoint:
    """One endpoint for one variant; `everyone` are the protocols of all of them."""
    _check_keys(spec)
    known = tuple(column.name for column in patient_columns_of(protocol))
    kind, value, weight, among, unit, better = _parts(spec, protocol, everyone)
    if spec.among is not None:
        if spec.among not in _AMONG:
            Expression(spec.among, known)  # by itself, so that brackets that do not match are refused
        among = f"({among}) and ({_AMONG.get(spec.among, spec.among)})"
    return Endpoint(
        name=spec.name or _name(spec),
        unit=spec.unit or unit,
        better=spec.better or better,
        kind=kind,
        value=Expression(value, known, None if spec.expression is None else MAX_LENGTH),
        weight=Expression(weight, known, None),
        among=Expression(among, known, None),
        strategy=spec.strategy,
        horizon=_horizon(spec),
    )


def _check_keys(spec: EndpointSpec) -> None:
    """Keys that say nothing of an endpoint are refused, so that no title says what was not done."""
    if spec.of not in _TIMES and _horizon(spec) > 0.0:
        raise _refused(spec, "only times to events have `at` or `to`", ", ".join(_TIMES))
    if spec.of not in (*_RESPONSE_DAYS, *_TIMES) and spec.strategy != "treatment policy":
        raise _refused(spec, "this endpoint has no other strategy", ", ".join([*_RESPONSE_DAYS, *_TIMES]))
    if (spec.of == "time at level") != (spec.level is not None):
        raise _refused(spec, "`time at level` and `level` go together", "{of: time at level, level: 400 mg/day}")
    if spec.unit and spec.expression is None:
        raise _refused(spec, "its unit is known", "`unit` beside an `expression`")


def _horizon(spec: EndpointSpec) -> float:
    span = spec.at or spec.to
    return span.value if span is not None else 0.0


def _name(spec: EndpointSpec) -> str:
    words = str(spec.of)
    if spec.level is not None:
        words = f"time at {spec.level.value:g} mg/day"
    if spec.at is not None:
        words += f" at {spec.at.text}"
    if spec.to is not None:
        words += f" time to {spec.to.text}"
    if spec.strategy != "treatment policy":
        words += f" ({spec.strategy})"
    return words if spec.among is None else f"{words} of {spec.among}"


Parts = tuple[str, str, str, str, str, str]  # kind, value, weight, among, unit, better


def _parts(spec: EndpointSpec, protocol: Protocol, everyone: Sequence[Protocol]) -> Parts:
    of = spec.of
    if spec.expression is not None:
        return MEAN, spec.expression, "1", "1", spec.unit, str(spec.better)
    if of in _TIMES:
        return _time(spec)
    if of in _RESPONSE_DAYS and spec.strategy != "treatment policy":
        value = _MEANS[of][0]
        until_stop = f"{_RESPONSE_DAYS[of]} <= {_until_stop('observed_days')}"
        value = f"{value} and not ({_STOPPED})" if spec.strategy == "composite" else f"{value} and {until_stop}"
        return MEAN, value, "1", "1", "", "higher"
    if of == "dose intensity":
        return MEAN, "total_dose_mg", f"observed_days / {DAYS_PER_WEEK}", "1", "mg/week", ""
    if of == "time at level" and spec.level is not None:
        if not any(spec.level.value in item.levels for item in everyone):
            raise _refused(spec, "no variant has this level", "a dose of a ladder")
        days = f"days_at({spec.level.value:g})" if spec.level.value in protocol.levels else "0 * treatment_days"
        return MEAN, days, "treatment_days", "1", "", ""
    if of in _MEANS:
        value, among, unit, better = _MEANS[of]
        return MEAN, value, "1", _AMONG.get(among, among), unit, better
    return MEAN, _toxicity(spec, protocol, everyone), "1", "1", "", "lower"


def _toxicity(spec: EndpointSpec, protocol: Protocol, everyone: Sequence[Protocol]) -> str:
    """Whether a patient had one of the toxicities that this variant has; no variant may lack all of them unsaid."""

    def names_in(protocol: Protocol) -> list[str]:
        clocks = [protocol.clocks[place] for place in protocol.toxicities]
        return {
            "any toxicity": [clock.name for clock in clocks],
            "any severe toxicity": [clock.name for clock in clocks if clock.is_severe],
        }.get(str(spec.of), [clock.name for clock in clocks if clock.name == spec.of])

    if not any(names_in(item) for item in everyone):
        toxicities = dict.fromkeys(item.clocks[place].name for item in everyone for place in item.toxicities)
        known = [*_MEANS, *_TIMES, *_OTHERS, *toxicities]
        raise _refused(spec, "there is no such endpoint", ", ".join(known), nearest(str(spec.of), known))
    return " or ".join(f'n_onsets("{name}") > 0' for name in names_in(protocol)) or "0"


def _until_stop(otherwise: str) -> str:
    """The day on which a rule stopped treatment, or another one for those whom none did."""
    return f"where({_STOPPED}, treatment_days, {otherwise})"


def _time(spec: EndpointSpec) -> Parts:
    """A time to an event: value, whether it came, among whom."""
    if _horizon(spec) <= 0.0:
        raise _refused(spec, "a time to an event needs a time", "`at: 12 months` or `to: 12 months`")
    event, until = _TIMES[str(spec.of)], "observed_days"
    among = _RESPONDER if spec.of == "relapse-free" else "not missing(observed_days)"
    if spec.strategy == "composite":
        event = f"min({event}, {_until_stop('death_days')})"
    elif spec.strategy == "while on treatment":
        until = _until_stop("observed_days")
        among += f" and response_seen_days <= {until}" if spec.of == "relapse-free" else ""
    value = f"min({event}, {until})"
    if spec.of == "relapse-free":
        value = f"max({value} - response_seen_days, 0)"
    kind, unit = (SURVIVAL, "") if spec.at is not None else (RESTRICTED, "months")
    return kind, value, f"{event} <= {until}", among, unit, "higher"


def _refused(spec: EndpointSpec, wrong: str, allowed: str, suggestion: str = "") -> RequestError:
    return RequestError(f"endpoint {spec.name or spec.of}", f"{wrong}.", f"{allowed}.", suggestion, key="endpoint")
