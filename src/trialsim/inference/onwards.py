"""Trials simulated onwards from the patients as they stand: how probable success is, and when what will happen.

Many virtual patients are simulated under each draw of the posterior. A draw is weighted by how probable it makes the
state of every real patient: the share of virtual ones that are in the same state after as long a time on study, with
several outcomes in the same state of all of them. In each future a draw is taken by weight; every patient of whom an
outcome is open goes on as a virtual one who was in the same state at that time, and new patients come as the scenario
says, at a pace that the patients so far have updated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final

import numpy as np

from trialsim.design.conduct.timelines import Timelines, nobody, simulated
from trialsim.design.conduct.trials import NOBODY, Known
from trialsim.design.hypotheses import thin_draws, with_follow_up
from trialsim.inference.standing import Standing
from trialsim.inference.virtual import Virtual
from trialsim.model import interim as c
from trialsim.model.parameters import draw_numbers
from trialsim.model.protocol import Protocol
from trialsim.simulation.allocation import Arms
from trialsim.simulation.engine import BATCH
from trialsim.typing import Counts, Floats

DRAWS: Final = 200
TRIALS_A_DRAW: Final = 60  # of virtual patients, and as many patients in each
PER_TRIAL: Final = 100
BLOCK: Final = 2000  # trials at once
MORE: Final = 1.35  # times as many trials as are needed if every draw came equally often
PACE: Final = 4.0  # patients that the scenario's pace of accrual is worth, against those who came


@dataclass(frozen=True)
class Plan:
    """What is simulated onwards: protocols of the arms, outcomes of the patients, how long these must be followed."""

    protocols: tuple[Protocol, ...]
    outcomes: tuple[c.Outcome, ...]
    arms: Arms | None
    horizon_days: float

    @property
    def is_time(self) -> bool:
        """Whether the outcome is a time to an event, without a window."""
        return self.outcomes[0].kind in (c.PROGRESSION_OR_DEATH, c.DEATH)


@dataclass(frozen=True)
class Onwards:
    """Futures of the trial, and the posterior that they are drawn from: weights (draws,), their effective number.

    `known` are the patients who have entered so far, nobody in trials from their opening on.
    """

    timelines: Timelines
    draws: Counts
    weights: Floats
    known: Known = NOBODY

    @property
    def effective_draws(self) -> float:
        """The effective sample size of the draws, (sum w)^2 / sum w^2."""
        return float(1.0 / (self.weights**2).sum())


@dataclass(frozen=True)
class Model:
    """What futures are made of: virtual patients of every arm, calendar days of entry, shape (futures, patients)."""

    virtual: tuple[Virtual, ...]
    arrivals: Floats


def model_of(
    plan: Plan, room: int, today: float, n_futures: int, seed: int, trials_a_draw: int = TRIALS_A_DRAW
) -> Model:
    """The model of a plan, with enough patients to come after a day for a trial of `room`."""
    protocols = [thin_draws(protocol, DRAWS) for protocol in plan.protocols]
    virtual = tuple(_virtual(protocol, plan, seed, trials_a_draw) for protocol in protocols)
    return Model(virtual, _arrivals(protocols[0], room, today, n_futures, seed))


def _virtual(protocol: Protocol, plan: Plan, seed: int, trials_a_draw: int) -> Virtual:
    followed = with_follow_up(protocol, PER_TRIAL, plan.horizon_days)
    followed = replace(followed, accrual=replace(followed.accrual, closes_day=inf))
    n_draws = max(1, followed.n_parameter_draws)
    n_trials = int(MORE * trials_a_draw * n_draws) if n_draws > 1 else trials_a_draw
    parts = []
    for first in range(1, n_trials + 1, BLOCK):
        n = min(BLOCK, n_trials + 1 - first)
        one = simulated([BATCH], [followed], None, plan.outcomes, seed, first, n)
        parts.append((one.event, one.resolved, one.left, one.is_evaluable))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    numbers = np.maximum(draw_numbers(followed.n_parameter_draws, seed, np.arange(1, n_trials + 1)), 1) - 1
    order = np.argsort(numbers, kind="stable")
    starts = np.searchsorted(numbers[order], np.arange(n_draws))
    fewest = int(np.bincount(numbers, minlength=n_draws).min())
    rows = order[(starts[:, None] + np.arange(fewest)).ravel()]
    event, resolved, left, is_evaluable = (
        item[rows].reshape(n_draws, fewest * item.shape[1], *item.shape[2:]) for item in columns
    )
    events_first, resolved_first = (np.ascontiguousarray(np.moveaxis(item, 2, 0)) for item in (event, resolved))
    return Virtual.of(events_first, resolved_first, left, is_evaluable, plan.is_time)


def simulate_onwards(standing: Standing, plan: Plan, model: Model, room: int, seed: int) -> Onwards:
    """Futures of a trial of up to `room` patients from the patients as they stand, as many as the model has entries."""
    virtual, n_futures = model.virtual, len(model.arrivals)
    weights = _weights(standing, virtual)
    n_now = len(standing.entered)
    rng = np.random.default_rng([seed, n_now, int(standing.today)])
    draws = np.asarray(rng.choice(len(weights), n_futures, p=weights))
    timelines = nobody(1, n_futures, max(room, n_now), len(plan.outcomes))
    timelines.number[:] = np.arange(timelines.number.shape[1]) + 1
    every = np.arange(n_futures)
    states = zip(standing.arm, standing.seen, standing.has_event, standing.is_known, strict=True)
    for i, (arm, seen, *state) in enumerate(states):
        timelines.arrival[:, i], timelines.arm[:, i] = standing.entered[i], arm
        if not state[1].all():
            _write(timelines, every, i, virtual[arm], *virtual[arm].who_goes_on(float(seen), *state, draws, rng))
            _stay_open(timelines, i, float(seen))
        _write_known(timelines, standing, plan, i)
    _add_patients(timelines, standing, plan, model, draws, rng, seed)
    return Onwards(timelines, draws, weights, Known(n_now, standing.today))


def as_known(standing: Standing, plan: Plan) -> Timelines:
    """The patients so far as one trial in which nothing that is open ever comes."""
    timelines = nobody(1, 1, len(standing.entered), len(plan.outcomes))
    timelines.resolved[:] = inf
    timelines.arrival[0], timelines.arm[0] = standing.entered, standing.arm
    for i in range(len(standing.entered)):
        _write_known(timelines, standing, plan, i)
    return timelines


def _weights(standing: Standing, virtual: Sequence[Virtual]) -> Floats:
    """The posterior weights of the draws: the product of the shares of virtual patients in each real one's state."""
    logs = np.zeros(virtual[0].n_draws)
    for arm, *state in zip(standing.arm, standing.seen, standing.has_event, standing.is_known, strict=True):
        logs += np.log(virtual[arm].share_in_state(*state))
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum())


