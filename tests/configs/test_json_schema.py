"""The JSON Schema of each kind of file: up to date, described throughout, true of every valid file."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from typer.testing import CliRunner
from verification.fuzz_configurations import outcome_of, shipped_files
from verification.mutations import mutant

import trialsim as ts
from tests import generated
from trialsim.cli.main import app
from trialsim.config.describe.json_schema import schema_of
from trialsim.config.schema.population import Section
from trialsim.config.source.builtin import SCHEMAS, kind_of_data, schema_file
from trialsim.config.source.yaml import parse_value, read_yaml
from trialsim.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "docs"))

import write_schemas  # noqa: E402

KINDS = {"scenarios": "scenario", "cohorts": "cohort", "parameters": "parameters"}
INVALID = {file.stem: file for file in (ROOT / "tests" / "configs" / "invalid").glob("*.yaml")}
# What is wrong with these stands in the file itself, and not in what it extends or names.
STRUCTURAL = (
    "calibrated_and_valued", "calibrated_parameter", "calibrated_window", "calibrated_without_name",
    "clinic_without_slots", "condition_of_nothing", "correlation_calibrated", "correlation_of_one",
    "correlation_with_itself", "cut_off_at_last_entry", "empty_ladder", "far_date", "frailty_spread",
    "level_without_value", "mean_and_sd", "median_reached_and_not", "missing_sections", "misspelt_key",
    "misspelt_section", "negative_rate", "no_date", "parameters_word", "rate_without_unit",
    "sensitivity_by_hazard_ratio", "source_empty", "steps_of_a_rule", "two_cut_offs", "two_mistakes", "wrong_unit",
)  # fmt: skip
N_MUTANTS = 2


def is_of_a_schema(file: Path) -> bool:
    """Whether a file is of a kind that has a schema; strategies and lists of published designs are not."""
    return kind_of_data(read_yaml(file)[0]) != "strategies" and file.name != "designs.yaml"


VALID = [
    file
    for folder in ("configs", "tests/calibration", "tests/configs/published", "verification/two_trials")
    for file in sorted((ROOT / folder).rglob("*.yaml"))
    if is_of_a_schema(file)
]


def kind_of_file(data: dict[str, Any]) -> str:
    return KINDS.get(kind_of_data(data), "study")


def mistakes(data: dict[str, Any], kind: str = "") -> list[str]:
    """What a validator that knows nothing of this package says of plain data."""
    errors = validator(kind or kind_of_file(data)).iter_errors(data)
    return [f"{error.json_path}: {error.message}" for error in errors]


@cache
def validator(kind: str) -> Any:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema, which validates files here, is not installed")
    return jsonschema.Draft202012Validator(ts.schema(kind))


def sections(form: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a schema."""
    if isinstance(form, dict):
        yield form
        for item in form.values():
            yield from sections(item)
    elif isinstance(form, list):
        for item in form:
            yield from sections(item)


@pytest.mark.parametrize("kind", SCHEMAS)
def test_the_schema_that_comes_along_is_that_of_the_models(kind: str) -> None:
    """Write it anew with `python docs/write_schemas.py`."""
    assert schema_file(kind).read_text(encoding="utf-8") == write_schemas.text_of(kind)


@pytest.mark.parametrize("kind", SCHEMAS)
def test_it_is_a_schema_and_names_no_host(kind: str) -> None:
    schema = ts.schema(kind)
    validator(kind).check_schema(schema)
    assert schema["$id"] == f"urn:trialsim:schema:{kind}:1"
    text = schema_file(kind).read_text(encoding="utf-8")
    assert re.findall(r"\w+://[^\s\"]*", text) == ["https://json-schema.org/draft/2020-12/schema"]
    assert "refers to" not in {key for form in sections(schema) for key in form}


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_reference_has_its_definition(kind: str) -> None:
    schema = schema_of(kind)
    named = {form["$ref"].removeprefix("#/$defs/") for form in sections(schema) if "$ref" in form}
    assert named == set(schema["$defs"])


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_key_is_described(kind: str) -> None:
    schema = ts.schema(kind)
    models = {model.__name__: model for model in all_sections(Section)}
    described = 0
    for form in [schema, *(schema["$defs"][name] for name in models if name in schema["$defs"])]:
        for keys in [form, *form.get("anyOf", [])]:
            for key, item in keys.get("properties", {}).items() if not keys.get("additionalProperties", True) else ():
                assert item["description"].endswith("."), key
                described += 1
    assert described > (10 if kind == "parameters" else 25)


def all_sections(model: type[Section]) -> Iterator[type[Section]]:
    for below in model.__subclasses__():
        yield below
        yield from all_sections(below)


