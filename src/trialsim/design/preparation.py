"""A study of size made ready: truths, design; what is impossible is refused before any search."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from trialsim.config.loading.size_studies import Sizing
from trialsim.config.schema.size_study import CALIBRATED, MODELLED
from trialsim.design.base import (
    ALTERNATIVE,
    NULL,
    TOXIC_NULL,
    Hypotheses,
    PlannedDesign,
    Rates,
    arms_in_turn,
    needed,
)
from trialsim.design.conduct.timelines import simulated
from trialsim.design.counts import CountDesign
from trialsim.design.draft import Draft, Protocols, check_draft, draft_of, endpoint_in_arms
from trialsim.design.event_forecast import LOG_RANK, EventForecast
from trialsim.design.hypotheses import (
    SEED_OF_RATES,
    at_point_values,
    check_reachable,
    rate_of,
    rates_of,
    thin_draws,
    with_events_of,
    with_hazard_ratio,
    with_rate,
    with_toxicity,
)
from trialsim.design.margin_truth import arms_at_margin
from trialsim.design.plain_arms import arms_with_medians, arms_with_rates
from trialsim.design.plain_hazards import arms_with_hazards
from trialsim.design.prepared_study import (
    DRAWS_LOOKED_AT,
    FEWEST_DRAWS,
    MEDIAN,
    POSTERIOR,
    TRIALS_A_DRAW,
    PreparedStudy,
)
from trialsim.design.safety import checked_boundary
from trialsim.design.theory.stages import check_rates
from trialsim.design.time_to_event.by_moments import with_average_ratio
from trialsim.design.time_to_event.hazards import hazards_of_arms
from trialsim.design.time_to_event.logrank import PlannedLogrank
from trialsim.design.time_to_event.one_sample_logrank import PlannedOneSample, decisions_of
from trialsim.design.time_to_event.planned import Events
from trialsim.design.time_to_event.rmst import PlannedRestrictedMeans
from trialsim.errors import RequestError
from trialsim.model import interim as c
from trialsim.model.protocol import Protocol
from trialsim.model.units import DAYS_PER_MONTH
from trialsim.simulation import choose_engine
from trialsim.simulation.engine import BATCH

TRIALS_OF_ACCRUAL: Final = 100
NEARLY_ALWAYS: Final = 0.95


@dataclass(frozen=True)
class Supposed:
    """The truths under which a design is simulated, and the design for them; see `PreparedStudy`."""

    design: PlannedDesign
    truths: dict[str, Protocols]
    posterior: Protocols
    rates: dict[str, tuple[float, float]] = field(default_factory=dict)
    obtained_by: dict[str, str] = field(default_factory=dict)


Suppose = Callable[[Draft, int, int], Supposed]  # from a draft, the number of draws of the posterior, and the seed


def prepare_study(sizing: Sizing, engine: str, seed: int, replicates: int) -> PreparedStudy:
    """A study made ready. Raises `RequestError` for what cannot be had, with the nearest that can."""
    draft = draft_of(sizing)
    check_draft(draft)
    chosen = choose_engine(engine, draft.protocols[0], 1_000_000).name
    n_draws = max(FEWEST_DRAWS, min(DRAWS_LOOKED_AT, replicates // TRIALS_A_DRAW))
    supposed = SUPPOSED[draft.design.hypotheses](draft, n_draws, seed)
    boundary = checked_boundary(draft.study, supposed.design.n) if draft.study.safety is not None else None
    ready = PreparedStudy(
        draft, chosen, seed, supposed.design, supposed.truths, supposed.posterior, supposed.rates, boundary,
        supposed.obtained_by,
    )  # fmt: skip
    if draft.design.hypotheses is not Hypotheses.ANY_ENDPOINT:
        check_accrual(ready)
    return ready


def check_accrual(ready: PreparedStudy) -> None:
    """Refuse a study in which accrual nearly always closes before the patients are there. Raises `RequestError`."""
    n = ready.n or int(ready.sizes[0])
    setting = ready.setting(ALTERNATIVE, n)
    engines = [BATCH] * len(setting.protocols)
    outcomes = ready.outcomes.primary
    timelines = simulated(engines, setting.protocols, setting.arms, outcomes, SEED_OF_RATES, 1, TRIALS_OF_ACCRUAL)
    n_enrolled = (timelines.number > 0).sum(axis=1)
    if float((n_enrolled < n).mean()) > NEARLY_ALWAYS:
        wrong = f"it closes before {n} patients are there: {float(n_enrolled.mean()):.1f} come on average."
        raise RequestError(
            "accrual of the scenario", wrong, "accrual that closes later, more sites, or a smaller trial."
        )


def _posterior(draft: Draft, protocols: Protocols, n_draws: int) -> dict[str, Protocols]:
    """The posterior, where parameters vary; its median, where that is not the alternative."""
    if protocols[0].n_parameter_draws == 0:
        return {}
    posterior = {POSTERIOR: tuple(thin_draws(item, n_draws) for item in protocols)}
    has_ratio = draft.design.hypotheses is Hypotheses.HAZARD_RATIO  # which the posterior is given too
    is_alternative = draft.study.alternative in (CALIBRATED, MODELLED, None) or has_ratio
    return posterior if is_alternative else {MEDIAN: tuple(at_point_values(item) for item in protocols), **posterior}


def _any_endpoint(draft: Draft, n_draws: int, seed: int) -> Supposed:
    """Two arms that differ as the model says, on any endpoint of a comparison; under the null both are the control."""
    design = draft.design.build(draft.study, endpoint_in_arms(draft))
    return Supposed(design, _truths_of_arms(draft, n_draws), draft.protocols)


def _response_rate(draft: Draft, n_draws: int, seed: int) -> Supposed:
    """One arm: the null and the alternative are response rates, given by the share of sensitive patients."""
    study, protocols, outcome = draft.study, draft.protocols, draft.outcomes.primary[0]
    rates, p0, p1 = _rates_of_one_arm(draft)
    truths = {
        NULL: (with_rate(protocols[0], outcome, p0, draft.counts_all),),
        ALTERNATIVE: (_with_response(draft, p1),),
        **_posterior(draft, protocols, n_draws),
    }
    obtained_by = {name: f"sensitive = {truths[name][0].p_sensitive:.3f}" for name in (NULL, ALTERNATIVE)}
    return Supposed(draft.design.build(study, Rates((p1,))), truths, protocols, rates, obtained_by)


def _rates_of_one_arm(draft: Draft) -> tuple[dict[str, tuple[float, float]], float, float]:
    """The rate that the model says, with its error; and those of the null and of the alternative."""
    study, outcome = draft.study, draft.outcomes.primary[0]
    modelled, error = rate_of(draft.protocols[0], outcome, draft.counts_all)
    check_reachable(str(study.endpoint.of), [modelled])
    p0 = needed(study.null, "null").value
    p1 = study.alternative_rate if study.alternative_rate is not None else modelled
    if p1 <= p0:
        wrong = f"what the scenario says, {p1:.3f}, is not above the null, so no trial could show it."
        raise RequestError(
            f"alternative: {study.alternative}",
            wrong,
            f"a null below {p1:.3f}, or a number above {p0:g}.",
            key="alternative",
        )
    check_rates(p0, p1)
    return {"modelled": (modelled, error)}, p0, p1


def _with_response(draft: Draft, p1: float) -> Protocol:
    """The protocol in which the response rate is `p1`; as it is where that is what it says."""
    protocol = draft.protocols[0]
    if draft.study.alternative in (CALIBRATED, MODELLED):
        return at_point_values(protocol)
    return with_rate(protocol, draft.outcomes.primary[0], p1, draft.counts_all)


def _estimated_rate(draft: Draft, n_draws: int, seed: int) -> Supposed:
    """One arm with the rate that is estimated: what the model says, or a number."""
    study, protocol, outcome = draft.study, draft.protocols[0], draft.outcomes.primary[0]
    modelled, error = rate_of(protocol, outcome, draft.counts_all)
    check_reachable(str(study.endpoint.of), [modelled])
    rate = study.alternative_rate if study.alternative_rate is not None else modelled
    truth = protocol
    if study.alternative_rate is not None and outcome.kind == c.RESPONSE:
        truth = with_rate(protocol, outcome, rate, draft.counts_all)
    elif study.alternative_rate is not None:
        truth = with_toxicity(protocol, [outcome], rate, draft.counts_all)
    truths = {ALTERNATIVE: (at_point_values(truth),), **_posterior(draft, draft.protocols, n_draws)}
    design = draft.design.build(study, Rates((rate,)))
    return Supposed(design, truths, draft.protocols, {"modelled": (modelled, error)})


def _response_and_toxicity(draft: Draft, n_draws: int, seed: int) -> Supposed:
    """Response and toxicity: each truth has a rate of both."""
    study, protocol, (outcome, toxic) = draft.study, draft.protocols[0], draft.outcomes.primary
    rates, p0, pr1 = _rates_of_one_arm(draft)
    aim = needed(study.toxicity, "toxicity")
    modelled, error = rates_of(protocol, [outcome, toxic], draft.counts_all)[1]
    is_modelled = study.alternative in (CALIBRATED, MODELLED)
    tox1 = modelled if is_modelled else aim.alternative.value
    if tox1 >= aim.null.value:
        wrong = f"the acceptable rate, {tox1:.3f}, is not below the one that is too high, {aim.null.value:g}."
        raise RequestError("toxicity.null", wrong, f"a null above {tox1:.3f}.", key="toxicity.null")

    def truth(response: float, toxicity: float) -> Protocols:
        changed = protocol
        for _ in range(2):  # each moves the other a little, through the dose and who is evaluable
            changed = with_toxicity(changed, [outcome, toxic], toxicity, draft.counts_all)
            changed = with_rate(changed, outcome, response, draft.counts_all)
        return (changed,)

    truths = {
        NULL: truth(p0, tox1),
        TOXIC_NULL: truth(pr1, aim.null.value),
        ALTERNATIVE: (at_point_values(protocol),) if is_modelled else truth(pr1, tox1),
        **_posterior(draft, draft.protocols, n_draws),
    }
    rates = {**rates, "modelled toxicity": (modelled, error)}
    return Supposed(draft.design.build(study, Rates((pr1,), tox1)), truths, draft.protocols, rates)


def _arms(draft: Draft, n_draws: int, seed: int) -> Supposed:
    """Arms that differ as the model says; under the null, if there is one, all of them are as the control."""
    study, outcome = draft.study, draft.outcomes.primary[0]
    if study.rates:
        return _arms_with_plain_rates(draft, seed)
    rates = [rate_of(item, outcome, draft.counts_all) for item in draft.protocols]
    values = tuple(rate for rate, _ in rates)
    check_reachable(str(study.endpoint.of), values)
    truths = _truths_of_arms(draft, n_draws)
    if not draft.design.has_test:
        truths.pop(NULL)
    design = draft.design.build(study, Rates(values, None, draft.names, draft.better, seed))
    return Supposed(design, truths, draft.protocols, dict(zip(draft.names, rates, strict=True)))


def _arms_with_plain_rates(draft: Draft, seed: int) -> Supposed:
    """Arms with the rates that the study gives; nothing is averaged over a posterior, whose arms have other rates."""
    assumed = draft.plain_rates(seed)
    design = draft.design.build(draft.study, assumed)  # before the arms, which take simulation
    arms, setting = arms_with_rates(draft)
    null = _null_of_plain_rates(draft, design, arms) if draft.design.has_test else {}
    rates = {name: (rate, 0.0) for name, rate in zip(draft.names, assumed.values, strict=True)}
    return Supposed(design, {**null, ALTERNATIVE: arms}, (), rates, {ALTERNATIVE: setting})


def _null_of_plain_rates(draft: Draft, design: PlannedDesign, arms: Protocols) -> dict[str, Protocols]:
    """All arms as the control; or, with a margin, the experimental arm at the margin."""
    rates = design.rates_of_truths[NULL] if isinstance(design, CountDesign) else ()
    if len(set(rates)) < 2:
        return {NULL: (arms[0],) * len(arms)}
    return {NULL: (arms[0], arms_with_rates(draft, rates)[0][1])}


def _truths_of_arms(draft: Draft, n_draws: int) -> dict[str, Protocols]:
    """Arms that are all as the control, and arms that differ as the model says."""
    protocols = draft.protocols
    return {
        NULL: (at_point_values(protocols[0]),) * len(protocols),
        ALTERNATIVE: tuple(at_point_values(item) for item in protocols),
        **_posterior(draft, protocols, n_draws),
    }


def _hazard_ratio(draft: Draft, n_draws: int, seed: int) -> Supposed:
    """Times to events: the hazard ratio is given, or what the arms' own hazards come to."""
    if draft.study.medians:
        return _arms_with_plain_medians(draft)
    if draft.study.hazards:
        return _arms_with_plain_hazards(draft)
    study, protocols, kind = draft.study, draft.protocols, draft.outcomes.primary[0].kind
    ratio, allocation = study.alternative_rate, arms_in_turn(study, draft.names)
    second = protocols[1] if ratio is None else with_hazard_ratio(protocols[1], ratio, kind)
    control = at_point_values(protocols[0])
    truths = {
        NULL: (control, control),
        ALTERNATIVE: (control, at_point_values(second)),
        **_posterior(draft, (protocols[0], second), n_draws),
    }
    obtained_by = (
        {ALTERNATIVE: f"hazards of the event times {ratio:g} in {draft.names[1]}"} if ratio is not None else {}
    )
    forecast = EventForecast(draft, truths[ALTERNATIVE], LOG_RANK)
    if ratio is None:
        ratio = forecast.hazard_ratio_of_arms(allocation.count(1) / allocation.count(0))
    design = draft.design.build(study, _events(draft, forecast, ratio, allocation))
    return _with_margin(draft, Supposed(design, truths, (protocols[0], second), obtained_by=obtained_by))


