"""Draws that are to be the prior of a calibration: a results folder, a table in a file, or one that comes with us."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from trialsim.config.calibrated.draw_tables import (
    POSTERIORS,
    ParameterTable,
    TableError,
    posterior_file,
    read_table,
)
from trialsim.config.source.builtin import DRAWS_ENDINGS, builtin_folder
from trialsim.config.source.problems import nearest
from trialsim.files.regular import is_file

PriorLike = ParameterTable | Path | str

_FILE_IN_FOLDER: Final = "posterior.parquet"
_ALLOWED: Final = "the results folder of a calibration, a .parquet or .csv file of draws, or one of {}."


def builtin_posteriors() -> list[str]:
    """The names of the posteriors that come with the package, sorted."""
    return sorted(path.stem for path in (builtin_folder() / POSTERIORS).glob("*.parquet"))


def prior_file(given: Path | str) -> Path:
    """The file of draws for a built-in name, a results folder or a file. Raises `TableError` where there is none."""
    name, path = str(given), Path(given)
    if name in builtin_posteriors():
        return posterior_file(name)
    if path.is_dir():
        return _file_in(path)
    if path.suffix in DRAWS_ENDINGS and is_file(path):
        return path
    names = builtin_posteriors()
    near = nearest(name, names)
    advice = f" Did you mean {near}?" if near else ""
    is_there = is_file(path)
    problem = "this is not a table of draws." if is_there else "there is no such folder, file or built-in posterior."
    raise TableError(f"prior = {name}", problem + advice, _ALLOWED.format(", ".join(names)))


def load_prior_draws(given: PriorLike) -> ParameterTable:
    """The draws for what `prior_file` takes, or themselves. Raises `TableError`."""
    if isinstance(given, ParameterTable):
        return given
    path = prior_file(given)
    try:
        return read_table(path, str(given))
    except TableError as error:
        raise TableError(f"prior = {given}", error.problem.wrong, error.problem.allowed) from None


def _file_in(folder: Path) -> Path:
    path = folder / _FILE_IN_FOLDER
    if not is_file(path):
        problem = f"the folder has no {_FILE_IN_FOLDER}."
        raise TableError(f"prior = {folder}", problem, _ALLOWED.format(", ".join(builtin_posteriors())))
    return path
