"""Whether each published figure, under each reading, is of something that the simulation measures, in its unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trialsim.config.schema.cohort import Figure
from trialsim.config.schema.scenario import ScenarioData
from trialsim.config.source.problems import Finding, nearest
from trialsim.config.source.yaml import Place
from trialsim.model.vocabulary import STATISTICS


def figure_findings(scenario: ScenarioData) -> Iterator[Finding]:
    """Every figure under every reading must be of something that the simulation measures, in its unit."""
    if scenario.cohort is None:
        return
    units = {f"toxicity.{name}": "" for name, event in scenario.toxicities.items() if event.reported} | STATISTICS
    for quantity, figure in scenario.figures.items():
        yield from _figure(("cohort", "figures", quantity), figure, figure.statistic or quantity, units)
    for name, ambiguity in scenario.cohort.ambiguities.items():
        for choice, reading in ambiguity.readings.items():
            figures = scenario.cohort.figures_under({**scenario.readings, name: choice})
            for quantity in reading.figures:
                place = ("cohort", "ambiguities", name, "readings", choice, "figures", quantity)
                yield from _figure(place, figures[quantity], figures[quantity].statistic or quantity, units)


def _figure(place: Place, figure: Figure, statistic: str, units: Mapping[str, str]) -> Iterator[Finding]:
    if statistic not in units:
        wrong = "the scenario has nothing to compare this figure with"
        yield place, statistic, wrong, ", ".join(units), nearest(statistic, list(units))
        return
    unit = units[statistic]
    kind = {"": "proportion", "patients": "count"}.get(unit, "median")
    if figure.kind != kind or (kind == "median" and figure.unit != unit):
        written = f"{figure.kind} {figure.unit}".strip()
        yield (
            place,
            written,
            f"{statistic} is measured otherwise",
            f"kind: {kind}" + (f" in {unit}" if unit else ""),
            "",
        )
