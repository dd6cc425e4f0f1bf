"""Cut-offs, evaluability and a clinic with few slots: what must hold by arithmetic."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.trials import scenario_of, simulated, toxicity
from trialsim.model.units import DAYS_PER_MONTH

EVENTS: dict[str, Any] = {
    "nausea": toxicity("0.5 /month"),
    "minor response": {"kind": "minor response", "rate": "0.5 /month"},
    "progression": {"kind": "progression", "rate": "0.3 /month"},
    "death": {"kind": "death", "rate": "0.1 /month"},
}
ACCRUAL = {"opens": "2001-01-01", "patients": 30, "over": "5 months"}


def cut(**cut_off: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    events, patients, _ = simulated(scenario_of(accrual=ACCRUAL, events=EVENTS, cut_off=cut_off), 5)
    return events, patients


def ends(events: pd.DataFrame) -> pd.Series:
    """The calendar day of the cut-off in each replicate."""
    at_cut_off = events[(events["event"] == "observation ended") & (events["detail"] == "cut-off")]
    assert (at_cut_off.groupby("replicate")["calendar_day"].nunique() == 1).all()
    return at_cut_off.groupby("replicate")["calendar_day"].first()


def test_a_cut_off_by_date_is_so_many_days_after_opening() -> None:
    events, _ = cut(date="2001-09-01")
    assert (ends(events) == 243.0).all()
    assert (events["calendar_day"] <= 243.0).all()


def test_a_cut_off_after_the_last_entry_waits_for_it() -> None:
    events, patients = cut(after_last_entry="2 months")
    last = patients.groupby("replicate")["enrolled_day"].max()
    assert np.allclose(ends(events), last + 2 * DAYS_PER_MONTH, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("of", "count"), [("deaths", 4), ("progressions", 6), ("responses", 5), ("evaluable patients", 12)]
)
def test_a_cut_off_by_count_comes_with_the_event_that_completes_it(of: str, count: int) -> None:
    events, patients = cut(after_count=count, of=of, at_latest="60 months")
    counted = {
        "deaths": patients["death_days"].notna(),
        "progressions": patients["progression_seen_days"].notna(),
        "responses": patients["response_seen_days"].notna(),
        "evaluable patients": patients["is_evaluable"],
    }[of]
    assert (counted.groupby(patients["replicate"]).sum() == count).all()
    assert (ends(events) < 60 * DAYS_PER_MONTH).all()


def test_a_count_that_is_never_reached_ends_on_the_latest_day() -> None:
    events, _, _ = simulated(
        scenario_of(accrual=ACCRUAL, cut_off={"after_count": 1, "of": "deaths", "at_latest": "8 months"}), 2
    )
    assert (ends(events) == 8 * DAYS_PER_MONTH).all()


def test_nobody_enrols_after_the_cut_off() -> None:
    events, patients = cut(after_opening="2 months")
    assert (patients["enrolled_day"] < 2 * DAYS_PER_MONTH).all()
    assert 0 < len(patients) < 5 * 30
    assert (events["calendar_day"] <= 2 * DAYS_PER_MONTH).all()


@pytest.mark.parametrize(("early_progression", "early_death"), [(True, False), (False, False), (True, True)])
def test_evaluable_means_long_enough_or_what_is_configured(early_progression: bool, early_death: bool) -> None:
    evaluable = {"after": "2 months", "early_progression": early_progression, "early_death": early_death}
    scenario = scenario_of(accrual=ACCRUAL, events=EVENTS, evaluable=evaluable, cut_off={"after_opening": "6 months"})
    _, patients, _ = simulated(scenario, 20)
    long_enough = patients["follow_up_days"] > 2 * DAYS_PER_MONTH
    expected = long_enough | (patients["progression_seen_days"].notna() & early_progression)
    expected |= patients["death_days"].notna() & early_death
    assert (patients["is_evaluable"] == expected).all()
    assert 0 < expected.sum() < len(patients)


def clinic(slots: int | None, cut_off: str = "4 months") -> tuple[pd.DataFrame, pd.DataFrame]:
    section = {"clinic": {"slots_per_day": slots}} if slots is not None else {}
    scenario = scenario_of(
        accrual={"opens": "2001-01-01", "patients": 40, "over": "20 days"},
        treatment={
            "reference_dose": 400,
            "levels": [100, 200, 400],
            "every": "7 days",
            "rules": [{"when": "tolerated", "do": "escalate"}],
        },
        events=EVENTS,
        cut_off={"after_opening": cut_off},
        **section,
    )
    events, patients, _ = simulated(scenario, 3)
    return events, patients


@pytest.mark.parametrize("slots", [1, 4])
def test_a_clinic_never_sees_more_patients_a_day_than_it_has_slots(slots: int) -> None:
    events, patients = clinic(slots)
    at_clinic = events[events["event"].isin(["first dose", "decision"])]
    days = at_clinic["calendar_day"].map(math.floor)
    assert at_clinic.groupby(["replicate", days]).size().max() == slots
    waited = (patients["first_dose_day"] - patients["enrolled_day"]).dropna()
    assert (waited >= 0).all()
    assert (waited > 0).any()
    # Who waited was seen when a slot became free, at midnight.
    assert (patients.loc[waited[waited > 0].index, "first_dose_day"] % 1.0 == 0.0).all()


def test_patients_who_never_got_a_slot_have_no_dose_and_are_not_evaluable() -> None:
    events, patients = clinic(1, cut_off="1 month")
    never = patients[patients["first_dose_day"].isna()]
    assert len(never) > 0
    assert never["mean_dose_mg_per_day"].isna().all()
    assert not never["is_evaluable"].any()
    assert (never["follow_up_days"] > 0).all()
    ended = events[events["event"] == "observation ended"].groupby(["replicate", "patient"]).size()
    assert (ended == 1).all()


def test_a_clinic_with_slots_for_all_changes_nothing() -> None:
    with_clinic, _ = clinic(1000)
    without, _ = clinic(None)
    pd.testing.assert_frame_equal(with_clinic, without, rtol=0, atol=1e-9)


def test_a_clinic_serves_in_order_of_coming() -> None:
    events, _ = clinic(2)
    for _, own in events.groupby("replicate"):
        enrolled = own[own["event"] == "enrolled"]["patient"].tolist()
        first = own[own["event"] == "first dose"]["patient"].tolist()
        assert first == [patient for patient in enrolled if patient in set(first)]


def test_who_waits_too_long_misses_visits_and_never_has_two_at_once() -> None:
    """Two slots, thirty patients, visits every 3 days: the clinic is always full."""
    scenario = scenario_of(
        accrual={"opens": "2001-01-01", "patients": 30, "over": "2 days"},
        treatment={
            "reference_dose": 400,
            "levels": [100, 200, 300, 400],
            "every": "3 days",
            "rules": [{"when": "tolerated", "do": "escalate"}],
        },
        events={"death": {"kind": "death", "rate": "1 /month"}},
        cut_off={"after_opening": "4 months"},
        clinic={"slots_per_day": 2},
    )
    events, _, _ = simulated(scenario, 5)
    visits = events[events["event"] == "decision"].groupby(["replicate", "patient"])["study_day"]
    gaps = visits.diff().dropna()
    assert (gaps > 0.0).all()
    assert (gaps >= 2.0).mean() > 0.99  # one held late and the next on the grid may be nearer than 3 days
    assert gaps.max() >= 6.0


def test_the_dead_leave_their_slot_to_the_living() -> None:
    """One slot and many deaths: while anyone alive waits for a first dose, no day goes by without a patient seen."""
    scenario = scenario_of(
        accrual={"opens": "2001-01-01", "patients": 40, "over": "1 day"},
        treatment={
            "reference_dose": 400,
            "levels": [100],
            "every": "3 days",
            "rules": [{"when": "always", "do": "keep"}],
        },
        events={"death": {"kind": "death", "rate": "3 /month"}},
        cut_off={"after_opening": "4 months"},
        clinic={"slots_per_day": 1},
    )
    events, _, _ = simulated(scenario, 3)
    for _, own in events.groupby("replicate"):
        seen = own[own["event"].isin(["first dose", "decision"])]["calendar_day"].map(math.floor)
        last_first_dose = math.floor(own.loc[own["event"] == "first dose", "calendar_day"].max())
        assert set(range(last_first_dose + 1)) <= set(seen)


def test_a_second_toxicity_during_a_hold_lowers_no_further() -> None:
    scenario = scenario_of(
        treatment={"reference_dose": 400, "levels": [100, 200, 300, 400], "every": "7 days", "rules": [
            {"when": {"toxicity": "any", "timing": "new"}, "do": "hold", "resume": "lower", "at": "onset"},
            {"when": {"toxicity": "any", "timing": "ever"}, "do": "keep"},
            {"when": "tolerated", "do": "escalate"}]},
        events={name: toxicity("1 /month", resolves={"rate": "1 /month"}) for name in ("nausea", "sedation")},
    )  # fmt: skip
    events, _, protocol = simulated(scenario, 5)
    ladder = protocol.levels
    n_overlapping = 0
    for _, own in events[events["event"] == "decision"].groupby(["replicate", "patient"]):
        held_at = None
        for row in own.to_dict(orient="records"):
            if row["detail"] == "hold" and row["of"] and row["dose_from_mg_per_day"] > 0:
                held_at = ladder.index(row["dose_from_mg_per_day"])
            elif row["detail"] == "hold" and row["of"]:
                n_overlapping += 1
            elif row["detail"] == "resume" and held_at is not None:
                assert ladder.index(row["dose_to_mg_per_day"]) == max(held_at - 1, 0)
    assert n_overlapping > 50
