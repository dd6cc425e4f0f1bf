"""Effects of baseline values on sensitivity and correlations of covariates, as a user writes and reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import trialsim as ts
from trialsim.config import protocol_of, scenario_from_mapping
from trialsim.config.checks.correlations import correlation_findings
from trialsim.config.schema.scenario import own_name
from trialsim.model.hazards import effect_weight
from trialsim.report.run.synopsis import synopsis

EFFECTS = {
    "age": {"odds_ratio": 0.8, "per": "10 years"},
    "prior transplant": {"odds_ratios": {"none": 1.5, "allogeneic": 0.5}},
}
CORRELATIONS = [{"between": ["prior transplant", "age"], "correlation": {"value": -0.4, "source": "a registry"}}]
CHANGES = {"disease.effects": EFFECTS, "correlations": CORRELATIONS}


def test_they_read_back_equal_from_the_resolved_text(at_mode: ts.Scenario) -> None:
    changed = at_mode.with_changes(CHANGES)
    again = scenario_from_mapping(yaml.safe_load(changed.to_yaml()))
    assert again == changed
    assert protocol_of(again) == protocol_of(changed)
    assert protocol_of(changed).sensitivity_effects == (
        (1, -1, 60.0, effect_weight(0.8, 10.0)),
        (5, 0, 0.0, effect_weight(1.5, 1.0)), (5, 3, 0.0, effect_weight(0.5, 1.0)),
    )  # fmt: skip


def test_a_scenario_without_them_does_not_write_them(at_mode: ts.Scenario) -> None:
    written = at_mode.to_mapping()
    assert "correlations" not in written
    assert set(written["disease"]) == {"sensitive"}


def test_the_synopsis_says_them_in_plain_words(at_mode: ts.Scenario) -> None:
    text = " ".join(synopsis(at_mode.with_changes(CHANGES)).split())
    assert "prior transplant and age are correlated: -0.4 between their normal scores" in text
    assert "(prior transplant from none to allogeneic; age rising)" in text
    assert (
        "odds × 0.8 for each 10 years of age above 60 years, by prior transplant: none × 1.5, allogeneic × 0.5" in text
    )
    assert "sd 9 years, from 18 years. " in text  # age acts
    assert "allogeneic 1 (shares). " in text  # and so does the transplant
    assert "a registry: prior transplant" not in text
    assert "a registry: correlation -0.4" in text


def test_a_calibrated_odds_ratio_is_named_after_its_place() -> None:
    assert own_name(("disease", "effects", "age", "odds_ratio")) == "sensitive age odds ratio"
    assert own_name(("disease", "effects", "sex", "odds_ratios", "female")) == "sensitive sex female odds ratio"


def test_a_parameter_set_gives_the_mode_of_an_odds_ratio(tmp_path: Path) -> None:
    prior = {"distribution": "lognormal", "median": 1, "sd": 0.3}
    parameter = {"mode": 0.7, "prior": prior, "informed_by": "subgroups", "source": "assumed"}
    parameters = {
        "name": "mine", "title": "priors", "drug": "thalidomide", "reference_dose": "400 mg/day",
        "parameters": {"sensitive age odds ratio": parameter},
    }  # fmt: skip
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(parameters), encoding="utf-8")
    scenario = {
        "title": "t", "parameters": {"use": "mode", "calibrated_to": str(tmp_path / "mine.yaml")},
        "population": {"age": {"median": "60 years", "sd": "9 years"}},
        "accrual": {"opens": "2001-01-01", "patients": 10, "over": "1 month"},
        "treatment": {"reference_dose": 400, "levels": [400], "every": "14 days", "rules": []},
        "disease": {"sensitive": 0.5, "effects": {"age": {"odds_ratio": "calibrated", "per": "10 years"}}},
        "events": {}, "assessment": {"every": "28 days"}, "evaluable": {"after": "1 month"},
        "cut_off": {"after_opening": "9 months"},
    }  # fmt: skip
    path = tmp_path / "scenario.yaml"
    path.write_text(yaml.safe_dump(scenario), encoding="utf-8")
    protocol = protocol_of(ts.load_scenario(path))
    assert protocol.sensitivity_effects == ((0, -1, 60.0, effect_weight(0.7, 10.0)),)


def test_a_covariate_that_is_taken_away_is_missed_by_its_correlation(at_mode: ts.Scenario) -> None:
    with pytest.raises(ts.ConfigurationError, match="there is no such covariate"):
        at_mode.with_changes({**CHANGES, "disease.effects": {}, "population.age": None})


@pytest.mark.parametrize("correlation", [-0.97, -0.11, 0.91, 0.93])
def test_correlations_are_refused_exactly_outside_the_bounds_that_are_told(
    at_mode: ts.Scenario, correlation: float
) -> None:
    """0.4 ± sqrt(0.36 × 0.75): what 0.8 and 0.5 leave for the third."""
    changed = at_mode.with_changes(
        {"correlations": [
            {"between": ["age", "stage"], "correlation": 0.8},
            {"between": ["stage", "sex"], "correlation": 0.5},
        ]}
    )  # fmt: skip
    third = changed.correlations[0].model_copy(
        update={"between": ["sex", "age"], "correlation": type(changed.correlations[0].correlation).of(correlation)}
    )
    findings = list(correlation_findings(changed.model_copy(update={"correlations": [*changed.correlations, third]})))
    assert bool(findings) == (not 0.4 - 0.27**0.5 < correlation < 0.4 + 0.27**0.5)
