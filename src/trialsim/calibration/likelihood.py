"""The likelihood of a published cohort, from the probabilities of its cells.

Patients are independent given the parameters, so a count is binomial, counts that exclude each other are multinomial,
and a sample median lies below x when more than half of the sample does; a sample mean is normal. Terms are multiplied.
What late entry does to several statistics at once is taken into account where it matters most: a median of all the
enrolled is taken given how many of them were evaluable (see docs/why/calibration.md). Figures of Kaplan-Meier curves
have a module of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import bdtrc, gammaln, ndtr, xlog1py, xlogy

from trialsim.calibration.curve_likelihood import SMALLEST, log_likelihood_of_curve
from trialsim.calibration.targets import Categories, Cell, Curve, Mean, Median, Share, Term
from trialsim.typing import Floats

_NODES, _WEIGHTS = (
    item / 2.0 + shift for item, shift in zip(np.polynomial.legendre.leggauss(64), (0.5, 0.0), strict=True)
)


def cells_of(terms: Sequence[Term]) -> tuple[Cell, ...]:
    """Every cell that some term needs, once."""
    return tuple(dict.fromkeys(cell for term in terms for cell in term.cells))


def log_likelihoods(terms: Sequence[Term], cells: Sequence[Cell], values: Floats) -> Floats:
    """The log-likelihood of each term. Shapes: values (…, cells) in the order of `cells`, result (…, terms)."""
    place = {cell: i for i, cell in enumerate(cells)}
    return np.stack([_term(term, values[..., [place[cell] for cell in term.cells]]) for term in terms], axis=-1)


def _term(term: Term, p: Floats) -> Floats:
    if isinstance(term, Share):
        return _log_choose(term.n, term.k) + xlogy(term.k, p[..., 0]) + xlog1py(term.n - term.k, -p[..., 0])
    if isinstance(term, Categories):
        return _multinomial(term, p)
    if isinstance(term, Mean):
        return np.log(np.maximum(_mean_between(term, p), SMALLEST))
    if isinstance(term, Curve):
        return log_likelihood_of_curve(term, p)
    return np.log(np.maximum(_median_between(term, p), SMALLEST))


def _multinomial(term: Categories, p: Floats) -> Floats:
    rest = term.n - sum(term.counts)
    p_rest = np.maximum(1.0 - p.sum(axis=-1), SMALLEST)
    coefficient = gammaln(term.n + 1) - gammaln(np.array([*term.counts, rest]) + 1.0).sum()
    return np.asarray(coefficient + xlogy(np.array(term.counts), p).sum(axis=-1) + xlogy(rest, p_rest))


def _median_between(term: Median, p: Floats) -> Floats:
    if term.n_evaluable is None:
        return p_median_below(term.n, p[..., 1]) - p_median_below(term.n, p[..., 0])
    k = term.n_evaluable
    return p_median_below_given(k, term.n - k, p[..., 1], p[..., 3]) - p_median_below_given(
        k, term.n - k, p[..., 0], p[..., 2]
    )


def _mean_between(term: Mean, moments: Floats) -> Floats:
    """The probability that a mean lies in an interval, normal by the central limit theorem."""
    mean = moments[..., 0]
    error = np.sqrt(np.maximum(moments[..., 1] - mean**2, SMALLEST * mean**2) / term.n)
    return np.asarray(ndtr((term.high - mean) / error) - ndtr((term.low - mean) / error))


def p_median_below_given(k: int, m: int, p_first: Floats, p_second: Floats) -> Floats:
    """The probability that the median of k values of one kind and m of another lies below x, all independent.

    `p_first` and `p_second` are the probabilities that a value of each kind does. The number below x is the sum of two
    binomial ones. For an even number of values see `p_median_below`: what lies between the two in the middle is shared
    out as it is there.
    """
    n = k + m
    first, second = _binomial(k, p_first), _binomial(m, p_second)
    at_least = np.cumsum(second[..., ::-1], axis=-1)[..., ::-1]  # of the second kind, at least this number below x
    needed = n // 2 + 1
    below = sum(first[..., i] * _or_edge(at_least, needed - i) for i in range(k + 1))
    if n % 2 == 1:
        return np.asarray(below)
    half = n // 2
    equal = sum(first[..., i] * second[..., half - i] for i in range(max(0, half - m), min(k, half) + 1))
    return np.asarray(below + equal * _share_of_middle_below(half, (k * p_first + m * p_second) / n))


def _binomial(n: int, p: Floats) -> Floats:
    """Binomial probabilities of 0 to n. Shapes (…) to (…, n + 1)."""
    counts = np.arange(n + 1)
    p = np.asarray(p)[..., None]
    choose = gammaln(n + 1) - gammaln(counts + 1) - gammaln(n - counts + 1)
    return np.asarray(np.exp(choose + xlogy(counts, p) + xlog1py(n - counts, -p)))


def _or_edge(at_least: Floats, number: int) -> Floats:
    """The probability of at least a number, which may lie outside what is possible."""
    if number <= 0:
        return np.ones(at_least.shape[:-1])
    return at_least[..., number] if number < at_least.shape[-1] else np.zeros(at_least.shape[:-1])


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


def _share_of_middle_below(k: int, p: Floats) -> Floats:
    """Of 2k uniform values of which k lie below p: the probability that the mean of the two in the middle does.

    Given the k-th, a, the next must lie below b = min(1, 2p - a): 1 - ((1 - b) / (1 - p))^k. The distribution of a has
    (a / p)^k uniform, over which this is integrated.
    """
    inner = np.clip(p, SMALLEST, 1.0 - SMALLEST)[..., None]
    a = inner * _NODES ** (1.0 / k)
    largest = np.minimum(1.0, 2.0 * inner - a)
    return np.asarray((1.0 - ((1.0 - largest) / (1.0 - inner)) ** k) @ _WEIGHTS)


def _log_choose(n: int, k: int) -> float:
    return float(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))
