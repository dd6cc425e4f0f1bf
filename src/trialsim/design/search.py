"""The smallest n that reaches a target, by simulation, with the interval that Monte Carlo error allows.

The same patients are in a trial of every size: a trial of n is the first n of a larger one. So the curve over n is much
smoother than its error, and a difference between two sizes is no accident of two samples. A few sizes far apart bracket
the result; then every size (or every few) in between is simulated with ever more trials.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from trialsim.analysis.variance_components import error_of_sum
from trialsim.errors import RequestError
from trialsim.model.sums import add_in_order
from trialsim.records.tables import plain_rows
from trialsim.typing import Counts, Floats

SHARES: Final = (0.03, 0.12)  # of all trials, for the bracket and for narrowing it; the rest refine
FEWEST: Final = 150  # trials for either of them
MOST_SIZES: Final = 24
MOST_GAPS: Final = 100  # sizes between those, looked at in the end where power is a saw-tooth
WIDE: Final = 4.0  # standard errors that a size must be off to be left out
Z: Final = 1.959963984540054


@dataclass(frozen=True)
class PowerEstimates:
    """The power of some sizes, and of each the number of independent trials that would be as precise."""

    power: Floats
    effective: Floats


Evaluate = Callable[[list[int], int, int], PowerEstimates]  # sizes, first trial, how many


def estimate_power(rejects: Floats, draws: Counts | None) -> PowerEstimates:
    """The power of every size from 0 and 1 for each trial (trials, sizes), and the trials that its error is worth.

    Trials with the same draw of the parameters depend on each other; their variance is that of clusters (Liang and
    Zeger 1986). Without `draws` all are independent.
    """
    n, power = len(rejects), rejects.mean(axis=0)
    effective = np.full(len(power), float(n))
    if draws is not None:
        groups = np.unique(draws, return_inverse=True)[1]
        for k, p in enumerate(power):
            error = error_of_sum(rejects[:, k] - p, groups) / n
            if 0.0 < p < 1.0 and error > 0.0:
                effective[k] = min(float(n), p * (1.0 - p) / error**2)
    return PowerEstimates(power, effective)


@dataclass(frozen=True)
class SearchResult:
    """The smallest n from which every size looked at reaches the target, and the sizes that could be it.

    `lower` to `upper` is the 95 % interval: sizes below `lower` do not reach the target, `upper` and above do, as far
    as the Monte Carlo error tells. `curve` has a row a size: n, power, mcse, lower, upper, replicates. `replicates` is
    their total. `n` is None where no size up to the limit reaches it; `best` is the highest power seen. Of
    the sizes that there are, one in `step` was looked at in the end.
    """

    n: int | None
    lower: int | None
    upper: int | None
    target: float
    replicates: int
    step: int
    best: float
    curve: pd.DataFrame

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        names = ("n", "lower", "upper", "target", "step", "replicates", "best")
        return {**{name: getattr(self, name) for name in names}, "curve": plain_rows(self.curve)}


def multiples(smallest: int, largest: int, step: int) -> Counts:
    """The multiples of `step` between two limits. Raises `RequestError` for a range without one."""
    sizes = np.arange(-(-max(smallest, 1) // step) * step, largest + 1, step)
    if len(sizes) == 0:
        raise RequestError(
            f"largest_n = {largest}", f"no size from {smallest} on fits.", f"at least {smallest}.", key="largest_n"
        )
    return sizes


def search(
    evaluate: Evaluate,
    target: float,
    whole: Counts,
    replicates: int,
    has_saw_tooth: bool = True,
) -> SearchResult:
    """The smallest of the sizes `whole`, which rise, with power of at least `target`, with `replicates` trials in all.

    If the sizes that are left in the end do not hold the whole interval, more are looked at in the same trials. Where
    power goes up and down with n (`has_saw_tooth`), a size that was not looked at may fall short of the target although
    its neighbours do not; so those within the interval, and as far above it as it is wide, are looked at too.
    """
    curve: dict[int, tuple[float, float, int]] = {}
    sizes = chosen = whole
    n = spent = 0

    def look(at: Counts) -> None:
        seen = evaluate([int(size) for size in at], spent + 1, n)
        parts = zip(at.tolist(), seen.power.tolist(), seen.effective.tolist(), strict=True)
        curve.update({size: (power, effective, n) for size, power, effective in parts})

    for share in (*SHARES, 1.0 - add_in_order(SHARES)):
        if n > 0:
            spent += n
            sizes = _narrowed(sizes, _table({int(size): curve[int(size)] for size in chosen}), target)
        n, chosen = max(FEWEST, round(replicates * share)), _spread(sizes)
        look(chosen)
    while True:
        now = _table({int(size): curve[int(size)] for size in chosen})
        result = _result_of(now, _table(curve), target, spent + n, whole)
        wider = _widened(whole, sizes, result)
        if len(wider) == len(sizes):
            gaps = _gaps(whole, chosen, result) if has_saw_tooth else chosen[:0]
            if not 0 < len(gaps) <= MOST_GAPS:
                return result
            look(gaps)
            chosen = np.union1d(chosen, gaps)
            continue
        more = _spread(np.setdiff1d(wider, sizes))
        look(more)
        sizes, chosen = wider, np.union1d(chosen, more)


def _widened(whole: Counts, sizes: Counts, result: SearchResult) -> Counts:
    """The sizes, with as many more at an end where the interval is cut off."""
    low, high = int(sizes[0]), int(sizes[-1])
    width = max(high - low, int(whole[min(1, len(whole) - 1)] - whole[0]))
    if result.upper is None:
        high += width
    if result.lower == low:
        low -= width
    return whole[(whole >= low) & (whole <= high)]


def _gaps(whole: Counts, chosen: Counts, result: SearchResult) -> Counts:
    """The sizes in the interval, and as far above it as it is wide, that were not looked at yet.

    None where the range was looked at without gaps: it reaches to sizes that are clear of the target already.
    """
    if result.lower is None or result.upper is None or result.step == 1:
        return chosen[:0]
    end = 2 * result.upper - result.lower + result.step
    return np.setdiff1d(whole[(whole >= result.lower) & (whole <= end)], chosen)


def _spread(sizes: Counts) -> Counts:
    """At most `MOST_SIZES` sizes: all of them, or spread evenly on the scale of their roots, the ends among them."""
    if len(sizes) <= MOST_SIZES:
        return sizes
    roots = np.linspace(np.sqrt(sizes[0]), np.sqrt(sizes[-1]), MOST_SIZES) ** 2
    return np.unique(sizes[np.clip(np.searchsorted(sizes, roots), 0, len(sizes) - 1)])


def _table(curve: dict[int, tuple[float, float, int]]) -> pd.DataFrame:
    """Power, its error, and its 95 % band by size (Wilson)."""
    n = np.array(sorted(curve))
    power, trials, spent = np.array([curve[int(size)] for size in n], dtype=np.float64).T
    middle = (power * trials + Z * Z / 2.0) / (trials + Z * Z)
    half = Z * np.sqrt(power * (1.0 - power) / trials + Z * Z / (4.0 * trials * trials)) / (1.0 + Z * Z / trials)
    error = np.sqrt(middle * (1.0 - middle) / trials)
    return pd.DataFrame(
        {
            "n": n,
            "power": power,
            "mcse": error,
            "lower": middle - half,
            "upper": middle + half,
            "replicates": spent.astype(np.int64),
        }
    )


def _narrowed(sizes: Counts, now: pd.DataFrame, target: float) -> Counts:
    """The sizes that may be the result still, one size that was looked at beyond them on either side."""
    n, power, error = (now[name].to_numpy() for name in ("n", "power", "mcse"))
    short, enough = n[power + WIDE * error < target], n[power - WIDE * error >= target]
    first = short[-1] if len(short) else sizes[0]
    above = enough[enough > first]
    last = above[0] if len(above) else sizes[-1]
    clear = [int(size) for size in above if not (short > size).any()]
    last = clear[0] if clear else last
    kept = sizes[(sizes >= first) & (sizes <= last)]
    return kept if len(kept) else sizes


def _result_of(now: pd.DataFrame, curve: pd.DataFrame, target: float, spent: int, whole: Counts) -> SearchResult:
    n = now["n"].to_numpy()

    def from_where(column: str) -> int | None:
        """The smallest size from which the column stays at the target."""
        below = np.flatnonzero(now[column].to_numpy() < target)
        place = int(below[-1]) + 1 if len(below) else 0
        return int(n[place]) if place < len(n) else None

    best = float(curve["power"].max())
    smallest, low, high = from_where("power"), from_where("upper"), from_where("lower")
    if low is not None and low > n[0]:
        below = n[np.searchsorted(n, low) - 1]
        low = int(whole[whole > below][0])  # sizes in between were not looked at
    places = np.searchsorted(whole, n)
    return SearchResult(smallest, low, high, target, spent, int(np.diff(places).max(initial=1)), best, curve)
