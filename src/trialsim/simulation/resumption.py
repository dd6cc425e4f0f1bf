"""Resuming a run: from a results folder, or from the unfinished run beside it, if they are the same trials."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trialsim.errors import DestinationError
from trialsim.files.owned import NotOursError
from trialsim.files.regular import is_file
from trialsim.simulation.replicates import OtherTrialsError, Simulation, keep_first
from trialsim.storage.checkpoint import Checkpoint, refused_resumption
from trialsim.storage.job_folder import JobFolder, is_unfinished
from trialsim.storage.layouts import RUN
from trialsim.storage.manifest import MANIFEST, read_manifest
from trialsim.storage.replicate_store import ReplicateStore
from trialsim.storage.results_folder import shown_differences


def has_earlier(folder: Path) -> bool:
    """Whether there is anything to resume: results in a folder, or an unfinished run beside it."""
    return is_file(folder / MANIFEST) or is_unfinished(folder.resolve())


def open_store(
    checkpoint: Checkpoint,
    simulation: Simulation,
    configuration: Mapping[str, Any],
    earlier: Path | None,
    n_asked: int | None,
) -> ReplicateStore:
    """The store that a run fills: in its checkpoint, or, where there is none, in a file of its own.

    With `earlier` (a results folder) it holds the replicates that are there, or in the unfinished run beside it,
    whichever are more. The first one is simulated again and must come out as it is stored. Raises `DestinationError`,
    and changes nothing, for another scenario or seed, for more replicates than asked for (if a number is), or for
    results that differ from what this version simulates.
    """
    columns = simulation.trials.columns
    stores = _earlier_stores(earlier.resolve(), simulation, configuration) if earlier is not None else []
    longest = max(stores, key=len, default=None)
    if longest is not None and earlier is not None:
        _check_number(longest, n_asked, earlier)
        _check_trials(longest, simulation, earlier)
    is_own = earlier is not None and earlier.resolve() == checkpoint.destination
    if not (is_own and checkpoint.request is not None):
        checkpoint.begin({"scenario": configuration, "seed": simulation.seed})
    store = checkpoint.store(columns)
    if longest is not None and longest.n > store.n:
        store.take(longest)
    return store


def _earlier_stores(folder: Path, simulation: Simulation, configuration: Mapping[str, Any]) -> list[ReplicateStore]:
    """What there is to resume: results in a folder, an unfinished run beside it."""
    job = JobFolder(folder)
    request = job.checkpoint.request
    if request is not None:
        _check_same(job.path, request.get("scenario", {}), request.get("seed", -1), configuration, simulation.seed)
    stores = _finished(folder, simulation, configuration)
    if request is not None:
        try:
            stores.append(job.checkpoint.read_store(simulation.trials.columns))
        except NotOursError as error:
            raise refused_resumption(job.path, f"{error.filename}: {error.strerror}.") from error
    return stores


def _check_number(store: ReplicateStore, n_asked: int | None, folder: Path) -> None:
    """Nothing is thrown away."""
    if n_asked is not None and store.n > n_asked:
        problem = f"it holds {store.n:,} replicates already, more than the {n_asked:,} asked for."
        raise DestinationError(f"--resume of {folder}", problem, f"at least {store.n:,} replicates.")


def _check_trials(store: ReplicateStore, simulation: Simulation, folder: Path) -> None:
    """The first trial, simulated again, is the one that is stored."""
    if store.n > 0:
        try:
            keep_first(simulation, store, 1)
        except OtherTrialsError as error:
            problem = "this version simulates other trials than those stored there."
            raise refused_resumption(folder, problem) from error


def _check_same(
    place: Path, scenario: Mapping[str, Any], seed: int, configuration: Mapping[str, Any], own_seed: int
) -> None:
    differences = shown_differences({**scenario, "seed": seed}, {**configuration, "seed": own_seed})
    if differences:
        raise refused_resumption(place, f"it holds another run.\n  {differences}")


def _finished(folder: Path, simulation: Simulation, configuration: Mapping[str, Any]) -> list[ReplicateStore]:
    """The replicates of a results folder, if it is one."""
    if not is_file(folder / MANIFEST):
        return []
    manifest = read_manifest(folder / MANIFEST, RUN.command)
    _check_same(folder, manifest["scenario"], manifest["seed"], configuration, simulation.seed)
    store = ReplicateStore(simulation.trials.columns)
    try:
        path = folder / "replicates.parquet"
        if not is_file(path):  # a pipe would be waited for
            raise refused_resumption(folder, "its replicates are not a file.")
        store.append_parquet(path)
    except (OSError, ValueError) as error:
        raise refused_resumption(folder, "its replicates cannot be read.") from error
    if store.digest() != manifest["results_digest"]:
        raise refused_resumption(folder, "its replicates are not those that its manifest speaks of.")
    return [store]
