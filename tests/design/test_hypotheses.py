"""A trial under other hazards: what a hazard ratio does to clocks and to draws of their rates."""

from __future__ import annotations

import pytest

import trialsim as ts
from trialsim.config import protocol_of
from trialsim.design.hypotheses import with_hazard_ratio
from trialsim.errors import RequestError
from trialsim.model import disease, interim
from trialsim.model.parameters import with_values
from trialsim.model.protocol import Protocol

RATIO = 0.6
BEFORE_PROGRESSION = {"relapse", "progression", "death before progression", "early death"}


def at_draw(protocol: Protocol, row: int) -> Protocol:
    """The protocol with one of its draws."""
    return with_values(protocol, protocol.parameter_places, list(protocol.parameter_draws[row]))


@pytest.mark.parametrize("row", [0, 1, 2])
def test_a_hazard_ratio_multiplies_every_hazard_of_the_event_in_every_draw(row: int) -> None:
    """Whatever the shape: that of `early death` is 1/2, and its rate varies too."""
    protocol = protocol_of(ts.load_scenario("followup"))
    before, after = (
        at_draw(protocol, row),
        at_draw(with_hazard_ratio(protocol, RATIO, interim.PROGRESSION_OR_DEATH), row),
    )
    deaths = at_draw(with_hazard_ratio(protocol, RATIO, interim.DEATH), row)
    for clock, other, dying in zip(before.clocks, after.clocks, deaths.clocks, strict=True):
        is_of_event = clock.name in BEFORE_PROGRESSION
        assert other.coefficient == pytest.approx(clock.coefficient * (RATIO if is_of_event else 1.0), rel=1e-12)
        is_death = clock.kind == disease.DEATH
        assert dying.coefficient == pytest.approx(clock.coefficient * (RATIO if is_death else 1.0), rel=1e-12)
        assert other.shape == clock.shape


def test_a_rate_that_another_event_shares_is_refused() -> None:
    shared = {"events.rash.rate": {"calibrated": "relapse rate"}}
    with pytest.raises(RequestError, match=r"(?s)relapse rate.*not the rate of these events alone"):
        with_hazard_ratio(protocol_of(ts.load_scenario("followup", shared)), RATIO, interim.PROGRESSION_OR_DEATH)
