"""Trials of a design under one truth, in blocks, on either engine, on as many cores as there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np

from trialsim.design.conduct.event_trials import event_trials
from trialsim.design.conduct.timelines import Timelines, ideal, simulated
from trialsim.design.conduct.trials import TOXIC, Questions, columns_of, decided, rows_of_trials, statistics_of
from trialsim.design.decisions import FUTILE, GO_ON, REJECT, Decisions
from trialsim.design.hypotheses import Setting
from trialsim.design.plan import one_rate
from trialsim.design.theory.toxicity import ToxicityBoundary
from trialsim.design.time_to_event.decisions import DecisionsAtEvents
from trialsim.design.two_arm.wald import WaldTest
from trialsim.engines.batch.conduct import toxicity_stops
from trialsim.engines.reference.event_monitor import EventMonitoredTrial, Followed
from trialsim.engines.reference.monitor import Conducted, MonitoredTrial, Watch
from trialsim.model import interim as c
from trialsim.model.parameters import draw_numbers
from trialsim.records.digest import row_type
from trialsim.simulation.engine import BATCH, REFERENCE
from trialsim.simulation.workers import blocks, local_crew
from trialsim.storage.replicate_store import Rows
from trialsim.typing import Counts, Floats

PATIENTS_IN_BLOCK: Final = 40_000  # of each arm: all of them are in memory
TRIALS_IN_REFERENCE_BLOCK: Final = 20
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Trial:
    """A design and how it is conducted: all that is needed to run it under some truth.

    Exactly one of `decisions` (with `plan`), `event_decisions` (with `event_plan`) and `wald` is there.
    """

    questions: Questions
    n_arms: int
    decisions: Decisions | None = None
    plan: c.Conduct | None = None
    event_decisions: DecisionsAtEvents | None = None
    event_plan: c.EventConduct | None = None
    wald: WaldTest | None = None

    def rows(self, setting: Setting, seed: int, first: int, n: int) -> Rows:
        """The rows of a block of trials; columns as in `trials.columns_of`."""
        if self.wald is not None:
            return self.wald.rows(setting, seed, first, n)
        if self.decisions is not None and self.plan is not None:
            if setting.engine == REFERENCE:
                return reference_rows(self, setting, seed, first, n)
            return decided(self.decisions, self.questions, self.plan, setting, seed, first, n)
        if self.event_decisions is None or self.event_plan is None:
            raise AssertionError("a trial has decisions and a plan")
        if setting.engine == REFERENCE:
            return reference_event_rows(self, setting, seed, first, n)
        return event_trials(self.event_decisions, self.questions, self.event_plan, setting, seed, first, n)

    def ideal_rows(self, cells: Sequence[Floats], seats: Sequence[int], seed: int, first: int, n: int) -> Rows:
        """The rows of a block of trials whose outcomes are instant and independent, at known rates."""
        if self.decisions is None:
            raise AssertionError("only answers that are there at once have known rates")
        found = ideal(cells, seats, seed, first, n, self.decisions.looks[-1])
        plain = Questions(self.questions.primary)
        return rows_of_trials(
            found, self.decisions, plan=c.Conduct(self.decisions.looks), questions=plain, n_arms=self.n_arms
        )


def boundary_stops(boundary: ToxicityBoundary, seed: int, first: int, n: int) -> Rows:
    """Whether each of `n` trials stops, as 0 and 1: toxicity is instant, and its true rate the one of the boundary."""
    size = len(boundary.at_least)
    found = ideal([one_rate(boundary.rate)], (0,), seed, first, n, size)
    stops, is_entry = np.full(n, inf), np.zeros(n, np.bool_)
    toxicity_stops(found.arrival, found.event[:, :, 0], np.array(boundary.at_least), stops, is_entry)
    return (stops < inf).astype(np.int8)


def run(work: Callable[[int, int], Rows], n: int, in_block: int, n_workers: int, done: Progress) -> Rows:
    """All rows of `n` trials from blocks of `work(first, n)`, in order."""
    found: list[Rows] = []
    todo = list(blocks(1, n, max(1, min(in_block, -(-n // (4 * n_workers))))))

    def take(rows: Rows) -> None:
        found.append(rows)
        done(sum(count for _, count in todo[: len(found)]), n)

    with local_crew(BATCH, max(1, min(n_workers, len(todo)))) as crew:
        crew.in_order(work, todo, take)
    return np.concatenate(found)


def block_size(engine: str, n_patients: int) -> int:
    """How many trials a worker does at a time."""
    return TRIALS_IN_REFERENCE_BLOCK if engine == REFERENCE else max(1, PATIENTS_IN_BLOCK // max(n_patients, 1))


# The reference engine: every trial is run as it would happen.


def reference_rows(trial: Trial, setting: Setting, seed: int, first: int, n: int) -> Rows:
    """The rows of a block, each trial run in SimPy to the look that ends it, and once more to the last look."""
    decisions, plan = trial.decisions, trial.plan
    if decisions is None or plan is None:
        raise AssertionError("looks at numbers of patients")
    rows = np.zeros(n, row_type(columns_of(trial.n_arms)))
    engines = [REFERENCE] * len(setting.protocols)
    table = simulated(engines, setting.protocols, setting.arms, trial.questions.all, seed, first, n)
    for t in range(n):
        number, row = first + t, rows[t]
        arms = {int(who): int(arm) for who, arm in zip(table.number[t], table.arm[t], strict=True) if who > 0}

        def stops(look: int, counts: Counts, number: int = number) -> bool:
            return bool(decisions.decide(look, counts[None], np.array([number]))[0] != GO_ON)

        live = _watched(trial, plan, setting, seed, number, arms, stops)
        whole = _watched(trial, plan, setting, seed, number, arms, lambda look, counts: False, is_safe=True)
        _fill(row, live, trial, decisions, number)
        _fill_rest(row, whole, decisions, trial.n_arms)
        _count_patients(row, live, table, t)
    return _with_draws(rows, setting, seed, first, n)


def _watched(
    trial: Trial,
    plan: c.Conduct,
    setting: Setting,
    seed: int,
    number: int,
    arms: dict[int, int],
    stops: Callable[[int, Counts], bool],
    is_safe: bool = False,
) -> Conducted:
    asked = trial.questions.primary if is_safe or not trial.questions.safety else (
        *trial.questions.primary, trial.questions.safety)  # fmt: skip
    at_least = () if is_safe else trial.questions.at_least
    watch = Watch(plan, asked, stops, at_least, trial.n_arms)
    return MonitoredTrial(setting.protocols, seed, number, arms, watch).run()


def _fill(row: Rows, live: Conducted, trial: Trial, decisions: Decisions, number: int) -> None:
    row["replicate"] = number
    n_looks = len(decisions.looks)
    taken = [k for k in range(n_looks) if not np.isnan(live.look_days[k])]
    if live.stopped_day < inf:
        row["decision"], row["decided_day"] = TOXIC, live.stopped_day
        row["look"] = (taken[-1] + 2) if taken else 1  # the one that it was waiting for
        return
    last = taken[-1]
    sign = int(decisions.decide(last, live.counts[None], np.array([number]))[0])
    row["decision"] = FUTILE if sign == GO_ON else sign
    row["look"], row["decided_day"] = last + 1, live.look_days[last]


def _fill_rest(row: Rows, whole: Conducted, decisions: Decisions, n_arms: int) -> None:
    first, second = statistics_of(decisions, whole.counts[None])
    row["statistic"], row["second_statistic"] = first[0], second[0]
    for i in range(n_arms):
        row[f"n_{i}"], row[f"x_{i}"] = whole.counts[-1, i, 0], whole.counts[-1, i, 1]


def _count_patients(row: Rows, live: Conducted, table: Timelines, t: int) -> None:
    day = row["decided_day"]
    place = {int(who): i for i, who in enumerate(table.number[t]) if who > 0}
    for who, entered in live.enrolled.items():
        if entered <= day:
            row["enrolled"] += 1
            row["harmed"] += entered + table.event[t, place[who], -1] <= day
            row["paused_days"] = max(row["paused_days"], entered - table.arrival[t, place[who]])


def reference_event_rows(trial: Trial, setting: Setting, seed: int, first: int, n: int) -> Rows:
    """The rows of a block of trials with looks at events, each run in SimPy."""
    decisions, plan = trial.event_decisions, trial.event_plan
    if decisions is None or plan is None:
        raise AssertionError("looks at numbers of events")
    rows = np.zeros(n, row_type(columns_of(decisions.n_arms)))
    engines = [REFERENCE] * len(setting.protocols)
    table = simulated(engines, setting.protocols, setting.arms, trial.questions.all, seed, first, n)
    kind = trial.questions.primary[0].kind
    for t in range(n):
        number, row = first + t, rows[t]
        arms = {int(who): int(arm) for who, arm in zip(table.number[t], table.arm[t], strict=True) if who > 0}
        for is_live in (True, False):
            signs: dict[int, tuple[int, float, float]] = {}

            def stops(
                look: int, day: float, patients: list[Followed], signs: dict[int, tuple[int, float, float]] = signs,
                is_live: bool = is_live,
            ) -> bool:  # fmt: skip
                z, events = _deviate(decisions, patients, day)
                taken = np.array([len(signs)])
                sign = int(decisions.decide(look, np.array([z]), np.array([events]), taken)[0])
                signs[look] = sign, day, z
                return is_live and sign != GO_ON

            found = EventMonitoredTrial(setting.protocols, seed, number, arms, plan, kind, stops).run()
            last = max(signs)
            if is_live:
                sign, day, _ = signs[last]
                row["replicate"], row["decision"] = number, FUTILE if sign == GO_ON else sign
                row["look"], row["decided_day"] = last + 1, day
                place = {int(who): i for i, who in enumerate(table.number[t]) if who > 0}
                for who, own in found.patients.items():
                    if own.entered_day <= day:
                        row["enrolled"] += 1
                        row["harmed"] += own.entered_day + table.event[t, place[who], -1] <= day
            else:
                row["statistic"] = signs[last][2]
                for own in found.patients.values():
                    row[f"n_{own.arm}"] += 1
                    row[f"x_{own.arm}"] += own.event_day < inf
    return _with_draws(rows, setting, seed, first, n)


def _deviate(decisions: DecisionsAtEvents, patients: list[Followed], day: float) -> tuple[float, int]:
    """The deviate and the number of events by what is known on a day."""
    own = [item for item in patients if item.entered_day < day]
    has_event = np.array([item.event_day < inf for item in own], np.bool_)
    times = np.array([min(item.event_day, item.left_day, day - item.entered_day) for item in own])
    times = np.where(has_event, np.array([item.event_day for item in own]), times)
    is_second = np.array([item.arm == 1 for item in own], np.bool_)
    return decisions.deviate(times, has_event, is_second), int(has_event.sum())


def _with_draws(rows: Rows, setting: Setting, seed: int, first: int, n: int) -> Rows:
    rows["parameter_draw"] = draw_numbers(setting.protocols[0].n_parameter_draws, seed, np.arange(first, first + n))
    return rows


def success(rows: Rows) -> Floats:
    """Whether each trial rejected the null hypothesis, as numbers."""
    return np.asarray((rows["decision"] == REJECT).astype(np.float64))
