"""Who does the work: this thread, threads, processes, or a cluster; blocks come back in the order of replicates."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from typing import Final

from trialsim.simulation.engine import REFERENCE
from trialsim.storage.replicate_store import Rows

Work = Callable[..., Rows]
_AHEAD: Final = 3  # blocks under way for each worker: none waits for the others, and few wait in memory


def available_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass
class WorkerPool:
    """Workers under a common roof: what runs the blocks, and how many blocks may be under way at once."""

    executor: Executor | None
    n_workers: int

    def in_order(self, work: Work, tasks: Iterable[tuple[object, ...]], take: Callable[[Rows], None]) -> None:
        """Give `take` the result of each task, one after another.

        On Ctrl-C no further task is begun; those under way are waited for and taken, then `KeyboardInterrupt` goes on.
        """
        if self.executor is None:
            for task in tasks:
                take(work(*task))
            return
        under_way: deque[Future[Rows]] = deque()
        try:
            for task in tasks:
                under_way.append(self.executor.submit(work, *task))
                if len(under_way) >= _AHEAD * self.n_workers:
                    self._take_first(under_way, take)
            while under_way:
                self._take_first(under_way, take)
        except BaseException:
            self._take_finished(under_way, take)
            raise

    @staticmethod
    def _take_first(under_way: deque[Future[Rows]], take: Callable[[Rows], None]) -> None:
        take(under_way[0].result())
        under_way.popleft()  # only now: Ctrl-C may come at any moment, and what is not taken is lost

    @staticmethod
    def _take_finished(under_way: deque[Future[Rows]], take: Callable[[Rows], None]) -> None:
        """Cancel what has not begun; take what is finished, as far as it follows without a gap."""
        for future in reversed(under_way):
            future.cancel()
        for future in under_way:
            try:
                rows = future.result()
            except (Exception, CancelledError):
                return
            take(rows)


@contextmanager
def local_pool(engine: str, n_workers: int) -> Iterator[WorkerPool]:
    """Workers on this machine: threads for compiled code, which leaves Python's lock alone; processes for SimPy."""
    if n_workers == 1:
        yield WorkerPool(None, 1)
    elif engine == REFERENCE:
        with ProcessPoolExecutor(n_workers, mp_context=get_context("spawn"), initializer=_end_with_parent) as executor:
            with _without_ctrl_c():
                executor.submit(os.getpid)  # starts all processes, which inherit that they ignore Ctrl-C
            yield WorkerPool(executor, n_workers)
    else:
        with ThreadPoolExecutor(n_workers) as executor:
            yield WorkerPool(executor, n_workers)


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Ctrl-C reaches every process of a terminal; the one that the user started decides what follows from it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end_with_parent() -> None:
    """A worker whose parent is killed has nobody to work for."""
    parent = parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def blocks(first: int, last: int, block_size: int) -> Iterator[tuple[int, int]]:
    """The replicates from `first` to `last` in blocks: (first of the block, how many)."""
    while first <= last:
        n = min(block_size, last - first + 1)
        yield first, n
        first += n
