"""Files of studies that ask for a sample size, to frozen objects: the study and the scenario of every arm."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from trialsim.config.checks.size_study import size_study_findings
from trialsim.config.loading.arms import refuse_unused_arms, without_arms
from trialsim.config.loading.changes import Settings, place_of_key, places_of_changes
from trialsim.config.loading.comparisons import (
    Comparison,
    StudyLike,
    base_scenario,
    changed_scenarios,
    load_comparison,
    not_parallel,
    refuse_changes,
    saved_scenarios,
    study_data,
    with_arms_of_scenario,
)
from trialsim.config.loading.scenarios import Scenario
from trialsim.config.schema.designs import KEYS
from trialsim.config.schema.size_study import SizeStudy
from trialsim.config.schema.validation import validated
from trialsim.config.source.builtin import kind_of_data
from trialsim.config.source.problems import nearest, problem_at
from trialsim.config.source.yaml import Places, place_of
from trialsim.errors import ConfigurationError, DestinationError, OptionError, Problem, RequestError

THE_ARM: Final = "all patients"  # the name of the only arm
# What errors of exact designs and of expressions call the keys of a study.
_KEYS_OF_SYMBOLS: Final = {"p0": "null", "p1": "alternative", "n": "largest_n", "expression": "endpoint"}


@dataclass(frozen=True)
class Sizing:
    """A study of size with the scenario of every arm by name, the control first."""

    study: SizeStudy
    scenarios: dict[str, Scenario]
    places: Places = field(default_factory=dict, repr=False, compare=False)  # file and line of each key, if from a file

    def to_mapping(self) -> dict[str, Any]:
        """Everything resolved, as plain data that can be read again."""
        scenarios = {name: scenario.to_mapping() for name, scenario in self.scenarios.items()}
        return {"study": self.study.model_dump(mode="json", by_alias=True), "scenarios": scenarios}


def load_study(given: Comparison | Sizing | StudyLike, changes: Mapping[str, Any] | None = None) -> Comparison | Sizing:
    """A study of either kind from a YAML path, a built-in name, a mapping or itself; see `compare` and `size`.

    Parameters
    ----------
    given
        The study; a mapping is read as a file with the same keys would be.
    changes
        New values by dotted key; quantities with their units, as text. See `load_sizing` for those of a study of size.

    Returns
    -------
    Comparison or Sizing
        The study with its resolved scenarios: a `Sizing` where the study asks for a sample size.

    Raises
    ------
    ConfigurationError
        With every problem at once, each with its place.
    """
    is_size = isinstance(given, Sizing) or (not isinstance(given, Comparison) and is_sizing(given))
    return load_sizing(given, changes) if is_size else load_comparison(given, changes)  # type: ignore[arg-type]


def load_sizing(given: Sizing | StudyLike, changes: Mapping[str, Any] | None = None) -> Sizing:
    """A study of size from a YAML path, a built-in name, a mapping or itself.

    Parameters
    ----------
    given
        The study; a mapping is read as a file with the same keys would be.
    changes
        New values by dotted key. They are of the study where they begin with a key of it (`power`, `conduct.accrual`),
        and of the scenario otherwise.

    Returns
    -------
    Sizing
        The study with the resolved scenario of each arm.

    Raises
    ------
    ConfigurationError
        With every problem of the file.
    """
    if isinstance(given, Sizing):
        refuse_changes(changes)
        return given
    data, places, path = study_data(given, "size")
    if isinstance(data.get("study"), Mapping):
        if not changes:
            return sizing_from_mapping(data)  # as a search for a size has saved it
        problem = problem_at(places, ("study",), "", "a saved study is sized again as it is", "no changes")
        raise ConfigurationError([problem])
    if data.get("name") is None:
        data["name"] = re.sub(r"[^\w.+-]", "-", path.stem)[:100]
    study_changes, scenario_changes = _split(changes or {})
    for key, where in places_of_changes(study_changes).items():
        places.update({place_of_key(key)[:n]: where for n in range(1, key.count(".") + 2)})
    data = _changed(data, study_changes)
    if KEYS.get(str(data.get("design")), KEYS["precision"]).uses("variants"):
        data = with_arms_of_scenario(data, path, places, ("variants", "rates", "medians"))
    study = validated(SizeStudy, data, places)
    mistakes = [problem_at(places, place_of_key(key), "", *why) for key, *why in size_study_findings(study)]
    if mistakes:
        raise ConfigurationError(mistakes)
    base = base_scenario(study.scenario, study.changes, scenario_changes, path, places)
    refuse_unused_arms(base, study.variants, places)
    base = without_arms(base)
    variants = _control_first(study) if study.variants else {THE_ARM: {}}
    scenarios = changed_scenarios(base, variants, path, {arm: place_of(places, ("variants", arm)) for arm in variants})
    problems = [problem_at(places, ("variants",), "", *why) for why in not_parallel(scenarios)]
    if base.clinic is not None:
        message = "patients who wait for each other at the clinic have no course of their own"
        problems.append(problem_at(places, ("scenario",), study.scenario, message, "a scenario without `clinic`"))
    if problems:
        raise ConfigurationError(list(dict.fromkeys(problems)))
    return Sizing(study, scenarios, places)


def located(error: RequestError, sizing: Sizing, *, of_study_only: bool = False) -> RequestError:
    """The error with the file and line of its key, or of the design if that key is not written.

    With `of_study_only` an error about no key of the study stays as it is.
    """
    if isinstance(error, OptionError | DestinationError):
        return error
    if of_study_only and error.key.partition(".")[0] not in {*SizeStudy.model_fields, *_KEYS_OF_SYMBOLS}:
        return error
    is_given = error.key == "n" and sizing.study.n is not None
    place = place_of_key(error.key if is_given else _KEYS_OF_SYMBOLS.get(error.key, error.key))
    return error.at(place_of(sizing.places, place if place[:1] in sizing.places else ("design",)))


def is_sizing(given: StudyLike) -> bool:
    """Whether a study asks for a size. Raises `ConfigurationError` for a file that cannot be read."""
    return kind_of_data(study_data(given)[0]) == "size"


def sizing_from_mapping(data: Mapping[str, Any]) -> Sizing:
    """A study from the plain data of `Sizing.to_mapping`."""
    study = validated(SizeStudy, dict(data["study"]), {})
    return Sizing(study, saved_scenarios(data))


def _split(changes: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Changes of the study, and changes of the scenario. Raises `ConfigurationError` for a key of neither."""
    keys = set(SizeStudy.model_fields) - {"title", "description", "name", "format"}
    kind = Settings if isinstance(changes, Settings) else dict
    study_changes: dict[str, Any] = kind()
    scenario_changes: dict[str, Any] = kind()
    problems: list[Problem] = []
    for key, where in places_of_changes(changes).items():
        first = key.split(".")[0]
        (study_changes if first in keys else scenario_changes)[key] = changes[key]
        if first not in keys and first not in Scenario.model_fields:
            known = [name for name in SizeStudy.model_fields if name in keys]
            allowed = f"keys of the study: {', '.join(known)}; or of its scenario: {', '.join(Scenario.model_fields)}"
            suggestion = nearest(first, [*known, *Scenario.model_fields])
            problems.append(
                problem_at({(): where}, (key,), None, "this key is not known", allowed, suggestion, "missing")
            )
    if problems:
        raise ConfigurationError(problems)
    return study_changes, scenario_changes


def _changed(data: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Plain data with some dotted keys set to new values."""
    changed = dict(data)
    for key, value in changes.items():
        first, _, rest = key.partition(".")
        inner = changed.get(first)
        if rest:
            changed[first] = _changed(inner if isinstance(inner, Mapping) else {}, {rest: value})
        else:
            changed[first] = value
    return changed


def _control_first(study: SizeStudy) -> dict[str, dict[str, Any]]:
    """The variants, the control before the others."""
    if study.control is None:
        return dict(study.variants)
    return {study.control: study.variants[study.control], **study.variants}
