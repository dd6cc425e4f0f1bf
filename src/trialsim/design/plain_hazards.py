"""Arms whose piecewise constant hazards a study gives as plain numbers, in the simulator."""

from __future__ import annotations

from dataclasses import replace

from trialsim.design.draft import Draft, Protocols
from trialsim.design.hypotheses import at_point_values, is_of_event
from trialsim.design.theory.changing_hazards.piecewise import PiecewiseHazard
from trialsim.design.time_to_event.hazards import hazards_of_arms
from trialsim.errors import RequestError
from trialsim.model import disease
from trialsim.model import interim as c
from trialsim.model.hazards import coefficient_per_day
from trialsim.model.protocol import Protocol
from trialsim.model.units import DAYS_PER_MONTH


def arms_with_hazards(draft: Draft) -> tuple[Protocols, str]:
    """The arms with piecewise exponential times to the event, and what was set for it, in words.

    Raises `RequestError` for a scenario without such an event.
    """
    kind = draft.outcomes.primary[0].kind
    hazards = hazards_of_arms(draft.study, draft.names)
    arms = [with_piecewise_times(item, hazard, kind) for item, hazard in zip(draft.protocols, hazards, strict=True)]
    return tuple(arms), "piecewise exponential times in place of the scenario's own"


def with_piecewise_times(protocol: Protocol, hazard: PiecewiseHazard, kind: int) -> Protocol:
    """The protocol in which the time to the event is piecewise exponential, whatever dose, response and baseline are.

    One clock causes the event, which is seen when it happens: it is a death, so no assessment is waited for. The other
    clocks of the event never fire. Calendar, drop-out and toxicities stay.
    """
    fixed = at_point_values(protocol)
    of_event = [i for i, clock in enumerate(fixed.clocks) if is_of_event(clock, kind)]
    if not of_event:
        raise RequestError("endpoint", "the scenario has no such event.", "another endpoint.", key="endpoint")
    first = next((i for i in of_event if fixed.clocks[i].kind == disease.DEATH), of_event[0])
    highest = max(hazard.hazards)
    clocks = [
        replace(clock, coefficient=0.0, rate_per_month=0.0) if i in of_event else clock
        for i, clock in enumerate(fixed.clocks)
    ]
    clocks[first] = replace(
        clocks[first],
        kind=disease.DEATH,
        states=disease.ANY_STATE if kind == c.DEATH else disease.BEFORE_PROGRESSION,
        rate_per_month=highest,
        coefficient=coefficient_per_day(highest, 1.0),
        shape=1.0,
        dose_exponent=0.0,
        delay_days=0.0,
        needs_treatment=False,
        needs_sensitivity=False,
        driven_by_exposure=False,
        effects=(),
        frailty=-1,
        partner_ratio=1.0,
        piece_days=tuple(start * DAYS_PER_MONTH for start in hazard.starts),
        piece_ratios=tuple(value / highest for value in hazard.hazards),
    )
    return replace(fixed, clocks=tuple(clocks))
