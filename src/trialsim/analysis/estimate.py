"""An estimate: a value, its Monte Carlo standard error, an interval, and what the interval contains."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

import numpy as np
import pandas as pd

from trialsim.analysis.variance_components import (
    error_of_sum,
)
from trialsim.typing import Counts, Floats


@dataclass(frozen=True)
class Estimate:
    """One quantity, simulated and, where there is one, published.

    `value` ± `mcse` is the mean over replicates (a pooled proportion for proportions). `lower` to `upper` is the
    central 95 % of what single trials gave, each end with its own Monte Carlo standard error, `lower_80` to `upper_80`
    the central 80 %. `sd_sampling` and `sd_parameters` split the scatter of single trials into sampling variability and
    parameter uncertainty (0 where they are fixed), see `uncertainty.Split`. `percentile` is where the
    published statistic lies in that distribution: the share of trials below it plus half of those equal to it after
    rounding as printed. `n_defined` counts the replicates in which the quantity exists (there must be responders to
    have a share of responders). `unit` is empty for shares of 1; `printed` is the published text; `statistic` is what
    was measured for it, which an interpretation may change. `is_inside` and `is_inside_80`: whether the published
    statistic, within its rounding, lies from `lower` to `upper` and from `lower_80` to `upper_80`; None where either
    does not exist.
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
    percentile: float
    percentile_mcse: float
    n_defined: int
    interval_contains: str
    printed: str
    statistic: str
    is_inside: bool | None
    sd_sampling: float
    sd_sampling_mcse: float
    sd_parameters: float
    sd_parameters_mcse: float
    lower_80: float
    upper_80: float
    is_inside_80: bool | None


def estimates_table(estimates: Iterable[Estimate]) -> pd.DataFrame:
    """One row per estimate, columns as in `Estimate`."""
    return pd.DataFrame([asdict(estimate) for estimate in estimates], columns=[f.name for f in fields(Estimate)])


def mean_and_error(values: Floats, groups: Counts | None = None) -> tuple[float, float]:
    """The mean and its Monte Carlo standard error, sd / sqrt(n) for independent values.

    Values of the same group (replicates with the same draw of the parameters) may depend on each other. The error is
    missing for fewer than two values or groups.
    """
    n = len(values)
    if n == 0:
        return math.nan, math.nan
    mean = float(np.mean(values))
    return mean, error_of_sum(values - mean, groups) / n


def ratio_and_error(numerators: Floats, denominators: Floats, groups: Counts | None = None) -> tuple[float, float]:
    """A ratio of totals and its Monte Carlo standard error by the delta method (Cochran 1977, eq. 6.12)."""
    total = float(np.sum(denominators))
    if total == 0.0:
        return math.nan, math.nan
    ratio = float(np.sum(numerators)) / total
    return ratio, error_of_sum(numerators - ratio * denominators, groups) / total


def quantile_and_error(
    ordered: Floats, share: float, values: Floats | None = None, groups: Counts | None = None
) -> tuple[float, float]:
    """A sample quantile (inverse of the empirical distribution) of rising values, and its Monte Carlo standard error.

    The error is half the distance between the order statistics one standard deviation of the rank to either side:
    binomial for independent values. With `groups` that deviation is that of clusters, from the same `values` in the
    order of their groups.
    """
    n = len(ordered)
    if n == 0:
        return math.nan, math.nan
    rank = n * share
    position = _clipped(rank, n)
    spread = math.sqrt(n * share * (1.0 - share))
    if values is not None and groups is not None:
        spread = error_of_sum((values <= ordered[position]) - share, groups)
        if math.isnan(spread):
            return float(ordered[position]), math.nan
    low, high = (float(ordered[_clipped(rank + side * spread, n)]) for side in (-1.0, 1.0))
    error = (high - low) / 2.0 if n > 1 and math.isfinite(high) else math.nan
    return float(ordered[position]), error


def _clipped(rank: float, n: int) -> int:
    """The place of a rank among n ordered values."""
    return min(max(math.ceil(rank) - 1, 0), n - 1)


def is_inside(published: float, rounded_to: float, lower: float, upper: float) -> bool | None:
    """Whether a published statistic, within its rounding, lies in an interval; None where either does not exist."""
    if math.isnan(published) or math.isnan(lower) or math.isnan(upper):
        return None
    half = rounded_to / 2.0
    return lower <= published + half and published - half <= upper


def percentile_and_error(
    values: Floats, published: float, rounded_to: float, groups: Counts | None = None
) -> tuple[float, float]:
    """Where a published statistic lies among simulated ones: share below plus half of the share equal (mid-p).

    With `rounded_to` above 0, simulated values within half a unit of rounding, `[-1/2, 1/2)`, count as equal.
    """
    if len(values) == 0 or math.isnan(published):
        return math.nan, math.nan
    half = rounded_to / 2.0
    is_below = values < published - half
    is_equal = ~is_below & ((values < published + half) if half > 0.0 else (values <= published))
    return mean_and_error(is_below + 0.5 * is_equal, groups)
