"""Where machine code is kept for the next process, and how what was kept is trusted.

numba's own cache watches only the file of a cached function: edit a rule in another module and the compiled kernel
would silently keep the old rule. So machine code is kept in a folder that is named by a digest of every source file of
this package, of the compiler's version and of the processor. Another source, another folder.

Loading machine code runs it. It is loaded only from a folder that nobody else can write, and only from files that fit
their checksums; any other file is removed and compiled anew. Where there is no such folder, nothing is kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import re
import shutil
import stat
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import numba
from llvmlite import binding
from numba.core import compiler, serialize
from numba.core.caching import _Cache
from platformdirs import user_cache_dir

from trialsim.compiled.source_digest import PACKAGE, source_digest
from trialsim.files.owned import is_own_folder, read_checked, write_checked

CACHE_VARIABLE: Final = "TRIALSIM_CACHE_DIR"
CODE: Final = ".code"
_FOLDERS_KEPT: Final = 5
_NAME: Final = re.compile(r"compiled-[0-9a-f]{16}")
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def cache_folder() -> Path | None:
    """The folder of the machine code of these sources; None where no folder can be written by us alone."""
    return _folder_and_problem()[0]


def cache_problem() -> str:
    """Why no machine code is kept; empty if it is."""
    return _folder_and_problem()[1]


@cache
def _folder_and_problem() -> tuple[Path | None, str]:
    tools = f"{sys.version} {numba.__version__} {binding.get_host_cpu_name()} {PACKAGE}"
    digest = hashlib.sha256((source_digest() + tools).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    try:
        home = Path(os.path.realpath(os.environ.get(CACHE_VARIABLE) or user_cache_dir("trialsim")))
        folder = home / f"compiled-{digest}"
        _make_private(folder)
        problem = _problem_of(folder)
        if problem:
            return None, problem
        os.utime(folder)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        return None, f"{os.environ.get(CACHE_VARIABLE) or 'the cache folder'} cannot be used: {error}"
    if not os.access(folder, os.W_OK):
        return None, f"{folder} cannot be written"
    with contextlib.suppress(OSError):  # another process may be removing them too
        _forget_old_folders(home)
    return folder, ""


def _make_private(folder: Path) -> None:
    """Make a folder and the parents that it lacks, for this user alone."""
    for path in reversed((folder, *folder.parents)):
        if not path.exists():
            with contextlib.suppress(FileExistsError):  # another process was quicker
                path.mkdir(mode=0o700)


def _problem_of(folder: Path) -> str:
    """Why others could put code of theirs into a folder, or another folder in its place; empty if they cannot."""
    if not hasattr(os, "geteuid"):  # Windows: each user's folders are protected by access lists
        return ""
    if not is_own_folder(folder):
        return f"{folder} is not a folder of this user"
    if folder.stat().st_mode & _OTHERS_WRITE:
        return f"others may write {folder}; forbid it: chmod 700 {folder}"
    trusted = {0, os.geteuid(), Path("/").stat().st_uid}  # whoever owns the root of the files is trusted with all
    for parent in folder.parents:
        status = parent.stat()
        if status.st_uid not in trusted:
            return f"{parent} belongs to another user"
        if _is_open_to_others(status):
            return f"others may write {parent}; forbid it: chmod go-w {parent}"
    return ""


def _is_open_to_others(status: os.stat_result) -> bool:
    """Whether others may rename what is in a folder; where the sticky bit is set, only its owner may."""
    if status.st_mode & stat.S_ISVTX:
        return False
    return bool(status.st_mode & stat.S_IWOTH) or bool(
        status.st_mode & stat.S_IWGRP and not _is_group_of_one(status.st_gid)
    )


def _is_group_of_one(group: int) -> bool:
    """Whether a group is the user's private one, which many systems make for each user."""
    import grp  # noqa: PLC0415  # Windows has neither
    import pwd  # noqa: PLC0415

    try:
        user, group_entry = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return False
    return user.pw_gid == group and group_entry.gr_name == user.pw_name and set(group_entry.gr_mem) <= {user.pw_name}


def _forget_old_folders(home: Path) -> None:
    """Remove the folders of sources that were used longest ago, a day old at least; only our own."""
    folders = [path for path in home.iterdir() if _NAME.fullmatch(path.name) and is_own_folder(path)]
    folders.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for folder in folders[_FOLDERS_KEPT:]:
        if time.time() - folder.stat().st_mtime > 86_400.0:
            shutil.rmtree(folder, ignore_errors=True)


class CodeCache(_Cache):  # type: ignore[misc]  # numba has no types
    """The machine code of one function in a folder: a file for each kind of arguments."""

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        self._function = function
        self._folder = folder

    @property
    def cache_path(self) -> str:
        """The folder, as numba's statistics name it."""
        return str(self._folder)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The machine code for a signature; None if it is not kept, or if what is kept is damaged."""
        target_context.refresh()
        key = self._key(sig, target_context.codegen())
        path = self._path(key)
        content = _read(path)
        if content is None:
            return None
        kept_key, payload = pickle.loads(content)  # only we can write there, and the checksum fits
        return compiler.CompileResult._rebuild(target_context, *payload) if kept_key == key else None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the machine code for a signature; where there is no room, the next process compiles it anew."""
        if data.lifted or data.library.has_dynamic_globals:  # it holds addresses of this process
            return
        key = self._key(sig, data.codegen)
        path = self._path(key)
        with contextlib.suppress(OSError):
            write_checked(path, serialize.dumps((key, data._reduce())), path.name.encode("utf-8"))

    def _key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        """What the machine code depends on besides the sources, which name the folder."""
        return sig, codegen.magic_tuple(), hashlib.sha256(self._function.__code__.co_code).hexdigest()

    def _path(self, key: tuple[Any, ...]) -> Path:
        digest = hashlib.sha256(repr(key).encode("utf-8")).hexdigest()[:32]
        return self._folder / f"{_prefix(self._function)}{digest}{CODE}"

    def enable(self) -> None:
        """Nothing to do: it is always on."""

    def disable(self) -> None:
        """Nothing to do: it is always on."""

    def flush(self) -> None:
        """Forget what is kept."""
        for path in _files(self._function, self._folder):
            _forget(path)


def has_code(function: Callable[..., Any], folder: Path) -> bool:
    """Whether undamaged machine code of a function is kept in a folder."""
    return any(_read(path) is not None for path in _files(function, folder))


def _prefix(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}-"


def _files(function: Callable[..., Any], folder: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return [path for path in folder.iterdir() if path.name.startswith(_prefix(function)) and path.suffix == CODE]
    return []


def _read(path: Path) -> bytes | None:
    """What is kept in a file; None if nothing is, or if it is damaged, and then it is removed."""
    try:
        content = read_checked(path, path.name.encode("utf-8"))
    except FileNotFoundError:
        return None
    except OSError:
        content = None
    if content is None:
        _forget(path)
    return content


def _forget(path: Path) -> None:
    """Remove a file of our folder, or whatever has taken its place."""
    with contextlib.suppress(OSError):
        if stat.S_ISDIR(path.lstat().st_mode):
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
