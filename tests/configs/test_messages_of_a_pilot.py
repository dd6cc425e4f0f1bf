"""What a user of `init` is told of slips in the files of a pilot: each once, where it is, and how to mend it."""

from __future__ import annotations

from pathlib import Path

import pytest

import trialsim as ts
from trialsim.config import load_published_trial
from trialsim.config.loading.scenarios import unused_priors

PILOT = {
    "drug": "examplimide", "unit": "mg/kg/day", "levels": "5,10,20", "patients": "36", "evaluable": "34",
    "toxicities": "sleepiness=5,infection=3", "responses": "seizure-free=10",
}  # fmt: skip
DOSES = """
  highest dose: {kind: median, printed: 20 mg/kg, value: 20 mg/kg/day, rounded_to: 5 mg/kg/day, source: our report}
  average dose: {kind: median, printed: 12 mg/kg, value: 12 mg/kg/day, rounded_to: 1 mg/kg/day, source: our report}
"""
PRIOR = """
  vomiting rate:
    mode: 0.1 /month
    prior: {distribution: lognormal, median: 0.1 /month, sd: 1}
    informed_by: nothing
    source: assumed
"""


@pytest.fixture
def pilot(tmp_path: Path) -> Path:
    ts.init(tmp_path, PILOT)
    add(tmp_path / "cohort.yaml", DOSES)
    return tmp_path


