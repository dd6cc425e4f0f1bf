"""A scenario to the flat numbers that engines read."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import replace

from trialsim.config.calibrated.draws import draws_of
from trialsim.config.schema.effects import Effect, effect_terms
from trialsim.config.schema.events import Event
from trialsim.config.schema.population import Accrual, Covariate, Frailty, Site
from trialsim.config.schema.quantity import Quantity
from trialsim.config.schema.scenario import COUNTED, ScenarioData, own_name
from trialsim.config.to_protocol.correlations import scores_of
from trialsim.config.to_protocol.dose_rules import early_visits, first_level, first_levels, rules_of
from trialsim.model import baseline, disease, draws, hazards, protocol
from trialsim.model import vocabulary as v
from trialsim.model.sums import add_in_order
from trialsim.model.units import DAYS_PER_MONTH

_STATES = {
    "any time": disease.ANY_STATE,
    "treatment": disease.ANY_STATE,
    "stable": 1 << disease.STABLE,
    "response": disease.IN_RESPONSE,
    "before progression": disease.BEFORE_PROGRESSION,
    "after progression": disease.AFTER_PROGRESSION,
}
_DISTRIBUTIONS = {"normal": baseline.NORMAL, "lognormal": baseline.LOGNORMAL, "logit-normal": baseline.LOGIT_NORMAL}


def protocol_of(scenario: ScenarioData) -> protocol.Protocol:
    """The flat numbers of a scenario: days, mg/day, masks; with the draws of its parameters where it has some.

    Raises `ConfigurationError` where a table of draws is gone, or another one than the scenario was resolved with.
    """
    table = draws_of(scenario)
    treatment = scenario.treatment
    visit_rules, onset_rules = rules_of(scenario)
    return protocol.Protocol(
        title=scenario.title,
        opens=scenario.accrual.opens.isoformat(),
        accrual=_accrual(scenario.accrual),
        covariates=_covariates(scenario),
        frailties=tuple(_frailty(scenario, name, item) for name, item in scenario.frailties.items()),
        p_sensitive=_number(scenario, scenario.sensitive, "disease", "sensitive"),
        sensitivity_effects=_effects(scenario, ("disease",), scenario.sensitivity_effects),
        reference_dose=treatment.reference_dose.value,
        levels=tuple(dose.value for dose in treatment.levels),
        first_level=first_level(treatment),
        first_levels=first_levels(scenario),
        dose_share=treatment.schedule.share if treatment.schedule is not None else 1.0,
        early_visits=early_visits(treatment),
        visit_every_days=_number(scenario, treatment.every, "treatment", "every"),
        visit_rules=visit_rules,
        onset_rules=onset_rules,
        responses=tuple(item.flat for item in scenario.responses),
        clocks=tuple(_clock(scenario, name, event) for name, event in scenario.events.items()),
        assessment_every_days=_number(scenario, scenario.assessment.every, "assessment", "every"),
        p_missed_assessment=_number(scenario, scenario.assessment.missed, "assessment", "missed"),
        confirmation_days=scenario.assessment.confirmation.value if scenario.assessment.confirmation else 0.0,
        evaluable_after_days=_number(scenario, scenario.evaluable.after, "evaluable", "after"),
        counts_early_progression=scenario.evaluable.early_progression,
        counts_early_death=scenario.evaluable.early_death,
        cut_off=_cut_off(scenario),
        clinic_slots_per_day=scenario.clinic.slots_per_day if scenario.clinic is not None else 0,
        parameter_names=table.names,
        parameter_places=table.places,
        parameter_draws=table.values,
        dose_days=scenario.cohort.dose_days if scenario.cohort is not None else (),
        dose_unit=treatment.dose_unit,
        body_size=list(scenario.population).index(sizes[0]) if (sizes := scenario.body_sizes) else -1,
    )


def _number(scenario: ScenarioData, quantity: Quantity, *place: str) -> float:
    return scenario.resolved(quantity, own_name(place)).value


def _clock(scenario: ScenarioData, name: str, event: Event) -> protocol.Clock:
    responds, response = event.is_response, scenario.category_number(event.kind)
    kind = disease.RESPONSE if responds else disease.KIND_NAMES.index(event.kind)
    states = _states(event, kind, response)
    shape = _number(scenario, event.shape, "events", name, "shape")
    rate = _number(scenario, event.rate, "events", name, "rate")
    partner_ratio = _partner_ratio(scenario, name)
    return protocol.Clock(
        name=name,
        kind=kind,
        rate_per_month=rate,
        coefficient=hazards.coefficient_per_day(rate * partner_ratio, shape),
        shape=shape,
        delay_days=_number(scenario, event.delay, "events", name, "delay"),
        dose_exponent=_number(scenario, event.dose_exponent, "events", name, "dose_exponent"),
        dose_floor=event.dose_floor.value if event.dose_floor is not None else 0.0,
        states=states,
        needs_treatment=kind == disease.TOXICITY
        or responds
        or kind == disease.DISCONTINUATION
        or event.during == "treatment",
        needs_sensitivity=responds,
        effects=_effects(scenario, ("events", name), event.effects),
        frailty=list(scenario.frailties).index(event.frailty) if event.frailty is not None else -1,
        code=draws.decision_code(protocol.clock_decision(name)),
        recurs=bool(event.recurs),
        is_severe=bool(event.severe),
        is_dose_limiting=bool(event.dose_limiting),
        is_reported=bool(event.reported),
        resolution=_resolution(scenario, name, event),
        driven_by_exposure=event.driven_by == "exposure",
        part_of=list(scenario.events).index(event.part_of) if event.part_of is not None else -1,
        share=_number(scenario, event.share, "events", name, "share") if event.share is not None else 0.0,
        response=response,
        partner_ratio=partner_ratio,
        piece_days=tuple(piece.after.value for piece in event.piecewise),
        piece_ratios=tuple(piece.ratio.value for piece in event.piecewise),
    )


def _partner_ratio(scenario: ScenarioData, name: str) -> float:
    """What the drugs that are given besides make of the hazard of an event."""
    ratios = (partner.hazard_ratios.get(name) for partner in scenario.treatment.partners.values())
    return math.prod(ratio.value for ratio in ratios if ratio is not None)


def _states(event: Event, kind: int, response: int) -> int:
    """The states in which a clock runs; a step to a category of response runs in the one below it."""
    if event.part_of is not None:
        return disease.NO_STATE
    if kind == disease.RESPONSE:
        return 1 << (response - 1)
    return _STATES[event.during] if event.during is not None else disease.STATES_OF_KIND[kind]


def _resolution(scenario: ScenarioData, name: str, event: Event) -> protocol.Clock | None:
    if event.resolves is None:
        return None
    place = ("events", name, "resolves")
    shape = _number(scenario, event.resolves.shape, *place, "shape")
    rate = _number(scenario, event.resolves.rate, *place, "rate")
    clock_name = protocol.resolution_name(name)
    return protocol.Clock(
        name=clock_name,
        kind=disease.TOXICITY,
        rate_per_month=rate,
        coefficient=hazards.coefficient_per_day(rate, shape),
        shape=shape,
        dose_exponent=0.0,
        states=disease.ANY_STATE,
        needs_treatment=False,
        needs_sensitivity=False,
        effects=(),
        frailty=-1,
        code=draws.decision_code(protocol.clock_decision(clock_name)),
    )


def _effects(scenario: ScenarioData, place: tuple[str, ...], written: Mapping[str, Effect]) -> protocol.Effects:
    effects: list[tuple[int, int, float, float]] = []
    names = list(scenario.population)
    for term in effect_terms(written):
        covariate = scenario.population[term.covariate]
        ratio = _number(scenario, term.ratio, *place, *term.place)
        category, reference = -1, written[term.covariate].reference or covariate.median
        if term.category is not None:
            category, reference = list(covariate.shares or {}).index(term.category), None
        distance_from = reference.value if reference is not None else 0.0
        weight = hazards.effect_weight(ratio, term.per)
        effects.append((names.index(term.covariate), category, distance_from, weight))
    return tuple(effects)


def _frailty(scenario: ScenarioData, name: str, item: Frailty) -> protocol.Frailty:
    return protocol.Frailty(
        name,
        _number(scenario, item.sd, "frailties", name, "sd"),
        draws.decision_code(protocol.frailty_decision(name)),
        _number(scenario, item.long_term, "frailties", name, "long_term"),
    )


def _covariates(scenario: ScenarioData) -> tuple[protocol.Covariate, ...]:
    return tuple(
        replace(_covariate(name, item), scores=scores)
        for (name, item), scores in zip(scenario.population.items(), scores_of(scenario), strict=True)
    )


def _covariate(name: str, item: Covariate) -> protocol.Covariate:
    code = draws.decision_code(protocol.covariate_decision(name))
    if item.median is not None and item.sd is not None:
        distribution = _DISTRIBUTIONS[item.distribution]
        location = _on_normal_scale(distribution, item.median.value)
        bounds = [
            _share(_on_normal_scale(distribution, bound.value), location, item.sd.value)
            if bound is not None
            else default
            for bound, default in ((item.lowest, 0.0), (item.highest, 1.0))
        ]
        unit = item.median.unit
        return protocol.Covariate(name, unit, code, (), (), distribution, location, item.sd.value, bounds[0], bounds[1])
    shares = item.shares or {}
    total, reached, cumulative = add_in_order(shares.values()), 0.0, []
    for share in shares.values():
        reached += share
        cumulative.append(reached / total)
    return protocol.Covariate(name, "", code, tuple(shares), tuple(cumulative))


def _on_normal_scale(distribution: int, value: float) -> float:
    if distribution == baseline.LOGNORMAL:
        return math.log(value) if value > 0.0 else -math.inf
    if distribution == baseline.LOGIT_NORMAL:
        return -math.inf if value <= 0.0 else math.inf if value >= 1.0 else math.log(value / (1.0 - value))
    return value


def _share(bound: float, location: float, spread: float) -> float:
    """The standard normal probability below a bound."""
    return 0.5 * math.erfc(-(bound - location) / (spread * math.sqrt(2.0)))


def _accrual(plan: Accrual) -> protocol.Accrual:
    if plan.over is not None:
        return protocol.Accrual(n_patients=plan.patients, window_days=plan.over.value)
    sites = plan.sites or {}
    steps = {name: _steps(site, plan.opens) for name, site in sites.items()}
    starts = {0.0} | {start for item in steps.values() for start, _ in item}
    pauses = [(_day(pause.start, plan.opens), _day(pause.end, plan.opens)) for pause in plan.pauses]
    starts |= {edge for pause in pauses for edge in pause if edge > 0.0}
    rates, shares = [], []
    for start in sorted(starts):
        open_now = not any(first <= start < end for first, end in pauses)
        by_site = [_rate_at(steps[name], start) if open_now else 0.0 for name in sites]
        rates.append(add_in_order(by_site))
        shares.append(_cumulative(by_site))
    return protocol.Accrual(
        n_patients=plan.patients,
        window_days=0.0,
        starts=tuple(sorted(starts)),
        rates=tuple(rates),
        site_names=tuple(sites),
        site_shares=tuple(shares),
        closes_day=plan.closes_after.value if plan.closes_after is not None else math.inf,
        p_ineligible=plan.ineligible.value,
    )


def _steps(site: Site, opens: dt.date) -> list[tuple[float, float]]:
    """A site's rate per day from each start on: monthly steps through a linear ramp, then the full rate."""
    opened = _day(site.opens or opens, opens)
    full = site.rate.value / DAYS_PER_MONTH
    n_steps = math.ceil(site.ramp_up.value / DAYS_PER_MONTH - 1e-9)
    length = site.ramp_up.value / n_steps if n_steps else 0.0
    steps = [(opened + k * length, full * (k + 0.5) / n_steps) for k in range(n_steps)]
    return [*steps, (opened + site.ramp_up.value, full)]


