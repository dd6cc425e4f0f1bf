"""An invented pilot of 20 patients, from its three files to a follow-up, a comparison and a study of size."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

import trialsim as ts
from tests.command_line import trialsim
from trialsim.config import load_published_trial, protocol_of

OWN_PILOT = Path(__file__).parent / "own_pilot"
FIXED = {"neutropenia dose exponent": "0.5", "progression rate": "0.1 /month"}
FEW = ("--replicates", "20", "--draws", "200", "--min-ess", "100")
ADVICE = "run `trialsim calibrate COHORT --out DIR`, then say `parameters: DIR/posterior.parquet`"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(OWN_PILOT, tmp_path_factory.mktemp("own") / "pilot"))


@pytest.fixture(scope="module")
def calibrated(folder: Path) -> Path:
    """The folder of the pilot once it is calibrated."""
    done = trialsim(folder, "calibrate", "cohort.yaml", *FEW, "--out", "post")
    assert done.returncode == 0, done.stderr
    assert "to use it: parameters: post/posterior.parquet" in done.stdout
    return folder


@pytest.mark.parametrize(
    "parameters", ["calibrated", "{use: calibrated, calibrated_to: priors.yaml}", "{draws: other/posterior.parquet}"]
)
def test_without_a_posterior_there_is_one_problem_with_what_to_do(tmp_path: Path, parameters: str) -> None:
    folder = Path(shutil.copytree(OWN_PILOT, tmp_path / "pilot"))
    with_parameters(folder / "pilot.yaml", parameters)
    with pytest.raises(ts.ConfigurationError) as raised:
        ts.load_scenario(folder / "pilot.yaml")
    (problem,) = raised.value.problems
    assert "pilot.yaml:4" in str(problem)
    assert "other/posterior.parquet" in str(problem) if "other" in parameters else ADVICE in str(problem)
    assert "examplimide pilot" in str(problem) or "other" in parameters


def test_a_follow_up_that_names_no_cohort_is_told_what_to_do(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(OWN_PILOT, tmp_path / "pilot"))
    with_parameters(folder / "follow.yaml", "calibrated")
    with pytest.raises(ts.ConfigurationError) as raised:
        ts.load_scenario(folder / "follow.yaml")
    (problem,) = raised.value.problems
    assert f"no cohort is named whose posterior it is: {ADVICE}" in str(problem)


@pytest.mark.parametrize("parameters", ["mode", None])
def test_without_a_parameter_set_there_is_one_problem_with_what_to_do(tmp_path: Path, parameters: str | None) -> None:
    folder = Path(shutil.copytree(OWN_PILOT, tmp_path / "pilot"))
    with_parameters(folder / "pilot.yaml", parameters)
    with pytest.raises(ts.ConfigurationError) as raised:
        ts.load_scenario(folder / "pilot.yaml")
    (problem,) = raised.value.problems
    assert "no parameter set of the cohort 'examplimide pilot' comes with the package" in str(problem)
    assert "`parameters: {calibrated_to: FILE}`" in str(problem)


def test_a_pilot_that_asks_for_its_posterior_can_be_calibrated_before_it_has_one(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(OWN_PILOT, tmp_path / "pilot"))
    at_mode = load_published_trial(folder / "cohort.yaml")
    with_parameters(folder / "pilot.yaml", "{use: calibrated, calibrated_to: priors.yaml}")
    assert load_published_trial(folder / "cohort.yaml") == at_mode


def with_parameters(path: Path, parameters: str | None) -> None:
    """Write other `parameters` into a file of a scenario; None for none."""
    text = path.read_text(encoding="utf-8")
    line = "" if parameters is None else f"parameters: {parameters}\n"
    path.write_text(re.sub(r"^parameters: .*\n", line, text, flags=re.MULTILINE), encoding="utf-8")


@pytest.mark.slow
def test_the_draws_hold_the_numbers_that_were_fixed(calibrated: Path) -> None:
    draws = pd.read_parquet(calibrated / "post" / "posterior.parquet")
    assert len(draws) == 200
    assert draws.nunique()[["neutropenia dose exponent", "progression rate [/month]"]].tolist() == [1, 1]
    assert draws.nunique().drop(["neutropenia dose exponent", "progression rate [/month]"]).min() > 20
    scenario = ts.load_scenario(calibrated / "follow.yaml")
    values = scenario.parameters.values
    assert {name: value.value for name, value in values.items() if value.origin == "parameter set"} == FIXED
    assert values["progression rate"].source == "literature in the parameter set examplimide pilot"
    assert not set(FIXED) & set(protocol_of(scenario).parameter_names)


@pytest.mark.slow
def test_the_follow_up_is_the_same_from_the_draws_or_from_the_saved_scenario(calibrated: Path) -> None:
    """By the advice that is printed, and by extending the scenario beside the draws."""
    (calibrated / "extends.yaml").write_text(
        "extends: post/scenario.yaml\ncohort: null\ntitle: Follow-up of the invented pilot\n"
        "accrual: {opens: 2026-01-05, patients: 40, over: 12 months}\n"
        "population: null\ncut_off: {after_opening: null, after_last_entry: 6 months}\n",
        encoding="utf-8",
    )
    by_extending = ts.run(ts.load_scenario(calibrated / "extends.yaml"), 50, seed=3)
    by_draws = ts.run(ts.load_scenario(calibrated / "follow.yaml"), 50, seed=3)
    assert by_extending.estimates["value"].tolist() == pytest.approx(by_draws.estimates["value"].tolist(), nan_ok=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [("run", "follow.yaml"), ("run", "pilot.yaml"), ("compare", "compare.yaml"), ("size", "size.yaml")]
)
def test_every_command_takes_the_posterior(calibrated: Path, command: tuple[str, ...]) -> None:
    settings = ("--set", "parameters=post/posterior.parquet") if "pilot.yaml" in command else ()
    for verb in ("check", command[0]):
        options = ("--replicates", "100", "--out", f"out-{command[1]}") if verb != "check" else ()
        done = trialsim(calibrated, verb, command[1], *options, *settings)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
    if command[0] == "size":
        said = " ".join(done.stdout.split())
        assert "All other parameters are those of the posterior of the pilot: its medians" in said
    again = trialsim(calibrated, "run-again", f"out-{command[1]}/manifest.json", "--quiet")
    assert again.returncode == 0, again.stderr


@pytest.mark.slow
def test_a_calibration_warns_of_numbers_for_another_drug(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(OWN_PILOT, tmp_path / "pilot"))
    priors = folder / "priors.yaml"
    priors.write_text(
        priors.read_text(encoding="utf-8").replace("drug: examplimide", "drug: another"), encoding="utf-8"
    )
    notes: list[str] = []
    with pytest.raises(ts.RequestError, match="have not converged"):
        ts.calibrate(folder / "cohort.yaml", replicates=10, most_steps=10, workers=1, on_note=notes.append)
    assert any(note.startswith("warning: ") and "another" in note for note in notes)
