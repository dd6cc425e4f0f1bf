"""Three uncertainties, kept apart: Monte Carlo error, sampling variability, and parameter uncertainty.

Replicates with the same draw of the parameters form a group. By the law of total variance

    Var(y) = E[Var(y | parameters)] + Var(E[y | parameters])

the scatter of single trials is sampling variability (within groups) plus parameter uncertainty (between groups).
Monte Carlo errors treat groups, not replicates, as independent, so they do not shrink below what the number of draws
allows (nested Monte Carlo; cluster-robust variance, Liang and Zeger 1986, with groups as clusters).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from trialsim.typing import Counts, Floats

FEWEST_PAIRS: Final = 20  # below this the split into two variances is noise


@dataclass(frozen=True)
class Split:
    """Standard deviations of single trials, each with its Monte Carlo standard error; missing where not known.

    `sampling`: what trials of this size scatter at known parameters. `parameters`: what not knowing them adds, 0 where
    they are fixed.
    """

    sampling: float
    sampling_mcse: float
    parameters: float
    parameters_mcse: float


def error_of_sum(contributions: Floats, groups: Counts | None) -> float:
    """The standard error of the mean of contributions whose mean is about 0, times their number.

    Contributions within a group may depend on each other. Missing for fewer than two groups.
    """
    sums = contributions if groups is None else np.bincount(groups, weights=contributions)
    n = len(contributions) if groups is None else int(np.count_nonzero(np.bincount(groups)))
    if n < 2:
        return math.nan
    return float(math.sqrt(float(np.sum(sums**2)) * n / (n - 1)))


def split_of(values: Floats, groups: Counts | None) -> Split:
    """The scatter of single trials, split into sampling variability and parameters."""
    n = len(values)
    if n < 2:
        return Split(math.nan, math.nan, 0.0 if groups is None else math.nan, math.nan)
    deviations = values - values.mean()
    total = float(np.sum(deviations**2)) / (n - 1)
    if groups is None:
        error = error_of_sum(deviations**2 - total, None) / n
        return Split(math.sqrt(total), _error_of_root(total, error), 0.0, 0.0)
    sizes = np.bincount(groups).astype(np.float64)
    degrees = n - int(np.count_nonzero(sizes))
    if degrees < FEWEST_PAIRS:
        return Split(math.nan, math.nan, math.nan, math.nan)
    means = np.divide(np.bincount(groups, weights=values), sizes, out=np.zeros_like(sizes), where=sizes > 0.0)
    squares = np.bincount(groups, weights=(values - means[groups]) ** 2)
    within = float(squares.sum()) / degrees
    share = 1.0 - float(np.sum(sizes * (sizes - 1.0))) / (n * (n - 1.0))
    between = (total - within) / share if share > 0.0 else math.nan
    # What each group adds to the two estimates, linearised.
    of_within = (squares - within * np.maximum(sizes - 1.0, 0.0)) / degrees
    of_total = np.bincount(groups, weights=deviations**2 - total) / n
    within_error = float(np.sqrt(np.sum(of_within**2)))
    between_error = float(np.sqrt(np.sum((of_total - of_within) ** 2))) / share if share > 0.0 else math.nan
    return Split(
        math.sqrt(within),
        _error_of_root(within, within_error),
        math.sqrt(max(between, 0.0)),
        _error_of_root(max(between, 0.0), between_error),
    )


def _error_of_root(variance: float, error: float) -> float:
    """The error of a standard deviation from that of its variance: half of what one error to either side moves it.

    Far from 0 that is error / (2 sd); near 0, where the root is not linear, it stays finite.
    """
    if math.isnan(error):
        return math.nan
    return 0.5 * (math.sqrt(variance + error) - math.sqrt(max(variance - error, 0.0)))
