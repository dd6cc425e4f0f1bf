"""Contributions of parameters and the spread of power: what is put in comes out."""

from __future__ import annotations

from typing import Final

import numpy as np
import pytest
from scipy.stats import norm, rankdata

from tests.tolerances import N_STANDARD_ERRORS
from trialsim.design.assurance import assurance_of, shares_of
from trialsim.design.conduct.trials import columns_of
from trialsim.records.digest import row_type

OF_RANKS = 3.0 / np.pi  # the squared correlation of a normal value with its rank: parameters are ranked
RIDGE: Final = 1e-6  # a hundred times what is added to the correlations, so that two equal parameters can be told apart


def test_shares_of_a_sum_are_those_of_its_variances() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(4000, 5))
    y = 3.0 * x[:, 0] + 2.0 * x[:, 1] + x[:, 2]
    found = shares_of(y, tuple("abcde"), x).set_index("parameter")["share"]
    for name, share in (("a", 9 / 14), ("b", 4 / 14), ("c", 1 / 14)):
        exact = OF_RANKS * share
        error = 2.0 * np.sqrt(exact / len(x)) * (1.0 - exact)  # of a squared correlation (Fisher)
        assert found[name] == pytest.approx(exact, abs=N_STANDARD_ERRORS * error)
    assert found.sum() == pytest.approx(1.0)
    assert abs(found["e"]) < N_STANDARD_ERRORS**2 / len(x)  # the square of a correlation that is 0


def test_two_parameters_that_are_one_share_evenly() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(1000, 1))
    found = shares_of(rankdata(x[:, 0]), ("a", "b"), np.column_stack([x, x])).set_index("parameter")["share"]
    assert found["a"] == pytest.approx(0.5, abs=RIDGE)
    assert found["b"] == pytest.approx(0.5, abs=RIDGE)


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
    noise = float(np.mean(power * (1.0 - power))) / trials
    error = np.sqrt((4.0 * power.var() * noise + 2.0 * noise**2) / len(power))  # of the variance, the noise taken off
    assert found.power_by_draw.std() == pytest.approx(power.std(), abs=N_STANDARD_ERRORS * error / (2.0 * power.std()))
    assert abs(found.assurance - power.mean()) < N_STANDARD_ERRORS * found.mcse
    seems_better = norm.cdf((power - 0.3) * np.sqrt(trials))
    error = np.sqrt(np.sum(seems_better * (1.0 - seems_better))) / len(power)
    assert found.better == pytest.approx(seems_better.mean(), abs=N_STANDARD_ERRORS * error)
