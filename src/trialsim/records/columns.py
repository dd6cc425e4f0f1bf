"""Every column of every table, declared once: name, dtype, unit, meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from trialsim.model.disease import ResponseCategory
from trialsim.model.protocol import Protocol
from trialsim.model.units import MG_PER_DAY, DoseUnit

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Column:
    """One column. `dtype` is NumPy's name; `unit` is empty for codes, counts and texts."""

    name: str
    dtype: str
    unit: str
    meaning: str


# What an engine writes, in this order; `replicate` comes before it in a table.
EVENTS: Final = (
    Column("patient", "int64", "", "number of the patient, from 1; part of the address of every draw"),
    Column("calendar_day", "float64", "days", "days since the trial opened"),
    Column("study_day", "float64", "days", "days since the first dose; missing before it"),
    Column("event", "int64", "", "what happened: a code of model.vocabulary"),
    Column("clock", "int64", "", "position of the clock that fired, -1 for none"),
    Column("occurrence", "int64", "", "which onset of a toxicity, from 1; 0 where it does not apply"),
    Column("detail", "int64", "", "action of a decision, disease state of a response or assessment, reason of an end"),
    Column("rule", "int64", "", "number of the rule that decided, from 1; 0 for none"),
    Column("dose_from_mg_per_day", "float64", "mg/day", "dose before a decision"),
    Column("dose_to_mg_per_day", "float64", "mg/day", "dose after it"),
    # What a decision saw.
    Column("saw_new", "int64", "", "toxicities new since the last visit, or the one that begins: a mask"),
    Column("saw_ongoing", "int64", "", "toxicities ongoing: a mask"),
    Column("saw_onsets", "int64", "", "onsets of toxicities so far"),
    Column("saw_level_mg_per_day", "float64", "mg/day", "dose of the patient's level, also while held"),
    Column("saw_response", "int64", "", "best response seen: 0 for none, or the number of its category"),
    Column("saw_stable_days", "float64", "days", "since the best response was seen first, or the first dose"),
    Column("saw_unchanged_days", "float64", "days", "since the last change of dose"),
)

# The same table for people: codes replaced by names.
READABLE_EVENTS: Final = (
    Column("replicate", "int64", "", "number of the replicate, from 1"),
    *EVENTS[:3],
    Column("event", "str", "", "what happened"),
    Column("of", "str", "", "the clock that fired"),
    *EVENTS[5:6],
    Column("detail", "str", "", "what was decided, found, or why something ended"),
    Column("rule", "str", "", "the rule that decided, with its number"),
    *EVENTS[8:10],
    Column("saw", "str", "", "what the decision saw of the patient"),
)

# One row per enrolled patient; a category of response adds `NAME_seen_days` and `NAME_confirmed_days` (unless it is the
# least that counts, whose days are those of any response), a toxicity NAME `n_onsets.NAME` and `first_onset_days.NAME`,
# a level of the ladder `days_at.DOSE`.
PATIENTS: Final = (
    Column("replicate", "int64", "", "number of the replicate, from 1"),
    Column("patient", "int64", "", "number of the patient, from 1"),
    Column("enrolled_day", "float64", "days", "calendar day of enrolment"),
    Column("first_dose_day", "float64", "days", "calendar day of the first dose; missing if none was given"),
    Column("follow_up_days", "float64", "days", "from enrolment to cut-off, death or withdrawal"),
    Column("observation_end", "int64", "", "why observation ended: a reason code"),
    Column("observed_days", "float64", "days", "study day on which observation ended"),
    Column("treatment_days", "float64", "days", "from the first dose to the end of treatment or observation"),
    Column("treatment_end", "int64", "", "why treatment ended, 0 if it was going on"),
    Column(
        "mean_dose_mg_per_day",
        "float64",
        "mg/day",
        "time-averaged daily dose while on treatment, holds included; with a schedule, of its days",
    ),
    Column("highest_dose_mg_per_day", "float64", "mg/day", "highest daily dose taken"),
    Column("total_dose_mg", "float64", "mg", "all that was taken, of the whole body; with a schedule, on its days"),
    Column("maximum_reached_days", "float64", "days", "study day of the first dose at the highest level of the ladder"),
    Column("held_days", "float64", "days", "on treatment with the drug held"),
    Column("is_evaluable", "bool", "", "evaluable for response at the end of observation"),
    Column("best_response", "int64", "", "best response seen: 0 for none, or the number of its category"),
    Column("response_seen_days", "float64", "days", "study day on which the first response was seen"),
    Column("response_confirmed_days", "float64", "days", "study day on which a response was confirmed"),
    Column("progression_seen_days", "float64", "days", "study day on which relapse or progression was seen"),
    Column("death_days", "float64", "days", "study day of death"),
)

