"""The files that `init` writes: valid at once, near what was observed, clear about what is assumed, not overwritten."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

import trialsim as ts
from tests.configs.test_json_schema import mistakes
from tests.tolerances import N_STANDARD_ERRORS
from trialsim.cli import files
from trialsim.cli.main import app
from trialsim.config import load_parameters
from trialsim.config.source.yaml import read_yaml
from trialsim.config.starting.pilot import FACTS, pilot_of
from trialsim.config.starting.priors import (
    DOSE_EXPONENT,
    FIRST_RESPONSE,
    leaving,
    months_observed,
    rate_of_share,
    share_responding,
    share_with,
    toxicity_rate,
)
from trialsim.config.starting.texts import FILES
from trialsim.report.labels import evaluable_in_words

NAMES = ["pilot.yaml", "cohort.yaml", "priors.yaml", "followup.yaml", "size.yaml"]
BASE = {"drug": "examplimide", "levels": "10,15,25", "patients": "30"}
PILOTS: dict[str, dict[str, str]] = {
    "made up": {},
    "two categories": {**BASE, "toxicities": "neutropenia=12,rash=5", "evaluable": "28",
                       "responses": "partial response=10,complete response=4"},
    "names with spaces": {**BASE, "toxicities": "febrile neutropenia=12, grade 3 rash=0",
                          "responses": "very good partial response=3, complete response=1"},
    "no toxicity": {**BASE, "responses": "remission=9"},
    "a category called response": {**BASE, "responses": "response=9", "toxicities": "rash=30"},
    "nobody responded": {**BASE, "responses": "partial response=0,complete response=0", "evaluable": "30"},
    "everybody responded": {**BASE, "responses": "partial response=0,complete response=30"},
    "tolerability": {**BASE, "toxicities": "rash=4,nausea=9"},
    "one toxicity at one dose": {**BASE, "levels": "5", "toxicities": "rash=4"},
    "one dose": {**BASE, "levels": "400", "responses": "partial response=4"},
    "a median": {**BASE, "responses": "partial response=9", "progression_free": "7.4 months"},
    "a median in whole months": {**BASE, "responses": "partial response=9", "progression_free": "19 months"},
    "no progression": {**BASE, "unit": "mg/kg", "responses": "half fewer=7,seizure free=1", "progression": "no"},
    "other units": {**BASE, "unit": "mcg/d", "levels": "0.1,0.2", "every": "3 weeks", "toxicities": "Übelkeit=3"},
    "same initials": {**BASE, "responses": "partial response=3,poor response=2,perfect response=1"},
    "words of YAML": {**BASE, "drug": "5-azacitidine", "toxicities": "null=4,true=1"},
    "one patient": {"patients": "1", "toxicities": "rash=1"},
    "a long accrual": {**BASE, "toxicities": "rash=4", "accrual": "24 months"},
    "names with marks": {**BASE, "toxicities": "rash/itch (any)=4",
                         "responses": "fewer seizures (50-74)=7,fewer seizures (75+)=3,seizure-free=1"},
}  # fmt: skip


@pytest.fixture(scope="module", params=PILOTS)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of a pilot."""
    folder = tmp_path_factory.mktemp("pilot") / "own"
    ts.init(folder, PILOTS[request.param])
    return folder


def test_the_files_are_valid_and_each_names_its_schema(written: Path) -> None:
    assert len(ts.check([str(written / name) for name in NAMES])) == len(NAMES)
    for name in ("pilot.yaml", "followup.yaml"):
        assert ts.load_scenario(written / name).warnings == []
    for name in NAMES:
        first = (written / name).read_text(encoding="utf-8").splitlines()[0]
        match = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
        assert match is not None
        assert (written / match[1]).is_file()
        assert not Path(match[1]).is_absolute()
        assert isinstance(yaml.safe_load((written / name).read_text(encoding="utf-8")), dict)


def test_the_files_are_valid_for_editors(written: Path) -> None:
    for file in FILES:
        assert mistakes(read_yaml(written / file.name)[0], file.kind) == []


