"""Where configurations are found: a YAML path, or the name of one that comes with the package."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from trialsim.config.source.yaml import read_yaml
from trialsim.errors import ConfigurationError, Problem
from trialsim.files.regular import is_file, other_kind

KINDS: Final = ("scenarios", "cohorts", "parameters", "studies")
STUDIES: Final = ("compare", "size", "calibrate")
SCHEMAS: Final = ("scenario", "cohort", "parameters", "study")  # kinds of file that a JSON Schema describes
DRAWS_ENDINGS: Final = (".parquet", ".csv")  # of a table of draws
# What a file may hold, in words and with the command or the key that takes it; {} is its name.
_USES: Final = {
    "scenarios": "a scenario: trialsim run {}",
    "cohorts": "a published cohort: trialsim calibrate {}",
    "parameters": "a set of parameters, for a scenario: `parameters: {{calibrated_to: {}}}`",
    "compare": "a study that compares variants: trialsim compare {}",
    "size": "a study of size: trialsim size {}",
    "calibrate": "a study that calibrates several cohorts together: trialsim calibrate {}",
    "draws": "a table of draws: trialsim run SCENARIO --set parameters={0}, or as the prior of a calibration, "
    "trialsim calibrate COHORT --prior {0}",
    "strategies": "a strategy, for a variant of a study: `variants: {{NAME: {{strategy: {}}}}}`",
}


class WrongKindError(ConfigurationError):
    """A file or built-in name that holds something else than is wanted; a message of one line."""

    def __init__(self, name: str, holds: str, wanted: str, place: str = "", key: str = "") -> None:
        kind = _USES[holds].partition(":")[0]
        if key:  # a command for the file would not help: the key needs another file
            what = f"{key} = {name} is {kind}; {_USES[wanted].partition(':')[0]} is expected here"
        else:
            what = f"{name} is {_USES[holds].format(name)}"
        super().__init__([Problem(place, what, "", "")])


def builtin_folder() -> Path:
    """The folder of the configurations that come with the package (in a wheel, or beside `src` in a checkout)."""
    installed = Path(__file__).parents[2] / "configs"
    return installed if installed.is_dir() else Path(__file__).parents[4] / "configs"


def schema_file(kind: str) -> Path:
    """The JSON Schema of a kind of file, one of `SCHEMAS`, as it comes with the package."""
    return Path(__file__).parents[2] / "schemas" / f"{kind}.schema.json"


def builtin_names(kind: str = "scenarios") -> list[str]:
    """The built-in names of one kind.

    Parameters
    ----------
    kind
        `scenarios`, `cohorts`, `parameters`, `studies` or `strategies`.

    Returns
    -------
    list of str
        The names, sorted.

    Raises
    ------
    ConfigurationError
        For another kind.
    """
    if kind not in (*KINDS, "strategies"):
        kinds = [*KINDS, "strategies"]
        near = difflib.get_close_matches(str(kind), kinds, n=1)
        problem = Problem("", f"{kind}", "there is no such kind.", f"{', '.join(kinds)}.", near[0] if near else "")
        raise ConfigurationError([problem])
    return sorted(path.stem for path in (builtin_folder() / kind).glob("*.yaml"))


def kind_of(name: str) -> str:
    """What a path or a built-in name holds, one of `KINDS` or `strategies`; a scenario if nothing else fits.

    A name that stands for several is the scenario.
    """
    if not is_path(name):
        return next((kind for kind in (*KINDS, "strategies") if name in builtin_names(kind)), KINDS[0])
    holds = kind_of_data(read_yaml(find_file(name, KINDS[0]))[0])
    return "studies" if holds in STUDIES else holds


def kind_of_data(data: Mapping[str, Any]) -> str:
    """What the data of a file hold: one of `KINDS` but `studies`, one of `STUDIES`, or `strategies`."""
    study = data.get("study")
    if isinstance(study, Mapping):  # as a command has saved it
        study = study.get("study")
    if study == "calibrate":
        return "calibrate"
    if "study" in data or ("scenario" in data and {"endpoint", "endpoints", "design", "variants"} & set(data)):
        return "size" if study == "size" or (study != "compare" and "endpoint" in data) else "compare"
    if "statistics" in data:
        return "cohorts"
    if "changes" in data and set(data) <= {"title", "description", "name", "changes"}:
        return "strategies"
    is_scenario = bool({"events", "extends", "treatment", "accrual"} & set(data))
    return "parameters" if "parameters" in data and not is_scenario else KINDS[0]


def require_kind(data: Mapping[str, Any], name: str, wanted: str, place: str = "", key: str = "") -> None:
    """Raise `WrongKindError` where the data of a file are of another kind; `place` and `key` name the file."""
    holds = kind_of_data(data)
    if holds != wanted:
        raise WrongKindError(name, holds, wanted, place, key)


def is_path(name: str) -> bool:
    """Whether a name is a path and not a built-in name."""
    return name.endswith((".yaml", ".yml")) or "/" in name or "\\" in name


def find_file(name: str, kind: str, beside: Path | None = None, place: str = "", key: str = "") -> Path:
    """The file for a path or a built-in name; a relative path is also looked for beside the file that names it.

    `place` and `key` are where that file names it. Raises `ConfigurationError` with the nearest built-in name.
    """
    if name.lower().endswith(DRAWS_ENDINGS):
        raise WrongKindError(name, "draws", kind, place, key)
    by_path = is_path(name)
    candidates = [Path(name)]
    if beside is not None and by_path:
        candidates.insert(0, beside.parent / name)
    if not by_path:
        candidates = [builtin_folder() / kind / f"{name}.yaml"]
    for candidate in candidates:
        if is_file(candidate):
            return candidate
    names = builtin_names(kind)
    what = f"{key} = {name}" if key else name
    others = [other for other in (*KINDS, "strategies") if name in builtin_names(other)]
    if others:
        raise WrongKindError(name, _builtin_kind(name, others[0]), kind, place, key)
    kinds_there = [words for candidate in candidates if (words := other_kind(candidate))]
    allowed = f"a YAML path, or one of {', '.join(names)}."
    if kinds_there:
        raise ConfigurationError([Problem(place, what, f"this is {kinds_there[0]}, not a file.", allowed)])
    near = difflib.get_close_matches(Path(name).stem, names, n=1)
    if not near and not key:  # a command may have been given a name of another kind
        near = difflib.get_close_matches(
            name, [other for each_kind in KINDS for other in builtin_names(each_kind)], n=1
        )
    problem = "there is no such file." if by_path else f"there is no built-in name like this in {kind}."
    raise ConfigurationError([Problem(place, what, problem, allowed, near[0] if near else "")])


def _builtin_kind(name: str, kind: str) -> str:
    return kind_of_data(read_yaml(builtin_folder() / kind / f"{name}.yaml")[0]) if kind == "studies" else kind
