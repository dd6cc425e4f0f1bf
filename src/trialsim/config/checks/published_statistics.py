"""Whether the simulation measures each published statistic, under each interpretation, in its unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trialsim.config.schema.cohort import PublishedStatistic
from trialsim.config.schema.scenario import ScenarioData
from trialsim.config.source.problems import Finding, nearest
from trialsim.config.source.yaml import Place
from trialsim.model.vocabulary import STATISTICS


def statistic_findings(scenario: ScenarioData) -> Iterator[Finding]:
    """Every statistic under every interpretation must be of something that the simulation measures, in its unit."""
    if scenario.cohort is None:
        return
    units = {f"toxicity.{name}": "" for name, event in scenario.toxicities.items() if event.reported} | STATISTICS
    for quantity, statistic in scenario.published_statistics.items():
        yield from _statistic(("cohort", "statistics", quantity), statistic, statistic.endpoint or quantity, units)
    for name, ambiguity in scenario.cohort.ambiguities.items():
        for choice, interpretation in ambiguity.interpretations.items():
            statistics = scenario.cohort.statistics_under({**scenario.interpretations, name: choice})
            for quantity in interpretation.statistics:
                place = ("cohort", "ambiguities", name, "interpretations", choice, "statistics", quantity)
                yield from _statistic(place, statistics[quantity], statistics[quantity].endpoint or quantity, units)


def _statistic(
    place: Place, statistic: PublishedStatistic, endpoint: str, units: Mapping[str, str]
) -> Iterator[Finding]:
    if endpoint not in units:
        problem = "the scenario has nothing to compare this statistic with"
        yield place, endpoint, problem, ", ".join(units), nearest(endpoint, list(units))
        return
    unit = units[endpoint]
    kind = {"": "proportion", "patients": "count"}.get(unit, "median")
    if statistic.kind != kind or (kind == "median" and statistic.unit != unit):
        written = f"{statistic.kind} {statistic.unit}".strip()
        yield (
            place,
            written,
            f"{endpoint} is measured otherwise",
            f"kind: {kind}" + (f" in {unit}" if unit else ""),
            "",
        )
