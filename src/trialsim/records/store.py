"""The results folder: written under a temporary name and moved into place, so that it is there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from trialsim.errors import ConfigurationError, DestinationError
from trialsim.formats import FORMATS
from trialsim.records.manifest import MANIFEST, read_manifest_data
from trialsim.records.work_folder import WorkFolder, work_folder

PARAMETERS_FILE: Final = "parameters.parquet"  # the user's own draws of the parameters, beside the results
PICTURES: Final = (
    "swimmer", "predictive", "learned", "left_out", "sensitivity", "plane", "differences", "ranks", "power",
    "boundaries", "assurance", "calendar",
)  # fmt: skip
FILES: Final = frozenset(
    {MANIFEST, "scenario.yaml", "estimates.csv", "readings.csv", "replicates.parquet", "patients.parquet",
     "events.parquet", PARAMETERS_FILE, "posterior.parquet", "learned.csv", "correlations.csv", "directions.csv",
     "predictive.csv", "left_out.csv", "sensitivity.csv", "study.yaml", "differences.csv", "ranks.csv",
     "protocol.txt", "calendar.csv", "exact.csv", "curve.csv", "shares.csv",
     *(f"{picture}.{form}" for picture in PICTURES for form in FORMATS)}
)  # fmt: skip
_ALLOWED: Final = "a new folder, an empty one, or a results folder to replace, where you may write"


@contextmanager
def results_folder(work: WorkFolder) -> Iterator[Path]:
    """A folder to fill, which takes the place of the destination when the block ends without an exception."""
    filling = work.fill()
    yield filling
    check_destination(work.destination)  # once more: a user may have put something there meanwhile
    work.finish(filling)


def saved_in(destination: Path, save: Callable[[WorkFolder], None]) -> Path:
    """Let `save` write the results folder of a destination, whole or not at all. Raises `DestinationError`."""
    with work_folder(check_destination(destination)) as work:
        save(work)
    return destination


def check_destination(destination: Path) -> Path:
    """The place for a results folder, links resolved; `DestinationError` if it could not be put there.

    A folder is replaced only if everything in it was written by a run; anything else in it is the user's.
    """
    try:
        place = destination.resolve()
        if place == Path.cwd():
            raise _refused(destination, "this is the folder that you are in.")
        if place.is_dir():
            others = sorted(path.name for path in place.iterdir() if path.name not in FILES)
            if others or (any(place.iterdir()) and not _is_ours(place / MANIFEST)):
                named = f" ({others[0]})" if others else ""
                raise _refused(destination, f"the folder holds something else than results{named}.")
        elif place.exists():
            raise _refused(destination, "this is a file.")
        nearest = next(folder for folder in place.parents if folder.exists())
    except OSError as error:
        raise _refused(destination, f"{error.strerror}.") from error
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise _refused(destination, f"{nearest} cannot be written.")
    return place


def _is_ours(manifest: Path) -> bool:
    try:
        read_manifest_data(manifest)
    except ConfigurationError:
        return False
    return True


def _refused(destination: Path, why: str) -> DestinationError:
    return DestinationError(f"--out {destination}", why, f"{_ALLOWED}.")
