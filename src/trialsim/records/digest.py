"""Digests: of results, row by row, and of configurations."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from trialsim.records.columns import Column

_LITTLE_ENDIAN: Final = {"i": "<i8", "b": "<i8", "f": "<f8"}


def row_type(columns: Sequence[Column]) -> np.dtype[Any]:
    """A row of a table as its digest sees it: 8 bytes a column, little-endian, without gaps."""
    return np.dtype([(column.name, _LITTLE_ENDIAN[np.dtype(column.dtype).kind]) for column in columns])


def digest_header(names: Iterable[str]) -> bytes:
    """What is hashed before the rows: the names of the columns."""
    return ",".join(names).encode("utf-8") + b"\n"


def results_digest(outcomes: pd.DataFrame) -> str:
    """SHA-256 of the table of replicates: column names, then the bytes of each row in order.

    Rows are hashed one after another, so blocks, workers and growth cannot matter.
    """
    kinds = [(name, _LITTLE_ENDIAN[outcomes[name].dtype.kind]) for name in outcomes.columns]
    rows = np.zeros(len(outcomes), dtype=kinds)
    for name in outcomes.columns:
        rows[name] = outcomes[name].to_numpy()
    return hashlib.sha256(digest_header(outcomes.columns) + rows.tobytes()).hexdigest()


def configuration_digest(configuration: Mapping[str, Any]) -> str:
    """SHA-256 of a resolved configuration, independent of the order of its keys."""
    text = json.dumps(configuration, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
