"""Ctrl-C while a library samples: put off to the next step, because emcee prints what is raised inside one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def ctrl_c_between_steps() -> Iterator[Callable[[], None]]:
    """Put Ctrl-C off to the next call of the function that this gives, or to the end.

    There it is handled as it would have been at once. Outside the main thread, which alone gets signals, and where the
    handler was not set from Python, nothing changes.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield lambda: None
        return
    pressed: list[FrameType | None] = []

    def remember(number: int, frame: FrameType | None) -> None:
        pressed.append(frame)

    def handle() -> None:
        if pressed:
            before(signal.SIGINT, pressed.pop())

    signal.signal(signal.SIGINT, remember)
    try:
        yield handle
    finally:
        signal.signal(signal.SIGINT, before)
    handle()
