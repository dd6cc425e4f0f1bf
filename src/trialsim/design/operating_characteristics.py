"""What trials came to, as tables: exact beside simulated where both mean the same, else planned beside conducted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from trialsim.analysis.estimate import mean_and_error
from trialsim.design.base import REJECTS, OperatingCharacteristics
from trialsim.errors import DisagreementError
from trialsim.model.units import DAYS_PER_MONTH
from trialsim.storage.replicate_store import Rows
from trialsim.typing import Flags, Floats

LARGEST_Z: Final = 4.0
EXPECTED_N: Final = "enrolled at the decision"
EARLY: Final = "stops early"
STOPPED: Final = "stopped for toxicity"
SEVERE_TOXICITY: Final = "of whom with severe toxicity"
DECIDED: Final = "time to decision"


@dataclass(frozen=True)
class Quantities:
    """What there is to say of a trial: its success by name, how many looks, whether toxicity can stop it.

    `pauses`: whether accrual may wait for looks. `is_short` (trials,): whether accrual closed before the planned number
    was there; None where it cannot be told.
    """

    success: str
    n_looks: int
    has_safety: bool
    pauses: bool
    is_short: Flags | None


def compared(
    truth: str, exact: OperatingCharacteristics, rows: Rows, n_looks: int, success: str = REJECTS
) -> pd.DataFrame:
    """Exact values beside those of trials with immediate, independent outcomes at known rates.

    Columns: truth, quantity, exact, simulated, mcse (at the exact value where it is a probability), z, replicates.
    """
    checks = [(success, exact.rejects, rows["decision"] == 1)]
    if n_looks > 1:
        checks += [
            (EARLY, exact.stops_early, rows["look"] < n_looks),
            (EXPECTED_N, exact.expected_n, rows["enrolled"]),
        ]
    return _beside([(truth, *check) for check in checks])


def compared_stops(exact: float, rate: float, stops: Flags) -> pd.DataFrame:
    """How probably a boundary stops a trial for toxicity at a rate, beside instant trials; see `compared`."""
    return _beside([(f"toxicity {rate:g}", STOPPED, exact, stops)])


def _beside(checks: Sequence[tuple[str, str, float, npt.NDArray[np.generic]]]) -> pd.DataFrame:
    """Exact values (truth, quantity, exact, values of trials) beside the mean of what trials say."""
    table_rows = []
    for truth, quantity, planned, values in checks:
        numbers = np.asarray(values, dtype=np.float64)
        n, is_share = len(numbers), quantity != EXPECTED_N
        error = math.sqrt(max(planned * (1.0 - planned), 0.0) / n) if is_share else mean_and_error(numbers)[1]
        off = float(numbers.mean()) - planned
        z = off / error if error > 1e-12 else (0.0 if abs(off) < 1e-9 else math.copysign(math.inf, off))
        table_rows.append((truth, quantity, planned, float(numbers.mean()), error, z, n))
    return pd.DataFrame(table_rows, columns=["truth", "quantity", "exact", "simulated", "mcse", "z", "replicates"])


def check_agreement(table: pd.DataFrame) -> None:
    """Raises `DisagreementError` where a simulated value is more than four standard errors from the exact one."""
    wrong = table[table["z"].abs() > LARGEST_Z]
    if len(wrong):
        row = wrong.iloc[0]
        raise DisagreementError(
            f"{row['quantity']} under the {row['truth']}: exactly {row['exact']:.5f}, simulated {row['simulated']:.5f} "
            f"± {row['mcse']:.5f} in {row['replicates']:,} trials (z = {row['z']:.1f}). This is a defect of trialsim."
        )


def conducted(
    truth: str,
    planned: OperatingCharacteristics | None,
    rows: Rows,
    about: Quantities,
    error_of_setting: float = 0.0,
) -> pd.DataFrame:
    """What the trial comes to under the calendar of the scenario, beside what the plan says.

    Columns: truth, quantity, unit, planned (missing where no formula has it), value, mcse, lower, upper. Where every
    trial has its own draw of the parameters, the error is that of draws; that of success holds `error_of_setting` too.
    `lower` to `upper` is where 90 % of trials lie, for numbers of single trials; missing for shares.
    """
    draws = rows["parameter_draw"].astype(np.int64)
    groups = draws if draws.any() else None
    shares: list[tuple[str, float, Floats]] = [
        (about.success, planned.rejects if planned else math.nan, _as_number(rows["decision"] == 1))
    ]
    if about.n_looks > 1:
        shares.append((EARLY, planned.stops_early if planned else math.nan, _as_number(rows["look"] < about.n_looks)))
    if about.has_safety:
        shares.append((STOPPED, math.nan, _as_number(rows["decision"] == -2)))
    if about.is_short is not None and about.is_short.any():
        shares.append(("accrual closes before n", math.nan, _as_number(about.is_short)))
    numbers: list[tuple[str, str, float, Floats]] = [
        (EXPECTED_N, "patients", planned.expected_n if planned else math.nan, rows["enrolled"]),
        (SEVERE_TOXICITY, "patients", math.nan, rows["n_severe_toxicity"]),
        (DECIDED, "months", math.nan, rows["decided_day"] / DAYS_PER_MONTH),
    ]
    if about.n_looks > 1 and about.pauses:
        numbers.append(("accrual waited", "months", math.nan, rows["paused_days"] / DAYS_PER_MONTH))
    table_rows = []
    for quantity, plan, values in shares:
        value, error = mean_and_error(np.asarray(values, dtype=np.float64), groups)
        error = math.hypot(error, error_of_setting) if quantity == about.success else error
        table_rows.append((truth, quantity, "", plan, value, error, math.nan, math.nan))
    for quantity, unit, plan, values in numbers:
        numbers_of_trials = np.asarray(values, dtype=np.float64)
        value, error = mean_and_error(numbers_of_trials, groups)
        low, high = np.quantile(numbers_of_trials, [0.05, 0.95])
        table_rows.append((truth, quantity, unit, plan, value, error, float(low), float(high)))
    columns = ["truth", "quantity", "unit", "planned", "value", "mcse", "lower", "upper"]
    return pd.DataFrame(table_rows, columns=columns)


def _as_number(values: Flags) -> Floats:
    return values.astype(np.float64)


def value_of(table: pd.DataFrame, truth: str, quantity: str, column: str = "value") -> float:
    """One number of a table of `conducted` or `compared`; missing where there is none."""
    rows = table[(table["truth"] == truth) & (table["quantity"] == quantity)]
    return float(rows[column].iloc[0]) if len(rows) else math.nan


def histories(rows: Mapping[str, Rows]) -> pd.DataFrame:
    """When trials were decided, and on how many patients: a row a truth and percentile."""
    table_rows = []
    for truth, trials in rows.items():
        for share in (0.05, 0.25, 0.5, 0.75, 0.95):
            day, n = np.quantile(trials["decided_day"], share), np.quantile(trials["enrolled"], share)
            table_rows.append((truth, share, float(day) / DAYS_PER_MONTH, float(n)))
    return pd.DataFrame(table_rows, columns=["truth", "share", "months", "patients"])
