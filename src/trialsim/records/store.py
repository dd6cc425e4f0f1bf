"""The results folder: written under a temporary name and moved into place, so that it is there whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from trialsim.errors import DestinationError

MANIFEST: Final = "manifest.json"
_ALLOWED: Final = "a new folder, an empty one, or a results folder to replace, where you may write"


@contextmanager
def results_folder(destination: Path) -> Iterator[Path]:
    """A folder to fill, which takes the place of `destination` when the block ends without an exception.

    Raises `DestinationError` before any work if the destination cannot be written or holds something else.
    """
    check_destination(destination)
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        filling = Path(tempfile.mkdtemp(prefix=f".{destination.name}.", suffix=".partial", dir=destination.parent))
    except OSError as error:
        raise DestinationError(f"--out {destination}", f"{error.strerror}.", f"{_ALLOWED}.") from error
    try:
        yield filling
        filling.chmod(0o755)
        _replace(destination, filling)
    finally:
        shutil.rmtree(filling, ignore_errors=True)


def check_destination(destination: Path) -> None:
    """Raise `DestinationError` if a results folder could not be put there."""
    if destination.is_dir():
        if any(destination.iterdir()) and not (destination / MANIFEST).is_file():
            raise DestinationError(
                f"--out {destination}", "the folder holds something else than results.", f"{_ALLOWED}."
            )
    elif destination.exists() or destination.is_symlink():
        raise DestinationError(f"--out {destination}", "this is a file.", f"{_ALLOWED}.")
    nearest = next(folder for folder in (destination.parent, *destination.parent.parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise DestinationError(f"--out {destination}", f"{nearest} cannot be written.", f"{_ALLOWED}.")


def _replace(destination: Path, filling: Path) -> None:
    """Move a filled folder into place; an older one steps aside first and comes back if the move fails."""
    if not destination.exists():
        filling.replace(destination)
        return
    aside = filling.with_name(filling.name + ".old")
    destination.replace(aside)
    try:
        filling.replace(destination)
    except OSError:
        aside.replace(destination)
        raise
    shutil.rmtree(aside, ignore_errors=True)
