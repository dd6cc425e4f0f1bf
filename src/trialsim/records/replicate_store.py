"""Outcomes of replicates on disk, however many: a row a replicate, in the very bytes that the digest of results hashes.

Rows are appended in the order of replicates, so whatever prefix of the file is there is a valid beginning. Columns are
read one at a time; a million replicates take no more memory than one column does.
"""

from __future__ import annotations

import hashlib
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

from trialsim.records.columns import Column, conform
from trialsim.records.digest import digest_header, row_type

_ROWS_AT_ONCE: Final = 50_000

Rows = npt.NDArray[Any]


class ReplicateStore:
    """The replicates 1 to `n` of a run; `store[name]` is a column, `table()` all of them as a DataFrame."""

    def __init__(self, columns: Sequence[Column], path: Path | None = None, *, may_write: bool = True) -> None:
        """Go on with the file at `path` (made if missing), or with a file of its own that nobody else sees."""
        self._columns = tuple(columns)
        self.row_type = row_type(columns)
        self._file: IO[bytes]
        if path is None:
            self._file = tempfile.TemporaryFile(prefix="trialsim-")  # noqa: SIM115  # lives as long as the store
        else:
            path.touch()
            self._file = path.open("r+b" if may_write else "rb")
        weakref.finalize(self, self._file.close)
        self._origin: ReplicateStore | None = None
        size = self._file.seek(0, 2)
        self.n = size // self.row_type.itemsize
        self.n = self._n_in_order()
        if self.n * self.row_type.itemsize != size:
            self.n = max(0, self.n - 1)
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
        found: npt.NDArray[Any] = np.empty(self.n, dtype=self.row_type[name])
        for first, rows in self._parts():
            found[first : first + len(rows)] = rows[name]
        return found

    def append(self, rows: Rows) -> None:
        """Add the replicates that follow the last one. Raises `ValueError` for others."""
        if (rows["replicate"] != np.arange(self.n + 1, self.n + len(rows) + 1)).any():
            raise ValueError(f"these replicates do not follow number {self.n}")
        self._file.seek(self.n * self.row_type.itemsize)
        self._file.write(rows.astype(self.row_type, copy=False).tobytes())
        self._file.flush()
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

    def head(self, n: int) -> Rows:
        """The rows of the first `n` replicates."""
        return np.concatenate([np.zeros(0, self.row_type), *(rows for _, rows in self._parts(n))])

    def first(self, n: int) -> ReplicateStore:
        """The first `n` replicates as a store of their own, to be read only."""
        found = copy(self)
        found.n = min(n, self.n)
        found._origin = self  # which closes the file when nobody needs it any more
        return found

    def table(self) -> pd.DataFrame:
        """All replicates as a table, columns as in `columns.replicate_columns`."""
        return conform(pd.DataFrame({name: self[name] for name in self.columns}), self._columns)

    def digest(self) -> str:
        """SHA-256 of the results, equal to `digest.results_digest` of the table."""
        found = hashlib.sha256(digest_header(self.columns))
        for _, rows in self._parts():
            found.update(rows.tobytes())
        return found.hexdigest()

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
            for batch in source.iter_batches(_ROWS_AT_ONCE):
                rows = np.zeros(batch.num_rows, self.row_type)
                for name in self.columns:
                    rows[name] = batch.column(name).to_numpy(zero_copy_only=False)
                self.append(rows)

    def _schema(self) -> pa.Schema:
        return pa.schema([(column.name, pa.from_numpy_dtype(np.dtype(column.dtype))) for column in self._columns])

    def _parts(self, n: int | None = None) -> Iterator[tuple[int, Rows]]:
        """The rows in parts: (number of rows before, rows)."""
        n = self.n if n is None else min(n, self.n)
        for first in range(0, n, _ROWS_AT_ONCE):
            self._file.seek(first * self.row_type.itemsize)
            n_now = min(_ROWS_AT_ONCE, n - first)
            yield first, np.frombuffer(self._file.read(n_now * self.row_type.itemsize), dtype=self.row_type)

    def _n_in_order(self) -> int:
        """How many rows are numbered 1, 2, 3 and so on.

        What a failing machine left behind them is not ours, and the last one before it may be torn.
        """
        for first, rows in self._parts():
            wrong = np.flatnonzero(rows["replicate"] != np.arange(first + 1, first + len(rows) + 1))
            if len(wrong):
                return first + int(wrong[0])
        return self.n


def rows_of(table: pd.DataFrame, columns: Sequence[Column]) -> Rows:
    """A table of replicates as rows."""
    rows = np.zeros(len(table), dtype=row_type(columns))
    for column in columns:
        rows[column.name] = table[column.name].to_numpy()
    return rows
