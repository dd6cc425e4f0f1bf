"""The categories of response of a scenario: how they are written, what they name, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trialsim as ts
from tests.trials import scenario_of, smallest
from trialsim.config import protocol_of, scenario_from_mapping
from trialsim.endpoints.registry import known_endpoints, statistics_of
from trialsim.records.columns import patient_columns_of
from trialsim.records.outcomes import columns_of

FOUR: list[Any] = [
    {"name": "minor response", "counts": False},
    "partial response",
    {"name": "very good partial response", "means": "M protein down by 90 %"},
    {"name": "complete remission", "abbreviation": "CRem"},
]


def trial(responses: list[Any] | None, **more: Any) -> ts.Scenario:
    names = [item["name"] if isinstance(item, dict) else item for item in responses or []]
    events = {name: {"kind": name, "rate": f"{rate} /month"} for name, rate in zip(names, (2, 1, 1, 0.5), strict=False)}
    data = smallest(disease={"sensitive": 1.0}, events=events, **more)
    return scenario_from_mapping(data | ({"responses": responses} if responses is not None else {}))


def test_names_abbreviations_and_what_counts() -> None:
    scenario = trial(FOUR)
    assert [item.abbreviation for item in scenario.responses] == ["MR", "PR", "VGPR", "CRem"]
    protocol = protocol_of(scenario)
    assert protocol.first_response == 2
    assert [clock.response for clock in protocol.clocks] == [1, 2, 3, 4]
    assert scenario_from_mapping(scenario.to_mapping()) == scenario


def test_the_usual_categories_are_minor_and_partial_and_are_not_written_out() -> None:
    scenario = trial(None)
    assert [item.name for item in scenario.responses] == ["minor response", "partial response"]
    assert "responses" not in scenario.to_mapping()


def test_columns_endpoints_and_statistics_have_the_names_of_the_categories() -> None:
    protocol = protocol_of(trial(FOUR))
    replicates = [column.name for column in columns_of(protocol)]
    counts = ["n_complete_remission", "n_very_good_partial_response", "n_partial", "n_minor"]
    assert [name for name in replicates if name in counts] == counts
    patients = [column.name for column in patient_columns_of(protocol)]
    assert [name for name in patients if name.endswith("_seen_days")] == [
        "response_seen_days", "minor_seen_days", "very_good_partial_response_seen_days",
        "complete_remission_seen_days", "progression_seen_days",
    ]  # fmt: skip
    endpoints = {item.name for item in known_endpoints([protocol])}
    assert {"complete remission", "very good partial response or better", "duration of complete remission"} <= endpoints
    assert "partial response or better" not in endpoints  # any response
    statistics = statistics_of(replicates)
    assert statistics["response.complete remission"].label == "complete remission (evaluable)"
    assert statistics["response.any"].label == "any response (evaluable)"


def test_names_with_hyphens_and_brackets_are_those_of_endpoints_expressions_and_statistics(tmp_path: Path) -> None:
    scenario = trial(["fewer seizures (50/75)", "seizure-free"])
    protocol = protocol_of(scenario)
    patients = [column.name for column in patient_columns_of(protocol)]
    assert "seizure_free_seen_days" in patients
    replicates = [column.name for column in columns_of(protocol)]
    assert {"n_seizure-free", "n_fewer_seizures_(50/75)"} <= set(replicates)
    assert {"response.seizure-free", "response.fewer seizures (50/75)"} <= set(statistics_of(replicates))
    rules = [{"when": "seizure-free", "do": "keep"}]
    treatment = {"levels": [100, 200], "reference_dose": 200, "every": "28 days", "rules": rules}
    changed = scenario.with_changes({"treatment": treatment})
    assert [leaf.response for leaf in protocol_of(changed).visit_rules[0].condition.leaves] == [2]
    (tmp_path / "trial.yaml").write_text(changed.to_yaml(), encoding="utf-8")
    study = {
        "study": "compare", "title": "c", "scenario": str(tmp_path / "trial.yaml"), "variants": {"a": {}, "b": {}},
        "endpoints": [
            "seizure-free", {"of": "duration of seizure-free", "at": "1 day"},
            {"name": "late", "expression": "seizure_free_seen_days > 30", "better": "lower"},
        ],
    }  # fmt: skip
    assert len(ts.compare(study, replicates=2).differences) == 3


def test_categories_are_reached_one_after_another() -> None:
    """With everyone sensitive and a long time, as many are in each state as clocks one after another leave there."""
    scenario = trial(FOUR, accrual={"opens": "2001-01-01", "patients": 2000, "over": "1 day"},
                     cut_off={"after_last_entry": "2 months"}, assessment={"every": "continuously"})  # fmt: skip
    found = ts.run(scenario, replicates=1, seed=3).patients["best_response"].value_counts(normalize=True)
    rates = np.array([2.0, 1.0, 1.0, 0.5])
    generator = np.diag(np.append(-rates, 0.0)) + np.diag(rates, 1)
    steps = np.eye(5)
    for _ in range(20_000):  # the master equation, in small steps
        steps = steps @ (np.eye(5) + generator * (2.0 / 20_000))
    for state, share in enumerate(steps[0]):
        assert float(found.get(state, 0.0)) == pytest.approx(share, abs=4.0 * np.sqrt(share * (1.0 - share) / 2000.0))


def test_rules_know_the_categories() -> None:
    rules = [
        {"when": {"any_of": ["complete remission", {"response": "very good partial"}]}, "do": "keep"},
        {"when": "tolerated", "do": "escalate"},
    ]
    treatment = {"levels": [100, 200], "reference_dose": 200, "every": "28 days", "rules": rules}
    scenario = trial(FOUR, treatment=treatment)
    assert str(scenario.treatment.rules[0]).startswith("complete remission or very good partial response")
    assert [leaf.response for leaf in protocol_of(scenario).visit_rules[0].condition.leaves] == [4, 3]


@pytest.mark.parametrize(
    ("responses", "message"),
    [
        ([], "there are 0 categories of response"),
        ([f"grade {letter}" for letter in "ABCDEFG"], "there are 7 categories"),
        (["partial response", "partial response"], "two categories of response have the name partial response"),
        (["partial remission", "poor response"], "two categories of response have the abbreviation PR"),
        (["partial response", {"name": "complete response", "counts": False}], "comes before one that does not"),
        (["response", "complete response"], "one of several categories is called response"),
        (["any response"], "this name means something else"),
        (["complete_response"], "'complete_response' cannot be a name"),
        (["50-74 % fewer"], "'50-74 % fewer' cannot be a name"),
        (["pain-free", "pain free"], "two categories of response have the"),
    ],
)
def test_categories_that_cannot_be_told_apart_are_refused(responses: list[Any], message: str) -> None:
    with pytest.raises(ts.ConfigurationError, match=message):
        scenario_from_mapping(smallest() | {"responses": responses})


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("complete response", "there is no such kind of event"),
        ("partial response", "a partial response follows a minor response"),
        ("partial respons", "Did you mean partial response"),
    ],
)
def test_events_of_no_category_are_refused(kind: str, message: str) -> None:
    with pytest.raises(ts.ConfigurationError, match=message):
        scenario_from_mapping(smallest(disease={"sensitive": 1.0}, events={"x": {"kind": kind, "rate": "1 /month"}}))


def test_a_response_needs_to_know_who_can_respond() -> None:
    data = smallest(events={"x": {"kind": "minor response", "rate": "1 /month"}})
    del data["disease"]
    with pytest.raises(ts.ConfigurationError, match="who can respond is not said"):
        scenario_from_mapping(data)


def test_a_trial_of_tolerability_needs_no_disease() -> None:
    data = smallest(events={"rash": {"kind": "toxicity", "rate": "1 /month"}})
    del data["disease"]
    scenario = scenario_from_mapping(data)
    assert scenario.disease is None
    found = ts.run(scenario, replicates=20, seed=1)
    assert found.digest == ts.run(scenario, replicates=20, seed=1, engine="batch").digest


def test_variants_are_compared_on_the_same_categories() -> None:
    other = ["minor response", {"name": "partial response", "abbreviation": "P"}]
    study = {
        "study": "compare", "title": "c", "scenario": "tosi2000", "endpoints": ["any response"],
        "variants": {"a": {}, "b": {"responses": other}},
    }  # fmt: skip
    with pytest.raises(ts.ConfigurationError, match="on the same categories of response"):
        ts.compare(study, replicates=2)


def test_a_category_that_is_not_listed_says_how_to_list_it_and_nothing_more() -> None:
    """Not what would follow from the usual categories: that a partial response follows a minor one."""
    events = {
        name: {"kind": name, "rate": "0.1 /month"} for name in ("partial response", "complete response", "relapse")
    }
    with pytest.raises(ts.ConfigurationError) as raised:
        scenario_of(events=events)
    message = str(raised.value)
    assert "`responses: [partial response, complete response]`, the least first" in message
    assert "Did you mean" not in message
    assert "follows a" not in message
