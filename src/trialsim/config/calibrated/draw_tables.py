"""Tables of parameter draws: the posterior that comes with the package, one that a calibration wrote, or a user's own.

A table is a parquet or CSV file with one column a parameter and one row a draw. A column is named after its parameter,
with the unit in brackets where it has one: `rash rate [/month]`, `cut off [months]`, `sensitive`. A parquet file that a
calibration wrote says in its metadata which drug and reference dose the rates hold for, and which columns hold a number
that was fixed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from trialsim.config.source.builtin import DRAWS_ENDINGS, builtin_folder, is_path
from trialsim.config.source.problems import nearest
from trialsim.errors import ConfigurationError, Problem
from trialsim.files.regular import UnsuitableFileError, is_file, open_regular, read_regular
from trialsim.typing import Floats

POSTERIORS: Final = "posteriors"
MOST_DRAWS: Final = 1_000_000
MAX_BYTES: Final = 1_000_000_000
_COLUMN: Final = re.compile(r"\s*(?P<name>[^\[\]]*?)\s*(?:\[(?P<unit>[^\[\]]*)\])?\s*\Z")
_DIGITS: Final = 16
_CONTEXT: Final = ("drug", "reference_dose")
_FIXED: Final = "trialsim.fixed"


class TableError(ConfigurationError):
    """A table of draws that is not there, cannot be read, or is another one than it should be."""

    def __init__(self, what: str, wrong: str, allowed: str, suggestion: str = "") -> None:
        self.problem = Problem("", what, wrong, allowed, suggestion)
        super().__init__([self.problem])


class _NoPosteriorError(TableError):
    """A scenario that asks for a posterior which does not come with the package."""

    def __init__(self, cohort_name: str, cohort: str, centre: str | None) -> None:
        name = cohort if is_path(cohort_name) else cohort_name
        words = f"the cohort {name!r}" if name else f"the parameter set {Path(cohort_name).name}"
        if centre is not None:
            words = f"the parameter set {name!r} for the centre of {centre!r}"
        advice = "run `trialsim calibrate COHORT --out DIR`, then say `parameters: DIR/posterior.parquet`"
        missing = f"there is no posterior of {words} yet" if cohort_name else "no cohort is named whose posterior it is"
        problem = f"{missing}: {advice}."
        stems = sorted(item.stem for item in posterior_file("").parent.glob("*.parquet"))
        if centre is not None:
            what = "a centre"
            names = [stem.removeprefix(f"{name}-") for stem in stems if stem.startswith(f"{name}-")]
        else:
            what = "a cohort with a posterior"
            names = [stem for stem in stems if not any(stem.startswith(f"{other}-") for other in stems)]
        allowed = f"mode, fixed, {{draws: FILE}}, or {what}: {', '.join(names) or 'none'}."
        super().__init__("parameters.use = calibrated", problem, allowed)


@dataclass(frozen=True)
class FixedNumber:
    """A number that was fixed while the others were calibrated, in its unit (empty for none), with its source."""

    value: float
    unit: str
    source: str

    @property
    def text(self) -> str:
        """The number with its unit."""
        return f"{self.value:.15g} {self.unit}".strip()


@dataclass(frozen=True)
class ParameterTable:
    """Draws of parameters: `values` has shape (draws, parameters), each column in its unit (empty for none).

    `title` says in words where they are from. `context` has the `drug` and the `reference_dose` that the rates hold
    for, where the table states them; `fixed` has the numbers that the draws were found with. Neither is a part of the
    digest: a resolved scenario states them itself.
    """

    title: str
    names: tuple[str, ...]
    units: tuple[str, ...]
    values: Floats
    context: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, FixedNumber] = field(default_factory=dict)

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


def posterior_file(name: str, centre: str | None = None) -> Path:
    """Where the posterior of a cohort lies that comes with the package; of several cohorts, for the centre of one."""
    return builtin_folder() / POSTERIORS / (f"{name}-{centre}.parquet" if centre is not None else f"{name}.parquet")


def table_wanted(parameters: Mapping[str, Any], cohort: str) -> ParameterTable:
    """The table that `parameters` of a scenario name: `draws`, a path, or the posterior of `calibrated_to`.

    Raises `TableError` if there is none, if it cannot be read, or if it is not the one with the `digest`.
    """
    path, centre = parameters.get("draws"), parameters.get("centre")
    cohort_name = str(parameters.get("calibrated_to") or cohort)
    if path is not None:
        table = read_table(Path(str(path)), f"the draws in {Path(str(path)).name}")
    elif is_path(cohort_name) or not is_file(posterior_file(cohort_name, centre)):
        raise _NoPosteriorError(cohort_name, cohort, centre)
    else:
        of = f"{cohort_name} for the centre of {centre}" if centre is not None else cohort_name
        table = read_table(posterior_file(cohort_name, centre), f"the posterior of {of}")
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
    except FileNotFoundError:
        raise _refused(path, "there is no such file.", _near(path)) from None
    except (OSError, ValueError):
        raise _refused(path, "this file may not be read.") from None
    if path.suffix not in DRAWS_ENDINGS:
        raise _refused(path, "this is not a table of draws.")
    return _read(path.resolve(), stamp, title)


@lru_cache(maxsize=8)
def _read(path: Path, stamp: int, title: str) -> ParameterTable:
    import pyarrow as pa

    try:
        table = _arrow_table(path)
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
    return _table_of_columns(title, tuple(names), units, columns, table.schema.metadata or {})


def _arrow_table(path: Path) -> Any:
    """The table of Arrow in a file; `ParquetFile` reads it without pandas, which `read_table` imports."""
    import pyarrow as pa

    content = pa.BufferReader(read_regular(path, MAX_BYTES))
    if path.suffix == ".parquet":
        from pyarrow.parquet import ParquetFile

        return ParquetFile(content).read()
    from pyarrow import csv

    return csv.read_csv(content)


def _table_of_columns(
    title: str, names: tuple[str, ...], units: tuple[str, ...], columns: list[Floats], metadata: Mapping[bytes, bytes]
) -> ParameterTable:
    """The columns of a file as draws, and as fixed numbers those of one value that the metadata call fixed."""
    sources = _sources_of_fixed(metadata)
    fixed: dict[str, FixedNumber] = {}
    drawn = []
    for i, (name, column) in enumerate(zip(names, columns, strict=True)):
        if name in sources and (column == column[0]).all() and len(sources) < len(names):
            fixed[name] = FixedNumber(float(column[0]), units[i], sources[name])
        else:
            drawn.append(i)
    values = np.column_stack([columns[i] for i in drawn])
    names, units = tuple(names[i] for i in drawn), tuple(units[i] for i in drawn)
    return ParameterTable(title, names, units, values, _context(metadata), fixed)


def _context(metadata: Mapping[bytes, bytes]) -> dict[str, str]:
    """What a parquet file says that its rates hold for; nothing for a file that was written elsewhere."""
    written = {key: metadata.get(f"trialsim.{key}".encode()) for key in _CONTEXT}
    return {key: value.decode("utf-8", "replace") for key, value in written.items() if value is not None}


def _sources_of_fixed(metadata: Mapping[bytes, bytes]) -> dict[str, str]:
    """The sources of the numbers that a parquet file says were fixed, by parameter."""
    try:
        written = json.loads(metadata.get(_FIXED.encode(), b"{}"))
    except ValueError:
        return {}
    return {str(name): str(source) for name, source in written.items()} if isinstance(written, dict) else {}


def _numbers(path: Path, name: str, column: Any) -> Floats:
    """The numbers of a column; refused where it holds times, texts or anything else. Shape (draws,)."""
    import pyarrow as pa

    kind, problem = column.type, f"column {name!r} holds something else than numbers."
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)) or column.null_count > 0:
        raise _refused(path, problem)
    # `to_numpy` of Arrow imports pandas.
    values: Floats = np.from_dlpack(column.combine_chunks()).astype(np.float64)
    if not np.isfinite(values).all():
        raise _refused(path, problem)
    return values


def write_table(path: Path, table: ParameterTable) -> None:
    """Write a table of draws as parquet: fixed numbers as columns too, their sources and the context as metadata."""
    import pyarrow as pa
    from pyarrow import parquet

    columns = {column_name(*pair): table.column(pair[0]) for pair in zip(table.names, table.units, strict=True)}
    for name, number in table.fixed.items():
        columns[column_name(name, number.unit)] = np.full(len(table.values), number.value)
    written = pa.table(list(columns.values()), names=list(columns))
    metadata = {f"trialsim.{key}": value for key, value in table.context.items()}
    if table.fixed:
        metadata[_FIXED] = json.dumps({name: number.source for name, number in table.fixed.items()})
    parquet.write_table(written.replace_schema_metadata(metadata), path, compression="zstd")


def _near(path: Path) -> str:
    """The table of draws beside a path that has nearly its name; empty for none."""
    try:
        tables = [item.name for item in path.parent.iterdir() if item.suffix in DRAWS_ENDINGS]
    except OSError:
        return ""
    name = nearest(path.name, tables)
    return str(path.with_name(name)) if name else ""


def _refused(path: Path, wrong: str, suggestion: str = "") -> TableError:
    allowed = "a .parquet or .csv file, a row a draw, a column a parameter: `rash rate [/month]`, `sensitive`."
    return TableError(f"parameters.draws = {path}", wrong, allowed, suggestion)
