"""What cannot be compared, found before anything is simulated: every problem at once, with its line. No compiler."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trialsim.comparison.paired_trials import UTILITY
from trialsim.config import protocol_of
from trialsim.config.loading.comparisons import Comparison
from trialsim.config.schema.comparison_study import PARALLEL, CompareStudy, EndpointSpec
from trialsim.config.source.problems import Finding, nearest, problem_at
from trialsim.endpoints.per_patient import PatientEndpoint, endpoint_of, endpoint_written
from trialsim.errors import ConfigurationError, RequestError
from trialsim.model.protocol import Protocol
from trialsim.model.units import DAYS_PER_MONTH
from trialsim.simulation.allocation import arms_of
from trialsim.simulation.limits import longest_follow_up


def check_comparison(comparison: Comparison) -> None:
    """Refuse what cannot be compared. Raises `ConfigurationError` with every problem, each with file and line."""
    places = comparison.places
    findings = [(_written_place(places, place), *rest) for place, *rest in comparison_findings(comparison)]
    if findings:
        problems = [problem_at(places, *finding) for finding in findings]
        raise ConfigurationError(list(dict.fromkeys(problems)))


def comparison_findings(comparison: Comparison) -> Iterator[Finding]:
    """Everything that does not go together in a study that compares."""
    study, scenarios = comparison.study, comparison.scenarios
    protocols = {name: protocol_of(scenario) for name, scenario in scenarios.items()}
    if len({scenario.parameters.digest for scenario in scenarios.values()}) > 1:
        wrong = "the parameters vary in some variants and not in others, or over other draws"
        yield ("variants",), "", wrong, "the same `parameters` in all of them", ""
    everyone = list(protocols.values())
    endpoint_problems = [finding for i, spec in enumerate(study.endpoints) for finding in _endpoint(i, spec, everyone)]
    yield from endpoint_problems
    if not endpoint_problems:
        endpoints = [endpoint_of(spec, everyone[0], everyone) for spec in study.endpoints]
        yield from _names(endpoints)
        yield from _horizons(study, endpoints, protocols)
        yield from _utility_and_plane(study, endpoints)
    if study.design == PARALLEL:
        yield from _allocation(study, everyone[0], tuple(scenarios))


def _endpoint(i: int, spec: EndpointSpec, protocols: Sequence[Protocol]) -> Iterator[Finding]:
    """An endpoint that is not known, or that a variant has no column for."""
    for protocol in protocols:
        try:
            endpoint_of(spec, protocol, protocols)
        except RequestError as error:
            key = _key_of_error(spec, protocol, protocols)
            problem = error.problem
            yield ("endpoints", i, key), getattr(spec, key), problem.wrong, problem.allowed, problem.suggestion
            return


def _key_of_error(spec: EndpointSpec, protocol: Protocol, protocols: Sequence[Protocol]) -> str:
    """The key of an endpoint that is wrong: `among` where it is valid without, else what it measures."""
    measured = "of" if spec.expression is None else "expression"
    if spec.among is None:
        return measured
    try:
        endpoint_of(spec.model_copy(update={"among": None}), protocol, protocols)
    except RequestError:
        return measured
    return "among"


def _names(endpoints: Sequence[PatientEndpoint]) -> Iterator[Finding]:
    """Two endpoints of one name, or one of a name that is taken."""
    names = [item.name for item in endpoints]
    for i, name in enumerate(names):
        if name in names[:i]:
            yield ("endpoints", i), name, "two endpoints have this name", "a `name` of its own for each", ""
        if name == UTILITY:
            yield ("endpoints", i), name, "this name is taken by the weighted sum", "another name", ""


def _horizons(
    study: CompareStudy, endpoints: Sequence[PatientEndpoint], protocols: Mapping[str, Protocol]
) -> Iterator[Finding]:
    """A time that even the first patient is not observed to says nothing, or only of trials without survivors."""
    longest = {variant: longest_follow_up(protocol) for variant, protocol in protocols.items()}
    for i, (spec, item) in enumerate(zip(study.endpoints, endpoints, strict=True)):
        variant = next((name for name, days in longest.items() if item.horizon > days), None)
        span = spec.at or spec.to
        if variant is not None and span is not None:
            key = "at" if spec.at is not None else "to"
            wrong = f"nobody is observed so long in {variant!r}: at most {longest[variant] / DAYS_PER_MONTH:.1f} months"
            yield ("endpoints", i, key), span.text, wrong, "an earlier time, or a later cut-off", ""


def _utility_and_plane(study: CompareStudy, endpoints: Sequence[PatientEndpoint]) -> Iterator[Finding]:
    """The utility and the plane are of endpoints that the study has."""
    plane = (
        {} if study.plane is None else {("plane", "benefit"): study.plane.benefit, ("plane", "harm"): study.plane.harm}
    )
    for place, name in {**{("utility", name): name for name in study.utility}, **plane}.items():
        endpoint = endpoint_written(endpoints, name)
        if endpoint is None:
            names = [item.name for item in endpoints]
            yield place, name, "the study has no endpoint of this name", ", ".join(names), nearest(name, names)
        elif place in plane and not endpoint.better:
            wrong = "neither more nor less of it is better, so it has no place in the plane"
            yield place, name, wrong, "`better: higher` or `lower` with this endpoint", ""


def _allocation(study: CompareStudy, protocol: Protocol, names: tuple[str, ...]) -> Iterator[Finding]:
    """A block that does not hold the ratio, or a stratum that patients do not have."""
    plan = study.allocation
    try:
        arms_of(protocol, names, plan.ratio, plan.block, tuple(plan.strata))
    except RequestError as error:
        problem = error.problem
        yield tuple(error.key.split(".")), "", problem.wrong, problem.allowed, problem.suggestion


def _written_place(places: Mapping[Any, str], place: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The place of an endpoint in short form, which has no keys, is that of the endpoint."""
    is_short = len(place) == 3 and place[0] == "endpoints" and place not in places and place[:2] in places
    return place[:2] if is_short else place