# One row per replicate; a category of response adds `n_NAME`, a reported toxicity NAME `n_toxicity.NAME`.
REPLICATES: Final = (
    Column("replicate", "int64", "", "number of the replicate, from 1"),
    Column("n_screened", "int64", "patients", "screened"),
    Column("n_enrolled", "int64", "patients", "enrolled"),
    Column("n_evaluable", "int64", "patients", "evaluable for response"),
    Column("n_responders_progression_free", "int64", "patients", "responders alive without a relapse seen"),
    Column("n_responders_relapsed", "int64", "patients", "responders with a relapse seen, dead or alive"),
    Column("n_responders_died", "int64", "patients", "responders who died without a relapse seen"),
    Column("n_died", "int64", "patients", "died while observed"),
    Column("n_progressed", "int64", "patients", "relapse or progression seen"),
    Column("n_stopped_by_rule", "int64", "patients", "treatment stopped by a titration rule"),
    Column("n_severe_toxicity", "int64", "patients", "with at least one severe toxicity"),
    Column("median_dose_mg_per_day", "float64", "mg/day", "median over treated patients of the mean dose"),
    Column("median_dose_evaluable_mg_per_day", "float64", "mg/day", "the same over evaluable patients"),
    Column("median_highest_dose_mg_per_day", "float64", "mg/day", "median over treated patients of the highest dose"),
    Column("median_follow_up_days", "float64", "days", "median over enrolled patients of follow-up"),
    Column("median_follow_up_responders_days", "float64", "days", "the same over responders"),
    Column("duration_days", "float64", "days", "calendar day on which observation of the last patient ended"),
)

KEY: Final = ["replicate", "patient"]  # what tells one patient from another
ONSETS_PREFIX: Final = "n_onsets."
FIRST_ONSET_PREFIX: Final = "first_onset_days."
TOXICITY_PREFIX: Final = "n_toxicity."
DAYS_AT_PREFIX: Final = "days_at."
DOSE_BY_PREFIX: Final = "dose_by."
TOTAL_DOSE: Final = "total_dose_mg"


def is_total_dose(name: str) -> bool:
    """Whether a column is an amount of the drug, which of doses by body size depends on the patient's."""
    return name == TOTAL_DOSE or name.startswith(DOSE_BY_PREFIX)


def in_unit(columns: tuple[Column, ...], unit: DoseUnit) -> tuple[Column, ...]:
    """The columns of a table whose doses are in a unit."""
    if unit == MG_PER_DAY:
        return columns
    return tuple(
        replace(column, name=unit.column(column.name), unit=unit.text) if column.unit == MG_PER_DAY.text else column
        for column in columns
    )


