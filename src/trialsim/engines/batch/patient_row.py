"""What is known of each patient at the end: the columns of the patients table.

Kept where patients are asked for. A day that has not come is missing; true and false are 1 and 0.
"""

from __future__ import annotations

from math import nan
from typing import Final

import numpy as np

from trialsim.compiled.jit import inline, jitable
from trialsim.engines.batch.accumulator import accumulate_doses, mean_dose, total_dose
from trialsim.engines.batch.plan import Record
from trialsim.engines.batch.state import confirmed_days, doses_by_day, first_onset_days, level_days, logged_days, onsets
from trialsim.typing import Floats

# The columns that every scenario has, by their names in `records.columns.PATIENTS`.
PATIENT_ROW: Final = np.dtype(
    [("patient", "f8"), ("enrolled_day", "f8"), ("first_dose_day", "f8"), ("follow_up_days", "f8"),
     ("observation_end", "f8"), ("observed_days", "f8"), ("treatment_days", "f8"), ("treatment_end", "f8"),
     ("mean_dose_mg_per_day", "f8"), ("highest_dose_mg_per_day", "f8"), ("total_dose_mg", "f8"),
     ("maximum_reached_days", "f8"), ("held_days", "f8"), ("is_evaluable", "f8"), ("best_response", "f8"),
     ("response_seen_days", "f8"), ("response_confirmed_days", "f8"), ("progression_seen_days", "f8"),
     ("death_days", "f8")]
)  # fmt: skip


@inline
def open_details(course: Record) -> None:
    """No time has been spent at any level, and nothing was taken."""
    level_days(course)[:] = 0.0
    doses_by_day(course)[:] = 0.0


@jitable
def write_details(plan: Record, course: Record, row: Record, by_item: Floats) -> None:
    """One patient whose account is closed: a row by name, and numbers for each toxicity and level of the scenario.

    `by_item` has the onsets of each toxicity, the day of its first onset, the days at each level, the doses taken by
    each day that is asked for, and the days on which each category of response was seen and confirmed, in this order.
    """
    account, days = course.account, level_days(course)
    accumulate_doses(course, account.until_day)
    days[account.at_level] += account.until_day - account.dose_since_day
    row.patient = course.patient.number
    row.enrolled_day = account.enrolled_day
    row.first_dose_day = course.patient.first_dose_day
    row.follow_up_days = account.ended_day - account.enrolled_day
    row.observation_end = account.observation_end
    row.observed_days = account.observed_day
    row.treatment_days = account.until_day
    row.treatment_end = account.treatment_end
    row.mean_dose_mg_per_day = mean_dose(account)
    row.highest_dose_mg_per_day = account.highest_dose
    row.total_dose_mg = total_dose(account) * plan.dose_share
    row.maximum_reached_days = account.maximum_reached_day
    row.held_days = days[0]
    row.is_evaluable = account.is_evaluable
    row.best_response = account.best_response
    seen, confirmed = logged_days(course), confirmed_days(course)
    has_category = plan.first_response <= seen.size
    row.response_seen_days = seen[plan.first_response - 1] if has_category else nan
    row.response_confirmed_days = confirmed[plan.first_response - 1] if has_category else nan
    row.progression_seen_days = account.progression_seen_day
    row.death_days = account.death_day
    n = course.n_n_onsets
    for i in range(n):
        by_item[i] = onsets(course)[i]
        has_been = (account.toxicities >> i) & 1
        by_item[n + i] = first_onset_days(course)[i] if has_been else nan
    for i in range(1, days.size):
        by_item[2 * n + i - 1] = days[i]
    n += n + days.size - 1
    for i in range(course.n_doses_by_day):
        by_item[n + i] = doses_by_day(course)[i] * plan.dose_share
    n += course.n_doses_by_day
    for i in range(seen.size):
        by_item[n + i] = seen[i]
        by_item[n + seen.size + i] = confirmed[i]
