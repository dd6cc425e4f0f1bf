"""What an unfinished job has finished so far, in files with checksums, so that it can be resumed whatever stopped it.

The first file says what was asked; each checksum says which request its file belongs to. What does not fit is simulated
anew. No link is followed, nothing is opened that is not a regular file of this user, and only files under our own names
are removed.
"""

from __future__ import annotations

import contextlib
import fnmatch
import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from trialsim.errors import DestinationError
from trialsim.files.owned import NEW, NotOursError, read_checked, write_checked
from trialsim.records.columns import Column
from trialsim.records.digest import configuration_digest
from trialsim.storage.manifest import as_stored
from trialsim.storage.replicate_store import CHECKSUMS, ReplicateStore
from trialsim.storage.results_folder import shown_differences

REQUEST: Final = "run.json"
ROWS: Final = "replicates.rows"
PART: Final = ".checkpoint"  # ends the name of the file of a finished part
_OWN_NAMES: Final = (REQUEST, ROWS, Path(ROWS).with_suffix(CHECKSUMS).name, f"*{PART}")  # rows without a request: last
_NOT_CONFIGURATION: Final = ("seed", "trials", "calibrate.seed", "calibrate.patients", "calibrate.sampler")

Arrays = Mapping[str, npt.NDArray[Any]]
OnNote = Callable[[str], None]


class Checkpoint:
    """The finished parts of the job that writes to a destination, in a `folder`; without one, nothing is stored.

    `owner` is who files of this user belong to there; a job of another configuration is forgotten only with
    `overwrite`; `on_note` gets what a user should know.
    """

    def __init__(
        self,
        folder: Path | None = None,
        destination: Path | None = None,
        owner: int | None = None,
        overwrite: bool = False,
        on_note: OnNote = lambda text: None,
    ) -> None:
        self.folder = folder
        self.destination = destination
        self.owner = owner
        self.overwrite = overwrite
        self.on_note = on_note

    @property
    def request(self) -> dict[str, Any] | None:
        """What was asked of the job, as `begin` was told; None if there is no job, or if it cannot be read."""
        if self.folder is None:
            return None
        try:
            content = read_checked(self.folder / REQUEST, b"", self.owner)
            request = json.loads(content) if content is not None else None
        except (OSError, ValueError, RecursionError):
            return None
        return request if isinstance(request, dict) else None

    @property
    def _salt(self) -> bytes:
        """What every checksum begins with: the digest of the request."""
        request = self.request
        return b"" if request is None else configuration_digest(request).encode("ascii")

    def begin(self, request: Mapping[str, Any]) -> None:
        """Forget what is there and begin a job.

        Raises `DestinationError` for an unfinished job of another configuration, unless that may be overwritten.
        """
        if self.folder is None:
            return
        earlier = self.request
        if earlier is None and os.path.lexists(self.folder / REQUEST):
            self.on_note(f"what is being run in {self.folder} cannot be read: it is begun anew")
        if earlier is not None and not self.overwrite:
            differences = shown_differences(earlier, request, _NOT_CONFIGURATION)
            if differences:
                problem = f"an unfinished run of another configuration is kept in {self.folder}.\n  {differences}"
                allowed = "another folder, or --overwrite to forget that run."
                raise DestinationError(f"--out {self.destination}", problem, allowed)
        self.forget()
        write_checked(self.folder / REQUEST, json.dumps(as_stored(request)).encode("utf-8"), b"", self.owner)

    def begin_or_resume(self, request: Mapping[str, Any], is_resumed: bool) -> None:
        """Begin a job, or resume the one that is there if that is asked for.

        Raises `DestinationError` if that one is another.
        """
        earlier = self.request
        if earlier is None or not is_resumed:
            self.begin(request)
            return
        differences = shown_differences(earlier, request)
        if differences:
            raise refused_resumption(self.folder, f"it holds something else.\n  {differences}")

    def store(self, columns: Sequence[Column]) -> ReplicateStore:
        """The replicates so far, to be added to; for the holder of the folder's lock."""
        if self.folder is None:
            return ReplicateStore(columns)
        store = ReplicateStore(columns, self.folder / ROWS, salt=self._salt, owner=self.owner)
        if store.is_damaged:
            first = f"{store.n + 1:,} and later" if store.n else "all"
            problem = f"replicates ({first}) do not fit their checksums: they are simulated anew"
            self.on_note(f"{self.folder / ROWS}: {problem}")
        return store

    def read_store(self, columns: Sequence[Column]) -> ReplicateStore:
        """The replicates so far, to be read only; another process may be adding to them."""
        path = self.folder / ROWS if self.folder is not None else None
        return ReplicateStore(columns, path, may_write=False, salt=self._salt, owner=self.owner)

    def write(self, part: str, arrays: Arrays) -> None:
        """Store a finished part under its name, whole or not at all."""
        if self.folder is not None:
            content = io.BytesIO()
            np.savez(content, allow_pickle=False, **arrays)
            write_checked(self.folder / f"{part}{PART}", content.getvalue(), self._salt, self.owner)

    def read(self, part: str) -> dict[str, npt.NDArray[Any]] | None:
        """A finished part; None if it was not stored, or does not fit its checksum."""
        if self.folder is None:
            return None
        path = self.folder / f"{part}{PART}"
        try:
            content = read_checked(path, self._salt, self.owner)
        except FileNotFoundError:
            return None
        except NotOursError:
            content = None
        if content is None:
            self.on_note(f"{path} does not fit its checksum: it is simulated anew")
            return None
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return dict(arrays)

    def forget(self) -> None:
        """Remove what is stored, by our own names."""
        if self.folder is None:
            return
        try:
            names = sorted(path.name for path in self.folder.iterdir())
        except OSError:
            return
        for pattern in _OWN_NAMES:
            for name in names:
                if fnmatch.fnmatchcase(name.removesuffix(NEW), pattern):
                    with contextlib.suppress(IsADirectoryError, PermissionError):
                        (self.folder / name).unlink()


def refused_resumption(folder: Path | None, wrong: str) -> DestinationError:
    """The error of a folder whose results or unfinished job cannot be resumed."""
    allowed = "the same configuration and seed, or without --resume."
    return DestinationError(f"--resume of {folder}", wrong, allowed)
