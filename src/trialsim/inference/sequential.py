"""A normal statistic with looks: p-value, interval and median unbiased estimate by the stagewise ordering.

Z_k at information I_k has mean theta sqrt(I_k): theta is the parameter, such as a difference of rates or a logarithm of
a hazard ratio, and I_k one over the squared standard error of its estimate. Outcomes are ordered by stages (Fairbanks
and Madsen 1982, Biometrika 69:69; Tsiatis, Rosner and Mehta 1984, Biometrics 40:797).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from trialsim.design.theory.arguments import check_count, check_probability
from trialsim.design.theory.recursion import Walk
from trialsim.design.theory.requests import per_look, require_finite, rising
from trialsim.errors import RequestError

TO = 1e-12
REACH = 12.0  # standard errors within which a limit is sought


@dataclass(frozen=True)
class SequentialInference:
    """Estimates of theta, the one-sided p-value against theta <= 0, and an interval with equal tails."""

    median_unbiased: float
    observed: float
    p_value: float
    lower: float
    upper: float


def infer_sequential(
    information: Sequence[float],
    upper: Sequence[float],
    look: int,
    z: float,
    *,
    lower: Sequence[float] | None = None,
    confidence: float = 0.95,
) -> SequentialInference:
    """What a trial says that ended at a look (from 0) with a statistic z.

    `information` of the looks up to this one, in units of one over theta squared, shape (look + 1,) or longer; `upper`
    and `lower` are the z bounds of the earlier looks, of which the trial crossed none; `lower` only where futility is
    binding. Errors: information that does not rise, bounds of another shape.
    """
    check_count("look", look, 0, 10_000)
    check_probability("confidence", confidence)
    require_finite("z", z)
    amounts = rising("information", list(information)[: look + 1])
    if len(amounts) != look + 1:
        raise RequestError("information", f"look {look + 1} has none.", "one number for each look.", key="information")
    tops = per_look("upper", list(upper)[:look], look) if look else np.zeros(0)
    floors = per_look("lower", list(lower)[:look], look) if lower is not None and look else np.full(look, -math.inf)

    def at_least(theta: float) -> float:
        walk, crossed = Walk(amounts, theta), 0.0
        for floor, top in zip(floors, tops, strict=True):
            crossed += walk.above(float(top))
            walk.go_on(float(floor), float(top))
        return min(crossed + walk.above(z), 1.0)

    error, tail = 1.0 / math.sqrt(float(amounts[-1])), (1.0 - confidence) / 2.0
    middle = z * error
    return SequentialInference(
        median_unbiased=_theta_of(at_least, 0.5, middle, error),
        observed=middle,
        p_value=at_least(0.0),
        lower=_theta_of(at_least, tail, middle, error),
        upper=_theta_of(at_least, 1.0 - tail, middle, error),
    )


def _theta_of(probability: Callable[[float], float], wanted: float, middle: float, error: float) -> float:
    """The parameter at which a probability that rises with it has a value."""
    low, high = middle - REACH * error, middle + REACH * error
    while probability(low) > wanted:
        low -= REACH * error
    while probability(high) < wanted:
        high += REACH * error
    return float(optimize.brentq(lambda theta: probability(theta) - wanted, low, high, xtol=TO * max(1.0, abs(middle))))
