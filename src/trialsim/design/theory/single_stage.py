"""The exact binomial test in one stage, with the saw-tooth of its power."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import binom, norm

from trialsim.design.theory.arguments import check_count, check_probability
from trialsim.design.theory.binomial import exact_tail
from trialsim.design.theory.rounding import as_written, highest_accepted, lowest_accepted
from trialsim.design.theory.stages import check_errors, check_limit, check_rates
from trialsim.errors import RequestError
from trialsim.typing import Counts, Floats

FURTHEST: Final = 100_000  # patients of a search; power of an exact test for each of them takes a second
LARGEST_SEARCH: Final = 20 * FURTHEST  # a refusal names what would do, however far beyond the limit it is
MOST_IN_WHOLE_NUMBERS: Final = 2000  # patients up to which a close call is decided without rounding
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
    limit = highest_accepted(alpha)
    r = np.asarray(binom.ppf(max(0.0, 1.0 - limit), n, p0)).astype(np.int64)
    r = np.where((r > 0) & (binom.sf(r - 1, n, p0) <= limit), r - 1, r)  # 1 - alpha is rounded, alpha is meant
    r = np.where(binom.sf(r, n, p0) <= limit, r, r + 1)
    for i in _undecided(np.asarray(binom.sf(r, n, p0)), alpha, n):
        r[i] += exact_tail(int(n[i]), as_written(p0))[int(r[i]) + 1] > as_written(alpha)
    return r


def _undecided(value: Floats, limit: float, n: Counts) -> list[int]:
    """Where rounding could decide whether a probability is above a limit; with huge n it may."""
    is_close = (value >= lowest_accepted(limit)) & (value <= highest_accepted(limit)) & (n <= MOST_IN_WHOLE_NUMBERS)
    return [int(i) for i in np.flatnonzero(is_close)]


def most_power(p0: float, p1: float, alpha: float, n: int) -> float:
    """The power of the most powerful test of `n` patients at exactly the level (Neyman and Pearson)."""
    r = int(critical_counts(np.array([n]), p0, alpha)[0])
    coin = (highest_accepted(alpha) - float(binom.sf(r, n, p0))) / float(binom.pmf(r, n, p0))
    return float(binom.sf(r, n, p1) + min(max(coin, 0.0), 1.0) * binom.pmf(r, n, p1))


def fewest_patients(p0: float, p1: float, alpha: float, power: float, largest: int) -> int | None:
    """A number of patients below which no test whatever has the level and the power; None if it is above `largest`.

    The most powerful test of p0 against p1 rejects if more than r respond and, with r, by a coin that makes the level
    exactly alpha (Neyman and Pearson). Its power rises with n, for it may ignore a patient; so the number is found by
    halving. A test in several stages is a test of all its patients too.
    """
    wanted = lowest_accepted(power)

    def is_enough(n: int) -> bool:
        return most_power(p0, p1, alpha, n) >= wanted

    few, enough = 0, 1
    while not is_enough(enough):
        if enough >= largest:
            return None
        few, enough = enough, min(2 * enough, largest)
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (few, middle) if is_enough(middle) else (middle, enough)
    return enough


def normal_n(p0: float, p1: float, alpha: float, power: float) -> float:
    """The patients of one stage by the normal approximation."""
    z_alpha, z_power = float(norm.isf(alpha)), float(norm.ppf(power))
    spread = z_alpha * math.sqrt(p0 * (1.0 - p0)) + z_power * math.sqrt(p1 * (1.0 - p1))
    return (spread / (p1 - p0)) ** 2


def power_by_n(p0: float, p1: float, alpha: float, largest: int, smallest: int = 1) -> tuple[Counts, Counts, Floats]:
    """The saw-tooth: n from `smallest` to `largest`, critical r of each, exact power of each, shape (n,).

    Raises `RequestError`.
    """
    check_probability("p0", p0)
    check_probability("p1", p1)
    check_probability("alpha", alpha)
    check_count("smallest", smallest, 1, LARGEST_SEARCH)
    check_count("largest", largest, smallest, LARGEST_SEARCH)
    n = np.arange(smallest, largest + 1)
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
    check_errors(alpha, power)
    return _smallest(p0, p1, alpha, power, power - ROUNDED, largest)


def _smallest(p0: float, p1: float, alpha: float, power: float, enough_power: float, largest: int) -> SingleStage:
    check_rates(p0, p1)
    check_errors(alpha, power)
    check_limit(largest, 1, FURTHEST)
    wanted = lowest_accepted(enough_power)
    first = fewest_patients(p0, p1, alpha, enough_power, largest)
    if first is None:
        raise _too_few(p0, p1, alpha, power, enough_power, largest)
    n, r, reached = power_by_n(p0, p1, alpha, 2 * largest, first)
    has_power = reached >= wanted
    for k in _undecided(reached, enough_power, n):
        has_power[k] = exact_tail(int(n[k]), as_written(p1))[int(r[k]) + 1] >= as_written(enough_power)
    enough = np.flatnonzero(has_power)
    if len(enough) == 0 or n[enough[0]] > largest:
        raise _too_few(p0, p1, alpha, power, enough_power, largest)
    i = int(enough[0])
    short = np.flatnonzero(~has_power)
    stays = int(n[short[-1]]) + 1 if len(short) else first
    return SingleStage(int(n[i]), int(r[i]), p0, p1, float(binom.sf(r[i], n[i], p0)), float(reached[i]), stays)


def _too_few(p0: float, p1: float, alpha: float, power: float, enough_power: float, largest: int) -> RequestError:
    """Why no design was found, with what would do: the power that is to be had, and the n it would take."""
    _, _, reached = power_by_n(p0, p1, alpha, largest)
    best = f"at most {reached.max():.3f} at n = {int(np.argmax(reached)) + 1}"
    wrong = f"no single-stage test with n <= {largest} has power {power:g}: {best}."
    about = normal_n(p0, p1, alpha, power)
    first = fewest_patients(p0, p1, alpha, enough_power, FURTHEST) if about < FURTHEST else None
    if first is not None:
        n, _, powers = power_by_n(p0, p1, alpha, 2 * first + 200, first)
        enough = np.flatnonzero(powers >= lowest_accepted(enough_power))
        if len(enough):
            return RequestError(f"n <= {largest}", wrong, f"n = {int(n[enough[0]])} reaches it.", key="n")
    return RequestError(
        f"n <= {largest}", wrong, f"rates further apart or less power; this takes about n = {about:.3g}.", key="n"
    )
