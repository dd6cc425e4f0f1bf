"""Whether the published statistics of a cohort exist: every problem at once, each with its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trialsim.config import Cohort, Scenario
from trialsim.config.checks.published_statistics import statistic_of_trial, statistic_units, statistics_with_places
from trialsim.config.schema.published_statistic import PublishedStatistic
from trialsim.config.schema.written_values import plain_unit
from trialsim.config.source.problems import Finding, problem_at
from trialsim.config.source.yaml import Place, Places
from trialsim.endpoints.published import (
    PatientStatistic,
    endpoint_of_statistic,
    statistic_of_patients,
)
from trialsim.endpoints.registry import TOXICITY
from trialsim.errors import ConfigurationError, RequestError
from trialsim.model.disease import STATISTIC_PREFIX
from trialsim.model.protocol import Protocol
from trialsim.model.units import DOSE_UNITS, MG_PER_DAY, DoseUnit


def check_cohort(cohort: Cohort, protocol: Protocol | None, places: Places, prefix: Place = ()) -> None:
    """Refuse statistics that do not exist, under any interpretation. Raises `ConfigurationError`.

    Without the protocol of the cohort's scenario, a name that is not near any endpoint is taken for a toxicity.
    `prefix` is where the cohort stands in the file that `places` are of.
    """
    problems = [problem_at(places, (*prefix, *place), *rest) for place, *rest in cohort_findings(cohort, protocol)]
    if problems:
        raise ConfigurationError(list(dict.fromkeys(problems)))


def published_of_patients(scenario: Scenario, protocol: Protocol) -> tuple[PatientStatistic, ...]:
    """The published statistics of a scenario that are measured in patients, under every interpretation.

    Raises `ConfigurationError` for those that do not exist.
    """
    if scenario.cohort is None:
        return ()
    check_cohort(scenario.cohort, protocol, {(): f"cohort {scenario.cohort.name}"})
    every = statistics_with_places(scenario.cohort, scenario.interpretations)
    of_patients = [(quantity, item) for _, quantity, item in every if item.trial_statistic(quantity) is None]
    return tuple(dict.fromkeys(statistic_of_patients(*item, protocol) for item in of_patients))


def cohort_findings(cohort: Cohort, protocol: Protocol | None) -> Iterator[Finding]:
    """The statistics that do not exist, under any interpretation, each with its place in the cohort.

    Without the protocol of the cohort's scenario, a name that is not near any endpoint is taken for a toxicity.
    """
    for place, quantity, statistic in statistics_with_places(cohort, {}):
        name = statistic.trial_statistic(quantity)
        if name is not None:
            units = dict.fromkeys(_shares(protocol, name), "") | statistic_units(_dose_unit(protocol, statistic))
            yield from statistic_of_trial(place, statistic, name, units)
            continue
        try:
            if protocol is None:
                endpoint_of_statistic(quantity, statistic, None)
            else:
                statistic_of_patients(quantity, statistic, protocol)
        except RequestError as error:
            key = "among" if error.key == "expression" else error.key
            problem = error.problem
            given = _given(quantity, statistic, key)
            yield (*place, key), given, problem.wrong, problem.allowed, problem.suggestion


def _dose_unit(protocol: Protocol | None, statistic: PublishedStatistic) -> DoseUnit:
    """The unit of the doses of a protocol; without one, that which a statistic is written in."""
    if protocol is not None:
        return protocol.dose_unit
    return next((unit for unit in DOSE_UNITS if unit.text == plain_unit(statistic.unit)), MG_PER_DAY)


def _shares(protocol: Protocol | None, name: str) -> list[str]:
    """The statistics of reported toxicities and of responses; without a protocol, the one that is named."""
    if protocol is None:
        return [name] if name.startswith((TOXICITY, STATISTIC_PREFIX)) else []
    clocks = (protocol.clocks[place] for place in protocol.toxicities)
    toxicities = [f"{TOXICITY}{clock.name}" for clock in clocks if clock.is_reported]
    return [*toxicities, *(category.statistic for category in reversed(protocol.responses))]


def _given(quantity: str, statistic: PublishedStatistic, key: str) -> Any:
    """What stands at a key; a statistic without an endpoint is named after it."""
    value = getattr(statistic, key)
    if value is None:
        return quantity if key == "endpoint" else ""
    return getattr(value, "text", value)
