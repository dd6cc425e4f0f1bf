"""A study of size before anything is simulated: its design, its outcomes, and the allocation.

What is seen to be impossible without simulation is refused here; nothing here needs the compiler.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from trialsim.config import protocol_of
from trialsim.config.loading.size_studies import Sizing
from trialsim.config.schema.designs import OF_TIMES
from trialsim.config.schema.size_study import CALIBRATED, SizeStudy
from trialsim.design.base import Design, Hypotheses, Information, PlannedDesign, Rates, arms_in_turn
from trialsim.design.outcomes import Outcomes, check_wait, names_of, outcome_of, severe_toxicities
from trialsim.design.registry import design_of
from trialsim.design.safety import checked_boundary
from trialsim.design.two_arms.wald import EndpointInArms
from trialsim.endpoints.per_patient import endpoints_of
from trialsim.errors import RequestError
from trialsim.model import interim as c
from trialsim.model.protocol import Protocol
from trialsim.simulation.allocation import Arms, arms_of

Protocols = tuple[Protocol, ...]


@dataclass(frozen=True)
class Draft:
    """A study with its design, the protocols of its arms, its outcomes, and the allocation to several arms."""

    sizing: Sizing
    design: Design[Any]
    protocols: Protocols
    outcomes: Outcomes
    arms: Arms | None

    @property
    def study(self) -> SizeStudy:
        """The study."""
        return self.sizing.study

    @property
    def names(self) -> tuple[str, ...]:
        """The arms by name, the control first."""
        return tuple(self.sizing.scenarios)

    @property
    def better(self) -> str:
        """Whether a higher or a lower rate of the first outcome is better."""
        return "lower" if self.outcomes.primary[0].kind == c.TOXICITY else "higher"

    def plain_rates(self, seed: int) -> Rates:
        """The rates of the arms as the study gives them, the control first; `seed` breaks ties of arms."""
        values = tuple(self.study.rates[name].value for name in self.names)
        return Rates(values, None, self.names, self.better, seed)

    @property
    def counts_all(self) -> bool:
        """Whether patients who are not evaluable count, as failures."""
        return self.study.counts_all


def check_study(sizing: Sizing) -> None:
    """Refuse what cannot be had, as far as no simulation is needed to see it. Raises `RequestError`."""
    draft = draft_of(sizing)
    check_draft(draft)
    planned = planned_at_once(draft) if draft.study.rates else None
    if planned is not None and draft.study.safety is not None:
        checked_boundary(draft.study, planned.n)


def planned_at_once(draft: Draft) -> PlannedDesign | None:
    """The design, where all that it assumes is written and it takes seconds; else None. Raises `RequestError`."""
    study, design = draft.study, draft.design
    if not study.rates:
        return design.check(study)
    is_slow = study.looks.boundary == "exact"  # up to a minute
    return None if is_slow else design.build(study, draft.plain_rates(1))


def check_draft(draft: Draft) -> None:
    """Refuse what cannot be had, as far as no simulation is needed to see it. Raises `RequestError`."""
    study = draft.study
    if draft.design.hypotheses is Hypotheses.ANY_ENDPOINT:
        endpoint_in_arms(draft)
        return
    check_posterior(draft)
    planned = draft.design.check(study)
    if planned is not None and study.safety is not None:
        checked_boundary(study, planned.n)


def draft_of(sizing: Sizing) -> Draft:
    """The draft of a study. Raises `RequestError`."""
    study = sizing.study
    protocols = tuple(protocol_of(scenario) for scenario in sizing.scenarios.values())
    if len({item.n_parameter_draws for item in protocols}) > 1:
        wrong = "the parameters vary in some arms and not in others, or by other numbers of draws."
        raise RequestError("variants", wrong, "one set of `parameters` for all arms of a trial.", key="variants")
    arms = None
    if len(protocols) > 1:
        allocation = study.allocation
        arms = arms_of(
            protocols[0], tuple(sizing.scenarios), allocation.ratio, allocation.block, tuple(allocation.strata)
        )
    design = design_of(study)
    is_any = design.hypotheses is Hypotheses.ANY_ENDPOINT
    outcomes = Outcomes(()) if is_any else _outcomes(study, design, protocols)
    return Draft(sizing, design, protocols, outcomes, arms)


def endpoint_in_arms(draft: Draft) -> EndpointInArms:
    """Any endpoint of a comparison, as two arms have it at the scenario's cut-off. Raises `RequestError`."""
    study, protocols = draft.study, draft.protocols
    if not study.keys.uses("test") or len(study.looks.at) > 1 or study.safety is not None:
        wrong = "this test is of two arms, at the scenario's cut-off, without looks before it."
        raise RequestError("test = wald", wrong, "design: two-arm, with neither `looks` nor `safety`.", key="test")
    if study.endpoint.within is not None:
        raise RequestError(
            "endpoint.within",
            "the scenario's cut-off says how long everyone is seen.",
            "no `within`.",
            key="endpoint.within",
        )
    first, second = endpoints_of([study.endpoint], protocols)
    if first[0].better not in ("higher", "lower"):
        wrong = "neither more nor less of it is better."
        raise RequestError(
            f"endpoint {first[0].name}", wrong, "`better: higher` or `lower` with this endpoint.", key="endpoint"
        )
    allocation = arms_in_turn(study, draft.names)
    return EndpointInArms(draft.names, (first[0], second[0]), severe_toxicities(protocols), allocation)


