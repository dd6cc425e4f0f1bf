"""What a protocol is told of the trial that is simulated: accrual, assessments, who is evaluable, drop-out."""

from __future__ import annotations

from collections.abc import Iterator

from trialsim.config import Scenario
from trialsim.model import disease
from trialsim.model.sums import add_in_order
from trialsim.model.units import DAYS_PER_MONTH
from trialsim.report.labels import PROGRESSION_FREE, evaluable_in_words, in_brackets, is_response

_WITHDRAWAL = disease.KIND_NAMES[disease.WITHDRAWAL]


def assumed_conduct(scenario: Scenario, endpoint: str, *, seen_at_once: bool = False) -> list[str]:
    """The assumptions that matter to an endpoint, in sentences, each with its source where one is given.

    An endpoint that is `seen_at_once` does not wait for an assessment.
    """
    seen = ["Events are seen when they happen."] if seen_at_once else _seen(scenario, endpoint)
    return [*_accrual(scenario), *seen, *_drop_out(scenario)]


def _accrual(scenario: Scenario) -> Iterator[str]:
    plan = scenario.accrual
    if plan.sites:
        rates = [site.rate.value for site in plan.sites.values()]
        sites = "One site recruits" if len(rates) == 1 else f"Together {len(rates)} sites recruit"
        ramp = (
            ", after a time in which accrual ramps up" if any(s.ramp_up.value > 0 for s in plan.sites.values()) else ""
        )
        yield f"{sites} {add_in_order(rates):.3g} patients a month{ramp}."
        if plan.ineligible.value > 0:
            yield f"Of those screened {plan.ineligible.text} are not eligible{in_brackets(plan.ineligible.source)}."
    elif plan.over is not None:
        months = plan.over.value / DAYS_PER_MONTH
        yield f"Accrual is {plan.patients / months:.3g} patients a month{in_brackets(plan.over.source)}."


def _seen(scenario: Scenario, endpoint: str) -> Iterator[str]:
    every = scenario.assessment.every
    how_often = f"{'continuously' if every.value == 0 else f'every {every.text}'}{in_brackets(every.source)}"
    if endpoint == PROGRESSION_FREE:
        yield f"Progression is looked for {how_often}."
    if is_response(scenario, endpoint):
        yield f"Response is assessed {how_often}."
        yield from _evaluable(scenario)


def _evaluable(scenario: Scenario) -> Iterator[str]:
    after = scenario.resolved(scenario.evaluable.after, "evaluable after")
    if after.value == 0:
        yield f"All patients are evaluable{in_brackets(after.source)}."
        return
    yield f"Evaluable are patients who were {evaluable_in_words(scenario)}{in_brackets(after.source)}."


def _drop_out(scenario: Scenario) -> Iterator[str]:
    rates = {
        name: scenario.resolved(event.rate, f"{name} rate")
        for name, event in scenario.events.items()
        if event.kind == _WITHDRAWAL
    }
    if not rates:
        yield "No drop-out is assumed."
    for name, rate in rates.items():
        yield f"Patients drop out ({name}) at a rate of {rate.text}{in_brackets(rate.source)}."
