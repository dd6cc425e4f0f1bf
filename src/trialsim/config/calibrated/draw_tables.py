"""Tables of parameter draws: the posterior that comes with the package, one that a calibration wrote, or a user's own.

A table is a parquet or CSV file with one column a parameter and one row a draw. A column is named after its parameter,
with the unit in brackets where it has one: `rash rate [/month]`, `cut off [months]`, `sensitive`.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from trialsim.config.source.builtin import builtin_folder
from trialsim.errors import ConfigurationError, Problem
from trialsim.files.regular import UnsuitableFileError, is_file, open_regular, read_regular
from trialsim.typing import Floats

POSTERIORS: Final = "posteriors"
MOST_DRAWS: Final = 1_000_000
MAX_BYTES: Final = 1_000_000_000
_COLUMN: Final = re.compile(r"\s*(?P<name>[^\[\]]*?)\s*(?:\[(?P<unit>[^\[\]]*)\])?\s*\Z")
_DIGITS: Final = 16
_FORMATS: Final = (".parquet", ".csv")
_CONTEXT: Final = ("drug", "reference_dose")


class TableError(ConfigurationError):
    """A table of draws that is not there, cannot be read, or is another one than it should be."""

    def __init__(self, what: str, wrong: str, allowed: str) -> None:
        self.problem = Problem("", what, wrong, allowed)
        super().__init__([self.problem])


@dataclass(frozen=True)
class ParameterTable:
    """Draws of parameters: `values` has shape (draws, parameters), each column in its unit (empty for none).

    `title` says in words where they are from. `context` has the `drug` and the `reference_dose` that the rates hold
    for, where the table states them; it is no part of the digest.
    """

    title: str
    names: tuple[str, ...]
    units: tuple[str, ...]
    values: Floats
    context: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """What tells this table from any other: 16 characters of the SHA-256 of its names, units and numbers."""
        header = "\n".join(f"{name} [{unit}]" for name, unit in zip(self.names, self.units, strict=True))
        numbers = np.ascontiguousarray(self.values, dtype="<f8").tobytes()
        return hashlib.sha256(header.encode("utf-8") + b"\n" + numbers).hexdigest()[:_DIGITS]

    def median(self, name: str) -> str:
        """The median of a parameter with its unit, to four digits."""
        column = self.names.index(name)
        return f"{np.median(self.values[:, column]):.4g} {self.units[column]}".strip()

    def column(self, name: str) -> Floats:
        """The draws of one parameter, in its unit. Shape (draws,)."""
        return self.values[:, self.names.index(name)]


def column_name(name: str, unit: str) -> str:
    """How a column is named in a file."""
    return f"{name} [{unit}]" if unit else name


def posterior_file(name: str) -> Path:
    """Where the posterior of a cohort lies that comes with the package."""
    return builtin_folder() / POSTERIORS / f"{name}.parquet"


def table_wanted(parameters: Mapping[str, Any], cohort: str) -> ParameterTable:
    """The table that `parameters` of a scenario name: `draws`, a path, or the posterior of `calibrated_to`.

    Raises `TableError` if there is none, if it cannot be read, or if it is not the one with the `digest`.
    """
    path = parameters.get("draws")
    cohort_name = str(parameters.get("calibrated_to") or cohort)
    if path is not None:
        table = read_table(Path(str(path)), f"the draws in {Path(str(path)).name}")
    else:
        file = posterior_file(cohort_name)
        if not is_file(file):
            posteriors = sorted(item.stem for item in file.parent.glob("*.parquet"))
            allowed = f"mode, fixed, {{draws: FILE}}, or a cohort with a posterior: {', '.join(posteriors) or 'none'}."
            problem = (
                f"no posterior of {cohort_name!r} comes with the package." if cohort_name else "no cohort is named."
            )
            raise TableError("parameters.use = calibrated", problem, allowed)
        table = read_table(file, f"the posterior of {cohort_name}")
    expected_digest = parameters.get("digest")
    if expected_digest is not None and str(expected_digest) != table.digest:
        problem = f"{table.title} is another one than this was resolved with (its digest is {table.digest})."
        allowed = "the same table, or no digest to take the one that is there."
        raise TableError(f"parameters.digest = {expected_digest}", problem, allowed)
    return table


def read_table(path: Path, title: str) -> ParameterTable:
    """A table of draws from its file. Raises `TableError`."""
    try:
        with open_regular(path) as file:
            stamp = os.fstat(file.fileno()).st_mtime_ns
    except UnsuitableFileError as error:
        raise _refused(path, f"{error.strerror}.") from None
    except (OSError, ValueError):
        raise _refused(path, "there is no such file, or it may not be read.") from None
    if path.suffix not in _FORMATS:
        raise _refused(path, "this is not a table of draws.")
    return _read(path.resolve(), stamp, title)


@lru_cache(maxsize=8)
def _read(path: Path, stamp: int, title: str) -> ParameterTable:
    import pyarrow as pa
    from pyarrow import csv, parquet

    try:
        content = pa.BufferReader(read_regular(path, MAX_BYTES))
        table = parquet.read_table(content) if path.suffix == ".parquet" else csv.read_csv(content)
        names_in_file = list(table.column_names)
    except UnsuitableFileError as error:
        raise _refused(path, f"{error.strerror}.") from None
    except (OSError, pa.ArrowException, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:100]
        raise _refused(path, f"it cannot be read: {reason.rstrip('.')}.") from None
    if not 1 <= table.num_rows <= MOST_DRAWS:
        raise _refused(path, f"it has {table.num_rows:,} draws; 1 to {MOST_DRAWS:,} are possible.")
    if not names_in_file:
        raise _refused(path, "it has no column.")
    headers = [_COLUMN.match(name) for name in names_in_file]
    names = [match["name"] if match else "" for match in headers]
    columns = [_numbers(path, name, column) for name, column in zip(names_in_file, table.columns, strict=True)]
    if "" in names or len(set(names)) < len(names):
        raise _refused(path, "two columns have the same parameter, or one has none.")
    units = tuple((match["unit"] or "").strip() if match else "" for match in headers)
    context = _context(table.schema.metadata or {})
    return ParameterTable(title, tuple(names), units, np.column_stack(columns), context)


def _context(metadata: Mapping[bytes, bytes]) -> dict[str, str]:
    """What a parquet file says that its rates hold for; nothing for a file that was written elsewhere."""
    written = {key: metadata.get(f"trialsim.{key}".encode()) for key in _CONTEXT}
    return {key: value.decode("utf-8", "replace") for key, value in written.items() if value is not None}


def _numbers(path: Path, name: str, column: Any) -> Floats:
    """The numbers of a column; refused where it holds times, texts or anything else. Shape (draws,)."""
    import pyarrow as pa

    kind, problem = column.type, f"column {name!r} holds something else than numbers."
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise _refused(path, problem)
    values: Floats = column.to_numpy(zero_copy_only=False).astype(np.float64)
    if not np.isfinite(values).all():
        raise _refused(path, problem)
    return values


def write_table(path: Path, table: ParameterTable) -> None:
    """Write a table of draws as parquet, with its context in the metadata of the file."""
    import pyarrow as pa
    from pyarrow import parquet

    names = [column_name(*pair) for pair in zip(table.names, table.units, strict=True)]
    written = pa.table(list(table.values.T), names=names)
    metadata = {f"trialsim.{key}": value for key, value in table.context.items()}
    parquet.write_table(written.replace_schema_metadata(metadata), path, compression="zstd")


def _refused(path: Path, wrong: str) -> TableError:
    allowed = "a .parquet or .csv file, a row a draw, a column a parameter: `rash rate [/month]`, `sensitive`."
    return TableError(f"parameters.draws = {path}", wrong, allowed)