def _rate_at(steps: list[tuple[float, float]], day: float) -> float:
    return next((rate for start, rate in reversed(steps) if start <= day), 0.0)


def _cumulative(rates: list[float]) -> tuple[float, ...]:
    total, reached, shares = add_in_order(rates), 0.0, []
    for rate in rates:
        reached += rate
        shares.append(reached / total if total > 0.0 else 1.0)
    return tuple(shares)


def _day(date: dt.date, opens: dt.date) -> float:
    return float((date - opens).days)


def _cut_off(scenario: ScenarioData) -> protocol.CutOff:
    plan = scenario.cut_off
    if plan.after_opening is not None:
        return protocol.CutOff(v.CUT_AT_DAY, _number(scenario, plan.after_opening, "cut_off", "after_opening"))
    if plan.date is not None:
        return protocol.CutOff(v.CUT_AT_DAY, _day(plan.date, scenario.accrual.opens))
    if plan.after_last_entry is not None:
        return protocol.CutOff(
            v.CUT_AFTER_LAST_ENTRY, _number(scenario, plan.after_last_entry, "cut_off", "after_last_entry")
        )
    latest = _number(scenario, plan.at_latest, "cut_off", "at_latest") if plan.at_latest is not None else math.inf
    counted = COUNTED.index(plan.of) if plan.of is not None else -1
    return protocol.CutOff(v.CUT_AFTER_COUNT, 0.0, counted, plan.after_count or 0, latest)
