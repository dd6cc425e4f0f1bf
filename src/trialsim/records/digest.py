"""Digests: of results, row by row, and of configurations."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

_LITTLE_ENDIAN: Final = {"i": "<i8", "b": "<i8", "f": "<f8"}


def results_digest(outcomes: pd.DataFrame) -> str:
    """SHA-256 of the table of replicates: column names, then the bytes of each row in order.

    Rows are hashed one after another, so blocks, workers and growth cannot matter.
    """
    kinds = [(name, _LITTLE_ENDIAN[outcomes[name].dtype.kind]) for name in outcomes.columns]
    rows = np.zeros(len(outcomes), dtype=kinds)
    for name in outcomes.columns:
        rows[name] = outcomes[name].to_numpy()
    header = ",".join(outcomes.columns).encode("utf-8")
    return hashlib.sha256(header + b"\n" + rows.tobytes()).hexdigest()


def configuration_digest(configuration: Mapping[str, Any]) -> str:
    """SHA-256 of a resolved configuration, independent of the order of its keys."""
    text = json.dumps(configuration, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
