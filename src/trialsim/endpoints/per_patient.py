"""Endpoints: from the patients of a trial to one number, and what each patient adds to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from trialsim.config.schema.comparison_study import EndpointSpec
from trialsim.config.source.problems import nearest
from trialsim.endpoints.endpoint import Endpoint
from trialsim.endpoints.expressions import MAX_LENGTH, Expression, KnownColumns
from trialsim.endpoints.measures import MEAN, SURVIVAL, Measure, Measurement, refused
from trialsim.endpoints.population import population_named
from trialsim.endpoints.registry import ENDPOINTS, endpoint_named, known_endpoints
from trialsim.endpoints.survival import restricted_mean, survival_at
from trialsim.errors import RequestError
from trialsim.model.protocol import Protocol
from trialsim.model.units import DAYS_PER_MONTH
from trialsim.records.baseline import baseline_columns_of, categories_of
from trialsim.records.columns import KEY, patient_columns_of
from trialsim.typing import Flags, Floats

if TYPE_CHECKING:
    from trialsim.simulation.patients import PatientTable


@dataclass(frozen=True)
class PatientEndpoint:
    """One endpoint of a study, as it is measured in the patients of one variant.

    `name` states the denominator where several are in use; `written` is what the study calls it. `value` and `weight`
    give the numerator and denominator of each patient among whom it is measured (who have none of it, such as a day
    that has not come, are left out); for times to events `value` is the time, `weight` whether there was an event, and
    `horizon` is in days. An empty `unit` is a share, an empty `better` an endpoint of which neither more nor less is
    better by itself, such as a dose.
    """

    name: str
    written: str
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
        added = np.zeros(len(table))
        compute = survival_at if self.kind == SURVIVAL else restricted_mean
        scale = 1.0 if self.kind == SURVIVAL else 1.0 / DAYS_PER_MONTH
        values, contributions = compute(
            value[among], weight[among] > 0.0, table.replicate[among], table.n, self.horizon
        )
        added[among] = contributions * scale
        return values * scale, added * freed


def _ratios(table: PatientTable, value: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Ratios of sums by trial, and what each patient adds to them (the delta method)."""
    total = np.bincount(table.replicate, weights=weight, minlength=table.n)
    sums = np.bincount(table.replicate, weights=value, minlength=table.n)
    ratios = np.divide(sums, total, out=np.full(table.n, np.nan), where=total > 0.0)
    weight_of_trial = np.where(total > 0.0, total, 1.0)[table.replicate]
    return ratios, (value - np.nan_to_num(ratios)[table.replicate] * weight) / weight_of_trial


def endpoints_of(
    specs: Sequence[EndpointSpec], protocols: Sequence[Protocol]
) -> tuple[tuple[PatientEndpoint, ...], ...]:
    """The endpoints of a study for each of its variants, whose toxicities and ladders may differ.

    Raises `RequestError` for one that is not known, that a variant has no column for, or that two share a name.
    """
    measured = tuple(tuple(endpoint_of(spec, protocol, protocols) for spec in specs) for protocol in protocols)
    names = [item.name for item in measured[0]]
    for name in names:
        if names.count(name) > 1:
            raise RequestError(
                f"endpoint {name}", "two endpoints have this name.", "a different `name` for each.", key="endpoint"
            )
    return measured


