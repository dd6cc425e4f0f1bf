"""What a scenario may say but probably does not mean: warnings, which `check` and every run show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from trialsim.config.checks.published_statistics import printed_otherwise
from trialsim.config.checks.sudden_events import sudden_events
from trialsim.config.checks.unreachable_rules import unreachable_rules
from trialsim.config.schema.scenario import ScenarioData
from trialsim.config.schema.treatment import UNNAMED_DRUG
from trialsim.config.source.problems import Finding

# A ladder from a quarter to four times the reference dose is one over which a power of the dose is still plausible.
MIN_OF_REFERENCE: Final = 0.25
MAX_OF_REFERENCE: Final = 4.0
_N_NAMED: Final = 3


def scenario_warnings(scenario: ScenarioData) -> Iterator[Finding]:
    """Every warning about a scenario, in the order of `CHECKS`."""
    for check in CHECKS:
        yield from check(scenario)


def _far_from_reference(scenario: ScenarioData) -> Iterator[Finding]:
    """Doses so far from the reference dose that a dose exponent extrapolates."""
    reference = scenario.treatment.reference_dose
    low, high = MIN_OF_REFERENCE * reference.value, MAX_OF_REFERENCE * reference.value
    far = [dose for dose in scenario.treatment.levels if not low <= dose.value <= high]
    scaled = [
        name
        for name, event in scenario.events.items()
        if scenario.resolved(event.dose_exponent, f"{name} dose exponent").value != 0.0
    ]
    if far and scaled:
        doses = ", ".join(f"{dose.value:g}" for dose in far)
        verb, unit = "lies" if len(far) == 1 else "lie", scenario.treatment.dose_unit.text
        yield (
            ("treatment", "reference_dose"),
            reference.text,
            f"{doses} {unit} {verb} outside {MIN_OF_REFERENCE:g} to {MAX_OF_REFERENCE:g} times the reference dose, "
            f"and the dose exponents of {', '.join(scaled)} scale their rates so far",
            f"levels from {low:g} to {high:g} {unit}, or rates at another reference dose; "
            "`trialsim check` shows the risk at each level",
            "",
        )


def _another_drug(scenario: ScenarioData) -> Iterator[Finding]:
    """Numbers that were calibrated for another drug than the scenario's."""
    parameters, drug = scenario.parameters, scenario.treatment.drug
    if parameters.drug is None or drug == UNNAMED_DRUG or drug.casefold() == parameters.drug.casefold():
        return
    filled_names = [name for name, value in parameters.values.items() if value.is_filled_in]
    shown_names = ", ".join(filled_names[:_N_NAMED]) + (", …" if len(filled_names) > _N_NAMED else "")
    if filled_names:
        source = parameters.draws or parameters.calibrated_to
        yield (
            ("treatment", "drug"),
            drug,
            f"{len(filled_names)} parameters ({shown_names}) come from {source}, which is about {parameters.drug}",
            f"numbers of your own for {drug} (`parameters: {{values: …}}`), unless the two drugs are alike in this",
            "",
        )


def _printed_otherwise(scenario: ScenarioData) -> Iterator[Finding]:
    """Counts of the cohort that are not those in the text that was printed."""
    for place, *rest in printed_otherwise(scenario.cohort) if scenario.cohort is not None else ():
        yield ("cohort", *place), *rest


CHECKS: Final[tuple[Callable[[ScenarioData], Iterator[Finding]], ...]] = (
    unreachable_rules,
    _far_from_reference,
    _another_drug,
    sudden_events,
    _printed_otherwise,
)
