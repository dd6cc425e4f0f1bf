"""Outcomes, derived from the event log and from nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from trialsim.model import disease
from trialsim.model import vocabulary as v
from trialsim.model.parameters import draw_numbers
from trialsim.model.protocol import Protocol
from trialsim.records.columns import (
    DAYS_AT_PREFIX,
    DOSE_BY_PREFIX,
    FIRST_ONSET_PREFIX,
    KEY,
    ONSETS_PREFIX,
    PARAMETER_DRAW,
    TOXICITY_PREFIX,
    Column,
    confirmed_column,
    conform,
    count_column,
    patient_columns_of,
    replicate_columns,
    seen_column,
)
from trialsim.typing import Floats


def patient_outcomes(events: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """One row per enrolled patient, columns as in `columns.patient_columns`, in order of enrolment."""
    enrolled = _of(v.ENROLLED, events)
    table = enrolled[[*KEY, "calendar_day"]].rename(columns={"calendar_day": "enrolled_day"}).set_index(KEY)
    ended = _of(v.OBSERVATION_ENDED, events).set_index(KEY)
    first_dose = _of(v.FIRST_DOSE, events).set_index(KEY)
    stopped = _of(v.TREATMENT_ENDED, events).set_index(KEY)
    table["first_dose_day"] = first_dose["calendar_day"]
    table["follow_up_days"] = ended["calendar_day"] - table["enrolled_day"]
    table["observation_end"] = ended["detail"]
    table["observed_days"] = ended["study_day"]
    on_treatment_until = stopped["study_day"].reindex(table.index).fillna(ended["study_day"])
    table["treatment_days"] = on_treatment_until
    table["treatment_end"] = stopped["detail"].reindex(table.index).fillna(v.NO_REASON).astype(np.int64)
    table = table.join(_doses(events, on_treatment_until, protocol))
    table["is_evaluable"] = table.index.isin(_of(v.BECAME_EVALUABLE, events).set_index(KEY).index)
    table = table.join(_assessed(_of(v.ASSESSED, events), protocol))
    confirmed = _of(v.RESPONSE_CONFIRMED, events)
    table = table.join(_days_of_responses(confirmed, protocol, "response_confirmed_days", confirmed_column))
    table["best_response"] = table["best_response"].fillna(disease.STABLE).astype(np.int64)
    table["death_days"] = _of(v.DIED, events).set_index(KEY)["study_day"]
    onsets = _of(v.TOXICITY_ONSET, events)
    for position in protocol.toxicities:
        name = protocol.clocks[position].name
        days = onsets.loc[onsets["clock"] == position].groupby(KEY, sort=False)["study_day"]
        table[f"{ONSETS_PREFIX}{name}"] = days.size().reindex(table.index, fill_value=0).astype(np.int64)
        table[f"{FIRST_ONSET_PREFIX}{name}"] = days.min()
    return conform(table.reset_index().rename(columns=protocol.dose_unit.column), patient_columns_of(protocol))


def _of(event: int, events: pd.DataFrame) -> pd.DataFrame:
    return events.loc[events["event"] == event]


def _doses(events: pd.DataFrame, until: pd.Series, protocol: Protocol) -> pd.DataFrame:
    """What each treated patient took, and for how long: the dose after each change lasts until the next.

    A decision that keeps the dose splits no interval, and the sum of a patient runs in order of time with no correction
    for rounding, so that whoever adds up the same log the same way finds the same number to the last bit.
    """
    is_change = events["dose_from_mg_per_day"] != events["dose_to_mg_per_day"]
    moves = events.loc[(events["event"] == v.FIRST_DOSE) | ((events["event"] == v.DECISION) & is_change)]
    moves = moves.join(until.rename("until"), on=KEY)
    groups = moves.groupby(KEY, sort=False)
    following = groups["study_day"].shift(-1).fillna(moves["until"])
    lasted = following - moves["study_day"]
    number = groups.ngroup()
    total = np.bincount(number, weights=moves["dose_to_mg_per_day"] * lasted)
    days = groups["until"].first()
    columns = {
        f"{DAYS_AT_PREFIX}{level:g}": np.bincount(
            number, weights=lasted.where(moves["dose_to_mg_per_day"] == level, 0.0), minlength=len(days)
        )
        for level in (0.0, *protocol.levels)
    }
    doses_by_day = {
        f"{DOSE_BY_PREFIX}{day:g}": _doses_by(day, moves, following, number) * protocol.dose_share
        for day in protocol.dose_days
    }
    is_maximum = moves["dose_to_mg_per_day"] == protocol.levels[-1]
    mean = (total / days.where(days > 0.0)).where(days > 0.0, groups["dose_to_mg_per_day"].first())
    highest = groups["dose_to_mg_per_day"].max()
    table = pd.DataFrame(
        {
            "mean_dose_mg_per_day": mean,
            "highest_dose_mg_per_day": highest,
            "total_dose_mg": total * protocol.dose_share,
            "held_days": columns.pop(f"{DAYS_AT_PREFIX}0"),
            **columns,
            **doses_by_day,
        },
        index=days.index,
    )
    table["maximum_reached_days"] = moves.loc[is_maximum].groupby(KEY, sort=False)["study_day"].min()
    return table


def _doses_by(day: float, moves: pd.DataFrame, following: pd.Series, number: pd.Series) -> Floats:
    """What each treated patient took up to a study day, added up in the same order."""
    lasted = (np.minimum(following, day) - moves["study_day"]).clip(lower=0.0)
    return np.asarray(np.bincount(number, weights=moves["dose_to_mg_per_day"] * lasted), np.float64)


def _assessed(assessed: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """What assessments found: the best response, the first day of each, the day of progression."""
    responses = assessed.loc[assessed["detail"].map(disease.is_response)]
    progressions = assessed.loc[assessed["detail"].map(disease.is_progression)]
    table = _days_of_responses(responses, protocol, "response_seen_days", seen_column)
    return table.join(
        pd.DataFrame(
            {
                "best_response": responses.groupby(KEY, sort=False)["detail"].max(),
                "progression_seen_days": progressions.groupby(KEY, sort=False)["study_day"].min(),
            }
        ),
        how="outer",
    )


def _days_of_responses(
    rows: pd.DataFrame, protocol: Protocol, any_response: str, column_of: Callable[[disease.ResponseCategory], str]
) -> pd.DataFrame:
    """By patient, the first day of a response that counts, and of each category or a better one."""
    least = {any_response: protocol.first_response}
    least |= {column_of(category): number for number, category in enumerate(protocol.responses, 1)}
    first = {name: rows.loc[rows["detail"] >= number] for name, number in least.items()}
    return pd.DataFrame({name: found.groupby(KEY, sort=False)["study_day"].min() for name, found in first.items()})


def replicate_outcomes(
    patients: pd.DataFrame, events: pd.DataFrame, protocol: Protocol, seed: int, replicates: Sequence[int]
) -> pd.DataFrame:
    """One row per replicate, columns as in `columns.replicate_columns`.

    `replicates` are their numbers: a trial to which nobody came has no events, but it is a trial. A median over nobody
    is missing.
    """
    flags = _flags(patients, protocol)
    index = pd.Index(replicates, dtype=np.int64, name="replicate")
    table = flags.groupby(patients["replicate"], sort=False).sum().reindex(index, fill_value=0).astype(np.int64)
    screened = events.loc[events["event"].isin((v.SCREEN_FAILURE, v.ENROLLED))]
    table["n_screened"] = screened.groupby("replicate").size().reindex(index, fill_value=0)
    in_unit = protocol.dose_unit.column
    is_treated, is_evaluable = patients["first_dose_day"].notna(), patients["is_evaluable"]
    medians = {
        "median_dose_mg_per_day": (is_treated, "mean_dose_mg_per_day"),
        "median_dose_evaluable_mg_per_day": (is_treated & is_evaluable, "mean_dose_mg_per_day"),
        "median_highest_dose_mg_per_day": (is_treated, "highest_dose_mg_per_day"),
        "median_follow_up_days": (pd.Series(True, index=patients.index), "follow_up_days"),
        "median_follow_up_responders_days": (_responds(patients, protocol), "follow_up_days"),
    }
    for name, (is_counted, column) in medians.items():
        table[in_unit(name)] = patients.loc[is_counted].groupby("replicate")[in_unit(column)].median()
    if protocol.parameter_draws:
        numbers = np.asarray(replicates, dtype=np.int64)
        table[PARAMETER_DRAW.name] = draw_numbers(protocol.n_parameter_draws, seed, numbers)
    table["duration_days"] = events.groupby("replicate")["calendar_day"].max().reindex(index)
    return conform(table.reset_index(), columns_of(protocol))


def columns_of(protocol: Protocol) -> tuple[Column, ...]:
    """The columns of the replicates of a protocol."""
    reported = [protocol.clocks[i].name for i in protocol.toxicities if protocol.clocks[i].is_reported]
    return replicate_columns(protocol.responses, reported, protocol.n_parameter_draws > 0, protocol.dose_unit)


def counted_columns_of(protocol: Protocol) -> tuple[str, ...]:
    """The columns of the replicates that the batch engine counts: responses from the least, reported toxicities."""
    reported = [protocol.clocks[i].name for i in protocol.toxicities if protocol.clocks[i].is_reported]
    return (*map(count_column, protocol.responses), *(f"{TOXICITY_PREFIX}{name}" for name in reported))


def _responds(patients: pd.DataFrame, protocol: Protocol) -> pd.Series:
    """Who is evaluable, with a best response that counts as one."""
    return patients["is_evaluable"] & (patients["best_response"] >= protocol.first_response)


def _flags(patients: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """For each patient, which of the replicate's counts it adds to."""
    responds, best = _responds(patients, protocol), patients["best_response"]
    has_progressed, has_died = patients["progression_seen_days"].notna(), patients["death_days"].notna()
    toxicities = {protocol.clocks[i].name: protocol.clocks[i] for i in protocol.toxicities}
    has_toxicity = {name: patients[f"{ONSETS_PREFIX}{name}"] > 0 for name in toxicities}
    is_severe = pd.Series(False, index=patients.index)
    for name, clock in toxicities.items():
        is_severe |= has_toxicity[name] & clock.is_severe
    return pd.DataFrame(
        {
            "n_enrolled": True,
            "n_evaluable": patients["is_evaluable"],
            **{
                count_column(category): patients["is_evaluable"] & (best == number)
                for number, category in enumerate(protocol.responses, 1)
            },
            "n_responders_progression_free": responds & ~has_progressed & ~has_died,
            "n_responders_relapsed": responds & has_progressed,
            "n_responders_died": responds & ~has_progressed & has_died,
            "n_died": has_died,
            "n_progressed": has_progressed,
            "n_stopped_by_rule": patients["treatment_end"] == v.TOXICITY_STOP,
            "n_severe_toxicity": is_severe,
            **{
                f"{TOXICITY_PREFIX}{name}": has_toxicity[name]
                for name, clock in toxicities.items()
                if clock.is_reported
            },
        },
        index=patients.index,
    )
