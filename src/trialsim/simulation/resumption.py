"""Going on from what is there: a results folder, or the unfinished run beside it, if they are the same trials."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from trialsim.errors import DestinationError
from trialsim.files.owned import NotOursError
from trialsim.files.regular import is_file
from trialsim.records.outcomes import columns_of
from trialsim.simulation.replicates import OtherTrialsError, Simulation, keep_first
from trialsim.storage.job_folder import WorkFolder
from trialsim.storage.manifest import MANIFEST, read_manifest
from trialsim.storage.replicate_store import ReplicateStore
from trialsim.storage.results_folder import shown_differences

_NOT_CONFIGURATION: Final = ("seed", "trials", "calibrate.seed", "calibrate.patients", "calibrate.sampler")


def has_earlier(folder: Path) -> bool:
    """Whether there is anything to go on from: results in a folder, or an unfinished run beside it."""
    return is_file(folder / MANIFEST) or WorkFolder(folder.resolve()).request is not None


def begin_or_go_on(work: WorkFolder, request: Mapping[str, Any], is_resumed: bool) -> None:
    """Begin a piece of work in its folder, or go on with what is there if that is asked for.

    Raises `DestinationError` if what is there is something else.
    """
    there = work.request
    if there is None or not is_resumed:
        begin(work, request)
        return
    found = shown_differences(there, request)
    if found:
        raise _refused(work.path, f"it holds something else.\n  {found}")


def begin(work: WorkFolder, request: Mapping[str, Any]) -> None:
    """Forget what is in a work folder and begin a run there.

    Raises `DestinationError` for an unfinished run of another configuration, unless that may be overwritten.
    """
    if work.is_damaged:
        work.on_note(f"what is being run in {work.path} cannot be read: it is begun anew")
    there = work.request
    if there is not None and not work.overwrite:
        found = shown_differences(there, request, _NOT_CONFIGURATION)
        if found:
            wrong = f"an unfinished run of another configuration is kept in {work.path}.\n  {found}"
            allowed = "another folder, or --overwrite to forget that run."
            raise DestinationError(f"--out {work.destination}", wrong, allowed)
    work.begin(request)


def open_store(
    work: WorkFolder | None,
    simulation: Simulation,
    configuration: Mapping[str, Any],
    earlier: Path | None,
    n_asked: int | None,
) -> ReplicateStore:
    """The store that a run fills: in its work folder, or, without one, in a file of its own.

    With `earlier` (a results folder) it holds the replicates that are there, or in the unfinished run beside it,
    whichever are more. The first one is simulated again and must come out as it is stored. Raises `DestinationError`,
    and changes nothing, for another scenario or seed, for more replicates than asked for (if a number is), or for
    results that differ from what this version simulates.
    """
    columns = columns_of(simulation.protocol)
    there = _earlier_stores(earlier.resolve(), simulation, configuration) if earlier is not None else []
    most = max(there, key=len, default=None)
    if most is not None and earlier is not None:
        _check_number(most, n_asked, earlier)
        _check_trials(most, simulation, earlier)
    if work is None:
        store = ReplicateStore(columns)
    else:
        is_own = earlier is not None and earlier.resolve() == work.destination
        if not (is_own and work.request is not None):
            begin(work, {"scenario": configuration, "seed": simulation.seed})
        store = work.store(columns)
    if most is not None and most.n > store.n:
        store.take(most)
    return store


def _earlier_stores(folder: Path, simulation: Simulation, configuration: Mapping[str, Any]) -> list[ReplicateStore]:
    """What there is to go on from: results in a folder, an unfinished run beside it."""
    unfinished = WorkFolder(folder)
    _check_unfinished(unfinished, simulation, configuration)
    found = _finished(folder, simulation, configuration)
    if unfinished.request is not None:
        try:
            found.append(unfinished.look(columns_of(simulation.protocol)))
        except NotOursError as error:
            raise _refused(unfinished.path, f"{error.filename}: {error.strerror}.") from error
    return found


def _check_number(store: ReplicateStore, n_asked: int | None, folder: Path) -> None:
    """Nothing is thrown away."""
    if n_asked is not None and store.n > n_asked:
        wrong = f"it holds {store.n:,} replicates already, more than the {n_asked:,} asked for."
        raise DestinationError(f"--resume of {folder}", wrong, f"at least {store.n:,} replicates.")


def _check_trials(store: ReplicateStore, simulation: Simulation, folder: Path) -> None:
    """The first trial, simulated again, is the one that is stored."""
    if store.n > 0:
        try:
            keep_first(simulation, store, 1)
        except OtherTrialsError as error:
            raise _refused(folder, "this version simulates other trials than those stored there.") from error


def _check_unfinished(work: WorkFolder, simulation: Simulation, configuration: Mapping[str, Any]) -> None:
    request = work.request
    if request is not None:
        _check_same(work.path, request.get("scenario", {}), request.get("seed", -1), configuration, simulation.seed)


def _check_same(
    place: Path, scenario: Mapping[str, Any], seed: int, configuration: Mapping[str, Any], own_seed: int
) -> None:
    found = shown_differences({**scenario, "seed": seed}, {**configuration, "seed": own_seed})
    if found:
        raise _refused(place, f"it holds another run.\n  {found}")


def _finished(folder: Path, simulation: Simulation, configuration: Mapping[str, Any]) -> list[ReplicateStore]:
    """The replicates of a results folder, if it is one."""
    if not is_file(folder / MANIFEST):
        return []
    manifest = read_manifest(folder / MANIFEST)
    _check_same(folder, manifest.scenario, manifest.seed, configuration, simulation.seed)
    store = ReplicateStore(columns_of(simulation.protocol))
    try:
        path = folder / "replicates.parquet"
        if not is_file(path):  # a pipe would be waited for
            raise _refused(folder, "its replicates are not a file.")
        store.append_parquet(path)
    except (OSError, ValueError) as error:
        raise _refused(folder, "its replicates cannot be read.") from error
    if store.digest() != manifest.results_digest:
        raise _refused(folder, "its replicates are not those that its manifest speaks of.")
    return [store]


def _refused(folder: Path, why: str) -> DestinationError:
    allowed = "the same configuration and seed, or without --resume."
    return DestinationError(f"--resume of {folder}", why, allowed)
