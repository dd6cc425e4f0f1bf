"""How far a command is: the stage, its unit, elapsed and remaining time; in a terminal or a notebook only."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.text import Text

_WIDTH_OF_BAR: Final = 80  # narrower terminals get no bar, only what it means
_SECONDS_BETWEEN_LINES: Final = 1.0
_FIRST_STAGE: Final = "preparing"


class Display:
    """Shows nothing; notes go to standard error. Its methods are what the functions of the package call."""

    def advance(self, done: int, wanted: int) -> None:
        """For `on_progress`: `done` of `wanted` units of the stage are finished."""

    def begin_stage(self, name: str, unit: str = "") -> None:
        """For `on_stage`: another part of the work begins; without a unit it is not counted."""

    def note(self, text: str) -> None:
        """For `on_note`: something that a user should know."""
        print(text, file=sys.stderr)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Out of the way while something is printed."""
        yield

    def callbacks(self, is_quiet: bool) -> dict[str, Any]:
        """What the functions of the package take; with `is_quiet` they have nobody to tell notes to."""
        on_note = (lambda text: None) if is_quiet else self.note
        return {"on_progress": self.advance, "on_stage": self.begin_stage, "on_note": on_note}


class _BarDisplay(Display):
    """A line in a terminal that is drawn anew: a spinner until there is something to count, then a bar."""

    def __init__(self, bar: Progress) -> None:
        self.bar = bar
        self.task = self._added(_FIRST_STAGE, "")

    def _added(self, name: str, unit: str) -> TaskID:
        return self.bar.add_task(escape(name), total=None, unit=unit)

    def advance(self, done: int, wanted: int) -> None:
        self.bar.update(self.task, completed=done, total=wanted if wanted > 0 else None)

    def begin_stage(self, name: str, unit: str = "") -> None:
        self.bar.remove_task(self.task)
        self.task = self._added(name, unit)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        self.bar.stop()
        yield
        self.bar.start()

    def note(self, text: str) -> None:
        self.bar.console.print(Text(text))


class _NotebookDisplay(Display):
    """A line below a cell that is written over, at most once a second."""

    def __init__(self) -> None:
        self.stage, self.unit = _FIRST_STAGE, ""
        self.began = time.monotonic()
        self.shown = 0.0

    def advance(self, done: int, wanted: int) -> None:
        now = time.monotonic()
        if wanted > 0 and (now - self.shown >= _SECONDS_BETWEEN_LINES or done == wanted):
            self.shown = now
            self._show(f"{self.stage}: {_counted(done, wanted, self.unit)}, {_clock(now - self.began)}")

    def begin_stage(self, name: str, unit: str = "") -> None:
        self.stage, self.unit = name, unit
        self.began = time.monotonic()
        self._show(name)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        print(file=sys.stderr, flush=True)
        yield

    def _show(self, text: str) -> None:
        print(f"\r{text:<78}", end="", file=sys.stderr, flush=True)


class _CountColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        if task.total is None:
            return Text("")
        return Text(_counted(int(task.completed), int(task.total), str(task.fields["unit"])))


class _TimeColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        text = _clock(task.elapsed or 0.0)
        left = task.time_remaining if task.total is not None and task.completed < task.total else None
        return Text(text if left is None else f"{text}, about {_clock(left)} left")


def _is_notebook() -> bool:
    return Console().is_jupyter


def _counted(done: int, wanted: int, unit: str) -> str:
    return f"{done:,} of {wanted:,} {unit}".rstrip()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@contextlib.contextmanager
def progress(is_hidden: bool = False) -> Iterator[Display]:
    """What shows how far the work is, on standard error, only where that is a terminal or a notebook."""
    if is_hidden or not (sys.stderr.isatty() or _is_notebook()):
        yield Display()
        return
    if _is_notebook():
        yield _NotebookDisplay()
        print(file=sys.stderr)
        return
    console = Console(stderr=True, force_terminal=True)
    bar = (BarColumn(),) if console.width >= _WIDTH_OF_BAR else ()
    columns = (SpinnerColumn("line"), TextColumn("{task.description}"), *bar, _CountColumn(), _TimeColumn())
    with Progress(*columns, console=console, transient=True) as shown:
        yield _BarDisplay(shown)
