"""What a scenario may say but hardly means: rates at which an event comes to nearly everyone within a day."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from trialsim.config.schema.scenario import ScenarioData
from trialsim.config.source.problems import Finding
from trialsim.config.to_protocol.protocol import protocol_of
from trialsim.model.hazards import dose_factor

NEARLY_EVERYONE: Final = 0.95


def sudden_events(scenario: ScenarioData) -> Iterator[Finding]:
    """Each event that comes to nearly everyone within a day at the highest dose."""
    protocol = protocol_of(scenario)
    for clock in protocol.clocks:
        if clock.coefficient <= 0.0:
            continue
        fastest = max(
            dose_factor(dose, protocol.reference_dose, clock.dose_exponent, clock.dose_floor)
            for dose in protocol.levels
        )
        within_a_day = -math.expm1(-clock.coefficient * fastest)
        if within_a_day >= NEARLY_EVERYONE:
            text = scenario.resolved(scenario.events[clock.name].rate, f"{clock.name} rate").text
            problem = (
                f"within a day for everyone: {100.0 * within_a_day:.0f} % have it on the first day at the highest dose"
            )
            allowed = "a rate per month: at 0.05 /month, 5 of 100 patients have it in a month"
            yield ("events", clock.name, "rate"), text, problem, allowed, ""
