"""A file of another kind is refused in one line with the command for it; errors point at the line of the user."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

import trialsim as ts
from trialsim.config import Settings, load_parameters
from trialsim.config.describe.differences import differences
from trialsim.config.loading.comparisons import load_comparison
from trialsim.config.loading.scenarios import load_published_trial
from trialsim.config.source.builtin import builtin_folder

LOADERS: dict[str, Callable[..., object]] = {
    "scenarios": ts.load_scenario,
    "cohorts": ts.load_cohort,
    "parameters": load_parameters,
    "compare": load_comparison,
    "size": ts.load_sizing,
    "calibrate": load_published_trial,
}
FILES = {
    "scenarios": ("scenarios/followup.yaml", "is a scenario: trialsim run"),
    "cohorts": ("cohorts/tosi2000.yaml", "is a published cohort: trialsim calibrate"),
    "parameters": ("parameters/tosi2000.yaml", "is a set of parameters"),
    "compare": ("studies/compare_titration.yaml", "is a study that compares variants: trialsim compare"),
    "size": ("studies/two_arm_toxicity.yaml", "is a study of size: trialsim size"),
    "strategies": ("strategies/cap-400.yaml", "is a strategy"),
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("wanted", LOADERS)
def test_a_file_of_another_kind_is_named_in_one_line(tmp_path: Path, kind: str, wanted: str) -> None:
    source, words = FILES[kind]
    if wanted == kind or (wanted == "calibrate" and kind == "cohorts"):
        pytest.skip("the right kind")
    shutil.copy(builtin_folder() / source, tmp_path / "mine.yaml")
    with pytest.raises(ts.ConfigurationError) as raised:
        LOADERS[wanted](tmp_path / "mine.yaml")
    message = str(raised.value)
    assert words in message
    assert "mine.yaml" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("load", "name", "words"),
    [
        (ts.load_scenario, "simon_response", "simon_response is a study of size: trialsim size simon_response"),
        (ts.load_scenario, "compare_titration", "trialsim compare compare_titration"),
        (ts.load_sizing, "followup", "followup is a scenario: trialsim run followup"),
        (load_comparison, "simon_response", "trialsim size simon_response"),
        (ts.load_cohort, "followup", "trialsim run followup"),
        (ts.load_scenario, "cap-400", "cap-400 is a strategy"),
    ],
)
def test_a_built_in_name_of_another_kind_is_named_in_one_line(
    load: Callable[[str], object], name: str, words: str
) -> None:
    with pytest.raises(ts.ConfigurationError) as raised:
        load(name)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


STUDY = """study: compare
title: t
scenario: {scenario}
variants:
  a: {{}}
  b: {{strategy: {strategy}}}
endpoints: [survival]
"""


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("title: mine\nextends: tosi2001\n", 2, "Did you mean tosi2000?"),
        ("title: mine\nextends: simon_response\n", 2, "simon_response is a study of size; a scenario is expected here"),
        ("extends: tosi2000\ncohort: nosuch\n", 2, "cohort = nosuch"),
        ("extends: tosi2000\ncohort: followup\n", 2, "followup is a scenario; a published cohort is expected here"),
        ("extends: tosi2000\ncohort: [tosi2000]\n", 2, "a cohort is a name, a path or its keys"),
        ("extends: tosi2000\nparameters: {draws: no.parquet}\n", 2, "parameters.draws = no.parquet"),
        (
            "extends: tosi2000\nparameters: {use: mode, calibrated_to: nosuch}\ncohort: null\ninterpretations:\n",
            2,
            "nosuch",
        ),
        ("extends: tosi2000\nparameters: {calibrated_to: ./no.yaml}\n", 2, "there is no such file"),
        ("title: mine\nextends: tosi2000\nevents: {rash: {reported: false}}\n", 2, "cohort.statistics.toxicity.rash"),
        (STUDY.format(scenario="nosuch", strategy="cap-400"), 3, "scenario = nosuch"),
        (STUDY.format(scenario="simon_response", strategy="cap-400"), 3, "is a study of size"),
        (STUDY.format(scenario="tosi2000", strategy="cap-40"), 6, "Did you mean cap-400?"),
        (STUDY.format(scenario="tosi2000", strategy="followup"), 6, "strategy = followup is a scenario"),
        (STUDY.format(scenario="tosi2000", strategy="cap-400") + "changes:\n  treatment.evry: 1\n", 9, "evry"),
        ("extends: tosi2000\naccrual: {over: null, sites: [{rate: 3 /month}]}\n", 2, "{NAME: {rate: …}"),
        ("extends: tosi2000\nevents: {rash: {severe: yes}}\n", 2, "Did you mean true?"),
    ],
)
def test_an_error_points_at_the_line_of_the_user(tmp_path: Path, text: str, line: int, expected: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ts.ConfigurationError) as raised:
        (ts.load_study if text.startswith("study") else ts.load_scenario)(path)
    message = str(raised.value)
    assert expected in message
    assert f"mine.yaml:{line}" in message
    assert str(builtin_folder()) not in message


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("alfa", "Did you mean alpha?"),
        ("conduct.acrual", "Did you mean accrual?"),
        ("treatment.evry", "every"),
        ("tretment.every", "Did you mean treatment?"),
        ("power", "0 < power < 1"),
        ("alpha", "0 < alpha < 1"),
    ],
)
def test_an_error_of_a_setting_of_a_study_names_the_option(setting: str, expected: str) -> None:
    with pytest.raises(ts.ConfigurationError) as raised:
        ts.load_sizing("simon_response", Settings({setting: 8}))
    assert str(raised.value).startswith(f"--set {setting}")
    assert expected in str(raised.value)


def test_a_setting_of_a_comparison_names_the_option() -> None:
    with pytest.raises(ts.ConfigurationError) as raised:
        ts.load_study("compare_titration", Settings({"treatment.evry": 8}))
    assert str(raised.value).startswith("--set treatment.evry")


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, 2], pa.duration("s")),
        pa.array([1, 2], pa.timestamp("s")),
        pa.array(["1", "2"]),
        pa.array([True, False]),
        pa.array([1, None]),
        pa.array([[1], [2]]),
        pa.array([b"1", b"2"]),
    ],
    ids=lambda column: str(column.type),
)
def test_a_table_of_draws_with_a_column_of_something_else_is_refused(tmp_path: Path, column: pa.Array) -> None:
    parquet.write_table(pa.table({"rash rate [/month]": column}), tmp_path / "draws.parquet")
    (tmp_path / "mine.yaml").write_text("extends: tosi2000\nparameters: {draws: draws.parquet}\n", encoding="utf-8")
    with pytest.raises(ts.ConfigurationError, match="holds something else than numbers"):
        ts.load_scenario(tmp_path / "mine.yaml")


def test_a_misspelt_name_is_answered_with_the_nearest_of_any_kind() -> None:
    with pytest.raises(ts.ConfigurationError, match=r"Did you mean simon_response\?"):
        ts.check("simon_respons")


def test_a_comma_in_a_whole_number_asks_for_no_decimal_point() -> None:
    with pytest.raises(ts.ConfigurationError, match="Allowed: a whole number, without a comma"):
        ts.load_scenario("tosi2000", Settings({"accrual.patients": "1,000"}))


def test_a_number_with_a_source_is_shown_as_it_is_written() -> None:
    there = {"values": {"sensitive": {"value": "0.57", "source": "median", "origin": "posterior median"}}}
    shown = [str(item) for item in differences(there, {"values": {}})]
    assert shown == ["values.sensitive: 0.57 (median) there, nothing here"]
