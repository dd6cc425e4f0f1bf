"""Non-inferiority of times to events: the score test, power and level, the truth at the margin, its analysis."""

from __future__ import annotations

import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import trialsim as ts
from tests.tolerances import N_STANDARD_ERRORS
from trialsim.compiled.hazard_ratio import hazard_ratio_score
from trialsim.compiled.logrank import logrank
from trialsim.config.loading.size_studies import load_sizing
from trialsim.design.base import ALTERNATIVE, NULL
from trialsim.design.conduct.margin_at_looks import looks_at_margin
from trialsim.design.margin_truth import PATIENTS
from trialsim.design.preparation import prepare_study
from trialsim.design.time_to_event.decisions import MarginDecisions
from trialsim.engines.batch.conduct import event_looks
from trialsim.inference.survival_margins import score_z
from trialsim.inference.times import Times
from trialsim.simulation.engine import BATCH

STUDY: dict[str, Any] = {
    "study": "size", "title": "Non-inferior progression-free time", "scenario": "followup",
    "endpoint": {"of": "progression-free"}, "design": "non-inferiority-survival",
    "variants": {"standard": {}, "sparing": {}}, "alternative": 1.0, "margin": 1.8, "n": 100, "alpha": 0.05,
    "conduct": {"follow_up": "12 months"},
}  # fmt: skip
# What the normal approximation is off with 150 events of 200 patients: the level of the score test at the margin from
# 420,000 trials (0.0011, standard error 0.0002), Schoenfeld's power from 240,000 (0.0005, 0.0010).
LEVEL, SCHOENFELD = 0.002, 0.005