def endpoint_of(spec: EndpointSpec, protocol: Protocol, everyone: Sequence[Protocol]) -> PatientEndpoint:
    """One endpoint for one variant; `everyone` are the protocols of all of them.

    Raises `RequestError` for one that is not known or cannot be measured in this variant.
    """
    endpoint, measured = _registered(spec, everyone), Measurement(MEAN, spec.expression or "", unit=spec.unit)
    if endpoint is not None and endpoint.measure is not None:
        _check_keys(spec, endpoint.measure)
        measured = endpoint.measure.measurement(spec, protocol, everyone)
    among = measured.among
    columns = known_columns(protocol)
    if spec.among is not None:
        among = f"({among}) and ({condition_of(spec.among, columns)})"
    return PatientEndpoint(
        name=spec.name or name_of(spec, endpoint),
        written=spec.name or str(spec.of),
        unit=endpoint.unit if measured.unit is None and endpoint is not None else measured.unit or "",
        better=spec.better or (endpoint.direction if endpoint is not None else ""),
        kind=measured.kind,
        value=Expression(measured.value, columns, None if spec.expression is None else MAX_LENGTH),
        weight=Expression(measured.weight, columns, None),
        among=Expression(among, columns, None),
        strategy=spec.strategy,
        horizon=_horizon(spec),
    )


def condition_of(among: str, columns: KnownColumns) -> str:
    """The expression for those among whom an endpoint is measured: a population by its name, or an expression."""
    population = population_named(among)
    if population is not None:
        return population.among
    Expression(among, columns)  # by itself, so that brackets that do not match are refused
    return among


def known_columns(protocol: Protocol) -> KnownColumns:
    """The columns that a table of patients has; the number of the replicate is none of them."""
    columns = (*patient_columns_of(protocol), *baseline_columns_of(protocol))
    return KnownColumns(tuple(item.name for item in columns if item.name != KEY[0]), categories_of(protocol))


def name_of(spec: EndpointSpec, endpoint: Endpoint | None) -> str:
    """The name of an endpoint that a study specifies: what, when, under which strategy, among whom."""
    words = str(spec.of)
    if spec.level is not None:
        words = f"time at {spec.level}"
    if spec.at is not None:
        words += f" at {spec.at.text}"
    if spec.to is not None:
        words += f" time to {spec.to.text}"
    if spec.strategy != "treatment policy":
        words += f" ({spec.strategy})"
    if spec.among is None:
        return f"{words} {endpoint.population.words}" if endpoint is not None and endpoint.names_population else words
    population = population_named(spec.among)
    return f"{words} {population.words}" if population is not None else f"{words} where {spec.among}"


def endpoint_written(endpoints: Sequence[PatientEndpoint], name: str) -> PatientEndpoint | None:
    """The endpoint of a study by its name, or by what the study writes if only one endpoint is written so."""
    exact = [item for item in endpoints if item.name == name]
    written = [item for item in endpoints if item.written == name]
    return exact[0] if exact else written[0] if len(written) == 1 else None


def _registered(spec: EndpointSpec, everyone: Sequence[Protocol]) -> Endpoint | None:
    """The endpoint of the registry that a specification names; None for an expression."""
    if spec.expression is not None:
        _check_keys(spec, None)
        return None
    endpoint = endpoint_named(str(spec.of), everyone)
    if endpoint is None or endpoint.measure is None:
        known = [item.name for item in known_endpoints(everyone) if item.measure is not None]
        raise refused(spec, "there is no such endpoint", ", ".join(known), nearest(str(spec.of), known))
    return endpoint


_MEANINGS: Final = {
    "at": "only times to events have `at`",
    "to": "only times to events have `to`",
    "level": "only the time at a level has `level`",
    "strategy": "this endpoint has no other strategy",
}


def _check_keys(spec: EndpointSpec, measure: Measure | None) -> None:
    """Keys that say nothing of an endpoint are refused, so that no title says what was not done."""
    for key, message in _MEANINGS.items():
        is_given = getattr(spec, key) not in (None, "treatment policy")
        if is_given and (measure is None or key not in measure.keys):
            raise refused(
                spec, message, ", ".join(item.name for item in ENDPOINTS if item.measure and key in item.measure.keys)
            )
    if spec.unit and spec.expression is None:
        raise refused(spec, "its unit is known", "`unit` beside an `expression`")


def _horizon(spec: EndpointSpec) -> float:
    span = spec.at or spec.to
    return span.value if span is not None else 0.0
