"""What comes with the package, with a line each."""

from __future__ import annotations

from trialsim.config.source.builtin import builtin_folder, builtin_names
from trialsim.config.source.yaml import read_yaml

_COMMANDS = {"scenarios": "run", "cohorts": "calibrate"}


def builtin_titles(kind: str) -> dict[str, str]:
    """The title of every built-in configuration of a kind, by name."""
    return {name: str(_content(kind, name).get("title", "")) for name in builtin_names(kind)}


def command_of(kind: str, name: str) -> str:
    """The command that a built-in configuration is for; none for a strategy, which a study names."""
    return str(_content(kind, name).get("study", "")) if kind == "studies" else _COMMANDS.get(kind, "")


def _content(kind: str, name: str) -> dict[str, object]:
    return read_yaml(builtin_folder() / kind / f"{name}.yaml")[0]
