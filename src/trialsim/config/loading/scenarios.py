"""Files to frozen objects: layers of plain data, then validation with all errors at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trialsim.config.calibrated.resolve import as_mapping, fill_calibrated_values
from trialsim.config.checks.calibrated_values import used_parameters
from trialsim.config.checks.scenario import consistency_problems
from trialsim.config.checks.warnings import scenario_warnings
from trialsim.config.loading import arms, inheritance
from trialsim.config.loading.changes import place_of_key, places_of_changes
from trialsim.config.schema.cohort import Cohort
from trialsim.config.schema.parameters import Parameters, ParameterSet
from trialsim.config.schema.scenario import ScenarioData
from trialsim.config.schema.validation import validated
from trialsim.config.source.builtin import WrongKindError, find_file, is_path, require_kind
from trialsim.config.source.given import plain_mapping, refuse_type
from trialsim.config.source.plain_data import explain_empty_key
from trialsim.config.source.problems import problem_at, refuse_unusable
from trialsim.config.source.yaml import Place, Places, merge, place_of, read_yaml
from trialsim.errors import ConfigurationError, Problem


class Scenario(ScenarioData):
    """One whole trial, which can be changed and checked. Frozen: a change is a new scenario."""

    def with_changes(self, changes: Mapping[str, Any]) -> Scenario:
        """A new scenario with some dotted keys set to new values, checked as a file would be.

        Parameters
        ----------
        changes
            New values by dotted key, such as `{"treatment.every": "28 days"}`; None takes a key away. An interpretation
            of the cohort brings its own changes.

        Returns
        -------
        Scenario
            The changed scenario; this one stays as it is.

        Raises
        ------
        ConfigurationError
            With every problem at once.
        """
        return changed_scenario(self, changes)

    @property
    def warnings(self) -> list[str]:
        """What the scenario may say but probably does not mean; `trialsim check` adds file and line.

        Returns
        -------
        list of str
            One text a warning, empty where there is none: the key, its value, what is odd and what would be better.
        """
        return [
            f"{'.'.join(map(str, place))} = {value}: {problem}. Better: {allowed}."
            for place, value, problem, allowed, _ in scenario_warnings(self)
        ]

    @property
    def scenarios_of_arms(self) -> dict[str, Scenario]:
        """The scenario of each arm by name, the first one the control; empty where the trial has no arms.

        Returns
        -------
        dict of str to Scenario
            Scenarios without arms.
        """
        return arms.scenarios_of_arms(self, changed_scenario, {})[0]


ScenarioLike = Scenario | Mapping[str, Any] | str | Path
CohortLike = Cohort | Mapping[str, Any] | str | Path


def load_scenario(given: ScenarioLike, changes: Mapping[str, Any] | None = None) -> Scenario:
    """A scenario from a YAML path, a built-in name, a mapping or itself, with changes by dotted key if there are any.

    Parameters
    ----------
    given
        The scenario. A mapping is read as a file with the same keys would be, `extends` too.
    changes
        New values by dotted key, such as `{"treatment.every": "28 days"}`; quantities with their units, as text.

    Returns
    -------
    Scenario
        A frozen scenario, with every calibrated number filled in.

    Raises
    ------
    ConfigurationError
        With every problem at once, each with its place.
    """
    if isinstance(given, Scenario):
        scenario = given
    elif isinstance(given, Mapping):
        scenario = scenario_from_mapping(given, "scenario")
    elif isinstance(given, str | Path):
        scenario = load_named_scenario(str(given))
    else:
        raise refuse_type(given, "a scenario")
    return scenario.with_changes(changes) if changes else scenario


def load_named_scenario(
    name: str, beside: Path | None = None, place: str = "", key: str = "", over: Mapping[str, Any] | None = None
) -> Scenario:
    """The scenario that a file names, with the keys of `over`; `place` and `key` are where `beside` names it."""
    path = find_file(name, "scenarios", beside, place, key)
    data, places = inheritance.read_layers(path, place, key)
    if data.get("name") is None:
        data["name"] = re.sub(r"[^\w.+-]", "-", path.stem)[:100]
    if over:
        data = inheritance.merge_layers(data, over, places, None)
    return _built_scenario(arms.with_strategies(data, places, path), places)


def warnings_of(given: ScenarioLike, changes: Mapping[str, Any] | None = None) -> list[Problem]:
    """What a scenario may say but cannot mean, with file and line: see `scenario_warnings`.

    Raises `ConfigurationError` as `load_scenario` does.
    """
    places, scenario = scenario_places(given, changes), load_scenario(given, changes)
    problems = [problem_at(places, where, value, *rest) for where, value, *rest in scenario_warnings(scenario)]
    return problems + unused_priors(scenario)


def unused_priors(scenario: Scenario) -> list[Problem]:
    """The parameters in the user's own set that no number of a published trial uses, as one warning; none if all are.

    Other scenarios may well use a part of a set.
    """
    named = scenario.parameters.calibrated_to
    if scenario.cohort is None or named is None or not is_path(named):
        return []
    try:
        data, places, _ = read_given(named, "parameters", "parameter set", "parameters")
    except ConfigurationError:  # a resolved scenario outlives its files
        return []
    used = used_parameters(scenario)
    unused = [str(name) for name in as_mapping(data.get("parameters")) if name not in used]
    if not unused:
        return []
    problem = "no calibrated number of the scenario uses " + ("it" if len(unused) == 1 else "them")
    allowed = f"priors of {', '.join(sorted(used))}" if used else "no priors"
    return [
        problem_at(places, ("parameters", unused[0]), None, f"{', '.join(unused)}: {problem}", allowed, "", "missing")
    ]


def scenario_places(given: ScenarioLike, changes: Mapping[str, Any] | None = None) -> Places:
    """Where each key of a scenario is from, its cohort's too: file and line, or the change that sets it."""
    places: Places = {(): "scenario"}
    if isinstance(given, str | Path):
        _, places = inheritance.read_layers(find_file(str(given), "scenarios"))
    for dotted, where in places_of_changes(changes or {}).items():
        place = place_of_key(dotted)
        places = {known: line for known, line in places.items() if known[: len(place)] != place}
        places[place] = where
    return places


