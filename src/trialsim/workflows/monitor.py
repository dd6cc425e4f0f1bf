"""The command `monitor`: where a running trial stands, what its design decides now, and what is to be expected."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from trialsim.config.loading.comparisons import StudyLike
from trialsim.config.loading.size_studies import Sizing, load_sizing, located
from trialsim.config.schema.plain_times import STRATIFIED
from trialsim.design.conduct.event_trials import decided_at_events
from trialsim.design.conduct.trials import TOXIC, Decided, Known, decided_trials, waited_days
from trialsim.design.counts import CountDesign
from trialsim.design.decisions import FUTILE, GO_ON, REJECT, Decisions
from trialsim.design.preparation import prepare_study
from trialsim.design.prepared_study import PreparedStudy
from trialsim.design.single_arm.response_and_toxicity import ResponseAndToxicity
from trialsim.design.theory.arguments import check_count
from trialsim.design.time_to_event.planned import EventDesign
from trialsim.errors import RequestError
from trialsim.inference.data import read_patients
from trialsim.inference.onwards import Onwards, Plan, as_known, model_of, simulate_onwards
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
    TOXIC: "the trial ends: it stops for toxicity",
    GO_ON: "the trial goes on",
}
ENDINGS: Final = {REJECT: "success", FUTILE: "futility", TOXIC: "toxicity"}
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
    endings
        The same of every way to end: success, futility, and toxicity where the design can stop for it.
    safety
        The boundary for toxicity of a study with `safety`: how many patients are watched, how many of these had the
        toxicity, of how many it is known, from how many on so many patients stop the trial (None if none do), whether
        the boundary was reached and on which day of the trial. None for other studies.
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
    endings: pd.DataFrame
    safety: dict[str, Any] | None
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
            "endings": plain_rows(self.endings), "safety": self.safety, "milestones": plain_rows(self.milestones),
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
        ready = prepare_study(sizing, BATCH, seed, REPLICATES)
        _check_monitored(ready)
        standing = standing_of(table, arms, today, opens, ready.outcomes)
        plan = plan_of(ready, standing)
        standing = with_waiting(ready, standing, plan)
        room = room_of(ready, standing)
        model = model_of(plan, room, standing.today, futures, seed)
        onwards = simulate_onwards(standing, plan, model, room, seed)
        trials = trials_of(ready, onwards)
    except RequestError as error:
        raise located(error, sizing, of_study_only=True) from None
    return _monitoring(ready, standing, onwards, trials, opens)


@dataclass(frozen=True)
class Trials:
    """The trials of all futures: how each ends, on which day; the days of all looks and entries.

    `stops` is the day on which the boundary for toxicity is reached, infinity for never.
    """

    decision: Counts
    day: Floats
    look_days: Floats
    entered: Floats
    stops: Floats


def _check_monitored(ready: PreparedStudy) -> None:
    """Refuse what is not monitored. Raises `RequestError`."""
    design = ready.design
    if ready.study.test == STRATIFIED:
        wrong = "a stratified test is not monitored: the strata of patients to come are not simulated onwards."
        raise RequestError("test", wrong, "no `test`, whose statistic is close to it.", key="test")
    if isinstance(design, EventDesign) and design.n == 0:
        wrong = "the number of patients is searched for."
        raise RequestError("n", wrong, "`n` in the study, the number that was planned.", key="n")
    if not isinstance(design, CountDesign | EventDesign):
        wrong = "it is not monitored: it decides at the scenario's cut-off."
        raise RequestError(f"design: {ready.study.design}", wrong, "a design with looks.", key="design")


def plan_of(ready: PreparedStudy, standing: Standing) -> Plan:
    """What is simulated onwards; times to events are followed until well after the end of the trial."""
    horizon, outcomes = ready.follow_up_days, ready.outcomes
    if isinstance(ready.design, EventDesign):
        horizon += standing.today + LONGER * max(standing.today, DAYS_PER_YEAR)
    protocols = ready.posterior or ready.truths["alternative"]
    followed = (*outcomes.primary, *([outcomes.safety] if outcomes.safety is not None else []))
    return Plan(tuple(protocols), followed, ready.arms, horizon)


def with_waiting(ready: PreparedStudy, standing: Standing, plan: Plan) -> Standing:
    """The patients as they stand, with the days for which accrual waited for looks as the plan says."""
    if not isinstance(ready.design, CountDesign):
        return standing
    trial, known = ready.count_trial(ready.design), Known(len(standing.entered), standing.today)
    timelines = as_known(standing, plan)
    waited = waited_days(timelines, trial.conduct, len(ready.outcomes.primary), trial.n_arms, known)
    return replace(standing, waited=float(waited[0]))


def room_of(ready: PreparedStudy, standing: Standing) -> int:
    """How many patients a future may have: those planned, and as many more as may have to be replaced."""
    most = ready.setting("alternative", ready.n).protocols[0].accrual.n_patients
    return max(most, len(standing.entered))


def trials_of(ready: PreparedStudy, onwards: Onwards) -> Trials:
    """Every future under the design."""
    timelines, design = onwards.timelines, ready.design
    if isinstance(design, CountDesign):
        trial = ready.count_trial(design)
        found = decided_trials(timelines, design.decisions, trial.outcomes, trial.conduct, trial.n_arms, onwards.known)
        return Trials(_endings(design.decisions, found), found.day, found.look_days, found.enrolled, found.stops)
    if not isinstance(design, EventDesign):
        raise TypeError(design)
    at_events = decided_at_events(timelines, design.decisions, design.conduct)
    never = np.full(timelines.n_trials, math.inf)
    return Trials(at_events.decision, at_events.day, at_events.days, timelines.arrival[:, : design.n], never)


def _endings(decisions: Decisions, found: Decided) -> Counts:
    """The decision of each trial; a design on response and toxicity that fails on toxicity ends for toxicity."""
    ending = found.decision.copy()
    if isinstance(decisions, ResponseAndToxicity):
        for k in range(len(decisions.looks)):
            failed = np.flatnonzero((found.decision == FUTILE) & (found.look == k + 1))
            is_toxic = decisions.failures(k, found.counts[failed])[1]
            ending[failed[is_toxic]] = TOXIC
    return ending


def _monitoring(
    ready: PreparedStudy, standing: Standing, onwards: Onwards, trials: Trials, opens: dt.date
) -> Monitoring:
    today = standing.today
    past = trials.look_days <= today
    taken = int(past.all(axis=0).sum())
    ended = trials.day <= today
    code = GO_ON if not ended.all() else int(trials.decision[0])
    endings = endings_of(ready, trials, onwards)
    value, error = endings[["probability", "mcse"]].to_numpy(np.float64)[0].tolist()
    return Monitoring(
        IN_WORDS.get(code, IN_WORDS[FUTILE]), taken, (value, error), endings, _safety(ready, standing, trials),
        _milestones(ready, trials, today, taken, opens, code == GO_ON), _by_state(standing), onwards.effective_draws,
        len(onwards.weights), opens + dt.timedelta(days=math.floor(today)),
    )  # fmt: skip


def endings_of(ready: PreparedStudy, trials: Trials, onwards: Onwards) -> pd.DataFrame:
    """The predictive probability of each way to end, with its Monte Carlo standard error; success first."""
    has_toxicity = len(ready.outcomes.primary) > 1 or ready.outcomes.safety is not None
    rows = []
    for code, name in ENDINGS.items():
        if code != TOXIC or has_toxicity:
            ends = trials.decision == code
            value = float(ends.mean())
            error = math.sqrt(value * (1.0 - value) / len(ends) + _error_of_draws(ends, onwards, value))
            rows.append((name, value, error))
    return pd.DataFrame(rows, columns=["ending", "probability", "mcse"])


def _safety(ready: PreparedStudy, standing: Standing, trials: Trials) -> dict[str, Any] | None:
    """The boundary for toxicity today; the last outcome is the one that it watches."""
    if ready.outcomes.safety is None or ready.boundary is None:
        return None
    n = min(len(standing.entered), len(ready.boundary.at_least))
    at_least, stops = ready.boundary.at_least[n - 1], float(trials.stops[0])
    is_reached = stops <= standing.today
    return {
        "patients": n, "with_toxicity": int(standing.has_event[:n, -1].sum()),
        "known": int(standing.is_known[:n, -1].sum()), "stops_from": at_least if at_least <= n else None,
        "reached": is_reached, "reached_day": stops if is_reached else None,
    }  # fmt: skip


def _by_state(standing: Standing) -> dict[str, int]:
    """How many patients there are by state of what the design decides on first, and how many had the toxicity."""
    n, has_event, is_known = len(standing.entered), standing.has_event, standing.is_known
    known = int(has_event[:, 0].sum())
    by_state = {
        "patients": n, "with the event": known, "without it": int(is_known[:, 0].sum()) - known,
        "open": n - int(is_known[:, 0].sum()),
    }  # fmt: skip
    if has_event.shape[1] > 1:
        toxic, seen = int(has_event[:, 1].sum()), int(is_known[:, 1].sum())
        by_state |= {"with toxicity": toxic, "without toxicity": seen - toxic, "open for toxicity": n - seen}
    return by_state


def _error_of_draws(is_success: Any, onwards: Onwards, value: float) -> float:
    """The variance that comes from so few draws: of a weighted mean over them."""
    total = 0.0
    for draw in np.unique(onwards.draws):
        of_draw = is_success[onwards.draws == draw]
        spread = (float(of_draw.mean()) - value) ** 2 - value * (1.0 - value) / len(of_draw)
        total += float(onwards.weights[draw]) ** 2 * max(spread, 0.0)
    return total


def _looks_to_come(ready: PreparedStudy, trials: Trials, taken: int) -> dict[str, Floats]:
    """The days of the looks to come by name: the next one, of looks at events every interim one by its events."""
    n_looks, design = trials.look_days.shape[1], ready.design
    if isinstance(design, EventDesign):
        numbers = design.conduct.interim
        return {
            f"look {k + 1} of {n_looks}, {numbers[k]} events": trials.look_days[:, k] for k in range(taken, n_looks - 1)
        }
    return {f"look {taken + 1} of {n_looks}": trials.look_days[:, taken]} if n_looks > max(taken, 1) else {}


def _milestones(
    ready: PreparedStudy, trials: Trials, today: float, taken: int, opens: dt.date, goes_on: bool
) -> pd.DataFrame:
    """When looks, the last entry and the decision are to be expected."""
    if not goes_on:
        return pd.DataFrame(columns=list(MILESTONES))
    looks = _looks_to_come(ready, trials, taken)
    days = {name: np.where(due <= trials.day, due, np.nan) for name, due in looks.items()}
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
