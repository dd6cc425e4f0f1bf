"""How precisely one proportion is estimated: widths of its interval before the trial, and sizes for a wanted width.

The interval is Clopper and Pearson's (1934, Biometrika), which covers the true rate with at least the stated
confidence whatever the rate, or Wilson's (1927, Journal of the American Statistical Association), which covers it with
about that confidence on average and is shorter. Probabilities are sums over every possible number of successes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from trialsim.design.theory.arguments import check_choice, check_count, check_positive, check_probability
from trialsim.design.theory.binomial import binomial_probabilities
from trialsim.design.theory.rounding import lowest_accepted
from trialsim.design.theory.sawtooth import Crossing, first_reaching
from trialsim.errors import RequestError
from trialsim.typing import Counts, Floats

Method = Literal["clopper-pearson", "wilson"]

METHODS = ("clopper-pearson", "wilson")
MOST_PATIENTS = 100_000
LARGE = 1000  # patients; up to here all numbers of successes are looked at
NEVER = 1e-18  # a probability that no sum of others shows
FAR = 2.0  # times the limit: what the normal approximation asks for at most, for a search to begin
LEAST_PROBABILITY = 0.5  # of a guarantee; intervals that are narrow by luck have no approximation


@dataclass(frozen=True)
class PrecisionSize:
    """A number of patients for a wanted precision.

    `n` is the smallest that reaches it and `reached` what it reaches: a half width or a probability. Every size from
    `stays_from` to `checked_to` reaches it as well; between `n` and `stays_from` some do not.
    """

    n: int
    reached: float
    stays_from: int
    checked_to: int


def limits(n: int, confidence: float = 0.95, method: Method = "clopper-pearson") -> tuple[Floats, Floats]:
    """Lower and upper limits of the two-sided interval for 0, 1, ..., n successes, each of shape (n + 1,).

    Raises RequestError for an n that is not a whole number above 0, a confidence outside 0 to 1, an unknown method.
    """
    check_count("n", n, largest=MOST_PATIENTS)
    check_probability("confidence", confidence)
    check_choice("method", method, METHODS)
    tail = (1.0 - confidence) / 2.0
    lower = _lower_limits(n, tail, method, np.arange(n + 1))
    return lower, 1.0 - lower[::-1]


def _lower_limits(n: int, tail: float, method: Method, successes: Counts) -> Floats:
    """Lower limits for numbers of successes that leave the probability `tail` below; the upper ones mirror them."""
    is_none, successes = successes == 0, np.maximum(successes, 1)
    if method == "clopper-pearson":
        positive = stats.beta.ppf(tail, successes, n - successes + 1)
    else:
        z = float(stats.norm.isf(tail))
        middle, radicand = successes + z**2 / 2.0, successes * (n - successes) / n + z**2 / 4.0
        positive = (middle - z * np.sqrt(radicand)) / (n + z**2)
    return np.asarray(np.where(is_none, 0.0, positive))


def half_widths(n: int, confidence: float = 0.95, method: Method = "clopper-pearson") -> Floats:
    """Half the width of the interval for 0, 1, ..., n successes, shape (n + 1,). Errors as in `limits`."""
    lower, upper = limits(n, confidence, method)
    return (upper - lower) / 2.0


def _likely_half_widths(n: int, p: float, confidence: float, method: Method) -> tuple[Floats, Floats]:
    """Half widths and probabilities of the numbers of successes; of large n without those that never occur."""
    check_count("n", n, largest=MOST_PATIENTS)
    if n <= LARGE:
        return half_widths(n, confidence, method), binomial_probabilities(n, p)
    check_probability("confidence", confidence)
    check_choice("method", method, METHODS)
    mass = binomial_probabilities(n, p)
    likely = np.flatnonzero(mass > NEVER)
    tail = (1.0 - confidence) / 2.0
    lower = _lower_limits(n, tail, method, likely)
    upper = 1.0 - _lower_limits(n, tail, method, n - likely)
    return (upper - lower) / 2.0, mass[likely]


def expected_half_width(n: int, p: float, confidence: float = 0.95, method: Method = "clopper-pearson") -> float:
    """The mean half width of the interval from n patients when the true rate is p.

    Raises RequestError as `limits` does, and for a rate outside 0 to 1.
    """
    check_probability("p", p, with_ends=True)
    widths, mass = _likely_half_widths(n, p, confidence, method)
    return float(widths @ mass)


def guaranteed_half_width(
    n: int, p: float, probability: float, confidence: float = 0.95, method: Method = "clopper-pearson"
) -> float:
    """The half width that is not exceeded with at least a given probability when the true rate is p.

    With probability 1 it is the largest half width of all that can occur. Raises RequestError as `limits` does, and
    for a rate or probability outside 0 to 1.
    """
    check_probability("p", p, with_ends=True)
    check_probability("probability", probability, with_ends=True)
    if probability == 1.0 and 0.0 < p < 1.0:
        return float(half_widths(n, confidence, method).max())
    widths, mass = _likely_half_widths(n, p, confidence, method)
    order = np.argsort(widths, kind="stable")
    together = np.cumsum(mass[order])
    at = int(np.searchsorted(together, lowest_accepted(min(probability, float(together[-1])))))
    return float(widths[order[at]])


def smallest_for_half_width(
    p: float,
    half_width: float,
    confidence: float = 0.95,
    method: Method = "clopper-pearson",
    probability: float | None = None,
    largest: int = 20_000,
) -> PrecisionSize:
    """The smallest n whose expected half width is at most the one wanted when the true rate is p.

    With a `probability` it is the smallest n whose half width is at most that with this probability. Raises
    RequestError for numbers that describe no such trial, and where more than `largest` patients would be needed.
    """
    check_probability("p", p, with_ends=True)
    check_positive("half_width", half_width)
    check_probability("confidence", confidence)
    if probability is not None:
        check_probability("probability", probability, with_ends=True)
    check_count("largest", largest, largest=MOST_PATIENTS)

    def narrowness(n: int) -> float:
        if probability is None:
            return -expected_half_width(n, p, confidence, method)
        return -guaranteed_half_width(n, p, probability, confidence, method)

    crossing = None
    if (probability is not None and probability < LEAST_PROBABILITY) or _normal_n(
        p, half_width, confidence
    ) < FAR * largest:
        crossing = first_reaching(narrowness, -half_width, lambda n: 20 + 2 * math.isqrt(n), largest)
    if crossing is None:
        wrong = f"No trial of at most {largest} patients estimates the rate so precisely."
        raise RequestError(
            f"half_width: {half_width}", wrong, f"from {-narrowness(largest):.5f}, or a larger limit.", key="half_width"
        )
    return _size(crossing, -crossing.reached)


def _normal_n(p: float, half_width: float, confidence: float) -> float:
    """The patients for a half width by the normal approximation."""
    return float(stats.norm.isf((1.0 - confidence) / 2.0)) ** 2 * p * (1.0 - p) / half_width**2


def _size(crossing: Crossing, reached: float) -> PrecisionSize:
    """The crossing as a size, with what it reaches in the units of the outcome."""
    return PrecisionSize(crossing.n, reached, crossing.stays_from, crossing.checked_to)