def scenario_from_mapping(data: Mapping[str, Any], place: str = "") -> Scenario:
    """A scenario from plain data, such as the resolved configuration of a manifest.

    What it `extends` is found as from a file in the working folder.
    """
    layer = plain_mapping(data, place)
    base: dict[str, Any] = {}
    places: Places = {(): place}
    refuse_unusable(layer, places)
    require_kind(layer, place or "this mapping", "scenarios")
    parent = layer.pop("extends", None)
    if parent is not None:
        base, base_places = inheritance.read_layers(find_file(str(parent), "scenarios", None, place, "extends"))
        base.pop("name", None)
        places = {**base_places, **{(key,): place for key in layer}, **places}
    data = inheritance.merge_layers(base, layer, places, None)
    return _built_scenario(arms.with_strategies(data, places, None), places)


def load_cohort(given: CohortLike) -> Cohort:
    """A published cohort from a YAML path, a built-in name, a mapping or itself.

    Parameters
    ----------
    given
        The cohort; a mapping is read as a file with the same keys would be.

    Returns
    -------
    Cohort
        A frozen cohort.

    Raises
    ------
    ConfigurationError
        With every problem at once, each with its place.
    """
    return read_cohort(given)[0]


def read_cohort(given: CohortLike) -> tuple[Cohort, Places, Path]:
    """A cohort, where each of its keys is from, and the path that files in it are relative to."""
    if isinstance(given, Cohort):
        return given, {}, Path("cohort")
    data, places, path = read_given(given, "cohorts", "cohort", "cohorts")
    return validated(Cohort, data, places), places, path


def read_given(given: object, folder: str, what: str, wanted: str) -> tuple[dict[str, Any], Places, Path]:
    """The plain data of a file or a mapping, where each key is from, and the path that files in it are relative to.

    A built-in name is one of a `folder`; `what` names a mapping, and `wanted` the kind that it shall be (any kind where
    it is empty). Raises `ConfigurationError`.
    """
    if isinstance(given, Mapping):
        places: Places = {(): what}
        data, path = plain_mapping(given, what), Path(what)
        refuse_unusable(data, places)
    elif isinstance(given, str | Path):
        path = find_file(str(given), folder)
        data, places = read_yaml(path)
    else:
        raise refuse_type(given, f"a {what}")
    if wanted:
        require_kind(data, str(path if isinstance(given, Mapping) else given), wanted)
    return data, places, path


def load_published_trial(
    given: CohortLike, changes: Mapping[str, Any] | None = None, scenario_file: Path | None = None
) -> Scenario:
    """The scenario that is the published trial of a cohort (as `load_cohort` takes it), with that cohort in it.

    It is the scenario that the cohort names, or the one in `scenario_file`. Its parameters are the modes of the
    parameter set, whatever it says: a calibration needs no posterior. Raises `ConfigurationError`, also for a cohort
    that names no scenario.
    """
    cohort, places, path = read_cohort(given)
    named = str(scenario_file) if scenario_file is not None else cohort.scenario
    if named is None:
        problem, allowed = "the cohort names no scenario, so there is nothing to simulate.", "`scenario: FILE or NAME`."
        raise ConfigurationError([Problem(str(path), "scenario", problem, allowed)])
    line, at_mode = place_of(places, ("scenario",)), {"parameters": {"use": "mode"}}
    scenario = load_named_scenario(named, path, line, "scenario", at_mode)
    if scenario.cohort is None or scenario.cohort.model_dump() != cohort.model_dump():
        scenario = scenario.with_changes({"cohort": cohort.model_dump()})
    return scenario.with_changes(changes) if changes else scenario


