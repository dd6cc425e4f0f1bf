"""Inference after looks at counts: closed forms, exact coverage over every outcome, agreement with the decisions."""

from __future__ import annotations

import math
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binom

import trialsim as ts
from trialsim.design.decisions import GO_ON, REJECT
from trialsim.design.single_arm.two_stage import PlannedTwoStage
from trialsim.errors import RequestError
from trialsim.inference.analyses import analyse_counts, decision_of, p_value_of_two_stages
from trialsim.inference.data import Counted
from trialsim.inference.staged import Stages, coverage_and_bias, infer, umvue

SIMON = Stages((19, 54), (4, 15), (20, 16))  # stop after 19 at 4 or fewer; reject from 16 of 54
DESIGNS = {
    "simon": SIMON,
    "either side": Stages((15, 30), (1, 6), (5, 7)),
    "three looks": Stages((10, 20, 35), (1, 3, 9), (6, 9, 10)),
    "one stage": Stages((25,), (5,), (6,)),
}


def test_p_value_of_koyama_and_chen() -> None:
    """P(X1 > r1 and X1 + X2 >= x), their formula, with SciPy's binomial distribution."""
    for x in range(5, 40):
        x1 = np.arange(5, 20)
        expected = (binom.pmf(x1, 19, 0.2) * binom.sf(x - x1 - 1, 35, 0.2)).sum()
        assert infer(SIMON, 1, x, 0.2).p_value == pytest.approx(expected, rel=1e-9)
    assert infer(SIMON, 0, 3, 0.2).p_value == pytest.approx(binom.sf(2, 19, 0.2))


def test_unbiased_estimate_of_jung_and_kim() -> None:
    """Their ratio of sums, in whole numbers."""
    for x in range(5, 40):
        x1 = range(max(5, x - 35), min(x, 19) + 1)
        above = sum(math.comb(18, i - 1) * math.comb(35, x - i) for i in x1)
        below = sum(math.comb(19, i) * math.comb(35, x - i) for i in x1)
        assert umvue(SIMON, 1, x) == pytest.approx(above / below, rel=1e-14)
    assert umvue(SIMON, 0, 3) == pytest.approx(3 / 19)


def test_one_stage_has_the_interval_of_clopper_and_pearson() -> None:
    for x in range(26):
        found = infer(DESIGNS["one stage"], 0, x, None, 0.9)
        lower = 0.0 if x == 0 else float(beta.ppf(0.05, x, 26 - x))
        upper = 1.0 if x == 25 else float(beta.ppf(0.95, x + 1, 25 - x))
        assert [found.lower, found.upper] == pytest.approx([lower, upper], abs=1e-9)


@pytest.mark.parametrize("name", list(DESIGNS))
def test_outcomes_are_all_that_can_happen_and_are_ordered(name: str) -> None:
    stages = DESIGNS[name]
    for rate in (0.1, 0.45):
        probabilities = stages.probabilities(rate)
        assert math.fsum(p for _, p in probabilities) == pytest.approx(1.0, abs=1e-9)
        tails = [stages.at_least(rate, *outcome) for outcome in stages.outcomes()]
        assert all(a >= b - 1e-12 for a, b in pairwise(tails))


@pytest.mark.parametrize("name", list(DESIGNS))
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_intervals_cover_at_least_as_often_as_they_say_and_one_estimate_is_unbiased(
    name: str, confidence: float
) -> None:
    """Exactly, over every outcome."""
    for rate in (0.03, 0.1, 0.2, 0.28, 0.4, 0.61, 0.9):
        found = coverage_and_bias(DESIGNS[name], rate, confidence)
        assert found["coverage"] >= confidence - 1e-9
        assert found["bias_umvue"] == pytest.approx(0.0, abs=1e-9)
        assert abs(found["bias_median_unbiased"]) < 0.03


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 14), st.integers(1, 12), st.data())
def test_wherever_the_boundaries_are(n1: int, n2: int, data: st.DataObject) -> None:
    low = data.draw(st.integers(-1, n1 - 1))
    high = data.draw(st.integers(low + 2, n1 + 2))
    r = data.draw(st.integers(max(low, 0), n1 + n2 - 1))
    rate = data.draw(st.floats(0.01, 0.99))
    found = coverage_and_bias(Stages((n1, n1 + n2), (low, r), (high, r + 1)), rate, 0.9)
    assert found["coverage"] >= 0.9 - 1e-9
    assert found["bias_umvue"] == pytest.approx(0.0, abs=1e-8)


