"""Changes by dotted key: where each is from, so that its problems can say so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trialsim.config.source.plain_data import MAX_DEPTH, TOO_DEEP, Place
from trialsim.errors import ConfigurationError, Problem


class Settings(dict[str, Any]):
    """Changes that options of the command line ask for: their problems name the option."""


def places_of_changes(changes: Mapping[str, Any]) -> dict[str, str]:
    """Each dotted key with where it is from, in words: the option, or the change itself."""
    origin = "--set" if isinstance(changes, Settings) else "change"
    return {key: f"{origin} {key[:100].encode('utf-8', 'backslashreplace').decode()}" for key in map(str, changes)}


def place_of_key(dotted: str) -> Place:
    """A dotted key as a place; whole numbers are positions in lists. Raises `ConfigurationError` for one too deep."""
    parts = dotted.split(".")
    if len(parts) > MAX_DEPTH:
        problem, allowed = TOO_DEEP
        raise ConfigurationError([Problem("", f"{dotted[:40]}…", f"{problem}.", f"{allowed}.")])
    return tuple(int(part) if part.isdecimal() and part.isascii() and len(part) < 10 else part for part in parts)
