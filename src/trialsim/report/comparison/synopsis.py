"""The synopsis of a study in plain language: what is compared, on which endpoints, in which words."""

from __future__ import annotations

from collections.abc import Iterator

from trialsim.config.loading.comparisons import Comparison
from trialsim.config.schema.comparison_study import PARALLEL, EndpointSpec
from trialsim.report.allocation import allocation_in_words, departures


def study_synopsis(comparison: Comparison) -> Iterator[str]:
    """Lines of text."""
    study = comparison.study
    yield study.title
    if study.description:
        yield study.description
    yield "\nESTIMAND (ICH E9(R1))"
    for part in ("population", "treatment", "summary"):
        yield f"  {part}: {getattr(study.estimand, part)}"
    arms = ", each patient in one arm" if study.design == "parallel" else ", all on the same patients"
    first_name, first = next(iter(comparison.scenarios.items()))
    yield f"\nVARIANTS of {study.scenario}{arms}; how each departs from {first_name}"
    for name, scenario in comparison.scenarios.items():
        yield f"  {name}" + (" (control)" if name == study.control else "")
        yield from departures(first, scenario)
    if study.design == PARALLEL:
        yield f"\nALLOCATION at random, {allocation_in_words(study.allocation, list(comparison.scenarios))}"
    yield "\nENDPOINTS"
    for endpoint in study.endpoints:
        yield f"  {_endpoint(endpoint)}"
    if comparison.warnings:
        yield "\nWARNINGS"
    for problem in comparison.warnings:
        yield "  " + str(problem).replace("\n", "\n  ")


def _endpoint(endpoint: EndpointSpec) -> str:
    name = endpoint.name or endpoint.of
    parts = [f"{name}: {endpoint.expression}" if endpoint.expression else str(name)]
    parts += [f"at {endpoint.at.text}"] if endpoint.at is not None else []
    parts += [f"mean time up to {endpoint.to.text}"] if endpoint.to is not None else []
    parts += [f"of {endpoint.level}"] if endpoint.level is not None else []
    parts += [f"among {endpoint.among}"] if endpoint.among is not None else []
    return ", ".join([*parts, f"if a rule stops treatment: {endpoint.strategy}"])
