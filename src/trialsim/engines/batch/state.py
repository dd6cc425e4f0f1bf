"""The state of one course: what is known of the patient, of each clock, and what has been noted so far."""

from __future__ import annotations

from typing import Final

import numpy as np

from trialsim.compiled.jit import inline, table_at
from trialsim.engines.batch.contiguous_memory import side_by_side
from trialsim.engines.batch.plan import FLOAT, INTEGER, Record
from trialsim.engines.batch.planning import Plan
from trialsim.model.draws import LARGEST_WORD

PATIENT: Final = np.dtype(
    [("number", "i8"), ("place", "i8"), ("first_dose_day", "f8"), ("today", "f8"), ("state", "i8"),
     ("best_response_seen", "i8"), ("best_response_confirmed", "i8"), ("level", "i8"), ("dose", "f8"), ("new", "i8"),
     ("ongoing", "i8"), ("ever", "i8"), ("waiting_for", "i8"), ("held_by", "i8"), ("visit_number", "i8"),
     ("visit_day", "f8"), ("assessment_number", "i8"), ("assessment_day", "f8"), ("evaluable_day", "f8"),
     ("counted_day", "f8"), ("next_day", "f8"), ("next_slot", "i8"), ("n_new", "i8"), ("dose_since_day", "f8"),
     ("response_seen_day", "f8"), ("decided", "i8"), ("saw_new", "i8"), ("saw_ongoing", "i8"), ("saw_onsets", "i8"),
     ("saw_level_mg_per_day", "f8"), ("saw_response", "i8"), ("saw_stable_days", "f8"), ("saw_unchanged_days", "f8"),
     ("was_reduced", "?"), ("is_sensitive", "?"), ("is_observed", "?"), ("is_evaluable", "?"),
     ("is_on_treatment", "?"), ("has_progression_seen", "?"), ("has_new_dose", "?"), ("is_stale", "?")], align=True
)  # fmt: skip
CLOCK: Final = np.dtype(
    [("started_day", "f8"), ("age_days", "f8"), ("since_day", "f8"), ("pace", "f8"), ("remaining", "f8"),
     ("intensity", "f8"), ("multiplier", "f8"), ("occurrence", "i8"), ("is_running", "?"), ("is_new", "?"),
     ("is_finished", "?")],
    align=True,
)  # fmt: skip
# A row of the log: the columns of `records.columns.EVENTS`, and the class of its instant, which orders patients.
ROW: Final = np.dtype(
    [("patient", "i8"), ("calendar_day", "f8"), ("study_day", "f8"), ("event", "i8"), ("clock", "i8"),
     ("occurrence", "i8"), ("detail", "i8"), ("rule", "i8"), ("dose_from_mg_per_day", "f8"),
     ("dose_to_mg_per_day", "f8"), ("saw_new", "i8"), ("saw_ongoing", "i8"), ("saw_onsets", "i8"),
     ("saw_level_mg_per_day", "f8"), ("saw_response", "i8"), ("saw_stable_days", "f8"), ("saw_unchanged_days", "f8"),
     ("order", "i8")],
    align=True,
)  # fmt: skip
# What outcomes need of a patient, told by the rows of the log and by nothing else.
ACCOUNT: Final = np.dtype(
    [("enrolled_day", "f8"), ("ended_day", "f8"), ("until_day", "f8"), ("dose", "f8"), ("dose_since_day", "f8"),
     ("taken", "f8"), ("highest_dose", "f8"), ("first_dose", "f8"), ("treatment_end", "i8"), ("best_response", "i8"),
     ("toxicities", "i8"), ("observation_end", "i8"), ("at_level", "i8"), ("observed_day", "f8"),
     ("progression_seen_day", "f8"), ("death_day", "f8"),
     ("maximum_reached_day", "f8"), ("is_evaluable", "?"), ("has_progressed", "?"), ("has_died", "?")], align=True
)  # fmt: skip

# The tables of a course: clocks by slot, onsets by toxicity, the day on which each category of response was first seen,
# as assessments tell it and as the log does, and the day on which each was confirmed, the first draw of each decision
# and patient, the days at each level (held first) and of each first onset, the days up to which doses are added up and
# the doses taken by them, and the log. The last five have no room where nobody asks for them.
TABLES: Final = {
    "clocks": CLOCK, "fires_days": FLOAT, "new_slots": INTEGER, "n_onsets": INTEGER, "onset_days": FLOAT,
    "resolved_days": FLOAT, "seen_days": FLOAT, "logged_days": FLOAT, "confirmed_days": FLOAT,
    "uniforms": FLOAT, "level_days": FLOAT, "first_onset_days": FLOAT, "dose_days": FLOAT,
    "doses_by_day": FLOAT, "rows": ROW,
}  # fmt: skip
COURSE: Final = np.dtype(
    [("patient", PATIENT), ("account", ACCOUNT), ("key_low", "u8"), ("key_high", "u8"), ("replicate", "u8"),
     ("n_written", "i8"), ("n_places", "i8"), *((f"{name}_at", "u8") for name in TABLES),
     *((f"n_{name}", "i8") for name in TABLES)], align=True
)  # fmt: skip


