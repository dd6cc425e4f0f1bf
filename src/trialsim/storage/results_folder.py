"""Where a results folder may be written: a new folder, or one that holds results of the same configuration."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from trialsim.config.describe.differences import differences
from trialsim.errors import ConfigurationError, DestinationError
from trialsim.storage.layouts import LAYOUTS
from trialsim.storage.manifest import MANIFEST, as_stored, read_manifest

FILES: Final = frozenset({MANIFEST}).union(*(layout.file_names for layout in LAYOUTS.values()))
_ALLOWED: Final = "a new folder, an empty one, or a results folder to replace, where you may write"
_MOST_DIFFERENCES: Final = 10
_LONGEST_VALUE: Final = 60


def check_destination(
    destination: Path, configuration: Mapping[str, Any] | None = None, overwrite: bool = False
) -> Path:
    """The place for a results folder, links resolved; `DestinationError` if it could not be put there.

    A folder is replaced only if everything in it was written by a run; anything else in it is the user's. If a
    `configuration` is given (see `Manifest.configuration`), results of another one are replaced only with
    `overwrite`.
    """
    try:
        str(destination).encode("utf-8")
        place = destination.resolve()
        str(place).encode("utf-8")
        if place == Path.cwd():
            raise _refused(destination, "this is the folder that you are in.")
        if place.is_dir():
            _check_replaceable(destination, place, configuration, overwrite)
        elif os.path.lexists(place):
            problem = "this is a link that leads to itself." if place.is_symlink() else "this is a file."
            raise _refused(destination, problem)
        nearest = next(folder for folder in place.parents if folder.exists())
    except UnicodeEncodeError as error:
        name = ascii(str(destination))
        raise DestinationError(f"--out {name}", "the name is not UTF-8.", "a name in UTF-8.") from error
    except OSError as error:
        raise _refused(destination, f"{error.strerror}.") from error
    except RuntimeError as error:  # before Python 3.13
        raise _refused(destination, "this is a link that leads to itself.") from error
    except ValueError as error:
        raise DestinationError(f"--out {str(destination)!a}", f"{error}.", f"{_ALLOWED}.") from error
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise _refused(destination, f"{nearest} cannot be written.")
    return place


def is_result_file(name: str) -> bool:
    """Whether a command writes files of this name into a results folder."""
    return name in FILES or any(fnmatchcase(name, pattern) for pattern in FILES if "*" in pattern)


def _check_replaceable(
    destination: Path, place: Path, configuration: Mapping[str, Any] | None, overwrite: bool
) -> None:
    """Raises `DestinationError` for a folder that holds anything but results that may be replaced."""
    paths = sorted(place.iterdir())
    others = [path.name for path in paths if not is_result_file(path.name) or not stat.S_ISREG(path.lstat().st_mode)]
    if others:
        raise _refused(destination, f"the folder holds something else than results ({others[0]}).")
    if not paths:
        return
    try:
        earlier = read_manifest(place / MANIFEST).configuration
    except ConfigurationError as error:
        problem = error.problems[0]
        message = f"{MANIFEST}, {problem.what}: {problem.wrong}" if problem.what else f"{MANIFEST}: {problem.wrong}"
        raise _refused(destination, f"the folder holds something else than results.\n  {message}") from error
    if configuration is None or overwrite:
        return
    differing = shown_differences(earlier, configuration)
    if differing:
        message = f"the folder holds results of another configuration.\n  {differing}"
        allowed = "another folder, or --overwrite to replace them."
        raise DestinationError(f"--out {destination}", message, allowed)


def shown_differences(there: Any, here: Any, without: Collection[str] = ()) -> str:
    """Where two configurations differ, a line each, long values cut; empty if they do not, or only in `without`."""
    items = [item for item in differences(there, as_stored(here)) if item.key not in without]
    lines = [str(replace(item, there=_cut(item.there), here=_cut(item.here))) for item in items[:_MOST_DIFFERENCES]]
    return "\n  ".join([*lines, f"and {len(items) - len(lines)} more"] if len(items) > len(lines) else lines)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _refused(destination: Path, why: str) -> DestinationError:
    return DestinationError(f"--out {destination}", why, f"{_ALLOWED}.")
