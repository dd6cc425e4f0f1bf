"""Rules that can never decide are found with their line; no rule that decides in some course is among them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trialsim as ts
from tests.generated import scenarios
from tests.trials import simulated
from trialsim.config import warnings_of
from trialsim.config.checks.unreachable_rules import unreachable_rules

SEVERE = {"toxicity": "severe", "timing": "new"}
EVER = {"toxicity": "any", "timing": "ever"}


def unreachable(*rules: dict[str, Any], **more: Any) -> dict[int, str]:
    """The numbers of the unreachable rules of the published trial with other rules, and why."""
    changes = {"treatment.rules": list(rules), **more}
    found = unreachable_rules(ts.load_scenario("tosi2000", changes))
    return {int(place[2]) + 1: wrong for place, _, wrong, *_ in found}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("always", "tolerated"),
        (EVER, {"toxicity": "rash", "within": "14 days"}),
        (EVER, {"toxicity": "rash", "timing": "ongoing", "at_least": 2}),
        ("minor response", "partial response"),
        ({"study_day": "28 days"}, {"study_day": "56 days"}),
        ({"study_day": "28 days"}, {"free_of": "rash", "days": "40 days"}),
        ({"level": 300}, "at maximum"),
        ({"any_of": ["tolerated", EVER]}, "partial response"),
        ({"not": "tolerated"}, {"toxicity": "rash", "timing": "ongoing"}),
        ({"stable_for": "28 days"}, ["tolerated", {"stable_for": "2 months"}]),
    ],
)
def test_a_rule_that_another_always_precedes_is_unreachable(first: Any, second: Any) -> None:
    found = unreachable({"when": first, "do": "keep"}, {"when": second, "do": "escalate"})
    assert list(found) == [2]
    assert "rule 1 always comes first" in found[2]
    assert list(unreachable({"when": second, "do": "escalate"}, {"when": first, "do": "keep"})) == []
    assert unreachable({"when": first, "do": "keep", "once": True}, {"when": second, "do": "escalate"}) == {}


@pytest.mark.parametrize(
    "when",
    [
        ["tolerated", {"toxicity": "rash", "timing": "new"}],
        [{"free_of": "any", "days": "28 days"}, {"toxicity": "rash", "within": "14 days"}],
        ["partial response", {"not": "minor response"}],
        ["reduced before"],
    ],
)
def test_a_rule_that_contradicts_itself_is_unreachable(when: Any) -> None:
    found = unreachable({"when": when, "do": "keep"}, {"when": "tolerated", "do": "escalate"})
    assert list(found) == [1]
    assert "contradict" in found[1]


def test_what_cannot_happen_in_the_scenario_cannot_hold() -> None:
    rules = ({"when": "rash", "do": "keep"}, {"when": "tolerated", "do": "escalate"})
    assert unreachable(*rules) == {}
    assert list(unreachable(*rules, **{"events.rash.rate": "0 /month"})) == [1]


def test_several_rules_together_can_always_precede_one() -> None:
    found = unreachable(
        {"when": {"study_day": "28 days"}, "do": "keep"},
        {"when": {"not": {"study_day": "56 days"}}, "do": "escalate"},
        {"when": "tolerated", "do": "escalate"},
    )
    assert "rule 1 or 2 always comes first" in found[3]


@pytest.mark.parametrize("name", ts.builtin_names("scenarios"))
def test_no_shipped_scenario_has_an_unreachable_rule(name: str) -> None:
    assert warnings_of(name) == []


def test_check_warns_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "slow.yaml"
    path.write_text(
        "extends: tosi2000\ntreatment:\n  rules:\n"
        "    - {when: always, do: keep}\n    - {when: tolerated, do: escalate}\n"
    )
    text = " ".join(ts.check([str(path)])[0].split())  # a long path may end a line
    assert "WARNINGS" in text
    assert f"{path}:5 treatment.rules.1" in text
    assert "WARNINGS" not in ts.check(["tosi2000"])[0]


@given(scenarios(), st.integers(0, 2**64 - 1))
def test_no_rule_that_decides_is_called_unreachable(scenario: ts.Scenario, seed: int) -> None:
    events, _, _ = simulated(scenario, 2, seed)
    decided = {int(text.split(":")[0]) for text in events.loc[events["event"] == "decision", "rule"] if text}
    # a finding about all rules together says that there are too many conditions to look at
    never_decide = {int(place[2]) + 1 for place, *_ in unreachable_rules(scenario) if place != ("treatment", "rules")}
    assert not decided & never_decide
