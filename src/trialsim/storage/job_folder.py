"""Where a run keeps what is finished while it lasts, so that whatever stops it, `--resume` can go on.

Every file there has a checksum, which also says what it belongs to; what does not fit is simulated anew. Others may put
things of theirs there if they may write beside a results folder: no link is followed, nothing is opened that is not a
regular file of this user, and only files under our own names are removed.
"""

from __future__ import annotations

import contextlib
import fnmatch
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from trialsim.errors import DestinationError
from trialsim.files.owned import (
    NEW,
    NotOursError,
    is_own_folder,
    open_own,
    owner_of_new_files,
    read_checked,
    write_checked,
)
from trialsim.records.columns import Column
from trialsim.records.digest import configuration_digest
from trialsim.storage.manifest import as_stored
from trialsim.storage.replicate_store import CHECKSUMS, ReplicateStore
from trialsim.storage.results_files import FILES

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
_SUMS: Final = Path(ROWS).with_suffix(CHECKSUMS).name
_PARTS: Final = tuple(f"{kind} *{PART}" for kind in ("check", "search", "trial"))
_KEPT: Final = (RUN, ROWS, _SUMS, CHAINS, VARIANTS, *_PARTS)  # the request first: rows without one are nobody's

OnNote = Callable[[str], None]


def work_folder_of(destination: Path) -> Path:
    """The folder beside a results folder in which its unfinished run is kept."""
    return destination.parent / f".{destination.name}.unfinished"


