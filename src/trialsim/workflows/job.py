"""What all commands do around their work: destination, lock, checkpoint, Ctrl-C, moving results into place."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trialsim.errors import Interrupted, PicturesInterrupted
from trialsim.simulation import make_ready
from trialsim.storage.checkpoint import Checkpoint
from trialsim.storage.formats import check_formats, remove_pictures
from trialsim.storage.job_folder import JobFolder, locked_job_folder
from trialsim.storage.results_folder import check_destination
from trialsim.workflows.result import CommandResult

OnProgress = Callable[[int, int], None]
OnStage = Callable[[str, str], None]
OnNote = Callable[[str], None]
OnResult = Callable[[Any], None]


def ignore_progress(done: int, wanted: int) -> None:
    """For who does not ask how much is done."""


def ignore_note(text: str) -> None:
    """For who does not ask for notes."""


def ignore_result(result: CommandResult) -> None:
    """For who takes the result when its folder is written."""


class Job:
    """One run of a command: where its results go, what is stored of it meanwhile, and whom it tells.

    `out` names the results folder (None: none is written) and `figures` the formats of its pictures; results of another
    configuration are replaced only with `overwrite`. `on_stage` gets the name of the part of the work that begins and
    its unit, `on_note` what a user should know, and `on_result` the result before its folder is written. Raises
    `RequestError` for unknown formats.
    """

    def __init__(
        self,
        out: Path | str | None,
        figures: Sequence[str],
        overwrite: bool,
        on_stage: OnStage,
        on_note: OnNote,
        on_result: OnResult,
    ) -> None:
        check_formats(figures)
        self.started = time.perf_counter()
        self.out = Path(out) if out is not None else None
        self.figures = figures
        self.overwrite = overwrite
        self.on_stage = on_stage
        self.on_note = on_note
        self.on_result = on_result
        self._folder: JobFolder | None = None
        self._not_shown: BaseException | None = None

    @property
    def seconds(self) -> float:
        """How long the job has lasted."""
        return time.perf_counter() - self.started

    @contextmanager
    def locked(self, configuration: Mapping[str, Any]) -> Iterator[Checkpoint]:
        """Hold the destination for results of a configuration; what is stored of the job meanwhile.

        Raises `DestinationError` for a folder that cannot be written or replaced, or that another process writes, and
        at the end what prevented `on_result` from showing the result.
        """
        if self.out is None:
            yield Checkpoint()
        else:
            destination = check_destination(self.out, configuration, self.overwrite)
            with locked_job_folder(destination, configuration, self.overwrite, self.on_note) as self._folder:
                yield self._folder.checkpoint
        if self._not_shown is not None:
            raise self._not_shown

    def compile(self, engine: str) -> None:
        """Compile what an engine needs, and say so before."""
        make_ready(engine, self.on_note, self.on_stage)

    @contextmanager
    def interruptible(
        self,
        words: Callable[[], str],
        *,
        n_done: Callable[[], int] = lambda: 1,
        partial_result: Callable[[], CommandResult] | None = None,
        final_errors: tuple[type[Exception], ...] = (),
    ) -> Iterator[None]:
        """Raise `Interrupted` with `words` on Ctrl-C; what was finished stays, if anything (`n_done`) was.

        If there is a `partial_result` then, it is written. After one of the `final_errors`, which would come again, the
        job is removed.
        """
        try:
            yield
        except (KeyboardInterrupt, Interrupted) as stop:
            interrupted = stop if isinstance(stop, Interrupted) else Interrupted(words(), None)
            if n_done() == 0:
                self._remove()
            elif partial_result is not None:
                result = partial_result()
                interrupted.finished = result
                self._write(result)
            raise interrupted from None
        except final_errors:
            self._remove()
            raise

    def finish(self, result: CommandResult) -> None:
        """Show the result, then write its folder, if one was asked for; the job is done then.

        A result that cannot be shown is written all the same. Raises `PicturesInterrupted` on Ctrl-C while pictures are
        drawn: the folder is written without them.
        """
        try:
            self.on_result(result)
        except (Exception, SystemExit) as error:  # such as a closed pipe
            self._not_shown = error
        if not self._write(result):
            raise PicturesInterrupted(f"the results are in {self.out}, without pictures", result)

    def _write(self, result: CommandResult) -> bool:
        """Write the results folder, if one was asked for; False where Ctrl-C left it without pictures."""
        if self._folder is None:
            return True
        self.on_stage("writing results", "")
        with self._folder.results() as folder:
            result.write_tables(folder)
            try:
                if self.figures:
                    self.on_stage("drawing pictures", "")
                    result.draw(folder, self.figures)
            except KeyboardInterrupt:
                remove_pictures(folder)
                return False
        return True

    def _remove(self) -> None:
        if self._folder is not None:
            self._folder.remove()


@contextmanager
def remembered_ctrl_c() -> Iterator[Callable[[], None]]:
    """Ctrl-C raises `KeyboardInterrupt` at once, and once more where the function that this gives is called.

    Python throws away what is raised while it clears up an object, and a calibration makes and clears many; without the
    second chance a Ctrl-C at such a moment would be lost.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    pressed = threading.Event()

    def remember(number: int, frame: object) -> None:
        pressed.set()
        raise KeyboardInterrupt

    def check() -> None:
        if pressed.is_set():
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, remember)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)
