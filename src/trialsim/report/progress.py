"""A progress bar in a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextlib.contextmanager
def progress(total: int, words: str, is_hidden: bool) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error, only where that is a terminal."""
    console = Console(stderr=True)
    if is_hidden or not console.is_terminal:
        yield lambda done, wanted: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(words, total=total)
        yield lambda done, wanted: bar.update(task, completed=done, total=wanted)
