"""The command `monitor` on studies that can stop for toxicity, and on looks at numbers of events."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trialsim as ts
from tests.command_line import trialsim
from trialsim.design.theory.toxicity import bayesian_boundary
from trialsim.typing import Flags, Floats

pytestmark = pytest.mark.slow

RESPONSE = {"of": "partial response", "within": "6 months"}
TOXICITY = {"of": "any severe toxicity", "within": "6 months"}
SHARED = {
    "study": "size",
    "title": "t",
    "scenario": "followup",
    "endpoint": RESPONSE,
    "null": 0.15,
    "alternative": 0.30,
}
WATCHED: dict[str, Any] = {
    **SHARED, "design": "simon-optimal", "changes": {"treatment.levels": [100, 200], "parameters": "mode"},
    "safety": {"endpoint": TOXICITY, "rate": 0.5, "certainty": 0.9},
}  # fmt: skip
ENTERED = np.arange(0.0, 60.0, 5.0)
FIRST_RESPONSES = np.where(np.arange(12) < 4, 60.0, np.nan)


@pytest.fixture(autouse=True)
def fewer_patients_of_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rates of the scenario are found with fewer patients: what is tested here does not hang on their digits."""
    monkeypatch.setattr("trialsim.design.hypotheses.PATIENTS_OF_RATES", 20_000)


def table(n_toxic: int) -> pd.DataFrame:
    toxic = np.where(np.arange(12) >= 12 - n_toxic, 10.0 + np.arange(12), np.nan)
    return pd.DataFrame({"enrolled_day": ENTERED, "event_day": FIRST_RESPONSES, "safety_day": toxic})


def test_the_boundary_for_toxicity_is_told_and_may_end_the_trial() -> None:
    """Told as the boundary says of the number enrolled; reached on the day on which any number enrolled reaches it."""
    at_least = bayesian_boundary(54, 0.5, 0.9, first=3).at_least
    few = ts.monitor(WATCHED, table(3), today=120.0, futures=300)
    assert few.safety == {
        "patients": 12, "with_toxicity": 3, "known": 3, "stops_from": at_least[11], "reached": False,
        "reached_day": None,
    }  # fmt: skip
    assert few.goes_on
    assert few.endings["ending"].tolist() == ["success", "futility", "toxicity"]
    assert math.isclose(few.endings["probability"].sum(), 1.0)
    many = ts.monitor(WATCHED, table(10), today=120.0, futures=50)
    assert many.decision == "the trial ends: it stops for toxicity"
    days = ENTERED + table(10)["safety_day"].fillna(np.inf).to_numpy()
    reached = [max(np.sort(days[:m])[x - 1], ENTERED[m - 1]) for m, x in enumerate(at_least[:12], start=1) if x <= m]
    assert many.safety is not None
    assert many.safety["reached_day"] == min(reached)
    assert many.endings["probability"].tolist() == [0.0, 0.0, 1.0]
    more = ts.monitor(WATCHED, table(6), today=120.0, futures=300)
    assert more.endings["probability"][2] > few.endings["probability"][2] + 0.1


def test_the_command_prints_the_boundary_for_toxicity(tmp_path: Path) -> None:
    table(3).to_csv(tmp_path / "patients.csv", index=False)
    (tmp_path / "study.yaml").write_text(json.dumps(WATCHED), encoding="utf-8")
    done = trialsim(tmp_path, "monitor", "study.yaml", "patients.csv", "--today", "120", "--futures", "100")
    assert done.returncode == 0, done.stderr
    words = " ".join(done.stdout.split())
    assert "3 of 12 patients had it, and it is known of 3" in words
    assert "of futility" in words
    assert "of toxicity" in words
    done = trialsim(tmp_path, "monitor", "study.yaml", "patients.csv", "--today", "120", "--json")
    answer = json.loads(done.stdout)
    assert answer["safety"]["patients"] == 12
    assert [row["ending"] for row in answer["endings"]] == ["success", "futility", "toxicity"]
    table(3).drop(columns="safety_day").to_csv(tmp_path / "patients.csv", index=False)
    done = trialsim(tmp_path, "monitor", "study.yaml", "patients.csv", "--today", "120")
    assert done.returncode == 2
    assert "`safety_day`" in done.stderr


