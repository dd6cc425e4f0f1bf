"""Where the numbers of a scenario are from: the protocol, a calibration, the literature, or assumed."""

from __future__ import annotations

from trialsim.config.schema.quantity import Quantity
from trialsim.config.schema.quantity_places import quantities_in
from trialsim.config.schema.scenario import ScenarioData, own_name, parameter_name
from trialsim.config.source.yaml import Place

NOT_STATED = "source not stated"
_PROTOCOL = "protocol"
_PROTOCOL_SECTIONS = ("treatment", "assessment", "evaluable", "cut_off", "clinic")
_COPIED = ("parameters", "reference_dose")  # of the set that numbers were filled in from, beside that of the treatment


def describe_sources(scenario: ScenarioData) -> dict[str, list[str]]:
    """Sources in the order in which they appear, each with its numbers in words.

    A number without a source is the protocol's where it is part of the protocol, and otherwise of a source not stated.
    """
    names_by_source: dict[str, dict[str, list[str]]] = {}
    for place, quantity in quantities_in(scenario):
        if is_default(place, quantity) or place == _COPIED:
            continue
        name = _words(place)
        if quantity.calibrated:
            name = parameter_name(quantity, own_name(place))
            number = scenario.resolved(quantity, name)
            source = number.source or "parameters set by the user"
        else:
            number, source = quantity, quantity.source or (_PROTOCOL if place[0] in _PROTOCOL_SECTIONS else NOT_STATED)
        values = names_by_source.setdefault(source, {}).setdefault(name, [])
        values.append(number.text)
    return {
        source: [f"{name} {', '.join(dict.fromkeys(values))}" for name, values in names.items()]
        for source, names in names_by_source.items()
    }


def is_default(place: Place, quantity: Quantity) -> bool:
    """Whether a number only says that nothing is there: a shape of 1, an exponent, a ramp or an unwritten rate of 0."""
    neutral = {
        "shape": 1.0, "delay": 0.0, "dose_exponent": 0.0, "ramp_up": 0.0, "ineligible": 0.0, "long_term": 0.0,
        "missed": 0.0,
    }  # fmt: skip
    if place[-1] == "rate" and quantity.source is None and quantity.value == 0.0:
        return not quantity.calibrated
    return not quantity.calibrated and neutral.get(str(place[-1])) == quantity.value


def _words(place: Place) -> str:
    left_out = ("events", "population", "sites", "correlations")
    parts = [part for part in place if isinstance(part, str) and part not in left_out]
    return " ".join(parts).replace("_", " ")
