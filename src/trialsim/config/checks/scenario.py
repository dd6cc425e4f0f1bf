"""What one part of a scenario says about another: names that must exist, clocks that must fit, numbers that must be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise

from trialsim.config.checks.calibrated_values import draw_findings, parameter_findings, reference_dose_findings
from trialsim.config.checks.correlations import correlation_findings
from trialsim.config.checks.doses import dose_findings
from trialsim.config.checks.published_statistics import statistic_findings
from trialsim.config.schema.conditions import WORDS, Condition
from trialsim.config.schema.effects import Effect
from trialsim.config.schema.events import KINDS, ONCE_ONLY
from trialsim.config.schema.named_toxicities import toxicities_named, waited_for
from trialsim.config.schema.population import Covariate
from trialsim.config.schema.quantities import Measurement
from trialsim.config.schema.scenario import ScenarioData, parameter_name
from trialsim.config.source.problems import Finding, nearest, problem_at
from trialsim.config.source.yaml import Place, Places
from trialsim.errors import Problem
from trialsim.model.draws import decision_code
from trialsim.model.protocol import (
    MISSED_ASSESSMENT,
    clock_decision,
    covariate_decision,
    frailty_decision,
    resolution_name,
    severity_decision,
)

_MAX_TOXICITIES = 60
_MEASURED = ("events", "responses")  # sections that say what statistics there are
_RESPONSE_WORDS = ("response", "remission")  # with which the name of a category usually ends


def consistency_problems(scenario: ScenarioData, places: Places, names_in_set: Sequence[str] = ()) -> list[Problem]:
    """Every contradiction between the parts of a scenario; `names_in_set` are parameters of the set that was read."""
    parameters = partial(parameter_findings, names_in_set=names_in_set)
    checks: tuple[Callable[[ScenarioData], Iterator[Finding]], ...] = (
        _interpretations, parameters, draw_findings, reference_dose_findings, dose_findings, _names, _events,
        _partners, _first_doses, _effects, correlation_findings, _rules, _dates, _codes,
    )  # fmt: skip
    findings = [finding for check in checks for finding in check(scenario)]
    if not any(place[0] in _MEASURED for place, *_ in findings):  # what is misspelt there would be missed here
        findings += _statistics(scenario)
    return [problem_at(places, place, value, *rest) for place, value, *rest in findings]


def _interpretations(scenario: ScenarioData) -> Iterator[Finding]:
    ambiguities = scenario.cohort.ambiguities if scenario.cohort is not None else {}
    for name, choice in scenario.interpretations.items():
        if name not in ambiguities:
            known = list(ambiguities)
            allowed = f"one of {', '.join(known)}" if known else "no interpretations without a cohort that has them"
            yield ("interpretations", name), choice, "the cohort has no such ambiguity", allowed, nearest(name, known)
        elif choice not in ambiguities[name].interpretations:
            known = list(ambiguities[name].interpretations)
            yield (
                ("interpretations", name),
                choice,
                "there is no such interpretation",
                ", ".join(known),
                nearest(choice, known),
            )


_RESERVED = {"any", "severe", "any_severe", "tolerated", "always", "at maximum"}


def _names(scenario: ScenarioData) -> Iterator[Finding]:
    """Names of events that mean something else in a rule or a table; names that no table or picture can show."""
    for section, names in (("events", scenario.events), ("population", scenario.population)):
        for name in names:
            if not re.fullmatch(r"\w[\w +/()-]{0,59}", name):
                yield (
                    (section, name),
                    name,
                    "a name has characters that cannot be shown",
                    "up to 60 letters, digits, spaces and _ + / ( ) -",
                    "",
                )
    for name, event in scenario.events.items():
        means_else = name in _RESERVED or name in WORDS or scenario.category_number(name) > 0
        if event.kind == "toxicity" and means_else:
            yield ("events", name), name, "this name means something else in a rule", "another name", ""


def _events(scenario: ScenarioData) -> Iterator[Finding]:
    """Events one by one: their kinds, and what they are part of or share."""
    problems = list(_kinds(scenario))
    yield from problems or _steps(scenario)
    frailties = list(scenario.frailties)
    for name, event in scenario.events.items():
        if event.part_of is not None:
            yield from _part(scenario, name, event.part_of)
        if event.frailty is not None and event.frailty not in frailties:
            allowed = f"one of {', '.join(frailties)}" if frailties else "a frailty listed under `frailties`"
            near = nearest(event.frailty, frailties)
            yield ("events", name, "frailty"), event.frailty, "there is no such frailty", allowed, near


def _kinds(scenario: ScenarioData) -> Iterator[Finding]:
    """Kinds of events that there are, no more of each than may be."""
    categories = [item.name for item in scenario.responses]
    kinds = [*KINDS, *categories]
    for name, event in scenario.events.items():
        place = ("events", name, "kind")
        if event.kind not in kinds:
            is_category = event.kind.endswith(_RESPONSE_WORDS)
            listed = [item.kind for item in scenario.events.values() if item.kind.endswith(_RESPONSE_WORDS)]
            place_of_it = f"`responses: [{', '.join(listed)}]`, the least first" if is_category else "`responses`"
            allowed = f"{', '.join(kinds)}, or a category listed under {place_of_it}"
            near = "" if is_category else nearest(event.kind, kinds)
            yield place, event.kind, "there is no such kind of event", allowed, near
        elif event.kind in categories and (problem := event.misplaced):
            yield ("events", name), name, *problem, ""
    for kind in (*categories, *ONCE_ONLY):
        names = [name for name, event in scenario.events.items() if event.kind == kind]
        if len(names) > 1:
            place = ("events", names[-1], "kind")
            yield place, kind, f"there are several clocks for {kind}", "one clock of this kind", ""
    if len(scenario.toxicities) > _MAX_TOXICITIES:
        allowed = f"at most {_MAX_TOXICITIES}"
        yield ("events",), len(scenario.toxicities), "there are too many toxicities", allowed, ""


def _steps(scenario: ScenarioData) -> Iterator[Finding]:
    """Responses: each category has the one before it, a relapse has a response, and someone can respond."""
    kinds = [event.kind for event in scenario.events.values()]
    categories = [item.name for item in scenario.responses]
    for kind, first in (*pairwise(reversed(categories)), ("relapse", categories[0])):
        steps = [item for item in scenario.events.items() if item[1].kind == kind and item[1].during is None]
        if steps and first not in kinds:
            place, allowed = ("events", steps[0][0], "kind"), f"an event of kind {first} too"
            yield place, kind, f"a {kind} follows a {first}", allowed, ""
    responses = [name for name, event in scenario.events.items() if event.kind in categories]
    if scenario.disease is None and responses:
        allowed = "`disease: {sensitive: …}`, the share of patients who can respond at all"
        yield ("events", responses[0]), responses[0], "who can respond is not said", allowed, ""


def _partners(scenario: ScenarioData) -> Iterator[Finding]:
    """A partner drug acts on events that are there and have a clock."""
    known = [name for name, event in scenario.events.items() if event.part_of is None]
    for drug, partner in scenario.treatment.partners.items():
        for name in partner.hazard_ratios:
            if name not in known:
                place = ("treatment", "partners", drug, "hazard_ratios", name)
                yield place, name, "there is no such event with a rate", ", ".join(known), nearest(name, known)


def _first_doses(scenario: ScenarioData) -> Iterator[Finding]:
    """First doses by baseline values name covariates that are there, their categories, and bounds in their unit."""
    for i, item in enumerate(scenario.treatment.start_by):
        place = ("treatment", "start_by", i)
        covariate = scenario.population.get(item.covariate)
        if covariate is None:
            yield _unknown_covariate(scenario, (*place, "covariate"), item.covariate)
        elif covariate.shares is not None:
            categories = list(covariate.shares)
            if item.category not in categories:
                shown, near = item.category or "no category", nearest(item.category or "", categories)
                allowed = f"a `category` of {', '.join(categories)}"
                yield place, shown, "this covariate has categories", allowed, near
        else:
            unit = covariate.median.unit if covariate.median is not None else ""
            bounds = [bound for bound in (item.at_least, item.below) if bound is not None]
            if {bound.unit for bound in bounds} != {unit}:
                shown = ", ".join(bound.text for bound in bounds) or str(item.category)
                yield place, shown, "this covariate is continuous", f"`at_least` or `below`, in {unit}", ""


def _part(scenario: ScenarioData, name: str, whole: str) -> Iterator[Finding]:
    """What a toxicity is part of must be a toxicity with a clock."""
    known = [other for other, event in scenario.toxicities.items() if event.part_of is None]
    if whole not in known:
        allowed = f"one of {', '.join(known)}" if known else "a toxicity with a rate"
        yield ("events", name, "part_of"), whole, "this is no toxicity with a clock", allowed, nearest(whole, known)


def _effects(scenario: ScenarioData) -> Iterator[Finding]:
    written: list[tuple[Place, Mapping[str, Effect]]] = [
        (("disease", "effects"), scenario.sensitivity_effects),
        *((("events", name, "effects"), event.effects) for name, event in scenario.events.items()),
    ]
    for place, effects in written:
        for covariate, effect in effects.items():
            if covariate not in scenario.population:
                yield _unknown_covariate(scenario, (*place, covariate), covariate)
            else:
                yield from _effect((*place, covariate), effect, scenario.population[covariate])


def _unknown_covariate(scenario: ScenarioData, place: Place, name: str) -> Finding:
    known = list(scenario.population)
    allowed = f"one of {', '.join(known)}" if known else "a covariate listed under `population`"
    return place, name, "there is no such covariate", allowed, nearest(name, known)


def _effect(place: Place, effect: Effect, covariate: Covariate) -> Iterator[Finding]:
    if covariate.shares is not None:
        categories = list(covariate.shares)
        for category in effect.ratios or ("",):
            if category not in categories:
                shown = category or "no category"
                yield (
                    place,
                    shown,
                    "this covariate has categories",
                    f"{effect.ratio_key}s by {', '.join(categories)}",
                    nearest(category, categories),
                )
    elif effect.per is None or covariate.median is None or _units(effect) != {covariate.median.unit}:
        unit = covariate.median.unit if covariate.median is not None else ""
        yield place, _written(effect.per), "this covariate is continuous", f"{effect.ratio_key}, and per in {unit}", ""


def _units(effect: Effect) -> set[str]:
    return {quantity.unit for quantity in (effect.per, effect.reference) if quantity is not None}


def _written(quantity: Measurement | None) -> str:
    return quantity.text if quantity is not None else "no per"


def _rules(scenario: ScenarioData) -> Iterator[Finding]:
    for i, rule in enumerate(scenario.treatment.rules):
        place = ("treatment", "rules", i)
        for j, condition in enumerate(rule.when):
            for leaf in condition.leaves():
                yield from _condition((*place, "when", j), scenario, leaf)
        if rule.do == "hold":
            for name in sorted(waited_for(scenario, rule)):
                if name in scenario.toxicities and not _ever_resolves(scenario, name):
                    allowed = f"`resolves: {{rate: …}}` with a rate above 0 for {name}, or another rule"
                    yield place, str(rule), f"nothing would end this hold: {name} never resolves", allowed, ""
        if rule.at == "onset" and any(condition.holds == "tolerated" for condition in rule.when):
            yield place, str(rule), "at an onset nothing is tolerated, so this rule never holds", "at: visit", ""


def _condition(place: Place, scenario: ScenarioData, leaf: Condition) -> Iterator[Finding]:
    """A condition's toxicities and grades must be there."""
    for name in (leaf.toxicity or []) + (leaf.free_of or []):
        if name not in ("any", "severe") and name not in scenario.toxicities:
            known = ["any", "severe", *scenario.toxicities, *WORDS, *(item.name for item in scenario.responses)]
            yield place, name, "this is neither a condition nor a toxicity", ", ".join(known), nearest(name, known)
    if leaf.response is not None and not scenario.category_number(leaf.response):
        names = [item.name for item in scenario.responses]
        problem = "there is no such category of response"
        yield place, leaf.response, problem, ", ".join(names), nearest(leaf.response, names)
    grades = {event.grade for event in scenario.toxicities.values() if event.grade is not None}
    if leaf.grade is not None and not toxicities_named(scenario, leaf):
        problem = "none of these toxicities has this grade"
        yield place, leaf.grade, problem, ", ".join(sorted(grades)) or "no grade: none has one", ""


