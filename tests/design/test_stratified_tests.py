"""The stratified log-rank test of a study of size: its statistic, both engines, its power where strata matter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trialsim as ts
from tests.tolerances import N_STANDARD_ERRORS
from trialsim.config.loading.size_studies import load_sizing
from trialsim.design.base import ALTERNATIVE, NULL
from trialsim.design.conduct.logrank_at_looks import z_of_looks
from trialsim.design.conduct.timelines import simulated
from trialsim.design.preparation import prepare_study
from trialsim.design.prepared_study import PreparedStudy
from trialsim.design.time_to_event.decisions import EventDecisions
from trialsim.inference.survival import logrank
from trialsim.simulation.engine import BATCH, REFERENCE

N = 120
STUDY: dict[str, Any] = {
    "n": N, "parameters": "mode", "allocation": {"strata": ["sex", "prior transplant"]}, "test": "stratified",
}  # fmt: skip
# Progression is six times as quick in men: a covariate that matters.
EFFECT: dict[str, Any] = {"sex": {"hazard_ratios": {"male": 6.0}}}
MATTERS: dict[str, Any] = {
    **{f"events.{name}.effects": EFFECT for name in ("progression", "relapse", "death before progression")},
    "frailties.disease.sd": 0.0,
}


def ready(changes: dict[str, Any], replicates: int = 200) -> PreparedStudy:
    return prepare_study(load_sizing("logrank_progression", {**STUDY, **changes}), BATCH, 1, replicates)


def test_the_statistic_is_that_of_the_stratified_test() -> None:
    study = ready({"looks": {"at": [1.0]}})
    setting = study.setting(ALTERNATIVE, N)
    timelines = simulated([BATCH] * 2, setting.protocols, setting.arms, study.outcomes.all, 3, 1, 6)
    assert int(timelines.stratum.max()) > 2
    event = np.ascontiguousarray(timelines.event[:, :, 0])
    decisions = EventDecisions((), (1.96,), (), 0.025, 1, by_strata=True)
    days = np.full((6, 1), 1200.0)
    found, n_events = z_of_looks(decisions, timelines, event, days, N)
    for t in range(6):
        came = timelines.arrival[t] < 1200.0
        seen = np.minimum(1200.0 - timelines.arrival[t], timelines.left[t])[came]
        times = np.minimum(event[t][came], seen)
        has_event = event[t][came] <= seen
        z, _ = logrank(times, has_event, timelines.arm[t][came] == 1, timelines.stratum[t][came].tolist())
        assert found[t, 0] == pytest.approx(z, rel=1e-9)
        assert n_events[t, 0] == has_event.sum()


def test_both_engines_agree() -> None:
    study = ready({"looks": {"at": [0.5, 1.0]}})
    setting = study.setting(ALTERNATIVE, N)
    fast, slow = (study.trial().rows(replace(setting, engine=engine), 5, 1, 3) for engine in (BATCH, REFERENCE))
    assert np.array_equal(fast, slow)


@pytest.mark.slow
def test_the_level_holds_and_strata_that_matter_give_power() -> None:
    changes = {**MATTERS, "allocation": {"strata": ["sex"]}, "looks": {"at": [1.0]}, "n": 160, "alternative": 0.6}
    found = {}
    for test in ("stratified", None):
        sized = ts.size("logrank_progression", {**STUDY, **changes, "test": test}, replicates=4000, seed=3)
        found[test] = {truth: sized.rows[truth]["decision"] == 1 for truth in (NULL, ALTERNATIVE)}
    level, alpha = found["stratified"][NULL].mean(), 0.025  # the test is asymptotic: 0.005 more, with 100 events
    assert abs(level - alpha) < N_STANDARD_ERRORS * np.sqrt(alpha * (1 - alpha) / 4000) + 0.005
    gained = found["stratified"][ALTERNATIVE].astype(np.float64) - found[None][ALTERNATIVE].astype(np.float64)
    assert gained.mean() > N_STANDARD_ERRORS * gained.std() / np.sqrt(len(gained))


def test_analyse_stratifies_as_the_design_does() -> None:
    rng = np.random.default_rng(4)
    table = pd.DataFrame({
        "arm": np.tile(["observation", "thalidomide"], 40), "time_months": rng.exponential(6.0, 80), "event": 1,
        "baseline.sex": rng.choice(["male", "female"], 80), "prior transplant": "none",
    })  # fmt: skip
    study = load_sizing("logrank_progression", {**STUDY, "looks": {"at": [1.0]}})
    table["arm"] = np.tile(list(study.scenarios), 40)
    found = ts.analyse(study, table).table
    by_hand = ts.analyse(load_sizing("logrank_progression", {"looks": {"at": [1.0]}}), table, strata=["baseline.sex"])
    (z,), (z_by_hand,) = (item["value"][item["quantity"] == "log-rank z"] for item in (found, by_hand.table))
    assert z == z_by_hand
    with pytest.raises(ts.RequestError, match="stratified by it"):
        ts.analyse(study, table.drop(columns="baseline.sex"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"allocation": {"strata": []}}, "has no strata"),
        ({"looks": {"at": [0.5, 1.0], "reestimate": {"promising": 0.3}}, "conduct.events": 60}, "has no strata here"),
        ({"test": "stratfied"}, "there is no test"),
    ],
)
def test_what_cannot_be_stratified_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ts.ConfigurationError, match=message):
        load_sizing("logrank_progression", {**STUDY, **changes})
