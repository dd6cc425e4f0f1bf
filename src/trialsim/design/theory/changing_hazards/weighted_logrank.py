"""The weighted log-rank test of Fleming and Harrington under piecewise constant hazards, by its asymptotic moments.

The weights are S^rho (1 - S)^gamma with the Kaplan-Meier estimate S of all patients (Fleming and Harrington 1991,
Counting Processes and Survival Analysis, section 7.2); (0, 0) is the log-rank test. The mean of the statistic is that
of Lakatos (1988, Biometrics 44:229) and Yung and Liu (2020, Biometrics 76:939), integrated over the times of patients.
Its variance is that of the sum of independent terms, one a patient, to which it tends (Lin and Wei 1989, J Am Statist
Assoc 84:1074), with terms of the weights and of the variance in the statistic, which are estimated; arms of fixed size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from scipy import special

from trialsim.design.theory.arguments import check_alpha, check_kind, check_numbers
from trialsim.design.theory.changing_hazards.integrals import NOBODY, Months, months_of
from trialsim.design.theory.changing_hazards.piecewise import PiecewiseArms
from trialsim.design.theory.requests import require_positive, require_sides
from trialsim.errors import RequestError
from trialsim.typing import Floats

MOST_WEIGHT: Final = 10.0  # of rho and gamma
NOBODY_AT_RISK: Final = 1e-300  # a share of patients that hazards of any size leave


@dataclass(frozen=True)
class Moments:
    """Of z, positive where the experimental arm does better: mean over the root of n, and standard deviation.

    `average_ratio` is the hazard ratio averaged, on the log scale, over the events (Schoenfeld 1981), each as the
    unweighted test counts it.
    """

    mean: float
    sd: float
    average_ratio: float


def weighted_logrank_power(
    arms: PiecewiseArms,
    total: float,
    n: float,
    alpha: float,
    sides: int = 1,
    rho_gamma: Sequence[float] = (0.0, 0.0),
) -> float:
    """How probably the test of `n` patients in both arms rejects at month `total` of the trial; one look.

    A one-sided test rejects where the experimental arm does better. Errors: a total or n that is not positive, weights
    below 0 or above 10.
    """
    require_positive("n", n)
    check_alpha(alpha)
    require_sides(sides)
    at = logrank_moments(arms, total, rho_gamma)
    bound = -float(special.ndtri(alpha / sides))
    mean = math.sqrt(n) * at.mean
    above = float(special.ndtr((mean - bound) / at.sd))
    return above + (float(special.ndtr((-mean - bound) / at.sd)) if sides == 2 else 0.0)


def logrank_moments(arms: PiecewiseArms, total: float, rho_gamma: Sequence[float] = (0.0, 0.0)) -> Moments:
    """The moments of the statistic at month `total` of the trial, as it may be before the end of accrual.

    Errors: a total that is not positive, weights below 0 or above 10, arms of which only one has events for a time.
    """
    check_kind("arms", arms, PiecewiseArms)
    require_positive("total", total)
    if np.isinf(arms.log_ratios(arms.starts)).any():
        wrong = "For a time only one of the arms has events."
        raise RequestError("hazards", wrong, "hazards above 0 in both arms, or 0 in both for a time.", key="hazards")
    check_numbers("rho_gamma", rho_gamma)
    if len(rho_gamma) != 2 or not all(0.0 <= value <= MOST_WEIGHT for value in rho_gamma):
        allowed = f"two numbers from 0 to {MOST_WEIGHT:g}, rho and gamma."
        raise RequestError(f"rho_gamma = {list(rho_gamma)}", "There are no such weights.", allowed, key="rho_gamma")
    return _moments(arms, float(total), float(rho_gamma[0]), float(rho_gamma[1]))


@lru_cache(maxsize=1024)
def _moments(arms: PiecewiseArms, total: float, rho: float, gamma: float) -> Moments:
    end = min(total, NOBODY / arms.dropout) if arms.dropout > 0.0 else total
    months = months_of(arms.of_arms, end, [total - arms.accrual])
    t, share = months.nodes, arms.shares[:, None]
    hazards = np.stack([item.hazard(t) for item in arms.of_arms])
    stays = np.exp(-arms.dropout * t) * _entered(arms, total - t)
    at_risk = np.stack([item.survival(t) for item in arms.of_arms]) * stays
    of_all = np.maximum((share * at_risk).sum(axis=0), NOBODY_AT_RISK)
    second = share[1] * at_risk[1] / of_all  # the experimental share of those at risk
    pooled = (share * at_risk * hazards).sum(axis=0) / of_all  # the hazard of all at risk
    survival = np.exp(-months.up_to(pooled))
    weight = survival**rho * (1.0 - survival) ** gamma
    slope = _slope(survival, rho, gamma) * survival  # of the weight by the log survival of all
    spread = second * (1.0 - second)
    gain = spread * of_all * (hazards[0] - hazards[1])  # events fewer than expected in the experimental arm
    score, variance = months.integral(weight * gain), months.integral(weight**2 * spread * pooled * of_all)
    # What a patient adds to the score and to its estimated variance: at the event, and while at risk. Both have
    # a term of the weight, which is estimated.
    in_score = -months.after(slope * gain) / of_all
    in_variance = -months.after(2.0 * weight * slope * spread * pooled * of_all) / of_all
    part = score / (2.0 * variance)  # z is the score over the root of the variance: its derivative by the variance
    of_arms = []
    for i in (0, 1):
        own = weight * (second - i) + in_score
        at_event = own - part * (weight**2 * spread + in_variance)
        by_risk = own - part * (in_variance + weight**2 * (1.0 - 2.0 * second) * (second - i))
        of_arms.append(_variance_of_arm(months, at_event, by_risk * pooled, at_risk[i], hazards[i]))
    sd = math.sqrt(float((arms.shares * of_arms).sum()) / variance)
    events, ratios = spread * pooled * of_all, np.nan_to_num(arms.log_ratios(t), nan=0.0)
    average = math.exp(months.integral(events * ratios) / months.integral(events))
    return Moments(score / math.sqrt(variance), sd, average)


def _entered(arms: PiecewiseArms, months: Floats) -> Floats:
    """The share of patients who have come so many months after the start of the trial."""
    return np.minimum(months / arms.accrual, 1.0) if arms.accrual > 0.0 else np.ones_like(months)


def _slope(survival: Floats, rho: float, gamma: float) -> Floats:
    """The derivative of the weight by the survival."""
    first = rho * survival ** (rho - 1.0) * (1.0 - survival) ** gamma if rho > 0.0 else np.zeros_like(survival)
    if gamma > 0.0:
        first = first - gamma * survival**rho * (1.0 - survival) ** (gamma - 1.0)
    return np.asarray(first)


def _variance_of_arm(months: Months, at_event: Floats, by_risk: Floats, at_risk: Floats, hazard: Floats) -> float:
    """The variance of one patient's term: `at_event` at the event, less the integral of `by_risk` while at risk.

    With B that integral, the mean of its square is the integral of 2 B by the rate at which it grows.
    """
    spent = months.up_to(by_risk)
    mean = months.integral((at_event * hazard - by_risk) * at_risk)
    square = months.integral((at_event**2 - 2.0 * at_event * spent) * hazard * at_risk)
    square += months.integral(2.0 * spent * by_risk * at_risk)
    return square - mean**2
