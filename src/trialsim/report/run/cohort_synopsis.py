"""The contents of a cohort in plain language, once every statistic in it is known to exist."""

from __future__ import annotations

from collections.abc import Iterator

from trialsim.config import Cohort, PublishedStatistic, load_published_trial, protocol_of
from trialsim.config.loading.scenarios import CohortLike, read_cohort
from trialsim.endpoints.measured_trials import statistic_name
from trialsim.endpoints.published_checks import check_cohort
from trialsim.endpoints.registry import statistic_label
from trialsim.errors import ConfigurationError, Problem
from trialsim.model.protocol import Protocol


def checked_cohort(given: CohortLike) -> Iterator[str]:
    """The lines of a cohort. Raises `ConfigurationError` for statistics that do not exist."""
    cohort, places, _ = read_cohort(given)
    protocol, problems = _protocol(cohort, given)
    try:
        check_cohort(cohort, protocol, places)
    except ConfigurationError as error:
        problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    yield from _lines(cohort)
    if protocol is None:
        what = "names no scenario" if cohort.scenario is None else f"names {cohort.scenario}, which cannot be read yet"
        yield f"\nNOT CHECKED: toxicities and baseline columns by their names, because the cohort {what}."


def _protocol(cohort: Cohort, given: CohortLike) -> tuple[Protocol | None, list[Problem]]:
    """What is simulated for the cohort, and what its scenario finds wrong in it.

    There is no protocol where the scenario cannot be read; what is wrong in the scenario itself is not told here.
    """
    if cohort.scenario is None:
        return None, []
    try:
        return protocol_of(load_published_trial(given)), []
    except ConfigurationError as error:
        return None, [problem for problem in error.problems if problem.what.startswith("cohort.statistics.")]


def _lines(cohort: Cohort) -> Iterator[str]:
    yield cohort.title
    yield cohort.citation.strip()
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
