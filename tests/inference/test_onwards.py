"""Trials simulated onwards: the posterior and the predictions of a model with closed forms, and the command."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta, betabinom, binom

import trialsim as ts
from tests.command_line import trialsim
from tests.tolerances import N_STANDARD_ERRORS
from trialsim.design.outcomes import Outcomes
from trialsim.errors import RequestError
from trialsim.inference.onwards import Model, Plan, simulate_onwards
from trialsim.inference.standing import Standing, standing_of
from trialsim.inference.virtual import Virtual
from trialsim.model import interim as c

OPENS = dt.date(2027, 1, 1)
WINDOW = 60.0
RATES = (np.arange(40) + 0.5) / 40  # of the draws
PLAN = Plan((), (c.Outcome(c.RESPONSE, WINDOW, 1),), None, WINDOW)
N_FUTURES = 4000


def virtual(seed: int = 1, n: int = 3000) -> Virtual:
    """Patients who respond with the rate of their draw, uniformly over 50 days; the others are resolved on day 60."""
    rng = np.random.default_rng(seed)
    responds = rng.random((40, n)) < RATES[:, None]
    event = np.where(responds, rng.uniform(0.0, 50.0, (40, n)), np.inf)
    resolved = np.minimum(event, WINDOW)
    never = np.full((40, n), np.inf)
    return Virtual.of(event[None], resolved[None], never, np.ones((40, n), np.bool_), is_time=False)


def standing(responses: int, failures: int, pending: list[float]) -> Standing:
    """Patients whose outcome is known, and others who were so many days on study, on day 400."""
    entered = np.array([*range(responses + failures), *sorted(400.0 - days for days in pending)], dtype=float)
    event = np.full((len(entered), 1), np.inf)
    event[:responses] = 20.0
    everyone = np.ones(len(entered), np.bool_)
    return Standing(400.0, entered, np.zeros(len(entered), np.int64), event, np.full_like(event, WINDOW), everyone)


def model(seed: int = 1) -> Model:
    arrivals = np.sort(np.random.default_rng(seed).uniform(0.0, 800.0, (N_FUTURES, 200)), axis=1)
    return Model((virtual(seed),), arrivals)


def test_the_states_of_virtual_patients_are_all_there_are() -> None:
    """Counted by comparing every patient; the shares of the states sum to one."""
    patients = virtual()
    for seen in (5.0, 30.0, 55.0):
        states = ((True, True), (False, True), (False, False))
        shares = [patients.share_in_state(seen, np.array([came]), np.array([known])) for came, known in states]
        assert np.allclose(shares[0], (np.count_nonzero(patients.event[0] <= seen, axis=1) + 0.5) / 3001)
        assert np.allclose(shares[2], (np.count_nonzero(patients.resolved[0] > seen, axis=1) + 0.5) / 3001)
        assert np.allclose(np.sum(shares, axis=0), (3000 + 1.5) / 3001)


def test_draws_are_weighted_by_the_binomial_likelihood() -> None:
    """With a flat prior over the rates of the draws: that of 7 of 20."""
    onwards = simulate_onwards(standing(7, 13, []), PLAN, model(), 20, 1)
    expected = np.asarray(binom.pmf(7, 20, RATES))
    expected /= expected.sum()
    assert np.allclose(onwards.weights, expected, atol=0.02)
    assert 5.0 < onwards.effective_draws < 15.0


def test_the_seed_decides_every_draw() -> None:
    first, again, other = (simulate_onwards(standing(4, 6, [9.0]), PLAN, model(), 30, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.timelines.event, again.timelines.event)
    assert not np.array_equal(first.timelines.event, other.timelines.event)


def test_what_is_to_come_is_beta_binomial() -> None:
    """7 of 20 so far and 15 patients to come: a beta(8, 14) mixture."""
    onwards = simulate_onwards(standing(7, 13, []), PLAN, model(), 35, 1)
    to_come = (onwards.timelines.event[:, 20:, 0] < np.inf).sum(axis=1)
    expected = betabinom(15, 8, 14)
    for most in (2, 5, 8):
        p = float(expected.cdf(most))
        error = math.sqrt(p * (1.0 - p) / N_FUTURES)
        assert np.mean(to_come <= most) == pytest.approx(p, abs=N_STANDARD_ERRORS * error + 0.01)  # 40 rates, not all


def test_an_open_patient_goes_on_from_the_time_on_study() -> None:
    """After t days without a response: p (1 - t / 50) / (1 - p t / 50) over the posterior, and later than t."""
    seen = 30.0
    onwards = simulate_onwards(standing(6, 6, [seen]), PLAN, model(), 13, 1)
    event = onwards.timelines.event[:, 12, 0]
    assert (event[event < np.inf] > seen).all()
    p = np.linspace(0.001, 0.999, 999)
    posterior = beta.pdf(p, 7, 7) * (1.0 - p * seen / 50.0)
    responds = p * (1.0 - seen / 50.0) / (1.0 - p * seen / 50.0)
    expected = float((posterior * responds).sum() / posterior.sum())
    error = math.sqrt(expected * (1.0 - expected) / N_FUTURES)
    assert np.mean(event < np.inf) == pytest.approx(expected, abs=N_STANDARD_ERRORS * error + 0.01)


def test_new_patients_come_at_the_pace_of_those_who_came() -> None:
    """Twice as many as were expected so far: some twice as quick from now on, held back by the scenario's own pace."""
    quick = simulate_onwards(standing(60, 140, []), PLAN, model(), 230, 1)
    slow = simulate_onwards(standing(15, 35, []), PLAN, model(), 80, 1)
    gaps = [float(np.mean(item.timelines.arrival[:, -1] - 400.0)) for item in (quick, slow)]
    expected = (200.0 + 4.0) / (50.0 + 4.0)  # of the paces: what came and is expected, 100 patients by day 400
    assert gaps[1] / gaps[0] == pytest.approx(expected, rel=0.1)


