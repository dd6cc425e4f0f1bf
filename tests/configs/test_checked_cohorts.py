"""`check COHORT` refuses statistics that do not exist: every problem at once, with its line and the nearest name."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import trialsim as ts
from trialsim.config.loading.scenarios import load_cohort, load_scenario
from trialsim.config.source.yaml import dump_yaml

PUBLISHED = Path(__file__).parent / "published"
COHORTS = sorted((Path(__file__).parents[2] / "configs" / "cohorts").glob("*.yaml"))
MINOR = "{kind: proportion, printed: 20 of 27, count: 20, of: 27, source: invented}"


def written(folder: Path, *replaced: tuple[str, str]) -> Path:
    """The cohort of `published` and its scenario, each piece of text replaced by another."""
    text = (PUBLISHED / "cohort.yaml").read_text(encoding="utf-8")
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    (folder / "cohort.yaml").write_text(text, encoding="utf-8")
    (folder / "trial.yaml").write_bytes((PUBLISHED / "trial.yaml").read_bytes())
    return folder / "cohort.yaml"


def line(path: Path, text: str) -> int:
    """The line of a file that holds a text."""
    return next(i for i, item in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if text in item)


def refused(path: Path) -> list[str]:
    with pytest.raises(ts.ConfigurationError) as raised:
        ts.check(path)
    return [str(problem) for problem in raised.value.problems]


def test_a_cohort_says_what_its_statistics_are_compared_with(tmp_path: Path) -> None:
    (text,) = ts.check(written(tmp_path))
    text = " ".join(text.split())
    interval = "interval 10.6 months to 35.9 months"
    assert f"overall survival: printed 14.6 months, {interval}, compared with survival, median (months)" in text
    assert "early deaths: printed 3 of 27, read as 3 of 27, compared with died by 3 weeks" in text
    assert "reached 800: printed 41 %, read as 11 of 27, compared with highest dose of at least 800 mg/day" in text
    assert "NOT CHECKED" not in text


def test_an_interval_may_end_above_all_that_was_seen(tmp_path: Path) -> None:
    """It is shown; the likelihood is that of the median without it."""
    open_end = written(tmp_path, ("10.6 months, 35.9 months", "10.6 months, not reached"))
    (text,) = ts.check(open_end)
    assert "interval 10.6 months to not reached" in " ".join(text.split())
    cohort = load_cohort(open_end)
    assert load_cohort(cohort.model_dump()) == cohort
    ends = cohort.statistics["overall survival"].interval
    assert ends is not None
    assert [end.value for end in ends] == [10.6, math.inf]
    written_anew = load_scenario(tmp_path / "trial.yaml").to_mapping()["cohort"]["statistics"]["overall survival"]
    assert written_anew["interval"] == ["10.6 months", "not reached"]
    resolved = tmp_path / "resolved.yaml"
    resolved.write_text(dump_yaml(cohort.model_dump(mode="json")), encoding="utf-8")
    assert load_cohort(resolved) == cohort


def test_every_problem_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        ("endpoint: lethargy", "endpoint: lethagy"),
        ("endpoint: died", "endpoint: dead"),
        ("800 mg/day, printed", "800 mg, printed"),
    )
    found = refused(path)
    assert [item.splitlines()[0] for item in found] == [
        f"{path}:{line(path, 'early deaths')}  statistics.early deaths.endpoint = dead",
        f"{path}:{line(path, 'reached 800')}  statistics.reached 800.at_least = 800 mg",
        f"{path}:{line(path, 'lethagy')}  statistics.lethargy at 6 months.endpoint = lethagy",
    ]
    assert "Allowed: mg/day." in found[1]
    assert "Did you mean lethargy?" in found[2]
    in_scenario = [item.replace("  cohort.", "  ", 1) for item in refused(tmp_path / "trial.yaml")]
    assert in_scenario == found


def test_a_statistic_of_a_trial_that_does_not_exist_is_told_beside_the_others(tmp_path: Path) -> None:
    more = "\n  toxicity.rush: {kind: proportion, printed: 1 of 2, count: 1, of: 2, source: invented}\n"
    found = refused(
        written(tmp_path, ("endpoint: died", "endpoint: dieed"), ("\n  early deaths", more + "  early deaths"))
    )
    assert ["toxicity.rush" in item for item in found] == [True, False]
    assert "Did you mean toxicity.rash?" in found[0]


def test_run_refuses_them_before_it_simulates(tmp_path: Path) -> None:
    written(tmp_path, ("endpoint: died", "endpoint: dead"))
    with pytest.raises(
        ts.ConfigurationError, match=r"cohort invented curves  statistics\.early deaths\.endpoint = dead"
    ):
        ts.run(tmp_path / "trial.yaml", 2)


def test_without_a_scenario_the_registry_is_all_that_is_known(tmp_path: Path) -> None:
    without = ("scenario: trial.yaml", "scenario: nowhere.yaml")
    (text,) = ts.check(written(tmp_path, without))
    assert "NOT CHECKED" in text
    typo = ("endpoint: survival, printed", "endpoint: survial, printed")
    found = refused(written(tmp_path, without, typo))
    assert len(found) == 1
    assert "Did you mean survival?" in found[0]


def test_patients_that_are_nobody_are_refused(tmp_path: Path) -> None:
    found = refused(written(tmp_path, ("by: 3 weeks", "by: 3 weeks, among: respondrs")))
    assert "early deaths.among = respondrs" in found[0]
    assert "Did you mean responders?" in found[0]


CONTRADICTIONS = (
    (
        "source: invented}\n  overall survival:",
        "source: invented}\n  response.minor: " + MINOR + "\n  overall survival:",
    ),
    ("printed: 41 %, value: 41 %", "printed: 59 %, value: 59 %"),
    ("rounded_to: 1 months, of: 10", "rounded_to: 1 months"),
)


def test_what_a_calibration_would_refuse_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, *CONTRADICTIONS)
    found = refused(path)
    assert [item.splitlines()[0] for item in found] == [
        f"{path}:{line(path, 'response.partial')}  statistics.response.partial",
        f"{path}:{line(path, 'duration of response')}  statistics.duration of response",
        f"{path}:{line(path, 'reached 700')}  statistics.reached 700",
    ]
    for part, item in zip(("together more than 27", "of how many", "the wider of two"), found, strict=True):
        assert part in item
    with pytest.raises(ts.ConfigurationError) as raised:
        ts.calibrate(path)
    assert [str(problem) for problem in raised.value.problems] == found


def test_it_is_told_beside_statistics_that_do_not_exist(tmp_path: Path) -> None:
    path = written(tmp_path, *CONTRADICTIONS[1:], ("endpoint: died", "endpoint: dead"))
    assert ["dead" in item for item in refused(path)] == [True, False, False]


def test_it_is_told_of_an_interpretation_that_is_not_taken(tmp_path: Path) -> None:
    ambiguity = (
        "ambiguities:\n  reached:\n    question: How many?\n    default: more\n    interpretations:\n"
        "      more: {meaning: 14 of 27}\n      fewer: {meaning: 8 of 27, statistics: {reached 700: {value: 30 %}}}"
    )
    path = written(tmp_path, ("ambiguities:", ambiguity))
    (found,) = refused(path)
    place = "ambiguities.reached.interpretations.fewer.statistics.reached 700"
    assert found.startswith(f"{path}:{line(path, 'meaning: 8 of 27')}  {place}\n")
    assert "the wider of two has fewer patients" in found


def test_responses_of_more_patients_than_there_are_are_refused(tmp_path: Path) -> None:
    """By their best category, among the enrolled: 37 of 34."""
    keys = {"kind": "proportion", "of": 34, "source": "invented"}
    counts = {"partial response": 23, "minor response": 14}
    statistics = {name: {**keys, "endpoint": name, "printed": f"{k} of 34", "count": k} for name, k in counts.items()}
    text = {"name": "x", "title": "X", "citation": "nobody", "scenario": "trial.yaml", "statistics": statistics}
    written(tmp_path)
    (tmp_path / "cohort.yaml").write_text(dump_yaml(text), encoding="utf-8")
    (found,) = refused(tmp_path / "cohort.yaml")
    assert "partial response, minor response are together 37, more than 34" in found


@pytest.mark.parametrize(
    ("printed", "is_told"),
    [
        ("8 of 27", True), ("3 of 24", True), ("8/27 (30 %)", True), ("3 of 27", False), ("3/27", False),
        ("grade 3/4", False), ("11 %", False), ("1 of 9 early, 2 of 18 later", False),
    ],
)  # fmt: skip
def test_a_count_that_was_printed_otherwise_is_warned_of(tmp_path: Path, printed: str, is_told: bool) -> None:
    path = written(tmp_path, ("by: 3 weeks, printed: 3 of 27", f"by: 3 weeks, printed: '{printed}'"))
    (text,) = ts.check(path)
    warning = f"{path}:{line(path, 'early deaths')} statistics.early deaths = 3 of 27 it is printed as"
    assert (warning in " ".join(text.split())) == is_told
    assert ("WARNINGS" in text) == is_told
    assert any("it is printed as" in item for item in load_scenario(tmp_path / "trial.yaml").warnings) == is_told


def test_no_cohort_that_comes_along_is_refused_or_warned_of() -> None:
    texts = ts.check(COHORTS)
    assert len(texts) >= 7
    assert not any("WARNINGS" in text or "NOT CHECKED" in text for text in texts)