def _with_margin(draft: Draft, supposed: Supposed) -> Supposed:
    """The same truths; with a margin, the null is that Cox's hazard ratio is the margin."""
    margin, design = draft.study.margin, supposed.design
    if margin is None:
        return supposed
    if not isinstance(design, PlannedLogrank):
        raise TypeError(design)
    n = draft.study.n or design.n_by_formula() or draft.study.largest_n
    null, setting = arms_at_margin(draft, supposed.truths[NULL][0], margin, n)
    return replace(
        supposed, truths={**supposed.truths, NULL: null}, obtained_by={NULL: setting, **supposed.obtained_by}
    )


def _arms_with_plain_medians(draft: Draft) -> Supposed:
    """Times to events with plain medians: the ratio of hazards is that of the medians, as of exponential times.

    How long patients are followed depends on n: arms are matched at the one that is given, or that of the formula.
    """
    study = draft.study
    control, experimental = (study.medians[name].value / DAYS_PER_MONTH for name in draft.names)
    ratio, allocation = control / experimental, arms_in_turn(study, draft.names)

    def design_of(arms: Protocols) -> PlannedDesign:
        events = _events(draft, EventForecast(draft, arms, LOG_RANK), ratio, allocation)
        return draft.design.build(study, replace(events, hazard=math.log(2.0) / control))

    first = design_of(tuple(at_point_values(item) for item in draft.protocols))
    if not isinstance(first, PlannedLogrank | PlannedRestrictedMeans):
        raise TypeError(first)
    n = study.n or first.n_by_formula() or study.largest_n
    arms, setting = arms_with_medians(draft, n, DAYS_PER_MONTH * first.assumed.accrual_months(n))
    truths = {NULL: (arms[0], arms[0]), ALTERNATIVE: arms}
    return _with_margin(draft, Supposed(design_of(arms), truths, (), obtained_by={ALTERNATIVE: setting}))


