"""Numbers that a scenario calls `calibrated`: they must be such as can be, and have a parameter that fits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from trialsim.config.calibrated.draws import table_of, varying_names
from trialsim.config.calibrated.places import may_be_calibrated
from trialsim.config.calibrated.resolve import FITTED_MODE, POSTERIOR_MEDIAN
from trialsim.config.schema.events import FLOOR_EXAMPLE, NEEDS_FLOOR
from trialsim.config.schema.quantity import Quantity
from trialsim.config.schema.quantity_places import quantities_in
from trialsim.config.schema.scenario import ScenarioData, own_name, parameter_name
from trialsim.config.schema.validation import CANNOT_BE_CALIBRATED
from trialsim.config.source.problems import Finding, nearest
from trialsim.config.source.yaml import Place


def is_calibrated_to_its_cohort(scenario: ScenarioData) -> bool:
    """Whether some numbers of a scenario were calibrated to the cohort that it is compared with."""
    parameters = scenario.parameters
    if scenario.cohort is None or parameters.draws is not None:
        return False
    if scenario.cohort.name not in (parameters.calibrated_to, parameters.centre):
        return False
    return any(value.origin in (FITTED_MODE, POSTERIOR_MEDIAN) for value in parameters.values.values())


def used_parameters(scenario: ScenarioData) -> set[str]:
    """The parameters that the calibrated numbers of a scenario stand for."""
    return {parameter_name(q, own_name(place)) for place, q in quantities_in(scenario) if q.calibrated}


def parameter_findings(scenario: ScenarioData, names_in_set: Sequence[str] = ()) -> Iterator[Finding]:
    """Every calibrated number needs a parameter, and every parameter a number that uses it.

    `names_in_set` are all parameters of the set that values were filled in from, if one was read.
    """
    values = scenario.parameters.values
    used = used_parameters(scenario)
    unused_in_set = [name for name in names_in_set if name not in used]
    if _lacks_every_parameter(scenario):
        yield _no_parameters(scenario)
        return
    for place, quantity in quantities_in(scenario):
        if quantity.calibrated:
            name = parameter_name(quantity, own_name(place))
            yield from _parameter(scenario, place, quantity, name, unused_in_set)
    for name in sorted(set(map(str, values)) - used):
        problem = "no calibrated number of this scenario uses this parameter"
        yield (
            ("parameters", "values", name),
            values[name].value if name in values else "",
            problem,
            ", ".join(sorted(used)),
            nearest(name, list(used)),
        )


def _lacks_every_parameter(scenario: ScenarioData) -> bool:
    """Whether numbers are calibrated and neither a parameter set nor a table of draws nor a value is named."""
    parameters, used = scenario.parameters, calibrated_places(scenario)
    is_named = parameters.calibrated_to is not None or parameters.draws is not None
    return bool(used) and not is_named and not parameters.values and all(map(may_be_calibrated, used))


def calibrated_places(scenario: ScenarioData) -> list[Place]:
    """Where a scenario says `calibrated`."""
    return [place for place, quantity in quantities_in(scenario) if quantity.calibrated]


def _no_parameters(scenario: ScenarioData) -> Finding:
    """One finding for all calibrated numbers of a scenario that names no parameters."""
    names = sorted(used_parameters(scenario))
    listed = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    numbers = f"{len(names)} numbers are calibrated" if len(names) > 1 else "one number is calibrated"
    problem = f"{numbers} ({listed}), and nothing says which values they have"
    allowed = (
        "the draws that `trialsim calibrate COHORT --out DIR` writes, `parameters: DIR/posterior.parquet`; "
        "{use: mode, calibrated_to: FILE}, the modes of a parameter set; or {use: fixed, values: …}"
    )
    return ("parameters",), scenario.parameters.use, problem, allowed, ""


def _parameter(
    scenario: ScenarioData, place: Place, quantity: Quantity, name: str, unused_in_set: Sequence[str]
) -> Iterator[Finding]:
    values = scenario.parameters.values
    dotted = ".".join(map(str, place))
    if not may_be_calibrated(place):
        yield place, "calibrated", CANNOT_BE_CALIBRATED, f"a value such as {type(quantity).example}", ""
        return
    if name not in values:
        yield place, "calibrated", *_missing_parameter(scenario, name, unused_in_set)
        return
    try:
        number = values[name].as_quantity(type(quantity))
    except ValueError as error:
        problem, allowed = _first_error(error)
        yield ("parameters", "values", name), values[name].value, f"it stands for {dotted}: {problem}", allowed, ""
        return
    if _lacks_floor(scenario, place, number.value):
        yield (
            ("parameters", "values", name),
            values[name].value,
            f"it stands for {dotted}: {NEEDS_FLOOR}",
            FLOOR_EXAMPLE,
            "",
        )


def _missing_parameter(scenario: ScenarioData, name: str, unused_in_set: Sequence[str]) -> tuple[str, str, str]:
    """What is wrong with a calibrated number whose parameter is not there, what is allowed, and what was meant."""
    misspelt = nearest(name, list(unused_in_set))
    if misspelt:
        set_name = Path(str(scenario.parameters.calibrated_to)).name
        problem = f"the scenario needs the parameter {name!r}, and the parameter set {set_name} has {misspelt!r}"
        return problem, f"{name!r} in {set_name}, or `{{calibrated: {misspelt}}}` here", ""
    known, file = list(map(str, scenario.parameters.values)), scenario.parameters.draws
    problem = f"no parameter is called {name!r}"
    allowed = f"a value, or one of: {', '.join(known) or 'no parameter set'}"
    if file is None:
        return problem, allowed, nearest(name, known)
    return f"{problem} in {Path(file).name}", f"a value for it: `parameters: {{draws: …, values: {{{name}: …}}}}`", ""


def _lacks_floor(scenario: ScenarioData, place: Place, value: float) -> bool:
    """Whether a number is a negative dose exponent of an event that has no floor for its dose."""
    is_negative = place[-1] == "dose_exponent" and value < 0.0
    return is_negative and scenario.events[str(place[1])].dose_floor is None


def reference_dose_findings(scenario: ScenarioData) -> Iterator[Finding]:
    """Rates that were filled in hold at the reference dose of the set or table that they came from."""
    parameters, reference = scenario.parameters, scenario.treatment.reference_dose
    dose_of_set = parameters.reference_dose
    if dose_of_set is None or dose_of_set.value == reference.value:
        return
    if any(value.is_filled_in for value in parameters.values.values()):
        source = parameters.draws or parameters.calibrated_to
        problem = f"the rates that come from {source} hold at {dose_of_set.text}"
        allowed = f"{dose_of_set.text}, or rates of your own (`parameters: fixed` with `values`)"
        yield ("treatment", "reference_dose"), reference.text, problem, allowed, ""


def draw_findings(scenario: ScenarioData) -> Iterator[Finding]:
    """Every draw of a parameter must be what may stand in its place."""
    table = table_of(scenario)
    if table is None:
        return
    problem = f"its origin is the median of {table.title}, which it is not"
    varying = varying_names(scenario)
    for name in varying:
        written = scenario.parameters.values[name].value
        if name not in table.names or str(written) != table.median(name):
            allowed = "no `origin` for a number that stays fixed"
            yield ("parameters", "values", name), written, problem, allowed, ""
            return
    for place, quantity in quantities_in(scenario):
        name = parameter_name(quantity, own_name(place))
        if not quantity.calibrated or name not in varying:
            continue
        values, unit = table.column(name), table.units[table.names.index(name)]
        for value in (values.min(), values.max()):
            try:
                number = type(quantity).number(f"{value} {unit}".strip())
            except ValueError as error:
                problem, allowed = _first_error(error)
            else:
                if not _lacks_floor(scenario, place, number):
                    continue
                problem, allowed = NEEDS_FLOOR, FLOOR_EXAMPLE
            draw, dotted = f"{value:g} {unit}".strip(), ".".join(map(str, place))
            yield ("parameters",), draw, f"a draw of {name!r} stands for {dotted}: {problem}", allowed, ""
            break


def _first_error(error: ValueError) -> tuple[str, str]:
    """What is wrong and what is allowed, of the first error that pydantic found."""
    if isinstance(error, ValidationError):
        context = error.errors()[0].get("ctx", {})
    else:
        context = getattr(error, "context", None) or {}
    return context.get("wrong", str(error)), context.get("allowed", "a number with its unit")
