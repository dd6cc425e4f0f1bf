"""Outcomes of replicates on disk, however many: a row a replicate, in the very bytes that the digest of results hashes.

Rows are appended in the order of replicates, block by block. A file that outlives its process has one beside it with a
checksum of each block; the blocks up to the first that does not fit are a valid beginning. Columns are read one
at a time; a million replicates take no more memory than one column does.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from copy import copy
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from trialsim.errors import DestinationError
from trialsim.files.owned import open_own
from trialsim.records.columns import Column, conform
from trialsim.records.digest import digest_header, row_type

CHECKSUMS: Final = ".sums"  # ends the name of the checksums of a file of rows
ROWS_AT_ONCE: Final = 50_000
_CHECKSUM: Final = np.dtype([("n", "<i8"), ("sha256", "V32")])  # of the block that ends with replicate n

Rows = npt.NDArray[Any]


class ReplicateStore:
    """The replicates 1 to `n` of a run; `store[name]` is a column, `table()` all of them as a DataFrame."""

    def __init__(
        self,
        columns: Sequence[Column],
        path: Path | None = None,
        *,
        may_write: bool = True,
        salt: bytes = b"",
        owner: int | None = None,
    ) -> None:
        """Open the file at `path` (made if missing), or a file of its own that nobody else sees.

        `salt` says what the rows belong to: rows of something else do not fit their checksums. `owner` is who files of
        this user belong to. `is_damaged` says whether there are rows that do not fit; they are not taken.
        Raises `OSError` for a file that is not ours.
        """
        self._columns = tuple(columns)
        self.row_type = row_type(columns)
        self._salt = salt
        self._sums: IO[bytes] | None = None
        self._ends: list[int] = []
        self._origin: ReplicateStore | None = None
        self.n = 0
        self.is_damaged = False
        self._file: IO[bytes] = _temporary_file() if path is None else _opened(path, may_write, owner)
        weakref.finalize(self, self._file.close)
        if path is not None:
            self._sums = _opened(path.with_suffix(CHECKSUMS), may_write, owner)
            weakref.finalize(self, self._sums.close)
            self._take_valid_blocks(self._sums)
            if may_write:
                self.cut(self.n)

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self._columns]

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """One column, with its declared type."""
        column: npt.NDArray[Any] = np.empty(self.n, dtype=self.row_type[name])
        for first, rows in self._parts():
            column[first : first + len(rows)] = rows[name]
        return column

    def append(self, rows: Rows) -> None:
        """Add the replicates that follow the last one. Raises `ValueError` for others."""
        if (rows["replicate"] != np.arange(self.n + 1, self.n + len(rows) + 1)).any():
            raise ValueError(f"these replicates do not follow number {self.n}")
        content = rows.astype(self.row_type, copy=False).tobytes()
        try:
            _write(self._file, self.n * self.row_type.itemsize, content)
            self._add_checksum(self.n + len(rows), self._checksum(self.n, content))
        except OSError as error:
            with contextlib.suppress(OSError):
                self.cut(self.n)
            if self._sums is None:
                problem = f"the replicates so far do not fit there: {error.strerror}."
                allowed = "room on that disk, or another folder in the variable TMPDIR."
                raise DestinationError(f"temporary file in {tempfile.gettempdir()}", problem, allowed) from error
            raise
        self.n += len(rows)

    def take(self, other: ReplicateStore) -> None:
        """Hold what another store holds, in place of what was here."""
        self.cut(0)
        for _, rows in other._parts():
            self.append(rows)

    def cut(self, n: int) -> None:
        """Keep the first `n` replicates only."""
        self.n = n
        self._file.truncate(n * self.row_type.itemsize)
        if self._sums is None:
            return
        self._ends = [end for end in self._ends if end <= n]
        self._sums.truncate(len(self._ends) * _CHECKSUM.itemsize)
        last_end = self._ends[-1] if self._ends else 0
        if last_end < n:
            self._add_checksum(n, self._checksum(last_end, self._bytes(last_end, n)))

    def head(self, n: int) -> Rows:
        """The rows of the first `n` replicates."""
        return np.concatenate([np.zeros(0, self.row_type), *(rows for _, rows in self._parts(n))])

    def first(self, n: int) -> ReplicateStore:
        """The first `n` replicates as a store of their own, to be read only."""
        part = copy(self)
        part.n = min(n, self.n)
        part._origin = self  # which closes the file when nobody needs it any more
        return part

    def table(self) -> pd.DataFrame:
        """All replicates as a table, columns as in `columns.replicate_columns`."""
        return conform(pd.DataFrame({name: self[name] for name in self.columns}), self._columns)

    def digest(self) -> str:
        """SHA-256 of the results, equal to `digest.results_digest` of the table."""
        digest = hashlib.sha256(digest_header(self.columns))
        for _, rows in self._parts():
            digest.update(rows.tobytes())
        return digest.hexdigest()

    def write_parquet(self, path: Path) -> None:
        """Write the table as parquet, part by part."""
        with pq.ParquetWriter(path, self._schema()) as writer:
            for _, rows in self._parts():
                writer.write_table(pa.table([pa.array(rows[name]) for name in self.columns], schema=self._schema()))

    def append_parquet(self, path: Path) -> None:
        """Add the rows of a parquet file that this store's kind has written. Raises `OSError` or `ValueError`."""
        with pq.ParquetFile(path) as source:
            if source.schema_arrow.names != self.columns:
                raise ValueError("other columns")
            for batch in source.iter_batches(ROWS_AT_ONCE):
                rows = np.zeros(batch.num_rows, self.row_type)
                for name in self.columns:
                    rows[name] = batch.column(name).to_numpy(zero_copy_only=False)
                self.append(rows)

    def _schema(self) -> pa.Schema:
        return pa.schema([(column.name, pa.from_numpy_dtype(np.dtype(column.dtype))) for column in self._columns])

    def _parts(self, n: int | None = None) -> Iterator[tuple[int, Rows]]:
        """The rows in parts: (number of rows before, rows)."""
        n = self.n if n is None else min(n, self.n)
        for first in range(0, n, ROWS_AT_ONCE):
            content = self._bytes(first, min(first + ROWS_AT_ONCE, n))
            yield first, np.frombuffer(content, dtype=self.row_type)

    def _bytes(self, first: int, after: int) -> bytes:
        """The rows from number `first` (from 0) to before `after`, as far as they are there."""
        self._file.seek(first * self.row_type.itemsize)
        return _read(self._file, (after - first) * self.row_type.itemsize)

    def _checksum(self, first: int, content: bytes) -> bytes:
        """The checksum of a block that begins after `first` rows."""
        names = digest_header(self.columns)
        head = len(self._salt).to_bytes(8, "little") + self._salt + names + first.to_bytes(8, "little")
        return hashlib.sha256(head + content).digest()

    def _add_checksum(self, n: int, checksum: bytes) -> None:
        """Note that the block that ends with replicate `n` is whole."""
        if self._sums is None:
            return
        _write(self._sums, len(self._ends) * _CHECKSUM.itemsize, np.array([(n, checksum)], _CHECKSUM).tobytes())
        self._ends.append(n)

    def _take_valid_blocks(self, sums: IO[bytes]) -> None:
        """Take the blocks that fit their checksums, up to the first that does not.

        What a failing machine or a failing disk left behind them is not ours.
        """
        n_rows = self._file.seek(0, os.SEEK_END) // self.row_type.itemsize
        n_sums = sums.seek(0, os.SEEK_END) // _CHECKSUM.itemsize
        sums.seek(0)
        for entry in np.frombuffer(_read(sums, n_sums * _CHECKSUM.itemsize), _CHECKSUM):
            first, after = self.n, int(entry["n"])
            if not first < after <= n_rows:
                break
            content = self._bytes(first, after)
            if self._checksum(first, content) != bytes(entry["sha256"]):
                break
            self._ends.append(after)
            self.n = after
        self.is_damaged = n_rows > self.n or n_sums > len(self._ends)


