"""The test of two restricted mean times under piecewise constant hazards, by its asymptotic moments.

The mean time up to a month is the area under the Kaplan-Meier curve until then (Royston and Parmar 2013, BMC Med Res
Methodol 13:152). Everyone who is not lost is seen for so long. Its variance is the limit of Greenwood's, integrated
over the times of patients. Times are in months and hazards per month.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from scipy import special

from trialsim.design.theory.arguments import check_alpha, check_kind
from trialsim.design.theory.changing_hazards.integrals import months_of
from trialsim.design.theory.changing_hazards.piecewise import PiecewiseArms, PiecewiseHazard
from trialsim.design.theory.requests import require_not_negative, require_positive, require_sides

LEAST: Final = 1e-280  # of the patients at risk: with fewer nothing is known of the mean


@dataclass(frozen=True)
class RestrictedMeans:
    """The restricted means of both arms in months; `sd` of their difference, times the root of n."""

    control: float
    experimental: float
    sd: float

    @property
    def difference(self) -> float:
        """By how much the mean of the experimental arm is longer."""
        return self.experimental - self.control


def restricted_mean_and_variance(hazard: PiecewiseHazard, until: float, dropout: float = 0.0) -> tuple[float, float]:
    """The restricted mean of an arm up to a month, and its variance times the number of patients.

    `dropout` is the hazard of loss per month. Errors: a month that is not positive, a negative dropout.
    """
    check_kind("hazard", hazard, PiecewiseHazard)
    require_positive("until", until)
    require_not_negative("dropout", dropout)
    months = months_of([hazard], until)
    t = months.nodes
    survival = hazard.survival(t)
    left = months.after(survival)  # the area after each month
    at_risk = np.maximum(survival * np.exp(-dropout * t), LEAST)
    return months.integral(survival), months.integral(left**2 * hazard.hazard(t) / at_risk)


def restricted_means(arms: PiecewiseArms, until: float) -> RestrictedMeans:
    """The restricted means of two arms up to a month. Errors: a month that is not positive."""
    check_kind("arms", arms, PiecewiseArms)
    require_positive("until", until)
    return _restricted_means(arms, float(until))


def restricted_means_power(arms: PiecewiseArms, until: float, n: float, alpha: float, sides: int = 1) -> float:
    """How probably the test of `n` patients in both arms rejects; one-sided, for a longer mean of the experimental arm.

    Errors: a month or n that is not positive.
    """
    require_positive("n", n)
    check_alpha(alpha)
    require_sides(sides)
    at = restricted_means(arms, until)
    mean, bound = math.sqrt(n) * at.difference / at.sd, -float(special.ndtri(alpha / sides))
    return float(special.ndtr(mean - bound)) + (float(special.ndtr(-mean - bound)) if sides == 2 else 0.0)


@lru_cache(maxsize=1024)
def _restricted_means(arms: PiecewiseArms, until: float) -> RestrictedMeans:
    of = [restricted_mean_and_variance(item, until, arms.dropout) for item in arms.of_arms]
    variances = np.array([variance for _, variance in of])
    return RestrictedMeans(of[0][0], of[1][0], math.sqrt(float((variances / arms.shares).sum())))
