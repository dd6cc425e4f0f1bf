"""What is known of each patient at the end, as one row of numbers: the columns of the patients table.

Kept where patients are asked for. A day that has not come is missing; true and false are 1 and 0.
"""

from __future__ import annotations

from math import nan

import numpy.typing as npt

from trialsim.compiled.jit import part, small_part
from trialsim.engines.batch.accumulator import mean_dose, total_dose
from trialsim.engines.batch.plan import Record
from trialsim.engines.batch.state import first_onset_days, level_days, onsets


@small_part
def open_details(course: Record) -> None:
    """No time has been spent at any level."""
    level_days(course)[:] = 0.0


@part
def write_details(course: Record, row: npt.NDArray[Record]) -> None:
    """One patient whose account is closed, in the order of `records.columns.patient_columns` from `patient` on."""
    account, days = course.account, level_days(course)
    days[account.at_level] += account.until_day - account.dose_since_day
    row[0] = course.patient.number
    row[1] = account.enrolled_day
    row[2] = course.patient.first_dose_day
    row[3] = account.ended_day - account.enrolled_day
    row[4] = account.observation_end
    row[5] = account.observed_day
    row[6] = account.until_day
    row[7] = account.treatment_end
    row[8] = mean_dose(account)
    row[9] = account.highest_dose
    row[10] = total_dose(account)
    row[11] = account.maximum_reached_day
    row[12] = days[0]
    row[13] = account.is_evaluable
    row[14] = account.best_response
    row[15] = account.response_seen_day
    row[16] = account.partial_seen_day
    row[17] = account.progression_seen_day
    row[18] = account.death_day
    n, at = course.n_n_onsets, 19
    for i in range(n):
        row[at + i] = onsets(course)[i]
        has_been = (account.toxicities >> i) & 1
        row[at + n + i] = first_onset_days(course)[i] if has_been else nan
    for i in range(1, days.size):
        row[at + 2 * n + i - 1] = days[i]
