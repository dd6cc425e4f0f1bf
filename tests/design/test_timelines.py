"""Patients in arms: each is followed in the own arm only, and comes out as if all arms had been followed."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

import trialsim as ts
from trialsim.config import protocol_of
from trialsim.design.conduct.timelines import Timelines, simulated
from trialsim.design.hypotheses import with_follow_up
from trialsim.model import interim as c
from trialsim.model.protocol import Protocol
from trialsim.simulation.allocation import arms_of
from trialsim.simulation.patients import patient_table

OUTCOMES = (c.Outcome(c.RESPONSE, 180.0, least=1), c.Outcome(c.PROGRESSION_OR_DEATH, 400.0))
CHANGES = {"parameters": "mode"}


def protocols(name: str, closes_day: float) -> tuple[Protocol, Protocol]:
    """Two arms of 30 patients, the second starts at 300 mg."""
    found = []
    for dose in (100, 300):
        scenario = ts.load_scenario(name, {**CHANGES, "treatment.start": f"{dose} mg/day"})
        own = with_follow_up(protocol_of(scenario), 30, 400.0)
        found.append(replace(own, accrual=replace(own.accrual, closes_day=closes_day)))
    return found[0], found[1]


@pytest.mark.parametrize("engine", ["batch", "reference"])
@pytest.mark.parametrize(
    ("strata", "name", "closes_day"),
    [((), "followup", np.inf), ((), "followup", 200.0), (("sex",), "followup", np.inf), ((), "tosi2000", np.inf)],
)
def test_every_patient_is_as_in_the_whole_arm(
    engine: str, strata: tuple[str, ...], name: str, closes_day: float
) -> None:
    n, both = 3, protocols(name, closes_day)
    arms = arms_of(both[0], ("a", "b"), {"b": 2}, None, strata)
    found = simulated([engine] * 2, both, arms, OUTCOMES, 7, 5, n)
    whole = [simulated([engine], [item], None, OUTCOMES, 7, 5, n) for item in both]
    is_there = found.number > 0
    assert is_there.sum() > 20
    assert {0, 1} == set(found.arm[is_there].tolist())
    assert set(found.stratum[is_there].tolist()) == ({0, 1} if strata else {0})
    for field in fields(Timelines):
        if field.name in ("first", "arm", "stratum"):
            continue
        values = getattr(found, field.name)
        one, other = (getattr(item, field.name) for item in whole)
        is_second = found.arm[:, :, None] == 1 if values.ndim == 3 else found.arm == 1
        assert np.array_equal(values, np.where(is_second, other, one), equal_nan=True), field.name
    assert not np.array_equal(whole[0].resolved, whole[1].resolved)  # the arms differ


def test_some_patients_cannot_complete_a_count_of_all() -> None:
    cut_off = {"after_opening": None, "after_count": 9, "of": "deaths", "at_latest": "36 months"}
    protocol = protocol_of(ts.load_scenario("tosi2000", {"parameters": "mode", "cut_off": cut_off}))
    assert protocol.cut_off.count == 9
    with pytest.raises(ValueError, match="needs everyone"):
        patient_table("batch", protocol, 1, 1, 1, np.ones((1, protocol.accrual.n_patients), np.bool_))