def _arms_with_plain_hazards(draft: Draft) -> Supposed:
    """Times to events with plain piecewise constant hazards, drawn as they are."""
    study, hazards = draft.study, hazards_of_arms(draft.study, draft.names)
    arms, setting = arms_with_hazards(draft)
    forecast = EventForecast(draft, arms, LOG_RANK)
    events = replace(_events(draft, forecast, 1.0, arms_in_turn(study, draft.names)), hazards=hazards)
    design = draft.design.build(study, with_average_ratio(study, events))
    return Supposed(design, {NULL: (arms[0], arms[0]), ALTERNATIVE: arms}, (), obtained_by={ALTERNATIVE: setting})


def _reference(draft: Draft, n_draws: int, seed: int) -> Supposed:
    """One arm against a reference: under the null its hazards are such that as many events are seen as it expects.

    How long patients are followed depends on how long accrual takes, and that on n: the null is matched at the n of the
    formula, which hazards that are not matched tell.
    """
    study, (protocol,), outcome = draft.study, draft.protocols, draft.outcomes.primary[0]
    first, _ = _against_reference(draft, at_point_values(protocol))
    if not isinstance(first, PlannedOneSample):
        raise TypeError(first)
    n = first.smallest_by_formula() or study.largest_n
    accrual_days = DAYS_PER_MONTH * first.assumed.accrual_months(n)
    hazard, follow_up_days = decisions_of(study).hazard, study.conduct.follow_up.value
    null, factor = with_events_of(protocol, outcome, hazard, follow_up_days, n, accrual_days)
    design, alternative = _against_reference(draft, null)
    truths = {NULL: (null,), ALTERNATIVE: (alternative,), **_posterior(draft, draft.protocols, n_draws)}
    obtained_by = {NULL: f"hazards of the event times {factor:.3g}"}
    if study.alternative_rate is not None:
        obtained_by[ALTERNATIVE] = f"hazards of the event times {factor * study.alternative_rate:.3g}"
    return Supposed(design, truths, draft.protocols, obtained_by=obtained_by)


