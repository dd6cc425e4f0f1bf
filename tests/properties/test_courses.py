"""What holds in every trial, whatever the scenario."""

from __future__ import annotations

import dataclasses
import re

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

import trialsim as ts
from tests.generated import scenarios
from tests.trials import scenario_of, simulated
from trialsim.config import protocol_of

SEEDS = st.integers(0, 2**64 - 1)


@given(scenarios(), SEEDS)
def test_doses_stay_on_the_ladder_and_each_begins_where_the_last_ended(scenario: ts.Scenario, seed: int) -> None:
    events, _, protocol = simulated(scenario, 1, seed)
    doses = events[events["dose_to_mg_per_day"].notna()]
    assert set(doses["dose_to_mg_per_day"]) <= {0.0, *protocol.levels}
    for _, own in doses.groupby("patient"):
        assert (own["dose_from_mg_per_day"].to_numpy()[1:] == own["dose_to_mg_per_day"].to_numpy()[:-1]).all()
        assert own["dose_from_mg_per_day"].iloc[0] == 0.0
        assert own["event"].iloc[0] == "first dose"


@given(scenarios(), SEEDS)
def test_time_never_runs_back(scenario: ts.Scenario, seed: int) -> None:
    events, _, _ = simulated(scenario, 1, seed)
    assert events["calendar_day"].is_monotonic_increasing
    for _, own in events.groupby("patient"):
        assert own["study_day"].dropna().is_monotonic_increasing
        assert (own["study_day"].dropna() >= 0.0).all()


@given(scenarios(), SEEDS)
def test_a_patient_ends_once_and_nothing_happens_after(scenario: ts.Scenario, seed: int) -> None:
    events, _, _ = simulated(scenario, 1, seed)
    for _, own in events.groupby("patient"):
        names = own["event"].tolist()
        if names == ["screen failure"]:
            continue
        assert names[0] == "enrolled"
        assert names.count("observation ended") == 1
        assert names[-1] == "observation ended"
        assert names.count("first dose") == 1
        assert names.count("treatment ended") <= 1
        if "treatment ended" in names:
            after = own.iloc[names.index("treatment ended") + 1 :]
            assert not set(after["event"]) & {"decision", "toxicity onset", "response"}


@given(scenarios(), SEEDS)
def test_toxicities_begin_before_they_end_and_are_numbered(scenario: ts.Scenario, seed: int) -> None:
    events, _, _ = simulated(scenario, 1, seed)
    of_toxicities = events[events["event"].isin(["toxicity onset", "toxicity resolved"])]
    for (_, name), own in of_toxicities.groupby(["patient", "of"]):
        toxicity = scenario.events[str(name)]
        onsets = own.loc[own["event"] == "toxicity onset", "occurrence"].tolist()
        numbers = range(1, len(onsets) + 1) if toxicity.part_of is None else sorted(set(onsets))  # its share of onsets
        expected = [(k, event) for k in numbers for event in ("toxicity onset", "toxicity resolved")]
        assert list(zip(own["occurrence"], own["event"], strict=True)) == expected[: len(own)]
        whole = toxicity if toxicity.part_of is None else scenario.events[toxicity.part_of]
        assert whole.recurs or onsets == [1]


@given(scenarios(), SEEDS)
def test_decisions_follow_the_rule_that_they_name(scenario: ts.Scenario, seed: int) -> None:
    events, _, protocol = simulated(scenario, 1, seed)
    rules = scenario.treatment.rules
    ladder = [0.0, *protocol.levels]
    for row in events[events["event"] == "decision"].to_dict(orient="records"):
        before, after = ladder.index(row["dose_from_mg_per_day"]), ladder.index(row["dose_to_mg_per_day"])
        if not row["rule"]:
            assert (row["detail"], before) == ("keep", after)
            continue
        number = int(row["rule"].split(":")[0])
        if number > len(rules):  # the end of the loading
            assert scenario.treatment.loading is not None
            assert row["detail"] == "go to"
            assert after == 1 + ladder[1:].index((scenario.treatment.start or scenario.treatment.levels[0]).value)
            continue
        rule = rules[number - 1]
        assert row["rule"].startswith(f"{number}: {rule}")
        also = ("resume", "still held") if rule.do == "hold" else ("stop",)
        assert row["detail"] in (rule.do, *also)
        if row["detail"] == "hold" and after > 0:  # what it names was over already
            assert after == before
        if row["detail"] == "still held":
            assert (row["of"], before, after) == ("", 0, 0)
        else:
            assert (row["of"] != "") == (rule.at == "onset" or row["detail"] == "resume")
        if row["detail"] == "escalate" and before > 0:
            assert after == min(before + rule.levels, len(ladder) - 1)
        if row["detail"] == "reduce" and before > 0:
            assert after == max(before - rule.levels, 1)
        if rule.level is not None and before > 0:
            assert protocol.levels[after - 1] == rule.level.value
        if row["detail"] == "stop":
            assert after == 0


@given(scenarios(), SEEDS)
def test_counts_add_up(scenario: ts.Scenario, seed: int) -> None:
    result = ts.run(scenario, replicates=3, seed=seed, keep=3)
    table = result.outcomes
    assert (table["n_screened"] >= table["n_enrolled"]).all()
    assert (table["n_enrolled"] >= table["n_evaluable"]).all()
    protocol = protocol_of(scenario)
    counted = protocol.responses[protocol.first_response - 1 :]
    responders = table[[f"n_{category.column}" for category in counted]].sum(axis=1)
    assert (table["n_evaluable"] >= responders).all()
    fates = table[["n_responders_progression_free", "n_responders_relapsed", "n_responders_died"]].sum(axis=1)
    assert (fates == responders).all()
    patients = result.patients
    assert (
        patients.groupby("replicate").size().reindex(table["replicate"], fill_value=0)
        == table.set_index("replicate")["n_enrolled"]
    ).all()
    assert (patients["treatment_days"] <= patients["follow_up_days"] + 1e-9).all()
    doses = patients["mean_dose_mg_per_day"]
    assert (doses <= patients["highest_dose_mg_per_day"] + 1e-9).all()


@given(scenarios(), SEEDS)
def test_a_trial_is_a_function_of_its_seed_and_replicate(scenario: ts.Scenario, seed: int) -> None:
    first, _, _ = simulated(scenario, 2, seed)
    again = ts.trace(scenario, replicate=2, seed=seed)
    pd.testing.assert_frame_equal(first[first["replicate"] == 2].reset_index(drop=True), again)


@given(scenarios())
def test_a_scenario_reads_back_equal_from_its_own_text(scenario: ts.Scenario) -> None:
    import yaml

    from trialsim.config import scenario_from_mapping

    again = scenario_from_mapping(yaml.safe_load(scenario.to_yaml()))
    assert again == scenario
    assert again.to_yaml() == scenario.to_yaml()


def test_a_trial_to_which_nobody_comes_is_a_trial() -> None:
    accrual = {
        "opens": "2001-01-01",
        "patients": 5,
        "sites": {"A": {"rate": "0.001 /month"}},
        "closes_after": "1 month",
    }
    result = ts.run(scenario_of(accrual=accrual), replicates=3)
    assert result.outcomes["replicate"].tolist() == [1, 2, 3]
    assert result.outcomes["n_enrolled"].tolist() == [0, 0, 0]
    assert result.estimates.set_index("quantity").loc["response.partial", "n_defined"] == 0


@given(scenarios())
def test_no_number_that_an_engine_reads_is_missing(scenario: ts.Scenario) -> None:
    assert not re.search(r"\bnan\b", repr(dataclasses.asdict(protocol_of(scenario))))
