"""Study files to frozen objects: the scenario of every variant, with all errors at once and the line of the variant."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from trialsim.config.builtin import find_file, is_path
from trialsim.config.loading import load_scenario, scenario_from_mapping
from trialsim.config.problems import nearest, problem_at, problems_of
from trialsim.config.rule_logic import dead_rules
from trialsim.config.scenario import Scenario
from trialsim.config.study import CompareStudy
from trialsim.config.yaml_lines import Places, place_of, read_yaml
from trialsim.errors import ConfigurationError, Problem

MOST_VARIANTS: Final = 60


@dataclass(frozen=True)
class Comparison:
    """A study with the scenarios that it compares, by the name of the variant, in order.

    `warnings` are of rules that can never decide, with file and line of the variant.
    """

    study: CompareStudy
    scenarios: dict[str, Scenario]
    warnings: tuple[Problem, ...] = ()

    def to_mapping(self) -> dict[str, Any]:
        """Everything resolved, as plain data that can be read again."""
        scenarios = {name: scenario.to_mapping() for name, scenario in self.scenarios.items()}
        return {"study": self.study.model_dump(mode="json", by_alias=True), "scenarios": scenarios}


def load_study(name: str | Path, changes: Mapping[str, Any] | None = None) -> Comparison:
    """A study from a YAML path or a built-in name, with changes of its scenario by dotted key if there are any.

    Raises `ConfigurationError` with every problem of the file.
    """
    path = find_file(str(name), "studies")
    data, places = read_yaml(path)
    data.setdefault("name", re.sub(r"[^\w.+-]", "-", path.stem)[:100])
    return _comparison(data, places, path, changes or {})


def study_from_mapping(data: Mapping[str, Any]) -> Comparison:
    """A study from the plain data of `Comparison.to_mapping`."""
    study = _validated(dict(data["study"]), {})
    found = {name: scenario_from_mapping(item, name) for name, item in data["scenarios"].items()}
    return Comparison(study, found)


def _validated(data: dict[str, Any], places: Places) -> CompareStudy:
    try:
        return CompareStudy.model_validate(data)
    except ValidationError as error:
        raise ConfigurationError(problems_of(error, CompareStudy, places)) from None


def _comparison(data: dict[str, Any], places: Places, path: Path, changes: Mapping[str, Any]) -> Comparison:
    study = _validated(data, places)
    named = study.scenario
    base = load_scenario(find_file(named, "scenarios", path) if is_path(named) else named)
    problems: list[Problem] = []
    scenarios: dict[str, Scenario] = {}
    for name, own in _variants(study).items():
        try:
            scenarios[name] = base.with_changes({**study.changes, **changes, **_spelt_out(own, path)})
        except ConfigurationError as error:
            where = _where(study, name, places)
            problems += [replace(item, place=f"{where}  variant {name}:") for item in error.problems]
    if problems:
        raise ConfigurationError(list(dict.fromkeys(problems)))
    _check_names(study, scenarios, places)
    warnings = [
        replace(problem_at({}, at, *rest), place=f"{_where(study, name, places)}  variant {name}:")
        for name, scenario in scenarios.items()
        for at, *rest in dead_rules(scenario)
    ]
    return Comparison(study, scenarios, tuple(warnings))


def _where(study: CompareStudy, name: str, places: Places) -> str:
    """File and line of a variant."""
    return place_of(places, ("variants", name) if name in study.variants else ("grid",))


def _variants(study: CompareStudy) -> dict[str, dict[str, Any]]:
    """Every variant's changes: those that are named, and those of the grid."""
    found = dict(study.variants)
    for values in itertools.product(*study.grid.values()) if study.grid else ():
        changes = dict(zip(study.grid, values, strict=True))
        found[", ".join(f"{key.split('.')[-1]} {value}" for key, value in changes.items())] = changes
    return found


def _spelt_out(changes: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The changes of a variant, those of its `strategy` first."""
    own = dict(changes)
    named = own.pop("strategy", None)
    if named is None:
        return own
    data, _ = read_yaml(find_file(str(named), "strategies", path))
    return {**data.get("changes", {}), **own}


def _check_names(study: CompareStudy, scenarios: Mapping[str, Scenario], places: Places) -> None:
    """Names that one part of the study says of another."""
    problems: list[Problem] = []

    def check(at: tuple[str, ...], name: str, known: list[str], what: str) -> None:
        if name not in known:
            problems.append(problem_at(places, at, name, f"there is no {what} of this name", ", ".join(known),
                                       nearest(name, known)))  # fmt: skip

    variants = list(scenarios)
    if study.control is not None:
        check(("control",), study.control, variants, "variant")
    for name in study.allocation.ratio:
        check(("allocation", "ratio", name), name, variants, "variant")
    if len(variants) > MOST_VARIANTS:
        problems.append(problem_at(places, ("grid",), len(variants), "there are too many variants",
                                   f"at most {MOST_VARIANTS}"))  # fmt: skip
    sizes = {scenario.accrual.patients for scenario in scenarios.values()}
    if study.design == "parallel" and len(sizes) > 1:
        wrong = "the arms of a parallel trial have one accrual"
        problems.append(problem_at(places, ("variants",), sorted(sizes), wrong, "the same patients in every variant"))
    if problems:
        raise ConfigurationError(problems)
