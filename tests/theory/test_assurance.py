"""Contributions of parameters and the spread of power: what is put in comes out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata

from trialsim.design.assurance import assurance_of, shares_of
from trialsim.design.conduct.trials import columns_of
from trialsim.records.digest import row_type


def test_shares_of_a_sum_are_those_of_its_variances() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(4000, 5))
    y = 3.0 * x[:, 0] + 2.0 * x[:, 1] + x[:, 2]
    found = shares_of(y, tuple("abcde"), x).set_index("parameter")["share"]
    assert found["a"] == pytest.approx(9 / 14, abs=0.05)
    assert found["b"] == pytest.approx(4 / 14, abs=0.05)
    assert found.sum() == pytest.approx(1.0)
    assert abs(found["e"]) < 0.01


def test_two_parameters_that_are_one_share_evenly() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(1000, 1))
    found = shares_of(rankdata(x[:, 0]), ("a", "b"), np.column_stack([x, x])).set_index("parameter")["share"]
    assert found["a"] == pytest.approx(0.5, abs=0.01)
    assert found["b"] == pytest.approx(0.5, abs=0.01)


def test_a_parameter_that_does_not_vary_has_no_share() -> None:
    rng = np.random.default_rng(3)
    x = np.column_stack([rng.normal(size=500), np.ones(500)])
    assert list(shares_of(x[:, 0], ("a", "still"), x)["parameter"]) == ["a", "remainder"]


@pytest.mark.parametrize("trials", [20, 200])
def test_the_spread_of_power_is_that_of_the_truth_not_of_the_noise(trials: int) -> None:
    rng = np.random.default_rng(4)
    power = rng.beta(8.0, 4.0, 300)
    draw = np.repeat(np.arange(300), trials)
    rows = np.zeros(len(draw), row_type(columns_of(1)))
    rows["parameter_draw"] = draw + 1
    rows["decision"] = np.where(rng.random(len(draw)) < power[draw], 1, -1)
    rows["statistic"] = rng.normal(power[draw] - 0.3, 1.0)
    found = assurance_of(rows, (0.7, 0.01), ("a",), power[:, None])
    assert found.power_by_draw.std() == pytest.approx(power.std(), rel=0.15)
    assert abs(found.assurance - power.mean()) < 4.0 * found.mcse
    assert found.better == pytest.approx((power > 0.3).mean(), abs=0.1)
