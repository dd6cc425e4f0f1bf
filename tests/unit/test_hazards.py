"""Hazard arithmetic: what a clock has used up, when it fires, and which hazards are refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from trialsim.errors import HazardError
from trialsim.model import hazards
from trialsim.model.units import DAYS_PER_MONTH


@pytest.mark.parametrize("shape", [0.5, 1.0, 2.3])
def test_cumulative_hazard_is_the_integral_of_the_hazard(shape: float) -> None:
    rate = 0.3
    coefficient = hazards.coefficient_per_day(rate, shape)
    expected, _ = quad(lambda s: rate * shape * s ** (shape - 1.0), 1.0, 3.5)
    found = hazards.hazard_between(coefficient, 1.0 * DAYS_PER_MONTH, 3.5 * DAYS_PER_MONTH, shape)
    assert found == pytest.approx(expected, rel=1e-9)


@given(
    st.floats(0.1, 10), st.floats(1e-6, 10), st.floats(0, 500), st.floats(1e-12, 40)
)  # shape, rate per month, age, threshold left
def test_a_clock_fires_when_exactly_its_threshold_is_used_up(
    shape: float, rate: float, age: float, left: float
) -> None:
    intensity = hazards.coefficient_per_day(rate, shape)
    fires = hazards.age_at_firing(age, left, intensity, shape)
    assert fires >= age
    if fires < math.inf:
        reached = intensity * fires**shape
        assert reached == pytest.approx(intensity * age**shape + left, rel=1e-9)


def test_dose_plays_its_part_as_a_power_of_the_dose_over_400() -> None:
    assert hazards.dose_factor(400.0, 400.0, 0.76) == 1.0
    assert hazards.dose_factor(100.0, 400.0, 0.76) == pytest.approx(0.25**0.76)
    assert hazards.dose_factor(0.0, 400.0, 0.76) == 0.0
    assert hazards.dose_factor(0.0, 400.0, 0.0) == hazards.dose_factor(800.0, 400.0, 0.0) == 1.0


def test_a_clock_without_hazard_never_fires() -> None:
    assert hazards.age_at_firing(3.0, 0.5, 0.0, 1.0) == math.inf
    assert hazards.age_at_firing(3.0, 0.5, 1e-300, 0.1) == math.inf
    assert hazards.age_at_firing(3.0, 30.0, 1e-300, 10.0) == math.inf


def test_rounding_never_makes_a_clock_fire_in_the_past() -> None:
    assert hazards.remaining_after(0.1, 0.1 + 1e-17) == 0.0
    assert hazards.age_at_firing(7.3, 0.0, 0.02, 1.7) == 7.3


@pytest.mark.parametrize("parts", [(math.inf, 1.0, 1.0), (1.0, math.nan, 1.0), (1.0, 1.0, -1.0), (1e308, 1e10, 1.0)])
def test_a_degenerate_hazard_is_refused(parts: tuple[float, float, float]) -> None:
    with pytest.raises(HazardError, match="infinite, NaN or negative"):
        hazards.intensity(*parts)
