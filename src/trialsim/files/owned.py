"""Files that are ours: regular files of this user, opened without following links, written whole or not at all.

A folder that others may write can hold a link, a pipe or a file of theirs under any name. What is opened here is looked
at after it is open, so that nothing can be put in its place between the look and the use.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Final

LARGEST_READ: Final = 2**31  # bytes of a file that is read into memory at once
NEW: Final = ".new"  # ends the name of a file that is being written
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)  # Windows has none of the three, nor links that any user may make
_NO_WAIT: Final = getattr(os, "O_NONBLOCK", 0)  # a pipe without a writer would be waited for
_BINARY: Final = getattr(os, "O_BINARY", 0)
_CHECKSUM_MARK: Final = b"\nsha256 "
_CHECKSUM_LENGTH: Final = len(_CHECKSUM_MARK) + 64 + 1


class NotOursError(OSError):
    """Something stands in the place of a file of ours: a link, a pipe, a folder, a file of another user."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(0, what, str(path))


def open_own(path: Path, flags: int, owner: int | None = None) -> int:
    """The descriptor of a regular file of this user (or of `owner`), which must have no second name.

    Raises `NotOursError` for anything else, and changes nothing then; `OSError` as `os.open` does.
    """
    descriptor = _open(path, flags)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NotOursError(path, "it is not a regular file")
        if status.st_nlink > 1:
            raise NotOursError(path, "the file has a second name (a hard link)")
        if hasattr(os, "geteuid") and status.st_uid != (os.geteuid() if owner is None else owner):
            raise NotOursError(path, "the file belongs to another user")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _open(path: Path, flags: int) -> int:
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        kind = stat.S_IFREG
    if stat.S_ISLNK(kind):
        raise NotOursError(path, "it is a link, and links are not followed")
    if not stat.S_ISREG(kind):
        raise NotOursError(path, "it is not a regular file")
    return os.open(path, flags | _NO_LINK | _NO_WAIT | _BINARY | getattr(os, "O_CLOEXEC", 0), 0o600)


def read_regular(path: Path, most: int = LARGEST_READ) -> bytes:
    """What a regular file holds, links followed. Raises `OSError` for a pipe, a device or more than `most` bytes."""
    with open(os.open(path, os.O_RDONLY | _NO_WAIT | _BINARY), "rb") as file:  # noqa: PTH123  # of a descriptor
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise NotOursError(path, "it is not a regular file")
        if status.st_size > most:
            raise NotOursError(path, f"the file has {status.st_size:,} bytes, more than {most:,}")
        return file.read(most + 1)


def write_own(path: Path, content: bytes, owner: int | None = None) -> None:
    """Write a file under a temporary name and move it into place: it is there whole or not at all."""
    unnamed = path.with_name(path.name + NEW)
    unnamed.unlink(missing_ok=True)  # a link goes, not what it points to
    try:
        with open(open_own(unnamed, os.O_WRONLY | os.O_CREAT | os.O_EXCL, owner), "wb") as file:
            file.write(content)
        unnamed.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            unnamed.unlink(missing_ok=True)
        raise


def write_checked(path: Path, content: bytes, salt: bytes, owner: int | None = None) -> None:
    """Write a file with a checksum at its end; `salt` says what it belongs to."""
    write_own(path, content + _checksum(salt, content), owner)


def read_checked(path: Path, salt: bytes, owner: int | None = None) -> bytes | None:
    """What `write_checked` wrote; None for a file that does not fit its checksum. Raises `OSError` if there is none."""
    with open(open_own(path, os.O_RDONLY, owner), "rb") as file:
        checked_content = file.read()
    content = checked_content[:-_CHECKSUM_LENGTH]
    return content if checked_content == content + _checksum(salt, content) else None


def _checksum(salt: bytes, content: bytes) -> bytes:
    digest = hashlib.sha256(len(salt).to_bytes(8, "little") + salt + content).hexdigest()
    return _CHECKSUM_MARK + digest.encode("ascii") + b"\n"


def is_own_folder(path: Path, owner: int | None = None) -> bool:
    """Whether this is a folder of this user (or of `owner`), and no link to one."""
    status = path.lstat()
    is_ours = not hasattr(os, "geteuid") or status.st_uid == (os.geteuid() if owner is None else owner)
    return stat.S_ISDIR(status.st_mode) and is_ours


def owner_of_new_files(folder: Path) -> int:
    """Who a file belongs to that this user makes in a folder; some network drives give it to another one."""
    with tempfile.TemporaryFile(dir=folder) as file:
        return os.fstat(file.fileno()).st_uid