def _against_reference(draft: Draft, null: Protocol) -> tuple[PlannedDesign, Protocol]:
    """The design of one arm against a reference under a null, and the arm under the alternative."""
    study, (protocol,), outcome = draft.study, draft.protocols, draft.outcomes.primary[0]
    ratio = study.alternative_rate
    alternative = at_point_values(protocol) if ratio is None else with_hazard_ratio(null, ratio, outcome.kind)
    forecast = EventForecast(draft, (alternative,), decisions_of(study))
    if ratio is None:
        ratio = forecast.hazard_ratio_to_reference()
    return draft.design.build(study, _events(draft, forecast, ratio, (0,))), alternative


def _events(draft: Draft, forecast: EventForecast, ratio: float, allocation: tuple[int, ...]) -> Events:
    """What a design assumes of the events, by a forecast."""
    hazard, dropout = forecast.hazards(0)
    return Events(draft.names, ratio, forecast.expected_events, forecast.accrual_months, hazard, dropout, allocation)


SUPPOSED: Final[dict[Hypotheses, Suppose]] = {
    Hypotheses.RESPONSE_RATE: _response_rate,
    Hypotheses.ESTIMATED_RATE: _estimated_rate,
    Hypotheses.RESPONSE_AND_TOXICITY: _response_and_toxicity,
    Hypotheses.ARMS: _arms,
    Hypotheses.ANY_ENDPOINT: _any_endpoint,
    Hypotheses.HAZARD_RATIO: _hazard_ratio,
    Hypotheses.REFERENCE: _reference,
}
