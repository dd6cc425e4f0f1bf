"""A schedule within cycles: doses and hazards of the days on the drug, totals by the share of days."""

from __future__ import annotations

import pandas as pd
import pytest

import trialsim as ts
from tests.trials import scenario_of, smallest
from trialsim.config import scenario_from_mapping


def trial(**treatment: object) -> ts.Scenario:
    """60 patients at 25 mg/day, of whom some have a rash and some die."""
    treated = smallest()["treatment"] | {"reference_dose": 25, "levels": [15, 25], "start": 25, **treatment}
    events = {
        "rash": {"kind": "toxicity", "rate": "0.1 /month", "dose_exponent": 1},
        "death": {"kind": "death", "rate": "0.05 /month"},
    }
    return scenario_of(
        accrual={"opens": "2001-01-01", "patients": 60, "over": "1 month"}, treatment=treated, events=events
    )


@pytest.mark.parametrize("engine", ["batch", "reference"])
def test_only_what_is_taken_in_all_depends_on_the_schedule(engine: str) -> None:
    daily = ts.run(trial(), 3, 5, engine=engine, keep=3).patients
    cycles = ts.run(trial(schedule={"days": 21, "of": 28}), 3, 5, engine=engine, keep=3).patients
    pd.testing.assert_frame_equal(cycles.drop(columns="total_dose_mg"), daily.drop(columns="total_dose_mg"))
    pd.testing.assert_series_equal(cycles["total_dose_mg"], 0.75 * daily["total_dose_mg"])
    assert (daily["total_dose_mg"] > 0.0).all()


def test_a_schedule_is_said_and_written_only_where_there_is_one() -> None:
    scenario = trial(schedule={"days": 21, "of": 28})
    assert "15, 25 mg/day on days 1 to 21 of 28." in ts.check([scenario])[0]
    assert "on day 1 of 21." in ts.check([trial(schedule={"days": 1, "of": 21})])[0]
    assert scenario_from_mapping(scenario.to_mapping()) == scenario
    assert "schedule" not in trial().to_mapping()["treatment"]
    with pytest.raises(ts.ConfigurationError, match="a cycle has fewer days than that"):
        trial(schedule={"days": 28, "of": 21})
