"""Where configurations are found: a YAML path, or the name of one that comes with the package."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from trialsim.config.yaml_lines import read_yaml
from trialsim.errors import ConfigurationError, Problem

KINDS: Final = ("scenarios", "cohorts", "parameters", "studies")


def builtin_folder() -> Path:
    """The folder of the configurations that come with the package (in a wheel, or beside `src` in a checkout)."""
    installed = Path(__file__).parent.parent / "configs"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "configs"


def builtin_names(kind: str = "scenarios") -> list[str]:
    """The built-in names of one kind (`scenarios`, `cohorts`, `parameters`, `studies`, `strategies`), sorted.

    Raises `ConfigurationError` for another kind.
    """
    if kind not in (*KINDS, "strategies"):
        kinds = [*KINDS, "strategies"]
        near = difflib.get_close_matches(str(kind), kinds, n=1)
        problem = Problem("", f"{kind}", "there is no such kind.", f"{', '.join(kinds)}.", near[0] if near else "")
        raise ConfigurationError([problem])
    return sorted(path.stem for path in (builtin_folder() / kind).glob("*.yaml"))


def kind_of(name: str) -> str:
    """What a path or a built-in name holds, one of `KINDS`; a scenario if nothing else fits.

    A name that stands for several is the scenario.
    """
    if not is_path(name):
        return next((kind for kind in KINDS if name in builtin_names(kind)), KINDS[0])
    return kind_of_keys(read_yaml(find_file(name, KINDS[0]))[0])


def kind_of_keys(keys: Mapping[str, Any]) -> str:
    """What plain data hold, by their keys; a scenario if nothing else fits."""
    if "study" in keys:
        return "studies"
    if "figures" in keys:
        return "cohorts"
    return "parameters" if "parameters" in keys and "events" not in keys and "extends" not in keys else KINDS[0]


def is_path(name: str) -> bool:
    """Whether a name is a path and not a built-in name."""
    return name.endswith((".yaml", ".yml")) or "/" in name or "\\" in name


def find_file(name: str, kind: str, beside: Path | None = None) -> Path:
    """The file for a path or a built-in name; a relative path is also looked for beside the file that names it.

    Raises `ConfigurationError` with the nearest built-in name.
    """
    by_path = is_path(name)
    candidates = [Path(name)]
    if beside is not None and by_path:
        candidates.insert(0, beside.parent / name)
    if not by_path:
        candidates = [builtin_folder() / kind / f"{name}.yaml"]
    for candidate in candidates:
        with contextlib.suppress(OSError):  # a name that no file system takes
            if candidate.is_file():
                return candidate
    names = builtin_names(kind)
    near = difflib.get_close_matches(Path(name).stem, names, n=1)
    wrong = "there is no such file." if by_path else f"there is no built-in name like this in {kind}."
    allowed = f"a YAML path, or one of {', '.join(names)}."
    raise ConfigurationError([Problem(name, "", wrong, allowed, near[0] if near else "")])