def test_the_pilot_can_be_run_at_the_modes(written: Path) -> None:
    scenario = ts.load_scenario(written / "pilot.yaml")
    assert scenario.parameters.use == "mode"
    result = ts.run(scenario, 3, 1, engine="batch")
    assert set(result.estimates.dropna(subset=["published"])["quantity"]) <= set(scenario.published_statistics)


@pytest.mark.parametrize(
    "name", ["made up", "two categories", "tolerability", "no toxicity", "a median", "no progression"]
)
def test_simulated_trials_are_near_what_was_observed(tmp_path: Path, name: str) -> None:
    """At the modes, each observed share lies within what a trial of this size scatters, as a wide prior asks for."""
    ts.init(tmp_path, PILOTS[name])
    estimates = ts.run(tmp_path / "pilot.yaml", 200, 1).estimates.dropna(subset=["published"])
    assert len(estimates) >= 1
    outside = estimates[(estimates["published"] < estimates["lower"]) | (estimates["published"] > estimates["upper"])]
    assert list(outside["quantity"]) == []


def test_a_rate_gives_the_share_that_it_is_made_from() -> None:
    pilot = pilot_of({**BASE, "toxicities": "rash=12", "follow_up": "18 months", "accrual": "12 months"})
    assert months_observed(pilot) == pytest.approx(12.0)
    rate = rate_of_share(share_with(12, 30), 10.0)
    assert 1.0 - (1.0 - rate / 1000.0) ** 10_000 == pytest.approx(12.5 / 31.0, rel=1e-3)
    assert 0.0 < share_with(0, 5) < share_with(5, 5) < 1.0


def test_priors_are_wide_and_say_that_they_are_assumed(written: Path) -> None:
    parameters = load_parameters(written / "priors.yaml").parameters
    for name, item in parameters.items():
        assert item.source == "assumed", name
        assert not item.fitted
        assert item.prior.sd >= (0.4 if item.prior.distribution == "normal" else 0.7), name


def test_a_rate_at_one_dose_has_a_closed_form() -> None:
    """Exponential onset and leaving, everyone observed for 18 months: r / (r + l) x (1 - exp(-18 (r + l)))."""
    pilot = pilot_of({**BASE, "levels": "5", "responses": "remission=9", "accrual": "1 day", "follow_up": "18 months"})
    either = leaving(pilot).progression + leaving(pilot).death
    assert either == pytest.approx(np.log(2.0) / 6.0)
    rate = toxicity_rate(pilot, 0.3)
    assert rate / (rate + either) * -np.expm1(-18.0 * (rate + either)) == pytest.approx(0.3, rel=1e-3)
    both = FIRST_RESPONSE + either
    assert share_responding(pilot) == pytest.approx(FIRST_RESPONSE / both * -np.expm1(-18.0 * both), rel=1e-3)


def test_a_rate_on_a_ladder_gives_the_share_in_simulated_patients() -> None:
    """Exponential draws against the integrated hazard of a dose that rises every 28 days; no simulator."""
    pilot = pilot_of({**BASE, "toxicities": "rash=9", "responses": "remission=9", "progression_free": "9 months"})
    rate, n, random = toxicity_rate(pilot, 0.3), 100_000, np.random.default_rng(4)
    days = 30.4375
    relative = (np.array([10.0, 15.0, 25.0]) / 15.0) ** DOSE_EXPONENT
    used = random.exponential(size=n) / rate  # months at the reference dose
    before = np.cumsum([0.0, *(relative[:2] * 28.0 / days)])
    level = np.searchsorted(before, used, side="right") - 1
    onset = level * 28.0 / days + (used - before[level]) / relative[level]
    leaves = random.exponential(9.0 / np.log(2.0), n)
    observed = 18.0 - random.uniform(0.0, 12.0, n)
    share = float(np.mean(onset < np.minimum(leaves, observed)))
    assert share == pytest.approx(0.3, abs=N_STANDARD_ERRORS * np.sqrt(0.3 * 0.7 / n))


