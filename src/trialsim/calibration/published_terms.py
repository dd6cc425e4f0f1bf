"""All terms of the likelihood of a published trial, and what keeps statistics of a cohort from being targets.

Nothing is simulated here and nothing compiled, so `check` can refuse what `calibrate` would.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from trialsim.calibration.patient_terms import patient_terms
from trialsim.calibration.targets import PublishedStatistics, TargetError, Term, built, how_many_evaluable, terms_of
from trialsim.config import Cohort, Scenario, protocol_of
from trialsim.config.source.problems import Finding
from trialsim.config.source.yaml import Place
from trialsim.model.protocol import Protocol
from trialsim.records.outcomes import columns_of


def published_terms(scenario: Scenario, left_out: str = "") -> tuple[Term, ...]:
    """The terms of the likelihood, without what a statistic that is left out would tell.

    Raises `TargetError` for all statistics that cannot be targets.
    """
    return _terms(scenario, protocol_of(scenario), scenario.published_statistics, left_out)


def target_findings(
    cohort: Cohort, scenario: Scenario, protocol: Protocol, unusable: Collection[str]
) -> Iterator[Finding]:
    """What keeps statistics of a cohort from being targets, under any interpretation, each with its place in it.

    `scenario` is the published trial, `protocol` what is simulated for the cohort. Statistics that do not exist
    (`unusable`) are left aside.
    """
    seen: set[tuple[str, str]] = set()
    for chosen, changed in _interpretations(cohort, scenario.interpretations):
        published = {name: item for name, item in cohort.statistics_under(chosen).items() if name not in unusable}
        try:
            _terms(scenario, protocol, published)
        except TargetError as error:
            for place, value, wrong, allowed, suggestion in error.findings:
                if (str(place[-1]), wrong) not in seen:
                    seen.add((str(place[-1]), wrong))
                    yield changed.get(str(place[-1]), place), value, wrong, allowed, suggestion


def _interpretations(
    cohort: Cohort, taken: Mapping[str, str]
) -> Iterator[tuple[Mapping[str, str], Mapping[str, Place]]]:
    """The interpretations taken, then each other one beside them, with the places of the statistics that it changes."""
    yield taken, {}
    for name, ambiguity in cohort.ambiguities.items():
        for choice, interpretation in ambiguity.interpretations.items():
            place = ("ambiguities", name, "interpretations", choice, "statistics")
            if choice != cohort.chosen(taken)[name]:
                yield {**taken, name: choice}, {quantity: (*place, quantity) for quantity in interpretation.statistics}


def _terms(
    scenario: Scenario, protocol: Protocol, published: PublishedStatistics, left_out: str = ""
) -> tuple[Term, ...]:
    n_planned = scenario.accrual.patients
    columns = tuple(column.name for column in columns_of(protocol))
    n_evaluable = how_many_evaluable(published, n_planned, left_out)
    terms, findings = built(
        [
            lambda: terms_of(scenario, published, columns, left_out),
            lambda: tuple(patient_terms(published, protocol, n_evaluable, left_out)),
        ]
    )
    if findings:
        raise TargetError(findings)
    return tuple(term for part in terms for term in part)
