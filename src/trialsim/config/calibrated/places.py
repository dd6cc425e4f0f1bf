"""Every place of a scenario whose number may be calibrated, in one table: what is not listed here is refused.

To add one, give its pattern here (`*` stands for any name) with how it differs between trials, and let
`model.parameters.with_values` put a number there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from trialsim.config.schema.effects import Effect, effect_terms
from trialsim.config.schema.scenario import ScenarioData
from trialsim.config.source.yaml import Place
from trialsim.model.protocol import ParameterPlace

Between = Literal["shared", "own", "response", "event"]


class CalibratedPlace(NamedTuple):
    """A place whose number may be calibrated: its `pattern`, and `ParameterPlace.what` of it.

    `between` says how the number differs between trials that are calibrated together, where a study does not say so:
    `shared` by all of them, each trial's `own` (practice), as the `response` differs, or as the rate of its `event`.
    """

    pattern: tuple[str, ...]
    what: str
    between: Between = "shared"


CALIBRATED_PLACES: Final = (
    CalibratedPlace(("disease", "sensitive"), "p_sensitive", "response"),
    CalibratedPlace(("disease", "effects", "*", "odds_ratio"), "odds_ratio"),
    CalibratedPlace(("disease", "effects", "*", "odds_ratios", "*"), "odds_ratio"),
    CalibratedPlace(("treatment", "every"), "visit_every_days", "own"),
    CalibratedPlace(("assessment", "every"), "assessment_every_days", "own"),
    CalibratedPlace(("assessment", "missed"), "p_missed_assessment", "own"),
    CalibratedPlace(("evaluable", "after"), "evaluable_after_days", "own"),
    CalibratedPlace(("cut_off", "after_opening"), "day", "own"),
    CalibratedPlace(("cut_off", "after_last_entry"), "day", "own"),
    CalibratedPlace(("cut_off", "at_latest"), "latest_day", "own"),
    CalibratedPlace(("frailties", "*", "sd"), "sd_log"),
    CalibratedPlace(("frailties", "*", "long_term"), "p_long_term"),
    CalibratedPlace(("events", "*", "rate"), "rate", "event"),
    CalibratedPlace(("events", "*", "shape"), "shape"),
    CalibratedPlace(("events", "*", "delay"), "delay_days"),
    CalibratedPlace(("events", "*", "share"), "share"),
    CalibratedPlace(("events", "*", "dose_exponent"), "dose_exponent"),
    CalibratedPlace(("events", "*", "resolves", "rate"), "rate"),
    CalibratedPlace(("events", "*", "resolves", "shape"), "shape"),
    CalibratedPlace(("events", "*", "effects", "*", "hazard_ratio"), "hazard_ratio"),
    CalibratedPlace(("events", "*", "effects", "*", "hazard_ratios", "*"), "hazard_ratio"),
)


def may_be_calibrated(place: Place) -> bool:
    """Whether the number at a place may be calibrated."""
    return calibrated_place(place) is not None


def calibrated_place(place: Place) -> CalibratedPlace | None:
    """What the table says of a place; None for one that is not listed."""
    return next((item for item in CALIBRATED_PLACES if _fits(item.pattern, place)), None)


def parameter_place(scenario: ScenarioData, place: Place) -> ParameterPlace:
    """A place of a scenario, as engines know it. Raises `KeyError` for one that is not listed."""
    listed = calibrated_place(place)
    if listed is None:
        raise KeyError(place)
    what = listed.what
    if place[0] == "frailties":
        return ParameterPlace(what, frailty=list(scenario.frailties).index(str(place[1])))
    if place[:2] == ("disease", "effects"):
        return _place_of_effect(what, -1, place[1:], scenario.sensitivity_effects)
    if place[0] != "events":
        return ParameterPlace(what)
    clock, event = list(scenario.events).index(str(place[1])), scenario.events[str(place[1])]
    if place[2] == "effects":
        return _place_of_effect(what, clock, place[2:], event.effects)
    return ParameterPlace(what, clock, of_resolution=place[2] == "resolves")


def _place_of_effect(what: str, clock: int, place: Place, effects: Mapping[str, Effect]) -> ParameterPlace:
    terms = effect_terms(effects)
    i = next(i for i, term in enumerate(terms) if term.place == place)
    return ParameterPlace(what, clock, effect=i, per=terms[i].per)


def _fits(pattern: tuple[str, ...], place: Place) -> bool:
    return len(pattern) == len(place) and all(p in ("*", part) for p, part in zip(pattern, place, strict=True))
