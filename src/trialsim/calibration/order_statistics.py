"""The probability that a sample median lies in an interval, from the distribution function of the values.

A sample may be of two kinds of patients, with a distribution each: the evaluable and the others. Where patients are on
the rungs of a ladder of doses and their number is even, the median may be the mean of two rungs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import bdtrc, gammaln, xlog1py, xlogy

from trialsim.calibration.curve_likelihood import SMALLEST
from trialsim.calibration.targets import LadderMedian, Median
from trialsim.typing import Counts, Floats

_NODES, _WEIGHTS = (
    item / 2.0 + shift for item, shift in zip(np.polynomial.legendre.leggauss(64), (0.5, 0.0), strict=True)
)


def p_median_between(term: Median, p: Floats) -> Floats:
    """The probability that a median lies between the edges of its cells. Shapes (…, cells) to (…)."""
    if term.n_evaluable is None:
        return p_median_below(term.n, p[..., 1]) - p_median_below(term.n, p[..., 0])
    k = term.n_evaluable
    return p_median_below_given(k, term.n - k, p[..., 1], p[..., 3]) - p_median_below_given(
        k, term.n - k, p[..., 0], p[..., 2]
    )


def p_median_below_given(k: int, m: int, p_first: Floats, p_second: Floats) -> Floats:
    """The probability that the median of k values of one kind and m of another lies below x, all independent.

    `p_first` and `p_second` are the probabilities that a value of each kind does. The number below x is the sum of two
    binomial ones. For an even number of values see `p_median_below`: what lies between the two in the middle is shared
    out as it is there.
    """
    n = k + m
    below = _at_least(n // 2 + 1, (k, m), (p_first, p_second))
    if n % 2 == 1:
        return below
    half = n // 2
    first, second = _binomial(k, p_first), _binomial(m, p_second)
    equal = sum(first[..., i] * second[..., half - i] for i in range(max(0, half - m), min(k, half) + 1))
    return np.asarray(below + equal * _share_of_middle_below(half, (k * p_first + m * p_second) / n))


def p_median_below(n: int, p_below: Floats) -> Floats:
    """The probability that the median of `n` independent values lies below x, when each does with `p_below`.

    For odd n it does when at least (n + 1) / 2 values do (David and Nagaraja 2003, Order Statistics, eq. 2.1.3). For
    even n the median is the mean of the two values in the middle, which depends on the distribution between them; it is
    taken as flat there, as it is for many values (within 0.01 for 20 values of a skewed distribution).
    """
    if n % 2 == 1:
        return np.asarray(bdtrc((n - 1) // 2, n, p_below))
    p = np.asarray(p_below)
    return np.asarray(bdtrc(n // 2, n, p) + _binomial(n, p)[..., n // 2] * _share_of_middle_below(n // 2, p))


def p_ladder_median(term: LadderMedian, p: Floats) -> Floats:
    """The probability that the median of an even number of patients on a ladder lies in an interval.

    The two in the middle are at rungs i <= j. Shapes (…, cells) to (…).
    """
    sizes = (term.n, 0) if term.n_evaluable is None else (term.n_evaluable, term.n - term.n_evaluable)
    n_rungs, n_edges = len(term.rungs), len(term.rungs) - 1
    below = [_with_ends(p[..., :n_edges]), _with_ends(p[..., -n_edges:] if n_edges else p)]  # of each kind
    total = np.zeros(p.shape[:-1])
    for i, lower in enumerate(term.rungs):
        partners = [j for j in range(i, n_rungs) if term.holds((lower + term.rungs[j]) / 2.0)]
        if partners and partners[0] == i:
            total += _both_at(i, sizes, below)
            partners = partners[1:]
        if partners:  # they follow one another
            total += _middle_at(i, partners[0], partners[-1], sizes, below)
    return total


def _with_ends(below: Floats) -> Floats:
    """The shares below each rung, from 0 below the first to 1 below one more than there are."""
    zeros = np.zeros((*below.shape[:-1], 1))
    return np.concatenate([zeros, below, zeros + 1.0], axis=-1)


def _both_at(i: int, sizes: tuple[int, int], below: Sequence[Floats]) -> Floats:
    """The probability that both in the middle are at rung i: fewer than half are below it, fewer than half above it."""
    half = (sizes[0] + sizes[1]) // 2
    under = _at_least(half, sizes, [part[..., i] for part in below])
    over = _at_least(half, sizes, [1.0 - part[..., i + 1] for part in below])
    return np.asarray(1.0 - under - over + _halves(i - 1, i + 1, sizes, below))


def _middle_at(i: int, first: int, last: int, sizes: tuple[int, int], below: Sequence[Floats]) -> Floats:
    """The probability that the lower one in the middle is at rung i and the upper one from `first` to `last`, above i.

    Nothing lies between the two, so half of the sample is at i or below, and the other half at the upper one or above
    (David and Nagaraja 2003, section 2.2, for discrete values).
    """

    def up_to(lower: int) -> Floats:
        return _halves(lower, first, sizes, below) - _halves(lower, last + 1, sizes, below)

    return up_to(i) - up_to(i - 1)


def _halves(lower: int, upper: int, sizes: tuple[int, int], below: Sequence[Floats]) -> Floats:
    """The probability that exactly half of the sample is at rung `lower` or below, and all others at `upper` or above.

    Of the first kind s are low, for every s that leaves as many of the second kind as there are.
    """
    k, m = sizes
    half = (k + m) // 2
    s = np.arange(max(0, half - m), min(k, half) + 1)
    logs = log_choose(k, s) + log_choose(m, half - s)
    for part, n_low, n_high in zip(below, (s, half - s), (k - s, m - half + s), strict=True):
        low, high = part[..., lower + 1, None], 1.0 - part[..., upper, None]
        logs = logs + xlogy(n_low, low) + xlogy(n_high, np.maximum(high, 0.0))
    return np.asarray(np.exp(logs).sum(axis=-1))


def _at_least(number: int, sizes: tuple[int, int], p: Sequence[Floats]) -> Floats:
    """The probability that at least a number of k values of one kind and m of another do what each does with p."""
    k, m = sizes
    first, second = _binomial(k, p[0]), _binomial(m, p[1])
    at_least = np.cumsum(second[..., ::-1], axis=-1)[..., ::-1]  # of the second kind
    return np.asarray(sum(first[..., i] * _or_edge(at_least, number - i) for i in range(k + 1)))


def _binomial(n: int, p: Floats) -> Floats:
    """Binomial probabilities of 0 to n. Shapes (…) to (…, n + 1)."""
    counts = np.arange(n + 1)
    p = np.asarray(p)[..., None]
    choose = gammaln(n + 1) - gammaln(counts + 1) - gammaln(n - counts + 1)
    return np.asarray(np.exp(choose + xlogy(counts, p) + xlog1py(n - counts, -p)))


def log_choose(n: int, k: int | Counts) -> Floats:
    """The log of the number of ways to choose k of n."""
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


def _or_edge(at_least: Floats, number: int) -> Floats:
    """The probability of at least a number, which may lie outside what is possible."""
    if number <= 0:
        return np.ones(at_least.shape[:-1])
    return at_least[..., number] if number < at_least.shape[-1] else np.zeros(at_least.shape[:-1])


def _share_of_middle_below(k: int, p: Floats) -> Floats:
    """Of 2k uniform values of which k lie below p: the probability that the mean of the two in the middle does.

    Given the k-th, a, the next must lie below b = min(1, 2p - a): 1 - ((1 - b) / (1 - p))^k. The distribution of a has
    (a / p)^k uniform, over which this is integrated.
    """
    inner = np.clip(p, SMALLEST, 1.0 - SMALLEST)[..., None]
    a = inner * _NODES ** (1.0 / k)
    largest = np.minimum(1.0, 2.0 * inner - a)
    return np.asarray((1.0 - ((1.0 - largest) / (1.0 - inner)) ** k) @ _WEIGHTS)
