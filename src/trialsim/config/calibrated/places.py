"""Every place of a scenario whose number may be calibrated, in one table: what is not listed here is refused.

To add one, give its pattern here (`*` stands for any name) and let `model.parameters.with_values` put a number there.
"""

from __future__ import annotations

from typing import Final

from trialsim.config.schema.scenario import ScenarioData
from trialsim.config.source.yaml import Place
from trialsim.model.protocol import ParameterPlace

# The pattern of a place, and `ParameterPlace.what`.
CALIBRATED_PLACES: Final = (
    (("disease", "sensitive"), "p_sensitive"),
    (("treatment", "every"), "visit_every_days"),
    (("assessment", "every"), "assessment_every_days"),
    (("assessment", "missed"), "p_missed_assessment"),
    (("evaluable", "after"), "evaluable_after_days"),
    (("cut_off", "after_opening"), "day"),
    (("cut_off", "after_last_entry"), "day"),
    (("cut_off", "at_latest"), "latest_day"),
    (("frailties", "*", "sd"), "sd_log"),
    (("frailties", "*", "long_term"), "p_long_term"),
    (("events", "*", "rate"), "rate"),
    (("events", "*", "shape"), "shape"),
    (("events", "*", "delay"), "delay_days"),
    (("events", "*", "share"), "share"),
    (("events", "*", "dose_exponent"), "dose_exponent"),
    (("events", "*", "resolves", "rate"), "rate"),
    (("events", "*", "resolves", "shape"), "shape"),
    (("events", "*", "effects", "*", "hazard_ratio"), "hazard_ratio"),
    (("events", "*", "effects", "*", "hazard_ratios", "*"), "hazard_ratio"),
)


def may_be_calibrated(place: Place) -> bool:
    """Whether the number at a place may be calibrated."""
    return _what(place) is not None


def parameter_place(scenario: ScenarioData, place: Place) -> ParameterPlace:
    """A place of a scenario, as engines know it. Raises `KeyError` for one that is not listed."""
    what = _what(place)
    if what is None:
        raise KeyError(place)
    if place[0] == "frailties":
        return ParameterPlace(what, frailty=list(scenario.frailties).index(str(place[1])))
    if place[0] != "events":
        return ParameterPlace(what)
    clock, event = list(scenario.events).index(str(place[1])), scenario.events[str(place[1])]
    if place[2] != "effects":
        return ParameterPlace(what, clock, of_resolution=place[2] == "resolves")
    terms = event.effect_terms
    i = next(i for i, term in enumerate(terms) if term.place == place[2:])
    return ParameterPlace(what, clock, effect=i, per=terms[i].per)


def _what(place: Place) -> str | None:
    return next((what for pattern, what in CALIBRATED_PLACES if _fits(pattern, place)), None)


def _fits(pattern: tuple[str, ...], place: Place) -> bool:
    return len(pattern) == len(place) and all(p in ("*", part) for p, part in zip(pattern, place, strict=True))
