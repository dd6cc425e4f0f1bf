"""Trials that are looked at after numbers of events, block by block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trialsim.design.conduct.logrank_at_looks import z_of_looks
from trialsim.design.conduct.reestimated_looks import reestimated_looks
from trialsim.design.conduct.setting import Setting
from trialsim.design.conduct.timelines import Timelines, simulated
from trialsim.design.conduct.trials import columns_of
from trialsim.design.decisions import FUTILE, GO_ON
from trialsim.design.outcomes import Outcomes
from trialsim.design.time_to_event.decisions import DecisionsAtEvents
from trialsim.design.time_to_event.reestimated import ReestimatedDecisions
from trialsim.engines.batch.conduct import event_looks
from trialsim.model import interim as c
from trialsim.model.parameters import draw_numbers
from trialsim.records.digest import row_type
from trialsim.storage.replicate_store import Rows
from trialsim.typing import Counts, Floats


@dataclass(frozen=True)
class DecidedAtEvents:
    """The trials of a block with looks at events: `days`, `z` (trials, looks); what came of each, `look` from 1."""

    days: Floats
    z: Floats
    decision: Counts
    look: Counts
    day: Floats


def decided_at_events(timelines: Timelines, decisions: DecisionsAtEvents, plan: c.EventConduct) -> DecidedAtEvents:
    """Look at the trials of a block with what is known on the day of each look, and decide."""
    n = timelines.n_trials
    days = np.empty((n, plan.n_looks))
    event = np.ascontiguousarray(timelines.event[:, :, 0])
    event_looks(
        timelines.arrival, event, timelines.left, np.array(plan.interim, np.int64), plan.n_patients,
        plan.follow_up_days, plan.final_events, days,
    )  # fmt: skip
    if isinstance(decisions, ReestimatedDecisions):
        z, events = reestimated_looks(decisions, timelines, event, plan, days)
    else:
        z, events = z_of_looks(decisions, timelines, event, days, plan.n_patients)
    taken = (~np.isnan(days[:, :-1])).sum(axis=1)
    decision, look, day = np.zeros(n, np.int64), np.zeros(n, np.int64), np.full(n, np.nan)
    for k in range(days.shape[1]):
        due = np.flatnonzero((decision == GO_ON) & ~np.isnan(days[:, k]))
        code = decisions.decide(k, z[due, k], events[due, k], taken[due]).astype(np.int64)
        code = np.where((code == GO_ON) & (k == days.shape[1] - 1), FUTILE, code)
        decision[due] = code
        ended = due[code != GO_ON]
        look[ended], day[ended] = k + 1, days[ended, k]
    return DecidedAtEvents(days, z, decision, look, day)


def event_rows(timelines: Timelines, decisions: DecisionsAtEvents, plan: c.EventConduct, harm: bool) -> Rows:
    """Look at the trials of a block, decide, and say what became of each; columns as in `trials.columns_of`."""
    n, event = timelines.n_trials, timelines.event[:, :, 0]
    trials = decided_at_events(timelines, decisions, plan)
    days, day = trials.days, trials.day
    rows = np.zeros(n, row_type(columns_of(decisions.n_arms)))
    rows["replicate"] = np.arange(timelines.first, timelines.first + n)
    rows["decision"], rows["look"], rows["decided_day"] = trials.decision, trials.look, day
    arrival = timelines.arrival[:, : plan.n_patients]
    is_in = arrival <= day[:, None]
    rows["enrolled"] = is_in.sum(axis=1)
    if harm:
        toxicity_day = arrival + timelines.event[:, : plan.n_patients, -1]
        rows["n_severe_toxicity"] = (is_in & (toxicity_day <= day[:, None])).sum(axis=1)
    rows["statistic"] = trials.z[:, -1]
    seen = arrival + event[:, : plan.n_patients] <= days[:, -1:]
    for i in range(decisions.n_arms):
        is_arm = timelines.arm[:, : plan.n_patients] == i
        rows[f"n_{i}"] = (is_arm & (arrival <= days[:, -1:])).sum(axis=1)
        rows[f"x_{i}"] = (is_arm & seen).sum(axis=1)
    return rows


def event_trials(
    decisions: DecisionsAtEvents,
    outcomes: Outcomes,
    plan: c.EventConduct,
    setting: Setting,
    seed: int,
    first: int,
    n: int,
) -> Rows:
    """The rows of `n` trials from `first` on in the simulator."""
    engines = [setting.engine] * len(setting.protocols)
    timelines = simulated(engines, setting.protocols, setting.arms, outcomes.all, seed, first, n)
    rows = event_rows(timelines, decisions, plan, outcomes.harm is not None)
    numbers = rows["replicate"].astype(np.int64)
    rows["parameter_draw"] = draw_numbers(setting.protocols[0].n_parameter_draws, seed, numbers)
    return rows
