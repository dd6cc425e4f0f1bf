"""What no configuration may hold, whether it comes from a file, an option or Python; and keys without values."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

Place = tuple[str | int, ...]

MAX_DEPTH: Final = 60
MAX_NUMBER: Final = 1e300
MAX_KEY: Final = 200
TOO_DEEP: Final = ("this is nested too deeply", f"at most {MAX_DEPTH} levels")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def unusable(data: Any, place: Place = ()) -> Iterator[tuple[Place, str, str]]:
    """The places of plain data with what is wrong there and what is allowed; nothing for usable data."""
    if len(place) > MAX_DEPTH:
        yield place, *TOO_DEEP
    elif isinstance(data, Mapping):
        for key, value in data.items():
            text = str(key)
            if _SURROGATE.search(text) or len(text) > MAX_KEY:
                shown = text[:40].encode("ascii", "backslashreplace").decode("ascii")
                yield (*place, shown), "this cannot be a key", f"at most {MAX_KEY} characters of valid Unicode"
            else:
                yield from unusable(value, (*place, key if isinstance(key, int) else text))
    elif isinstance(data, list | tuple):
        for i, value in enumerate(data):
            yield from unusable(value, (*place, i))
    elif isinstance(data, str):
        if _SURROGATE.search(data):
            yield place, "the text has a character that is not valid Unicode (half of a surrogate pair)", "Unicode text"
    elif isinstance(data, int | float) and not (math.isfinite(data) if isinstance(data, float) else True):
        yield place, "this number is not finite", "a finite number"
    elif isinstance(data, int) and abs(data) > MAX_NUMBER:
        yield place, "this number is too large", f"a number of at most {MAX_NUMBER:g}"


def explain_empty_key(key: str) -> tuple[str, str, str] | None:
    """What is wrong, allowed and meant where a key without a value is a slip in what precedes it; None otherwise."""
    name, colon, value = key.partition(":")
    if colon and name.strip() and value.strip():
        problem = "this key has no value: a space is missing after the colon"
        return problem, "`key: value`, with a space after the colon", f"{name.strip()}: {value.strip()}"
    if re.fullmatch(r"\s*\d+\s*(%|[a-zA-Zµ/ ]{1,20})?", key):
        problem = "this key has no value: inside braces a comma ends the value before it"
        return problem, "a decimal point, such as 0.5, and no comma in a number", ""
    return None
