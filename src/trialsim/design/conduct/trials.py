"""Trials under a design, block by block: what each decided, when, on whom, and what a look at everyone would show."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np

from trialsim.design.conduct.setting import Setting
from trialsim.design.conduct.timelines import Timelines, simulated
from trialsim.design.decisions import FUTILE, GO_ON, Decisions
from trialsim.design.outcomes import Outcomes
from trialsim.engines.batch.conduct import conduct_trials, toxicity_stops
from trialsim.model import interim as c
from trialsim.model.parameters import draw_numbers
from trialsim.records.columns import Column
from trialsim.records.digest import row_type
from trialsim.storage.replicate_store import Rows
from trialsim.typing import Counts, Flags, Floats


def columns_of(n_arms: int) -> tuple[Column, ...]:
    """One row a trial; counts and statistic are those of the final look, had nothing stopped the trial."""
    arms = [(f"n_{i}", f"x_{i}") for i in range(n_arms)]
    return (
        Column("replicate", "int64", "", "number of the trial, from 1"),
        Column("parameter_draw", "int64", "", "row, from 1, of the table of parameter draws; 0 for none"),
        Column("decision", "int64", "", "1: the null hypothesis is rejected; -1: it is not; -2: stopped for toxicity"),
        Column("look", "int64", "", "the look that decided, from 1"),
        Column("decided_day", "float64", "days", "calendar day of the decision"),
        Column("enrolled", "int64", "patients", "enrolled by then"),
        Column("n_severe_toxicity", "int64", "patients", "of whom had a severe toxicity by then"),
        Column("paused_days", "float64", "days", "for how long accrual waited for looks"),
        Column("statistic", "float64", "", "z statistic of the final counts under the null hypothesis"),
        Column("second_statistic", "float64", "", "the same of the second endpoint, 0 where there is none"),
        *(Column(n, "int64", "patients", "counted in the arm at the final look") for n, _ in arms),
        *(Column(x, "int64", "patients", "of whom had the event of the first outcome") for _, x in arms),
    )


TOXIC = -2


def decided(
    decisions: Decisions, outcomes: Outcomes, plan: c.Conduct, setting: Setting, seed: int, first: int, n: int
) -> Rows:
    """The rows of `n` trials from `first` on in the simulator."""
    timelines = simulated(
        [setting.engine] * len(setting.protocols), setting.protocols, setting.arms, outcomes.all, seed, first, n
    )
    rows = rows_of_trials(timelines, decisions, outcomes, plan, max(len(setting.protocols), 1))
    numbers = rows["replicate"].astype(np.int64)
    rows["parameter_draw"] = draw_numbers(setting.protocols[0].n_parameter_draws, seed, numbers)
    return rows


def counts_at_looks(outcomes: Outcomes, plan: c.Conduct, setting: Setting, seed: int, first: int, n: int) -> Counts:
    """What the trials of `decided` count at each look if nothing stops them: (trials, looks, arms, 1 + outcomes)."""
    engines = [setting.engine] * len(setting.protocols)
    timelines = simulated(engines, setting.protocols, setting.arms, outcomes.all, seed, first, n)
    return conducted(timelines, plan, len(outcomes.primary), max(len(setting.protocols), 1))[2]


@dataclass(frozen=True)
class Known:
    """The first `n` patients of a running trial: they have entered, and accrual goes on `as_of` a calendar day."""

    n: int
    as_of: float


NOBODY: Final = Known(0, 0.0)  # a trial from its opening on


@dataclass(frozen=True)
class Decided:
    """The trials of a block under a design, shapes (trials, …).

    `enrolled` (calendar days by patient), `look_days` and `counts` are as if nothing stopped a trial; `stops` is the
    calendar day on which toxicity stops it; `decision`, `look` (from 1) and `day` say what came of it.
    """

    enrolled: Floats
    look_days: Floats
    counts: Counts
    stops: Floats
    decision: Counts
    look: Counts
    day: Floats


def decided_trials(
    timelines: Timelines,
    decisions: Decisions,
    outcomes: Outcomes,
    plan: c.Conduct,
    n_arms: int,
    known: Known = NOBODY,
) -> Decided:
    """Conduct the trials of a block, and decide at each look."""
    n_primary = len(outcomes.primary)
    enrolled, look_days, counts = conducted(timelines, plan, n_primary, n_arms, known)
    stops, is_entry = np.full(timelines.n_trials, inf), np.zeros(timelines.n_trials, np.bool_)
    if outcomes.safety is not None:
        event = np.ascontiguousarray(timelines.event[:, :, n_primary])
        toxicity_stops(enrolled, event, np.array(outcomes.at_least), stops, is_entry)
    numbers = np.arange(timelines.first, timelines.first + timelines.n_trials)
    decision, look, day = decide_all(decisions, look_days, counts, (stops, is_entry), numbers)
    return Decided(enrolled, look_days, counts, stops, decision, look, day)


def rows_of_trials(
    timelines: Timelines, decisions: Decisions, outcomes: Outcomes, plan: c.Conduct, n_arms: int
) -> Rows:
    """Conduct the trials of a block, decide at each look, and say what became of each."""
    trials = decided_trials(timelines, decisions, outcomes, plan, n_arms)
    enrolled, counts, day = trials.enrolled, trials.counts, trials.day
    rows = np.zeros(timelines.n_trials, row_type(columns_of(n_arms)))
    rows["replicate"] = np.arange(timelines.first, timelines.first + timelines.n_trials)
    rows["decision"], rows["look"], rows["decided_day"] = trials.decision, trials.look, day
    is_in = enrolled <= day[:, None]
    rows["enrolled"] = is_in.sum(axis=1)
    if outcomes.harm is not None:
        rows["n_severe_toxicity"] = (is_in & (enrolled + timelines.event[:, :, -1] <= day[:, None])).sum(axis=1)
    waited = np.where(is_in, enrolled - timelines.arrival, 0.0)
    rows["paused_days"] = waited.max(axis=1, initial=0.0)
    rows["statistic"], rows["second_statistic"] = decisions.statistic(counts), decisions.second_statistic(counts)
    for i in range(n_arms):
        rows[f"n_{i}"], rows[f"x_{i}"] = counts[:, -1, i, 0], counts[:, -1, i, 1]
    return rows


def conducted(
    timelines: Timelines, plan: c.Conduct, n_primary: int, n_arms: int, known: Known = NOBODY
) -> tuple[Floats, Floats, Counts]:
    """Calendar days of enrolment and of looks, and counts at each look, if nothing stops a trial; see the engine."""
    return _conduct(timelines, plan, n_primary, n_arms, known)[:3]


def waited_days(timelines: Timelines, plan: c.Conduct, n_primary: int, n_arms: int, known: Known) -> Floats:
    """For how many days until today accrual waited for looks and for places to become free, in each running trial."""
    return _conduct(timelines, plan, n_primary, n_arms, known)[3]


def _conduct(
    timelines: Timelines, plan: c.Conduct, n_primary: int, n_arms: int, known: Known
) -> tuple[Floats, Floats, Counts, Floats]:
    n, n_patients = timelines.arrival.shape
    n_looks = len(plan.looks)
    enrolled, look_days, waited = np.empty((n, n_patients)), np.empty((n, n_looks)), np.empty(n)
    counts = np.zeros((n, n_looks, n_arms, 1 + n_primary), np.int64)
    is_evaluable = np.ones_like(timelines.is_evaluable) if plan.not_evaluable == c.FAILURE else timelines.is_evaluable
    conduct_trials(
        timelines.arrival, timelines.resolved_days(n_primary), is_evaluable,
        np.ascontiguousarray(timelines.event[:, :, :n_primary]), np.ascontiguousarray(timelines.arm),
        np.array(plan.looks), plan.overrun, plan.not_evaluable, plan.wait_days, known.n, known.as_of, enrolled,
        look_days, counts, waited,
    )  # fmt: skip
    return enrolled, look_days, counts, waited


def decide_all(
    decisions: Decisions, look_days: Floats, counts: Counts, safety: tuple[Floats, Flags], trials: Counts
) -> tuple[Counts, Counts, Floats]:
    """What each trial decided, at which look (from 1), on which calendar day; shapes (trials,).

    `safety`: the day on which toxicity stops it, and whether an entry does; a look lets the next patient in, so it goes
    before an entry on its day.
    """
    stops, is_entry = safety
    n, n_looks = look_days.shape
    decision, look, day = np.zeros(n, np.int64), np.zeros(n, np.int64), np.full(n, np.nan)
    for k in range(n_looks):
        is_due = (decision == GO_ON) & ~np.isnan(look_days[:, k])
        is_toxic = is_due & ((stops < look_days[:, k]) | ((stops == look_days[:, k]) & ~is_entry))
        decision[is_toxic], look[is_toxic], day[is_toxic] = TOXIC, k + 1, stops[is_toxic]
        due = np.flatnonzero(is_due & ~is_toxic)
        if len(due) == 0:
            continue
        code = decisions.decide(k, counts[due], trials[due]).astype(np.int64)
        if k == n_looks - 1:
            code = np.where(code == GO_ON, FUTILE, code)
        decision[due] = code
        ended = due[code != GO_ON]
        look[ended], day[ended] = k + 1, look_days[ended, k]
    return decision, look, day