def _ever_resolves(scenario: ScenarioData, name: str) -> bool:
    toxicity = scenario.toxicities[name]
    if toxicity.part_of is not None and toxicity.part_of in scenario.toxicities:
        return _ever_resolves(scenario, toxicity.part_of) if toxicity.part_of != name else True  # said elsewhere
    resolution = toxicity.resolves
    if resolution is None:
        return False
    if (
        resolution.rate.calibrated
        and parameter_name(resolution.rate, f"{name} resolves rate") not in scenario.parameters.values
    ):
        return True  # said elsewhere
    return scenario.resolved(resolution.rate, f"{name} resolves rate").value > 0.0


def _dates(scenario: ScenarioData) -> Iterator[Finding]:
    date = scenario.cut_off.date
    if date is not None and date <= scenario.accrual.opens:
        yield (
            ("cut_off", "date"),
            date,
            "the cut-off lies before the trial opens",
            f"after {scenario.accrual.opens}",
            "",
        )
    count, n_patients = scenario.cut_off.after_count, scenario.accrual.patients
    if count is not None and count > n_patients:
        problem = f"{n_patients} patients never reach this count"
        yield ("cut_off", "after_count"), count, problem, f"at most accrual.patients = {n_patients}", ""


def _statistics(scenario: ScenarioData) -> Iterator[Finding]:
    if not any(True for _ in _interpretations(scenario)):
        yield from statistic_findings(scenario)


def _codes(scenario: ScenarioData) -> Iterator[Finding]:
    """Names that two things share, and the one case in 4 billion that two names share a code."""
    decisions: dict[int, str] = {}
    names = [MISSED_ASSESSMENT, *(covariate_decision(name) for name in scenario.population)]
    names += [frailty_decision(name) for name in scenario.frailties]
    for name, event in scenario.events.items():
        names.append(clock_decision(name))
        if event.kind == "toxicity":
            names.append(severity_decision(name))
        if event.resolves is not None:
            names.append(clock_decision(resolution_name(name)))
    for name in names:
        code = decision_code(name)
        if code in decisions:
            yield ("events",), name, f"it would share its draws with {decisions[code]!r}", "another name", ""
        decisions[code] = name
