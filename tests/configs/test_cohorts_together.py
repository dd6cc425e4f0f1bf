"""Several cohorts without a study file: the study that is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trialsim.cli import studies
from trialsim.cli.output import Printing
from trialsim.config import load_published_trial
from trialsim.config.calibrated.between_trials import FAMILIES, families_of, family_of
from trialsim.config.calibrated.places import CALIBRATED_PLACES
from trialsim.config.loading.calibration_studies import load_joint_study
from trialsim.config.loading.cohorts_together import study_of_cohorts
from trialsim.config.source.yaml import dump_yaml
from trialsim.errors import ConfigurationError, OptionError
from trialsim.workflows import calibrate_study

INVENTED = Path(__file__).parents[1] / "calibration" / "invented"
FIRST, SECOND = str(INVENTED / "cohort.yaml"), str(INVENTED / "second.yaml")
FIVE = ["singhal1999", "juliusson2000", "waage2004", "mileshkin2003", "kumar2003"]


def test_the_defaults_are_those_of_the_study_of_six_trials() -> None:
    """Its families, parameter by parameter, with their sd; the cut-off and evaluability are the first trial's alone."""
    six, made = load_joint_study("six_trials").study, load_joint_study(FIVE).study

    def families(study: Any) -> dict[str, tuple[set[str], float]]:
        return {name: (set(item.parameters), item.sd.value) for name, item in study.between_trials.items()}

    assert families(made) == families(six)
    assert made.own == []
    pilot = families_of([load_published_trial("tosi2000")])
    assert set(pilot["own"]) == set(six.own)


def test_exponents_shapes_shares_and_frailties_are_shared() -> None:
    shared = families_of([load_published_trial("kumar2003")])["shared"]
    assert set(shared) == {
        "disease frailty sd", "speed of response frailty sd", "toxicity dose exponent", "rash dose exponent",
        "intolerance dose exponent", "response dose exponent", "disease dose exponent", "neuropathy shape",
        "severe neuropathy share",
    }  # fmt: skip


def test_every_kind_of_event_has_a_family() -> None:
    trial = load_published_trial("kumar2003")
    events = {place[1] for place in (("events", name, "rate") for name in trial.events)}
    families = {name: family_of(trial, ("events", name, "rate")) for name in events}
    assert families["intolerance"] == "tolerance"
    assert families["early death"] == "early death"
    assert "shared" not in families.values()
    assert {item.between for item in CALIBRATED_PLACES} == {"shared", "own", "response", "event"}
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)


def test_the_study_can_be_saved_and_is_the_same(tmp_path: Path) -> None:
    made = study_of_cohorts([FIRST, SECOND])
    assert made["name"] == "invented-second"
    assert made["between_trials"] == {
        "response": {"parameters": ["sensitive"], "sd": 0.3}, "toxicity": {"parameters": ["nausea rate"], "sd": 1.0},
    }  # fmt: skip
    saved = tmp_path / "together.yaml"
    saved.write_text(dump_yaml(made), encoding="utf-8")
    assert load_joint_study(saved).to_mapping() == load_joint_study([FIRST, SECOND]).to_mapping()


@pytest.mark.parametrize(
    ("cohorts", "message"),
    [
        (
            ["tosi2000", "kumar2003"],
            r"different parameter sets: tosi2000 \(tosi2000\): tosi2000, kumar2003 \(kumar2003\): salvage",
        ),
        ([FIRST, FIRST], "the cohort invented is there twice"),
        ([FIRST, "nobody2001"], "there is no built-in name like this in cohorts"),
        ([FIRST, "six_trials"], "is a study that calibrates several cohorts together"),
        ([FIRST, 3], "a path or a built-in name of a cohort"),
    ],
)
def test_cohorts_that_do_not_go_together_are_refused(cohorts: list[Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        study_of_cohorts(cohorts)


def test_the_command_prints_the_study_that_it_calibrates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(calibrate_study, "calibrate_study", lambda study, **how: asked.update(how, study=study))
    monkeypatch.setattr(Printing, "show_place", lambda *_, **__: None)
    studies.calibrate([FIRST, SECOND])
    printed = tmp_path / "together.yaml"
    printed.write_text(capsys.readouterr().out, encoding="utf-8")
    assert load_joint_study(printed).to_mapping() == load_joint_study(asked["study"]).to_mapping()
    assert asked["out"] == Path("results") / "invented-second-posterior"
    studies.calibrate([FIRST, SECOND], as_json=True)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("option", [{"settings": ["a=1"]}, {"sensitivity": True}, {"prior": "salvage"}])
def test_options_of_one_cohort_are_refused_for_several(option: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="this belongs to the calibration of one cohort"):
        studies.calibrate([FIRST, SECOND], **option)
