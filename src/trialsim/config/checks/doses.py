"""Doses by body size: every dose of a scenario in one unit, and a size of each patient."""

from __future__ import annotations

from collections.abc import Iterator

from trialsim.config.schema.population import body_size_example
from trialsim.config.schema.quantities import Dose
from trialsim.config.schema.quantity_places import quantities_in
from trialsim.config.schema.scenario import ScenarioData
from trialsim.config.source.problems import Finding
from trialsim.config.source.yaml import Place
from trialsim.model.units import DoseUnit


def dose_findings(scenario: ScenarioData) -> Iterator[Finding]:
    """Doses in another unit than the ladder's, and body sizes that are missing or in doubt."""
    unit = scenario.treatment.dose_unit
    for place, dose in _doses(scenario):
        if dose.unit != unit:
            yield place, dose.text, f"the ladder is in {unit.text}, and this is in {dose.unit.text}", _allowed(unit), ""
    if unit.size and len(scenario.body_sizes) != 1:
        n = len(scenario.body_sizes)
        problem = f"doses are in {unit.text}, and " + (
            "there is no such body size" if n == 0 else "there are several body sizes"
        )
        allowed = f"one covariate in {unit.size}, such as `{body_size_example(unit)}`"
        yield ("population",), ", ".join(scenario.body_sizes) or "no covariate", problem, allowed, ""


def _doses(scenario: ScenarioData) -> Iterator[tuple[Place, Dose]]:
    """Every dose of a scenario with its place."""
    yield from ((place, item) for place, item in quantities_in(scenario) if isinstance(item, Dose))
    for i, rule in enumerate(scenario.treatment.rules):
        if rule.resume_dose is not None:
            yield ("treatment", "rules", i, "resume"), rule.resume_dose


def _allowed(unit: DoseUnit) -> str:
    return f"every dose in {unit.text}" + (f", such as 100 {unit.text}; a number alone is mg/day" if unit.size else "")
