"""Several cohorts without a study file: the study that calibrates them together, made by defaults."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from trialsim.config.calibrated.between_trials import FAMILIES, OWN, families_of
from trialsim.config.loading.scenarios import Scenario, load_parameters, load_published_trial
from trialsim.config.source.builtin import is_path
from trialsim.config.source.given import refuse_type
from trialsim.errors import ConfigurationError, Problem

_LONGEST_NAME: Final = 100
_BETTER: Final = "a study of your own, with `scenarios: {COHORT: SCENARIO}` of one parameter set, or other cohorts"


def study_of_cohorts(cohorts: Sequence[Path | str]) -> dict[str, Any]:
    """The study of some cohorts, as plain data: a file with the same keys is the same study.

    The scenarios are those that the cohorts name, and the priors those of the parameter set that these share. How much
    parameters differ between trials is decided by the kind of event that they belong to (see
    `calibrated.between_trials`).

    Parameters
    ----------
    cohorts
        YAML paths or built-in names, two or more.

    Returns
    -------
    dict
        The study, to be loaded or saved as YAML.

    Raises
    ------
    ConfigurationError
        For a cohort that cannot be read or is there twice, and for scenarios of different parameter sets.
    """
    for item in cohorts:
        if not isinstance(item, str | Path):
            raise refuse_type(item, "a path or a built-in name of a cohort")
    written = [str(item) for item in cohorts]
    trials = _published_trials(written)
    named = _common_set(trials)
    fixed = {name for name, item in load_parameters(named).parameters.items() if item.prior.distribution == "fixed"}
    families = {
        family: [name for name in names if name not in fixed] for family, names in families_of(trials.values()).items()
    }
    between = {
        family.name: {"parameters": families[family.name], "sd": family.sd}
        for family in FAMILIES
        if families.get(family.name)
    }
    return {
        "study": "calibrate",
        "name": "-".join(trials)[:_LONGEST_NAME],
        "title": f"{_listed(list(trials))} calibrated together",
        "cohorts": written,
        "parameters": os.path.relpath(named) if is_path(named) else named,
        "between_trials": between,
        "own": families.get(OWN, []),
    }


def _published_trials(cohorts: Sequence[str]) -> dict[str, Scenario]:
    """The published trial of each cohort, by the cohort's name."""
    trials: dict[str, Scenario] = {}
    problems: list[Problem] = []
    for written in cohorts:
        try:
            trial = load_published_trial(written)
        except ConfigurationError as error:
            problems += error.problems
            continue
        name = trial.cohort.name if trial.cohort is not None else written
        if name in trials:
            problems.append(Problem("", written, f"the cohort {name} is there twice.", "each cohort once."))
        trials[name] = trial
    if problems:
        raise ConfigurationError(list(dict.fromkeys(problems)))
    return trials


def _common_set(trials: dict[str, Scenario]) -> str:
    """The parameter set of all trials. Raises `ConfigurationError` where they have several, or none."""
    sets = {name: trial.parameters.calibrated_to or "" for name, trial in trials.items()}
    number = Counter(sets.values())
    if len(number) == 1 and "" not in number:
        return next(iter(number))
    listed = ", ".join(f"{name} ({trials[name].name}): {sets[name] or 'none'}" for name in trials)
    problem = f"the scenarios of these cohorts have different parameter sets: {listed}."
    raise ConfigurationError([Problem("", " ".join(trials), problem, f"{_BETTER}.")])


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
