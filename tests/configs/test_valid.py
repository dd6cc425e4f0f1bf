"""Shipped configurations load, read back equal from their resolved text, and say what they are meant to say."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import trialsim as ts
from trialsim.config import load_parameters, protocol_of, scenario_from_mapping
from trialsim.config.schema.quantities import Dose, Duration, LookInterval, Probability, Rate
from trialsim.config.schema.quantity import Quantity
from trialsim.report.run.synopsis import synopsis

SCENARIOS = ts.builtin_names("scenarios")


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_shipped_scenario_reads_back_equal_from_its_resolved_text(name: str) -> None:
    scenario = ts.load_scenario(name)
    again = scenario_from_mapping(yaml.safe_load(scenario.to_yaml()))
    assert again == scenario
    assert protocol_of(again) == protocol_of(scenario)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_shipped_scenario_runs(name: str) -> None:
    result = ts.run(ts.load_scenario(name), replicates=3, engine="batch")
    assert result.estimates["value"].notna().sum() >= 10


def test_there_is_a_variant_by_extends_and_one_with_a_poisson_process() -> None:
    even = ts.load_scenario("tosi2000-even-ladder")
    assert [dose.value for dose in even.treatment.levels] == [100, 200, 400, 600, 800]
    assert even.with_changes({"interpretations.dose_ladder": "literal", "title": ts.load_scenario("tosi2000").title,
                              "name": "tosi2000"}) == ts.load_scenario("tosi2000")  # fmt: skip
    followup = ts.load_scenario("followup")
    assert followup.accrual.sites is not None
    assert any(site.ramp_up.value > 0 for site in followup.accrual.sites.values())
    assert followup.accrual.pauses


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Duration, "14 days", 14.0),
        (Duration, "2 weeks", 14.0),
        (Duration, "10 months", 304.375),
        (LookInterval, "continuously", 0.0),
        (Dose, "400 mg/day", 400.0),
        (Dose, 400, 400.0),
        (Dose, "0.4 g/day", 400.0),
        (Rate, "0.134 /month", 0.134),
        (Rate, "1.2 per year", 0.1),
        (Probability, "25 %", 0.25),
        (Probability, "1e-3", 0.001),
    ],
)
def test_quantities_are_read_with_their_units(kind: type[Quantity], text: str, value: float) -> None:
    assert kind.of(text).value == pytest.approx(value)


def test_a_source_is_kept_with_its_number(tosi2000: ts.Scenario) -> None:
    assert tosi2000.assessment.every.source == "assumed"
    assert tosi2000.treatment.every.source is None
    changed = tosi2000.with_changes({"treatment.every": {"value": "28 days", "source": "a colleague"}})
    assert changed.treatment.every.source == "a colleague"
    assert "a colleague" in changed.to_yaml()


def test_a_ladder_can_be_given_by_start_step_and_maximum(tosi2000: ts.Scenario) -> None:
    changed = tosi2000.with_changes({"treatment.levels": {"start": 100, "step": "200 mg/day", "maximum": "800 mg/day"}})
    assert [dose.value for dose in changed.treatment.levels] == [100, 300, 500, 700, 800]


def test_scenarios_are_frozen(tosi2000: ts.Scenario) -> None:
    with pytest.raises(ValueError, match="frozen"):
        tosi2000.treatment.every = Duration.of("1 day")  # type: ignore[misc, assignment]
    changed = tosi2000.with_changes({"treatment.every": "28 days"})
    assert (tosi2000.treatment.every.value, changed.treatment.every.value) == (14.0, 28.0)


@pytest.mark.parametrize(
    ("interpretation", "choice", "key", "value"),
    [
        ("dose_ladder", "even", "treatment.levels", [100, 200, 400, 600, 800]),
        ("grade", "II or worse", "events.rash.severe", False),
        ("evaluability", "only treated long enough", "evaluable.early_progression", False),
        ("measurement", "continuously", "assessment.every", {"value": "continuously", "source": "assumed"}),
    ],
)
def test_another_interpretation_is_a_one_line_switch(
    tosi2000: ts.Scenario, interpretation: str, choice: str, key: str, value: object
) -> None:
    changed = tosi2000.with_changes({f"interpretations.{interpretation}": choice})
    found: object = changed.to_mapping()
    for part in key.split("."):
        found = found[part]  # type: ignore[index]
    assert found == value
    assert (
        changed.with_changes({f"interpretations.{interpretation}": tosi2000.interpretations[interpretation]})
        == tosi2000
    )


def test_every_interpretation_of_every_ambiguity_gives_a_trial_that_runs(tosi2000: ts.Scenario) -> None:
    assert tosi2000.cohort is not None
    for name, ambiguity in tosi2000.cohort.ambiguities.items():
        assert len(ambiguity.interpretations) >= 2
        for choice in ambiguity.interpretations:
            result = ts.run(tosi2000.with_changes({f"interpretations.{name}": choice}), replicates=2, engine="batch")
            assert (result.estimates["printed"] != "").sum() == len(tosi2000.published_statistics)


def test_a_users_own_change_wins_over_an_interpretation(tosi2000: ts.Scenario) -> None:
    changed = tosi2000.with_changes({"interpretations.dose_ladder": "even", "treatment.levels": [100, 150]})
    assert [dose.value for dose in changed.treatment.levels] == [100, 150]
    assert [dose.value for dose in scenario_from_mapping(changed.to_mapping()).treatment.levels] == [100, 150]


def test_a_parameter_can_be_changed_alone(tosi2000: ts.Scenario) -> None:
    changed = tosi2000.with_changes({"parameters.values.rash rate": "0.5 /month"})
    before, after = protocol_of(tosi2000), protocol_of(changed)
    differing = [a.name for a, b in zip(before.clocks, after.clocks, strict=True) if a != b]
    assert differing == ["rash"]


def test_every_calibrated_number_has_a_mode_a_prior_and_what_informs_it() -> None:
    for name, parameter in load_parameters("tosi2000").parameters.items():
        assert parameter.informed_by, name
        assert parameter.source, name
        assert parameter.prior.distribution == "fixed" or parameter.prior.sd > 0, name


def test_a_scenario_beside_its_own_cohort_and_parent_is_found(tmp_path: Path) -> None:
    statistic = {"kind": "count", "printed": "3 of 9", "count": 3, "of": 9, "source": "s"}
    cohort = {"name": "mine", "title": "t", "citation": "c", "statistics": {"evaluable": statistic}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(cohort))
    (tmp_path / "parent.yaml").write_text("extends: tosi2000\ntitle: parent"
    "\ninterpretations: null\ncohort: ./mine.yaml\n"
                                          "parameters: {calibrated_to: tosi2000}\n")  # fmt: skip
    (tmp_path / "child.yaml").write_text("extends: parent.yaml\ntitle: child\n")
    scenario = ts.load_scenario(tmp_path / "child.yaml")
    assert (scenario.title, scenario.name) == ("child", "child")
    assert list(scenario.published_statistics) == ["evaluable"]


@pytest.mark.parametrize(
    ("reescalate", "sentence"),
    [
        ("always", "may rise again at the next visit"),
        ("never", "never rises again"),
        ("28 days", "rises only after 28 days free of dose-limiting toxicity"),
    ],
)
def test_the_synopsis_says_what_follows_a_reduction(tosi2000: ts.Scenario, reescalate: str, sentence: str) -> None:
    assert sentence in " ".join(synopsis(tosi2000.with_changes({"treatment.reescalate": reescalate})).split())
    only_up = [{"when": "tolerated", "do": "escalate"}]
    changed = tosi2000.with_changes({"interpretations.after_toxicity": "keep", "treatment.rules": only_up})
    assert "may rise again" not in synopsis(changed)
