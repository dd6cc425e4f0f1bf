"""Files of studies that calibrate several published trials together, to frozen objects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from trialsim.config.loading.cohorts_together import study_of_cohorts
from trialsim.config.loading.comparisons import Comparison, StudyLike, saved_scenarios, study_data
from trialsim.config.loading.scenarios import Scenario, load_parameters, load_published_trial
from trialsim.config.loading.size_studies import Sizing
from trialsim.config.schema.calibration_study import CalibrationStudy
from trialsim.config.schema.parameters import ParameterSet
from trialsim.config.schema.validation import validated
from trialsim.config.source.builtin import find_file, is_path, kind_of_data
from trialsim.config.source.problems import nearest, problem_at
from trialsim.config.source.yaml import Place, Places, place_of
from trialsim.errors import ConfigurationError, Problem

CALIBRATE: Final = "calibrate"


@dataclass(frozen=True)
class JointStudy:
    """A study with the published trial of each cohort, by the cohort's name, and the priors of the parameters."""

    study: CalibrationStudy
    scenarios: dict[str, Scenario]
    parameters: ParameterSet
    places: Places = field(default_factory=dict, repr=False, compare=False)

    def to_mapping(self) -> dict[str, Any]:
        """Everything resolved, as plain data that can be read again."""
        return {
            "study": self.study.model_dump(mode="json"),
            "scenarios": {name: scenario.to_mapping() for name, scenario in self.scenarios.items()},
            "parameters": self.parameters.model_dump(mode="json"),
        }


JointStudyLike = JointStudy | StudyLike | Sequence[Path | str]


def load_joint_study(given: JointStudyLike) -> JointStudy:
    """A study of several cohorts from a YAML path, a built-in name, a mapping, a list of cohorts or itself.

    Raises `ConfigurationError` with the problems of the study, or of all of its cohorts.
    """
    if isinstance(given, JointStudy):
        return given
    if isinstance(given, list | tuple):
        given = study_of_cohorts(given)
    data, places, path = study_data(given, CALIBRATE)
    if isinstance(data.get("study"), Mapping):
        return joint_study_from_mapping(data)
    if data.get("name") is None:
        data["name"] = re.sub(r"[^\w.+-]", "-", path.stem)[:100]
    study = validated(CalibrationStudy, data, places)
    set_file = find_file(study.parameters, "parameters", path, place_of(places, ("parameters",)), "parameters")
    scenarios = _published_trials(study, set_file, path, places)
    joint = JointStudy(study, scenarios, load_parameters(set_file), places)
    problems = [problem_at(places, place, value, *rest) for place, value, *rest in _findings(joint)]
    if problems:
        raise ConfigurationError(problems)
    return joint


def is_joint_study(given: object) -> bool:
    """Whether a study calibrates several cohorts. Raises `ConfigurationError` for a file that cannot be read."""
    return isinstance(given, JointStudy) or (
        not isinstance(given, Comparison | Sizing) and kind_of_data(study_data(given)[0]) == CALIBRATE
    )


def joint_study_from_mapping(data: Mapping[str, Any]) -> JointStudy:
    """A study from the plain data of `JointStudy.to_mapping`."""
    study = validated(CalibrationStudy, dict(data["study"]), {})
    return JointStudy(study, saved_scenarios(data), load_parameters(data["parameters"]))


def _published_trials(study: CalibrationStudy, set_file: Path, path: Path, places: Places) -> dict[str, Scenario]:
    """The trial of each cohort, its calibrated numbers at the modes of the study's parameter set."""
    scenarios: dict[str, Scenario] = {}
    problems: list[Problem] = []
    named = str(set_file.resolve()) if is_path(study.parameters) else study.parameters
    changes = {"parameters": {"use": "mode", "calibrated_to": named}}
    for i, written in enumerate(study.cohorts):
        where = place_of(places, ("cohorts", i))
        try:
            file = find_file(written, "cohorts", path, where, "cohorts")
            scenario = load_published_trial(file, changes, _other_scenario(study, written, path, places))
        except ConfigurationError as error:
            problems += [replace(item, place=item.place or where) for item in error.problems]
            continue
        name = scenario.cohort.name if scenario.cohort is not None else written
        if name in scenarios:
            problems.append(Problem(where, f"cohorts = {written}", "two cohorts have this name.", "each cohort once."))
        scenarios[name] = scenario
    if problems:
        raise ConfigurationError(list(dict.fromkeys(problems)))
    return scenarios


def _other_scenario(study: CalibrationStudy, cohort: str, path: Path, places: Places) -> Path | None:
    """The file of the scenario that the study names for a cohort, in place of the cohort's own."""
    name = study.scenarios.get(cohort)
    if name is None:
        return None
    return find_file(name, "scenarios", path, place_of(places, ("scenarios", cohort)), f"scenarios.{cohort}")


def _findings(joint: JointStudy) -> Iterator[tuple[Place, str, str, str, str]]:
    """Names that the study says of parameters: each must be calibrated in some trial and have a prior to learn from."""
    for cohort in joint.study.scenarios:
        if cohort not in joint.study.cohorts:
            allowed, near = ", ".join(joint.study.cohorts), nearest(cohort, joint.study.cohorts)
            yield ("scenarios", cohort), cohort, "the study has no such cohort", allowed, near
    known = list(dict.fromkeys(name for item in joint.scenarios.values() for name in item.parameters.values))
    places: list[tuple[Place, str]] = [(("own", i), name) for i, name in enumerate(joint.study.own)]
    for family, item in joint.study.between_trials.items():
        places += [(("between_trials", family, "parameters", i), name) for i, name in enumerate(item.parameters)]
    for place, name in places:
        if name not in known:
            yield place, name, "no trial has a calibrated number of this name", ", ".join(known), nearest(name, known)
        elif joint.parameters.parameters[name].prior.distribution == "fixed":
            yield place, name, "the prior of this parameter is fixed", "a parameter with a prior of some width", ""
