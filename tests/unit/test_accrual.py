"""Accrual as the inverse of a cumulative rate, and as a scenario spells it out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trials import scenario_of
from trialsim.config import protocol_of
from trialsim.model import accrual
from trialsim.model.units import DAYS_PER_MONTH


def test_the_inverse_walks_through_pauses() -> None:
    starts, rates = (0.0, 10.0, 20.0), (0.5, 0.0, 1.0)
    assert accrual.arrival_at_expected_count(2.0, starts, rates) == 4.0
    assert accrual.arrival_at_expected_count(5.0, starts, rates) == 20.0  # the pause is half-open
    assert accrual.arrival_at_expected_count(7.5, starts, rates) == 22.5


def test_nobody_comes_after_a_rate_that_ends_at_0() -> None:
    assert accrual.arrival_at_expected_count(6.0, (0.0, 10.0), (0.5, 0.0)) == math.inf


@given(
    st.lists(st.tuples(st.floats(0.1, 50), st.floats(0.01, 3)), min_size=1, max_size=6),
    st.floats(0.001, 100),
)
def test_the_expected_count_at_the_arrival_is_the_count_asked_for(
    pieces: list[tuple[float, float]], count: float
) -> None:
    starts = np.concatenate([[0.0], np.cumsum([length for length, _ in pieces[:-1]])])
    rates = [rate for _, rate in pieces]
    day = accrual.arrival_at_expected_count(count, tuple(starts), tuple(rates))
    ends = [*starts[1:], math.inf]
    expected = sum(
        rate * (min(day, end) - start) for start, end, rate in zip(starts, ends, rates, strict=True) if day > start
    )
    assert expected == pytest.approx(count, rel=1e-9)


def test_sites_ramp_up_and_pause_as_the_scenario_says() -> None:
    scenario = scenario_of(
        accrual={
            "opens": "2027-01-01",
            "patients": 60,
            "sites": {
                "A": {"rate": "3 /month", "ramp_up": "3 months"},
                "B": {"rate": "2 /month", "opens": "2027-03-01"},
            },
            "pauses": [{"start": "2027-08-01", "end": "2027-09-01"}],
        }
    )
    plan = protocol_of(scenario).accrual
    per_month = {start: rate * DAYS_PER_MONTH for start, rate in zip(plan.starts, plan.rates, strict=True)}
    assert per_month[0.0] == pytest.approx(3 * 0.5 / 3)
    assert per_month[59.0] == pytest.approx(3 * 1.5 / 3 + 2)  # 1 March is day 59, inside A's second step
    assert per_month[3 * DAYS_PER_MONTH] == pytest.approx(3 + 2)
    assert per_month[212.0] == 0.0  # 1 August
    assert per_month[243.0] == pytest.approx(5)  # 1 September
    before_b = plan.site_shares[plan.starts.index(0.0)]
    assert before_b == (1.0, 1.0)
    assert plan.site_shares[-1] == pytest.approx((0.6, 1.0))


def test_a_ramp_expects_as_many_patients_as_a_straight_line_to_the_full_rate() -> None:
    scenario = scenario_of(
        accrual={"opens": "2027-01-01", "patients": 60, "sites": {"A": {"rate": "4 /month", "ramp_up": "6 months"}}}
    )
    plan = protocol_of(scenario).accrual
    ends = [*plan.starts[1:], 6 * DAYS_PER_MONTH]
    in_ramp = sum(r * (end - start) for start, end, r in zip(plan.starts, ends, plan.rates, strict=True) if end > start)
    assert in_ramp == pytest.approx(0.5 * 4 * 6)


def test_an_interval_begins_on_its_first_day_and_ends_before_the_next() -> None:
    starts = (0.0, 30.0, 60.0)
    days = (0.0, math.nextafter(30.0, 0.0), 30.0, math.nextafter(60.0, 0.0), 60.0, 1000.0)
    assert [accrual.interval_at(day, starts) for day in days] == [0, 0, 1, 1, 2, 2]
