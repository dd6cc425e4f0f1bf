"""Numbers of a protocol that are not known: where each stands, draws of all of them, and the protocol under one draw.

Each replicate has one draw of the parameters, by address: the number at (seed, replicate, patient 0, "parameters")
chooses a row of the table, every row with the same probability. So replicate 417 has the same parameters whatever else
is simulated, and the same patients whatever its parameters are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from trialsim.model import draws
from trialsim.model.hazards import coefficient_per_day, effect_weight
from trialsim.model.protocol import Clock, Effects, ParameterPlace, Protocol
from trialsim.typing import Counts

DECISION: Final = "parameters"
THE_TRIAL: Final = 0  # the patient number of what belongs to the trial as a whole


def draw_numbers(n_draws: int, seed: int, replicates: Counts) -> Counts:
    """The draw of each replicate, from 1 to `n_draws`; zeros where there are no draws. Shape (n,)."""
    if n_draws == 0:
        return np.zeros(len(replicates), np.int64)
    uniform = draws.uniforms_at(seed, replicates, THE_TRIAL, draws.decision_code(DECISION))
    return np.minimum((uniform * n_draws).astype(np.int64), n_draws - 1) + 1


def of_replicate(protocol: Protocol, seed: int, replicate: int) -> Protocol:
    """The protocol of one replicate: under its own draw of the parameters, or as it is where nothing varies."""
    if not protocol.parameter_draws:
        return protocol
    number = draw_numbers(len(protocol.parameter_draws), seed, np.array([replicate]))[0]
    return under_draw(protocol, int(number))


def under_draw(protocol: Protocol, number: int) -> Protocol:
    """The protocol under the draw with a number, from 1; nothing varies in it any more."""
    return with_values(protocol, protocol.parameter_places, protocol.parameter_draws[number - 1])


def with_values(protocol: Protocol, places: Sequence[Sequence[ParameterPlace]], values: Sequence[float]) -> Protocol:
    """A protocol with new numbers for some parameters, each wherever it stands; nothing varies in it any more.

    Rates are per month at the reference dose, times in days, effects ratios of hazards or odds.
    """
    clocks, frailties = list(protocol.clocks), list(protocol.frailties)
    of_clocks: dict[int, list[tuple[ParameterPlace, float]]] = {}
    changed: dict[str, float] = {}
    cut_off, sensitivity_effects = protocol.cut_off, protocol.sensitivity_effects
    for places_of_parameter, value in zip(places, values, strict=True):
        for place in places_of_parameter:
            if place.clock >= 0:
                of_clocks.setdefault(place.clock, []).append((place, value))
            elif place.frailty >= 0:
                frailty = frailties[place.frailty]
                frailties[place.frailty] = replace(frailty, **{place.what: value})  # type: ignore[arg-type]
            elif place.effect >= 0:
                sensitivity_effects = _changed_effects(sensitivity_effects, place, value)
            elif place.what in ("day", "latest_day"):
                cut_off = replace(cut_off, **{place.what: value})  # type: ignore[arg-type]
            else:
                changed[place.what] = value
    for i, changes in of_clocks.items():
        clocks[i] = _changed_clock(clocks[i], changes)
    return replace(
        protocol,
        clocks=tuple(clocks),
        frailties=tuple(frailties),
        cut_off=cut_off,
        sensitivity_effects=sensitivity_effects,
        parameter_names=(),
        parameter_places=(),
        parameter_draws=(),
        **changed,  # type: ignore[arg-type]
    )


def _changed_clock(clock: Clock, changes: Sequence[tuple[ParameterPlace, float]]) -> Clock:
    effects = clock.effects
    own: dict[str, float] = {}
    of_resolution: dict[str, float] = {}
    for place, value in changes:
        if place.effect >= 0:
            effects = _changed_effects(effects, place, value)
        else:
            (of_resolution if place.of_resolution else own)[place.what] = value
    resolution = clock.resolution
    if resolution is not None and of_resolution:
        resolution = replace(resolution, **_fields(resolution, of_resolution))  # type: ignore[arg-type]
    return replace(clock, effects=effects, resolution=resolution, **_fields(clock, own))  # type: ignore[arg-type]


def _changed_effects(effects: Effects, place: ParameterPlace, value: float) -> Effects:
    changed = (*effects[place.effect][:3], effect_weight(value, place.per))
    return (*effects[: place.effect], changed, *effects[place.effect + 1 :])


def _fields(clock: Clock, numbers: Mapping[str, float]) -> dict[str, float]:
    """The fields of a clock that some of its numbers are or change."""
    fields = {what: value for what, value in numbers.items() if what != "rate"}
    if "rate" in numbers or "shape" in numbers:
        rate, shape = numbers.get("rate", clock.rate_per_month), numbers.get("shape", clock.shape)
        coefficient = coefficient_per_day(rate * clock.partner_ratio, shape)
        fields.update(rate_per_month=rate, shape=shape, coefficient=coefficient)
    return fields
