"""What a caller in Python gives in the place of a file: a mapping as YAML would be read, or an object."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import BaseModel

from trialsim.errors import ConfigurationError, Problem

MAX_DEPTH: Final = 60
_PLAIN: Final = (str, bool, int, float, dt.date, type(None))


def plain_mapping(data: Mapping[Any, Any], what: str) -> dict[str, Any]:
    """A mapping as YAML would be read: keys are texts, tuples are lists, numbers of numpy are plain numbers.

    `what` says what the mapping is, for messages. Raises `ConfigurationError` for values that no file could hold.
    """
    problems: list[Problem] = []
    plain = {str(key): _plain(value, (what, str(key)), problems) for key, value in data.items()}
    if problems:
        raise ConfigurationError(problems)
    return plain


def _plain(value: Any, place: tuple[str, ...], problems: list[Problem]) -> Any:
    if len(place) > MAX_DEPTH:
        problems.append(Problem(place[0], f"{place[1]}…", "this is nested too deeply.", f"at most {MAX_DEPTH} levels."))
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, BaseModel):
        value = value.model_dump(by_alias=True)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date()  # such as a pandas Timestamp
    if isinstance(value, Mapping):
        return {str(key): _plain(item, (*place, str(key)), problems) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset | range | np.ndarray):
        return [_plain(item, (*place, str(i)), problems) for i, item in enumerate(value)]
    if not isinstance(value, _PLAIN):
        problem = f"a {type(value).__name__} cannot stand in a configuration."
        problems.append(
            Problem(place[0], ".".join(place[1:]), problem, "texts, numbers, dates, lists and mappings of them.")
        )
    return value


def refuse_type(given: object, wanted: str, suggestion: str = "") -> ConfigurationError:
    """The error for something that is neither a name, a path, a mapping nor the wanted object."""
    allowed = f"a YAML path, a built-in name, a mapping, or the object of {wanted}."
    return ConfigurationError([Problem("", f"{given!r:.60}", f"this is not {wanted}.", allowed, suggestion)])
