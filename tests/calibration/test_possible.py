"""Statistics that the scenario cannot give are refused before anything is sampled, with their lines."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

import trialsim as ts
from trialsim.calibration.joint.build import joint_model_of
from trialsim.calibration.model import Calibration, calibration_of
from trialsim.calibration.possible import N_DRAWS, PART_OF_REPLICATES, check_possible, impossible
from trialsim.config import load_published_trial
from trialsim.config.loading.calibration_studies import load_joint_study

INVENTED: Final = Path(__file__).parent / "invented"
COUNT: Final = "kind: proportion, printed: so, source: invented"
MEDIAN: Final = "kind: median, printed: so, source: invented"
DEATHS: Final = "kind: landmark, endpoint: survival, printed: so, source: invented, rounded_to: 1 %"


def written(folder: Path, statistic: str, event: str = "") -> Path:
    """The invented cohort of 40 patients, all of them evaluable, on 100 to 300 mg/day, with a statistic more."""
    for file in INVENTED.glob("*.yaml"):
        shutil.copy(file, folder)
    for name, key, more in (("cohort", "statistics:", statistic), ("scenario", "events:", event)):
        path = folder / f"{name}.yaml"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(key, f"{key}\n  {more}", 1) if more else text, encoding="utf-8")
    return folder / "cohort.yaml"


def line(path: Path, text: str) -> int:
    return next(i for i, item in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if text in item)


def refused(calibration: Calibration) -> str:
    with pytest.raises(ts.ConfigurationError) as raised:
        check_possible(calibration, 2)
    (problem,) = raised.value.problems
    return str(problem)


def test_calibrate_refuses_it_with_its_line_and_says_what_would_have_to_be_possible(tmp_path: Path) -> None:
    path = written(tmp_path, "evaluable: {kind: count, printed: 38 of 40, count: 38, of: 40, source: invented}")
    with pytest.raises(ts.ConfigurationError) as raised:
        ts.calibrate(path, out=tmp_path / "out")
    place, wrong, allowed = str(raised.value).splitlines()
    assert place == f"{path}:{line(path, 'evaluable:')}  statistics.evaluable = 38 of 40"
    assert wrong.startswith("  2 of 40 are not counted, and every simulated patient is (")
    assert wrong.endswith(" at 100 draws of the prior).")
    assert "a patient can be not evaluable" in allowed
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "statistic", "message"),
    [
        ("toxicity.rash", f"{{{COUNT}, count: 3, of: 40}}", "3 of 40 are counted (n_toxicity.rash), and no simulated"),
        ("rash", f"{{{COUNT}, by: 2 months, count: 3, of: 40}}", "3 of 40 are counted ("),
        ("evaluable", f"{{{COUNT}, endpoint: evaluable, among: enrolled, count: 39, of: 40}}", "1 of 40 are not"),
        ("sick", f"{{{COUNT}, endpoint: any response, among: n_onsets.rash > 0, count: 1, of: 4}}", "no simulated"),
        ("dose.median.evaluable", f"{{{MEDIAN}, value: 500 mg/day, rounded_to: 50 mg/day}}", "value lies below it"),
        ("average dose", f"{{{MEDIAN}, value: 20 mg/day, rounded_to: 10 mg/day}}", "value lies above it"),
        ("highest dose", f"{{{MEDIAN}, value: 220 mg/day, rounded_to: 20 mg/day}}", "300) and no mean of two"),
        (
            "highest dose",
            f"{{{MEDIAN}, value: 250 mg/day, rounded_to: 10 mg/day, among: n_onsets.nausea > 0, of: 11}}",
            "the median of 11 is one of the values",
        ),
        ("alive", f"{{{DEATHS}, at: 6 months, value: 80 %}}", "ever has the event of this curve"),
        ("alive", f"{{{DEATHS}, at: 13 months, value: 100 %}}", "no simulated patient is observed so long"),
    ],
)  # fmt: skip
def test_what_no_simulated_patient_can_give_is_refused(name: str, statistic: str, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, f"{name}: {statistic}", "rash: {kind: toxicity, rate: 0 /month}")
    calibration = calibration_of(load_published_trial(path), replicates=64)
    found = refused(calibration)
    assert found.startswith(f"cohort invented  statistics.{name} = so\n")
    assert message in found


@pytest.mark.parametrize(
    ("name", "statistic"),
    [
        ("toxicity.rash", f"{{{COUNT}, count: 0, of: 40}}"),
        ("evaluable", "{kind: count, printed: so, source: invented, count: 40, of: 40}"),
        ("alive", f"{{{DEATHS}, at: 6 months, value: 100 %}}"),
        ("highest dose", f"{{{MEDIAN}, value: 250 mg/day, rounded_to: 10 mg/day}}"),
        ("survival", "{kind: median, printed: so, source: invented, not_reached_by: 6 months}"),
    ],
)
def test_nothing_of_nothing_and_all_of_all_are_possible(name: str, statistic: str, tmp_path: Path) -> None:
    path = written(tmp_path, f"{name}: {statistic}", "rash: {kind: toxicity, rate: 0 /month}")
    check_possible(calibration_of(load_published_trial(path), replicates=64), 2)


def test_what_is_rare_is_looked_for_among_many(tmp_path: Path) -> None:
    """Of 1 patient in 200,000: not in the 40 of one trial, and in some of 3,200,000 (but for a chance of e^-14)."""
    event = "rash: {kind: toxicity, rate: 0.0000005 /month}"  # some 9 months are observed
    path = written(tmp_path, f"toxicity.rash: {{{COUNT}, count: 1, of: 40}}", event)
    calibration = calibration_of(load_published_trial(path))
    single = replace(calibration, simulator=replace(calibration.simulator, n_trials=1))
    assert [name for name, *_ in impossible(single, 1)] == ["toxicity.rash"]
    check_possible(calibration, 2)


def test_no_trial_that_comes_along_is_refused_at_the_first_look() -> None:
    """The six trials of a study, and the two pilots: nor is a second look needed, so that it costs a second."""
    trials = [calibration_of(load_published_trial(name)) for name in ("tosi2000", "rini2009")]
    trials += joint_model_of(load_joint_study("six_trials")).trials
    assert len(trials) == 8
    for trial in trials:
        few = replace(trial.simulator, n_trials=trial.simulator.n_trials // PART_OF_REPLICATES)
        assert impossible(replace(trial, simulator=few), N_DRAWS, 2) == []
