"""An estimate: a value, its Monte Carlo standard error, an interval, and what the interval contains."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

import numpy as np
import numpy.typing as npt
import pandas as pd

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """One quantity, simulated and, where there is one, published.

    `value` ± `mcse` is the mean over replicates (a pooled proportion for proportions). `lower` to `upper` is the
    central 95 % of what single trials gave, each end with its own Monte Carlo standard error. `position` is where the
    published figure lies in that distribution: the share of trials below it plus half of those equal to it after
    rounding as printed. `n_defined` counts the replicates in which the quantity exists (there must be responders to
    have a share of responders). `unit` is empty for shares of 1; `printed` is the figure as published; `statistic` is
    what was measured for it, which a reading may change. `is_inside`: whether the published figure, within its
    rounding, lies from `lower` to `upper`; None where either does not exist.
    """

    quantity: str
    published: float
    value: float
    mcse: float
    lower: float
    upper: float
    unit: str
    lower_mcse: float
    upper_mcse: float
    position: float
    position_mcse: float
    n_defined: int
    interval_contains: str
    printed: str
    statistic: str
    is_inside: bool | None


def estimates_table(estimates: Iterable[Estimate]) -> pd.DataFrame:
    """One row per estimate, columns as in `Estimate`."""
    return pd.DataFrame([asdict(estimate) for estimate in estimates], columns=[f.name for f in fields(Estimate)])


def mean_and_error(values: Values) -> tuple[float, float]:
    """The mean and its Monte Carlo standard error, sd / sqrt(n); the error is missing for fewer than two values."""
    if len(values) == 0:
        return math.nan, math.nan
    error = float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
    return float(np.mean(values)), error


def ratio_and_error(numerators: Values, denominators: Values) -> tuple[float, float]:
    """A ratio of totals and its Monte Carlo standard error by the delta method (Cochran 1977, eq. 6.12)."""
    total = float(np.sum(denominators))
    if total == 0.0:
        return math.nan, math.nan
    ratio = float(np.sum(numerators)) / total
    n = len(numerators)
    if n < 2:
        return ratio, math.nan
    residuals = numerators - ratio * denominators
    return ratio, float(np.std(residuals, ddof=1) / math.sqrt(n) / (total / n))


def quantile_and_error(ordered: Values, share: float) -> tuple[float, float]:
    """A sample quantile (inverse of the empirical distribution) of rising values, and its Monte Carlo standard error.

    The error is half the distance between the order statistics one binomial standard deviation to either side.
    """
    n = len(ordered)
    if n == 0:
        return math.nan, math.nan
    rank = n * share
    spread = math.sqrt(n * share * (1.0 - share))
    low, at, high = (min(max(math.ceil(r) - 1, 0), n - 1) for r in (rank - spread, rank, rank + spread))
    error = float(ordered[high] - ordered[low]) / 2.0 if n > 1 else math.nan
    return float(ordered[at]), error


def is_inside(published: float, rounded_to: float, lower: float, upper: float) -> bool | None:
    """Whether a published figure, within its rounding, lies in an interval; None where either does not exist."""
    if math.isnan(published) or math.isnan(lower) or math.isnan(upper):
        return None
    half = rounded_to / 2.0
    return lower <= published + half and published - half <= upper


def position_and_error(ordered: Values, published: float, rounded_to: float) -> tuple[float, float]:
    """Where a published figure lies among rising simulated ones: share below plus half of the share equal (mid-p).

    With `rounded_to` above 0, simulated values within half a unit of rounding, `[-1/2, 1/2)`, count as equal.
    """
    n = len(ordered)
    if n == 0 or math.isnan(published):
        return math.nan, math.nan
    half = rounded_to / 2.0
    n_below = int(np.searchsorted(ordered, published - half, side="left"))
    n_equal = int(np.searchsorted(ordered, published + half, side="left" if half > 0.0 else "right")) - n_below
    mean = (n_below + 0.5 * n_equal) / n
    if n == 1:
        return mean, math.nan
    n_above = n - n_below - n_equal
    squares = n_below * (1.0 - mean) ** 2 + n_equal * (0.5 - mean) ** 2 + n_above * mean**2
    return mean, math.sqrt(squares / (n - 1) / n)
