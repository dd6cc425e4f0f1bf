"""The one-sample log-rank test of a single arm against a reference hazard: expected events, patients, power.

Observed events O are compared with those expected from each patient's time at risk and the reference, E, by
(O - E) / sqrt(E) (Breslow 1975, Int Statist Rev 43:45; Finkelstein, Muzikansky and Schoenfeld 2003, J Natl Cancer Inst
95:1434). Times are in months and hazards per month.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import special

from trialsim.design.theory.arguments import check_alpha, check_choice, check_kind
from trialsim.design.theory.requests import (
    require_not_negative,
    require_positive,
    require_sides,
)
from trialsim.errors import RequestError
from trialsim.typing import Floats

VARIANCES = ("exact", "events")
NODES = 128  # of each of the two pieces of an integral
FAR = 40.0  # cumulative hazard beyond which hardly anyone, exp(-40), is without event


@dataclass(frozen=True)
class Arm:
    """One arm whose hazard is `hazard_ratio` times a Weibull reference, with uniform accrual.

    The reference has the cumulative hazard (`hazard` x)^`shape` at x months, exponential with shape 1. Entry is uniform
    over `accrual` months, the analysis at month `total`, loss at a constant hazard `dropout`. Errors: numbers that are
    not positive (accrual and dropout: negative), an analysis before the end of accrual.
    """

    hazard: float
    hazard_ratio: float
    accrual: float
    total: float
    shape: float = 1.0
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("hazard", "hazard_ratio", "total", "shape"):
            require_positive(name, getattr(self, name))
        for name in ("accrual", "dropout"):
            require_not_negative(name, getattr(self, name))
        if self.total < self.accrual:
            raise RequestError(f"total = {self.total:g}", "before the end of accrual.", f"{self.accrual:g} or later.")


@dataclass(frozen=True)
class Moments:
    """What one patient adds on average: `observed` events, `expected` ones from the reference; var(O - E)."""

    observed: float
    expected: float
    variance: float


def one_sample_moments(arm: Arm) -> Moments:
    """The moments of O and E for one patient when the arm's own hazard holds (Wu 2015, Pharm Stat 14:26).

    With A the reference cumulative hazard and S, G the probabilities to be without event and under observation, E O is
    the integral of S G hazard_ratio dA, E E that of S G dA, and the second moments have the factor A within.
    """
    reference, weights = _points(arm)
    first = float(weights.sum())
    second = float(weights @ reference)
    ratio = arm.hazard_ratio
    observed = ratio * first
    crossed = 2.0 * (second - ratio * second - first * first / 2.0 + observed * first)
    return Moments(observed, first, observed - observed**2 + crossed)


def one_sample_power(arm: Arm, n: float, alpha: float, sides: int = 1, variance: str = VARIANCES[0]) -> float:
    """The power of the test with `n` patients.

    The normal approximation with the moments of one patient. `variance` "exact" takes sigma^2 = var(O - E) (Wu 2015,
    Pharm Stat 14:26); "events" takes sigma^2 = E O, as if O were Poisson given E (Kwak and Jung 2014, Statist Med
    33:2004), which gives too few patients. Errors: a hazard ratio of 1.
    """
    require_positive("n", n)
    check_alpha(alpha)
    require_sides(sides)
    effect, null, alternative = _effect_and_errors(arm, variance)
    return float(special.ndtr((effect * math.sqrt(n) + float(special.ndtri(alpha / sides)) * null) / alternative))


def one_sample_rejection(arm: Arm, n: float, alpha: float, sides: int = 1) -> float:
    """How probably the test rejects with `n` patients whatever the hazard ratio, 1 and above too (Wu 2015).

    One-sided, it rejects where fewer events are seen than expected. Errors: as `one_sample_power`.
    """
    require_positive("n", n)
    check_alpha(alpha)
    require_sides(sides)
    check_kind("arm", arm, Arm)
    moments = one_sample_moments(arm)
    bound = -float(special.ndtri(alpha / sides)) * math.sqrt(moments.expected)
    mean, sd = (moments.expected - moments.observed) * math.sqrt(n), math.sqrt(moments.variance)
    upper = float(special.ndtr((mean - bound) / sd))
    return upper if sides == 1 else upper + float(special.ndtr((-mean - bound) / sd))


def _effect_and_errors(arm: Arm, variance: str) -> tuple[float, float, float]:
    """|O - E| of one patient and the standard deviations under the null and under the alternative."""
    check_kind("arm", arm, Arm)
    check_choice("variance", variance, VARIANCES)
    if arm.hazard_ratio == 1.0:
        raise RequestError("hazard_ratio = 1", "is not an effect.", "any other positive number.")
    moments = one_sample_moments(arm)
    spread = moments.variance if variance == VARIANCES[0] else moments.observed
    return abs(moments.observed - moments.expected), math.sqrt(moments.expected), math.sqrt(spread)


def _points(arm: Arm) -> tuple[Floats, Floats]:
    """Values of the reference cumulative hazard A, and the weights of an integral with S G dA, shapes (2 nodes,)."""
    beyond = FAR / arm.hazard_ratio
    start = min((arm.hazard * (arm.total - arm.accrual)) ** arm.shape, beyond)
    end = min((arm.hazard * arm.total) ** arm.shape, beyond)
    nodes, weights = _rule()
    a = np.concatenate([start * nodes, start + (end - start) * nodes])
    da = np.concatenate([start * weights, (end - start) * weights])
    months = a ** (1.0 / arm.shape) / arm.hazard
    observed = np.ones_like(months)
    if arm.accrual > 0.0:
        observed = np.minimum(arm.total - months, arm.accrual) / arm.accrual
    return a, da * np.exp(-arm.hazard_ratio * a - arm.dropout * months) * observed


@cache
def _rule() -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes and weights from 0 to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return (np.asarray(nodes) + 1.0) / 2.0, np.asarray(weights) / 2.0
