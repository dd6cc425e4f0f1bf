"""A key without a value takes away only what is there; slips that make such keys are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import trialsim as ts
from trialsim.config import load_parameters
from trialsim.config.source.builtin import builtin_folder


def load(tmp_path: Path, text: str) -> ts.Scenario:
    path = tmp_path / "mine.yaml"
    path.write_text("extends: tosi2000\n" + text, encoding="utf-8")
    return ts.load_scenario(path)


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("disease: {sensitive: 0,5}", "disease.5", "a comma ends the value"),
        ("events: {rash: {kind: toxicity, rate: 3 /month, shape:1.5}}", "rash.shape:1.5", "Did you mean shape: 1.5?"),
        ("events: {rash: {dose_exponent:2}}", "rash.dose_exponent:2", "a space is missing after the colon"),
        ("events: {rash: {shape: 1,5}}", "events.rash.5", "a comma ends the value"),
        ("frailties: {f: {sd: 0,5}}", "frailties.f.5", "a comma ends the value"),
        ("clinic: {slots_per_day: 1,5}", "clinic.5", "a comma ends the value"),
        ("accrual: {patients: 1,000}", "accrual.000", "a comma ends the value"),
        ("treatment: {levels: {start: 1,00, step: 1, maximum: 5}}", "treatment.levels.00", "a comma ends the value"),
        ("population: {sex: {male:17, female:10}}", "male:17", "a space is missing after the colon"),
        ("cut_off: {after_opening: {value: 9,5 months, source: x}}", "after_opening.5 months", "a comma ends"),
        ("events: {new: {kind: toxicity, rate: {value: 0,05 /month}}}", "events.new.rate", "a comma ends the value"),
        ("events: {new: {kind: toxicity, rate: {value:1 /month}}}", "events.new.rate", "Did you mean value: 1 /month?"),
        ("treatment:\n  evry:\n", "treatment.evry", "Did you mean every?"),
        ("cut_of:\n", "cut_of", "Did you mean cut_off?"),
        ("events: {nausea: null}", "events.nausea", "nothing of this name to take away"),
        ("treatment:\n  rules:\n    - {when: tolerated, do: keep, levls: }", "rules.0.levls", "is not known"),
    ],
)  # fmt: skip
def test_a_key_without_a_value_is_refused(tmp_path: Path, text: str, key: str, expected: str) -> None:
    with pytest.raises(ts.ConfigurationError) as raised:
        load(tmp_path, text)
    assert key in str(raised.value)
    assert expected in str(raised.value)
    assert "mine.yaml:" in str(raised.value)


def test_null_takes_away_a_key_that_is_inherited_or_not_given(tmp_path: Path) -> None:
    scenario = load(tmp_path, "clinic: null\naccrual: {pauses: null}\ntreatment: {start: null}\nparameters: null\n")
    assert scenario.clinic is None
    assert scenario.accrual.pauses == []
    assert scenario.name == "mine"
    assert load(tmp_path, "name: null\n").name == "mine"
    with pytest.raises(ts.ConfigurationError, match="this key is missing"):
        load(tmp_path, "treatment: {every: null}\n")


@pytest.mark.parametrize("changes", [{"treatment.evry": None}, {"events.nausea": None}, {"disease": {"5": None}}])
def test_null_by_a_change_is_refused_alike(tosi2000: ts.Scenario, changes: dict[str, Any]) -> None:
    with pytest.raises(ts.ConfigurationError):
        tosi2000.with_changes(changes)


def test_null_cannot_take_away_what_an_interpretation_sets(tosi2000: ts.Scenario) -> None:
    with pytest.raises(ts.ConfigurationError, match="the interpretation grade = as printed sets this key"):
        tosi2000.with_changes({"events.lethargy.grade": None})


STUDY = """study: compare
title: two
scenario: tosi2000
variants: {variants}
endpoints: [partial response]
"""


@pytest.mark.parametrize(
    ("variants", "expected"),
    [
        ("{a: {disease.sensitive: 0,5}, b: {}}", "variants.a.5"),
        ("{a: {disease.sensitive: 0.5}, 5, b: {}}", "variants.5"),
        ("{a: {disease.sensitive:0.5}, b: {}}", "study.yaml:4  variants.a.disease.sensitive:0.5"),
    ],
)
def test_a_comma_in_a_variant_is_refused(tmp_path: Path, variants: str, expected: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.format(variants=variants), encoding="utf-8")
    with pytest.raises(ts.ConfigurationError) as raised:
        ts.load_study(path)
    assert expected in str(raised.value)
    assert "this key has no value" in str(raised.value)


def test_a_variant_without_changes_needs_no_value(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.format(variants="\n  a:\n  b: {disease.sensitive: 0.5}"), encoding="utf-8")
    assert list(ts.load_study(path).scenarios) == ["a", "b"]


def test_a_slip_in_an_interpretation_that_is_not_taken_is_refused(tmp_path: Path) -> None:
    text = (builtin_folder() / "cohorts" / "tosi2000.yaml").read_text(encoding="utf-8")
    assert "levels: 1, at: onset" in text
    path = tmp_path / "cohort.yaml"
    path.write_text(text.replace("levels: 1, at: onset", "levels: 1,000, at: onset"), encoding="utf-8")
    with pytest.raises(ts.ConfigurationError, match="a comma ends the value"):
        ts.load_cohort(path)


def test_a_mode_with_a_decimal_comma_is_refused(tmp_path: Path) -> None:
    text = (builtin_folder() / "parameters" / "tosi2000.yaml").read_text(encoding="utf-8")
    assert "mode: 0.81 /month" in text
    path = tmp_path / "set.yaml"
    path.write_text(text.replace("mode: 0.81 /month", "mode: 0,81 /month"), encoding="utf-8")
    with pytest.raises(ts.ConfigurationError, match=r"Did you mean 0\.81 /month"):
        load_parameters(path)
