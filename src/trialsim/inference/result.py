"""What an analysis gives, a row at a time."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Final

import pandas as pd

from trialsim.design.decisions import FUTILE, REJECT

COLUMNS = ("quantity", "value", "lower", "upper", "p_value", "method")
IN_WORDS: Final = {REJECT: "the null hypothesis is rejected", FUTILE: "the null hypothesis is not rejected"}


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


def for_sides(one_sided: float, sides: int) -> float:
    """The p-value of a test of one side or of two, from the one-sided one: twice the smaller of both sides."""
    return one_sided if sides == 1 else 2.0 * min(one_sided, 1.0 - one_sided)
