"""The contents of a cohort in plain language, once every statistic in it is known to exist."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from trialsim.calibration.published_terms import target_findings
from trialsim.config import Cohort, PublishedStatistic, protocol_of
from trialsim.config.checks.published_statistics import printed_otherwise
from trialsim.config.loading.scenarios import CohortLike, load_trial_without_statistics, read_cohort
from trialsim.config.source.problems import problem_at
from trialsim.config.source.yaml import Place
from trialsim.endpoints.measured_trials import statistic_name
from trialsim.endpoints.published_checks import cohort_findings
from trialsim.endpoints.registry import statistic_label
from trialsim.errors import ConfigurationError


def checked_cohort(given: CohortLike) -> Iterator[str]:
    """The lines of a cohort.

    Raises `ConfigurationError` for statistics that do not exist and, where the cohort names its scenario, for those
    that no calibration can have as targets: all of them at once. What is wrong in the scenario itself comes first:
    until that is mended, nobody knows which statistics there are.
    """
    cohort, places, _ = read_cohort(given)
    scenario = load_trial_without_statistics(given)
    protocol = replace(protocol_of(scenario), dose_days=cohort.dose_days) if scenario is not None else None
    findings = list(cohort_findings(cohort, protocol))
    if scenario is not None and protocol is not None:
        unusable = {name for place, *_ in findings for name in _statistic_at(place)}
        findings += target_findings(cohort, scenario, protocol, unusable)
    if findings:
        raise ConfigurationError(list(dict.fromkeys(problem_at(places, *finding) for finding in findings)))
    yield from _lines(cohort)
    if scenario is None:
        what = "names no scenario" if cohort.scenario is None else f"names {cohort.scenario}, which cannot be read yet"
        yield f"\nNOT CHECKED: toxicities and baseline columns by their names, because the cohort {what}."
    warnings = [problem_at(places, *finding) for finding in printed_otherwise(cohort)]
    if warnings:
        yield "\nWARNINGS"
    yield from ("  " + str(problem).replace("\n", "\n  ") for problem in warnings)


def _statistic_at(place: Place) -> list[str]:
    """The name of the statistic that a place of a cohort is of."""
    return [str(name) for key, name in pairwise(place) if key == "statistics"]


def _lines(cohort: Cohort) -> Iterator[str]:
    yield cohort.title
    if cohort.is_published:
        yield cohort.citation.strip()
    if cohort.facts:
        yield "\nFACTS"
    for name, fact in cohort.facts.items():
        value = ", ".join(f"{k} {v}" for k, v in fact.value.items()) if isinstance(fact.value, dict) else fact.value
        yield f"  {name}: {value}" + (f" ({fact.note})" if fact.note else "")
    yield "\nSTATISTICS"
    for quantity, statistic in cohort.statistics.items():
        yield f"  {quantity}: printed {statistic.printed}{_reading(quantity, statistic)}"
    if cohort.ambiguities:
        yield "\nAMBIGUITIES (the interpretation taken unless another is chosen comes first)"
    for name, ambiguity in cohort.ambiguities.items():
        yield f"  {name}: {' '.join(ambiguity.question.split())}"
        for choice in sorted(ambiguity.interpretations, key=lambda choice: choice != ambiguity.default):
            yield f"    {choice}: {' '.join(ambiguity.interpretations[choice].meaning.split())}"


def _reading(quantity: str, statistic: PublishedStatistic) -> str:
    """How a statistic is read: its count, its interval, and what is measured in patients."""
    parts = [f"read as {statistic.n_counted} of {statistic.of}"] if statistic.kind == "proportion" else []
    if statistic.interval is not None:
        low, high = statistic.interval
        parts.append(f"interval {low.text} to {high.text}")
    if statistic.trial_statistic(quantity) is None:
        parts.append(f"compared with {statistic_label(statistic_name(quantity, statistic))}")
        parts += [f"of {statistic.of}"] if statistic.of is not None and statistic.kind != "proportion" else []
    return "".join(f", {part}" for part in parts)
