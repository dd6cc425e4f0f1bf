"""What two configurations say differently, key by key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trialsim.config.calibrated.resolve import is_filled_in
from trialsim.config.loading.scenarios import Scenario, load_scenario
from trialsim.errors import ConfigurationError

_NOT_DESIGN = ("format", "name", "title", "description", "cohort", "interpretations")


@dataclass(frozen=True)
class Difference:
    """A dotted key with its value in one configuration and in another; empty for nothing."""

    key: str
    there: str
    here: str

    def __str__(self) -> str:
        return f"{self.key}: {self.there or 'nothing'} there, {self.here or 'nothing'} here"


def differences(there: Any, here: Any, place: str = "") -> Iterator[Difference]:
    """The differences between two configurations as plain data."""
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        for key in dict.fromkeys((*there, *here)):
            yield from differences(there.get(key), here.get(key), f"{place}.{key}" if place else str(key))
    elif str(there) != str(here):
        yield Difference(place, _shown(there), _shown(here))


def _shown(value: Any) -> str:
    """A value as it is written; a number with its source as `number (source)`, nothing as an empty text."""
    if isinstance(value, Mapping) and "value" in value:
        source = f" ({value['source']})" if value.get("source") else ""
        return f"{value['value']}{source}"
    return "" if value is None else str(value)


def differences_from_published(scenario: Scenario) -> list[Difference]:
    """Where a scenario departs from the trial that its cohort was published of; empty if that trial is not known.

    Where the numbers of its parameters come from is no departure; a number of the user's own is one.
    """
    if scenario.cohort is None or scenario.cohort.scenario is None:
        return []
    try:
        published = load_scenario(scenario.cohort.scenario)
    except ConfigurationError:
        return []
    return list(differences(_design(published), _design(scenario)))


def _design(scenario: Scenario) -> dict[str, Any]:
    data = scenario.to_mapping()
    own_values = {name: value for name, value in data["parameters"]["values"].items() if not is_filled_in(value)}
    return {
        **{key: value for key, value in data.items() if key not in _NOT_DESIGN},
        "parameters": {"values": own_values},
    }