RESPONSES = Outcomes(PLAN.outcomes)
TABLE = pd.DataFrame({"enrolled": ["2027-01-05", "2027-01-03"], "event_day": [10.0, math.nan]})


def test_a_table_of_patients_stands_in_order_of_entry() -> None:
    found = standing_of(TABLE, (), "2027-02-01", OPENS, RESPONSES)
    assert found.entered.tolist() == [2.0, 4.0]
    assert found.event.tolist() == [[math.inf], [10.0]]
    assert found.has_event.tolist() == [[False], [True]]
    assert found.is_known.tolist() == [[False], [True]]
    assert standing_of(TABLE, (), None, OPENS, RESPONSES).today == 14.0
    assert standing_of(TABLE, (), 70.0, OPENS, RESPONSES).is_known.all()  # the window is over


@pytest.mark.parametrize(
    ("table", "today", "message"),
    [
        (TABLE.drop(columns="enrolled"), None, "a column `enrolled_day`"),
        (TABLE.drop(columns="event_day"), None, "a column `event_day`"),
        (TABLE, "2027-01-06", "something later"),
        (TABLE, "soon", "this is not a valid day"),
        (TABLE.assign(enrolled="2026-01-01"), None, "before the trial opened"),
        (TABLE.assign(event_day="late"), None, "this is no number"),
        (TABLE.iloc[:0], None, "the table has none"),
    ],
)
def test_what_cannot_stand_is_refused(table: pd.DataFrame, today: str | None, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        standing_of(table, (), today, OPENS, RESPONSES)


@pytest.fixture(scope="module")
def patients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(4)
    entered = np.sort(rng.uniform(0.0, 200.0, 30))
    day = rng.uniform(20.0, 170.0, 30)
    seen = (rng.random(30) < 0.35) & (entered + day <= 230.0)
    path = tmp_path_factory.mktemp("monitor") / "patients.csv"
    pd.DataFrame({"enrolled_day": entered, "event_day": np.where(seen, day, np.nan)}).to_csv(path, index=False)
    return path


@pytest.mark.slow
def test_the_command_tells_where_the_trial_stands(tmp_path: Path, patients: Path) -> None:
    ask = ["monitor", "simon_response", str(patients), "--today", "230", "--set", "scenario=followup", "--json"]
    done = trialsim(tmp_path, *ask)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["decision"] == "the trial goes on"
    assert answer["standing"]["patients"] == 30
    assert 0.0 < answer["success"]["value"] < 1.0
    names = [row["milestone"] for row in answer["milestones"]]
    assert names == ["look 1 of 2", "the last entry", "the decision"]
    assert all(row["date_low"] <= row["date"] <= row["date_high"] for row in answer["milestones"])


@pytest.mark.slow
def test_a_trial_whose_look_has_stopped_it_has_ended() -> None:
    """Nineteen patients without a response, all known: futility."""
    table = pd.DataFrame({"enrolled_day": np.arange(19.0), "event_day": np.nan})
    found = ts.monitor("simon_response", table, today=400.0, futures=50)
    assert found.decision == "the trial ends: it stops for futility"
    assert not found.goes_on
    assert found.success == (0.0, 0.0)
    assert len(found.milestones) == 0


@pytest.mark.slow
def test_times_to_events_are_monitored_too() -> None:
    study = {
        "study": "size", "title": "t", "scenario": "followup", "endpoint": {"of": "progression-free"},
        "design": "logrank", "variants": {"published": {}, "other": {}}, "alternative": 0.5, "n": 80,
        "changes": {"parameters": "mode"}, "conduct": {"follow_up": "6 months"},
    }  # fmt: skip
    rng = np.random.default_rng(2)
    arm = np.array(["published", "other"] * 20)
    entered, days = np.sort(rng.uniform(0.0, 200.0, 40)), rng.exponential(150.0, 40)
    table = pd.DataFrame({
        "enrolled_day": entered, "arm": arm, "event_day": np.where(entered + days <= 210.0, days, np.nan),
    })  # fmt: skip
    found = ts.monitor(study, table, today=210.0, futures=200)
    assert found.goes_on
    assert found.milestones["milestone"].tolist() == ["the last entry", "the decision"]
    with pytest.raises(ts.RequestError, match="`n` in the study"):
        ts.monitor({key: value for key, value in study.items() if key != "n"}, table, today=210.0)
