"""Every 2 x 2 table of two arms: its probability given all successes, Fisher's p-values, and the z statistics.

Arrays have the shape (n_control + 1, n_experimental + 1): rows count the successes of the control arm, columns those of
the experimental arm.
"""

from __future__ import annotations

import numpy as np

from trialsim.design.theory.binomial import log_choose
from trialsim.design.theory.rounding import TOLERANCE, highest_accepted
from trialsim.typing import Counts, Floats


def z_statistic(n_control: int, n_experimental: int, *, is_pooled: bool) -> Floats:
    """The difference of the observed rates over its standard error; 0 where both are equal, infinite without error."""
    x_control, x_experimental = np.arange(n_control + 1)[:, None], np.arange(n_experimental + 1)
    return z_of_counts(np.array(n_control), x_control, np.array(n_experimental), x_experimental, is_pooled=is_pooled)


def z_of_counts(
    n_control: Counts, x_control: Counts, n_experimental: Counts, x_experimental: Counts, *, is_pooled: bool
) -> Floats:
    """The same for numbers of patients and of successes that are broadcast against each other."""
    control, experimental = x_control / n_control, x_experimental / n_experimental
    if is_pooled:
        totals, n = x_control + x_experimental, n_control + n_experimental
        variance = totals * (n - totals) / n**2 * (1.0 / n_control + 1.0 / n_experimental)
    else:
        variance = control * (1.0 - control) / n_control + experimental * (1.0 - experimental) / n_experimental
    difference = np.asarray(experimental - control)
    difference = np.where(np.abs(difference) < TOLERANCE / (n_control * n_experimental), 0.0, difference)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(difference == 0.0, 0.0, difference / np.sqrt(variance))


def totals_of(n_rows: int, n_columns: int) -> Counts:
    """The successes of both arms together in each table."""
    return np.arange(n_rows)[:, None] + np.arange(n_columns)


def given_total(n_control: int, n_experimental: int) -> Floats:
    """The probability of each table given the successes of both arms together (hypergeometric)."""
    totals = totals_of(n_control + 1, n_experimental + 1)
    logs = log_choose(n_control)[:, None] + log_choose(n_experimental)
    return np.asarray(np.exp(logs - log_choose(n_control + n_experimental)[totals]))


def _by_total(n_control: int, n_experimental: int) -> Floats:
    """The same probabilities with one column per total, shape (n_control + 1, N + 1); 0 where there is no table."""
    columns = np.zeros((n_control + 1, n_control + n_experimental + 1))
    np.put_along_axis(
        columns, totals_of(n_control + 1, n_experimental + 1), given_total(n_control, n_experimental), axis=1
    )
    return columns


def fisher_higher(n_control: int, n_experimental: int) -> Floats:
    """Fisher's one-sided p-value of each table: P(successes in the control arm ≤ those of the table | total)."""
    tails = np.cumsum(_by_total(n_control, n_experimental), axis=0)
    return np.take_along_axis(tails, totals_of(n_control + 1, n_experimental + 1), axis=1)


def fisher_two_sided(n_control: int, n_experimental: int) -> Floats:
    """Fisher's two-sided p-value of each table: all tables of its total that are no more probable."""
    columns = _by_total(n_control, n_experimental)
    order = np.argsort(columns, axis=0)
    rising = np.take_along_axis(columns, order, axis=0)
    sums = np.cumsum(rising, axis=0)
    for row in range(n_control - 1, -1, -1):  # tables that are equally probable have the sum of the last of them
        is_tied = rising[row + 1] <= highest_accepted(rising[row])
        sums[row] = np.where(is_tied, sums[row + 1], sums[row])
    p_values = np.empty_like(sums)
    np.put_along_axis(p_values, order, sums, axis=0)
    return np.take_along_axis(p_values, totals_of(n_control + 1, n_experimental + 1), axis=1)
