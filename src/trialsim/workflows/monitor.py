"""The command `monitor`: where a running trial stands, what its design decides now, and what is to be expected."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from trialsim.config.loading.comparisons import StudyLike
from trialsim.config.loading.size_studies import Sizing, load_sizing, located
from trialsim.design.conduct.event_trials import event_rows
from trialsim.design.conduct.trials import conducted, decide_all
from trialsim.design.counts import CountDesign
from trialsim.design.decisions import FUTILE, GO_ON, REJECT
from trialsim.design.preparation import prepare_study
from trialsim.design.prepared_study import PreparedStudy
from trialsim.design.theory.arguments import check_count
from trialsim.design.time_to_event.planned import EventDesign
from trialsim.errors import RequestError
from trialsim.inference.data import read_patients
from trialsim.inference.onwards import Onwards, Plan, model_of, simulate_onwards
from trialsim.inference.standing import Standing, standing_of
from trialsim.records.tables import plain_rows
from trialsim.simulation.engine import BATCH
from trialsim.typing import Counts, Floats

FUTURES: Final = 2000
MOST_FUTURES: Final = 100_000
REPLICATES: Final = 1000  # of the study whose looks and boundaries are monitored
IN_WORDS: Final = {
    REJECT: "the trial ends: the null hypothesis is rejected",
    FUTILE: "the trial ends: it stops for futility",
    GO_ON: "the trial goes on",
}
LONGER: Final = 3.0  # times as long as until today, or a year, that patients are followed after their last entry
DAYS_PER_YEAR: Final = 365.25
QUANTILES: Final = (0.05, 0.5, 0.95)
MILESTONES: Final = ("milestone", "share", "day_low", "day", "day_high", "date_low", "date", "date_high")


@dataclass(frozen=True)
class Monitoring:
    """Where a trial stands; tables are pandas DataFrames.

    Attributes
    ----------
    decision
        What the design decides by the looks that were due until today.
    looks_taken
        How many looks were due until today.
    success
        The predictive probability that the trial ends in success, with its Monte Carlo standard error.
    milestones
        When what is to be expected: a row for each milestone, with the share of futures in which it comes and, of
        those, the 5, 50 and 95 percentiles of the day since opening and of the date.
    standing
        How many patients there are by state: with the event, without it for good, open.
    effective_draws
        The effective number of draws of the posterior after the data so far; of `n_draws`.
    n_draws
        How many draws of the posterior there were.
    today
        The day on which the trial is looked at.
    """

    decision: str
    looks_taken: int
    success: tuple[float, float]
    milestones: pd.DataFrame
    standing: dict[str, int]
    effective_draws: float
    n_draws: int
    today: dt.date = field(repr=False)

    @property
    def goes_on(self) -> bool:
        """Whether the trial goes on."""
        return self.decision == IN_WORDS[GO_ON]

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {
            "today": self.today.isoformat(), "decision": self.decision, "looks_taken": self.looks_taken,
            "success": {"value": self.success[0], "mcse": self.success[1]}, "standing": self.standing,
            "milestones": plain_rows(self.milestones),
            "posterior": {"effective_draws": self.effective_draws, "draws": self.n_draws},
        }  # fmt: skip


def monitor(
    study: Sizing | StudyLike,
    data: pd.DataFrame | Path | str,
    changes: Mapping[str, Any] | None = None,
    *,
    today: float | str | None = None,
    futures: int = FUTURES,
    seed: int = 1,
) -> Monitoring:
    """Where a running trial stands: the decision by its design, the probability of success, the next milestones.

    Trials are simulated onwards from the patients as they stand: each patient's course goes on from the present state,
    the posterior of the parameters is updated by the data so far (importance weights), and new patients come as in the
    scenario, at a pace that the patients so far have updated.

    Parameters
    ----------
    study
        The study of size of the trial, with its `n`: YAML path, built-in name, mapping, or loaded.
    data
        The patients so far: a DataFrame, or a CSV or parquet file; see docs/guide/monitor.md.
    changes
        Values by dotted key, which take the place of those of the study.
    today
        The day on which the trial is looked at: a date (`2027-03-01`), or days since the trial opened; the last day
        that the data know of unless given.
    futures
        How many futures are simulated.
    seed
        Decides every draw.

    Returns
    -------
    Monitoring
        The decision, the predictive probability of success, and the milestones.

    Raises
    ------
    ConfigurationError
        For a study that cannot be read.
    RequestError
        For patients that cannot be, and for a design that is not monitored.
    """
    sizing = load_sizing(study, changes)
    table = data if isinstance(data, pd.DataFrame) else read_patients(data)
    opens = next(iter(sizing.scenarios.values())).accrual.opens
    arms = tuple(sizing.study.variants)
    check_count("futures", futures, 10, MOST_FUTURES)
    try:
        standing = standing_of(table, arms, today, opens)
        ready = prepare_study(sizing, BATCH, seed, REPLICATES)
        _check_monitored(ready)
        plan = plan_of(ready, standing)
        room = room_of(ready, standing)
        model = model_of(plan, room, standing.today, futures, seed)
        onwards = simulate_onwards(standing, plan, model, room, seed)
        trials = trials_of(ready, onwards)
    except RequestError as error:
        raise located(error, sizing, of_study_only=True) from None
    return _monitoring(ready, standing, onwards, trials, opens)


@dataclass(frozen=True)
class Trials:
    """The trials of all futures: what each decides, on which day; the days of all looks and entries."""

    decision: Counts
    day: Floats
    look_days: Floats
    entered: Floats


def _check_monitored(ready: PreparedStudy) -> None:
    """Refuse what is not monitored. Raises `RequestError`."""
    design = ready.design
    if isinstance(design, EventDesign) and design.n == 0:
        wrong = "the number of patients is searched for."
        raise RequestError("n", wrong, "`n` in the study, the number that was planned.", key="n")
    is_one = isinstance(design, CountDesign | EventDesign) and len(ready.outcomes.primary) == 1
    if not is_one:
        wrong = "it is not monitored: it decides on two outcomes, or at the scenario's cut-off."
        raise RequestError(f"design: {ready.study.design}", wrong, "a design of one outcome.", key="design")


def plan_of(ready: PreparedStudy, standing: Standing) -> Plan:
    """What is simulated onwards; times to events are followed until well after the end of the trial."""
    horizon = ready.follow_up_days
    if isinstance(ready.design, EventDesign):
        horizon += standing.today + LONGER * max(standing.today, DAYS_PER_YEAR)
    protocols = ready.posterior or ready.truths["alternative"]
    return Plan(tuple(protocols), ready.outcomes.primary[0], ready.arms, horizon)


def room_of(ready: PreparedStudy, standing: Standing) -> int:
    """How many patients a future may have: those planned, and as many more as may have to be replaced."""
    most = ready.setting("alternative", ready.n).protocols[0].accrual.n_patients
    return max(most, len(standing.entered))


def trials_of(ready: PreparedStudy, onwards: Onwards) -> Trials:
    """Every future under the design."""
    timelines, design = onwards.timelines, ready.design
    if isinstance(design, CountDesign):
        trial = ready.count_trial(design)
        enrolled, days, counts = conducted(timelines, trial.conduct, 1, trial.n_arms)
        never = np.full(len(days), math.inf), np.zeros(len(days), np.bool_)
        decision, _, day = decide_all(design.decisions, days, counts, never, np.arange(1, len(days) + 1))
        return Trials(decision, day, days, enrolled)
    if not isinstance(design, EventDesign):
        raise TypeError(design)
    rows = event_rows(timelines, design.decisions, design.conduct, harm=False)
    days = np.full((len(rows), 1), np.nan)
    entered = timelines.arrival[:, : design.n]
    return Trials(rows["decision"].astype(np.int64), rows["decided_day"], days, entered)


def _monitoring(
    ready: PreparedStudy, standing: Standing, onwards: Onwards, trials: Trials, opens: dt.date
) -> Monitoring:
    today = standing.today
    past = trials.look_days <= today
    taken = int(past.all(axis=0).sum())
    ended = trials.day <= today
    code = GO_ON if not ended.all() else int(trials.decision[0])
    is_success = trials.decision == REJECT
    value = float(is_success.mean())
    error = math.sqrt(value * (1.0 - value) / len(is_success) + _error_of_draws(is_success, onwards, value))
    window = ready.outcomes.primary[0].window_days
    known, closed = int(standing.has_event().sum()), int(standing.is_closed(window).sum())
    by_state = {
        "patients": len(standing.entered), "with the event": known, "without it": closed,
        "open": len(standing.entered) - known - closed,
    }  # fmt: skip
    return Monitoring(
        IN_WORDS.get(code, IN_WORDS[FUTILE]), taken, (value, error),
        _milestones(trials, today, taken, opens, code == GO_ON), by_state, onwards.effective_draws,
        len(onwards.weights), opens + dt.timedelta(days=math.floor(today)),
    )  # fmt: skip


def _error_of_draws(is_success: Any, onwards: Onwards, value: float) -> float:
    """The variance that comes from so few draws: of a weighted mean over them."""
    total = 0.0
    for draw in np.unique(onwards.draws):
        of_draw = is_success[onwards.draws == draw]
        spread = (float(of_draw.mean()) - value) ** 2 - value * (1.0 - value) / len(of_draw)
        total += float(onwards.weights[draw]) ** 2 * max(spread, 0.0)
    return total


def _milestones(trials: Trials, today: float, taken: int, opens: dt.date, goes_on: bool) -> pd.DataFrame:
    """When looks, the last entry and the decision are to be expected."""
    if not goes_on:
        return pd.DataFrame(columns=list(MILESTONES))
    days: dict[str, Floats] = {}
    if trials.look_days.shape[1] > taken and trials.look_days.shape[1] > 1:
        due = trials.look_days[:, taken]
        days[f"look {taken + 1} of {trials.look_days.shape[1]}"] = np.where(due <= trials.day, due, np.nan)
    in_trial = np.where(trials.entered <= trials.day[:, None], trials.entered, np.nan)
    days["the last entry"] = np.nanmax(in_trial, axis=1)
    days["the decision"] = trials.day
    rows = []
    for name, values in days.items():
        found = values[np.isfinite(values) & (values > today)]
        if len(found):
            low, middle, high = (float(x) for x in np.quantile(found, QUANTILES))
            dates = [(opens + dt.timedelta(days=math.floor(x))).isoformat() for x in (low, middle, high)]
            rows.append([name, len(found) / len(values), low, middle, high, *dates])
    return pd.DataFrame(rows, columns=list(MILESTONES))
