"""Trials simulated onwards from the patients as they stand: how probable success is, and when what will happen.

Many virtual patients are simulated under each draw of the posterior. A draw is weighted by how probable it makes the
state of every real patient: the share of virtual ones that are in the same state after as long a time on study. In each
future a draw is taken by weight; every patient whose outcome is open goes on as a virtual one who was in the same state
at that time, and new patients come as the scenario says, at a pace that the patients so far have updated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final

import numpy as np

from trialsim.design.conduct.timelines import Timelines, nobody, simulated
from trialsim.design.hypotheses import thin_draws, with_follow_up
from trialsim.inference.standing import Standing
from trialsim.model import interim as c
from trialsim.model.parameters import draw_numbers
from trialsim.model.protocol import Protocol
from trialsim.simulation.allocation import Arms
from trialsim.simulation.engine import BATCH
from trialsim.typing import Counts, Flags, Floats

DRAWS: Final = 200
TRIALS_A_DRAW: Final = 60  # of virtual patients, and as many patients in each
PER_TRIAL: Final = 100
BLOCK: Final = 2000  # trials at once
MORE: Final = 1.35  # times as many trials as are needed if every draw came equally often
PACE: Final = 4.0  # patients that the scenario's pace of accrual is worth, against those who came


@dataclass(frozen=True)
class Virtual:
    """Virtual patients of an arm by draw, shapes (draws, patients), in order of the study day on which all is `known`.

    `event` is the study day of the event, `resolved` that on which a patient counts as resolved, `left` that of
    leaving. `events` and `closures` are sorted: days of events, and days on which it is known that there will be none.
    """

    known: Floats
    event: Floats
    resolved: Floats
    left: Floats
    is_evaluable: Flags
    events: Floats
    closures: Floats

    @classmethod
    def of(cls, event: Floats, resolved: Floats, left: Floats, is_evaluable: Flags, is_time: bool) -> Virtual:
        """From patients in any order; of times to events all is known at the event or on leaving."""
        known = np.minimum(event, left) if is_time else resolved
        order = np.argsort(known, axis=1, kind="stable")
        known_days, event_days, resolved_days, left_days = (
            np.take_along_axis(item, order, axis=1) for item in (known, event, resolved, left)
        )
        evaluable = np.take_along_axis(is_evaluable, order, axis=1)
        seen = np.where(event <= left, event, inf) if is_time else event
        closures = np.where(seen < inf, inf, known)
        in_order = np.sort(seen, axis=1), np.sort(closures, axis=1)
        return cls(known_days, event_days, resolved_days, left_days, evaluable, *in_order)

    @property
    def n(self) -> int:
        """How many there are under each draw."""
        return int(self.event.shape[1])


@dataclass(frozen=True)
class Plan:
    """What is simulated onwards: protocols and outcome of the arms, and how long patients must be followed."""

    protocols: tuple[Protocol, ...]
    outcome: c.Outcome
    arms: Arms | None
    horizon_days: float

    @property
    def is_time(self) -> bool:
        """Whether the outcome is a time to an event, without a window."""
        return self.outcome.kind in (c.PROGRESSION_OR_DEATH, c.DEATH)


@dataclass(frozen=True)
class Onwards:
    """Futures of the trial, and the posterior that they are drawn from: weights (draws,), their effective number."""

    timelines: Timelines
    draws: Counts
    weights: Floats

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
        one = simulated([BATCH], [followed], None, [plan.outcome], seed, first, n)
        parts.append((one.event[:, :, 0], one.resolved[:, :, 0], one.left, one.is_evaluable))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    numbers = np.maximum(draw_numbers(followed.n_parameter_draws, seed, np.arange(1, n_trials + 1)), 1) - 1
    order = np.argsort(numbers, kind="stable")
    starts = np.searchsorted(numbers[order], np.arange(n_draws))
    fewest = int(np.bincount(numbers, minlength=n_draws).min())
    rows = order[(starts[:, None] + np.arange(fewest)).ravel()]
    event, resolved, left, is_evaluable = (item[rows].reshape(n_draws, -1) for item in columns)
    return Virtual.of(event, resolved, left, is_evaluable, plan.is_time)


def share_in_state(virtual: Virtual, plan: Plan, seen: float, has_event: bool, is_closed: bool) -> Floats:
    """The share of virtual patients in the state of a real one after `seen` days on study, by draw, shape (draws,)."""
    window = plan.outcome.window_days
    if has_event:
        count = _up_to(virtual.events, min(seen, window))
    elif is_closed and not plan.is_time and seen >= window:
        count = np.count_nonzero(virtual.event == inf, axis=1)
    elif is_closed:
        count = _up_to(virtual.closures, seen)
    else:
        count = virtual.n - _up_to(virtual.known, seen)
    return np.asarray((count + 0.5) / (virtual.n + 1.0))


def _up_to(days: Floats, day: float) -> Counts:
    """How many of sorted days come by a day, by row."""
    return np.array([np.searchsorted(row, day, side="right") for row in days], np.int64)


def simulate_onwards(standing: Standing, plan: Plan, model: Model, room: int, seed: int) -> Onwards:
    """Futures of a trial of up to `room` patients from the patients as they stand, as many as the model has entries."""
    virtual, n_futures = model.virtual, len(model.arrivals)
    has_event, is_closed = standing.has_event(), standing.is_closed(plan.outcome.window_days)
    weights = _weights(standing, plan, virtual, has_event, is_closed)
    rng = np.random.default_rng([seed, len(standing.entered), int(standing.today)])
    draws = np.asarray(rng.choice(len(weights), n_futures, p=weights))
    timelines = nobody(1, n_futures, max(room, len(standing.entered)), 1)
    timelines.number[:] = np.arange(timelines.number.shape[1]) + 1
    every = np.arange(n_futures)
    for i, (arm, seen) in enumerate(zip(standing.arm, standing.seen, strict=True)):
        timelines.arrival[:, i], timelines.arm[:, i] = standing.entered[i], arm
        if has_event[i] or is_closed[i]:
            _write_known(timelines, standing, plan, i)
        else:
            who = _who_goes_on(virtual[arm], float(seen), draws, rng)
            _write(timelines, every, i, virtual[arm], draws, who)
    _add_patients(timelines, standing, plan, model, draws, rng, seed)
    return Onwards(timelines, draws, weights)


def _weights(standing: Standing, plan: Plan, virtual: Sequence[Virtual], has_event: Flags, is_closed: Flags) -> Floats:
    """The posterior weights of the draws: the product of the shares of virtual patients in each real one's state."""
    logs = np.zeros(len(virtual[0].event))
    for arm, *state in zip(standing.arm, standing.seen, has_event, is_closed, strict=True):
        logs += np.log(share_in_state(virtual[arm], plan, *state))
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum())


