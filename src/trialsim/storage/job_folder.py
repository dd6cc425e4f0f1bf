"""The folder beside a results folder in which its job runs: lock, checkpoint, and the results that are being written.

Others may put things of theirs there if they may write beside a results folder: no link is followed, nothing is opened
that is not a regular file of this user, and only files under our own names are removed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from trialsim.errors import DestinationError
from trialsim.files.owned import NotOursError, is_own_folder, open_own, owner_of_new_files
from trialsim.storage.checkpoint import Checkpoint, OnNote
from trialsim.storage.results_folder import check_destination, is_result_file

try:
    import fcntl
except ImportError:  # Windows has no such lock; two runs at once into one folder are not noticed there
    fcntl = None  # type: ignore[assignment]

LOCK: Final = "lock"
FILLING: Final = "filling"
OLDER: Final = "older"


def job_folder_path(destination: Path) -> Path:
    """The folder beside a results folder in which its job runs."""
    return destination.parent / f".{destination.name}.unfinished"


class JobFolder:
    """The folder of the job that writes to a destination: its checkpoint, and the results that are being written.

    The results are of a `configuration`; those of another one are replaced only with `overwrite`. `owner` is who files
    of this user belong to there. With `leaves_checkpoint` an unfinished job there is another one, and stays.
    """

    def __init__(
        self,
        destination: Path,
        configuration: Mapping[str, Any] | None = None,
        overwrite: bool = False,
        on_note: OnNote = lambda text: None,
        *,
        owner: int | None = None,
        leaves_checkpoint: bool = False,
    ) -> None:
        self.destination = destination
        self.path = job_folder_path(destination)
        self.configuration = configuration
        self.overwrite = overwrite
        self.owner = owner if owner is not None else _owner_of(self.path)
        self.checkpoint = Checkpoint(self.path, destination, self.owner, overwrite, on_note)
        self.leaves_checkpoint = leaves_checkpoint
        self.is_gone = False

    @contextmanager
    def results(self) -> Iterator[Path]:
        """An empty folder to fill, which takes the place of the destination when the block ends without an exception.

        Raises `DestinationError` if the destination has become another one meanwhile.
        """
        filling = self.path / FILLING
        _remove_results(filling, is_all_ours=True)
        filling.mkdir()
        yield filling
        check_destination(self.destination, self.configuration, self.overwrite)
        self._move(filling)
        self.remove()

    def _move(self, filled: Path) -> None:
        """Move the filled folder into place. An older one steps aside and comes back if that fails."""
        if self.destination.exists():
            _remove_results(self.path / OLDER)
            self.destination.replace(self.path / OLDER)
        try:
            filled.replace(self.destination)
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                (self.path / OLDER).replace(self.destination)
            raise

    def remove(self) -> None:
        """Remove the job; what is not ours stays, and so does the folder then."""
        if not (self.leaves_checkpoint and self.checkpoint.request is not None):
            self.checkpoint.forget()
        _remove_results(self.path / FILLING, is_all_ours=True)
        _remove_results(self.path / OLDER)
        with contextlib.suppress(OSError):
            (self.path / LOCK).unlink()
        with contextlib.suppress(OSError):
            self.path.rmdir()
        self.is_gone = True  # from now on this place may be another job's

    def restore_older(self) -> None:
        """After a crash between two moves, put the older results back where they were."""
        older = self.path / OLDER
        if os.path.lexists(older) and is_own_folder(older, self.owner) and not os.path.lexists(self.destination):
            older.replace(self.destination)

    def failed(self, error: OSError) -> DestinationError:
        """The error of a file that could not be written or read: what is kept, and how to resume."""
        reason = error.strerror or str(error)
        where = f"{error.filename}: " if error.filename else ""
        if self.checkpoint.request is not None:
            remains = f"What was finished until then is kept in {self.path}."
            allowed = "room and permission to write there, and then the same again with --resume."
        elif os.path.lexists(self.path):
            remains, allowed = "Nothing is kept.", "room and permission to write there, and then the same again."
        else:
            remains = f"The folder of the unfinished run, {self.path}, is gone, and with it what was finished."
            allowed = "the same again."
        return DestinationError(f"--out {self.destination}", f"{where}{reason}.\n  {remains}", allowed)


def is_unfinished(destination: Path) -> bool:
    """Whether there is an unfinished job beside a destination, to be resumed."""
    return JobFolder(destination).checkpoint.request is not None


def _owner_of(path: Path) -> int | None:
    """Who a folder belongs to; None if there is none."""
    try:
        return path.lstat().st_uid
    except OSError:
        return None


def _remove_results(folder: Path, is_all_ours: bool = False) -> None:
    """Remove a folder of results, but no file that no run writes (unless all are ours), nor what a link points to."""
    try:
        if not is_own_folder(folder, folder.parent.lstat().st_uid):
            return
        for path in folder.iterdir():
            if is_all_ours or is_result_file(path.name):
                path.unlink()
        folder.rmdir()
    except OSError:  # what is left is a user's
        return


@contextmanager
def locked_job_folder(
    destination: Path,
    configuration: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    on_note: OnNote = lambda text: None,
    *,
    leaves_checkpoint: bool = False,
) -> Iterator[JobFolder]:
    """The job folder of a destination, for this process alone; see `JobFolder`.

    Raises `DestinationError` if another process has it, if it is not ours, or if a file cannot be written meanwhile.
    """
    with _locked(destination) as owner:
        folder = JobFolder(
            destination, configuration, overwrite, on_note, owner=owner, leaves_checkpoint=leaves_checkpoint
        )
        try:
            folder.restore_older()
            yield folder
        except (ConnectionError, TimeoutError):  # of a network, not of the disk
            raise
        except OSError as error:
            raise folder.failed(error) from error
        finally:
            with contextlib.suppress(OSError):
                if not folder.is_gone and folder.checkpoint.request is None:
                    folder.remove()


@contextmanager
def _locked(destination: Path) -> Iterator[int]:
    """Make the folder, hold its lock file, give its owner; a lock that its last holder removed is opened anew."""
    path = job_folder_path(destination) / LOCK
    while True:
        try:
            owner = _make(destination)
            lock = open_own(path, os.O_RDWR | os.O_CREAT, owner)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and destination.parent.is_dir():
                continue  # its last holder removed the folder before the lock was opened
            where = f"{error.filename}: " if isinstance(error, NotOursError) else ""
            raise _refused(destination, f"{where}{error.strerror}.") from error
        try:
            _take(lock, destination)
            if path.exists() and path.stat().st_ino == os.fstat(lock).st_ino:
                yield owner
                return
        finally:
            os.close(lock)


def _make(destination: Path) -> int:
    """Make the job folder, for this user alone, or see that it is ours; who it belongs to."""
    path = job_folder_path(destination)
    destination.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        owner = owner_of_new_files(destination.parent)
        if not is_own_folder(path, owner):
            raise NotOursError(path, "this is not a folder of this user, or a link to one") from None
        return owner
    return path.lstat().st_uid


def _take(lock: int, destination: Path) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise _refused(destination, "another run is writing there.") from error


def _refused(destination: Path, why: str) -> DestinationError:
    return DestinationError(f"--out {destination}", why, "a folder that you may write and no other run is using.")