def planned(p0: float = 0.1, p1: float = 0.3) -> PlannedTwoStage:
    design = ts.design.simon(p0, p1).planned
    assert isinstance(design, PlannedTwoStage)
    return design


def counted(n: list[int], x: list[int]) -> Counted:
    return Counted(np.array(n)[:, None], np.array(x)[:, None])


def test_p_values_agree_with_the_decision_whatever_was_attained() -> None:
    """Rejection is a p-value of at most the exact level of the plan, for every outcome of ten attained sizes."""
    design = planned()
    n1, n = design.two_stage.n1, design.two_stage.n
    tried = 0
    for more in (-6, -3, -1, 0, 2, 5):
        for x1, x2 in product(range(n1 + 1), range(n + more - n1 + 1)):
            outcome = counted([n1, n + more], [x1, x1 + x2])
            if x1 <= design.two_stage.r1:
                continue
            _, code = decision_of(design, outcome)
            rejects = p_value_of_two_stages(design, outcome) <= design.two_stage.alpha * (1.0 + 1e-9)
            assert (code == REJECT) == rejects, (more, x1, x2)
            tried += 1
    assert tried > 500


@pytest.mark.parametrize("more", [-6, -2, 0, 3])
@pytest.mark.parametrize("p0", [0.1, 0.25])
def test_p_values_are_small_no_more_often_than_they_say(more: int, p0: float) -> None:
    """Under the null, P(p-value <= a) <= a for each level a, where the last stage has other patients than planned."""
    design = planned(p0, p0 + 0.2)
    n1, r1, n = design.two_stage.n1, design.two_stage.r1, design.two_stage.n + more
    mass, values = [], []
    for x1 in range(n1 + 1):
        if x1 <= r1:
            mass.append(float(binom.pmf(x1, n1, p0)))
            values.append(p_value_of_two_stages(design, counted([n1], [x1])))
            continue
        for x2 in range(n - n1 + 1):
            mass.append(float(binom.pmf(x1, n1, p0) * binom.pmf(x2, n - n1, p0)))
            values.append(p_value_of_two_stages(design, counted([n1, n], [x1, x1 + x2])))
    for level in (0.001, 0.01, 0.05, 0.2, 0.5, 0.9):
        assert math.fsum(m for m, p in zip(mass, values, strict=True) if p <= level) <= level + 1e-9


def test_a_first_stage_of_another_size_is_analysed_as_it_was() -> None:
    design = planned()
    found = analyse_counts(design, counted([design.two_stage.n1 + 2, design.n], [4, 9]), 0.95)
    assert "Attained numbers differ" in found.remarks[0]
    assert found.table["p_value"].notna().sum() == 1


def test_outcomes_that_cannot_be_are_refused() -> None:
    design = planned()
    n1, r1 = design.two_stage.n1, design.two_stage.r1
    with pytest.raises(RequestError, match="the trial ended at look 1"):
        decision_of(design, counted([n1, 29], [r1, 8]))
    with pytest.raises(RequestError, match="the trial goes on"):
        decision_of(design, counted([n1], [r1 + 1]))
    with pytest.raises(RequestError, match="the design has 2"):
        decision_of(design, counted([5, 10, 15], [1, 2, 3]))
    with pytest.raises(RequestError, match="would have stopped before"):
        infer(SIMON, 1, 3, 0.2)
    with pytest.raises(RequestError, match="the trial goes on"):
        infer(SIMON, 0, 7, 0.2)
    assert GO_ON == 0
