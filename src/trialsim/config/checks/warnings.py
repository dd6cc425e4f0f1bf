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
    """A reference dose so far from doses of the ladder that a dose exponent extrapolates, where another is nearer."""
    reference, unit = scenario.treatment.reference_dose, scenario.treatment.dose_unit.text
    doses = [dose.value for dose in scenario.treatment.levels]
    far = [dose for dose in doses if not _is_near(dose, reference.value)]
    better = [dose for dose in doses if all(_is_near(other, dose) for other in doses)]
    scaled = [
        name
        for name, event in scenario.events.items()
        if scenario.resolved(event.dose_exponent, f"{name} dose exponent").value != 0.0
    ]
    if not (far and scaled and (better or len(far) == len(doses))):
        return
    verb = "lies" if len(far) == 1 else "lie"
    on_ladder = f"such as {better[len(better) // 2]:g}" if better else f"on the ladder, {doses[0]:g} to {doses[-1]:g}"
    yield (
        ("treatment", "reference_dose"),
        reference.text,
        f"{', '.join(f'{dose:g}' for dose in far)} {unit} {verb} outside {MIN_OF_REFERENCE:g} to "
        f"{MAX_OF_REFERENCE:g} times the reference dose, and the dose exponents of {', '.join(scaled)} scale their "
        "rates so far",
        f"rates at a reference dose {on_ladder} {unit}; `trialsim check` shows the risk at each level",
        "",
    )


def _is_near(dose: float, reference: float) -> bool:
    """Whether a dose exponent may reach from a reference dose to a dose."""
    return MIN_OF_REFERENCE * reference <= dose <= MAX_OF_REFERENCE * reference


def _cut_off_in_accrual(scenario: ScenarioData) -> Iterator[Finding]:
    """A data cut-off that comes while patients are still to be enrolled over a window."""
    plan, over = scenario.cut_off, scenario.accrual.over
    if over is None:
        return
    if plan.after_opening is not None:
        key, written = "after_opening", scenario.resolved(plan.after_opening, "cut off")
        days, shown = written.value, written.text
    elif plan.date is not None:
        key, days, shown = "date", float((plan.date - scenario.accrual.opens).days), str(plan.date)
    else:
        return
    end = scenario.resolved(over, "accrual over")
    if days < end.value:
        problem = f"this comes before the last patient enters, {end.text} after the trial opened"
        yield ("cut_off", key), shown, problem, f"at least {end.text} after the opening, or a shorter accrual", ""


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
    _cut_off_in_accrual,
    _another_drug,
    sudden_events,
    _printed_otherwise,
)
