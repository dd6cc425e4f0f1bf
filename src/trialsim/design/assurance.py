"""Power over a posterior: its mean, its spread, and the contributions of parameters to the uncertainty in n.

The pilot's uncertainty is in the data that are generated: every trial has its own draw of the parameters. The analysis
of a simulated trial knows nothing of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from math import factorial
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from trialsim.analysis.estimate import mean_and_error
from trialsim.records.tables import plain_rows
from trialsim.storage.replicate_store import Rows
from trialsim.typing import Counts, Flags, Floats

QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
ENOUGH_A_DRAW: Final = 10
_RIDGE: Final = 1e-8  # two parameters that move as one have no inverse of their own
MOST_PARAMETERS: Final = 14  # of which every subset is looked at


@dataclass(frozen=True)
class Assurance:
    """What a posterior makes of a design.

    `assurance` ± `mcse`: the probability of success before anything is known of the new trial (O'Hagan, Stevens and
    Campbell 2005, Pharm Stat 4:187). `power_by_draw` has the power at each draw of the parameters looked at, taken
    towards its mean by what Monte Carlo noise adds to its spread; `quantiles` of it at `QUANTILES`. `better` ± `error`:
    the share of draws in which the truth lies on the alternative's side of the null. `conditional`: the assurance among
    those. `shares` (a row a parameter) of what is not known about the required n.
    """

    assurance: float
    mcse: float
    power_at_median: float
    power_at_median_mcse: float
    power_by_draw: Floats
    quantiles: tuple[float, ...]
    better: float
    better_mcse: float
    conditional: float
    n_draws: int
    n_trials: int
    shares: pd.DataFrame

    @property
    def has_spread(self) -> bool:
        """Whether there are enough trials a draw to tell how power spreads over draws."""
        return self.n_trials >= ENOUGH_A_DRAW * self.n_draws

    def to_json(self) -> dict[str, Any]:
        """Everything but the single draws as plain data."""
        return {
            "assurance": self.assurance,
            "mcse": self.mcse,
            "power_at_median": self.power_at_median,
            "power_at_median_mcse": self.power_at_median_mcse,
            "power_quantiles": dict(zip(map(str, QUANTILES), self.quantiles, strict=True)),
            **{
                name: None if math.isnan(value := getattr(self, name)) else value
                for name in ("better", "better_mcse", "conditional")
            },
            "draws": self.n_draws,
            "shares": plain_rows(self.shares),
        }


def assurance_of(
    rows: Rows, at_median: tuple[float, float], names: tuple[str, ...], draws: Floats, is_test: bool = True
) -> Assurance:
    """Assurance from trials under the posterior; columns of rows as in `trials.columns_of`.

    `draws` (draws, parameters) is the table that the rows' draws are of. How far the truth of a draw lies on the
    alternative's side of the null is read from the mean of its trials' statistics, of two endpoints from the worse of
    them; without a test (`is_test`) what a draw requires is judged by its power.
    """
    success = (rows["decision"] == 1).astype(np.float64)
    draw = rows["parameter_draw"].astype(np.int64) - 1
    mean, error = mean_and_error(success, draw)
    n = np.bincount(draw, minlength=len(draws)).astype(np.float64)
    seen = n > 1
    size = n[seen]
    power = _shrunk((np.bincount(draw, weights=success, minlength=len(draws))[seen]) / size, size)
    effect, squares = _effects(rows["statistic"], draw, len(draws), seen)
    if rows["second_statistic"].any():  # both endpoints must be on the better side
        other, its_squares = _effects(rows["second_statistic"], draw, len(draws), seen)
        squares = np.where(other < effect, its_squares, squares)
        effect = np.minimum(effect, other)
    noise = float(np.mean(np.maximum(squares, 0.0) / np.maximum(size - 1.0, 1.0)))
    total = float(effect.var(ddof=1)) if len(effect) > 1 else 0.0
    reliability = max(1.0 - noise / total, 0.05) if total > 0.0 else 1.0
    is_better = effect > 0.0
    better, better_error = mean_and_error(is_better.astype(np.float64)) if is_test else (math.nan, math.nan)
    conditional = float(power[is_better].mean()) if is_better.any() and is_test else math.nan
    quantiles = tuple(float(np.quantile(power, share)) for share in QUANTILES)
    required = required_rank(effect) if is_test else rankdata(-power)
    shares = shares_of(required, names, draws[seen], reliability if is_test else 1.0)
    return Assurance(
        mean, error, *at_median, power, quantiles, better, better_error, conditional, int(seen.sum()), len(rows), shares
    )


def _effects(statistic: Floats, draw: Counts, n_draws: int, seen: Flags) -> tuple[Floats, Floats]:
    """The mean and the variance of a statistic over the trials of each draw that is seen."""
    n = np.bincount(draw, minlength=n_draws)[seen]
    mean = np.bincount(draw, weights=statistic, minlength=n_draws)[seen] / n
    return mean, np.bincount(draw, weights=statistic**2, minlength=n_draws)[seen] / n - mean**2


def _shrunk(power: Floats, n: Floats) -> Floats:
    """Estimates of power with the spread of what they estimate: the variance that binomial noise adds is taken off.

    A linear empirical-Bayes estimate (Efron and Morris 1973, JASA 68:117): mean + sqrt(1 - noise / total) (x - mean),
    the root so that the spread, not the squared error, comes out right.
    """
    if len(power) < 2:
        return power
    total = float(power.var(ddof=1))
    noise = float(np.mean(power * (1.0 - power) / np.maximum(n - 1.0, 1.0)))
    kept = max(1.0 - noise / total, 0.0) if total > 0.0 else 0.0
    return np.asarray(np.clip(power.mean() + np.sqrt(kept) * (power - power.mean()), 0.0, 1.0))


def required_rank(effect: Floats) -> Floats:
    """The ranks of the n that each draw requires, the largest where no n is enough.

    The n that a test requires falls with the square of the effect, whatever the target: only its order matters here.
    """
    return np.asarray(rankdata(-np.maximum(effect, 0.0)))


def shares_of(outcome: Floats, names: tuple[str, ...], draws: Floats, reliability: float = 1.0) -> pd.DataFrame:
    """The share of an outcome's variance that is due to each parameter, and what no parameter explains (`remainder`).

    Parameters are correlated in a posterior, so what several explain together is split evenly over all orders in which
    they may be asked (Lindeman, Merenda and Gold 1980; the Shapley value of R squared), with ranks in place of values.
    Of more than fourteen parameters those that explain most by themselves are taken. `reliability` is the share of the
    outcome's variance that is no Monte Carlo noise: shares are of that part (Spearman 1904's correction).
    """
    spread = np.array([np.ptp(draws[:, i]) > 0.0 for i in range(draws.shape[1])], np.bool_)
    if len(outcome) < 20 or not spread.any() or np.ptp(outcome) == 0.0:
        return pd.DataFrame({"parameter": [], "share": []})
    ranks = np.column_stack([rankdata(draws[:, i]) for i in np.flatnonzero(spread)])
    varying = [name for name, varies in zip(names, spread, strict=True) if varies]
    together = np.corrcoef(np.column_stack([ranks, outcome]), rowvar=False)
    order = np.argsort(-np.abs(together[:-1, -1]), kind="stable")[:MOST_PARAMETERS]
    among, with_outcome = together[np.ix_(order, order)], together[order, -1]
    explained = _r_squared(among, with_outcome)
    k = len(order)
    shares = np.zeros(k)
    weight = _weights(k)
    masks = np.arange(1 << k)
    size = np.array([bin(mask).count("1") for mask in masks])
    for i in range(k):
        without = masks[(masks >> i) & 1 == 0]
        shares[i] = float(np.sum(weight[size[without]] * (explained[without | (1 << i)] - explained[without])))
    shares /= max(reliability, float(explained[-1]))
    table = pd.DataFrame({"parameter": [varying[i] for i in order], "share": shares})
    table = table.sort_values("share", ascending=False, ignore_index=True)
    rest = pd.DataFrame({"parameter": ["remainder"], "share": [1.0 - float(shares.sum())]})
    return pd.concat([table, rest], ignore_index=True)


def _weights(k: int) -> Floats:
    """The share of all orders in which a parameter comes after a given set of others, by the size of the set."""
    return np.array([factorial(s) * factorial(k - 1 - s) / factorial(k) for s in range(k)])


def _r_squared(among: Floats, with_outcome: Floats) -> Floats:
    """R squared of every subset of the parameters, by its mask."""
    k = len(with_outcome)
    r_squared = np.zeros(1 << k)
    for size in range(1, k + 1):
        sets = np.array(list(combinations(range(k), size)))
        matrices = among[sets[:, :, None], sets[:, None, :]] + _RIDGE * np.eye(size)
        right = with_outcome[sets]
        solved = np.linalg.solve(matrices, right[:, :, None])[:, :, 0]
        r_squared[(1 << sets).sum(axis=1)] = np.einsum("ij,ij->i", solved, right)
    return r_squared
