"""Paths of a binomial count through looks with boundaries, and what they come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Final

import numpy as np
from scipy.stats import binom

from trialsim.design.theory.arguments import check_alpha, check_count, check_number, check_numbers, check_probability
from trialsim.errors import RequestError
from trialsim.model.sums import add_in_order

MOST_PATIENTS: Final = 100_000  # of any search
NEVER_LOW = -1  # no count is as low: this look never stops for futility
_LOWEST_RATE: Final = 1e-290  # below it probabilities of one success are 0 in double precision, or overflow


@dataclass(frozen=True)
class Paths:
    """What becomes of a trial with looks at one true rate; probabilities are exact.

    `stops_low` and `stops_high` have one entry a look: the probability of stopping there at or below the lower
    boundary, and at or above the upper one. `expected_n` counts patients at the look that stops.
    """

    stops_low: tuple[float, ...]
    stops_high: tuple[float, ...]
    expected_n: float

    @property
    def rejects(self) -> float:
        """The probability of rejecting p <= p0, at any look."""
        return add_in_order(self.stops_high)

    @property
    def stops_early(self) -> float:
        """The probability of stopping before the last look (PET)."""
        return add_in_order(self.stops_low[:-1]) + add_in_order(self.stops_high[:-1])


def paths(sizes: Sequence[int], lower: Sequence[int], upper: Sequence[int], rate: float) -> Paths:
    """Looks after `sizes` patients in all (rising): stop low if the count is <= lower, high if it is >= upper.

    At the last look lower + 1 == upper, so every trial ends there. Forward recursion over the count (Schultz, Nichol,
    Elfring and Weed 1973, Biometrics 29:293). Raises `RequestError` for looks that do not rise, or no rate.
    """
    check_probability("rate", rate, with_ends=True)
    for name, values in (("sizes", sizes), ("lower", lower), ("upper", upper)):
        check_numbers(name, values)
    for one in (*sizes, *lower, *upper):
        check_count("looks and boundaries", one, NEVER_LOW, MOST_PATIENTS)
    if any(later <= earlier for earlier, later in zip([0, *sizes], sizes, strict=False)):
        raise RequestError(
            "looks", "each look needs more patients than the one before.", "rising numbers from 1.", key="looks"
        )
    rate = 0.0 if rate < _LOWEST_RATE else rate
    alive = np.ones(1)
    low, high, expected = [], [], 0.0
    before = 0
    for n, a, b in zip(sizes, lower, upper, strict=True):
        alive = np.convolve(alive, binom.pmf(np.arange(n - before + 1), n - before, rate))
        count = np.arange(n + 1)
        low.append(float(alive[count <= a].sum()))
        high.append(float(alive[count >= b].sum()))
        expected += n * (low[-1] + high[-1])
        alive = np.where((count > a) & (count < b), alive, 0.0)
        before = n
    return Paths(tuple(low), tuple(high), expected + before * float(alive.sum()))


def check_rates(p0: float, p1: float) -> None:
    """Refuse a null and an alternative between which nothing can be decided."""
    check_number("p0", p0)
    check_number("p1", p1)
    if not (0.0 < p0 < 1.0 and 0.0 < p1 < 1.0):
        raise RequestError(
            f"p0 = {p0:g}, p1 = {p1:g}", "a rate of 0 or 1 leaves nothing to test.", "0 < p0 < p1 < 1.", key="p0"
        )
    if p1 <= p0:
        wrong = "the alternative is not above the null, so more patients cannot tell them apart."
        raise RequestError(f"p0 = {p0:g}, p1 = {p1:g}", wrong, "p1 > p0.", key="p0")


def check_limit(largest: int, smallest: int = 1, most: int = MOST_PATIENTS) -> None:
    """Refuse a limit of a search that is not a whole number, or below which no trial is, or that is out of reach."""
    if isinstance(largest, bool) or not isinstance(largest, Integral):
        raise RequestError(
            f"n <= {largest!r}", "a number of patients is whole.", f"{smallest} to {most}, such as 400.", key="n"
        )
    if largest < smallest:
        raise RequestError(f"n <= {largest}", "no trial is so small.", f"at least {smallest}.", key="n")
    if largest > most:
        raise RequestError(f"n <= {largest}", "a search so far would not end.", f"up to {most}.", key="n")


def check_errors(alpha: float, power: float) -> None:
    """Refuse error rates that no finite trial has."""
    check_number("alpha", alpha)
    check_number("power", power)
    if not 0.0 < alpha < 1.0:
        raise RequestError(
            f"alpha = {alpha:g}", "no test of a finite trial has this level.", "0 < alpha < 1.", key="alpha"
        )
    check_alpha(alpha)
    if not 0.0 < power < 1.0:
        raise RequestError(f"power = {power:g}", "no finite trial has this power.", "0 < power < 1.", key="power")
    if power <= alpha:
        raise RequestError(
            f"power = {power:g}", "a coin that rejects with alpha has it.", f"above alpha = {alpha:g}.", key="power"
        )
