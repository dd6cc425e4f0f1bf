"""Trials conducted under a design: the compiled calendar and the SimPy monitor give the same rows, to the bit."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

import trialsim as ts
from trialsim.config import protocol_of
from trialsim.design.adaptive.reestimation import PromisingZone
from trialsim.design.conduct.setting import Setting
from trialsim.design.conduct.trial import CountTrial, EventTrial, Trial
from trialsim.design.decisions import Decisions
from trialsim.design.hypotheses import with_follow_up
from trialsim.design.outcomes import Outcomes
from trialsim.design.plain_hazards import with_piecewise_times
from trialsim.design.single_arm.decisions import KOYAMA_CHEN, OneArmTwoStages
from trialsim.design.single_arm.many_looks import ManyLooks
from trialsim.design.single_arm.response_and_toxicity import ResponseAndToxicity
from trialsim.design.theory.bryant_day import BryantDay, Rates
from trialsim.design.theory.changing_hazards.piecewise import PiecewiseHazard
from trialsim.design.theory.monitored_rate import PredictiveProbability
from trialsim.design.theory.toxicity import bayesian_boundary
from trialsim.design.theory.two_stage import TwoStage
from trialsim.design.time_to_event.decisions import (
    DecisionsAtEvents,
    EventDecisions,
    MarginDecisions,
    OneSampleDecisions,
    RestrictedMeanDecisions,
)
from trialsim.design.time_to_event.reestimated import ReestimatedDecisions
from trialsim.design.two_arms.decisions import TwoArms
from trialsim.model import interim as c
from trialsim.model.protocol import Protocol
from trialsim.simulation.allocation import arms_of
from trialsim.storage.replicate_store import Rows

SEVERE = ("constipation", "lethargy", "rash")
HARM = c.Outcome(c.TOXICITY, inf, 0, SEVERE)
RESPONSE = c.Outcome(c.RESPONSE, 112.0, 1)


@pytest.fixture(scope="module")
def protocols() -> tuple[Protocol, Protocol]:
    """Two arms of a trial in which many leave early, under draws of the posterior."""
    scenario = ts.load_scenario("followup", {"events.withdrawal.rate": "0.08 /month"})
    return protocol_of(scenario), protocol_of(scenario.with_changes({"treatment.levels": [200]}))


def both(trial: Trial, protocols: tuple[Protocol, ...], room: int, horizon: float, seed: int, n: int) -> list[Rows]:
    arms = arms_of(protocols[0], ("a", "b"), {}, None, ()) if len(protocols) > 1 else None
    own = tuple(with_follow_up(item, room, horizon) for item in protocols)
    return [trial.rows(Setting("a truth", own, arms, engine), seed, 1, n) for engine in ("batch", "reference")]


def decisions_of(kind: str, looks: tuple[int, int]) -> Decisions:
    if kind == "one arm":
        return OneArmTwoStages(
            looks[1], 12, 0.2, 0.4, 0.1, KOYAMA_CHEN, design=TwoStage(looks[0], 4, looks[1], 12, 0.2, 0.4, 9)
        )
    if kind == "two endpoints":
        rates = Rates(0.2, 0.4, 0.4, 0.6)
        return ResponseAndToxicity(BryantDay(looks[0], 3, 5, looks[1], 10, 12, rates), 0.1, 0.1)
    if kind == "many looks":
        rule = PredictiveProbability((0.2, 0.8), 0.2, looks[1], 0.1, 0.9, 0.95)
        return ManyLooks((looks[0], 24, 31, looks[1]), rule, 0.2)
    return TwoArms(looks, 0.1, 1, "chi-square", "lower", (1.9, 1.3), (-0.3, 1.3))


@pytest.mark.parametrize("kind", ["one arm", "two endpoints", "two arms", "many looks"])
@pytest.mark.parametrize("not_evaluable", [c.REPLACED, c.FAILURE, c.DROPPED])
@pytest.mark.parametrize(
    ("overrun", "wait", "is_monitored"), [(0, inf, True), (3, 60.0, False), (c.NO_PAUSE, 112.0, True)]
)
def test_looks_at_patients_agree(
    protocols: tuple[Protocol, Protocol], kind: str, not_evaluable: int, overrun: int, wait: float, is_monitored: bool
) -> None:
    decisions = decisions_of(kind, (18, 40))
    toxic = c.Outcome(c.TOXICITY, 90.0, 0, SEVERE, c.AN_EVENT if not_evaluable == c.FAILURE else c.NOT_EVALUABLE)
    primary = (RESPONSE, toxic) if kind == "two endpoints" else (toxic,) if kind == "two arms" else (RESPONSE,)
    monitored = (c.Outcome(c.TOXICITY, 100.0, 0, ("constipation",)), bayesian_boundary(80, 0.4, 0.9, first=4).at_least)
    outcomes = Outcomes(primary, *monitored, HARM) if is_monitored else Outcomes(primary, harm=HARM)
    arms = protocols if kind == "two arms" else protocols[:1]
    plan = c.Conduct(decisions.looks, overrun, not_evaluable, wait)
    seed = 100 * overrun % 997 + int(is_monitored) + not_evaluable
    fast, slow = both(CountTrial(outcomes, len(arms), decisions, plan), arms, 52, 112.0, seed, 2)
    assert np.array_equal(fast, slow)


def test_the_trials_that_agree_do_all_there_is_to_do(protocols: tuple[Protocol, Protocol]) -> None:
    """They stop at either look, for toxicity, wait for looks, and run out of patients: nothing above holds for want."""
    decisions = decisions_of("one arm", (18, 40))
    monitored = (c.Outcome(c.TOXICITY, 100.0, 0, ("constipation",)), bayesian_boundary(80, 0.4, 0.9, first=4).at_least)
    trial = CountTrial(Outcomes((RESPONSE,), *monitored, HARM), 1, decisions, c.Conduct(decisions.looks))
    rows = trial.rows(Setting("a truth", (with_follow_up(protocols[0], 44, 112.0),), None, "batch"), 1, 1, 400)
    assert set(np.unique(rows["decision"])) == {-2, -1, 1}
    assert set(np.unique(rows["look"])) == {1, 2}
    assert (rows["paused_days"] > 0.0).any()
    assert (rows["n_0"] < 40).any()


@pytest.mark.parametrize("interim", [(), (10,), (8, 16)])
@pytest.mark.parametrize(("follow_up", "final_events"), [(40.0, 0), (200.0, 0), (40.0, 18), (400.0, 18)])
def test_looks_at_events_agree(
    protocols: tuple[Protocol, Protocol], interim: tuple[int, ...], follow_up: float, final_events: int
) -> None:
    bounds = (2.6, 2.2, 2.0)[-len(interim) - 1 :]
    decisions = EventDecisions(interim, bounds, (-0.5,) * len(interim) + bounds[-1:], 0.025, 1)
    outcomes = Outcomes((c.Outcome(c.PROGRESSION_OR_DEATH),), None, (), HARM)
    plan = c.EventConduct(interim, 40, follow_up, final_events)
    trial = EventTrial(outcomes, decisions, plan)
    fast, slow = both(trial, protocols, 44, follow_up, 5, 3)
    assert np.array_equal(fast, slow)
    if final_events and follow_up > 300.0:  # so long that the events come first
        assert (fast["x_0"] + fast["x_1"] == final_events).all()


@pytest.mark.parametrize("kind", [c.PROGRESSION_OR_DEATH, c.DEATH])
@pytest.mark.parametrize("is_plain", [False, True])
@pytest.mark.parametrize(
    "decisions",
    [EventDecisions((), (1.9,), (), 0.025, 1, False, (0.5, 1.0)), RestrictedMeanDecisions(90.0, 0.025, 1)],
    ids=["weights", "restricted means"],
)
def test_weighted_tests_and_restricted_means_agree(
    protocols: tuple[Protocol, Protocol], decisions: DecisionsAtEvents, is_plain: bool, kind: int
) -> None:
    """With the hazards of the scenario, and with piecewise constant ones, the first of them 0."""
    arms: tuple[Protocol, ...] = protocols
    if is_plain:
        steps = PiecewiseHazard((0.0, 0.5, 3.0), (0.0, 0.3, 0.1)), PiecewiseHazard((0.0, 2.0), (0.2, 0.05))
        arms = tuple(with_piecewise_times(item, step, kind) for item, step in zip(protocols, steps, strict=True))
    trial = EventTrial(Outcomes((c.Outcome(kind),), None, (), HARM), decisions, c.EventConduct((), 40, 100.0))
    fast, slow = both(trial, arms, 44, 100.0, 8, 3)
    assert np.array_equal(fast, slow)
    assert (fast["x_0"] > 0).all()
    assert np.unique(fast["statistic"]).size == 3


@pytest.mark.parametrize("follow_up", [60.0, 400.0])
def test_looks_that_ask_for_more_events_agree(protocols: tuple[Protocol, Protocol], follow_up: float) -> None:
    zone = PromisingZone(0.5, 1.9, 1.7, 0.05, 0.9, 0.9, 2.0)
    decisions = ReestimatedDecisions((8,), (1.9, 1.7), (), 0.05, 1, zone=zone, planned=16)
    plan = c.EventConduct((8,), 40, follow_up, 16)
    trial = EventTrial(Outcomes((c.Outcome(c.PROGRESSION_OR_DEATH),), None, (), HARM), decisions, plan)
    fast, slow = both(trial, protocols, 44, follow_up, 5, 3)
    assert np.array_equal(fast, slow)
    if follow_up > 300.0:  # so long that the events come first
        assert (fast["x_0"] + fast["x_1"]).max() > 16
        assert (fast["x_0"] + fast["x_1"]).max() <= decisions.most == 24


@pytest.mark.parametrize("margin", [0.7, 1.3])
def test_looks_at_events_with_a_margin_agree(protocols: tuple[Protocol, Protocol], margin: float) -> None:
    decisions = MarginDecisions((8, 16), (2.6, 2.2, 2.0), (-0.5, -0.5, 2.0), 0.025, 1, margin=margin)
    plan = c.EventConduct((8, 16), 40, 200.0)
    trial = EventTrial(Outcomes((c.Outcome(c.PROGRESSION_OR_DEATH),), None, (), HARM), decisions, plan)
    fast, slow = both(trial, protocols, 44, 200.0, 5, 3)
    assert np.array_equal(fast, slow)


@pytest.mark.parametrize("shape", [1.0, 1.3])
@pytest.mark.parametrize("kind", [c.PROGRESSION_OR_DEATH, c.DEATH])
def test_one_arm_against_a_reference_agrees(protocols: tuple[Protocol, Protocol], shape: float, kind: int) -> None:
    decisions = OneSampleDecisions(150.0, shape, 0.05, 1)
    plan = c.EventConduct((), 30, 100.0)
    trial = EventTrial(Outcomes((c.Outcome(kind),), None, (), HARM), decisions, plan)
    fast, slow = both(trial, protocols[:1], 34, 100.0, 6, 4)
    assert np.array_equal(fast, slow)
    assert (fast["x_0"] > 0).all()
    assert (fast["n_0"] == 30).all()
