"""A hazard that changes at set times: against sums over its pieces, and against SciPy's integration of the hazard."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

import trialsim as ts
from tests.tolerances import N_STANDARD_ERRORS
from tests.trials import scenario_of
from trialsim.config import protocol_of, scenario_from_mapping
from trialsim.model.hazards import age_at_firing, age_with_hazard, hazard_at_age, hazard_between
from trialsim.model.units import DAYS_PER_MONTH
from trialsim.simulation.patients import patient_table

N, MONTHS = 20_000, 12.0
PIECES = [{"after": "2 months", "ratio": 3}, {"after": "3 months", "ratio": 0}, {"after": "8 months", "ratio": 0.5}]
DAYS = (10.0, 25.0, 80.0)
RATIOS = st.tuples(*[st.sampled_from([0.0, 0.3, 1.0, 4.0])] * len(DAYS))
SHAPES = st.sampled_from([0.5, 1.0, 2.2])


@given(RATIOS, SHAPES, st.floats(0.1, 300.0))
def test_the_cumulative_hazard_is_the_integral_of_the_hazard(
    ratios: tuple[float, ...], shape: float, age: float
) -> None:
    def hazard(days: float) -> float:
        ratio = ([1.0, *ratios])[sum(days > begins for begins in DAYS)]
        return float(ratio * shape * days ** (shape - 1.0))

    edges = [0.0, *(day for day in DAYS if day < age), age]
    parts = [quad(hazard, low, high, limit=200)[0] for low, high in itertools.pairwise(edges)]
    assert hazard_at_age(age, shape, DAYS, ratios) == pytest.approx(math.fsum(parts), rel=1e-6)


@given(RATIOS, SHAPES, st.floats(1e-3, 300.0))
def test_an_age_is_recovered_from_its_hazard_where_the_hazard_is_not_0(
    ratios: tuple[float, ...], shape: float, age: float
) -> None:
    reached = hazard_at_age(age, shape, DAYS, ratios)
    found = age_with_hazard(reached, shape, DAYS, ratios)
    if found == math.inf:  # only at the edge of a last piece without hazard
        assert reached >= hazard_at_age(DAYS[-1], shape, DAYS, ratios) * (1.0 - 1e-12)
        return
    assert hazard_at_age(found, shape, DAYS, ratios) == pytest.approx(reached, rel=1e-9)
    assert found <= age * (1.0 + 1e-9)  # the first such age


def test_pieces_of_ratio_1_change_nothing_and_no_hazard_at_last_never_fires() -> None:
    plain = hazard_between(0.02, 3.0, 90.0, 1.4)
    assert hazard_between(0.02, 3.0, 90.0, 1.4, DAYS, (1.0, 1.0, 1.0)) == pytest.approx(plain, rel=1e-12)
    plain = age_at_firing(3.0, 0.7, 0.02, 1.4)
    assert age_at_firing(3.0, 0.7, 0.02, 1.4, DAYS, (1.0, 1.0, 1.0)) == pytest.approx(plain, rel=1e-12)
    assert age_at_firing(3.0, 50.0, 0.02, 1.4, DAYS, (1.0, 1.0, 0.0)) == math.inf


def dying(**event: Any) -> ts.Scenario:
    """A trial in which patients die at 0.1 a month, but for the pieces, and nothing else happens."""
    return scenario_of(
        accrual={"opens": "2001-01-01", "patients": N, "over": "1 day"},
        events={"death": {"kind": "death", "rate": "0.1 /month", "piecewise": PIECES, **event}},
        cut_off={"after_last_entry": f"{MONTHS + 1.0:g} months"},
    )


@pytest.mark.parametrize("engine", ["batch", "reference"])
def test_survival_is_that_of_the_pieces(engine: str) -> None:
    """exp(-0.2) at 2 months, exp(-0.5) from 3 to 8 months, exp(-0.7) at 12."""
    n = N if engine == "batch" else 2_000
    scenario = dying().with_changes({"accrual.patients": n})
    table = patient_table(engine, protocol_of(scenario), 3, 1, 1)
    months, is_dead = table["death_days"] / DAYS_PER_MONTH, np.isfinite(table["death_days"])
    for month, hazard in ((2.0, 0.2), (3.0, 0.5), (8.0, 0.5), (12.0, 0.7)):
        expected = 1.0 - math.exp(-hazard)
        found = float((is_dead & (months <= month)).mean())
        assert found == pytest.approx(expected, abs=N_STANDARD_ERRORS * math.sqrt(expected * (1.0 - expected) / n))
    assert not np.any(is_dead & (months > 3.0 + 1e-9) & (months < 8.0 - 1e-9))


def test_pieces_begin_after_the_delay() -> None:
    table = patient_table("batch", protocol_of(dying(delay="1 month")), 3, 1, 1)
    months = table["death_days"][np.isfinite(table["death_days"])] / DAYS_PER_MONTH
    assert not np.any((months < 1.0) | ((months > 4.0 + 1e-9) & (months < 9.0 - 1e-9)))


def test_pieces_are_said_and_written_only_where_there_are_some() -> None:
    scenario = dying()
    text = ts.check([scenario])[0]
    assert "× 3 from 2 months on, × 0 from 3 months on, × 0.5 from 8 months on" in text
    assert "9.5, 39, 39 at any dose" in " ".join(text.split())  # by 1, 3 and 6 months
    assert scenario_from_mapping(scenario.to_mapping()) == scenario
    assert "piecewise" not in dying(piecewise=[]).to_mapping()["events"]["death"]


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"piecewise": [PIECES[1], PIECES[0]]}, "rising times"),
        ({"piecewise": [{"after": "2 months", "ratio": "calibrated"}]}, "are given, not calibrated"),
        ({"driven_by": "exposure"}, "has no time of its own"),
        ({"piecewise": [{"after": "0 days", "ratio": 2}]}, "Allowed"),
        ({"piecewise": [{"after": "2 months", "ratio": -1}]}, "Allowed"),
    ],
)
def test_pieces_that_cannot_be_are_refused(event: dict[str, Any], message: str) -> None:
    with pytest.raises(ts.ConfigurationError, match=message):
        dying(**event)
