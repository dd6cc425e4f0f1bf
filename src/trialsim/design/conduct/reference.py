"""Trials under a design in the reference engine: every one is run as it would happen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf

import numpy as np

from trialsim.design.conduct.logrank_at_looks import deviate_of
from trialsim.design.conduct.setting import Setting
from trialsim.design.conduct.timelines import Timelines, simulated
from trialsim.design.conduct.trials import TOXIC, columns_of
from trialsim.design.decisions import FUTILE, GO_ON, Decisions
from trialsim.design.outcomes import Outcomes
from trialsim.design.time_to_event.decisions import DecisionsAtEvents
from trialsim.design.time_to_event.reestimated import ReestimatedDecisions
from trialsim.engines.reference.event_monitor import EventMonitoredTrial, Followed
from trialsim.engines.reference.monitor import Conducted, InterimAnalyses, MonitoredTrial
from trialsim.model import interim as c
from trialsim.model.parameters import draw_numbers
from trialsim.records.digest import row_type
from trialsim.simulation.engine import REFERENCE
from trialsim.storage.replicate_store import Rows
from trialsim.typing import Counts


def reference_rows(
    decisions: Decisions, outcomes: Outcomes, plan: c.Conduct, n_arms: int, setting: Setting, seed: int, first: int,
    n: int,
) -> Rows:  # fmt: skip
    """The rows of a block, each trial run in SimPy to the look that ends it, and once more to the last look."""
    rows = np.zeros(n, row_type(columns_of(n_arms)))
    engines = [REFERENCE] * len(setting.protocols)
    table = simulated(engines, setting.protocols, setting.arms, outcomes.all, seed, first, n)
    for t in range(n):
        number, row = first + t, rows[t]
        arms = {int(who): int(arm) for who, arm in zip(table.number[t], table.arm[t], strict=True) if who > 0}

        def stops(look: int, counts: Counts, number: int = number) -> bool:
            return bool(decisions.decide(look, counts[None], np.array([number]))[0] != GO_ON)

        chosen = (*outcomes.primary, *([outcomes.safety] if outcomes.safety is not None else []))
        analyses = InterimAnalyses(plan, chosen, stops, outcomes.at_least, n_arms)
        live = MonitoredTrial(setting.protocols, seed, number, arms, analyses).run()
        # whatever toxicity there is
        analyses = InterimAnalyses(plan, outcomes.primary, lambda look, counts: False, (), n_arms)
        whole = MonitoredTrial(setting.protocols, seed, number, arms, analyses).run()
        _fill(row, live, decisions, number)
        _fill_rest(row, whole, decisions, n_arms)
        _count_patients(row, live, table, t)
    return _with_draws(rows, setting, seed, first, n)


def _fill(row: Rows, live: Conducted, decisions: Decisions, number: int) -> None:
    row["replicate"] = number
    n_looks = len(decisions.looks)
    taken = [k for k in range(n_looks) if not np.isnan(live.look_days[k])]
    if live.stopped_day < inf:
        row["decision"], row["decided_day"] = TOXIC, live.stopped_day
        row["look"] = (taken[-1] + 2) if taken else 1  # the one that it was waiting for
        return
    last = taken[-1]
    code = int(decisions.decide(last, live.counts[None], np.array([number]))[0])
    row["decision"] = FUTILE if code == GO_ON else code
    row["look"], row["decided_day"] = last + 1, live.look_days[last]


def _fill_rest(row: Rows, whole: Conducted, decisions: Decisions, n_arms: int) -> None:
    counts = whole.counts[None]
    row["statistic"], row["second_statistic"] = decisions.statistic(counts)[0], decisions.second_statistic(counts)[0]
    for i in range(n_arms):
        row[f"n_{i}"], row[f"x_{i}"] = whole.counts[-1, i, 0], whole.counts[-1, i, 1]


def _count_patients(row: Rows, live: Conducted, table: Timelines, t: int) -> None:
    day = row["decided_day"]
    place = {int(who): i for i, who in enumerate(table.number[t]) if who > 0}
    for who, entered in live.enrolled.items():
        if entered <= day:
            row["enrolled"] += 1
            row["n_severe_toxicity"] += entered + table.event[t, place[who], -1] <= day
            row["paused_days"] = max(row["paused_days"], entered - table.arrival[t, place[who]])


def reference_event_rows(
    decisions: DecisionsAtEvents, outcomes: Outcomes, plan: c.EventConduct, setting: Setting, seed: int, first: int,
    n: int,
) -> Rows:  # fmt: skip
    """The rows of a block of trials with looks at events, each run in SimPy."""
    rows = np.zeros(n, row_type(columns_of(decisions.n_arms)))
    engines = [REFERENCE] * len(setting.protocols)
    table = simulated(engines, setting.protocols, setting.arms, outcomes.all, seed, first, n)
    kind = outcomes.primary[0].kind
    for t in range(n):
        number, row = first + t, rows[t]
        arms = {int(who): int(arm) for who, arm in zip(table.number[t], table.arm[t], strict=True) if who > 0}
        strata = {int(who): int(s) for who, s in zip(table.number[t], table.stratum[t], strict=True) if who > 0}
        for is_live in (True, False):
            looks = _Looks(decisions, is_live, strata)
            how = plan, kind, looks.stops, looks.final_events_of(plan)
            trial = EventMonitoredTrial(setting.protocols, seed, number, arms, *how).run()
            last = max(looks.taken)
            code, day, z = looks.taken[last]
            if is_live:
                row["replicate"], row["decision"] = number, FUTILE if code == GO_ON else code
                row["look"], row["decided_day"] = last + 1, day
                place = {int(who): i for i, who in enumerate(table.number[t]) if who > 0}
                for who, patient in trial.patients.items():
                    if patient.entered_day <= day:
                        row["enrolled"] += 1
                        row["n_severe_toxicity"] += patient.entered_day + table.event[t, place[who], -1] <= day
            else:
                row["statistic"] = z
                for patient in trial.patients.values():
                    row[f"n_{patient.arm}"] += 1
                    row[f"x_{patient.arm}"] += patient.event_day < inf
    return _with_draws(rows, setting, seed, first, n)


class _Looks:
    """The looks of one trial: decision code, day and z statistic of each that was taken."""

    def __init__(self, decisions: DecisionsAtEvents, is_live: bool, strata: Mapping[int, int]) -> None:
        self.decisions, self.is_live, self.strata = decisions, is_live, strata
        self.taken: dict[int, tuple[int, float, float]] = {}
        self.n_events: dict[int, int] = {}

    def final_events_of(self, plan: c.EventConduct) -> Callable[[], int]:
        """After how many events the final look is, by the interim look where it may make them more."""
        decisions = self.decisions

        def final_events() -> int:
            if not isinstance(decisions, ReestimatedDecisions) or 0 not in self.taken:
                return plan.final_events
            return int(decisions.final_events(np.array([self.taken[0][2]]))[0])

        return final_events

    def stops(self, look: int, day: float, patients: list[Followed]) -> bool:
        """Take a look; whether it ends the trial, which it never does in one that is not live."""
        z, events = _z_of_look(self.decisions, patients, day, self.strata)
        before = np.array([len(self.taken)])
        if isinstance(self.decisions, ReestimatedDecisions) and look > 0 and self.taken:
            first = np.array([self.taken[0][2]]), np.array([self.n_events[0]])
            z = float(self.decisions.combined(*first, np.array([z]), np.array([events]))[0])
        self.n_events[look] = events
        code = int(self.decisions.decide(look, np.array([z]), np.array([events]), before)[0])
        self.taken[look] = code, day, z
        return self.is_live and code != GO_ON


def _z_of_look(
    decisions: DecisionsAtEvents, patients: list[Followed], day: float, strata: Mapping[int, int]
) -> tuple[float, int]:
    """The z statistic and the number of events by what is known on a day."""
    entered = [item for item in patients if item.entered_day < day]
    has_event = np.array([item.event_day < inf for item in entered], np.bool_)
    times = np.array([min(item.event_day, item.left_day, day - item.entered_day) for item in entered])
    times = np.where(has_event, np.array([item.event_day for item in entered]), times)
    is_second = np.array([item.arm == 1 for item in entered], np.bool_)
    stratum = np.array([strata[item.number] for item in entered], np.int64)
    return deviate_of(decisions, times, has_event, is_second, stratum), int(has_event.sum())


def _with_draws(rows: Rows, setting: Setting, seed: int, first: int, n: int) -> Rows:
    rows["parameter_draw"] = draw_numbers(setting.protocols[0].n_parameter_draws, seed, np.arange(first, first + n))
    return rows