@pytest.mark.parametrize("file", VALID, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_valid_file_is_valid_for_its_schema(file: Path) -> None:
    assert mistakes(read_yaml(file)[0]) == []


@pytest.mark.parametrize("name", ts.builtin_names("scenarios"))
def test_a_resolved_scenario_is_valid_for_the_schema(name: str) -> None:
    assert mistakes(parse_value(ts.load_scenario(name).to_yaml())) == []


@settings(max_examples=25, deadline=None)
@given(generated.scenarios())
def test_a_scenario_that_is_made_up_is_valid_for_the_schema(scenario: ts.Scenario) -> None:
    assert mistakes(parse_value(scenario.to_yaml())) == []


@pytest.mark.parametrize("name", STRUCTURAL)
def test_a_mistake_that_stands_in_the_file_is_found_by_the_schema(name: str) -> None:
    assert mistakes(read_yaml(INVALID[name])[0]) != []


@pytest.mark.parametrize(
    "file",
    [file for file in shipped_files() if is_of_a_schema(file)],
    ids=lambda file: f"{file.parent.name}-{file.stem}",
)
def test_what_is_accepted_is_valid_for_the_schema(tmp_path: Path, file: Path) -> None:
    """A mutant that trialsim reads is no mistake to an editor."""
    texts = [shipped.read_text(encoding="utf-8") for shipped in shipped_files()]
    text, path = file.read_text(encoding="utf-8"), tmp_path / "mutant.yaml"
    for number in range(N_MUTANTS):
        _, content = mutant(text, texts, f"schema/{file.parent.name}/{file.name}/{number}")
        path.write_bytes(content)
        if outcome_of(path, False, False) == "accepted" and is_of_a_schema(path):
            assert mistakes(read_yaml(path)[0]) == [], number


@pytest.mark.parametrize(
    ("key", "forms", "wrong"),
    [
        ("every", ["14 days", "2 WKS", "1 mo", {"value": "28 days", "source": "assumed"}, "calibrated"], ["14", 14]),
        (
            "start",
            [100, "100", "0.1 g/day", "100000 mcg per d", "700 mg/week", "100 mg"],
            ["100 tablets", 0, "0 mg/day", "-1 mg/day"],
        ),
        ("reescalate", ["always", "never", "28 days"], ["sometimes", 3]),
        ("levels", [[100, "200 mg/day"], {"start": 100, "step": 100, "maximum": 800}], [[], {"start": 100}, 100]),
        ("rules", [[{"when": ["tolerated", {"not": "toxicity"}], "do": "keep"}]], [[{"when": "tolerated"}], "none"]),
    ],
)
def test_a_key_may_be_written_in_each_of_its_forms(key: str, forms: list[Any], wrong: list[Any]) -> None:
    """Of a treatment, in a file that extends another."""
    for form in [*forms, None]:
        assert mistakes({"extends": "tosi2000", "treatment": {key: form}}) == [], form
    for form in wrong:
        assert mistakes({"extends": "tosi2000", "treatment": {key: form}}) != [], form


def test_changes_by_dotted_key_begin_with_a_key_of_the_scenario() -> None:
    study = {"study": "compare", "title": "t", "scenario": "tosi2000", "endpoints": ["any response"]}
    assert (
        mistakes({**study, "variants": {"a": {"treatment.every": "28 days"}, "b": {"strategy": "cap-400"}, "c": None}})
        == []
    )
    assert mistakes({**study, "variants": {"a": {"treatmnt.every": "28 days"}}}) != []
    assert mistakes({**study, "grid": {"treatment.every": ["14 days", "28 days"]}}) == []


def test_a_design_is_told_which_keys_it_needs_and_does_not_use() -> None:
    study = {
        "study": "size",
        "title": "t",
        "scenario": "followup",
        "endpoint": "any response",
        "alternative": "modelled",
    }
    assert mistakes({**study, "design": "simon-optimal", "null": "15 %"}) == []
    assert mistakes({**study, "design": "simon-optimal"}) != []
    assert mistakes({**study, "design": "simon-optimal", "null": 0.15, "half_width": 0.1}) != []
    assert mistakes({**study, "design": "simon-optimum", "null": 0.15}) != []


def test_the_command_prints_the_schema_and_nothing_else() -> None:
    done = CliRunner().invoke(app, ["schema", "cohort"])
    assert done.exit_code == 0
    assert done.output == schema_file("cohort").read_text(encoding="utf-8")


def test_an_unknown_kind_of_file_is_refused_in_words() -> None:
    with pytest.raises(ts.RequestError, match="Did you mean cohort"):
        ts.schema("cohorts")


def test_a_missing_key_is_said_with_what_it_is() -> None:
    with pytest.raises(ConfigurationError, match=r"this key is missing: how many patients enrol, and when\."):
        ts.load_scenario({"title": "nothing but a title"})
