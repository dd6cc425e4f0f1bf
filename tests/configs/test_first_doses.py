"""First doses by baseline values: who begins where, in both engines, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import trialsim as ts
from tests.trials import scenario_of, smallest
from trialsim.config import scenario_from_mapping

LEVELS = [5, 10, 15, 25]
POPULATION = {
    "sex": {"male": 17, "female": 10},
    "clearance": {"median": "70 mL/min", "sd": "25 mL/min", "lowest": "10 mL/min"},
}
IMPAIRED: dict[str, Any] = {"covariate": "clearance", "below": "30 mL/min", "dose": "5 mg/day", "source": "the label"}
REDUCED: dict[str, Any] = {"covariate": "clearance", "at_least": "30 mL/min", "below": "60 mL/min", "dose": "10 mg"}
WOMEN: dict[str, Any] = {"covariate": "sex", "category": "female", "dose": "15 mg/day"}


def trial(*start_by: dict[str, Any], **treatment: Any) -> ts.Scenario:
    """200 patients who begin at 25 mg/day, but for the lines of `start_by`."""
    treated = smallest()["treatment"] | {
        "reference_dose": 25, "levels": LEVELS, "start": "25 mg/day", "start_by": list(start_by), **treatment,
    }  # fmt: skip
    accrual = {"opens": "2001-01-01", "patients": 200, "over": "1 month"}
    return scenario_of(accrual=accrual, population=POPULATION, treatment=treated)


@pytest.mark.parametrize("engine", ["batch", "reference"])
def test_the_first_line_that_holds_gives_the_first_dose(engine: str) -> None:
    result = ts.run(trial(IMPAIRED, REDUCED, WOMEN), 2, 7, engine=engine, keep=2)
    patients, log = result.patients, result.events
    first = log[log["event"] == "first dose"].set_index(["replicate", "patient"])["dose_to_mg_per_day"]
    who = patients.set_index(["replicate", "patient"]).loc[first.index]
    clearance, sex = who["baseline.clearance"], who["baseline.sex"]
    expected = np.select([clearance < 30.0, clearance < 60.0, sex == "female"], [5.0, 10.0, 15.0], 25.0)
    np.testing.assert_array_equal(first.to_numpy(), expected)
    assert set(expected) == {5.0, 10.0, 15.0, 25.0}


def test_first_doses_are_said_and_written_only_where_there_are_some() -> None:
    scenario = trial(IMPAIRED, REDUCED, WOMEN)
    text = " ".join(ts.check([scenario])[0].split())
    assert "Starts at 25 mg/day. Where clearance is below 30 mL/min, starts at 5 mg/day (the label)." in text
    assert "Where clearance is from 30 mL/min and below 60 mL/min, starts at 10 mg." in text
    assert "Where sex is female, starts at 15 mg/day." in text
    assert scenario_from_mapping(scenario.to_mapping()) == scenario
    assert "start_by" not in trial().to_mapping()["treatment"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({**WOMEN, "covariate": "gender"}, "there is no such covariate"),
        ({**WOMEN, "category": "femal"}, "Did you mean female?"),
        ({**WOMEN, "dose": "20 mg/day"}, "a first dose is 20 mg/day, which is not a level of the ladder"),
        ({**REDUCED, "at_least": "60 mL/min"}, "nobody is between these bounds"),
        ({**IMPAIRED, "below": "30 kg"}, "`at_least` or `below`, in mL/min"),
        ({**IMPAIRED, "covariate": "sex"}, "a `category` of male, female"),
        ({**WOMEN, "covariate": "clearance"}, "`at_least` or `below`, in mL/min"),
        ({**WOMEN, "below": "30 mL/min"}, "for a category, or for values between bounds"),
        ({"covariate": "sex", "dose": 5}, "for a category, or for values between bounds"),
    ],
)
def test_lines_that_cannot_be_are_refused(line: dict[str, Any], message: str) -> None:
    with pytest.raises(ts.ConfigurationError) as raised:
        trial(line)
    assert message in str(raised.value)


def test_a_loading_dose_is_the_same_for_everyone() -> None:
    with pytest.raises(ts.ConfigurationError, match="`loading`, or `start_by`"):
        trial(WOMEN, loading={"dose": 25, "days": "7 days"})
