"""The synopsis of a trial in plain language: who, what dose rule, what is measured, where each number is from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from trialsim.config import Scenario, describe_sources
from trialsim.config.calibrated.draws import table_of, varying_names
from trialsim.config.loading.arms import without_arms
from trialsim.config.schema.effects import Effect
from trialsim.config.schema.events import Event
from trialsim.config.schema.population import Covariate
from trialsim.config.schema.quantity import Quantity
from trialsim.config.schema.responses import ResponseCategory
from trialsim.config.schema.treatment import Partner, Treatment
from trialsim.errors import ConfigurationError
from trialsim.model.hazards import dose_factor, hazard_between
from trialsim.model.units import DAYS_PER_MONTH
from trialsim.report import labels
from trialsim.report.allocation import allocation_in_words, departures

_RISK_MONTHS: Final = (1, 3, 6)
_MAX_DOSES: Final = 12  # whose risks are printed for one event


def synopsis(scenario: Scenario) -> str:
    """Several paragraphs of text."""
    sections = (_who, _dose, _arms, _events, _measured, _unknown, _compared, _sources)
    texts = ("\n".join(section(scenario)) for section in sections)
    return "\n\n".join(text for text in texts if text)


def _who(scenario: Scenario) -> Iterator[str]:
    plan = scenario.accrual
    yield scenario.title
    if scenario.description:
        yield scenario.description.strip()
    yield ""
    yield "WHO"
    if plan.over is not None:
        yield f"  {plan.patients} patients, uniformly over {plan.over.text} from {plan.opens}."
    for name, site in (plan.sites or {}).items():
        opens = site.opens or plan.opens
        ramp = f", ramping up over {site.ramp_up.text}" if site.ramp_up.value > 0 else ""
        yield f"  {name}: Poisson arrivals at {site.rate.text} from {opens}{ramp}."
    if plan.sites is not None:
        closing = f" or {plan.closes_after.text} have passed" if plan.closes_after is not None else ""
        yield f"  Accrual ends when {plan.patients} are enrolled{closing}."
        if plan.ineligible.value > 0:
            yield f"  {plan.ineligible.text} of those screened are not eligible."
    for pause in plan.pauses:
        yield f"  No enrolment in [{pause.start}, {pause.end})."
    acting = {covariate for event in scenario.events.values() for covariate in event.effects}
    acting |= set(scenario.sensitivity_effects)
    for name, covariate in scenario.population.items():
        doses = f"; doses are for each {scenario.treatment.dose_unit.size}" if name in scenario.body_sizes else ""
        idle = "" if name in acting or doses else "; no clock depends on it"
        yield f"  {name}: {_covariate(covariate)}{doses}{idle}."
    for item in scenario.correlations:
        names = " and ".join(item.between)
        order = "; ".join(_order(name, scenario.population[name]) for name in item.between)
        yield f"  {names} are correlated: {item.correlation.text} between their normal scores ({order})."


def _covariate(covariate: Covariate) -> str:
    if covariate.shares is not None:
        return ", ".join(f"{category} {share:g}" for category, share in covariate.shares.items()) + " (shares)"
    median = covariate.median.text if covariate.median is not None else ""
    sd = covariate.sd.text if covariate.sd is not None else ""
    scale = {"normal": "", "lognormal": " on the log scale", "logit-normal": " on the logit scale"}
    low, high = (bound.text if bound is not None else "" for bound in (covariate.lowest, covariate.highest))
    bounds = (f", from {low}" if low else "") + (f", to {high}" if high else "")
    return f"{covariate.distribution}, median {median}, sd {sd}{scale[covariate.distribution]}{bounds}"


def _order(name: str, covariate: Covariate) -> str:
    """From which value to which the score of a covariate rises."""
    if covariate.shares is None:
        return f"{name} rising"
    categories = list(covariate.shares)
    return f"{name} from {categories[0]} to {categories[-1]}"


def _dose(scenario: Scenario) -> Iterator[str]:
    treatment = scenario.treatment
    levels = f"{', '.join(f'{dose.value:g}' for dose in treatment.levels)} {treatment.dose_unit.text}"
    yield "WHAT DOSE"
    first = "".join(
        f"every {phase.every.text} to day {phase.until.value:g}, then " for phase in treatment.visits_at_first
    )
    schedule = f" {treatment.schedule}" if treatment.schedule is not None else ""
    yield f"  {treatment.drug}: {levels}{schedule}. Visits {first}every {treatment.every.text}."
    yield from map(_partner, treatment.partners, treatment.partners.values())
    yield from _restraints(treatment)
    yield "  The first rule that holds decides:"
    for number, rule in enumerate(treatment.rules, start=1):
        yield f"    {number}. {rule}{labels.in_brackets(rule.source)}"
    if scenario.clinic is not None:
        yield f"  The clinic has {scenario.clinic.slots_per_day} visit slots a day; patients wait for each other."


def _partner(drug: str, partner: Partner) -> str:
    """A drug that is given besides."""
    ratios = ", ".join(f"{name} × {ratio.text}" for name, ratio in partner.hazard_ratios.items())
    acts = f"; hazards: {ratios}" if ratios else "; no hazard depends on it"
    return f"  With {drug}{f', {partner.dose}' if partner.dose else ''}{acts}{labels.in_brackets(partner.source)}."


def _restraints(treatment: Treatment) -> Iterator[str]:
    """What stands beside the rules."""
    start = treatment.start.text if treatment.start is not None else "the lowest dose"
    if treatment.loading is not None:
        yield f"  Loading with {treatment.loading.dose.text} for {treatment.loading.days.text}, then {start}."
    elif treatment.start is not None:
        yield f"  Starts at {start}."
    for item in treatment.start_by:
        low = f"from {item.at_least.text}" if item.at_least is not None else ""
        high = f"below {item.below.text}" if item.below is not None else ""
        whom = item.category or " and ".join(bound for bound in (low, high) if bound)
        yield f"  Where {item.covariate} is {whom}, starts at {item.dose.text}{labels.in_brackets(item.source)}."
    if treatment.between_changes is not None:
        yield f"  At visits the dose moves only after {treatment.between_changes.text} without a change."
    if treatment.reescalate == "always" and any(rule.do in ("reduce", "hold") for rule in treatment.rules):
        yield "  Once reduced or held, the dose may rise again at the next visit, if a rule says so."
    if treatment.reescalate == "never":
        yield "  Once reduced or held, the dose never rises again."
    elif isinstance(treatment.reescalate, Quantity):
        free = treatment.reescalate.text
        yield f"  Once reduced or held, the dose rises only after {free} free of dose-limiting toxicity."


def _arms(scenario: Scenario) -> Iterator[str]:
    """How each arm departs from the trial that is described."""
    if not scenario.arms:
        return
    yield f"ARMS ({allocation_in_words(scenario.allocation, list(scenario.arms))}); how each departs from the above"
    for i, (name, of_arm) in enumerate(scenario.scenarios_of_arms.items()):
        changes = list(departures(without_arms(scenario), of_arm))
        yield f"  {name}{' (control)' if i == 0 else ''}{'' if changes else ': as above'}"
        yield from changes


def _events(scenario: Scenario) -> Iterator[str]:
    reference = scenario.treatment.reference_dose
    source = f"; {reference.source}" if reference.source is not None else ""
    yield f"WHAT CAN HAPPEN (rates at the reference dose of {reference}{source})"
    for name, event in scenario.events.items():
        if event.part_of is not None:
            yield f"  {name}: {_part(scenario, name, event)}."
            continue
        yield f"  {name}: {_event(scenario, name, event)}."
        yield f"    {_risks(scenario, name, event)}."
    for name, frailty in scenario.frailties.items():
        sd = scenario.resolved(frailty.sd, f"{name} frailty sd")
        yield f"  {name}: a lognormal frailty with median 1 and an sd of {sd.text} on the log scale."
        long_term = scenario.resolved(frailty.long_term, f"{name} frailty long term")
        if long_term.value > 0.0:
            yield f"    A share of {long_term.text} of patients never has the events with this frailty."
    if scenario.disease is None:
        return
    sensitive = scenario.resolved(scenario.sensitive, "sensitive")
    yield f"  Only patients sensitive to the drug can respond: a share of {sensitive.text}{_odds(scenario)}."


def _part(scenario: Scenario, name: str, event: Event) -> str:
    """A toxicity that is part of another one, such as a higher grade."""
    share = scenario.resolved(event.share, f"{name} share").text if event.share is not None else ""
    return ", ".join([f"{share} of the onsets of {event.part_of}", *_toxicity(event)])


def _toxicity(event: Event) -> list[str]:
    """How a toxicity counts."""
    limiting = [] if event.dose_limiting else ["not dose-limiting"]
    return [*([event.grade] if event.grade else []), "severe" if event.severe else "not severe", *limiting]


def _event(scenario: Scenario, name: str, event: Event) -> str:
    rate = scenario.resolved(event.rate, f"{name} rate")
    shape = scenario.resolved(event.shape, f"{name} shape")
    exponent = scenario.resolved(event.dose_exponent, f"{name} dose exponent")
    parts = [event.kind if event.kind != name else "", rate.text]
    if shape.value != 1.0:
        parts.append(f"Weibull shape {shape.text}")
    delay = scenario.resolved(event.delay, f"{name} delay")
    if delay.value > 0.0:
        parts.append(f"at the earliest after {delay.text}")
    parts += [f"× {piece.ratio.text} from {piece.after.text} on" for piece in event.piecewise]
    if event.driven_by == "exposure":
        parts.append("by the time on the drug" if exponent.value == 0.0 else "by the dose taken so far")
    if exponent.value != 0.0:
        parts.append(f"× (dose/{scenario.treatment.reference_dose.value:g})^{exponent.text}")
    else:
        also_held = event.kind == "toxicity" and event.driven_by == "time"
        parts.append("whatever the dose (also while held)" if also_held else "whatever the dose")
    if event.dose_floor is not None:
        parts.append(f"a dose below {event.dose_floor.text} acts as this one")
    if event.frailty is not None:
        parts.append(f"with the frailty {event.frailty}")
    if event.kind == "toxicity":
        parts += _toxicity(event)
    parts.append(event.during or "")
    parts += [_effect(scenario, name, covariate, effect) for covariate, effect in event.effects.items()]
    if event.resolves is not None:
        parts.append(f"resolves at {event.resolves.rate.text}")
        parts.append("may recur" if event.recurs else "once")
    return ", ".join(part for part in parts if part)


def _risks(scenario: Scenario, name: str, event: Event) -> str:
    """The risk of an event at a constant dose and reference baseline, from the start of its clock."""
    rate = scenario.resolved(event.rate, f"{name} rate").value
    shape = scenario.resolved(event.shape, f"{name} shape").value
    exponent = scenario.resolved(event.dose_exponent, f"{name} dose exponent").value
    delay = scenario.resolved(event.delay, f"{name} delay").value / DAYS_PER_MONTH
    reference = scenario.treatment.reference_dose.value
    floor = event.dose_floor.value if event.dose_floor is not None else 0.0

    pieces = event.piecewise
    days, ratios = [item.after.value / DAYS_PER_MONTH for item in pieces], [item.ratio.value for item in pieces]

    def at(dose: float) -> str:
        factor = dose_factor(dose, reference, exponent, floor)
        ages = (max(0.0, months - delay) for months in _RISK_MONTHS)
        hazards = [hazard_between(rate * factor, 0.0, age, shape, days, ratios) for age in ages]
        return ", ".join(labels.risk(-math.expm1(-hazard)) for hazard in hazards)

    what = f"risk in % by {', '.join(map(str, _RISK_MONTHS))} months"
    if exponent == 0.0:
        return f"{what}: {at(reference)} at any dose"
    doses = [dose.value for dose in scenario.treatment.levels if dose.value != reference]
    shown = "".join(f"; {at(dose)} at {dose:g}" for dose in doses[:_MAX_DOSES])
    more = f"; … {at(doses[-1])} at {doses[-1]:g}" if len(doses) > _MAX_DOSES else ""
    return f"{what}: {at(reference)} at {scenario.treatment.reference_dose}{shown}{more}"


def _effect(scenario: Scenario, event: str, name: str, effect: Effect) -> str:
    """An effect in words; `event` is the first word of its own name, where it is calibrated."""
    what = effect.ratio_key.replace("_", " ")
    if effect.ratio is not None and effect.per is not None:
        reference = effect.reference or scenario.population[name].median
        at = reference.text if reference is not None else ""
        ratio = scenario.resolved(effect.ratio, f"{event} {name} {what}")
        return f"× {ratio.text} for each {effect.per.text} of {name} above {at}"
    ratios = {
        category: scenario.resolved(ratio, f"{event} {name} {category} {what}")
        for category, ratio in (effect.ratios or {}).items()
    }
    return f"by {name}: " + ", ".join(f"{category} × {ratio.text}" for category, ratio in ratios.items())


def _odds(scenario: Scenario) -> str:
    """How baseline values shift the odds of being sensitive."""
    effects = [_effect(scenario, "sensitive", name, effect) for name, effect in scenario.sensitivity_effects.items()]
    return f" at the reference; odds {', '.join(effects)}" if effects else ""


def _measured(scenario: Scenario) -> Iterator[str]:
    yield "WHAT IS SEEN"
    has_responses = any(event.is_response for event in scenario.events.values())
    if has_responses:
        yield f"  Categories of response: {', '.join(map(_category, scenario.responses))}."
    every = scenario.assessment.every
    seen = " and ".join(
        word
        for word, is_there in (("response", has_responses), ("progression", labels.can_progress(scenario)))
        if is_there
    )
    if seen:
        yield f"  {seen.capitalize()}: {every.text if every.value == 0 else f'every {every.text}'}."
    missed = scenario.resolved(scenario.assessment.missed, "assessment missed")
    if missed.value > 0.0 and seen:
        yield f"  An assessment is missed with a probability of {missed.text}."
    if scenario.assessment.confirmation is not None:
        text = scenario.assessment.confirmation.text
        yield f"  A response is confirmed by an assessment that still sees it at least {text} later."
    source = labels.in_brackets(scenario.evaluable.source)
    yield f"  Evaluable for response: {labels.evaluable_in_words(scenario)}{source}."
    yield f"  Observation ends {_cut_off(scenario)}."


def _category(category: ResponseCategory) -> str:
    """A category of response: its abbreviation, what it means, and whether it counts."""
    notes = [category.abbreviation, category.means, "" if category.counts else "no response"]
    return f"{category.name} ({', '.join(note for note in notes if note)})"


def _unknown(scenario: Scenario) -> Iterator[str]:
    """The parameters that each replicate draws anew, with their median and 90 % interval."""
    table, names = table_of(scenario), varying_names(scenario)
    if table is None or not names:
        return
    yield "WHAT IS UNKNOWN"
    drawn = f"Each replicate draws its own from {table.title} ({len(table.values):,} draws)"
    yield f"  {drawn}; above are the medians, here with 90 % intervals."
    for name in names:
        lower, median, upper = np.quantile(table.column(name), [0.05, 0.5, 0.95])
        unit = table.units[table.names.index(name)]
        yield f"  {name}: {labels.median_and_interval(median, lower, upper)} {unit}".rstrip()


def _cut_off(scenario: Scenario) -> str:
    plan = scenario.cut_off
    if plan.after_opening is not None:
        return f"{scenario.resolved(plan.after_opening, 'cut off').text} after the trial opened"
    if plan.date is not None:
        return f"on {plan.date}"
    if plan.after_last_entry is not None:
        return f"{plan.after_last_entry.text} after the last entry"
    latest = plan.at_latest.text if plan.at_latest is not None else ""
    return f"when {plan.after_count} {plan.of} are seen, at the latest {latest} after the trial opened"


def _compared(scenario: Scenario) -> Iterator[str]:
    if scenario.cohort is None:
        yield "COMPARED WITH nothing: no cohort is named."
        return
    yield f"COMPARED WITH {scenario.cohort.reference}"
    for name, choice in scenario.interpretations.items():
        ambiguity = scenario.cohort.ambiguities[name]
        others = ", ".join(other for other in ambiguity.interpretations if other != choice)
        meaning = " ".join(ambiguity.interpretations[choice].meaning.split())
        changes = ambiguity.interpretations[choice].changes
        if changes and not _holds(scenario, changes):
            meaning += f" — NOT SO HERE: the scenario says otherwise about {', '.join(changes)}"
        yield f"  {name} = {choice} (or: {others}). {meaning}."


def _holds(scenario: Scenario, changes: Mapping[str, Any]) -> bool:
    """Whether an interpretation's changes would change nothing, because the scenario already is as it says."""
    try:
        return scenario.with_changes(changes) == scenario
    except ConfigurationError:
        return False


def _sources(scenario: Scenario) -> Iterator[str]:
    yield "WHERE THE NUMBERS ARE FROM"
    for source, names in describe_sources(scenario).items():
        yield f"  {source}: {'; '.join(names)}."