def conform(table: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """A table with exactly the declared columns, in their order and with their dtypes."""
    return table[[column.name for column in columns]].astype({column.name: column.dtype for column in columns})


# The baseline of each patient, beside the outcomes; a covariate NAME adds `baseline.NAME`, per cent as shares.
SITE_COLUMN: Final = "site"
IS_SENSITIVE: Final = "is_sensitive"
BASELINE: Final = (
    Column(SITE_COLUMN, "str", "", "site of enrolment, empty where there are none"),
    Column(IS_SENSITIVE, "bool", "", "whether the patient can respond at all; nobody in the trial knows"),
)
BASELINE_PREFIX: Final = "baseline."


def baseline_columns(covariates: Mapping[str, str | None]) -> tuple[Column, ...]:
    """The baseline columns of a patient; `covariates` gives each one's unit, None for categories."""
    values = [
        Column(f"{BASELINE_PREFIX}{name}", "str" if unit is None else "float64", unit or "", f"{name} at baseline")
        for name, unit in covariates.items()
    ]
    return (*BASELINE, *values)


def seen_column(category: ResponseCategory) -> str:
    """The column of the day on which a category of response, or a better one, was first seen."""
    return f"{category.column}_seen_days"


def confirmed_column(category: ResponseCategory) -> str:
    """The column of the day on which a category of response, or a better one, was first confirmed."""
    return f"{category.column}_confirmed_days"


def count_column(category: ResponseCategory) -> str:
    """The column of the number of evaluable patients with a category of response as the best one seen."""
    return category.count_column


def columns_of_responses(responses: Sequence[ResponseCategory], is_confirmed: bool) -> tuple[Column, ...]:
    """The columns of days on which categories were seen, or confirmed, but the least that counts."""
    least = next((category for category in responses if category.counts), None)
    name_of, verb = (confirmed_column, "confirmed") if is_confirmed else (seen_column, "seen")
    return tuple(
        Column(name_of(category), "float64", "days", f"study day on which the first {category.name} was {verb}")
        for category in responses
        if category is not least
    )


def patient_columns(
    responses: Sequence[ResponseCategory],
    toxicities: Sequence[str],
    levels: Sequence[float],
    dose_days: Sequence[float] = (),
    dose_unit: DoseUnit = MG_PER_DAY,
) -> tuple[Column, ...]:
    """The columns of the patients table for a scenario with these responses, toxicities and doses (in `dose_unit`).

    `dose_days` are days up to which the total dose is recorded.
    """
    always = _after(
        in_unit(PATIENTS, dose_unit), "response_seen_days", columns_of_responses(responses, is_confirmed=False)
    )
    always = _after(always, "response_confirmed_days", columns_of_responses(responses, is_confirmed=True))
    onsets = [Column(f"{ONSETS_PREFIX}{name}", "int64", "", f"onsets of {name} seen") for name in toxicities]
    days = [
        Column(f"{FIRST_ONSET_PREFIX}{name}", "float64", "days", f"study day of the first {name}")
        for name in toxicities
    ]
    days_at_dose = [
        Column(f"{DAYS_AT_PREFIX}{dose:g}", "float64", "days", f"on treatment with {dose:g} {dose_unit.text}")
        for dose in levels
    ]
    doses = [Column(f"{DOSE_BY_PREFIX}{day:g}", "float64", "mg", f"taken by study day {day:g}") for day in dose_days]
    return (*always, *onsets, *days, *days_at_dose, *doses)


def patient_columns_of(protocol: Protocol) -> tuple[Column, ...]:
    """The columns of the patients of a protocol."""
    toxicities = [protocol.clocks[i].name for i in protocol.toxicities]
    return patient_columns(protocol.responses, toxicities, protocol.levels, protocol.dose_days, protocol.dose_unit)


# Where parameters vary from replicate to replicate.
PARAMETER_DRAW: Final = Column("parameter_draw", "int64", "", "row, from 1, of the table of parameter draws")


def replicate_columns(
    responses: Sequence[ResponseCategory],
    reported: Sequence[str],
    has_draws: bool = False,
    dose_unit: DoseUnit = MG_PER_DAY,
) -> tuple[Column, ...]:
    """The columns of the replicates table for a scenario with these responses and toxicities, perhaps with draws."""
    best_first = tuple(
        Column(count_column(category), "int64", "patients", f"evaluable with a {category.name} as the best one seen")
        for category in reversed(responses)
    )
    always = _after(in_unit(REPLICATES, dose_unit), "n_evaluable", best_first)
    counts = [
        Column(f"{TOXICITY_PREFIX}{name}", "int64", "patients", f"with {name} at least once") for name in reported
    ]
    return (*always, *counts, PARAMETER_DRAW) if has_draws else (*always, *counts)


def _after(columns: tuple[Column, ...], name: str, added: tuple[Column, ...]) -> tuple[Column, ...]:
    """Columns with others after the one of a name."""
    place = [column.name for column in columns].index(name) + 1
    return (*columns[:place], *added, *columns[place:])
