"""The same policy as rules in YAML and as a Python function gives the same course."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

import trialsim as ts
from trialsim import strategies as do
from trialsim.config import protocol_of
from trialsim.engines.reference import simulate
from trialsim.records.tables import event_table

RESOLVES = {
    f"events.{name}": {"resolves": {"rate": "1.5 /month"}, "recurs": True}
    for name in ("constipation", "lethargy", "rash")
}
EVER = {"toxicity": "any", "timing": "ever"}


def as_published(seen: do.PatientView) -> do.Decision | None:
    if seen.moment == "onset":
        return do.reduce() if seen.new & seen.severe else None
    if seen.ever:
        return do.keep()
    return do.escalate() if seen.is_tolerated else None


def until_response(seen: do.PatientView) -> do.Decision | None:
    if seen.moment == "onset":
        return do.stop() if sum(seen.n_onsets.values()) >= 3 else None
    if seen.response != "none" or seen.ever:
        return do.keep()
    return do.escalate(2)


def hold_and_resume(seen: do.PatientView) -> do.Decision | None:
    if seen.moment == "onset":
        return do.hold(seen.severe, resume="lower") if seen.new & seen.severe else None
    if seen.ever and seen.ongoing & seen.dose_limiting:
        return do.keep()
    free = all(seen.study_day - day > 28.0 - 1e-6 for day in seen.resolved_days.values()) and not seen.ongoing
    if seen.was_reduced and not (free and seen.study_day >= 28.0):
        return None
    return do.escalate()


def by_time(seen: do.PatientView) -> do.Decision | None:
    if seen.moment == "onset":
        return None
    if seen.study_day > 84.0 - 1e-6 and seen.level >= 2:
        return do.go_to(300)
    if seen.study_day - seen.response_seen_day > 56.0 - 1e-6 and seen.study_day - seen.dose_since_day > 28.0 - 1e-6:
        return do.escalate()
    return None


RULES: dict[str, tuple[Any, list[dict[str, Any]], dict[str, Any]]] = {
    "as published": (
        as_published,
        [
            {"when": {"toxicity": "severe", "timing": "new"}, "do": "reduce", "at": "onset"},
            {"when": EVER, "do": "keep"},
            {"when": "tolerated", "do": "escalate"},
        ],
        {},
    ),
    "until response": (
        until_response,
        [
            {"when": {**EVER, "at_least": 3}, "do": "stop", "at": "onset"},
            {"when": {"any_of": ["minor response", EVER]}, "do": "keep"},
            {"when": "always", "do": "escalate", "levels": 2},
        ],
        {},
    ),
    "hold and resume": (
        hold_and_resume,
        [
            {"when": {"toxicity": "severe", "timing": "new"}, "do": "hold", "resume": "lower", "at": "onset"},
            {"when": [EVER, {"toxicity": "any", "timing": "ongoing"}], "do": "keep"},
            {"when": "always", "do": "escalate"},
        ],
        {"treatment.reescalate": "28 days"},
    ),
    "by time": (
        by_time,
        [
            {"when": [{"study_day": "84 days"}, {"level": 500}], "do": "go to", "level": 300},
            {"when": [{"stable_for": "56 days"}, {"unchanged_for": "28 days"}], "do": "escalate"},
        ],
        {},
    ),
}


def log(scenario: ts.Scenario, strategy: Any, replicate: int) -> pd.DataFrame:
    protocol = replace(protocol_of(scenario), strategy=strategy)
    return event_table([(replicate, simulate(protocol, 11, replicate))]).drop(columns="rule")


@pytest.mark.parametrize("name", RULES)
def test_rules_and_a_function_give_the_same_course(name: str) -> None:
    function, rules, more = RULES[name]
    scenario = ts.load_scenario("tosi2000", RESOLVES).with_changes({"treatment.rules": rules, **more})
    for replicate in range(1, 21):
        by_rules, by_function = log(scenario, None, replicate), log(scenario, function, replicate)
        pd.testing.assert_frame_equal(by_rules, by_function)
    assert len(by_rules) > 200


def test_a_run_takes_a_function_and_says_so(tosi2000: ts.Scenario) -> None:
    result = ts.run(tosi2000, 30, keep=2, strategy=as_published)
    assert result.engine.name == "reference"
    assert "Python function" in result.engine.why
    assert result.digest == ts.run(tosi2000, 30, engine="reference").digest
    assert result.manifest()["strategy"] == "as_published"
    with pytest.raises(ts.RequestError, match="Python function"):
        ts.run(tosi2000, 30, strategy=as_published, engine="batch")


def test_a_decision_that_cannot_be_done_is_told(tosi2000: ts.Scenario) -> None:
    with pytest.raises(ts.InputError, match="strategy <lambda> decided"):
        ts.run(tosi2000, 1, strategy=lambda seen: do.go_to(123.0))
    with pytest.raises(ts.InputError, match="Allowed: escalate"):
        ts.run(tosi2000, 1, strategy=lambda seen: do.hold({"hiccups"}))
