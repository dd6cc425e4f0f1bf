"""Where a run keeps what is finished while it lasts, so that whatever stops it, `--resume` can go on."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from trialsim.errors import DestinationError
from trialsim.records.columns import Column
from trialsim.records.manifest import as_stored
from trialsim.records.replicate_store import ReplicateStore

try:
    import fcntl
except ImportError:  # Windows has no such lock; two runs at once into one folder are not noticed there
    fcntl = None  # type: ignore[assignment]

RUN: Final = "run.json"
ROWS: Final = "replicates.rows"
CHAINS: Final = "chains.npz"
VARIANTS: Final = "variants.json"
PART: Final = ".npy"  # how the names of finished parts of a search end
LOCK: Final = "lock"
FILLING: Final = "filling"
OLDER: Final = "older"


def work_folder_of(destination: Path) -> Path:
    """The folder beside a results folder in which its unfinished run is kept."""
    return destination.parent / f".{destination.name}.unfinished"


class WorkFolder:
    """The unfinished run beside a destination: what is being run, and what of it is finished."""

    def __init__(self, destination: Path) -> None:
        self.destination = destination
        self.path = work_folder_of(destination)
        self.is_gone = False

    @property
    def request(self) -> dict[str, Any] | None:
        """What is being run there, as `begin` was told; None if nothing is, or if it cannot be read."""
        try:
            found = json.loads((self.path / RUN).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def begin(self, request: Mapping[str, Any]) -> None:
        """Forget what is there and begin a run."""
        for name in (RUN, ROWS, CHAINS, VARIANTS):  # the request goes first: rows without a request are nobody's
            (self.path / name).unlink(missing_ok=True)
        for part in self.path.glob(f"*{PART}"):
            part.unlink()
        unnamed = self.path / f"{RUN}.new"
        unnamed.write_text(json.dumps(as_stored(request)), encoding="utf-8")
        unnamed.replace(self.path / RUN)

    def store(self, columns: Sequence[Column]) -> ReplicateStore:
        """The replicates so far, to go on with; for who holds the folder's lock."""
        return ReplicateStore(columns, self.path / ROWS)

    def look(self, columns: Sequence[Column]) -> ReplicateStore:
        """The replicates so far, to be read only; another run may be writing them."""
        return ReplicateStore(columns, self.path / ROWS, may_write=False)

    def keep(self, name: str, content: bytes) -> None:
        """Keep something of the unfinished run under a name, whole or not at all."""
        unnamed = self.path / f"{name}.new"
        unnamed.write_bytes(content)
        unnamed.replace(self.path / name)

    def kept(self, name: str) -> bytes | None:
        """What was kept under a name; None if nothing was."""
        try:
            return (self.path / name).read_bytes()
        except OSError:
            return None

    def fill(self) -> Path:
        """An empty folder to write results into."""
        shutil.rmtree(self.path / FILLING, ignore_errors=True)
        (self.path / FILLING).mkdir()
        return self.path / FILLING

    def finish(self, filled: Path) -> None:
        """Move the filled folder into place and go away. An older one steps aside and comes back if that fails."""
        if self.destination.exists():
            shutil.rmtree(self.path / OLDER, ignore_errors=True)
            self.destination.replace(self.path / OLDER)
        try:
            filled.replace(self.destination)
        except OSError:
            (self.path / OLDER).replace(self.destination)
            raise
        self.remove()

    def remove(self) -> None:
        """Remove the unfinished run, its request first: whatever is left is nobody's."""
        (self.path / RUN).unlink(missing_ok=True)
        shutil.rmtree(self.path, ignore_errors=True)
        self.is_gone = True  # from now on this place may be another run's

    def put_back(self) -> None:
        """After a crash between two moves, put the older results back where they were."""
        if (self.path / OLDER).exists() and not self.destination.exists():
            (self.path / OLDER).replace(self.destination)


@contextmanager
def work_folder(destination: Path) -> Iterator[WorkFolder]:
    """The work folder of a destination, for this process alone. Raises `DestinationError` if another one has it."""
    folder = WorkFolder(destination)
    with _locked(folder.path / LOCK, destination):
        folder.put_back()
        try:
            yield folder
        finally:
            with contextlib.suppress(OSError):
                if not folder.is_gone and folder.request is None:
                    folder.remove()


@contextmanager
def _locked(path: Path, destination: Path) -> Iterator[None]:
    """Hold a lock file; one that its last holder removed meanwhile is opened anew."""
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = path.open("w")
        except OSError as error:
            raise _refused(destination, f"{error.strerror}.") from error
        with lock:
            _take(lock, destination)
            if path.exists() and path.stat().st_ino == os.fstat(lock.fileno()).st_ino:
                yield
                return


def _take(lock: IO[str], destination: Path) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise _refused(destination, "another run is writing there.") from error


def _refused(destination: Path, why: str) -> DestinationError:
    return DestinationError(f"--out {destination}", why, "a folder that you may write and no other run is using.")
