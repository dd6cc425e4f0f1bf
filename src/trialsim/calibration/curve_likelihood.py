"""The likelihood of published Kaplan-Meier figures: medians and landmarks of one curve, with its censoring.

Let S be the true curve, as a very large simulated trial gives it, and G(t) the sum of d / (r (r - d)) over its event
times up to t (Greenwood), which for a cohort of n patients with the same censoring is about n times less than for one.
The Kaplan-Meier estimate of the cohort at t is taken as a share out of

    m(t) = (1 - S) / (S G(t))

patients without censoring, the number that gives the estimate its Greenwood variance (Cutler and Ederer 1958; without
censoring m = n). The share is binomial, continued to numbers that are not whole by the incomplete beta function,

    P(estimate > x) = I_S(m x + 1/2, m (1 - x) + 1/2),

which for whole m lies in the middle of the two probabilities of `> x` and `>= x` where m x is whole. A landmark v
rounded to w has the probability of [v - w/2, v + w/2); a median rounded to w that of an estimate above 1/2 at its lower
edge less that at its upper one; a median not reached by t that of an estimate above 1/2 at t.

A second figure of the same curve is taken given the first: from the day of the first on, estimates are multiplied by a
curve of their own, S(t) / S(t0), with the variance G(t) - G(t0), which is nearly independent of what came before.

What is approximate: that numbers at risk are as expected (they vary), the shape of the distribution (binomial with the
right first two moments), and that the cohort had someone at risk at t.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from scipy.special import betainc

from trialsim.calibration.targets import BEYOND, LANDMARK, Curve
from trialsim.typing import Floats

SMALLEST: Final = 1e-9  # a probability of nothing at all would make the logarithm infinite
_NEARLY: Final = 1e-6  # a share of none or of all has no variance to tell a number of patients by
CELLS_OF_POINT: Final = 6


def log_likelihood_of_curve(term: Curve, cells: Floats) -> Floats:
    """The log-likelihood of the figures of one curve; the last axis of `cells` has six for each of its points."""
    total = np.zeros(cells.shape[:-1])
    share, survival, variance = 1.0, np.ones(cells.shape[:-1]), np.zeros(cells.shape[:-1])
    for i, point in enumerate(term.points):
        own = cells[..., i * CELLS_OF_POINT : (i + 1) * CELLS_OF_POINT]
        s, g = own[..., 0::2], own[..., 1::2] / term.n

        def above(x: float, day: int) -> Floats:
            """The probability of an estimate above x at one of the three days of the point."""
            ratio, added = s[..., day] / survival, g[..., day] - variance  # noqa: B023  # called in this step only
            return p_above(x / max(share, _NEARLY), ratio, added, term.n * survival)  # noqa: B023  # the same

        if point.kind == LANDMARK:
            p = above(point.low, 0) - above(point.high, 0)
        else:
            p = above(point.low, 0) - (0.0 if point.kind == BEYOND else above(point.high, 1))
        total += np.log(np.maximum(np.nan_to_num(p, nan=0.0), SMALLEST))
        if not math.isnan(point.share):
            share, survival, variance = point.share, s[..., 2], g[..., 2]
    return total


def p_above(x: float, survival: Floats, variance: Floats, n_at_risk: Floats) -> Floats:
    """The probability that a Kaplan-Meier estimate lies above x.

    `variance` is Greenwood's sum for a cohort of this size, and `n_at_risk` how many were at risk at the start, which
    stands for the number of patients where nobody or everybody survives. Missing where the curve is.
    """
    if x < 0.0:
        return np.where(np.isnan(survival), np.nan, 1.0)
    if x >= 1.0:
        return np.where(np.isnan(survival), np.nan, 0.0)
    inner = np.clip(survival, _NEARLY, 1.0 - _NEARLY)
    with np.errstate(divide="ignore", invalid="ignore"):
        m = (1.0 - survival) / (survival * variance)
    m = np.where(np.isfinite(m) & (m > 0.0), m, n_at_risk)
    return np.asarray(betainc(m * x + 0.5, m * (1.0 - x) + 0.5, inner))
