"""Opening files: only regular ones, so that a pipe, a device or a folder is refused in words and never waited for."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

_KINDS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


class UnsuitableFileError(OSError):
    """A path that holds something else than a regular file, or a file that is too large; `strerror` says which."""


def open_regular(path: Path) -> BinaryIO:
    """A regular file, opened to be read. Raises `OSError`; `UnsuitableFileError` for anything else than a file.

    The kind is looked at before the file is opened, as opening some devices has effects, and again afterwards.
    """
    _check_kind(path.stat(), path)
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _check_kind(os.fstat(descriptor), path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path, max_bytes: int) -> bytes:
    """The bytes of a regular file. Raises `OSError`; `UnsuitableFileError` if there are more than `max_bytes`."""
    with open_regular(path) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise UnsuitableFileError(errno.EFBIG, f"it is larger than {max_bytes / 1e6:g} MB", str(path))
    return content


def is_file(path: Path) -> bool:
    """Whether a path leads to a regular file; False too for a name that no file system takes."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def other_kind(path: Path) -> str:
    """What a path holds if it is not a regular file ("a pipe"); empty for a file, and where there is nothing."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return ""
    return _kind(mode)


def _kind(mode: int) -> str:
    return next((words for is_kind, words in _KINDS if is_kind(mode)), "")


def _check_kind(status: os.stat_result, path: Path) -> None:
    words = _kind(status.st_mode)
    if words:
        raise UnsuitableFileError(errno.EINVAL, f"it is {words}, not a file", str(path))