def test_a_median_that_was_given_is_a_statistic_and_a_disease_that_does_not_progress_has_no_events(
    tmp_path: Path,
) -> None:
    ts.init(tmp_path / "median", PILOTS["a median"])
    statistic = ts.load_cohort(tmp_path / "median" / "cohort.yaml").statistics["progression-free survival"]
    assert statistic.value is not None
    assert statistic.rounded_to is not None
    assert (statistic.value.text, statistic.rounded_to.text) == ("7.4 months", "0.1 months")
    ts.init(tmp_path / "stable", PILOTS["no progression"])
    stable = ts.load_scenario(tmp_path / "stable" / "pilot.yaml")
    assert set(stable.events) == {"half fewer", "seizure free", "withdrawal"}
    assert evaluable_in_words(stable) == "on study for 56 days"
    progressing = ts.load_scenario(tmp_path / "median" / "pilot.yaml")
    assert evaluable_in_words(progressing) == "on study for 56 days, or progressed earlier"
    with pytest.raises(ts.ConfigurationError, match=r"--progression-free 7.4 months\n  nothing progresses"):
        pilot_of({**PILOTS["a median"], "progression": "no"})
    with pytest.raises(ts.ConfigurationError, match="neither yes nor no"):
        pilot_of({**BASE, "toxicities": "rash=4", "progression": "perhaps"})


def test_every_number_that_was_not_given_is_assumed(tmp_path: Path) -> None:
    """A number of the scenario has its source, stands on a line that says so, or was given."""
    ts.init(tmp_path, {**BASE, "toxicities": "rash=4", "every": "21 days"})
    text = (tmp_path / "pilot.yaml").read_text(encoding="utf-8")
    given = {"patients: 30", "levels: [10 mg/day, 15 mg/day, 25 mg/day]", "every: 21 days"}
    lines = [line for line in text.splitlines() if re.search(r"\d", line) and not line.lstrip().startswith("#")]
    bare = {line.strip() for line in lines if "assumed" not in line and "title" not in line}
    assert bare == given
    ts.init(tmp_path / "made up")
    lines = [line for name in NAMES for line in (tmp_path / "made up" / name).read_text(encoding="utf-8").splitlines()]
    statistics = [line for line in lines if "printed:" in line and not line.lstrip().startswith("#")]
    assert statistics
    assert all("source: assumed" in line for line in statistics)


def test_files_are_replaced_only_if_asked_for(tmp_path: Path) -> None:
    ts.init(tmp_path, PILOTS["tolerability"])
    ts.init(tmp_path, PILOTS["tolerability"])  # the same once more changes nothing
    mine = tmp_path / "cohort.yaml"
    mine.write_text("mine", encoding="utf-8")
    with pytest.raises(ts.DestinationError, match=r"the folder has cohort\.yaml already(.|\n)*--overwrite"):
        ts.init(tmp_path, PILOTS["tolerability"])
    assert mine.read_text(encoding="utf-8") == "mine"
    ts.init(tmp_path, PILOTS["tolerability"], overwrite=True)
    assert "statistics" in mine.read_text(encoding="utf-8")
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ts.DestinationError, match="this is a file"):
        ts.init(tmp_path / "file")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"patients": "x"}, ["--patients x", "a whole number"]),
        ({"levels": "3,2"}, ["--levels 3,2", "that rise"]),
        ({"unit": "tablets"}, ["--unit tablets", "mg alone is mg/day"]),
        ({"every": "soon", "follow_up": "0 days"}, ["--every soon", "--follow-up 0 days"]),
        ({"toxicities": "rash"}, ["NAME=COUNT"]),
        ({"toxicities": "rash=1,rash=2"}, ["rash is there twice"]),
        ({"toxicities": "death=1"}, ["death is a kind of event of its own"]),
        ({"toxicities": "severe=4"}, ["this name means something else in a rule"]),
        ({"levels": "5 10 20"}, ["parted by commas", "Did you mean 5,10,20?"]),
        ({"levels": "5 mg, 10 mg"}, ["their unit is that of --unit", "Did you mean 5,10?"]),
        ({"responses": "50-74 % fewer=7,seizure-free=1"}, ["'50-74 % fewer' cannot be a name", "a letter first"]),
        ({"toxicities": "a_b=7"}, ["'a_b' cannot be a name", "letters, digits, single spaces and + / ( ) -"]),
        (
            {"toxicities": "rash=2", "accrual": "24 months", "follow_up": "14 months"},
            ["--follow-up 14 months", "cut-off comes before the last patient enters", "at least 24 months"],
        ),
        ({"toxicities": "rash=21"}, ["21 with rash are more than all patients", "at most 20"]),
        ({"responses": "confirmed=2"}, ["this name means something else"]),
        (
            {"responses": "response=12,remission=3", "evaluable": "14"},
            ["15 responses are more than the 14 evaluable patients", "at most 14 in all, or 15 to 20 evaluable"],
        ),
        ({"responses": "response=21"}, ["21 responses are more than the 20 patients", "at most 20 in all."]),
        ({"responses": "rash=2", "toxicities": "rash=2"}, ["rash is a toxicity too"]),
        ({"responses": ",".join(f"kind {c}=1" for c in "abcdefg")}, ["too many categories"]),
        ({"drug": "x"}, ["nothing was counted in this pilot"]),
    ],
)
def test_an_answer_that_cannot_be_is_refused_and_nothing_is_written(
    tmp_path: Path, answers: dict[str, str], expected: list[str]
) -> None:
    with pytest.raises(ts.ConfigurationError) as raised:
        ts.init(tmp_path / "own", answers)
    for words in expected:
        assert words in str(raised.value)
    assert str(tmp_path) not in str(raised.value)
    assert not (tmp_path / "own").exists()


