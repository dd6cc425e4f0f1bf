"""Going on from a results folder: its replicates are taken over if they are the same trials."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from trialsim.config import differences
from trialsim.errors import DestinationError
from trialsim.model.protocol import Protocol
from trialsim.montecarlo.replicates import Replicates, simulate_replicates
from trialsim.records.digest import results_digest
from trialsim.records.manifest import MANIFEST, as_stored, read_manifest


def earlier_replicates(
    folder: Path, configuration: Mapping[str, Any], protocol: Protocol, seed: int, n_kept: int, n_replicates: int
) -> Replicates:
    """The replicates of a results folder, at most `n_replicates`, as if they had just been simulated.

    The first ones, at least one and those whose events are kept, are simulated again: their events are needed, and
    they must come out as they are stored. Raises `DestinationError` for another scenario or seed, or results that
    differ from what this version simulates.
    """
    manifest = read_manifest(folder / MANIFEST)
    found = [str(item) for item in differences(manifest.scenario, as_stored(configuration))]
    if manifest.seed != seed:
        found.append(f"seed: {manifest.seed} there, {seed} here")
    if found:
        raise _refused(folder, "it holds another run.\n  " + "\n  ".join(found[:10]))
    if manifest.replicates > n_replicates:
        wrong = f"it holds {manifest.replicates:,} replicates already, more than the {n_replicates:,} asked for."
        raise DestinationError(f"--resume of {folder}", wrong, f"at least {manifest.replicates:,} replicates.")
    try:
        stored = pd.read_parquet(folder / "replicates.parquet")
    except (OSError, ValueError) as error:
        raise _refused(folder, "its replicates cannot be read.") from error
    if results_digest(stored) != manifest.results_digest:
        raise _refused(folder, "its replicates are not those that its manifest speaks of.")
    first = simulate_replicates(protocol, seed, min(max(n_kept, 1), n_replicates), n_kept)
    n_both = min(first.n, len(stored))
    if results_digest(first.outcomes.head(n_both)) != results_digest(stored.head(n_both)):
        raise _refused(folder, "this version simulates other trials than those stored there.")
    if len(stored) <= first.n:
        return first
    return Replicates(stored, first.patients, first.events, n_kept)


def _refused(folder: Path, why: str) -> DestinationError:
    allowed = "the same scenario and seed, or a run without --resume."
    return DestinationError(f"--resume of {folder}", why, allowed)
