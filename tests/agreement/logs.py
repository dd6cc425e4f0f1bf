"""The logs and outcomes of both engines side by side, compared bit by bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from trialsim.engines.batch import Batch
from trialsim.engines.reference import Row, simulate
from trialsim.model.protocol import Protocol
from trialsim.records.columns import EVENTS

LOG = np.dtype([(column.name, np.dtype(column.dtype)) for column in EVENTS])


def records_of(rows: list[Row]) -> npt.NDArray[Any]:
    """Rows of the reference engine as records of 8-byte fields without gaps."""
    return np.array(rows, dtype=LOG)


def log_of(batch: Batch, seed: int, replicate: int) -> npt.NDArray[Any]:
    """The log of the batch engine as the same records."""
    found = batch.log(seed, replicate)
    log = np.zeros(len(found), dtype=LOG)
    for name in LOG.names or ():
        log[name] = found[name]
    return log


def first_difference(protocol: Protocol, batch: Batch, seed: int, replicate: int) -> str:
    """Where the two logs of one replicate differ for the first time, in words; empty if they are equal to the bit."""
    reference, compiled = records_of(simulate(protocol, seed, replicate)), log_of(batch, seed, replicate)
    if reference.tobytes() == compiled.tobytes():
        return ""
    for i, (a, b) in enumerate(zip(reference, compiled, strict=False)):
        if a.tobytes() != b.tobytes():
            return f"seed {seed}, replicate {replicate}, row {i}: reference {a}, batch {b}"
    return (
        f"seed {seed}, replicate {replicate}: {len(reference)} rows in the reference engine, {len(compiled)} in batch"
    )
