"""One more of anything changes nothing else: patients, toxicity clocks, covariates, replicates."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import trialsim as ts
from tests.generated import scenarios
from tests.trials import simulated

pytestmark = pytest.mark.slow

SEEDS = st.integers(0, 2**32)
INDEPENDENT_CUT_OFF = {"after_opening": "14 months"}
OTHER_CUT_OFFS = ("date", "after_last_entry", "after_count", "of", "at_latest")
BY_NAME = [
    {"when": {"toxicity": "nausea", "timing": "new"}, "do": "reduce", "at": "onset"},
    {"when": {"toxicity": "nausea", "timing": "ever"}, "do": "keep"},
    {"when": "tolerated", "do": "escalate"},
]


def with_fixed_calendar(scenario: ts.Scenario, **more: Any) -> ts.Scenario:
    """The scenario with a cut-off that no patient influences."""
    return scenario.with_changes({"cut_off": INDEPENDENT_CUT_OFF | dict.fromkeys(OTHER_CUT_OFFS)} | more)


@given(scenarios(), SEEDS)
def test_one_more_patient_changes_no_other(scenario: ts.Scenario, seed: int) -> None:
    scenario = with_fixed_calendar(scenario)
    n = scenario.accrual.patients
    fewer, _, _ = simulated(scenario, 1, seed)
    more, _, _ = simulated(scenario.with_changes({"accrual.patients": n + 1}), 1, seed)
    known = set(fewer["patient"])
    pd.testing.assert_frame_equal(more[more["patient"].isin(known)].reset_index(drop=True), fewer, check_exact=True)


@given(scenarios(), SEEDS)
def test_one_more_toxicity_clock_changes_no_patient(scenario: ts.Scenario, seed: int) -> None:
    scenario = scenario.with_changes({"treatment.rules": BY_NAME})
    added = {
        "kind": "toxicity",
        "rate": "1 /month",
        "dose_limiting": False,
        "resolves": {"rate": "3 /month"},
        "recurs": True,
    }
    changed = scenario.with_changes({"events": {"an added toxicity": added} | scenario.to_mapping()["events"]})
    before, _, _ = simulated(scenario, 1, seed)
    after, _, _ = simulated(changed, 1, seed)
    others = after[after["of"] != "an added toxicity"].reset_index(drop=True).drop(columns="saw")
    pd.testing.assert_frame_equal(others, before.drop(columns="saw"), check_exact=True)  # who looks sees one more


@given(scenarios(), SEEDS)
def test_one_more_covariate_changes_no_patient(scenario: ts.Scenario, seed: int) -> None:
    changed = scenario.with_changes({"population.stage": {"II": 1, "III": 2}})
    before, _, _ = simulated(scenario, 1, seed)
    after, _, _ = simulated(changed, 1, seed)
    pd.testing.assert_frame_equal(after, before, check_exact=True)


@given(scenarios(), SEEDS)
def test_more_replicates_begin_with_the_fewer(scenario: ts.Scenario, seed: int) -> None:
    fewer = ts.run(scenario, replicates=2, seed=seed).outcomes
    more = ts.run(scenario, replicates=4, seed=seed).outcomes
    pd.testing.assert_frame_equal(more.head(2), fewer, check_exact=True)


@given(SEEDS)
def test_before_the_first_toxicity_a_faster_ladder_never_gives_a_lower_dose(seed: int) -> None:
    slow = ts.load_scenario("tosi2000")
    fast = slow.with_changes({"treatment.levels": [100, 400, 700, 800]})
    doses = []
    for scenario in (slow, fast):
        events, _, _ = simulated(scenario, 1, seed)
        first = events[events["event"] == "toxicity onset"].groupby("patient")["study_day"].min()
        taken = events[events["dose_to_mg_per_day"].notna() & (events["event"] != "treatment ended")]
        before = taken[taken["study_day"] < taken["patient"].map(first).fillna(1e9)]
        doses.append(before.set_index(["patient", "study_day"])["dose_to_mg_per_day"])
    both = pd.concat(doses, axis=1, join="inner", keys=["slow", "fast"])
    assert len(both) > 0
    assert (both["fast"] >= both["slow"]).all()


@given(st.sampled_from(["0.7", "0.9", "1.3", "2", "2.05"]), SEEDS)
def test_a_course_never_reads_the_calendar(weeks: str, seed: int) -> None:
    """Visits every w weeks and assessments every 3 w, which meet on paper: only the window of arrival is changed."""
    scenario = ts.load_scenario("tosi2000").with_changes(
        {
            "treatment.every": f"{weeks} weeks",
            "assessment.every": f"{3 * float(weeks):.2f} weeks",
            "cut_off.after_opening": "60 months",
        }
    )
    courses = []
    for over in ("1 day", "7.3 months", "11 months"):
        events, _, _ = simulated(scenario.with_changes({"accrual.over": over}), 1, seed)
        own = events[(events["study_day"] < 1000.0) & (events["event"] != "observation ended")]
        for _, course in own.groupby("patient"):
            assert course["study_day"].is_monotonic_increasing
        courses.append(own.sort_values("patient", kind="stable").drop(columns="calendar_day").reset_index(drop=True))
    pd.testing.assert_frame_equal(courses[0], courses[1], check_exact=True)
    pd.testing.assert_frame_equal(courses[0], courses[2], check_exact=True)
