"""Whether the simulation measures each published statistic of a trial, under each interpretation, in its unit.

What is measured in patients is checked where endpoints are known (`endpoints.published`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from trialsim.config.schema.cohort import Cohort
from trialsim.config.schema.published_statistic import PublishedStatistic
from trialsim.config.schema.scenario import ScenarioData
from trialsim.config.schema.written_values import plain_unit
from trialsim.config.source.problems import Finding, nearest
from trialsim.config.source.yaml import Place
from trialsim.model.units import MG_PER_DAY, DoseUnit
from trialsim.model.vocabulary import STATISTICS

# "8 of 24" or "8/24", but not the grades of "3/4"
_K_OF_N: Final = re.compile(r"(?<![\d.,])(\d+)\s*(?:of|/(?!\s*[1-5]\b))\s*(\d+)(?![\d.,]*\d)")


def statistic_findings(scenario: ScenarioData) -> Iterator[Finding]:
    """Every statistic under every interpretation must be of something that the simulation measures, in its unit."""
    if scenario.cohort is None:
        return
    units = {f"toxicity.{name}": "" for name, event in scenario.toxicities.items() if event.reported}
    units |= {item.flat.statistic: "" for item in reversed(scenario.responses)}
    units |= statistic_units(scenario.treatment.dose_unit)
    for place, quantity, statistic in statistics_with_places(scenario.cohort, scenario.interpretations):
        name = statistic.trial_statistic(quantity)
        if name is not None:
            yield from statistic_of_trial(("cohort", *place), statistic, name, units)


def statistic_units(dose: DoseUnit) -> dict[str, str]:
    """The statistics of a trial other than toxicities and responses, with their units; shares have none."""
    return {name: dose.text if unit == MG_PER_DAY.text else unit for name, unit in STATISTICS.items()}


def statistics_with_places(
    cohort: Cohort, interpretations: Mapping[str, str]
) -> Iterator[tuple[Place, str, PublishedStatistic]]:
    """Every statistic, then every one that an interpretation changes: its place in the cohort, its name, itself."""
    for quantity, statistic in cohort.statistics_under(interpretations).items():
        yield ("statistics", quantity), quantity, statistic
    for name, ambiguity in cohort.ambiguities.items():
        for choice, interpretation in ambiguity.interpretations.items():
            statistics = cohort.statistics_under({**interpretations, name: choice})
            for quantity in interpretation.statistics:
                place = ("ambiguities", name, "interpretations", choice, "statistics", quantity)
                if quantity in statistics:
                    yield place, quantity, statistics[quantity]


def statistic_of_trial(
    place: Place, statistic: PublishedStatistic, name: str, units: Mapping[str, str]
) -> Iterator[Finding]:
    """A statistic of a trial must be one of those with a unit in `units`, and of the kind that its unit tells."""
    if name not in units:
        problem = "the scenario has nothing to compare this statistic with"
        yield place, name, problem, ", ".join(units), nearest(name, list(units))
        return
    unit = units[name]
    kind = {"": "proportion", "patients": "count"}.get(unit, "median")
    if statistic.kind != kind or (kind == "median" and plain_unit(statistic.unit) != plain_unit(unit)):
        written = f"{statistic.kind} {statistic.unit}".strip()
        yield place, written, f"{name} is measured otherwise", f"kind: {kind}" + (f" in {unit}" if unit else ""), ""


def printed_otherwise(cohort: Cohort) -> Iterator[Finding]:
    """Statistics printed as one number of another that are not the count and the denominator beside it."""
    for quantity, statistic in cohort.statistics.items():
        printed = _K_OF_N.findall(statistic.printed)
        if (
            len(printed) == 1
            and statistic.count is not None
            and printed[0] != (str(statistic.count), str(statistic.of))
        ):
            written = f"{statistic.count} of {statistic.of}"
            problem = f"it is printed as {' of '.join(printed[0])}, and read as {written}"
            yield ("statistics", quantity), written, problem, "the count as it is printed, or a `printed` that fits", ""
