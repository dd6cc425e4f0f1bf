"""What one trial came to: the outcomes of its patients, counted, and their medians."""

from __future__ import annotations

from math import nan
from typing import Final

import numpy as np

from trialsim.compiled.jit import inline, jitable
from trialsim.engines.batch.accumulator import mean_dose
from trialsim.engines.batch.plan import Record, reported
from trialsim.model import disease
from trialsim.model import vocabulary as v
from trialsim.typing import Counts, Floats

# One row a trial, named as in `records.columns.REPLICATES`; counts of responses by category and of
# reported toxicities stand beside it.
OUTCOMES: Final = np.dtype(
    [("replicate", "i8"), ("n_screened", "i8"), ("n_enrolled", "i8"), ("n_evaluable", "i8"),
     ("n_responders_progression_free", "i8"), ("n_responders_relapsed", "i8"), ("n_responders_died", "i8"),
     ("n_died", "i8"), ("n_progressed", "i8"), ("n_stopped_by_rule", "i8"), ("n_severe_toxicity", "i8"),
     ("median_dose_mg_per_day", "f8"), ("median_dose_evaluable_mg_per_day", "f8"),
     ("median_highest_dose_mg_per_day", "f8"), ("median_follow_up_days", "f8"),
     ("median_follow_up_responders_days", "f8"), ("duration_days", "f8")]
)  # fmt: skip
# What medians are taken of, one row an enrolled patient.
ENROLLED: Final = np.dtype(
    [("mean_dose", "f8"), ("highest_dose", "f8"), ("follow_up", "f8"), ("is_evaluable", "?"), ("is_responder", "?")]
)
EVERYONE: Final = 0
EVALUABLE: Final = 1
RESPONDERS: Final = 2
MOST_TO_COUNT: Final = 64


@inline
def open_summary(outcome: Record, n_counted: Counts, replicate: int) -> None:
    """A trial to which nobody has come."""
    outcome.replicate = replicate
    outcome.n_screened = outcome.n_enrolled = outcome.n_evaluable = 0
    outcome.n_responders_progression_free = outcome.n_responders_relapsed = outcome.n_responders_died = 0
    outcome.n_died = outcome.n_progressed = outcome.n_stopped_by_rule = outcome.n_severe_toxicity = 0
    outcome.duration_days = nan
    n_counted[:] = 0


@inline
def add_patient(plan: Record, account: Record, outcome: Record, n_counted: Counts, enrolled: Record) -> None:
    """Count one patient whose account is closed."""
    is_evaluable, best_response = account.is_evaluable, account.best_response
    is_responder = is_evaluable and best_response >= plan.first_response
    has_progressed, has_died = account.has_progressed, account.has_died
    row = enrolled[outcome.n_enrolled]
    row.mean_dose = mean_dose(account)
    row.highest_dose = account.highest_dose
    row.follow_up = account.ended_day - account.enrolled_day
    row.is_evaluable = is_evaluable
    row.is_responder = is_responder
    outcome.n_enrolled += 1
    outcome.n_evaluable += is_evaluable
    if is_evaluable and best_response > disease.STABLE:
        n_counted[best_response - 1] += 1
    outcome.n_responders_progression_free += is_responder and not has_progressed and not has_died
    outcome.n_responders_relapsed += is_responder and has_progressed
    outcome.n_responders_died += is_responder and not has_progressed and has_died
    outcome.n_died += has_died
    outcome.n_progressed += has_progressed
    outcome.n_stopped_by_rule += account.treatment_end == v.TOXICITY_STOP
    outcome.n_severe_toxicity += (account.toxicities & plan.severe) != 0
    places = reported(plan)
    for i in range(plan.n_reported):
        n_counted[plan.n_responses + i] += (account.toxicities >> places[i]) & 1
    take_day(outcome, account.ended_day)


@inline
def take_day(outcome: Record, day: float) -> None:
    """The trial lasts to the last day on which anything happened."""
    if not day <= outcome.duration_days:
        outcome.duration_days = day


@jitable
def close_summary(outcome: Record, enrolled: Record, values: Floats) -> None:
    """The medians; `values` is room for as many numbers as there are patients."""
    n = outcome.n_enrolled
    doses, highest, follow_ups = enrolled.mean_dose[:n], enrolled.highest_dose[:n], enrolled.follow_up[:n]
    outcome.median_dose_mg_per_day = median(doses, enrolled, EVERYONE, values)
    outcome.median_dose_evaluable_mg_per_day = median(doses, enrolled, EVALUABLE, values)
    outcome.median_highest_dose_mg_per_day = median(highest, enrolled, EVERYONE, values)
    outcome.median_follow_up_days = median(follow_ups, enrolled, EVERYONE, values)
    outcome.median_follow_up_responders_days = median(follow_ups, enrolled, RESPONDERS, values)


@jitable
def median(column: Floats, enrolled: Record, who: int, values: Floats) -> float:
    """The median over some of the enrolled, NaN over nobody; the mean of the two in the middle of an even number."""
    n = 0
    for i in range(column.size):
        if who == EVERYONE or (enrolled[i].is_evaluable if who == EVALUABLE else enrolled[i].is_responder):
            values[n] = column[i]
            n += 1
    if n == 0:
        return nan
    if n > MOST_TO_COUNT:
        values[:n].sort()
        return (values[n // 2] + values[n // 2 - 1]) / 2.0 if n % 2 == 0 else values[n // 2]  # type: ignore[no-any-return]
    upper = value_at_rank(values[:n], n // 2)
    return (upper + value_at_rank(values[:n], n // 2 - 1)) / 2.0 if n % 2 == 0 else upper


@jitable
def value_at_rank(values: Floats, rank: int) -> float:
    """The value that comes after `rank` others in order; counting takes no branches and beats sorting for a few."""
    for i in range(values.size):
        below = up_to = 0
        for j in range(values.size):
            below += values[j] < values[i]
            up_to += values[j] <= values[i]
        if below <= rank < up_to:
            return values[i]  # type: ignore[no-any-return]
    return nan