class WorkFolder:
    """The unfinished run beside a destination: what is being run, and what of it is finished.

    `owner` is who files of this user belong to there; `on_note` gets what a user should know.
    """

    def __init__(self, destination: Path, owner: int | None = None, on_note: OnNote = lambda text: None) -> None:
        self.destination = destination
        self.path = work_folder_of(destination)
        self.owner = owner if owner is not None else self._owner_there()
        self.on_note = on_note
        self.is_gone = False
        self.is_of_another = False  # whether the unfinished run there is to be left as it is
        self.configuration: Mapping[str, Any] | None = None  # of the results that will be written
        self.overwrite = False  # whether they may replace those of another configuration

    def _owner_there(self) -> int | None:
        """Who the folder belongs to; None if there is none."""
        try:
            return self.path.lstat().st_uid
        except OSError:
            return None

    @property
    def request(self) -> dict[str, Any] | None:
        """What is being run there, as `begin` was told; None if nothing is, or if it cannot be read."""
        try:
            content = read_checked(self.path / RUN, b"", self.owner)
            found = json.loads(content) if content is not None else None
        except (OSError, ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    @property
    def is_damaged(self) -> bool:
        """Whether something was being run there, and cannot be read."""
        return self.request is None and os.path.lexists(self.path / RUN)

    @property
    def _salt(self) -> bytes:
        """What everything that is kept belongs to."""
        request = self.request
        return b"" if request is None else configuration_digest(request).encode("ascii")

    def begin(self, request: Mapping[str, Any]) -> None:
        """Forget what is there and begin a run."""
        self._forget_kept()
        write_checked(self.path / RUN, json.dumps(as_stored(request)).encode("utf-8"), b"", self.owner)

    def store(self, columns: Sequence[Column]) -> ReplicateStore:
        """The replicates so far, to go on with; for who holds the folder's lock."""
        store = ReplicateStore(columns, self.path / ROWS, salt=self._salt, owner=self.owner)
        self._note_damage(store)
        return store

    def look(self, columns: Sequence[Column]) -> ReplicateStore:
        """The replicates so far, to be read only; another run may be writing them."""
        return ReplicateStore(columns, self.path / ROWS, may_write=False, salt=self._salt, owner=self.owner)

    def keep(self, name: str, content: bytes) -> None:
        """Keep something of the unfinished run under a name, whole or not at all."""
        write_checked(self.path / name, content, self._salt, self.owner)

    def kept(self, name: str) -> bytes | None:
        """What was kept under a name; None if nothing was, or if it does not fit its checksum."""
        try:
            content = read_checked(self.path / name, self._salt, self.owner)
        except FileNotFoundError:
            return None
        except NotOursError:
            content = None
        if content is None:
            self.on_note(f"{self.path / name} does not fit its checksum: it is simulated anew")
        return content

    def _note_damage(self, store: ReplicateStore) -> None:
        if store.is_damaged:
            first = f"{store.n + 1:,} and later" if store.n else "all"
            self.on_note(
                f"{self.path / ROWS}: replicates ({first}) do not fit their checksums: they are simulated anew"
            )

    def fill(self) -> Path:
        """An empty folder to write results into."""
        _remove_results(self.path / FILLING, is_all_ours=True)
        (self.path / FILLING).mkdir()
        return self.path / FILLING

    def finish(self, filled: Path) -> None:
        """Move the filled folder into place and go away. An older one steps aside and comes back if that fails."""
        if self.destination.exists():
            _remove_results(self.path / OLDER)
            self.destination.replace(self.path / OLDER)
        try:
            filled.replace(self.destination)
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                (self.path / OLDER).replace(self.destination)
            raise
        self.remove()

    def remove(self) -> None:
        """Remove the unfinished run; what is not ours stays, and so does the folder then."""
        if not self.is_of_another:
            self._forget_kept()
        _remove_results(self.path / FILLING, is_all_ours=True)
        _remove_results(self.path / OLDER)
        with contextlib.suppress(OSError):
            (self.path / LOCK).unlink()
        with contextlib.suppress(OSError):
            self.path.rmdir()
        self.is_gone = True  # from now on this place may be another run's

    def _forget_kept(self) -> None:
        """Remove what is kept, by our own names."""
        try:
            names = sorted(path.name for path in self.path.iterdir())
        except OSError:
            return
        for pattern in _KEPT:
            for name in names:
                if fnmatch.fnmatchcase(name.removesuffix(NEW), pattern):
                    with contextlib.suppress(IsADirectoryError, PermissionError):
                        (self.path / name).unlink()

    def put_back(self) -> None:
        """After a crash between two moves, put the older results back where they were."""
        older = self.path / OLDER
        if os.path.lexists(older) and is_own_folder(older, self.owner) and not os.path.lexists(self.destination):
            older.replace(self.destination)

    def failed(self, error: OSError) -> DestinationError:
        """What to say when a file could not be written or read: what is kept, and how to go on."""
        what = error.strerror or str(error)
        where = f"{error.filename}: " if error.filename else ""
        if self.request is not None:
            kept = f"What was finished until then is kept in {self.path}."
            allowed = "room and permission to write there, and then the same again with --resume."
        elif os.path.lexists(self.path):
            kept, allowed = "Nothing is kept.", "room and permission to write there, and then the same again."
        else:
            kept = f"The folder of the unfinished run, {self.path}, is gone, and with it what was finished."
            allowed = "the same again."
        return DestinationError(f"--out {self.destination}", f"{where}{what}.\n  {kept}", allowed)


def _remove_results(folder: Path, is_all_ours: bool = False) -> None:
    """Remove a folder of results, but no file that no run writes (unless all are ours), nor what a link points to."""
    try:
        if not is_own_folder(folder, folder.parent.lstat().st_uid):
            return
        for path in folder.iterdir():
            if is_all_ours or path.name in FILES:
                path.unlink()
        folder.rmdir()
    except OSError:  # what is left is a user's
        return


@contextmanager
def work_folder(
    destination: Path,
    configuration: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    on_note: OnNote = lambda text: None,
) -> Iterator[WorkFolder]:
    """The work folder of a destination, for this process alone.

    The results to be written are of a `configuration`; those of another one are replaced only with `overwrite`.
    Raises `DestinationError` if another process has it, if it is not ours, or if a file cannot be written meanwhile.
    """
    folder = WorkFolder(destination, on_note=on_note)
    folder.configuration, folder.overwrite = configuration, overwrite
    with _locked(folder):
        try:
            folder.put_back()
            yield folder
        except (ConnectionError, TimeoutError):  # of a network, not of the disk
            raise
        except OSError as error:
            raise folder.failed(error) from error
        finally:
            with contextlib.suppress(OSError):
                if not folder.is_gone and folder.request is None:
                    folder.remove()


@contextmanager
def _locked(folder: WorkFolder) -> Iterator[None]:
    """Hold a lock file; one that its last holder removed meanwhile is opened anew."""
    path, destination = folder.path / LOCK, folder.destination
    while True:
        try:
            _make(folder)
            lock = open_own(path, os.O_RDWR | os.O_CREAT, folder.owner)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and destination.parent.is_dir():
                continue  # its last holder removed the folder before the lock was opened
            where = f"{error.filename}: " if isinstance(error, NotOursError) else ""
            raise _refused(destination, f"{where}{error.strerror}.") from error
        try:
            _take(lock, destination)
            if path.exists() and path.stat().st_ino == os.fstat(lock).st_ino:
                yield
                return
        finally:
            os.close(lock)


def _make(folder: WorkFolder) -> None:
    """Make the work folder, for this user alone, or see that it is ours."""
    folder.destination.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.path.mkdir(mode=0o700)
    except FileExistsError:
        folder.owner = owner_of_new_files(folder.destination.parent)
        if not is_own_folder(folder.path, folder.owner):
            raise NotOursError(folder.path, "this is not a folder of this user, or a link to one") from None
    else:
        folder.owner = folder.path.lstat().st_uid


def _take(lock: int, destination: Path) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise _refused(destination, "another run is writing there.") from error


def _refused(destination: Path, why: str) -> DestinationError:
    return DestinationError(f"--out {destination}", why, "a folder that you may write and no other run is using.")
