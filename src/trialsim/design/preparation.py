"""A study of size made ready: questions, truths, design; what is impossible is refused before any search."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from trialsim.config import protocol_of
from trialsim.config.loading.size_studies import Sizing
from trialsim.config.schema.size_study import CALIBRATED, MODELLED, OF_TIMES, SizeStudy
from trialsim.design.conduct.trials import Questions
from trialsim.design.hypotheses import (
    check_reachable,
    known,
    rate_of,
    rates_of,
    thinned,
    with_events_of,
    with_hazard_ratio,
    with_rate,
    with_toxicity,
)
from trialsim.design.outcomes import RESPONSES, SEVERE, TIMES, check_wait, question_of, toxicities_of
from trialsim.design.plan import (
    ALTERNATIVE,
    LARGEST,
    NULL,
    TOXIC_NULL,
    bryant_day_plan,
    bryant_day_rates,
    one_arm_plan,
    precision_plan,
)
from trialsim.design.prepared_study import (
    DRAWS_LOOKED_AT,
    FEWEST_DRAWS,
    MEDIAN,
    POSTERIOR,
    TRIALS_A_DRAW,
    Protocols,
    Ready,
    safety_boundary,
)
from trialsim.design.theory.bryant_day import MOST_CHECKED, bryant_day, check_bryant_day
from trialsim.design.theory.stages import check_rates
from trialsim.design.theory.toxicity import ToxicityBoundary
from trialsim.design.time_to_event.event_forecast import LOG_RANK, Probe, check_accrual
from trialsim.design.time_to_event.one_arm import decisions_of, one_sample_plan
from trialsim.design.time_to_event.two_arm import by_lachin_and_foulkes, event_plan
from trialsim.design.two_arm.boundaries import bounds_of
from trialsim.design.two_arm.plan import seats_of, selection_plan, two_arm_plan
from trialsim.design.two_arm.wald import WaldTest
from trialsim.endpoints.per_patient import endpoints_of
from trialsim.errors import RequestError
from trialsim.model import interim as c
from trialsim.model.protocol import Protocol
from trialsim.simulation import choose_engine
from trialsim.simulation.allocation import arms_of
from trialsim.simulation.engine import BATCH


def ready_of(sizing: Sizing, engine: str, seed: int, trials: int) -> Ready:
    """A study made ready. Raises `RequestError` for what cannot be had, with the nearest that can."""
    check_study(sizing)
    ready, protocols = _begin(sizing, engine, seed, trials)
    study = sizing.study
    if study.test == "wald":
        return _with_any_endpoint(ready, protocols)
    if study.design == "one-sample-logrank":
        ready = _with_reference(ready, protocols[0])
        return check_accrual(replace(ready, posterior=protocols))
    if ready.questions.primary[0].kind in (c.PROGRESSION_OR_DEATH, c.DEATH):
        ready = _with_events(ready, protocols)
    elif len(protocols) > 1:
        ready = _with_arms(ready, protocols)
    else:
        ready = _with_one_arm(ready, protocols[0])
    if study.safety is not None and ready.plan is not None:
        ready = replace(ready, boundary=boundary_of(study, ready.plan.n))
    return check_accrual(replace(ready, posterior=_all_draws(ready, protocols)))


def check_study(sizing: Sizing) -> None:
    """Refuse what `ready_of` refuses, as far as no simulation is needed to see it. Raises `RequestError`."""
    ready, protocols = _begin(sizing, BATCH, 1, FEWEST_DRAWS)
    study, p1 = sizing.study, sizing.study.alternative_rate
    if study.test == "wald":
        _with_any_endpoint(ready, protocols)
        return
    _posterior(ready, protocols)
    if study.design in ("two-arm", "logrank"):
        bounds_of(study.looks, study.alpha, study.power, study.sides)
    if p1 is None or study.design in OF_TIMES:
        return
    if study.design == "bryant-day" and study.toxicity is not None:
        aim = study.toxicity
        rates = bryant_day_rates(study, p1, 1.0 - aim.alternative.value)
        largest = min(study.largest_n, LARGEST)
        of_design = bryant_day if largest <= MOST_CHECKED else check_bryant_day
        of_design(rates, study.alpha, aim.alpha, study.power, largest)
        return
    plan = precision_plan(study, p1) if study.design == "precision" else one_arm_plan(study, p1)
    if study.safety is not None:
        boundary_of(study, plan.n)


def boundary_of(study: SizeStudy, n: int) -> ToxicityBoundary:
    """The boundary that stops a trial of `n` patients for toxicity. Raises `RequestError` where it never can."""
    boundary, own = safety_boundary(study, n), study.safety
    if own is not None and own.first > n:
        wrong = f"the trial has {n} patients, so that the first look would be after the last of them."
        raise RequestError(f"safety.first = {own.first}", wrong, f"up to {n}.")
    if all(x > patients for patients, x in enumerate(boundary.at_least, start=1)):
        wrong = f"not even {n} toxicities in {n} patients stop the trial."
        raise RequestError("safety", wrong, "less certainty, a larger alpha, or more patients.")
    return boundary


def _begin(sizing: Sizing, engine: str, seed: int, trials: int) -> tuple[Ready, Protocols]:
    """What is asked of whom, and who goes where, with the protocols of the arms. Raises `RequestError`."""
    study = sizing.study
    protocols = tuple(protocol_of(scenario) for scenario in sizing.scenarios.values())
    if len({item.n_parameter_draws for item in protocols}) > 1:
        wrong = "the parameters vary in some arms and not in others, or by other numbers of draws."
        raise RequestError("variants", wrong, "one set of `parameters` for all arms of a trial.")
    chosen = choose_engine(engine, protocols[0], 1_000_000).name
    arms = None
    if len(protocols) > 1:
        own = study.allocation
        arms = arms_of(protocols[0], tuple(sizing.scenarios), own.ratio, own.block, tuple(own.strata))
    n_draws = max(FEWEST_DRAWS, min(DRAWS_LOOKED_AT, trials // TRIALS_A_DRAW))
    ready = Ready(sizing, chosen, seed, Questions(()), arms, "", {}, {}, n_draws=n_draws)
    if study.test == "wald":
        return ready, protocols
    questions = _questions(study, protocols)
    better = "lower" if questions.primary[0].kind == c.TOXICITY else "higher"
    return replace(ready, questions=questions, better=better), protocols


def _all_draws(ready: Ready, protocols: Protocols) -> Protocols:
    """The arms with all draws, under the hazard ratio that is asked for if there is one."""
    ratio = ready.study.alternative_rate
    if ready.events is None or ratio is None or protocols[0].n_parameter_draws == 0:
        return protocols
    return (protocols[0], with_hazard_ratio(protocols[1], ratio, ready.questions.primary[0].kind))


def _with_any_endpoint(ready: Ready, protocols: Protocols) -> Ready:
    """Two arms that differ as the model says, on any endpoint of a comparison; under the null both are the control."""
    study = ready.study
    if study.design != "two-arm" or len(study.looks.at) > 1 or study.safety is not None:
        wrong = "this test is of two arms, at the scenario's cut-off, without looks before it."
        raise RequestError("test = wald", wrong, "design: two-arm, with neither `looks` nor `safety`.")
    if study.endpoint.within is not None:
        raise RequestError("endpoint.within", "the scenario's cut-off says how long everyone is seen.", "no `within`.")
    first, second = endpoints_of([study.endpoint], protocols)
    if first[0].better not in ("higher", "lower"):
        wrong = "neither more nor less of it is better."
        raise RequestError(f"endpoint {first[0].name}", wrong, "`better: higher` or `lower` with this endpoint.")
    test = WaldTest((first[0], second[0]), 0, study.alpha, study.sides, toxicities_of(SEVERE, protocols))
    truths = {
        NULL: (known(protocols[0]), known(protocols[0])),
        ALTERNATIVE: tuple(known(item) for item in protocols),
        **_posterior(ready, protocols),
    }
    return replace(ready, better=first[0].better, truths=truths, wald=test, posterior=protocols)


def _questions(study: SizeStudy, protocols: Protocols) -> Questions:
    if_left = c.AN_EVENT if _counts_all(study) else c.INEVALUABLE
    primary = [question_of(study.endpoint, protocols, if_left)]
    if study.toxicity is not None:
        primary.append(question_of(study.toxicity.endpoint, protocols, if_left))
    is_time = primary[0].kind in (c.PROGRESSION_OR_DEATH, c.DEATH)
    if is_time != (study.design in OF_TIMES):
        wrong = f"{study.design} is no design for it."
        allowed = ", ".join([*TIMES] if not is_time else OF_TIMES)
        raise RequestError(f"endpoint {study.endpoint.of}", wrong, f"{allowed} with this design, or another design.")
    if primary[0].kind == c.TOXICITY and len(protocols) == 1 and study.design != "precision":
        wrong = "a design with one arm asks whether a rate is high enough."
        allowed = f"{', '.join(RESPONSES)}; toxicity as `toxicity` of bryant-day, as `safety`, or of two arms."
        raise RequestError(f"endpoint {study.endpoint.of}", wrong, allowed)
    if study.conduct.interim_after is not None:
        check_wait(study.conduct.interim_after.value, str(study.endpoint.of), protocols)
    safety = question_of(study.safety.endpoint, protocols) if study.safety is not None else None
    if safety is not None and safety.kind != c.TOXICITY:
        wrong = "this is no toxicity."
        raise RequestError("safety.endpoint", wrong, f"{SEVERE}, any toxicity, or the name of one.")
    if safety is not None and is_time:
        raise RequestError("safety", "looks at events have no boundary for toxicity.", "no `safety` with it.")
    found = Questions(tuple(primary), safety, (0,) if safety is not None else ())
    window = math.inf if is_time else found.horizon_days  # toxicity is looked for as long as what the trial decides on
    return replace(found, harm=c.Asked(c.TOXICITY, window, 0, toxicities_of(SEVERE, protocols)))


def _counts_all(study: SizeStudy) -> bool:
    return study.conduct.inevaluable == "failures"


def _posterior(ready: Ready, protocols: Sequence[Protocol]) -> dict[str, Protocols]:
    """The truth that a posterior leaves open, where parameters vary; its median, where that is not the alternative."""
    study = ready.study
    if protocols[0].n_parameter_draws == 0:
        if study.alternative == CALIBRATED:
            wrong = "the scenario's parameters are fixed, so nothing is left open."
            raise RequestError(
                "alternative: calibrated", wrong, "`parameters: calibrated` in the scenario, or a number."
            )
        return {}
    own = {POSTERIOR: tuple(thinned(item, ready.n_draws) for item in protocols)}
    is_alternative = study.alternative in (CALIBRATED, MODELLED, None) or study.design == "logrank"
    return own if is_alternative else {MEDIAN: tuple(known(item) for item in protocols), **own}


def _with_one_arm(ready: Ready, protocol: Protocol) -> Ready:
    """One arm: the null and the alternative are response rates, given by the share of sensitive patients."""
    study, asked = ready.study, ready.questions.primary[0]
    counts_all = _counts_all(study)
    modelled, error = rate_of(protocol, asked, counts_all)
    check_reachable(str(study.endpoint.of), [modelled])
    rates = {"modelled": (modelled, error)}
    if study.design == "precision":
        rate = study.alternative_rate if study.alternative_rate is not None else modelled
        truth = protocol
        if study.alternative_rate is not None and asked.kind == c.RESPONSE:
            truth = with_rate(protocol, asked, rate, counts_all)
        elif study.alternative_rate is not None:
            truth = with_toxicity(protocol, [asked], rate, counts_all)
        truths = {ALTERNATIVE: (known(truth),), **_posterior(ready, [protocol])}
        return replace(ready, rates=rates, truths=truths, plan=precision_plan(study, rate))
    p0 = study.null.value if study.null is not None else 0.0
    p1 = study.alternative_rate if study.alternative_rate is not None else modelled
    if p1 <= p0:
        wrong = f"what the scenario says, {p1:.3f}, is not above the null, so no trial could show it."
        raise RequestError(
            f"alternative: {study.alternative}", wrong, f"a null below {p1:.3f}, or a number above {p0:g}."
        )
    check_rates(p0, p1)
    if study.design == "bryant-day":
        return _with_toxicity(ready, protocol, p1, rates)
    truths = {
        NULL: (with_rate(protocol, asked, p0, counts_all),),
        ALTERNATIVE: (_at(ready, protocol, asked, p1),),
        **_posterior(ready, [protocol]),
    }
    levers = {
        name: f"sensitive = {found[0].p_sensitive:.3f}" for name, found in truths.items() if name in (NULL, ALTERNATIVE)
    }
    return replace(ready, rates=rates, truths=truths, plan=one_arm_plan(study, p1), levers=levers)


def _at(ready: Ready, protocol: Protocol, asked: c.Asked, p1: float) -> Protocol:
    """The protocol in which the response rate is `p1`; as it is where that is what it says."""
    if ready.study.alternative in (CALIBRATED, MODELLED):
        return known(protocol)
    return with_rate(protocol, asked, p1, _counts_all(ready.study))


def _with_toxicity(ready: Ready, protocol: Protocol, pr1: float, rates: dict[str, tuple[float, float]]) -> Ready:
    """Response and toxicity: each truth has a rate of both."""
    study, (asked, toxic) = ready.study, ready.questions.primary
    aim = study.toxicity
    if aim is None or study.null is None:
        raise AssertionError("bryant-day has a toxicity and a null")
    counts_all = _counts_all(study)
    modelled, error = rates_of(protocol, [asked, toxic], counts_all)[1]
    rates = {**rates, "modelled toxicity": (modelled, error)}
    is_modelled = study.alternative in (CALIBRATED, MODELLED)
    tox1 = modelled if is_modelled else aim.alternative.value
    if tox1 >= aim.null.value:
        wrong = f"the acceptable rate, {tox1:.3f}, is not below the one that is too high, {aim.null.value:g}."
        raise RequestError("toxicity.null", wrong, f"a null above {tox1:.3f}.")

    def truth(response: float, toxicity: float) -> Protocols:
        own = protocol
        for _ in range(2):  # each moves the other a little, through the dose and who is evaluable
            own = with_toxicity(own, [asked, toxic], toxicity, counts_all)
            own = with_rate(own, asked, response, counts_all)
        return (own,)

    truths = {
        NULL: truth(study.null.value, tox1),
        TOXIC_NULL: truth(pr1, aim.null.value),
        ALTERNATIVE: (known(protocol),) if is_modelled else truth(pr1, tox1),
        **_posterior(ready, [protocol]),
    }
    return replace(ready, rates=rates, truths=truths, plan=bryant_day_plan(study, pr1, 1.0 - tox1))


def _with_arms(ready: Ready, protocols: Protocols) -> Ready:
    """Arms that differ as the model says; under the null all of them are as the control."""
    study, asked = ready.study, ready.questions.primary[0]
    found = [rate_of(item, asked, _counts_all(study)) for item in protocols]
    rates = dict(zip(ready.names, found, strict=True))
    values = [rate for rate, _ in found]
    check_reachable(str(study.endpoint.of), values)
    truths = {
        NULL: (known(protocols[0]),) * len(protocols),
        ALTERNATIVE: tuple(known(item) for item in protocols),
        **_posterior(ready, protocols),
    }
    if study.design == "selection":
        plan = selection_plan(study, ready.names, values, ready.seed)
        truths.pop(NULL)
    else:
        plan = two_arm_plan(study, ready.names, values, ready.better)
    return replace(ready, rates=rates, truths=truths, plan=plan)


def _with_events(ready: Ready, protocols: Protocols) -> Ready:
    """Times to events: the hazard ratio is given, or what the arms' own hazards come to."""
    study = ready.study
    kind = ready.questions.primary[0].kind
    ratio = study.alternative_rate
    seats = seats_of(study, ready.names)
    of_patients = seats.count(1) / seats.count(0)
    second = protocols[1] if ratio is None else with_hazard_ratio(protocols[1], ratio, kind)
    truths = {
        NULL: (known(protocols[0]), known(protocols[0])),
        ALTERNATIVE: (known(protocols[0]), known(second)),
        **_posterior(ready, (protocols[0], second)),
    }
    levers = {ALTERNATIVE: f"hazards of the event times {ratio:g} in {ready.names[1]}"} if ratio is not None else {}
    ready = replace(ready, truths=truths, levers=levers)
    probe = Probe(ready, LOG_RANK)
    if ratio is None:
        ratio = probe.hazard_ratio_of_arms(of_patients)
    plan = event_plan(study, ratio, of_patients, probe.expected_events)
    constant = *probe.hazards(0), probe.accrual_months
    plan.numbers["lachin_foulkes_n"] = by_lachin_and_foulkes(study, ratio, of_patients, *constant, ready.sizes.tolist())
    return replace(ready, events=plan)


def _with_reference(ready: Ready, protocol: Protocol) -> Ready:
    """One arm against a reference: under the null its hazards are such that as many events are seen as it expects."""
    study, asked = ready.study, ready.questions.primary[0]
    decisions, ratio = decisions_of(study), study.alternative_rate
    null, factor = with_events_of(protocol, asked, decisions.hazard, study.conduct.follow_up.value)
    alternative = known(protocol) if ratio is None else with_hazard_ratio(null, ratio, asked.kind)
    truths = {NULL: (null,), ALTERNATIVE: (alternative,), **_posterior(ready, [protocol])}
    levers = {NULL: f"hazards of the event times {factor:.3g}"}
    if ratio is not None:
        levers[ALTERNATIVE] = f"hazards of the event times {factor * ratio:.3g}"
    ready = replace(ready, truths=truths, levers=levers)
    probe = Probe(ready, decisions)
    if ratio is None:
        ratio = probe.hazard_ratio_to_reference()
    plan = one_sample_plan(study, ratio, probe.accrual_months, probe.expected_events, probe.hazards(0)[1])
    return replace(ready, events=plan)
