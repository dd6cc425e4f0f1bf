"""A fixed partner drug: its hazard ratios act on the rates, also where these are calibrated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import trialsim as ts
from tests.tolerances import N_STANDARD_ERRORS
from tests.trials import scenario_of, smallest
from trialsim.config import protocol_of, scenario_from_mapping
from trialsim.model.parameters import with_values
from trialsim.model.protocol import ParameterPlace
from trialsim.simulation.patients import patient_table

N, MONTHS = 20_000, 12.0
EVENTS = {
    "rash": {"kind": "toxicity", "rate": "0.1 /month", "shape": 1.5},
    "death": {"kind": "death", "rate": "0.02 /month"},
}
PARTNERS = {
    "dexamethasone": {"dose": "40 mg on days 1 to 4", "hazard_ratios": {"rash": 2.0}},
    "aspirin": {"hazard_ratios": {"rash": 0.75}},
}


def treated(partners: dict[str, Any]) -> ts.Scenario:
    treatment = smallest()["treatment"] | {"partners": partners}
    return scenario_of(
        accrual={"opens": "2001-01-01", "patients": N, "over": "1 day"}, events=EVENTS, treatment=treatment,
        cut_off={"after_last_entry": f"{MONTHS:g} months"},
    )  # fmt: skip


def test_hazard_ratios_of_partners_multiply() -> None:
    """P(rash before death) by quadrature over the Weibull hazard of rash, three times a half as high."""
    table = patient_table("batch", protocol_of(treated(PARTNERS)), 4, 1, 1)
    months = (np.arange(100_000) + 0.5) * MONTHS / 100_000
    hazard = 0.1 * 1.5 * 1.5 * months**0.5
    expected = float(np.sum(hazard * np.exp(-0.1 * 1.5 * months**1.5 - 0.02 * months)) * MONTHS / 100_000)
    found = float((table["n_onsets.rash"] > 0).mean())
    assert found == pytest.approx(expected, abs=N_STANDARD_ERRORS * np.sqrt(expected * (1.0 - expected) / N))


def test_a_calibrated_rate_keeps_the_ratio() -> None:
    protocol = protocol_of(treated(PARTNERS))
    changed = with_values(protocol, [[ParameterPlace("rate", clock=0)]], [0.3])
    assert changed.clocks[0].coefficient == pytest.approx(3.0 * protocol.clocks[0].coefficient)
    assert changed.clocks[0].rate_per_month == 0.3


def test_partners_are_said_and_written_only_where_there_are_some() -> None:
    scenario = treated(PARTNERS)
    assert "With dexamethasone, 40 mg on days 1 to 4; hazards: rash × 2.0." in ts.check([scenario])[0]
    assert scenario_from_mapping(scenario.to_mapping()) == scenario
    assert "partners" not in treated({}).to_mapping()["treatment"]


@pytest.mark.parametrize(
    ("ratios", "message"),
    [({"rasch": 2}, "Did you mean rash"), ({"rash": "calibrated"}, "is a number"), ({"rash": 0}, "above 0")],
)
def test_what_a_partner_cannot_do_is_refused(ratios: dict[str, Any], message: str) -> None:
    with pytest.raises(ts.ConfigurationError, match=message):
        treated({"dexamethasone": {"hazard_ratios": ratios}})
