"""The exact binomial test in one stage, with the saw-tooth of its power."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from trialsim.design.exact.stages import TIE, check_errors, check_limit, check_rates
from trialsim.errors import RequestError

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
FURTHEST: Final = 100_000  # how far is looked for what would do where nothing does
ROUNDED: Final = 0.0005  # half a unit of the last digit of power in A'Hern's tables


@dataclass(frozen=True)
class SingleStage:
    """Reject p <= p0 if more than `r` of `n` respond.

    `alpha` and `power` are exact. `stays_n` is the number from which on every larger one (up to the limit of the
    search) reaches the power too: the power of an exact test falls wherever `r` rises, so `n` alone may be luck.
    """

    n: int
    r: int
    p0: float
    p1: float
    alpha: float
    power: float
    stays_n: int


def critical_counts(n: Counts, p0: float, alpha: float) -> Counts:
    """For each n the smallest r with P(X > r | p0) <= alpha."""
    alpha = alpha * (1.0 + TIE)
    r = np.asarray(binom.ppf(1.0 - alpha, n, p0)).astype(np.int64)
    r = np.where((r > 0) & (binom.sf(r - 1, n, p0) <= alpha), r - 1, r)  # 1 - alpha is rounded, alpha is meant
    return np.where(binom.sf(r, n, p0) <= alpha, r, r + 1)


def power_by_n(p0: float, p1: float, alpha: float, largest: int) -> tuple[Counts, Counts, Floats]:
    """The saw-tooth: n from 1 to `largest`, critical r of each, exact power of each, shape (largest,)."""
    n = np.arange(1, largest + 1)
    r = critical_counts(n, p0, alpha)
    return n.astype(np.int64), r, np.asarray(binom.sf(r, n, p1))


def single_stage(p0: float, p1: float, alpha: float, power: float, largest: int = 1000) -> SingleStage:
    """The smallest exact single-stage design (Fleming 1982; A'Hern 2001, whose critical number is r + 1).

    Raises `RequestError` where no n up to `largest` will do; the message has the nearest that does.
    """
    return _smallest(p0, p1, alpha, power, power, largest)


def ahern(p0: float, p1: float, alpha: float, power: float, largest: int = 1000) -> SingleStage:
    """The design that A'Hern tabulates (2001, Stat Med 20:859): the smallest whose power is at least `power`, rounded.

    His tables take a power of 0.7995 for 0.80, so some of them are a patient or two smaller than `single_stage`; levels
    are exact in both. Raises `RequestError`.
    """
    return _smallest(p0, p1, alpha, power, power - ROUNDED, largest)


def _smallest(p0: float, p1: float, alpha: float, power: float, enough_power: float, largest: int) -> SingleStage:
    check_rates(p0, p1)
    check_errors(alpha, power)
    check_limit(largest)
    n, r, reached = power_by_n(p0, p1, alpha, 2 * largest)
    enough = np.flatnonzero(reached >= enough_power)
    if len(enough) == 0 or n[enough[0]] > largest:
        raise _too_few(p0, p1, alpha, power, enough_power, largest)
    i = int(enough[0])
    short = np.flatnonzero(reached < enough_power)
    stays = int(n[short[-1]]) + 1 if len(short) else 1
    return SingleStage(int(n[i]), int(r[i]), p0, p1, float(binom.sf(r[i], n[i], p0)), float(reached[i]), stays)


def _too_few(p0: float, p1: float, alpha: float, power: float, enough_power: float, largest: int) -> RequestError:
    """Why no design was found, with what would do: the power that is to be had, and the n it would take."""
    _, _, reached = power_by_n(p0, p1, alpha, largest)
    best = f"at most {reached.max():.3f} at n = {int(np.argmax(reached)) + 1}"
    wrong = f"no single-stage test with n <= {largest} has power {power:g}: {best}."
    wider = largest
    while wider < FURTHEST:
        wider = min(4 * wider, FURTHEST)
        n, _, found = power_by_n(p0, p1, alpha, wider)
        enough = np.flatnonzero(found >= enough_power)
        if len(enough):
            return RequestError(f"n <= {largest}", wrong, f"n = {int(n[enough[0]])} reaches it.")
    return RequestError(f"n <= {largest}", wrong, "rates further apart, or less power.")