def rows_of(table: pd.DataFrame, columns: Sequence[Column]) -> Rows:
    """A table of replicates as rows."""
    rows = np.zeros(len(table), dtype=row_type(columns))
    for column in columns:
        rows[column.name] = table[column.name].to_numpy()
    return rows


def _temporary_file() -> IO[bytes]:
    """A file without a name. Raises `DestinationError` where there is no room for one."""
    try:
        return tempfile.TemporaryFile(prefix="trialsim-", buffering=0)
    except OSError as error:
        allowed = "a folder that can be written, in the variable TMPDIR."
        raise DestinationError("temporary file", f"it cannot be made: {error.strerror}.", allowed) from error


def _opened(path: Path, may_write: bool, owner: int | None) -> IO[bytes]:
    """A file of ours, without a buffer: what could not be written must not be written later."""
    flags = os.O_RDWR | os.O_CREAT if may_write else os.O_RDONLY
    try:
        return os.fdopen(open_own(path, flags, owner), "r+b" if may_write else "rb", buffering=0)
    except FileNotFoundError:
        if may_write:
            raise
        return io.BytesIO()  # nothing has been stored yet


def _write(file: IO[bytes], place: int, content: bytes) -> None:
    """Write all bytes at a place of a file; raises `OSError` where there is no room for the last one."""
    file.seek(place)
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]


def _read(file: IO[bytes], n_bytes: int) -> bytes:
    """So many bytes of a file, or as many as are there."""
    parts = []
    while n_bytes > 0 and (part := file.read(min(n_bytes, 2**30))):
        parts.append(part)
        n_bytes -= len(part)
    return b"".join(parts)
