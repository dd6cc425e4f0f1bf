"""What is wrong in a configuration, as problems in four parts with file and line."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from trialsim.config.source.plain_data import unusable
from trialsim.config.source.yaml import Place, Places, place_of
from trialsim.errors import ConfigurationError, Problem

# A mistake found in a configuration: its place, the value, what is wrong, what is allowed, what was meant.
Finding = tuple[Place, Any, str, str, str]


def refuse_unusable(data: Any, places: Places) -> None:
    """Raise `ConfigurationError` for what no configuration may hold, such as numbers that are not finite."""
    problems = [
        problem_at(places, place, None, problem, allowed, kind="missing") for place, problem, allowed in unusable(data)
    ]
    if problems:
        raise ConfigurationError(problems)


def problem_at(
    places: Places, place: Place, value: Any, wrong: str, allowed: str, suggestion: str = "", kind: str = ""
) -> Problem:
    """One problem; the value is shown unless it is missing or long."""
    dotted = ".".join(str(part) for part in place)
    shown = "" if kind == "missing" else short_form(value)
    what = f"{dotted} = {shown}" if shown and kind != "extra_forbidden" else dotted
    return Problem(place_of(places, place), what, f"{wrong.rstrip('.')}.", f"{allowed.rstrip('.')}.", suggestion)


def nearest(word: str, words: list[str]) -> str:
    """The known word nearest to one that is not known; empty where none is near."""
    close = difflib.get_close_matches(str(word), words, n=1, cutoff=0.6)
    return close[0] if close else ""


def short_form(value: Any) -> str:
    """A value as a message shows it: on one line, at most 60 characters."""
    if isinstance(value, BaseModel):
        value = value.model_dump()
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key}: {short_form(item)}" for key, item in value.items() if item is not None)
        text = "{" + inner + "}"
    elif isinstance(value, list):
        text = f"[{', '.join(short_form(item) for item in value)}]"
    else:
        text = " ".join(str(value).split())
    return text if len(text) <= 60 else text[:57] + "…"