def _write_known(timelines: Timelines, standing: Standing, plan: Plan, i: int) -> None:
    """What is known of a patient."""
    is_known = standing.is_known[i]
    event = np.where(standing.has_event[i], standing.event[i], inf)
    timelines.event[:, i, is_known] = event[is_known]
    timelines.resolved[:, i, is_known] = np.minimum(event, standing.closed[i])[is_known]
    if is_known.all():
        timelines.is_evaluable[:, i] = bool(standing.is_evaluable[i])
        timelines.left[:, i] = standing.closed[i, 0] if plan.is_time and event[0] == inf else inf
    else:
        timelines.is_evaluable[:, i] &= bool(standing.is_evaluable[i])


def _stay_open(timelines: Timelines, i: int, seen: float) -> None:
    """What is open today has not come before: only the last resort of `who_goes_on` would say so."""
    timelines.event[:, i] = np.where(timelines.event[:, i] <= seen, inf, timelines.event[:, i])
    timelines.resolved[:, i] = np.maximum(timelines.resolved[:, i], seen)


def _write(timelines: Timelines, futures: Counts, i: int, virtual: Virtual, draws: Counts, who: Counts) -> None:
    """The patient at a place who does as a virtual one does, in each of some futures another."""
    timelines.event[futures, i] = virtual.event[:, draws, who].T
    timelines.resolved[futures, i] = virtual.resolved[:, draws, who].T
    timelines.is_evaluable[futures, i] = virtual.is_evaluable[draws, who]
    timelines.left[futures, i] = virtual.left[draws, who]


def _add_patients(
    timelines: Timelines, standing: Standing, plan: Plan, model: Model, draws: Counts,
    rng: np.random.Generator, seed: int,
) -> None:  # fmt: skip
    """New patients, at the scenario's times after today, quicker or slower by what the patients so far say of the pace.

    The pace is a gamma variable: the scenario's is worth `PACE` patients, and so many came where so many were expected.
    The scenario's times stand still while accrual waits for a look.
    """
    n_futures, room = timelines.arrival.shape
    n_now = len(standing.entered)
    if room == n_now:
        return
    days, open_days = model.arrivals, standing.today - standing.waited
    expected = float((days <= open_days).sum(axis=1).mean())
    pace = np.asarray(rng.gamma(n_now + PACE, 1.0 / (expected + PACE), n_futures))
    after = np.sort(np.where(days > open_days, days, inf), axis=1)[:, : room - n_now]
    later = standing.today + (after - open_days) / pace[:, None]
    timelines.arrival[:, n_now : n_now + later.shape[1]] = later
    arms = _arms_of_new(plan, n_futures, room, seed)
    for place in range(n_now, room):
        who = np.asarray(rng.random(n_futures))
        timelines.arm[:, place] = arms[:, place]
        for arm, one in enumerate(model.virtual):
            of_arm = np.flatnonzero(arms[:, place] == arm)
            _write(timelines, of_arm, place, one, draws[of_arm], (who[of_arm] * one.n).astype(np.int64))


def _arrivals(protocol: Protocol, room: int, today: float, n: int, seed: int) -> Floats:
    """Calendar days of entry in `n` trials of the scenario, with enough patients after today."""
    many = 2 * room
    while True:
        followed = with_follow_up(protocol, many, 1.0)
        days = simulated([BATCH], [followed], None, [c.Outcome(c.DEATH)], seed, 1, n).arrival
        enough = ((days > today) & np.isfinite(days)).sum(axis=1) >= room
        if enough.all() or many > 20 * room or not np.isfinite(days[:, -1]).any():
            return np.asarray(days)
        many *= 2


def _arms_of_new(plan: Plan, n: int, room: int, seed: int) -> Counts:
    """The arm of each place: by permuted blocks, whatever the patients so far were given."""
    if plan.arms is None:
        return np.zeros((n, room), np.int64)
    return plan.arms.of_places(1, n, room, seed)