class Course:
    """Room for one course after another, in one thread: `record` holds its state and the addresses of its tables.

    With `in_detail` there is also room for the days at each level and of each first onset, and for the doses taken by
    each of `dose_days`.
    """

    def __init__(
        self, plan: Plan, seed: int, n_rows: int = 0, *, in_detail: bool = False, dose_days: tuple[float, ...] = ()
    ) -> None:
        n_patients, n_decisions = int(plan.record["n_patients"]), int(plan.record["n_decisions"])
        n_slots = int(plan.record["n_slots"])
        sizes = {
            "clocks": n_slots,
            "fires_days": n_slots,
            "new_slots": 2 * n_slots,
            "n_onsets": int(plan.record["n_toxicities"]),
            "onset_days": int(plan.record["n_toxicities"]),
            "resolved_days": int(plan.record["n_toxicities"]),
            "seen_days": int(plan.record["n_responses"]),
            "logged_days": int(plan.record["n_responses"]),
            "confirmed_days": int(plan.record["n_responses"]),
            "uniforms": n_patients * n_decisions,
            "level_days": int(plan.record["n_levels"]) + 1 if in_detail else 0,
            "first_onset_days": int(plan.record["n_toxicities"]) if in_detail else 0,
            "dose_days": len(dose_days) if in_detail else 0,
            "doses_by_day": len(dose_days) if in_detail else 0,
            "rows": n_rows,
        }
        self.record: Record
        self.record, self.tables, _ = side_by_side(COURSE, TABLES, sizes)
        self.record["key_low"], self.record["key_high"] = seed & LARGEST_WORD, seed >> 32
        self.record["n_places"] = n_patients
        self.tables["clocks"]["multiplier"] = 1.0
        if in_detail:
            self.tables["dose_days"][:] = dose_days


@inline
def clock_states(course: Record) -> Record:
    """The state of the clock in each slot."""
    return table_at(course.clocks_at, course.n_clocks, CLOCK)


@inline
def fires_days(course: Record) -> Record:
    """The study day on which the clock in each slot fires, infinity where none runs."""
    return table_at(course.fires_days_at, course.n_fires_days, FLOAT)


@inline
def new_slots(course: Record) -> Record:
    """The slots whose clocks have started now, as many as `patient.n_new`."""
    return table_at(course.new_slots_at, course.n_new_slots, INTEGER)


@inline
def onsets(course: Record) -> Record:
    """How many onsets each toxicity has had."""
    return table_at(course.n_onsets_at, course.n_n_onsets, INTEGER)


@inline
def onset_days(course: Record) -> Record:
    """The study day of the last onset of each toxicity that has been."""
    return table_at(course.onset_days_at, course.n_onset_days, FLOAT)


@inline
def resolved_days(course: Record) -> Record:
    """The study day on which each toxicity that has been was over."""
    return table_at(course.resolved_days_at, course.n_resolved_days, FLOAT)


@inline
def seen_days(course: Record) -> Record:
    """The study day on which each category of response, or a better one, was first seen; the least comes first."""
    return table_at(course.seen_days_at, course.n_seen_days, FLOAT)


@inline
def logged_days(course: Record) -> Record:
    """The same, by the rows of the log."""
    return table_at(course.logged_days_at, course.n_logged_days, FLOAT)


@inline
def confirmed_days(course: Record) -> Record:
    """The study day on which each category of response, or a better one, was first confirmed."""
    return table_at(course.confirmed_days_at, course.n_confirmed_days, FLOAT)


@inline
def uniforms(course: Record, decision: int) -> Record:
    """The first draw of one decision for each place among the enrolled."""
    first = decision * course.n_places
    return table_at(course.uniforms_at, course.n_uniforms, FLOAT)[first : first + course.n_places]


@inline
def level_days(course: Record) -> Record:
    """The days on treatment without the drug, and with each level."""
    return table_at(course.level_days_at, course.n_level_days, FLOAT)


@inline
def first_onset_days(course: Record) -> Record:
    """The study day of the first onset of each toxicity that has been."""
    return table_at(course.first_onset_days_at, course.n_first_onset_days, FLOAT)


@inline
def dose_days(course: Record) -> Record:
    """The study days up to which doses are added up."""
    return table_at(course.dose_days_at, course.n_dose_days, FLOAT)


@inline
def doses_by_day(course: Record) -> Record:
    """What was taken up to each of these days (mg)."""
    return table_at(course.doses_by_day_at, course.n_doses_by_day, FLOAT)


@inline
def log_rows(course: Record) -> Record:
    """The log, as long as there is room."""
    return table_at(course.rows_at, course.n_rows, ROW)
