"""A trial told in order: every event has its sentence."""

from __future__ import annotations

import pandas as pd
import pytest

import trialsim as ts
from trialsim.model import vocabulary as v
from trialsim.report.run.trace_text import sentence, story

ROW = {
    "event": "", "of": "rash", "detail": "partial response", "occurrence": 1, "rule": "", "calendar_day": 1.0,
    "study_day": 1.0, "dose_from_mg_per_day": 100.0, "dose_to_mg_per_day": 300.0,
}  # fmt: skip


@pytest.mark.parametrize("event", v.EVENT_NAMES)
def test_every_event_has_a_sentence(event: str) -> None:
    assert len(sentence({**ROW, "event": event})) > 5


def test_a_trial_with_every_kind_of_end_is_told() -> None:
    scenario = ts.load_scenario("followup", {"assessment.missed": "30 %", "assessment.confirmation": "28 days"})
    events = pd.concat([ts.trace(scenario, number) for number in range(1, 4)])
    assert {"discontinued", "assessment missed", "response confirmed"} <= set(events["event"])
    assert len(list(story(events, scenario.accrual.opens))) == len(events) + 1
