"""The likelihood of a published cohort, from the probabilities of its cells.

Patients are independent given the parameters, so a count is binomial, counts that exclude each other are multinomial,
and a sample median lies below x when more than half of the sample does. Terms are multiplied: what one figure says
about another beyond the parameters (late entrants have both short follow-up and low doses) is not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import bdtrc, gammaln, xlog1py, xlogy

from trialsim.calibration.targets import Categories, Cell, Median, Share, Term

Array = npt.NDArray[np.float64]
_NODES, _WEIGHTS = (
    item / 2.0 + shift for item, shift in zip(np.polynomial.legendre.leggauss(64), (0.5, 0.0), strict=True)
)
SMALLEST: Final = 1e-9  # a probability of nothing at all would make the logarithm infinite


def cells_of(terms: Sequence[Term]) -> tuple[Cell, ...]:
    """Every cell that some term needs, once."""
    return tuple(dict.fromkeys(cell for term in terms for cell in term.cells))


def log_likelihoods(terms: Sequence[Term], cells: Sequence[Cell], values: Array) -> Array:
    """The log-likelihood of each term. Shapes: values (…, cells) in the order of `cells`, result (…, terms)."""
    place = {cell: i for i, cell in enumerate(cells)}
    return np.stack([_term(term, values[..., [place[cell] for cell in term.cells]]) for term in terms], axis=-1)


def _term(term: Term, p: Array) -> Array:
    if isinstance(term, Share):
        return _log_choose(term.n, term.k) + xlogy(term.k, p[..., 0]) + xlog1py(term.n - term.k, -p[..., 0])
    if isinstance(term, Categories):
        return _multinomial(term, p)
    return np.log(np.maximum(_median_between(term, p), SMALLEST))


def _multinomial(term: Categories, p: Array) -> Array:
    rest = term.n - sum(term.counts)
    p_rest = np.maximum(1.0 - p.sum(axis=-1), SMALLEST)
    coefficient = gammaln(term.n + 1) - gammaln(np.array([*term.counts, rest]) + 1.0).sum()
    return np.asarray(coefficient + xlogy(np.array(term.counts), p).sum(axis=-1) + xlogy(rest, p_rest))


def _median_between(term: Median, p: Array) -> Array:
    return p_median_below(term.n, p[..., 1]) - p_median_below(term.n, p[..., 0])


def p_median_below(n: int, p_below: Array) -> Array:
    """The probability that the median of `n` independent values lies below x, when each does with `p_below`.

    For odd n it does when at least (n + 1) / 2 values do (David and Nagaraja 2003, Order Statistics, eq. 2.1.3). For
    even n the median is the mean of the two values in the middle, which depends on the distribution between them; it is
    taken as flat there, as it is for many values (within 0.01 for 20 values of a skewed distribution).
    """
    if n % 2 == 1:
        return np.asarray(bdtrc((n - 1) // 2, n, p_below))
    return np.asarray(bdtrc(n // 2, n, p_below) + _mean_of_middle_below(n // 2, np.asarray(p_below)))


def _mean_of_middle_below(k: int, p: Array) -> Array:
    """The probability that of 2k uniform values the k-th lies below p, the next above, and their mean below.

    The integral over the k-th, a, of a^(k-1) [(1-p)^k - (1-b)^k] (2k)! / ((k-1)! k!) with b = min(1, 2p - a) the
    largest next one; up to a = 2p - 1 it is 1, and the integral is a power.
    """
    low = np.maximum(0.0, 2.0 * p - 1.0)
    a = low[..., None] + (p - low)[..., None] * _NODES
    largest = np.minimum(1.0, 2.0 * p[..., None] - a)
    inside = a ** (k - 1) * ((1.0 - p[..., None]) ** k - (1.0 - largest) ** k)
    constant = np.exp(gammaln(2 * k + 1) - gammaln(k) - gammaln(k + 1))
    return np.asarray(constant * ((p - low) * (inside @ _WEIGHTS) + low**k / k * (1.0 - p) ** k))


def _log_choose(n: int, k: int) -> float:
    return float(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))
