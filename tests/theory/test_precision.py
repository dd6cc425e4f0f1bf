"""Precision of one proportion: limits against SciPy, widths against sums, sizes against scans of every size."""

from __future__ import annotations

import math
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.tolerances import ROOT_SEARCH
from trialsim.design.theory.precision import (
    METHODS,
    Method,
    expected_half_width,
    guaranteed_half_width,
    half_widths,
    limits,
    smallest_for_half_width,
)
from trialsim.design.theory.sawtooth import first_reaching
from trialsim.errors import RequestError

SCIPY_NAMES: dict[Method, Literal["exact", "wilson"]] = {"clopper-pearson": "exact", "wilson": "wilson"}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 2, 7, 30, 101])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_limits_are_those_of_scipy(n: int, confidence: float, method: Method) -> None:
    lower, upper = limits(n, confidence, method)
    for x in range(n + 1):
        interval = stats.binomtest(x, n).proportion_ci(confidence, SCIPY_NAMES[method])
        assert (lower[x], upper[x]) == pytest.approx((interval.low, interval.high), abs=ROOT_SEARCH)


def test_the_upper_limit_after_no_success_has_a_closed_form() -> None:
    for n in (1, 10, 59):
        assert limits(n, 0.9)[1][0] == pytest.approx(1.0 - 0.05 ** (1.0 / n), abs=ROOT_SEARCH)
    assert limits(58, 0.9)[1][0] > 0.05 > limits(59, 0.9)[1][0]  # 59 without a failure show 95 % with 95 % confidence


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.floats(0.0, 1.0), st.sampled_from(METHODS), st.floats(0.05, 0.999))
def test_widths_are_those_of_every_outcome(n: int, p: float, method: Method, probability: float) -> None:
    outcomes = []
    for x in range(n + 1):
        interval = stats.binomtest(x, n).proportion_ci(0.95, SCIPY_NAMES[method])
        outcomes.append(((interval.high - interval.low) / 2.0, math.comb(n, x) * p**x * (1.0 - p) ** (n - x)))
    expected = sum(width * weight for width, weight in outcomes)
    assert expected_half_width(n, p, 0.95, method) == pytest.approx(expected, abs=1e-10)
    guaranteed = guaranteed_half_width(n, p, probability, 0.95, method)
    assert sum(weight for width, weight in outcomes if width <= guaranteed + 1e-10) >= probability - 1e-9
    assert sum(weight for width, weight in outcomes if width < guaranteed - 1e-10) <= probability + 1e-9
    widest = max(width for width, weight in outcomes if weight > 0.0)
    if 0.01 < p < 0.99:
        assert guaranteed_half_width(n, p, 1.0, 0.95, method) == pytest.approx(widest, abs=1e-10)


@pytest.mark.parametrize("probability", [None, 0.9, 1.0])
@pytest.mark.parametrize("method", METHODS)
def test_the_size_for_a_half_width_is_the_first_of_a_scan(probability: float | None, method: Method) -> None:
    p, wanted = 0.25, 0.08
    size = smallest_for_half_width(p, wanted, method=method, probability=probability)
    widths = [
        expected_half_width(n, p, 0.95, method)
        if probability is None
        else guaranteed_half_width(n, p, probability, 0.95, method)
        for n in range(1, 401)
    ]
    reaches = [width <= wanted for width in widths]
    assert size.n == reaches.index(True) + 1
    assert size.stays_from == 400 - reaches[::-1].index(False) + 1
    assert size.reached == widths[size.n - 1]


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 400), st.integers(0, 15), st.integers(2, 16), st.integers(1, 600))
def test_a_saw_is_searched_as_by_a_scan(wanted: int, tooth: int, period: int, largest: int) -> None:
    def saw(n: int) -> float:
        return n + tooth * (n % period) / period

    reaches = [saw(n) >= wanted for n in range(1, largest + 1)]
    crossing = first_reaching(saw, wanted, lambda _: 40, largest)
    if crossing is None:
        assert not any(reaches)
        return
    assert crossing.n == reaches.index(True) + 1
    assert all(reaches[crossing.stays_from - 1 : crossing.checked_to])
    assert crossing.stays_from == 1 or not reaches[crossing.stays_from - 2] or crossing.stays_from == crossing.n


def test_narrower_intervals_need_more_patients_and_confidence_costs_width() -> None:
    assert (half_widths(30, 0.99) > half_widths(30, 0.9)).all()
    sizes = [smallest_for_half_width(0.3, width).n for width in (0.2, 0.1, 0.05)]
    assert sizes == sorted(sizes)


def test_what_is_out_of_reach_is_refused_with_what_is_reached() -> None:
    with pytest.raises(RequestError, match=f"{expected_half_width(50, 0.3):.5f}"):
        smallest_for_half_width(0.3, 0.05, largest=50)


@pytest.mark.parametrize("wrong", [{"p": -1.0}, {"half_width": 0.0}, {"method": "wald"}, {"probability": 2.0}])
def test_wrong_widths_are_refused(wrong: dict[str, float | str]) -> None:
    with pytest.raises(RequestError):
        smallest_for_half_width(**{"p": 0.4, "half_width": 0.1, **wrong})  # type: ignore[arg-type]


def test_a_width_that_takes_too_many_patients_is_refused_with_the_one_that_is_reached() -> None:
    with pytest.raises(RequestError, match="No trial of at most 20000 patients") as refused:
        smallest_for_half_width(0.3, 1e-4)
    assert "or a larger limit" in str(refused.value)
    with pytest.raises(RequestError, match="No trial of at most 300 patients") as refused:
        smallest_for_half_width(0.3, 1e-4, largest=300)
    nearest = float(str(refused.value).split("from ")[1].split(",")[0])
    assert smallest_for_half_width(0.3, 1.001 * nearest, largest=300).n == pytest.approx(300, abs=5)
    with pytest.raises(RequestError, match="largest"):
        smallest_for_half_width(0.3, 1e-4, largest=1_000_000)
