"""Replicates of one scenario: simulate, derive outcomes, keep what was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pandas as pd

from trialsim.engines.reference import simulate
from trialsim.errors import Interrupted
from trialsim.model.protocol import Protocol
from trialsim.records.outcomes import patient_outcomes, replicate_outcomes
from trialsim.records.tables import event_table

REPLICATES_AT_ONCE: Final = 50


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

    def followed_by(self, later: Replicates) -> Replicates:
        """These replicates and the ones that come after them."""
        return Replicates(
            pd.concat([self.outcomes, later.outcomes], ignore_index=True),
            pd.concat([self.patients, later.patients], ignore_index=True),
            pd.concat([self.events, later.events], ignore_index=True),
            self.n_kept,
        )


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
    done = before
    try:
        while (first := (done.n if done is not None else 0) + 1) <= n_replicates:
            last = min(first + REPLICATES_AT_ONCE - 1, n_replicates)
            block = _block(protocol, seed, first, last, n_kept)
            done = block if done is None else done.followed_by(block)
            on_progress(done.n)
    except KeyboardInterrupt:
        n_done = done.n if done is not None else 0
        raise Interrupted(f"interrupted after {n_done:,} of {n_replicates:,} replicates", done) from None
    if done is None:
        raise ValueError("a run needs at least one replicate")
    return done


def _block(protocol: Protocol, seed: int, first: int, last: int, n_kept: int) -> Replicates:
    numbers = range(first, last + 1)
    events = event_table((replicate, simulate(protocol, seed, replicate)) for replicate in numbers)
    patients = patient_outcomes(events, protocol)
    outcomes = replicate_outcomes(patients, events, protocol, numbers)
    return Replicates(
        outcomes, patients[patients["replicate"] <= n_kept], events[events["replicate"] <= n_kept], n_kept
    )