def load_trial_without_statistics(given: CohortLike) -> Scenario | None:
    """The published trial of a cohort, as `load_published_trial`, whose statistics are left out: they are not judged.

    None where the cohort names no scenario, or one that does not exist (yet). Raises `ConfigurationError` for what is
    wrong in the scenario.
    """
    cohort, places, path = read_cohort(given)
    if cohort.scenario is None:
        return None
    line = place_of(places, ("scenario",))
    try:
        file = find_file(cohort.scenario, "scenarios", path, line, "scenario")
    except WrongKindError:
        raise
    except ConfigurationError:
        return None
    data, places = inheritance.read_layers(file, line, "scenario")
    data["cohort"] = _without_statistics(cohort)
    return _built_scenario(inheritance.merge_layers(data, {"parameters": {"use": "mode"}}, places, None), places)


def _without_statistics(cohort: Cohort) -> dict[str, Any]:
    """A cohort as plain data, without its statistics under any interpretation."""
    data = cohort.model_dump()
    for ambiguity in data["ambiguities"].values():
        for interpretation in ambiguity["interpretations"].values():
            interpretation["statistics"] = {}
    return {**data, "statistics": {}}


def load_parameters(given: ParameterSet | Mapping[str, Any] | str | Path) -> ParameterSet:
    """A parameter set from a YAML path, a built-in name, a mapping or itself. Raises `ConfigurationError`."""
    if isinstance(given, ParameterSet):
        return given
    data, places, _ = read_given(given, "parameters", "parameter set", "parameters")
    return validated(ParameterSet, data, places)


def changed_scenario(
    scenario: Scenario, changes: Mapping[str, Any], where: Mapping[str, str] | None = None
) -> Scenario:
    """A scenario with some dotted keys changed; see `Scenario.with_changes`. `where` says where each key is from."""
    if not changes:
        return scenario
    where = places_of_changes(changes) if where is None else where
    data = scenario.to_mapping()
    places: Places = {}
    over: dict[str, Any] = {}
    for dotted, value in changes.items():
        refuse_unusable({str(dotted): value}, {(): where[str(dotted)]})
        slip = explain_empty_key(str(dotted)) if value is None else None
        if slip is not None:
            raise ConfigurationError(
                [problem_at({(): where[str(dotted)]}, (str(dotted),), None, *slip, kind="missing")]
            )
        with inheritance.errors_at({(): where[str(dotted)]}, ()):
            place = place_of_key(str(dotted))
        over = merge(over, inheritance.nested(place, value, merge(data, over)), keeps_null=True)
        places.update({place[:n]: where[str(dotted)] for n in range(1, len(place) + 1)})
    data = inheritance.merge_layers(data, over, places, None)
    return _built_scenario(arms.with_strategies(data, places, None), places)


def _built_scenario(data: dict[str, Any], places: Places) -> Scenario:
    data = Scenario.without_nulls(data)
    if isinstance(data.get("parameters"), Mapping):
        data["parameters"] = Parameters.without_nulls(data["parameters"])
    key = "draws" if "draws" in as_mapping(data.get("parameters")) else "calibrated_to"
    names_in_set: list[str] = []

    def load_set(name: str) -> ParameterSet:
        parameter_set = load_parameters(name)
        names_in_set.extend(parameter_set.parameters)
        return parameter_set

    with inheritance.errors_at(places, ("parameters", key)):
        data = fill_calibrated_values(inheritance.choose_interpretations(data), load_set)
    scenario = validated(Scenario, data, places, may_be_calibrated=True)
    unset = [
        problem_at(places, at, None, problem, allowed, kind="missing")
        for at, problem, allowed in _keys_that_interpretations_need(scenario)
    ]
    problems = unset + consistency_problems(scenario, places, names_in_set)
    if not problems and scenario.arms:
        problems = arms.scenarios_of_arms(scenario, changed_scenario, places)[1]
    if problems:
        raise ConfigurationError(problems)
    return scenario


def _keys_that_interpretations_need(scenario: Scenario) -> Iterator[tuple[Place, str, str]]:
    """Keys that a scenario has not though the interpretations taken set them; with what is wrong and what is allowed.

    A null cannot take such a key away: the resolved scenario, read again, would have it again.
    """
    ambiguities = scenario.cohort.ambiguities if scenario.cohort is not None else {}
    for name, choice in scenario.interpretations.items():
        interpretations = ambiguities[name].interpretations if name in ambiguities else {}
        for dotted, value in interpretations[choice].changes.items() if choice in interpretations else ():
            place = place_of_key(str(dotted))
            if value is not None and _value_at(scenario, place) is None:
                yield place, f"the interpretation {name} = {choice} sets this key", "a value, or another interpretation"


def _value_at(part: Any, place: Place) -> Any:
    """What stands at a place of a configuration; None for nothing."""
    for key in place:
        if isinstance(part, list):
            part = part[key] if isinstance(key, int) and key < len(part) else None
        else:
            part = part.get(str(key)) if isinstance(part, Mapping) else getattr(part, str(key), None)
    return part
