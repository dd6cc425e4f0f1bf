"""Boundaries of a given shape keep the level exactly, and are those that were published."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from trialsim.design.theory.sequential import crossing_probabilities
from trialsim.design.theory.shapes import OBRIEN_FLEMING, POCOCK, HaybittlePeto, Shape, WangTsiatis, shaped_bounds
from trialsim.design.theory.spending import HwangShihDeCani
from trialsim.errors import RequestError

# Jennison and Turnbull 2000, tables 2.1, 2.3 and 2.9 (two-sided, alpha 0.05): C_P(K), C_B(K), C_WT(K, 0.25).
POCOCK_CONSTANTS = {2: 2.178, 3: 2.289, 4: 2.361, 5: 2.413, 10: 2.555}
OBRIEN_FLEMING_CONSTANTS = {2: 1.977, 3: 2.004, 4: 2.024, 5: 2.040, 10: 2.087}
WANG_TSIATIS_CONSTANTS = {2: 2.038, 3: 2.083, 4: 2.113, 5: 2.136}


@pytest.mark.parametrize(
    ("shape", "constants"),
    [
        (POCOCK, POCOCK_CONSTANTS),
        (OBRIEN_FLEMING, OBRIEN_FLEMING_CONSTANTS),
        (WangTsiatis(0.25), WANG_TSIATIS_CONSTANTS),
    ],
)
def test_constants_of_jennison_and_turnbull(shape: Shape, constants: dict[int, float]) -> None:
    found = {k: shaped_bounds((np.arange(k) + 1.0) / k, 0.05, shape, sides=2)[-1] for k in constants}
    assert {k: round(value, 3) for k, value in found.items()} == constants


shapes = st.one_of(st.floats(-0.5, 0.8).map(WangTsiatis), st.floats(2.5, 6.0).map(HaybittlePeto))


@given(shapes, st.sampled_from([0.025, 0.05, 0.2]), st.sampled_from([1, 2]), st.integers(1, 6))
def test_they_keep_the_level(shape: Shape, alpha: float, sides: int, k: int) -> None:
    times = (np.arange(k) + 1.0) / k
    try:
        upper = shaped_bounds(times, alpha, shape, sides=sides)
    except RequestError:
        assert isinstance(shape, HaybittlePeto)
        assert (k - 1) * norm.sf(shape.z) >= alpha / sides - 1e-9  # the interim looks spend it all
        return
    assert crossing_probabilities(times, upper)[0].sum() == pytest.approx(alpha / sides, abs=1e-10)


def test_gamma_0_and_its_neighbours_agree() -> None:
    times = np.array([0.2, 0.5, 1.0])
    for gamma in (-1e-9, 0.0, 1e-9):
        np.testing.assert_allclose(HwangShihDeCani(gamma).spent(times, 0.05), 0.05 * times, rtol=1e-8)


@pytest.mark.parametrize("make", [lambda: WangTsiatis(3.0), lambda: HaybittlePeto(0.0), lambda: HwangShihDeCani(99.0)])
def test_what_is_no_boundary_is_refused(make: object) -> None:
    with pytest.raises(RequestError, match="Allowed"):
        make()  # type: ignore[operator]
