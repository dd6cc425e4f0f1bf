"""Piecewise constant hazards: against quadrature, constant hazards, and rpact (`verification/times_to_events.R`)."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

import trialsim as ts
from trialsim.design.theory.changing_hazards.piecewise import (
    PiecewiseArms,
    PiecewiseHazard,
    piecewise_event_probability,
    with_ratios,
)
from trialsim.design.theory.time_to_event import Arms, event_probability, expected_events, month_of_events
from trialsim.errors import RequestError

TABLE = Path(__file__).parents[1] / "published" / "times_to_events.csv"
QUADRATURE = 1e-9  # of quad, and of the difference of two integrals over a short accrual
CLOSE = 1e-7  # of patients before they are rounded up
INTEGRAL = 5e-6  # of rpact, which integrates numerically over steps of hazards


def rows(kind: str) -> Iterator[tuple[dict[str, list[float]], list[float]]]:
    """What was asked of R and what it gave."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()[1:]
    for row in csv.DictReader(lines):
        if row["kind"] == kind:
            pairs = [part.split("=") for part in row["asked"].split(";")]
            yield {key: list(map(float, text.split())) for key, text in pairs}, list(map(float, row["found"].split()))


@st.composite
def hazards(draw: st.DrawFn) -> PiecewiseHazard:
    starts = sorted(draw(st.sets(st.floats(0.1, 30.0), max_size=3)))
    values = draw(st.lists(st.floats(0.0, 0.3), min_size=len(starts) + 1, max_size=len(starts) + 1))
    return PiecewiseHazard((0.0, *starts), (values[0] + 1e-3, *values[1:]))


@given(hazards(), st.sampled_from([0.0, 0.03, 4.0, 18.0]), st.floats(0.0, 60.0), st.sampled_from([0.0, 0.02]))
def test_the_probability_of_an_event_is_the_integral_of_its_density(
    hazard: PiecewiseHazard, accrual: float, total: float, dropout: float
) -> None:
    def density(t: float) -> float:
        entered = min(max((total - t) / accrual, 0.0), 1.0) if accrual > 0.0 else 1.0
        return float(hazard.hazard(t) * hazard.survival(t)) * math.exp(-dropout * t) * entered

    jumps = {0.0, total, *(cut for cut in (*hazard.starts, total - accrual) if 0.0 < cut < total)}
    expected = [quad(density, a, b, epsabs=1e-13)[0] for a, b in pairwise(sorted(jumps))]
    found = float(piecewise_event_probability(hazard, accrual, total, dropout))
    assert found == pytest.approx(float(np.sum(expected)), abs=QUADRATURE)


@given(st.floats(0.001, 0.3), st.floats(0.2, 1.5), st.floats(0.0, 30.0), st.floats(0.0, 80.0), st.floats(0.0, 0.05))
def test_equal_pieces_are_a_constant_hazard(
    rate: float, ratio: float, accrual: float, month: float, dropout: float
) -> None:
    pieces = PiecewiseHazard((0.0, 5.0, 11.0), (rate, rate, rate))
    assert float(piecewise_event_probability(pieces, accrual, month, dropout)) == pytest.approx(
        float(event_probability(rate, accrual, month, dropout)), rel=1e-7, abs=1e-9
    )
    arms = PiecewiseArms(pieces, with_ratios(pieces, PiecewiseHazard((0.0,), (ratio,))), accrual, 2.0, dropout)
    constant = Arms(rate, ratio, accrual, 2.0, dropout, dropout)
    assert arms.is_proportional
    assert arms.seen_in_all == pytest.approx(constant.seen_in_all, rel=1e-12)
    assert float(expected_events(arms, 100, month)) == pytest.approx(float(expected_events(constant, 100, month)))
    some = 0.5 * float(100 * (constant.seen_in_all @ constant.shares))
    assert month_of_events(arms, 100, some) == pytest.approx(month_of_events(constant, 100, some), rel=1e-6)


def test_events_and_patients_of_rpact() -> None:
    """Patients are whole turns of the allocation here: the first number of them that is not below rpact's."""
    cases = list(rows("piecewise size"))
    assert len(cases) == 24
    for asked, (events, patients) in cases:
        plain = {key: value[0] for key, value in asked.items() if key not in ("starts", "hazards")}
        pairs = list(zip(asked["starts"], asked["hazards"], strict=True))
        design = ts.design.logrank(**plain, hazards_control=pairs)
        turn = design.planned.step
        assert design.numbers["schoenfeld_events"] == pytest.approx(events, rel=1e-6)
        assert design.numbers["n"] == turn * math.ceil(patients / turn * (1.0 - CLOSE)), asked


def test_event_probabilities_of_rpact_where_hazards_are_not_proportional() -> None:
    cases = list(rows("event probabilities"))
    assert len(cases) == 16
    for asked, found in cases:
        starts = tuple(asked["starts"])
        both = PiecewiseHazard(starts, tuple(asked["hazards"])), PiecewiseHazard(starts, tuple(asked["experimental"]))
        (accrual,), (ratio,), (dropout,) = asked["accrual"], asked["ratio"], asked["dropout"]
        arms = PiecewiseArms(*both, accrual, ratio, -math.log1p(-dropout) / 12.0)
        assert expected_events(arms, 1, asked["months"]) == pytest.approx(found, abs=INTEGRAL), asked


WRONG: dict[str, tuple[tuple[Any, ...], tuple[Any, ...]]] = {
    "no start at 0": ((1.0, 3.0), (0.1, 0.1)), "falling": ((0.0, 3.0, 2.0), (0.1, 0.1, 0.1)),
    "negative": ((0.0,), (-0.1,)), "all 0": ((0.0, 2.0), (0.0, 0.0)), "more hazards": ((0.0,), (0.1, 0.2)),
    "nothing": ((), ()), "infinite": ((0.0,), (math.inf,)),
}  # fmt: skip


@pytest.mark.parametrize("wrong", list(WRONG))
def test_what_is_no_hazard_is_refused(wrong: str) -> None:
    with pytest.raises(RequestError, match="Allowed"):
        PiecewiseHazard(*WRONG[wrong])


def test_a_hazard_may_be_0_for_a_time() -> None:
    delayed = PiecewiseHazard((0.0, 4.0), (0.0, 0.1))
    assert delayed.survival([2.0, 4.0, 14.0]).tolist() == pytest.approx([1.0, 1.0, math.exp(-1.0)])
    ending = PiecewiseHazard((0.0, 4.0), (0.1, 0.0))
    assert float(piecewise_event_probability(ending, 0.0, 1e6)) == pytest.approx(1.0 - math.exp(-0.4))
    assert PiecewiseArms(ending, ending, 0.0).seen_in_all == pytest.approx([1.0 - math.exp(-0.4)] * 2)
