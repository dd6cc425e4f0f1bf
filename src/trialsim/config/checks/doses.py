"""Doses by body size: every dose of a scenario in one unit, and a size of each patient."""

from __future__ import annotations

from collections.abc import Iterator

from trialsim.config.schema.population import body_size_example
from trialsim.config.schema.quantities import Dose
from trialsim.config.schema.quantity_places import quantities_in
from trialsim.config.schema.scenario import ScenarioData
from trialsim.config.schema.written_values import split_number
from trialsim.config.source.problems import Finding
from trialsim.config.source.yaml import Place
from trialsim.model.units import MG_PER_DAY, DoseUnit


def dose_findings(scenario: ScenarioData) -> Iterator[Finding]:
    """Doses in another unit than the ladder's, and body sizes that are missing or in doubt."""
    unit = scenario.treatment.dose_unit
    if bare := list(_levels_without_unit(scenario)):
        yield from bare
        return
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


def _levels_without_unit(scenario: ScenarioData) -> Iterator[Finding]:
    """Levels that are plain numbers where every dose with a unit is by body size: it is the levels that lack it."""
    levels = scenario.treatment.levels
    units = dict.fromkeys(dose.unit for _, dose in _doses(scenario) if _has_unit(dose))
    if len(units) != 1 or any(map(_has_unit, levels)):
        return
    unit = next(iter(units))
    if unit.size:
        problem = f"the levels have no unit, which means {MG_PER_DAY.text}, and the other doses are in {unit.text}"
        meant = f"[{', '.join(f'{dose.text} {unit.text}' for dose in levels)}]"
        yield ("treatment", "levels"), [dose.text for dose in levels], problem, f"every level in {unit.text}", meant


def _has_unit(dose: Dose) -> bool:
    """Whether a dose is written with its unit."""
    parts = split_number(dose.text)
    return parts is not None and bool(parts[1])


def _doses(scenario: ScenarioData) -> Iterator[tuple[Place, Dose]]:
    """Every dose of a scenario with its place."""
    yield from ((place, item) for place, item in quantities_in(scenario) if isinstance(item, Dose))
    for i, rule in enumerate(scenario.treatment.rules):
        if rule.resume_dose is not None:
            yield ("treatment", "rules", i, "resume"), rule.resume_dose


def _allowed(unit: DoseUnit) -> str:
    return f"every dose in {unit.text}" + (f", such as 100 {unit.text}; a number alone is mg/day" if unit.size else "")
