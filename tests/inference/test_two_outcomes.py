"""Patients with two outcomes: joint states against closed forms, columns of the data, and waiting for looks."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multinomial

from tests.tolerances import N_STANDARD_ERRORS
from trialsim.design.conduct.timelines import Timelines, nobody
from trialsim.design.conduct.trials import Known, conducted, waited_days
from trialsim.design.decisions import FUTILE, GO_ON
from trialsim.design.outcomes import Outcomes
from trialsim.design.single_arm.response_and_toxicity import ResponseAndToxicity
from trialsim.design.theory.bryant_day import BryantDay, Rates
from trialsim.errors import RequestError
from trialsim.inference.onwards import Model, Plan, simulate_onwards
from trialsim.inference.standing import Standing, standing_of
from trialsim.inference.virtual import Virtual
from trialsim.model import interim as c

OPENS = dt.date(2027, 1, 1)
WINDOW = 60.0
RESPONSE = c.Outcome(c.RESPONSE, WINDOW, 1)
TOXICITY = c.Outcome(c.TOXICITY, WINDOW, 0, ("rash", "lethargy"))
PLAN = Plan((), (RESPONSE, TOXICITY), None, WINDOW)
N_DRAWS, N_FUTURES = 30, 6000
# Of each draw: the chance of a response, and of a toxicity with and without one.
RESPONDS = np.linspace(0.1, 0.6, N_DRAWS)
TOXIC_IF_RESPONSE, TOXIC_IF_NONE = 0.8, np.linspace(0.05, 0.3, N_DRAWS)[::-1]


def virtual(n: int = 8000) -> Virtual:
    """Responses come uniformly over the first 40 days, toxicities over the last 20 of the window."""
    rng = np.random.default_rng(3)
    responds = rng.random((N_DRAWS, n)) < RESPONDS[:, None]
    chance = np.where(responds, TOXIC_IF_RESPONSE, TOXIC_IF_NONE[:, None])
    is_toxic = rng.random((N_DRAWS, n)) < chance
    response = np.where(responds, rng.uniform(0.0, 40.0, (N_DRAWS, n)), np.inf)
    toxicity = np.where(is_toxic, rng.uniform(40.0, WINDOW, (N_DRAWS, n)), np.inf)
    event = np.stack([response, toxicity])
    never = np.full((N_DRAWS, n), np.inf)
    return Virtual.of(event, np.minimum(event, WINDOW), never, np.ones((N_DRAWS, n), np.bool_), is_time=False)


def standing(patients: list[tuple[float, float, float]], today: float = 400.0) -> Standing:
    """From days on study, of the response and of the toxicity."""
    seen, *days = np.array(sorted(patients, reverse=True)).T
    event = np.column_stack(days)
    everyone = np.ones(len(seen), np.bool_)
    return Standing(today, today - seen, np.zeros(len(seen), np.int64), event, np.full_like(event, WINDOW), everyone)


def model() -> Model:
    return Model((virtual(),), np.full((N_FUTURES, 2), np.inf))


def test_draws_are_weighted_by_the_multinomial_likelihood_of_both_outcomes() -> None:
    counts = [5, 2, 3, 10]  # both, response only, toxicity only, neither
    days = [(20.0, 50.0), (20.0, math.inf), (math.inf, 50.0), (math.inf, math.inf)]
    patients = [(100.0, *day) for day, count in zip(days, counts, strict=True) for _ in range(count)]
    onwards = simulate_onwards(standing(patients), PLAN, model(), 20, 1)
    toxic = RESPONDS * TOXIC_IF_RESPONSE, (1.0 - RESPONDS) * TOXIC_IF_NONE
    cells = np.column_stack([toxic[0], RESPONDS - toxic[0], toxic[1], 1.0 - RESPONDS - toxic[1]])
    expected = np.array([multinomial.pmf(counts, 20, row / row.sum()) for row in cells])
    assert np.allclose(onwards.weights, expected / expected.sum(), atol=0.02)


@pytest.mark.parametrize(("response", "seen"), [(20.0, 45.0), (math.inf, 45.0)])
def test_what_is_open_goes_on_by_what_is_known_of_the_other_outcome(response: float, seen: float) -> None:
    """A responder without a toxicity by day 45 has it by 0.8 (3/4) / (1 - 0.8 / 4); who does not respond has it less.

    Somebody without a response on day 45 has none later, but that is only known with the window: the state is open.
    """
    onwards = simulate_onwards(standing([(seen, response, math.inf)]), PLAN, model(), 1, 1)
    response_day, toxicity_day = onwards.timelines.event[:, 0].T
    assert (toxicity_day > seen).all()
    assert (response_day == response).all()
    chance = TOXIC_IF_RESPONSE if response < math.inf else TOXIC_IF_NONE
    alive = (RESPONDS if response < math.inf else 1.0 - RESPONDS) * (1.0 - chance / 4.0)
    later = np.broadcast_to(chance, alive.shape) * 0.75 / (1.0 - chance / 4.0)
    expected = float((alive * later).sum() / alive.sum())
    error = math.sqrt(expected * (1.0 - expected) / N_FUTURES)
    assert np.mean(toxicity_day < np.inf) == pytest.approx(expected, abs=N_STANDARD_ERRORS * error + 0.01)


def test_where_a_draw_has_nobody_in_a_state_others_are_taken() -> None:
    """The first draw has no responder: one of the second; a state that nobody is in: who has the same open."""
    event = np.full((2, 2, 3), np.inf)
    event[0, 1], event[1, 1] = 10.0, [50.0, 50.0, np.inf]
    patients = Virtual.of(event, np.minimum(event, WINDOW), np.full((2, 3), np.inf), np.ones((2, 3), np.bool_), False)
    draws, rng = np.zeros(200, np.int64), np.random.default_rng(1)
    responder = np.array([True, False]), np.array([True, False])
    draw, who = patients.who_goes_on(30.0, *responder, draws, rng)
    assert (draw == 1).all()
    assert set(who) == {0, 1, 2}
    no_response = np.array([False, False]), np.array([True, False])  # nobody's window is over after 30 days
    draw, _ = patients.who_goes_on(30.0, *no_response, draws, rng)
    assert (draw == 0).all()


TABLE = pd.DataFrame({
    "enrolled_day": [0.0, 1.0, 2.0, 3.0, 4.0],
    "event_day": [20.0, math.nan, math.nan, math.nan, math.nan],
    "toxicity_day": [math.nan, 15.0, math.nan, math.nan, math.nan],
    "progression_day": [math.nan, math.nan, 30.0, math.nan, math.nan],
    "off_study_day": [math.nan, math.nan, math.nan, math.nan, 25.0],
    "is_evaluable": [1, 1, 1, 1, 0],
})  # fmt: skip


def test_a_table_says_of_each_outcome_what_is_known() -> None:
    found = standing_of(TABLE, (), 42.0, OPENS, Outcomes((RESPONSE, TOXICITY)))
    assert found.has_event.tolist() == [[True, False], [False, True], [False, False], [False, False], [False, False]]
    assert found.is_known.tolist() == [[True, False], [False, True], [True, False], [False, False], [True, True]]
    after_window = TABLE.assign(event_day=[20.0, math.nan, math.nan, 70.0, math.nan])
    later = standing_of(after_window, (), 100.0, OPENS, Outcomes((RESPONSE, TOXICITY)))
    assert later.is_known.all()
    assert later.has_event[:, 0].tolist() == [True, False, False, False, False]


def test_leaving_is_a_toxicity_where_it_counts_as_a_failure() -> None:
    counted = c.Outcome(c.TOXICITY, WINDOW, 0, ("rash",), c.AN_EVENT)
    found = standing_of(TABLE, (), 42.0, OPENS, Outcomes((RESPONSE, counted)))
    assert found.event[:, 1].tolist() == [math.inf, 15.0, math.inf, math.inf, 25.0]


def test_toxicities_are_read_from_the_table_that_run_writes() -> None:
    onsets = {"first_onset_days.rash": [math.nan, 9.0], "first_onset_days.lethargy": [4.0, 30.0]}
    table = pd.DataFrame({"enrolled_day": [0.0, 1.0], "event_day": math.nan, **onsets})
    found = standing_of(table, (), 42.0, OPENS, Outcomes((RESPONSE,), TOXICITY, (2,)))
    assert found.event[:, 1].tolist() == [4.0, 9.0]
    with pytest.raises(RequestError, match="a column `safety_day`"):
        standing_of(table.drop(columns="first_onset_days.rash"), (), 42.0, OPENS, Outcomes((RESPONSE,), TOXICITY, (2,)))


def patients_of_a_trial(rng: np.random.Generator, n: int) -> Timelines:
    timelines = nobody(1, 1, n, 1)
    timelines.arrival[0] = np.cumsum(rng.exponential(4.0, n))
    timelines.arm[0], timelines.number[0] = 0, np.arange(1, n + 1)
    event = np.where(rng.random(n) < 0.4, rng.uniform(10.0, WINDOW, n), np.inf)
    timelines.is_evaluable[0] = rng.random(n) < 0.9
    closes = np.where(timelines.is_evaluable[0], WINDOW, rng.uniform(5.0, WINDOW, n))
    timelines.event[0, :, 0] = np.where(event <= closes, event, np.inf)
    timelines.resolved[0, :, 0] = np.minimum(timelines.event[0, :, 0], closes)
    return timelines


@pytest.mark.parametrize("plan", [
    c.Conduct((10, 24)), c.Conduct((8, 16, 24), 3), c.Conduct((10, 24), 0, c.FAILURE, 40.0),
    c.Conduct((10, 24), c.NO_PAUSE), c.Conduct((10, 24), 2, c.DROPPED),
])  # fmt: skip
def test_a_trial_goes_on_from_any_day_as_it_would_have_gone_on(plan: c.Conduct) -> None:
    """Entries so far are not moved by the pauses that they have waited for, and those to come not twice."""
    rng = np.random.default_rng(8)
    n_days = 0
    for _ in range(30):
        whole = patients_of_a_trial(rng, 40)
        enrolled, look_days, counts = conducted(whole, plan, 1, 1)
        for today in np.linspace(20.0, float(look_days[0, -1]), 6)[:-1]:
            is_in = np.nan_to_num(enrolled[0], nan=np.inf) <= today
            n = int(is_in.sum())
            if n == 0:
                continue
            known = np.where(whole.resolved[:, :n] <= today - enrolled[:, :n, None], whole.resolved[:, :n], np.inf)
            so_far = nobody(1, 1, n, 1)
            so_far = replace(
                so_far, arrival=enrolled[:, :n], number=whole.number[:, :n], resolved=known,
                event=np.where(known < np.inf, whole.event[:, :n], np.inf),
                is_evaluable=whole.is_evaluable[:, :n] | np.isinf(known[:, :, 0]),
            )  # fmt: skip
            waited = float(waited_days(so_far, plan, 1, 1, Known(n, today))[0])
            onwards = whole.arrival.copy()
            onwards[0, :n] = enrolled[0, :n]
            onwards[0, n:] += waited
            running = Timelines(
                1,
                onwards,
                whole.number,
                whole.arm,
                whole.resolved,
                whole.event,
                whole.is_evaluable,
                whole.left,
                whole.stratum,
            )
            again = conducted(running, plan, 1, 1, Known(n, today))
            for one, other in zip((enrolled, look_days, counts), again, strict=True):
                assert np.allclose(one, other, equal_nan=True)
            n_days += 1
    assert n_days > 100


def test_a_design_on_two_outcomes_ends_for_the_one_that_it_misses() -> None:
    """Of 20 patients at the first look: too few responses at most 3, too many toxicities with at most 9 free of it."""
    design = BryantDay(20, 3, 9, 46, 10, 21, Rates(0.15, 0.30, 0.35, 0.55))
    decisions = ResponseAndToxicity(design, 0.1, 0.1)
    counts = np.array([[[[20, 3, 5]]], [[[20, 8, 11]]], [[[20, 3, 11]]], [[[20, 4, 10]]]])
    too_few, too_toxic = decisions.failures(0, counts)
    assert too_few.tolist() == [True, False, True, False]
    assert too_toxic.tolist() == [False, True, True, False]
    assert decisions.decide(0, counts, np.arange(4)).tolist() == [FUTILE, FUTILE, FUTILE, GO_ON]
