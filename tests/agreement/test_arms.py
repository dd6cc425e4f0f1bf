"""Trials with arms: the same in both engines, each arm the trial of its protocol, everybody in one arm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trialsim as ts
from tests.tolerances import N_STANDARD_ERRORS
from trialsim.errors import Interrupted
from trialsim.records.tables import plain_rows
from trialsim.simulation import replicates as montecarlo
from trialsim.simulation.trials import rows_of_trials

SLOWER = {"treatment.every": "28 days"}
LOWER = {"treatment.levels": ["100 mg/day", "300 mg/day"], "disease.sensitive": "60 %"}
THREE: dict[str, Any] = {
    "cohort": None,
    "interpretations": None,
    "parameters": {"use": "mode", "calibrated_to": "tosi2000"},
    "arms": {"published": {}, "slower": SLOWER, "lower": LOWER},
    "allocation": {"ratio": {"slower": 2}, "block": 8, "strata": ["sex", "prior transplant"]},
}
SCENARIOS: dict[str, tuple[str, dict[str, Any]]] = {
    "within sites": ("followup-arms", {"accrual.patients": 24}),
    "by place": ("followup-arms", {"accrual.patients": 24, "allocation": {"strata": []}}),
    "three in a window": ("tosi2000", THREE),
}


def scenario(name: str) -> ts.Scenario:
    base, changes = SCENARIOS[name]
    return ts.load_scenario(base, changes)


@pytest.fixture(scope="module", params=SCENARIOS)
def trial(request: pytest.FixtureRequest) -> ts.Scenario:
    return scenario(request.param)


def test_both_engines_give_the_same_tables(trial: ts.Scenario) -> None:
    reference, batch = (ts.run(trial, 4, 5, keep=4, engine=engine) for engine in ("reference", "batch"))
    assert reference.digest == batch.digest
    pd.testing.assert_frame_equal(reference.patients, batch.patients)
    pd.testing.assert_frame_equal(reference.events, batch.events)


def test_an_arm_is_the_trial_of_its_protocol(trial: ts.Scenario) -> None:
    """Everyone has the course that the same number has where all are in that arm; nobody is in two."""
    result = ts.run(trial, 3, 5, keep=3)
    assert not result.patients.duplicated(["replicate", "patient"]).any()
    for name, of_arm in trial.scenarios_of_arms.items():
        alone = ts.run(of_arm, 3, 5, keep=3).patients.set_index(["replicate", "patient"])
        own = result.patients[result.patients["arm"] == name].set_index(["replicate", "patient"])
        pd.testing.assert_frame_equal(own[alone.columns], alone.loc[own.index], check_dtype=False)


def test_every_block_of_a_stratum_holds_the_ratio() -> None:
    trial = scenario("three in a window")
    patients = ts.run(trial, 20, 5, keep=20).patients
    n_blocks = 0
    for _, stratum in patients.groupby(["replicate", "baseline.sex", "baseline.prior transplant"]):
        arms = stratum.sort_values(["enrolled_day", "patient"])["arm"].tolist()
        for first in range(0, len(arms) - 7, 8):
            block = arms[first : first + 8]
            assert [block.count(name) for name in trial.arms] == [2, 4, 2]
            n_blocks += 1
    assert n_blocks >= 10


def test_the_rows_of_replicates_count_the_patients_of_their_arms(trial: ts.Scenario) -> None:
    result = ts.run(trial, 5, 5, keep=5)
    outcomes = result.outcomes.set_index(["replicate", "arm"])
    by_arm = result.patients.groupby(["replicate", "arm"])
    assert (outcomes["n_enrolled"] == by_arm.size().reindex(outcomes.index, fill_value=0)).all()
    died = by_arm["death_days"].count().reindex(outcomes.index, fill_value=0)
    assert (outcomes["n_died"] == died).all()
    medians = by_arm["follow_up_days"].median().reindex(outcomes.index)
    np.testing.assert_array_equal(outcomes["median_follow_up_days"], medians)
    last = result.events.groupby("replicate")["calendar_day"].max()
    assert (outcomes["duration_days"].groupby("replicate").first() == last).all()
    screened = result.events[result.events["event"].isin(["enrolled", "screen failure"])].groupby("replicate").size()
    assert (outcomes["n_screened"].groupby("replicate").first() == screened).all()


def test_estimates_and_differences_are_those_of_the_rows() -> None:
    result = ts.run("followup-arms", 60, 5)
    wide = {name: table.reset_index(drop=True) for name, table in result.outcomes.groupby("arm")}
    shares = {name: table["n_died"].sum() / table["n_enrolled"].sum() for name, table in wide.items()}
    estimates = result.estimates.set_index(["arm", "quantity"])["value"]
    assert all(estimates[name, "died"] == pytest.approx(share, rel=1e-12) for name, share in shares.items())
    (died,) = (row for row in plain_rows(result.differences) if row["quantity"] == "died")
    assert (died["arm"], died["control"]) == ("monthly", "published")
    assert died["value"] == pytest.approx(shares["monthly"] - shares["published"], rel=1e-9)
    per_trial = [table["n_died"] / table["n_enrolled"] for table in (wide["monthly"], wide["published"])]
    assert died["lower"] <= float(np.median(per_trial[0] - per_trial[1])) <= died["upper"]


@pytest.mark.slow
def test_the_errors_of_differences_are_those_between_runs() -> None:
    """Of 40 runs of 50 trials: the standard deviation of a difference is the error that each of them states."""
    trial = ts.load_scenario("followup-arms", {"accrual.patients": 30})
    runs = [ts.run(trial, 50, seed, 0, engine="batch").differences.set_index("quantity") for seed in range(100, 140)]
    for quantity in ("died", "response.partial", "dose.median", "toxicity.any_severe"):
        values = np.array([table["value"][quantity] for table in runs])
        stated = np.array([table["mcse"][quantity] for table in runs])
        ratio = values.std(ddof=1) / np.sqrt((stated**2).mean())
        assert abs(ratio - 1.0) < N_STANDARD_ERRORS / np.sqrt(2 * len(runs)), quantity


def test_workers_and_blocks_change_nothing_and_a_run_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = scenario("three in a window")
    whole = ts.run(trial, 40, 5, engine="batch", workers=1, out=tmp_path / "whole", figures=())
    assert ts.run(trial, 40, 5, engine="batch", workers=2, block_size=3).digest == whole.digest
    assert ts.run_again(tmp_path / "whole").digest == whole.digest

    def interrupted(trials: Any, engine: str, seed: int, first: int, n: int) -> Any:
        if first > 20:
            raise KeyboardInterrupt
        return rows_of_trials(trials, engine, seed, first, n)

    with monkeypatch.context() as patched:
        patched.setattr(montecarlo, "rows_of_trials", interrupted)
        with pytest.raises(Interrupted):
            ts.run(trial, 40, 5, engine="batch", workers=1, block_size=5, out=tmp_path / "part")
    resumed = ts.run(trial, 40, 5, engine="batch", out=tmp_path / "part", resume=tmp_path / "part")
    assert resumed.digest == whole.digest
    table = pd.read_csv(tmp_path / "part" / "differences.csv")
    assert set(table["arm"]) == {"slower", "lower"}
    assert (tmp_path / "part" / "swimmer.png").stat().st_size > 0


def test_a_precision_is_asked_for_a_quantity_of_an_arm() -> None:
    result = ts.run("followup-arms", 50, 5, target_mcse={"monthly | died": 0.01})
    of_monthly = result.estimates[result.estimates["arm"] == "monthly"].set_index("quantity")
    assert float(of_monthly["mcse"].to_dict()["died"]) <= 0.01
    with pytest.raises(ts.RequestError, match="the trial has arms"):
        ts.run("followup-arms", 50, 5, target_mcse={"died": 0.01})


def test_a_replicate_is_traced_as_it_was_run() -> None:
    result = ts.run("followup-arms", 3, 5, keep=3)
    third = result.events[result.events["replicate"] == 3].reset_index(drop=True)
    pd.testing.assert_frame_equal(ts.trace("followup-arms", 3, 5), third)
    assert set(third["arm"]) == {"published", "monthly", ""}


def test_studies_take_the_arms_of_their_scenario() -> None:
    study = {"study": "compare", "title": "arms", "scenario": "followup-arms", "endpoints": ["died"]}
    loaded = ts.load_study({**study, "design": "parallel"})
    assert list(loaded.scenarios) == ["published", "monthly"]
    assert (loaded.study.control, loaded.study.allocation.strata) == ("published", ["site"])
    assert ts.load_study(study).study.allocation.strata == []
    size = {
        "study": "size", "title": "arms", "scenario": "followup-arms", "design": "two-arm", "alternative": "modelled",
        "endpoint": {"of": "any severe toxicity", "within": "6 months"},
    }  # fmt: skip
    sizing = ts.load_study(size)
    assert list(sizing.scenarios) == ["published", "monthly"]
    assert sizing.study.allocation.strata == ["site"]
    plain = ts.load_study({**size, "rates": {"one": 0.3, "other": 0.5}, "alternative": None, "changes": {
        "arms": None, "allocation": None}})  # fmt: skip
    assert list(plain.scenarios) == ["one", "other"]


@pytest.mark.parametrize("parallel", ["parallel", "same patients"])
def test_a_run_agrees_with_the_comparison_of_its_arms(parallel: str) -> None:
    study = {
        "study": "compare", "title": "arms", "scenario": "followup-arms", "design": parallel,
        "endpoints": ["died", "any severe toxicity"],
    }  # fmt: skip
    compared = ts.compare(study, None, 200, 5).differences.set_index("quantity")
    found = ts.run("followup-arms", 200, 5).differences.set_index("quantity")
    for endpoint, quantity in (("died", "died"), ("any severe toxicity", "toxicity.any_severe")):
        one, other = compared.loc[endpoint], found.loc[quantity]
        error = np.hypot(one["mcse"], other["mcse"])
        assert abs(one["value"] - other["value"]) < N_STANDARD_ERRORS * error


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a cohort": ({"cohort": "tosi2000"}, "published statistics are those of one arm"),
    "one arm": ({"arms": {"monthly": None}}, "two or more"),
    "a name": ({"arms": {"whole trial": {}}}, "cannot be the name"),
    "a stratum": ({"allocation.strata": ["age"]}, "nothing of this name"),
    "a block": ({"allocation.block": 3}, "does not hold the ratio"),
    "a ratio": ({"allocation.ratio": {"montly": 2}}, "no arm of this name"),
    "accrual": ({"arms": {"monthly": {"accrual.patients": 20}}}, "one accrual"),
    "population": ({"arms": {"monthly": {"population.age.median": "70 years"}}}, "one population"),
    "a toxicity": ({"arms": {"monthly": {"events.new": {"kind": "toxicity", "rate": "1 /month"}}}}, "same toxicities"),
    "a clinic": ({"clinic": {"slots_per_day": 3}}, "wait for each other"),
    "a count": (
        {"cut_off": {"after_last_entry": None, "after_count": 5, "of": "deaths", "at_latest": "60 months"}},
        "would count in each arm",
    ),
    "a strategy": ({"arms": {"monthly": {"strategy": "montly-steps"}}}, "montly-steps"),
    "a key": ({"arms": {"monthly": {"treatment.evry": "28 days"}}}, "evry"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_trial_with_arms_is_refused(case: str) -> None:
    changes, message = WRONG[case]
    with pytest.raises(ts.ConfigurationError, match=message):
        ts.load_scenario("followup-arms", changes)


def test_what_needs_one_arm_refuses_several() -> None:
    with pytest.raises(ts.ConfigurationError, match="nobody is allocated"):
        ts.load_scenario("followup", {"allocation": {"block": 4}})
    study = {"study": "compare", "title": "arms", "scenario": "followup-arms", "endpoints": ["died"]}
    with pytest.raises(ts.ConfigurationError, match="the study has others"):
        ts.load_study({**study, "variants": {"a": {}, "b": SLOWER}})
    single = {
        "study": "size", "title": "one", "scenario": "followup-arms", "design": "single-stage", "null": 0.1,
        "alternative": 0.3, "endpoint": {"of": "partial response", "within": "6 months"},
    }  # fmt: skip
    with pytest.raises(ts.ConfigurationError, match="the scenario has arms"):
        ts.load_study(single)
    with pytest.raises(ts.RequestError, match="every arm"):
        ts.run("followup-arms", 3, strategy=lambda view: None)
