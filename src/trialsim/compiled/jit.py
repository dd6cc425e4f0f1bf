"""The compiler, in one place: what is compiled and how. Where machine code is kept says `code_cache`.

Nothing else imports numba.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import secrets
from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any, Final, TypeVar

os.environ.setdefault("NUMBA_DISABLE_INTEL_SVML", "1")  # its logarithm differs from the C library's in the last bit

import numba
import numpy as np
from numba.core.bytecode import FunctionIdentity
from numba.extending import intrinsic, register_jitable

from trialsim.compiled.code_cache import CodeCache, cache_folder, cache_problem, has_code

Function = TypeVar("Function", bound=Callable[..., Any])


def _number_from_a_new_start() -> None:
    """Let numba number the functions of this process from a random start.

    numba names machine code by the function, its types and a number that counts from 1 in each process. Two closures,
    such as those of sort and argsort, can then have one name in code that two processes kept, and a third that loads
    both calls the wrong one. A start for each process, forked ones too, keeps the names apart.
    """
    FunctionIdentity._unique_ids = itertools.count(secrets.randbits(62))


_number_from_a_new_start()
if hasattr(os, "register_at_fork"):  # not on Windows, where no process is forked
    os.register_at_fork(after_in_child=_number_from_a_new_start)

IS_COMPILER_OFF: Final = bool(numba.config.DISABLE_JIT)  # NUMBA_DISABLE_JIT: the same functions, as plain Python


def compiled(function: Function) -> Function:
    """A function that Python calls, as machine code: compiled at its first call and kept for the next process.

    It runs without Python's lock, so that threads share the cores; no fast-math, which would break the equality of
    the engines.
    """
    if IS_COMPILER_OFF:
        return _with_fields(function)
    dispatcher = numba.njit(nogil=True, fastmath=False, error_model="numpy", no_cfunc_wrapper=True)(function)
    folder = cache_folder()
    if folder is not None:
        dispatcher._cache = CodeCache(function, folder)  # in place of numba's, which trusts what it reads
    return dispatcher  # type: ignore[no-any-return]


def _with_fields(function: Function) -> Function:
    """A function as plain Python, whose records are read by `record.field` as compiled code reads them."""

    @wraps(function)
    def call(*arguments: Any) -> Any:
        return function(*(_fielded(argument) for argument in arguments))

    return call  # type: ignore[return-value]


class _Fields(np.record):  # type: ignore[misc]  # final in the stubs of numpy only
    """A record whose fields come before the attributes that numpy gives every record, such as `shape`."""

    def __getattribute__(self, name: str) -> Any:
        is_field = name in (np.record.__getattribute__(self, "dtype").names or ())
        return self[name] if is_field else np.record.__getattribute__(self, name)


class _Columns(np.ndarray[Any, Any]):
    """A table whose columns are attributes."""

    def __getattr__(self, name: str) -> Any:
        if name in (self.dtype.names or ()):
            return self[name].view(np.ndarray)
        raise AttributeError(name)


def _fielded(argument: Any) -> Any:
    if isinstance(argument, np.void):
        return _table_in_memory(argument.__array_interface__["data"][0], 1, argument.dtype)[0]
    has_fields = isinstance(argument, np.ndarray) and argument.dtype.names
    return argument.view(np.dtype((_Fields, argument.dtype))).view(_Columns) if has_fields else argument


def jitable(function: Function) -> Function:
    """A function that compiled functions call; it becomes part of them and stays plain for Python."""
    return register_jitable(no_cfunc_wrapper=True)(function)  # type: ignore[no-any-return]


def inline(function: Function) -> Function:
    """A function of a few lines that is put in place of every call, so that loops around it can use vector units."""
    return register_jitable(forceinline=True, no_cfunc_wrapper=True)(function)  # type: ignore[no-any-return]


def merged(function: Function) -> Function:
    """A large function with few calls, whose body is put in place of each call before types are found.

    Only compiled functions call it. A function that is `jitable` or `inline` is made into machine code by itself, and
    again within every function that calls it: in a chain of large functions the innermost is compiled once for each.
    """
    return numba.njit(inline="always", error_model="numpy")(function)  # type: ignore[no-any-return]


def known_to_compiler(*modules: ModuleType) -> None:
    """Let compiled functions call the plain functions of these modules, which stay plain for everyone else."""
    for module in modules:
        for function in vars(module).values():
            if callable(function) and getattr(function, "__module__", "") == module.__name__:
                if isinstance(function, type):
                    continue
                inline(function)


def slowness() -> str:
    """Why there is no fast machine code for the next run, or none at all; empty if all is well."""
    if IS_COMPILER_OFF:
        return "the compiler is switched off (NUMBA_DISABLE_JIT): the batch engine runs as plain Python, slowly"
    problem = cache_problem()
    return f"machine code is not kept for the next run: {problem}" if problem else ""


def is_compiled(function: Callable[..., Any]) -> bool:
    """Whether machine code of a compiled function is there already, in this process or in the cache."""
    if IS_COMPILER_OFF or getattr(function, "signatures", None):
        return True
    folder = cache_folder()
    return folder is not None and has_code(function, folder)


@intrinsic  # type: ignore[untyped-decorator]
def _pointer(typing_context: Any, address: Any) -> Any:  # the compiler's form of an intrinsic
    """An address as a pointer."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(numba.types.voidptr))

    return numba.types.voidptr(numba.types.uint64), generate


def _table_in_memory(address: Any, n: int, dtype: np.dtype[Any]) -> Any:
    """The same for plain Python, which is what runs where the user has switched the compiler off."""
    memory = (ctypes.c_char * (max(int(n), 0) * dtype.itemsize)).from_address(int(address))
    table = np.frombuffer(memoryview(memory), dtype=dtype)
    return _fielded(table)


def _table_compiled(address: Any, n: int, dtype: np.dtype[Any]) -> Any:
    """The table of `n` records or numbers at an address.

    Each table that is passed to a compiled function costs a count of its references, and a course makes a hundred
    calls; so tables are passed by address, inside a record. Whoever fills in an address keeps its array alive.
    """
    return numba.carray(_pointer(address), (n,), dtype)


table_at: Final = _table_in_memory if IS_COMPILER_OFF else inline(_table_compiled)
