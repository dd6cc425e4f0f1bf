"""The command `init`: the files to start from for a pilot of one's own."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from trialsim.config.source.builtin import SCHEMAS
from trialsim.config.starting.pilot import pilot_of
from trialsim.config.starting.texts import COHORT, FILES, FOLLOW_UP, SCENARIO, SCHEMA_FOLDER, SIZE, schema_name, text_of
from trialsim.errors import ConfigurationError, DestinationError
from trialsim.files.regular import is_file, other_kind
from trialsim.workflows.check import check
from trialsim.workflows.schema import schema_text

_ALLOWED: Final = "another folder, or --overwrite to replace them."


def init(folder: Path | str = ".", answers: Mapping[str, str] | None = None, overwrite: bool = False) -> list[Path]:
    """Write a scenario, a cohort, priors, a follow-up and a study of size for a pilot, to start from.

    The files are valid at once: `trialsim check` reads them, and `trialsim run` simulates the pilot. What is not said
    is assumed, and says so.

    Parameters
    ----------
    folder
        Where to write; it is made if it does not exist.
    answers
        What is known of the pilot, as text by name: `drug`, `unit`, `levels`, `every`, `patients`, `accrual`,
        `follow_up`, `toxicities`, `responses`, `evaluable`, `progression`, `progression_free`. Without any, the pilot
        is made up.
    overwrite
        Whether files that exist are replaced.

    Returns
    -------
    list of Path
        The files, those of the schemas last.

    Raises
    ------
    ConfigurationError
        With the problems of all answers.
    DestinationError
        For a folder that cannot be written, or that has a file of one of the names.
    """
    texts = _texts(answers or {})
    destination = Path(folder)
    _check_destination(destination, texts, overwrite)
    _check_texts(texts)
    try:
        for name, text in texts.items():
            path = destination / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        problem = f"this cannot be written: {error.strerror or error}."
        raise DestinationError(str(error.filename or destination), problem, "a folder of your own.") from None
    return [destination / name for name in texts]


def next_steps(folder: Path | str) -> list[tuple[str, str]]:
    """The commands to go on with, each with what it does."""
    scenario, cohort, follow_up, size, posterior, draws = (
        shlex.quote(str(Path(folder) / name))
        for name in (SCENARIO, COHORT, FOLLOW_UP, SIZE, "posterior", "posterior/posterior.parquet")
    )
    return [
        (f"trialsim check {scenario}", "the pilot in plain language, with the source of each number"),
        (f"trialsim run {scenario}", "simulate it at the modes of the priors"),
        (f"trialsim calibrate {cohort} --out {posterior}", "learn from what was observed; minutes"),
        (f"trialsim run {follow_up} --set parameters={draws}", "the follow-up, as uncertain as the pilot leaves it"),
        (f"trialsim size {size} --set parameters={draws}", "how many patients it needs"),
    ]


def _texts(answers: Mapping[str, str]) -> dict[str, str]:
    """The text of every file by its name."""
    pilot = pilot_of(answers)
    files = {file.name: text_of(file, pilot) for file in FILES}
    return files | {schema_name(kind): schema_text(kind) for kind in SCHEMAS}


def _check_destination(destination: Path, texts: Mapping[str, str], overwrite: bool) -> None:
    """Raise `DestinationError` where a file exists that says something else, or the folder is none."""
    if destination.exists() and not destination.is_dir():
        raise DestinationError(str(destination), "this is a file, not a folder.", "a folder, which may be new.")
    for name in texts:
        if kind := other_kind(destination / name):
            raise DestinationError(str(destination / name), f"this is {kind}, not a file.", "another folder.")
    different = [name for name, text in texts.items() if _says_else(destination / name, text)]
    if different and not overwrite:
        raise DestinationError(str(destination), f"the folder has {', '.join(different)} already.", _ALLOWED)


def _says_else(path: Path, text: str) -> bool:
    """Whether a file is there with another text."""
    return is_file(path) and path.read_bytes() != text.encode("utf-8")


def _check_texts(texts: Mapping[str, str]) -> None:
    """Raise `ConfigurationError` where a file would not be valid, such as for a name that means something else."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, text in texts.items():
            if not name.startswith(SCHEMA_FOLDER):
                (Path(scratch) / name).write_text(text, encoding="utf-8")
        try:
            check([str(Path(scratch) / file.name) for file in FILES])
        except ConfigurationError as error:
            problems = [replace(item, place="") for item in error.problems]  # no file is there to be looked at
            raise ConfigurationError(list(dict.fromkeys(problems))) from None
