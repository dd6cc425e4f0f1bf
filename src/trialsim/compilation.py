"""The compiler, in one place: what is compiled, and where its machine code is kept. Nothing else imports numba.

numba's own cache watches only the file of a cached function: edit a rule in another module and the compiled kernel
would silently keep the old rule. So the machine code is kept in a folder that is named by a digest of every source
file of this package, of the compiler's version and of the processor. Another source, another folder.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeVar

os.environ.setdefault("NUMBA_DISABLE_INTEL_SVML", "1")  # its logarithm differs from the C library's in the last bit

import numba
import numpy as np
from llvmlite import binding
from numba.extending import intrinsic, register_jitable
from platformdirs import user_cache_dir

from trialsim.source_digest import PACKAGE, source_digest

Function = TypeVar("Function", bound=Callable[..., Any])

CACHE_VARIABLE: Final = "TRIALSIM_CACHE_DIR"
_FOLDERS_KEPT: Final = 5
_PREFIX: Final = "compiled-"


@cache
def cache_folder() -> Path | None:
    """The folder of the machine code of these sources; None where no folder can be written."""
    tools = f"{sys.version} {numba.__version__} {binding.get_host_cpu_name()} {PACKAGE}"
    digest = hashlib.sha256((source_digest() + tools).encode("utf-8")).hexdigest()[:16]
    home = Path(os.environ.get(CACHE_VARIABLE) or user_cache_dir("trialsim"))
    folder = home / f"{_PREFIX}{digest}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
        _forget_old_folders(home)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def _forget_old_folders(home: Path) -> None:
    """Remove the folders of sources that were used longest ago, a day old at least."""
    folders = sorted(home.glob(f"{_PREFIX}*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for folder in folders[_FOLDERS_KEPT:]:
        if time.time() - folder.stat().st_mtime > 86_400.0:
            shutil.rmtree(folder, ignore_errors=True)


def compiled(function: Function) -> Function:
    """A function that Python calls, as machine code: compiled at its first call and kept for the next process.

    It runs without Python's lock, so that threads share the cores; no fast-math, which would break the equality of
    the engines.
    """
    folder = cache_folder()
    before = numba.config.CACHE_DIR
    try:
        numba.config.CACHE_DIR = str(folder or "")
        return numba.njit(cache=folder is not None, nogil=True, fastmath=False, error_model="numpy")(function)  # type: ignore[no-any-return]
    finally:
        numba.config.CACHE_DIR = before


def part(function: Function) -> Function:
    """A function that compiled functions call; it becomes part of them and stays plain for Python."""
    return register_jitable(function)  # type: ignore[no-any-return]


def small_part(function: Function) -> Function:
    """A function of a few lines that is put in place of every call, so that loops around it can use vector units."""
    return register_jitable(forceinline=True)(function)  # type: ignore[no-any-return]


def known_to_compiler(*modules: ModuleType) -> None:
    """Let compiled functions call the plain functions of these modules, which stay plain for everyone else."""
    for module in modules:
        for function in vars(module).values():
            if callable(function) and getattr(function, "__module__", "") == module.__name__:
                if isinstance(function, type):
                    continue
                small_part(function)


def is_compiled(function: Callable[..., Any]) -> bool:
    """Whether machine code of a compiled function is there already, in this process or in the cache."""
    if getattr(function, "signatures", None):
        return True
    folder = cache_folder()
    return folder is not None and any(folder.rglob(f"*.{function.__name__}-*.nbi"))


@intrinsic  # type: ignore[untyped-decorator]
def _pointer(typing_context: Any, address: Any) -> Any:  # the compiler's form of an intrinsic
    """An address as a pointer."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(numba.types.voidptr))

    return numba.types.voidptr(numba.types.uint64), generate


@small_part
def table_at(address: Any, n: int, dtype: np.dtype[Any]) -> Any:
    """The table of `n` records or numbers at an address, for compiled functions only.

    Each table that is passed to a compiled function costs a count of its references, and a course makes a hundred
    calls; so tables are passed by address, inside a record. Whoever fills in an address keeps its array alive.
    """
    return numba.carray(_pointer(address), (n,), dtype)
