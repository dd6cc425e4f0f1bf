"""The command `check`: what files say, in plain language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialsim.errors import ConfigurationError, Problem, RequestError
from trialsim.report.description import describe

if TYPE_CHECKING:
    from trialsim.config.loading.kinds import ConfigurationLike


def check(
    given: ConfigurationLike | Sequence[ConfigurationLike], changes: Mapping[str, Any] | None = None, width: int = 100
) -> list[str]:
    """A synopsis in plain language of each scenario, study, cohort or parameter set.

    Parameters
    ----------
    given
        One of them, or a list: each a YAML path, a built-in name, a mapping, or loaded.
    changes
        Values by dotted key, which take the place of those of each file.
    width
        The largest number of columns of a line.

    Returns
    -------
    list of str
        One text for each that was given.

    Raises
    ------
    ConfigurationError
        With the problems of all of them: every file is read before any complaint.
    """
    items: list[Any] = list(given) if isinstance(given, list | tuple) else [given]
    texts: list[str] = []
    problems: list[Problem] = []
    for item in items:
        try:
            texts.append(describe(item, changes or {}, width))
        except ConfigurationError as error:
            problems += error.problems
        except RequestError as error:
            place = f"{item}:" if isinstance(item, str | Path) else "study"
            problems.append(error.problem if error.problem.place else replace(error.problem, place=place))
    if problems:
        raise ConfigurationError(_each_once(problems))
    return texts


def _each_once(problems: Sequence[Problem]) -> list[Problem]:
    """Problems without those that several files tell of one place, such as a scenario of its cohort."""
    told: dict[tuple[str, ...], Problem] = {}
    for problem in problems:
        told.setdefault((problem.place, problem.what.removeprefix("cohort."), problem.wrong), problem)
    return list(told.values())
