"""The synopsis of a study in plain language: what is compared, on which endpoints, in which words."""

from __future__ import annotations

from collections.abc import Iterator

from trialsim.config import Scenario, differences
from trialsim.config.loading.comparisons import Comparison
from trialsim.config.schema.comparison_study import PARALLEL, Allocation, EndpointSpec

_MOST_DIFFERENCES = 8
_RULES = "treatment.rules"


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


def allocation_in_words(plan: Allocation, arms: list[str]) -> str:
    """The ratio of the arms, the length of a block, and what patients are split by."""
    counts = [plan.ratio.get(name, 1) for name in arms]
    ratio = f"{' : '.join(map(str, counts))} ({', '.join(arms)})"
    block = plan.block if plan.block is not None else 2 * sum(counts)
    strata = f" within each combination of {', '.join(plan.strata)}" if plan.strata else ", not stratified"
    return f"{ratio}, in permuted blocks of {block}{strata}"


def departures(first: Scenario, scenario: Scenario) -> Iterator[str]:
    """How a scenario departs from the first, a line each; rules as they are read."""
    departing = [
        item for item in differences(first.to_mapping(), scenario.to_mapping()) if not item.key.startswith(_RULES)
    ]
    for item in departing[:_MOST_DIFFERENCES]:
        yield f"    {item}"
    if len(departing) > _MOST_DIFFERENCES:
        yield f"    and {len(departing) - _MOST_DIFFERENCES} more"
    if [str(rule) for rule in scenario.treatment.rules] != [str(rule) for rule in first.treatment.rules]:
        yield "    other rules, the first that holds decides:"
        for number, rule in enumerate(scenario.treatment.rules, start=1):
            yield f"      {number}. {rule}"


def _endpoint(endpoint: EndpointSpec) -> str:
    name = endpoint.name or endpoint.of
    parts = [f"{name}: {endpoint.expression}" if endpoint.expression else str(name)]
    parts += [f"at {endpoint.at.text}"] if endpoint.at is not None else []
    parts += [f"mean time up to {endpoint.to.text}"] if endpoint.to is not None else []
    parts += [f"of {endpoint.level}"] if endpoint.level is not None else []
    parts += [f"among {endpoint.among}"] if endpoint.among is not None else []
    return ", ".join([*parts, f"if a rule stops treatment: {endpoint.strategy}"])