def patients(seed: int, *, has_ties: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Times, events, arms and strata of 80 patients."""
    rng = np.random.default_rng(seed)
    times = rng.exponential(10.0, 80)
    return np.ceil(times) if has_ties else times, rng.random(80) < 0.7, rng.random(80) < 0.6, rng.integers(0, 2, 80)


def score_of(log_ratio: float, times: np.ndarray, events: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """The first and second differences of the log partial likelihood without ties, which is written here anew."""

    def log_likelihood(b: float) -> float:
        at_risk = times[None, :] >= times[events][:, None]
        return float((b * second[events] - np.log((at_risk * np.exp(b * second)).sum(axis=1))).sum())

    h = 1e-4
    up, here, down = (log_likelihood(log_ratio + d) for d in (h, 0.0, -h))
    return (up - down) / (2.0 * h), -(up - 2.0 * here + down) / h**2


@pytest.mark.parametrize("ratio", [0.6, 1.0, 1.3])
def test_the_score_and_its_variance_are_derivatives_of_the_partial_likelihood(ratio: float) -> None:
    times, events, second, _ = patients(1, has_ties=False)
    score, variance = hazard_ratio_score(times, events, second, ratio)
    assert (score, variance) == pytest.approx(score_of(math.log(ratio), times, events, second), rel=1e-4)


def test_without_ties_it_is_the_log_rank_test_at_1() -> None:
    times, events, second, _ = patients(2, has_ties=False)
    assert hazard_ratio_score(times, events, second, 1.0) == pytest.approx(logrank(times, events, second))


@pytest.mark.parametrize("has_ties", [False, True])
def test_the_analysis_has_the_statistic_of_the_simulation(has_ties: bool) -> None:
    times, events, second, _ = patients(3, has_ties=has_ties)
    score, variance = hazard_ratio_score(times, events, second, 1.3)
    found = score_z(Times(times, events, second.astype(np.int64), ("a", "b"), pd.DataFrame()), 1.3)
    assert found == pytest.approx(-score / math.sqrt(variance))


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
@pytest.mark.parametrize("has_ties", [False, True])
def test_it_is_the_score_test_of_r_stratified_too(has_ties: bool, tmp_path: Path) -> None:
    times, events, second, strata = patients(4, has_ties=has_ties)
    table = pd.DataFrame({"t": times, "e": events * 1, "a": second * 1, "s": strata})
    table.to_csv(tmp_path / "x.csv", index=False)
    fit = "coxph(Surv(t,e)~a%s,x,init=log(1.3),control=coxph.control(iter.max=0),ties='efron')$score"
    both = ", ".join(f"format({fit % more}, digits=15)" for more in ("", "+strata(s)"))
    code = f"library(survival); x <- read.csv('x.csv'); cat({both})"
    done = subprocess.run(["Rscript", "-e", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    if "no package" in done.stderr:
        pytest.skip("survival is not installed")
    own = Times(times, events, second.astype(np.int64), ("a", "b"), table)
    z = [score_z(own, 1.3), score_z(own, 1.3, ["s"])]
    assert [float(text) for text in done.stdout.split()] == pytest.approx(np.square(z), rel=1e-9)


def share_rejecting(hazard_ratio: float, margin: float, seed: int, trials: int) -> tuple[float, float]:
    """How often the score test rejects in trials of 200 patients with 150 events, and the formula's power.

    Exponential times with a median of 12 months, uniform accrual over 12 months.
    """
    rng = np.random.default_rng(seed)
    shape = (trials, 200)
    arrival = np.sort(rng.uniform(0.0, 12.0, shape), axis=1)
    arm = np.ascontiguousarray(np.broadcast_to(np.arange(200) % 2, shape).astype(np.int64))
    event = rng.exponential(12.0 / math.log(2.0), shape) / np.where(arm == 1, hazard_ratio, 1.0)
    left, days = np.full(shape, np.inf), np.empty((trials, 1))
    event_looks(arrival, event, left, np.zeros(0, np.int64), 200, 1e9, 150, days)
    z, events = np.zeros((trials, 1)), np.zeros((trials, 1), np.int64)
    looks_at_margin(arrival, event, left, arm, days, 200, margin, z, events)
    assert (events == 150).all()
    design = ts.design.non_inferiority_survival(margin, min(hazard_ratio, 1.0), 12, n=200, events=150, accrual=12)
    return float((z >= norm.isf(0.025)).mean()), design.power()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("margin", [1.3, 1.8])
def test_the_level_is_kept_at_the_margin(margin: float, seed: int) -> None:
    share, _ = share_rejecting(margin, margin, seed, 40_000)
    assert share == pytest.approx(0.025, abs=N_STANDARD_ERRORS * math.sqrt(0.025 * 0.975 / 40_000) + LEVEL)


@pytest.mark.slow
@pytest.mark.parametrize(("hazard_ratio", "margin"), [(1.0, 1.6), (0.9, 1.3)])
def test_the_power_is_near_the_formula(hazard_ratio: float, margin: float) -> None:
    share, power = share_rejecting(hazard_ratio, margin, 3, 20_000)
    error = math.sqrt(power * (1.0 - power) / 20_000)
    assert share == pytest.approx(power, abs=N_STANDARD_ERRORS * error + SCHOENFELD)


@pytest.mark.slow
def test_the_null_is_that_the_ratio_of_the_arms_is_the_margin() -> None:
    """Cox's hazard ratio by its own search over many patients, where patients differ and the factor is larger."""
    ready = prepare_study(load_sizing(STUDY), BATCH, 1, 1000)
    factor = float(ready.obtained_by[NULL].split()[5])
    assert factor > 1.8
    assert ready.obtained_by[ALTERNATIVE] == "hazards of the event times 1 in sparing"
    rows = ready.trial().rows(ready.setting(NULL, 100), 5, 1, 2000)
    # The mean of z at the margin is 0, with the error of the search (its standard error in units of z) and of these.
    search = math.sqrt(100 / PATIENTS)
    assert abs(rows["statistic"].mean()) < N_STANDARD_ERRORS * (1.0 / math.sqrt(2000) + search)


def test_the_analysis_decides_by_the_score_test() -> None:
    rng = np.random.default_rng(5)
    table = pd.DataFrame({
        "time_months": rng.exponential(12.0, 300), "event": (rng.random(300) < 0.8) * 1,
        "arm": ["control", "experimental"] * 150, "site": rng.integers(0, 2, 300),
    })  # fmt: skip
    for margin in (1.05, 1.9):
        design = ts.design.non_inferiority_survival(margin, 1.0, 12, n=300, events=200, accrual=12)
        found = ts.analyse(design, table)
        rows = found.table.set_index("quantity")
        z = rows.loc["z against the margin"].to_dict()
        ratio: Any = rows.loc["hazard ratio of experimental"]
        shown = "shown" if z["p_value"] <= 0.025 else "not shown"
        assert found.decision == f"non-inferiority within a hazard ratio of {margin:g} is {shown}"
        # Wald's test of the same hypothesis is near.
        error = math.log(ratio["upper"] / ratio["lower"]) / 2.0 / norm.isf(0.025)
        assert z["value"] == pytest.approx((math.log(margin) - math.log(ratio["value"])) / error, abs=0.1)
        assert (ratio["upper"] < margin) == (shown == "shown")
    looks = ts.design.non_inferiority_survival(1.9, 1.0, 12, n=300, events=200, accrual=12, looks=2)
    after = ts.analyse(looks, table, earlier=[(100, 1.4)], strata=["site"]).table.set_index("quantity")
    median = after.loc["hazard ratio, median unbiased"]
    assert median["lower"] < median["value"] < median["upper"]
    assert median["value"] == pytest.approx(after.loc["hazard ratio of experimental"]["value"], rel=0.05)


def test_decisions_with_a_margin_have_the_bounds_of_the_log_rank_test() -> None:
    plain = ts.design.logrank(0.6, 12, n=200, events=120, accrual=12, looks=3, alpha=0.025).planned
    design = ts.design.non_inferiority_survival(1.5, 0.9, 12, n=200, events=120, accrual=12, looks=3).planned
    assert isinstance(design.decisions, MarginDecisions)
    assert design.decisions.margin == 1.5
    assert design.decisions.upper == plain.decisions.upper
    assert design.rejects() == pytest.approx(
        ts.design.logrank(0.6, 12, n=200, events=120, accrual=12, looks=3, alpha=0.025).power()
    )  # the same ratio to the null


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "of rates": ({"margin": 0.2}, "above 1, up to 10"),
    "too large": ({"margin": 11.0}, "margin"),
    "none": ({"margin": None}, "1.3"),
    "beyond": ({"alternative": 1.9}, "not within the margin"),
    "two-sided": ({"sides": 2}, "non-inferiority-survival does not use it"),
    "medians": (
        {"alternative": None, "medians": {"standard": "6 months", "sparing": "3 months"}},
        "not within the margin",
    ),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_studies_that_cannot_be_are_refused(name: str) -> None:
    change, message = REFUSED[name]
    study = {key: value for key, value in {**STUDY, **change}.items() if value is not None}
    with pytest.raises(ts.InputError) as refusal:
        load_sizing(study)
    assert message in str(refusal.value)