def _who_goes_on(virtual: Virtual, seen: float, draws: Counts, rng: np.random.Generator) -> Counts:
    """For each future a virtual patient whose outcome is open after `seen` days; the last to be known if none is."""
    firsts = np.minimum(_up_to(virtual.known, seen), virtual.n - 1)[draws]
    return np.asarray(firsts + (rng.random(len(draws)) * (virtual.n - firsts)).astype(np.int64))


def _write_known(timelines: Timelines, standing: Standing, plan: Plan, i: int) -> None:
    """A patient whose outcome is known."""
    event, off = float(standing.event[i]), float(standing.off[i])
    timelines.event[:, i, 0] = event
    timelines.resolved[:, i, 0] = min(event, off, plan.outcome.window_days)
    timelines.is_evaluable[:, i] = bool(standing.is_evaluable[i])
    timelines.left[:, i] = off if event == inf else inf


def _write(timelines: Timelines, futures: Counts, i: int, virtual: Virtual, draws: Counts, who: Counts) -> None:
    """The patient at a place who does as a virtual one does, in each of some futures another."""
    timelines.event[futures, i, 0] = virtual.event[draws, who]
    timelines.resolved[futures, i, 0] = virtual.resolved[draws, who]
    timelines.is_evaluable[futures, i] = virtual.is_evaluable[draws, who]
    timelines.left[futures, i] = virtual.left[draws, who]


def _add_patients(
    timelines: Timelines, standing: Standing, plan: Plan, model: Model, draws: Counts,
    rng: np.random.Generator, seed: int,
) -> None:  # fmt: skip
    """New patients, at the scenario's times after today, quicker or slower by what the patients so far say of the pace.

    The pace is a gamma variable: the scenario's is worth `PACE` patients, and so many came where so many were expected.
    """
    n_futures, room = timelines.arrival.shape
    n_now = len(standing.entered)
    if room == n_now:
        return
    days = model.arrivals
    expected = float((days <= standing.today).sum(axis=1).mean())
    pace = np.asarray(rng.gamma(n_now + PACE, 1.0 / (expected + PACE), n_futures))
    after = np.sort(np.where(days > standing.today, days, inf), axis=1)[:, : room - n_now]
    later = standing.today + (after - standing.today) / pace[:, None]
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
