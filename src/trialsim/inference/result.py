"""What an analysis gives, a row at a time."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import pandas as pd

COLUMNS = ("quantity", "value", "lower", "upper", "p_value", "method")


@dataclass(frozen=True)
class Row:
    """One statement: an estimate with its interval, or a p-value; NaN where there is none."""

    quantity: str
    value: float
    lower: float = math.nan
    upper: float = math.nan
    p_value: float = math.nan
    method: str = ""


@dataclass(frozen=True)
class Analysed:
    """The rows of an analysis, what the design decides, and what must be known before they are read."""

    rows: tuple[Row, ...]
    decision: str
    remarks: tuple[str, ...] = ()

    @property
    def table(self) -> pd.DataFrame:
        """The rows as a table."""
        return table_of(self.rows)


def table_of(rows: Iterable[Row]) -> pd.DataFrame:
    """Rows as a table; columns `COLUMNS`."""
    return pd.DataFrame([asdict(row) for row in rows], columns=list(COLUMNS))
