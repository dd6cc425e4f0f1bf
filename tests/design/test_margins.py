"""Non-inferiority and equivalence: exact power and level, the truth at the margin, what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import xlogy
from scipy.stats import binom, norm

import trialsim as ts
from trialsim.config.loading.size_studies import load_sizing
from trialsim.design.base import ALTERNATIVE, NULL
from trialsim.design.hypotheses import rate_of
from trialsim.design.preparation import prepare_study
from trialsim.design.theory.score import margin_region
from trialsim.simulation.engine import BATCH

ARMS = (14, 17)


def shows(counts: tuple[int, int], margin: float, z: float) -> bool:
    """Whether a table shows non-inferiority, the most likely rates at the margin found by a search."""
    rates = [x / n for x, n in zip(counts, ARMS, strict=True)]

    def loss(p: float) -> float:
        pairs = ((counts[0], ARMS[0], p), (counts[1], ARMS[1], p - margin))
        return -sum(float(xlogy(x, q) + xlogy(n - x, 1.0 - q)) for x, n, q in pairs)

    best = minimize_scalar(loss, bounds=(margin + 1e-12, 1.0 - 1e-12), method="bounded", options={"xatol": 1e-12}).x
    q = best - margin
    error = math.sqrt(best * (1.0 - best) / ARMS[0] + q * (1.0 - q) / ARMS[1])
    return (rates[1] - rates[0] + margin) / error >= z


def test_the_region_is_that_of_the_score_test() -> None:
    region = margin_region(ARMS, 0.2, 0.05, "higher")
    z = float(norm.isf(0.05))
    for counts in np.ndindex(region.shape):
        if counts not in ((0, 0), (14, 17)):  # where an observed rate at its end makes the search inexact
            assert region[counts] == shows(counts, 0.2, z), counts


def test_equivalence_is_both_one_sided_tests() -> None:
    both = margin_region(ARMS, 0.35, 0.1, "higher") & margin_region(ARMS, 0.35, 0.1, "lower")
    assert np.array_equal(margin_region(ARMS, 0.35, 0.1, "higher", is_equivalence=True), both)


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_power_and_level_are_exact(better: Any) -> None:
    design = ts.design.non_inferiority(0.6, 0.6, 0.3, 0.1, better=better, n=40)
    region = margin_region((20, 20), 0.3, 0.1, better)
    at_margin = 0.3 if better == "higher" else 0.9
    for rate, found in ((0.6, design.numbers["power"]), (at_margin, design.numbers["alpha"])):
        mass = np.outer(binom.pmf(np.arange(21), 20, 0.6), binom.pmf(np.arange(21), 20, rate))
        assert found == pytest.approx(float(mass[region].sum()))
    assert design.numbers["highest_alpha"] >= design.numbers["alpha"] - 1e-9


def test_the_smallest_trial_has_the_power_and_the_one_before_has_not() -> None:
    for design in (ts.design.non_inferiority(0.7, 0.7, 0.2), ts.design.equivalence(0.6, 0.6, 0.3, 0.05, ratio=2)):
        n, turn = design.numbers["n"], design.planned.step
        assert design.power() >= 0.8
        assert design.power(n - turn) < 0.8


@pytest.mark.slow
def test_under_the_null_the_experimental_arm_is_at_the_margin() -> None:
    """The scenario's arms under the two truths, whose rates simulation finds again."""
    study = ts.design.non_inferiority(0.3, 0.3, 0.1, 0.1, n=120).to_study() | {"changes": {"parameters": "mode"}}
    ready = prepare_study(load_sizing(study), BATCH, 1, 100)
    outcome = ready.outcomes.primary[0]
    found = {truth: [rate_of(item, outcome, False)[0] for item in arms] for truth, arms in ready.truths.items()}
    assert found[NULL] == pytest.approx([0.3, 0.2], abs=0.005)
    assert found[ALTERNATIVE] == pytest.approx([0.3, 0.3], abs=0.005)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"p_control": 0.7, "p_experimental": 0.5, "margin": 0.1}, "worse by 0.2, which is the margin or more"),
        ({"p_control": 0.7, "p_experimental": 0.7, "margin": 0.0}, "margin = 0"),
        ({"p_control": 0.7, "p_experimental": 0.7, "margin": 0.01}, "it takes about"),
        ({"p_control": 0.7, "p_experimental": 0.7, "margin": 0.1, "better": "more"}, "better"),
    ],
)
def test_what_cannot_be_shown_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ts.InputError, match=message):
        ts.design.non_inferiority(**given)
