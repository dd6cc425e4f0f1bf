"""How tables tell the arms of a trial apart: a column with the name of the arm, or a column for each arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd

ARM: Final = "arm"
BETWEEN: Final = " | "  # the arm and the column


class Table(Protocol):
    """Replicates column by column: a store, or a DataFrame."""

    @property
    def columns(self) -> Any:
        """The names of the columns."""

    def __getitem__(self, name: str, /) -> Any:
        """One column."""

    def __len__(self) -> int:
        """The number of replicates."""


def column_of_arm(arm: str, name: str) -> str:
    """What a column of an arm is called in the table of replicates."""
    return f"{arm}{BETWEEN}{name}"


@dataclass(frozen=True)
class OutcomesOfArm:
    """The outcomes of one arm in trials of several, by the names that those of a trial of one arm have."""

    trials: Table
    arm: str

    @property
    def columns(self) -> list[str]:
        """The names of the columns, first those that the trial has once."""
        prefix = column_of_arm(self.arm, "")
        names = [str(name) for name in self.trials.columns]
        own = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
        return [*(name for name in names if BETWEEN not in name), *own]

    def __getitem__(self, name: str) -> Any:
        """One column."""
        of_arm = column_of_arm(self.arm, name)
        return self.trials[of_arm if of_arm in list(self.trials.columns) else name]

    def __len__(self) -> int:
        return len(self.trials)


def in_rows_of_arms(table: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    """The table of replicates with a row for each arm of each trial, and the name of the arm in the second column."""
    parts = []
    for name in arms:
        outcomes = OutcomesOfArm(table, name)
        part = pd.DataFrame({column: outcomes[column] for column in outcomes.columns})
        part.insert(1, ARM, name)
        parts.append(part)
    order = np.arange(len(arms) * len(table)).reshape(len(arms), -1).T.ravel()
    return pd.concat(parts, ignore_index=True).iloc[order].reset_index(drop=True)


def by_arm(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Tables one below another, with the name of the arm before their columns."""
    named = []
    for name, table in tables.items():
        copy = table.copy()
        copy.insert(0, ARM, name)
        named.append(copy)
    return pd.concat(named, ignore_index=True)
