"""The shipped strategy that an arm or a variant names, as the changes that it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from trialsim.config.source.builtin import find_file, require_kind
from trialsim.config.source.yaml import read_yaml
from trialsim.errors import ConfigurationError, Problem

STRATEGY: Final = "strategy"


def expand_strategy(changes: Mapping[str, Any], beside: Path | None, place: str) -> dict[str, Any]:
    """Changes by dotted key in which those of a `strategy` come first.

    `beside` is the file that names the strategy, and `place` its line. Raises `ConfigurationError`.
    """
    own = dict(changes)
    strategy = own.pop(STRATEGY, None)
    if strategy is None:
        return own
    file = find_file(str(strategy), "strategies", beside, place, STRATEGY)
    data, _ = read_yaml(file)
    require_kind(data, str(strategy), "strategies", place, STRATEGY)
    of_strategy = data.get("changes")
    unknown = sorted(set(data) - {"title", "description", "changes"})
    if not isinstance(of_strategy, Mapping) or unknown:
        problem = f"{unknown[0]} is not known here." if unknown else "a strategy has `changes` by dotted key."
        allowed = "title, description, and `changes` by dotted key."
        raise ConfigurationError([Problem(str(file), "", problem, allowed)])
    return {**of_strategy, **own}
