"""Replicates of one scenario: simulate, derive outcomes, keep what was asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from trialsim.engines.reference import simulate
from trialsim.errors import Interrupted
from trialsim.model.protocol import Protocol
from trialsim.records.outcomes import patient_outcomes, replicate_outcomes
from trialsim.records.tables import event_table
from trialsim.records.who import with_baseline

REPLICATES_AT_ONCE: Final = 50
PATIENTS_AT_ONCE: Final = 5000  # a block holds all its events in memory, some 10 kB a patient


@dataclass(frozen=True)
class Replicates:
    """What a Monte Carlo run gives.

    `outcomes` has one row per replicate (1 to n); `patients` and `events` hold the first `n_kept` replicates only.
    """

    outcomes: pd.DataFrame
    patients: pd.DataFrame
    events: pd.DataFrame
    n_kept: int

    @property
    def n(self) -> int:
        """How many replicates there are."""
        return len(self.outcomes)


def joined(blocks: Sequence[Replicates]) -> Replicates:
    """Blocks that follow each other (at least one) as one."""
    outcomes, patients, events = (
        pd.concat([getattr(block, name) for block in blocks], ignore_index=True)
        for name in ("outcomes", "patients", "events")
    )
    return Replicates(outcomes, patients, events, blocks[0].n_kept)


def simulate_replicates(
    protocol: Protocol,
    seed: int,
    n_replicates: int,
    n_kept: int,
    on_progress: Callable[[int], None] = lambda done: None,
    before: Replicates | None = None,
) -> Replicates:
    """Replicates up to `n_replicates`, going on after `before` if there are some already.

    Calls `on_progress` with the number done. Raises `Interrupted` on Ctrl-C, `HazardError` for a degenerate hazard.
    """
    at_once = max(1, min(REPLICATES_AT_ONCE, PATIENTS_AT_ONCE // protocol.accrual.n_patients))
    blocks = [before] if before is not None else []
    first = sum(block.n for block in blocks) + 1
    try:
        while first <= n_replicates:
            last = min(first + at_once - 1, n_replicates)
            blocks.append(_block(protocol, seed, first, last, n_kept))
            first = last + 1
            on_progress(last)
    except KeyboardInterrupt:
        message = f"interrupted after {first - 1:,} of {n_replicates:,} replicates"
        raise Interrupted(message, joined(blocks) if blocks else None) from None
    return joined(blocks)


def _block(protocol: Protocol, seed: int, first: int, last: int, n_kept: int) -> Replicates:
    numbers = range(first, last + 1)
    events = event_table((replicate, simulate(protocol, seed, replicate)) for replicate in numbers)
    patients = patient_outcomes(events, protocol)
    outcomes = replicate_outcomes(patients, events, protocol, numbers)
    kept = with_baseline(patients[patients["replicate"] <= n_kept], protocol, seed, range(first, min(last, n_kept) + 1))
    return Replicates(outcomes, kept, events[events["replicate"] <= n_kept], n_kept)