def add(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8").rstrip() + text, encoding="utf-8")


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def refused(*files: Path) -> list[list[str]]:
    """The lines of each problem that `check` tells."""
    with pytest.raises(ts.ConfigurationError) as raised:
        ts.check([str(file) for file in files])
    return [str(problem).splitlines() for problem in raised.value.problems]


def checked(file: Path) -> str:
    return "\n".join(ts.check([str(file)]))


def test_misspelt_statistics_are_told_once_each_with_their_line(pilot: Path) -> None:
    cohort = pilot / "cohort.yaml"
    replaced(cohort, "toxicity.sleepiness", "toxicity.sleepines")
    replaced(cohort, "  evaluable:", "  evaluables:")
    replaced(cohort, "response.seizure-free", "response.seizures")
    for files in ([cohort], [pilot / "pilot.yaml", cohort], [cohort, pilot / "pilot.yaml"]):
        problems = refused(*files)
        assert [lines[0].split(" = ")[1] for lines in problems] == [
            "toxicity.sleepines", "evaluables", "response.seizures",
        ]  # fmt: skip
        assert [lines[-1] for lines in problems] == [
            f"  Did you mean {name}?" for name in ("toxicity.sleepiness", "evaluable", "response.seizure-free")
        ]
        assert all(lines[0].startswith(f"{cohort}:") for lines in problems)


def test_calibrate_tells_the_line_too(pilot: Path) -> None:
    replaced(pilot / "cohort.yaml", "  highest dose:", "  higest dose:")
    with pytest.raises(ts.ConfigurationError) as raised:
        ts.calibrate(pilot / "cohort.yaml")
    (problem,) = raised.value.problems
    assert problem.place.startswith(f"{pilot / 'cohort.yaml'}:")
    assert problem.suggestion == "highest dose"


def test_while_the_scenario_is_wrong_its_cohort_is_not_judged(pilot: Path) -> None:
    replaced(pilot / "cohort.yaml", "response.seizure-free", "response.seizures")
    replaced(pilot / "pilot.yaml", "kind: progression", "kind: progresion")
    (problem,) = refused(pilot / "cohort.yaml")
    assert problem[0].startswith(f"{pilot / 'pilot.yaml'}:")
    assert "events.progression.kind = progresion" in problem[0]
    assert refused(*(pilot / name for name in ("pilot.yaml", "cohort.yaml"))) == [problem]


def test_a_misspelt_prior_is_named_beside_the_parameter_that_is_needed(pilot: Path) -> None:
    replaced(pilot / "priors.yaml", "  infection rate:", "  infections rate:")
    (problem,) = refused(pilot / "pilot.yaml")
    assert problem[0].endswith("  events.infection.rate = calibrated")
    assert "needs the parameter 'infection rate', and the parameter set priors.yaml has 'infections rate'" in problem[1]
    assert "'infection rate' in priors.yaml, or `{calibrated: infections rate}` here" in problem[2]
    with pytest.raises(ts.ConfigurationError, match=r"priors\.yaml has 'infections rate'"):
        load_published_trial(pilot / "cohort.yaml")


def test_priors_that_nothing_uses_get_one_warning(pilot: Path) -> None:
    assert "WARNINGS" not in checked(pilot / "pilot.yaml")
    add(pilot / "priors.yaml", PRIOR + PRIOR.replace("vomiting", "nausea").lstrip("\n"))
    text = checked(pilot / "pilot.yaml")
    assert text.count("vomiting rate, nausea rate: no calibrated number of the scenario uses them.") == 1
    assert "priors.yaml:" in text
    assert "WARNINGS" not in checked(pilot / "followup.yaml"), "another trial may use a part of them"
    assert len(unused_priors(load_published_trial(pilot / "cohort.yaml"))) == 1  # of which `calibrate` makes a note


def test_draws_are_not_a_file_to_calibrate() -> None:
    for command in (ts.check, ts.calibrate):
        with pytest.raises(ts.ConfigurationError) as raised:
            command("x/posterior.parquet")
        assert "x/posterior.parquet is a table of draws: trialsim run SCENARIO --set parameters=" in str(raised.value)
        assert "--prior x/posterior.parquet" in str(raised.value)


def test_a_table_of_draws_of_nearly_the_name_is_meant(pilot: Path) -> None:
    (pilot / "posterior.csv").write_text("sensitive\n0.5\n", encoding="utf-8")
    with pytest.raises(ts.ConfigurationError) as raised:
        ts.load_scenario(pilot / "pilot.yaml", {"parameters": str(pilot / "posteror.csv")})
    assert "there is no such file" in str(raised.value)
    assert f"Did you mean {pilot / 'posterior.csv'}?" in str(raised.value)


def test_a_cohort_that_is_not_published_goes_by_its_title(pilot: Path) -> None:
    text = checked(pilot / "cohort.yaml")
    assert text.startswith("Pilot of examplimide in 36 patients\n\nSTATISTICS")
    assert "COMPARED WITH Pilot of examplimide in 36 patients\n" in checked(pilot / "pilot.yaml")
    replaced(pilot / "cohort.yaml", "citation: not published yet", 'citation: "Doe et al. 2024"')
    assert "COMPARED WITH Doe et al. 2024\n" in checked(pilot / "pilot.yaml")
    assert "Doe et al. 2024" in checked(pilot / "cohort.yaml")


def test_only_what_can_come_is_looked_for(tmp_path: Path) -> None:
    ts.init(tmp_path, {**PILOT, "responses": "none", "evaluable": "none"})
    text = checked(tmp_path / "pilot.yaml")
    assert "rogress" not in text
    assert "Response" not in text
    ts.init(tmp_path, PILOT, overwrite=True)
    assert "Response and progression: every 28 days" in checked(tmp_path / "pilot.yaml")
    changes = {"events.progression": None, "events.relapse": None}
    (text,) = ts.check(tmp_path / "pilot.yaml", changes)
    assert "  Response: every 28 days." in text
    assert "on study for 56 days." in text


@pytest.mark.parametrize(
    ("cut_off", "is_early"),
    [("{after_opening: 11 months}", True), ("{after_opening: 12 months}", False), ("{date: 2025-06-01}", True),
     ("{date: 2026-06-01}", False), ("{after_last_entry: 1 month}", False)],
)  # fmt: skip
def test_a_cut_off_before_the_last_entry_gets_a_warning(pilot: Path, cut_off: str, is_early: bool) -> None:
    path = pilot / "pilot.yaml"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("cut_off")]
    path.write_text("\n".join([*lines, f"cut_off: {cut_off}", ""]), encoding="utf-8")
    text = checked(path)
    assert ("this comes before the last patient enters, 12 months after the trial opened" in text) == is_early
    assert bool(ts.load_scenario(path).warnings) == is_early