def test_response_and_toxicity_are_monitored_together() -> None:
    """Everybody of the first stage is known: it fails on toxicity and response, or the trial goes on."""
    study = {
        **SHARED, "design": "bryant-day", "changes": {"treatment.levels": [100, 200], "parameters": "mode"},
        "toxicity": {"endpoint": TOXICITY, "null": 0.65, "alternative": 0.45, "alpha": 0.10}, "alpha": 0.10,
    }  # fmt: skip
    n1 = int(ts.design.bryant_day(0.15, 0.30, 0.65, 0.45, alpha=0.10).numbers["n1"])
    place = np.arange(n1)
    endings = {(0.0, 0.9): "toxicity", (0.5, 0.3): None}
    for (responding, toxic), ending in endings.items():
        patients = pd.DataFrame({
            "enrolled_day": 5.0 * place, "event_day": np.where(place < responding * n1, 60.0, np.nan),
            "toxicity_day": np.where(place < toxic * n1, 30.0, np.nan),
        })  # fmt: skip
        found = ts.monitor(study, patients, today=5.0 * n1 + 200.0, futures=100)
        assert found.looks_taken == 1
        assert found.goes_on == (ending is None)
        assert ending is None or found.decision == f"the trial ends: it stops for {ending}"
        assert found.standing["with toxicity"] == int((place < toxic * n1).sum())
        assert math.isclose(found.endings["probability"].sum(), 1.0)


AT_EVENTS = {
    "study": "size", "title": "t", "scenario": "followup", "endpoint": {"of": "progression-free"},
    "design": "logrank", "variants": {"published": {}, "other": {}}, "alternative": 0.5, "n": 80,
    "changes": {"parameters": "mode"}, "conduct": {"follow_up": "6 months"}, "looks": {"at": [0.3, 0.6, 1.0]},
}  # fmt: skip
FIRST_BOUND, FIRST_EVENTS = 3.393, 14


def log_rank(time: Floats, has_event: Flags, is_control: Flags) -> float:
    """The log-rank z statistic from its definition, positive where the control has more events than expected."""
    difference = variance = 0.0
    for at in np.unique(time[has_event]):
        n, n_control = int((time >= at).sum()), int((is_control & (time >= at)).sum())
        died = (time == at) & has_event
        d = int(died.sum())
        difference += float((died & is_control).sum()) - d * n_control / n
        variance += d * n_control * (n - n_control) * (n - d) / (n * n * max(n - 1, 1))
    return difference / math.sqrt(variance)


@pytest.mark.parametrize("are_first_in_control", [True, False])
def test_a_look_at_events_sees_what_was_known_on_its_day(are_first_in_control: bool) -> None:
    """12 of 14 events in the control reject the null, though ten later ones in the other arm speak against it."""
    arm = np.array(["published", "other"] * 20)
    entered, event = np.arange(40.0), np.full(40, np.inf)
    control, other = np.flatnonzero(arm == "published"), np.flatnonzero(arm == "other")
    n_control = 12 if are_first_in_control else 7
    first = np.r_[control[:n_control], other[: 14 - n_control]]
    later = other[2:12] if are_first_in_control else control[7:17]
    event[first], event[later] = 60.0 + np.arange(14), 80.0 + np.arange(10)  # calendar days
    z = {}
    for day in (73.0, 100.0):
        seen, has_event = np.minimum(event, day) - entered, event <= day
        is_control = arm == "published"
        z[day] = log_rank(seen, has_event, is_control)
    patients = pd.DataFrame({
        "enrolled_day": entered, "arm": arm, "event_day": np.where(event < np.inf, event - entered, np.nan),
    })  # fmt: skip
    found = ts.monitor(AT_EVENTS, patients, today=100.0, futures=100)
    assert found.looks_taken == 1
    if are_first_in_control:
        assert z[100.0] < FIRST_BOUND < z[73.0]
        assert found.decision == "the trial ends: the null hypothesis is rejected"
    else:
        assert z[73.0] < FIRST_BOUND
        assert found.goes_on
        names = found.milestones["milestone"].tolist()
        assert names == ["look 2 of 3, 27 events", "the last entry", "the decision"]
    before = ts.monitor(
        AT_EVENTS, patients.assign(event_day=np.where(event <= 72.0, event - entered, np.nan)), today=72.0
    )
    assert before.looks_taken == 0
    assert before.milestones["milestone"].tolist()[:2] == ["look 1 of 3, 14 events", "look 2 of 3, 27 events"]
    assert (before.milestones["share"] > 0.0).all()
