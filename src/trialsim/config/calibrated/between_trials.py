"""How much a parameter differs between trials where a study does not say so: the families, declared once.

    response      sensitivity, rates of response                          0.3
    toxicity      rates of toxicity                                       1
    tolerance     a rate that limits the dose and is not reported         0.7
    stopping      rates of discontinuation and withdrawal                 0.7
    survival      rates of relapse, progression and death                 0.4
    early death   a rate of death that falls from the first day           0.7

The number is the scale of the half-normal prior of the between-trial sd, on the scale of the parameters' distribution
(log or logit). Sources: docs/why/six-trials.md. Which numbers of a scenario are shared, a trial's own, or in a family
is in the table of `places`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from trialsim.config.calibrated.places import calibrated_place
from trialsim.config.schema.events import Event
from trialsim.config.schema.quantity_places import quantities_in
from trialsim.config.schema.scenario import ScenarioData, own_name, parameter_name
from trialsim.config.source.yaml import Place

OWN: Final = "own"
SHARED: Final = "shared"
RESPONSE: Final = "response"


@dataclass(frozen=True)
class TrialFamily:
    """Parameters that differ between trials by as much: `sd` is the scale of the half-normal prior; `holds` its events.

    To add one, add it to `FAMILIES`; an event belongs to the first that holds it.
    """

    name: str
    sd: float
    holds: Callable[[Event], bool]


def _is_tolerance(event: Event) -> bool:
    return event.kind == "toxicity" and bool(event.dose_limiting) and not event.reported


def _is_early_death(event: Event) -> bool:
    return event.kind == "death" and event.shape.value < 1.0


FAMILIES: Final = (
    TrialFamily(RESPONSE, 0.3, lambda event: event.is_response),
    TrialFamily("tolerance", 0.7, _is_tolerance),
    TrialFamily("toxicity", 1.0, lambda event: event.kind == "toxicity"),
    TrialFamily("stopping", 0.7, lambda event: event.kind in ("discontinuation", "withdrawal")),
    TrialFamily("early death", 0.7, _is_early_death),
    TrialFamily("survival", 0.4, lambda event: event.kind in ("relapse", "progression", "death")),
)


def family_of(scenario: ScenarioData, place: Place) -> str:
    """The name of the family of the number at a place; `own` or `shared` for one in no family."""
    listed = calibrated_place(place)
    between = listed.between if listed is not None else SHARED
    if between != "event":
        return between
    event = scenario.events[str(place[1])]
    return next((family.name for family in FAMILIES if family.holds(event)), SHARED)


def families_of(scenarios: Iterable[ScenarioData]) -> dict[str, list[str]]:
    """The calibrated parameters of trials by family, `own` and `shared` too, in the order of their appearance.

    A parameter that stands in several places is in the first family that one of them is in.
    """
    family: dict[str, str] = {}
    for scenario in scenarios:
        for place, quantity in quantities_in(scenario):
            if quantity.calibrated:
                name = parameter_name(quantity, own_name(place))
                if family.get(name, SHARED) == SHARED:
                    family[name] = family_of(scenario, place)
    grouped: dict[str, list[str]] = {}
    for name, of in family.items():
        grouped.setdefault(of, []).append(name)
    return grouped
