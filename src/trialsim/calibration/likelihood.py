"""The likelihood of a published cohort, from the probabilities of its cells.

Patients are independent given the parameters, so a count is binomial, counts that exclude each other are multinomial,
and a sample median lies below x when more than half of the sample does; a sample mean is normal. Terms are multiplied.
What late entry does to several statistics at once is taken into account where it matters most: a median of all the
enrolled is taken given how many of them were evaluable (see docs/why/calibration.md). Medians and figures of
Kaplan-Meier curves have modules of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import gammaln, ndtr, xlog1py, xlogy

from trialsim.calibration.curve_likelihood import SMALLEST, log_likelihood_of_curve
from trialsim.calibration.order_statistics import log_choose, p_ladder_median, p_median_between
from trialsim.calibration.targets import Categories, Cell, Curve, LadderMedian, Mean, Share, Term
from trialsim.typing import Floats


def cells_of(terms: Sequence[Term]) -> tuple[Cell, ...]:
    """Every cell that some term needs, once."""
    return tuple(dict.fromkeys(cell for term in terms for cell in term.cells))


def log_likelihoods(terms: Sequence[Term], cells: Sequence[Cell], values: Floats) -> Floats:
    """The log-likelihood of each term. Shapes: values (…, cells) in the order of `cells`, result (…, terms)."""
    place = {cell: i for i, cell in enumerate(cells)}
    return np.stack([_term(term, values[..., [place[cell] for cell in term.cells]]) for term in terms], axis=-1)


def _term(term: Term, p: Floats) -> Floats:
    if isinstance(term, Share):
        return log_choose(term.n, term.k) + xlogy(term.k, p[..., 0]) + xlog1py(term.n - term.k, -p[..., 0])
    if isinstance(term, Categories):
        return _multinomial(term, p)
    if isinstance(term, Mean):
        return np.log(np.maximum(_mean_between(term, p), SMALLEST))
    if isinstance(term, Curve):
        return log_likelihood_of_curve(term, p)
    if isinstance(term, LadderMedian):
        return np.log(np.maximum(p_ladder_median(term, p), SMALLEST))
    return np.log(np.maximum(p_median_between(term, p), SMALLEST))


def _multinomial(term: Categories, p: Floats) -> Floats:
    rest = term.n - sum(term.counts)
    p_rest = np.maximum(1.0 - p.sum(axis=-1), SMALLEST)
    coefficient = gammaln(term.n + 1) - gammaln(np.array([*term.counts, rest]) + 1.0).sum()
    return np.asarray(coefficient + xlogy(np.array(term.counts), p).sum(axis=-1) + xlogy(rest, p_rest))


def _mean_between(term: Mean, moments: Floats) -> Floats:
    """The probability that a mean lies in an interval, normal by the central limit theorem."""
    mean = moments[..., 0]
    error = np.sqrt(np.maximum(moments[..., 1] - mean**2, SMALLEST * mean**2) / term.n)
    return np.asarray(ndtr((term.high - mean) / error) - ndtr((term.low - mean) / error))
