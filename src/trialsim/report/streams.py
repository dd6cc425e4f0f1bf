"""Standard output and error of the command line: characters that a stream lacks, streams that are closed or full."""

from __future__ import annotations

import codecs
import io
import os
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from trialsim.errors import RequestError

PLAIN: Final = "trialsim-plain"  # the name of the error handler, for `encode` and for streams
CLOSED_PIPE: Final = 141  # what a shell reports of a program that a closed pipe ended: 128 + SIGPIPE
_SUBSTITUTES: Final = {
    "±": "+/-", "→": "->", "–": "-", "−": "-", "—": "-", "…": "...", "×": "x", "≤": "<=", "≥": ">=", "·": ".",
    "✗": "x", "µ": "u", "μ": "u", "“": '"', "”": '"', "‘": "'", "’": "'", "─": "-", "━": "-", "│": "|", "▼": "v",
    "▶": ">",
}  # fmt: skip


class OutputError(RequestError):
    """Standard output is closed or takes nothing more."""


def plain(text: str, encoding: str) -> str:
    """The text with a plain substitute for each character that an encoding lacks."""
    return text.encode(encoding, PLAIN).decode(encoding)


def _substitute(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain_character, error.object[error.start : error.end])), error.end


def _plain_character(character: str) -> str:
    """A substitute in ASCII: from the table, else the letter without its accent, else a question mark."""
    letters = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode("ascii")
    return _SUBSTITUTES.get(character) or letters or "?"


codecs.register_error(PLAIN, _substitute)


class _GuardedOutput(io.TextIOWrapper):
    """Standard output: a closed pipe ends the program without a word, any other failure with a message."""

    def write(self, text: str) -> int:
        with _failures():
            return super().write(text)

    def flush(self) -> None:
        with _failures():
            super().flush()


class _GuardedErrors(io.TextIOWrapper):
    """Standard error: a note that cannot be written does not stop the work."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        _discard_output()
        raise SystemExit(CLOSED_PIPE) from None
    except OSError as error:
        _discard_output()
        allowed = "a terminal, pipe or file that takes the output. A results folder, where there is one, is complete."
        raise OutputError("standard output", f"it cannot be written: {error.strerror}.", allowed) from None


def _discard_output() -> None:
    """Let what is still buffered go nowhere; otherwise Python fails once more when it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def open_streams(is_silent: bool) -> None:
    """Guard the standard streams of this process. `is_silent` says that nothing will be printed.

    Raises `OutputError` where standard output is closed and something is to be printed.
    """
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  # it stays open to the end
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  # the same
        if not is_silent:
            raise OutputError("standard output", "it is closed.", "an open standard output, or --quiet.")
    sys.stdout = _guarded(sys.stdout, _GuardedOutput)
    sys.stderr = _guarded(sys.stderr, _GuardedErrors)


def _guarded(stream: object, kind: type[io.TextIOWrapper]) -> io.TextIOWrapper:
    if type(stream) is not io.TextIOWrapper:  # a test or a notebook has put something of its own there
        return stream  # type: ignore[return-value]
    guarded = kind(stream.buffer, stream.encoding, PLAIN, None, stream.line_buffering)
    guarded.guards = stream  # type: ignore[attr-defined]  # whose end would close what both write to
    return guarded