def check_posterior(draft: Draft) -> None:
    """Refuse an alternative that is averaged over a posterior where no parameter varies. Raises `RequestError`."""
    if draft.study.alternative == CALIBRATED and draft.protocols[0].n_parameter_draws == 0:
        wrong = "the scenario's parameters are fixed, so nothing is left open."
        raise RequestError(
            "alternative: calibrated",
            wrong,
            "`parameters: calibrated` in the scenario, or a number.",
            key="alternative",
        )


def _outcomes(study: SizeStudy, design: Design[Any], protocols: Protocols) -> Outcomes:
    """The outcomes of every patient. Raises `RequestError` for what the design cannot decide on."""
    if_left = c.AN_EVENT if study.counts_all else c.NOT_EVALUABLE
    primary = [outcome_of(study.endpoint, protocols, if_left)]
    if study.toxicity is not None:
        primary.append(outcome_of(study.toxicity.endpoint, protocols, if_left, "toxicity.endpoint"))
    is_time = primary[0].kind in (c.PROGRESSION_OR_DEATH, c.DEATH)
    if is_time != (design.information is Information.EVENTS):
        wrong = f"{study.design} is not a design for it."
        allowed = names_of(c.PROGRESSION_OR_DEATH, c.DEATH) if not is_time else ", ".join(OF_TIMES)
        raise RequestError(
            f"endpoint {study.endpoint.of}", wrong, f"{allowed} with this design, or another design.", key="endpoint"
        )
    if primary[0].kind == c.TOXICITY and len(protocols) == 1 and design.has_test:
        wrong = "a design with one arm asks whether a rate is high enough."
        allowed = f"{names_of(c.RESPONSE)}; toxicity as `toxicity` of bryant-day, as `safety`, or of two arms."
        raise RequestError(f"endpoint {study.endpoint.of}", wrong, allowed, key="endpoint")
    if study.conduct.interim_after is not None:
        check_wait(study.conduct.interim_after.value, study.endpoint, protocols)
    safety = _safety(study, is_time, protocols)
    outcomes = Outcomes(tuple(primary), safety, (0,) if safety is not None else ())
    # Toxicity is looked for as long as what the trial decides on.
    window = math.inf if is_time else outcomes.horizon_days
    harm = c.Outcome(c.TOXICITY, window, 0, severe_toxicities(protocols))
    return Outcomes(outcomes.primary, outcomes.safety, outcomes.at_least, harm)


def _safety(study: SizeStudy, is_time: bool, protocols: Protocols) -> c.Outcome | None:
    """The outcome of the boundary for toxicity, if there is one. Raises `RequestError`."""
    if study.safety is None:
        return None
    safety = outcome_of(study.safety.endpoint, protocols, key="safety.endpoint")
    if safety.kind != c.TOXICITY:
        wrong = "this is not a toxicity."
        raise RequestError(
            "safety.endpoint", wrong, f"{names_of(c.TOXICITY)}, or the name of one.", key="safety.endpoint"
        )
    if is_time:
        raise RequestError(
            "safety", "looks at events have no boundary for toxicity.", "no `safety` with it.", key="safety"
        )
    return safety
