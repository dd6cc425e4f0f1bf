"""Where a number is from is a typed origin: no words of a source change what is simulated."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import trialsim as ts
from trialsim.config import load_parameters, protocol_of, scenario_from_mapping
from trialsim.config.schema.parameters import ParameterValue

WORDS_OF_THE_PROGRAM = (
    "Smith 2001: median of five series",
    "rough fit of three series",
    "calibrated: median of the posterior of tosi2000",
    "calibrated: mode of tosi2000",
    "assumed in the parameter set tosi2000",
    "posterior median",
    "registry of tosi2000",
    "protocol",
)


@pytest.mark.parametrize("parameters", ["calibrated", "mode"])
@pytest.mark.parametrize("source", WORDS_OF_THE_PROGRAM)
def test_a_number_of_the_users_own_stays_whatever_its_source_says(
    tosi2000: ts.Scenario, source: str, parameters: str
) -> None:
    value = {"value": "0.9 /month", "source": source}
    at_mode = tosi2000.with_changes({"parameters": parameters})
    changed = at_mode.with_changes({"parameters.values.rash rate": value, "events.rash.grade": "III"})
    assert changed.parameters.values["rash rate"] == ParameterValue.model_validate(value)
    assert "rash rate" not in protocol_of(changed).parameter_names
    rash = next(clock for clock in protocol_of(changed).clocks if clock.name == "rash")
    assert rash.rate_per_month == 0.9
    again = scenario_from_mapping(yaml.safe_load(changed.to_yaml()))
    assert again == changed
    switched = again.with_changes({"parameters": {"use": "mode", "calibrated_to": "tosi2000"}})
    assert switched.parameters.values["rash rate"].value == "0.9 /month"


def test_every_number_that_was_filled_in_has_its_origin(tosi2000: ts.Scenario) -> None:
    origins = {name: value.origin for name, value in tosi2000.parameters.values.items()}
    assert origins.pop("rash dose exponent") == "parameter set"
    assert set(origins.values()) == {"posterior median"}
    at_mode = tosi2000.with_changes({"parameters": "mode"}).parameters.values
    assert at_mode["rash rate"].origin == "fitted mode"
    assert at_mode["death after progression rate"].origin == "parameter set"


def test_whether_a_mode_was_fitted_is_stated_and_not_read_from_its_source(tmp_path: Path) -> None:
    text = Path("configs/parameters/tosi2000.yaml")
    path = tmp_path / "set.yaml"
    shipped = (Path(__file__).parents[2] / text).read_text(encoding="utf-8")
    path.write_text(
        shipped.replace("source: rough fit (verification/rough_fit.py)\n    fitted: true", "source: rough fit")
    )
    assert not any(item.fitted for item in load_parameters(path).parameters.values())
    scenario = ts.load_scenario("tosi2000", {"parameters": {"use": "mode", "calibrated_to": str(path)}})
    assert {value.origin for value in scenario.parameters.values.values()} == {"parameter set"}


def test_a_resolved_file_states_no_source_that_the_user_did_not(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(MINE, encoding="utf-8")
    text = ts.load_scenario(path).to_yaml()
    assert "source" not in text
    assert "source: a colleague" in ts.load_scenario(path, {"assessment.every": COLLEAGUE}).to_yaml()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("calibrated", "a parameter needs a number"),
        ({"calibrated": "rash rate"}, "a parameter needs a number"),
        (True, "this is not a number"),
        ([1], "this is not a number"),
        ({"value": "0.1 /month", "origin": "heaven"}, "this word is not known here"),
        (
            {"value": "0.1 /month", "origin": "posterior median"},
            "its origin is the median of the posterior of tosi2000",
        ),
        ({"value": "0.1 /month", "sorce": "x"}, "this key is not known here"),
        ({"value": "0.1 /month", "source": ""}, "a source is a short text"),
    ],
)
def test_a_value_that_cannot_be_is_refused(tosi2000: ts.Scenario, value: object, message: str) -> None:
    with pytest.raises(ts.ConfigurationError, match=message):
        tosi2000.with_changes({"parameters.values": {"rash rate": value}})


COLLEAGUE = {"value": "21 days", "source": "a colleague"}
MINE = """
title: A trial of our own
population: {sex: {male: 1, female: 1}, age: {median: 60 years, sd: 9 years}}
accrual: {opens: 2027-01-01, patients: 20, over: 10 months}
treatment:
  drug: lenalidomide
  reference_dose: 25 mg/day
  levels: [10, 15, 25]
  every: 14 days
  rules: [{when: tolerated, do: escalate}]
disease: {sensitive: 0.5}
events: {neutropenia: {kind: toxicity, rate: 0.10 /month, dose_exponent: 0.8}}
assessment: {every: 28 days}
evaluable: {after: 2 months}
cut_off: {after_last_entry: 6 months}
"""


@pytest.mark.parametrize(
    ("study", "key"),
    [
        ("simon_response", "endpoint.within"),
        ("simon_response", "null"),
        ("precision_response", "half_width"),
        ("two_arm_toxicity", "endpoint.within"),
        ("bryant_day", "toxicity.null"),
    ],
)
def test_numbers_of_a_study_cannot_be_calibrated(study: str, key: str) -> None:
    with pytest.raises(ts.ConfigurationError, match=rf"{key} = calibrated\n  this number cannot be calibrated"):
        ts.load_sizing(study, {key: "calibrated"})


@pytest.mark.parametrize("name", ["x" * 5000, [["x"] * 100] * 100, "../../nothing", "a\u0000b"])
def test_a_posterior_under_an_impossible_name_is_refused_in_words(name: object) -> None:
    scenario = ts.load_scenario("followup").to_mapping()
    scenario["parameters"] = {"use": "calibrated", "calibrated_to": name}
    with pytest.raises(ts.ConfigurationError):
        ts.load_scenario(scenario)
