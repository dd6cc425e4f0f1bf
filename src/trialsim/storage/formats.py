"""The formats that pictures are written in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from trialsim.errors import RequestError

FORMATS: Final = ("png", "svg", "pdf")
DEFAULT_FORMATS: Final = ("png",)


def check_formats(formats: Sequence[str]) -> None:
    """Refuse what no picture is written in; no format is no picture. Raises `RequestError`."""
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or isinstance(formats, str):
        what = f"figures = {formats if isinstance(formats, str) else ','.join(formats)}"
        raise RequestError(what, "not formats of pictures.", f"one or several of {', '.join(FORMATS)}, or none: ().")


def remove_pictures(folder: Path) -> None:
    """Remove the pictures of a folder of results that is being written."""
    for path in folder.iterdir():
        if path.suffix.removeprefix(".") in FORMATS:
            path.unlink()
