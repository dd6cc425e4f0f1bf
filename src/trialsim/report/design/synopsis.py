"""The synopsis of a study of size in plain language: the question, the design, how it is conducted."""

from __future__ import annotations

from collections.abc import Iterator

from trialsim.config import Scenario
from trialsim.config.loading.size_studies import Sizing
from trialsim.config.schema.size_study import CALIBRATED, MODELLED, SizeStudy
from trialsim.design.base import Hypotheses
from trialsim.design.draft import draft_of, planned_at_once
from trialsim.design.registry import design_of
from trialsim.report.allocation import departures
from trialsim.report.design.planned_power import planned_power, use_of_power
from trialsim.report.labels import arms_in_words, endpoint_in_words, in_brackets, per_cent


def size_synopsis(sizing: Sizing) -> Iterator[str]:
    """Lines of text."""
    study, design = sizing.study, design_of(sizing.study)
    scenario = next(iter(sizing.scenarios.values()))
    yield study.title
    if study.description:
        yield study.description
    yield "\nQUESTION"
    yield f"  endpoint: {endpoint_in_words(scenario, study, study.endpoint)}"
    if study.toxicity is not None:
        aim = study.toxicity
        yield (
            f"  and: {endpoint_in_words(scenario, study, aim.endpoint)}, too high at {aim.null.value:g}, acceptable at "
            f"{aim.alternative.value:g}; level {aim.alpha:g}, odds ratio {aim.odds_ratio:g}"
        )
    if study.null is not None:
        yield f"  null: {study.null.value:g}{in_brackets(study.null.source)}"
    if study.reference is not None:
        median = study.reference.median
        yield f"  reference: a median of {median.text}{in_brackets(median.source)}"
    if study.margin is not None:
        what = "the hazard ratio that is too high" if study.keys.alternative == "hazard ratio" else "of the rates"
        yield f"  margin: {study.margin:g}, {what}"
    yield f"  alternative: {_alternative(study)}"
    yield f"  {_wanted(study)}"
    yield from _power_of_n(sizing)
    yield f"\nDESIGN {study.design}, {_limit(study)}"
    yield from _design(scenario, study)
    yield f"\nCONDUCT in the scenario {study.scenario}"
    yield from _conduct(study)
    first_name, first = next(iter(sizing.scenarios.items()))
    for name, scenario in sizing.scenarios.items():
        changes = list(departures(first, scenario)) if name != first_name else []
        if changes:
            yield f"  {name} departs from {first_name} by"
            yield from changes
        elif name != first_name and study.plain_key is not None:
            yield f"  {name} departs from {first_name} by its {study.plain_key.removesuffix('s')} alone"
        elif name != first_name and design.hypotheses is Hypotheses.HAZARD_RATIO:
            yield f"  {name} departs from {first_name} by the hazard ratio"


def _limit(study: SizeStudy) -> str:
    if study.stages is not None:
        return f"{study.stages.first} patients in the first stage, {study.stages.all} in all"
    return f"{study.n} patients" if study.n is not None else f"up to {design_of(study).largest_n(study)} patients"


def _power_of_n(sizing: Sizing) -> Iterator[str]:
    """Of a study that gives n: that none is searched for, and the power where no simulation is needed to know it."""
    study = sizing.study
    if study.n is None:
        return
    yield f"  n is given: the power of {study.n} patients is asked for. No n is searched, and {use_of_power(study)}"
    planned = planned_at_once(draft_of(sizing))
    if planned is not None and (power := planned_power(planned)):
        yield f"  {power}"


def _design(scenario: Scenario, study: SizeStudy) -> Iterator[str]:
    """Test, arms, looks, boundaries."""
    for line in design_of(study).describe_test(study):
        yield f"  {line}"
    if study.keys.uses("variants"):
        ratio = " : ".join(f"{study.allocation.ratio.get(name, 1)} {name}" for name in study.variants)
        strata = f", within strata of {', '.join(study.allocation.strata)}" if study.allocation.strata else ""
        yield f"  allocation: {ratio}, permuted blocks{strata}"
    looks = study.looks
    if len(looks.at) > 1:
        yield f"  looks at {', '.join(f'{share:g}' for share in looks.at)} of the information; alpha: {looks.spending}"
        if looks.boundary == "exact":
            yield "  boundary: exact, the alpha that is spent is lowered until the level is kept at every shared rate"
        futility = looks.futility
        if futility is not None:
            rule = f"beta as {futility.spending}" if futility.spending else f"z below {futility.z}"
            yield f"  stops for futility: {rule}, {'binding' if futility.binding else 'non-binding'}"
    more = looks.reestimate
    if more is not None:
        target = study.power if more.target is None else more.target
        zone = f"{more.promising:g} to {target if more.to is None else more.to:g}"
        yield (
            f"  re-estimation: where the conditional power is {zone}, events until it is {target:g}, up to "
            f"{more.factor:g} times those planned after the look; weights of the plan"
        )
    safety = study.safety
    if safety is not None:
        how = f"certainty {safety.certainty:g}" if safety.method == "bayesian" else f"alpha {safety.alpha:g}"
        what = endpoint_in_words(scenario, study, safety.endpoint)
        yield f"  stops for toxicity: {what} above {safety.rate.value:g}, {safety.method}, {how}"


def _conduct(study: SizeStudy) -> Iterator[str]:
    """What the design makes of the calendar; only what it uses."""
    conduct = study.conduct
    if study.keys.uses("conduct.follow_up"):
        yield f"  the final analysis is made {conduct.follow_up.text} after the last entry"
        return
    if design_of(study).has_interim_looks(study):
        more = f", at most {conduct.overrun} more before a look" if conduct.overrun is not None else ""
        wait = (
            f", which waits {conduct.interim_after.text} for each patient" if conduct.interim_after is not None else ""
        )
        yield f"  accrual before a look: {conduct.accrual}{more}{wait}"
    yield f"  patients who are not evaluable: {conduct.not_evaluable}"
    if study.keys.uses("conduct.attained"):
        yield f"  attained numbers that are not as planned: {conduct.attained}"


def _alternative(study: SizeStudy) -> str:
    if study.plain_key is not None:
        return arms_in_words(study)
    words = {
        CALIBRATED: "what the posterior of the pilot says, averaged (assurance)",
        MODELLED: "what the scenario says at its point values",
        None: "what the scenario says at its point values",
    }
    return words.get(study.alternative) or f"{study.alternative:g}{in_brackets(study.source)}"


def _wanted(study: SizeStudy) -> str:
    if study.half_width is not None:
        interval = f"a {per_cent(study.confidence)} interval of at most {study.half_width.value:g} each way"
        return interval if study.n is not None else f"{interval}, with probability {study.power:g}"
    sides = "one-sided" if study.sides == 1 else "two-sided"
    return f"level {study.alpha:g} {sides}{f', power {study.power:g}' if study.n is None else ''}"