def command(*arguments: str, answers: str = "") -> Any:
    return CliRunner().invoke(app, ["init", *arguments], input=answers)


def test_the_command_says_how_to_go_on(tmp_path: Path) -> None:
    done = command(str(tmp_path), "--drug", "examplimide", "--toxicities", "rash=4", "--patients", "12")
    assert done.exit_code == 0, done.output
    for verb in ("check", "run", "calibrate", "size"):
        assert re.search(rf"^trialsim {verb} ", done.output, flags=re.MULTILINE)
    assert "made up" not in done.output
    spaces = command(str(tmp_path / "my pilot"), "--json")
    assert json.loads(spaces.output)["next"][0] == f"trialsim check '{tmp_path}/my pilot/pilot.yaml'"
    assert "made up" in command(str(tmp_path / "other")).output


def test_at_a_terminal_it_asks_for_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each answer that cannot be is asked for once more; an empty one leaves what is assumed."""
    monkeypatch.setattr(files, "_has_terminal", lambda: True)
    lines = ["", "2,1", "1,2,4", "", "25", "", "", "rash=3", "partial response=4", "22", "no"]
    done = command(str(tmp_path), "--drug", "examplimide", answers="\n".join(lines) + "\n")
    assert done.exit_code == 0, done.output
    assert "these are not dose levels" in done.output
    scenario = ts.load_scenario(tmp_path / "pilot.yaml")
    assert [dose.value for dose in scenario.treatment.levels] == [1.0, 2.0, 4.0]
    assert scenario.treatment.every.source == "assumed"
    assert scenario.published_statistics["response.partial"].of == 22
    monkeypatch.setattr(files, "_has_terminal", lambda: True)
    assert command(str(tmp_path / "other"), "--no-questions").exit_code == 0


def test_the_guide_begins_with_commands_that_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[2] / "docs" / "guide" / "own-pilot.md").read_text(encoding="utf-8")
    commands = [shlex.split(line)[1:] for line in re.findall(r"^    (trialsim .*)$", page, flags=re.MULTILINE)]
    assert [words[0] for words in commands] == ["init", "check", "run", "calibrate", "run", "size"]
    for words in commands[:2]:
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
    written = {str(path) for path in Path("my-pilot").glob("*.yaml")}
    assert {word for words in commands for word in words if word.endswith(".yaml")} <= written
    assert set(re.findall(r"^\| `(\S+\.yaml)` \|", page, flags=re.MULTILINE)) == set(NAMES)


def test_every_fact_has_an_option() -> None:
    done = command("--help")
    for fact in FACTS:
        assert fact.option in done.output
    assert [file.name for file in FILES] == NAMES
