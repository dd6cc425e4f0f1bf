"""Who the patients are: uniform numbers to baseline values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from trialsim.errors import HazardError

NORMAL: Final = 0
LOGNORMAL: Final = 1
LOGIT_NORMAL: Final = 2
_LARGEST_EXPONENT: Final = 700.0
_LARGEST_UNIFORM: Final = 1.0 - 2.0**-53

# Coefficients of Wichura (1988), Algorithm AS 241, routine PPND16: numerator and denominator of each branch, highest
# power first. The routine's own accuracy is about 1 part in 10^16.
_CENTRAL = (
    (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
     1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0),
    (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
     5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0),
)  # fmt: skip
_NEAR_TAIL = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
     3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
     6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0),
)  # fmt: skip
_FAR_TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
     2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
     1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0),
)  # fmt: skip


def _ratio(branch: tuple[Sequence[float], Sequence[float]], x: float) -> float:
    """A ratio of two polynomials, by Horner's rule."""
    numerator = 0.0
    denominator = 0.0
    for i in range(len(branch[0])):
        numerator = numerator * x + branch[0][i]
        denominator = denominator * x + branch[1][i]
    return numerator / denominator


def finite_exp(exponent: float) -> float:
    """exp, of effects, frailties and baseline values; `HazardError` where the result is too large for a number."""
    if exponent > _LARGEST_EXPONENT:
        raise HazardError(
            "an effect or a frailty gives an infinite hazard, or a baseline value is infinite.\n"
            "  Allowed: hazard ratios and spreads that keep it finite; look at `per` and `sd`."
        )
    return math.exp(exponent)


def standard_normal_quantile(uniform: float) -> float:
    """The standard normal quantile of a number in (0, 1), by Wichura (1988), Algorithm AS 241 (PPND16)."""
    q = uniform - 0.5
    if abs(q) <= 0.425:
        return q * _ratio(_CENTRAL, 0.180625 - q * q)
    tail = uniform if q < 0.0 else 1.0 - uniform
    r = math.sqrt(-math.log(tail))
    value = _ratio(_NEAR_TAIL, r - 1.6) if r <= 5.0 else _ratio(_FAR_TAIL, r - 5.0)
    return -value if q < 0.0 else value


def continuous_value(
    uniform: float, distribution: int, location: float, spread: float, lowest_share: float, highest_share: float
) -> float:
    """A continuous baseline value in its own unit.

    `location` and `spread` belong to the normal scale of the distribution (itself, log, or logit); a truncated
    distribution keeps the quantiles between `lowest_share` and `highest_share` (0 and 1 when it is not truncated).
    """
    share = lowest_share + uniform * (highest_share - lowest_share)
    normal = location + spread * standard_normal_quantile(share)
    if distribution == LOGNORMAL:
        return finite_exp(normal)
    if distribution == LOGIT_NORMAL:
        below = math.exp(-abs(normal))
        return 1.0 / (1.0 + below) if normal >= 0.0 else below / (1.0 + below)
    return normal


def category_index(uniform: float, cumulative_shares: Sequence[float]) -> int:
    """The index of the category that a uniform number falls in; the last share is 1."""
    for i in range(len(cumulative_shares) - 1):
        if uniform < cumulative_shares[i]:
            return i
    return len(cumulative_shares) - 1


def frailty_value(uniform: float, sd_log: float, p_long_term: float) -> float:
    """A lognormal frailty with median 1 and standard deviation `sd_log` on the log scale; 0 with a probability."""
    if uniform <= p_long_term:
        return 0.0
    share = min((uniform - p_long_term) / (1.0 - p_long_term), _LARGEST_UNIFORM)
    return finite_exp(sd_log * standard_normal_quantile(share))


def effect(value: float, category: int, reference: float, weight: float) -> float:
    """The log hazard ratio of one covariate: `weight` per unit above `reference`, or for being in a category."""
    if category < 0:
        return weight * (value - reference)
    return weight if value == category else 0.0


def multiplier(log_ratio: float, has_effects: bool, frailty: float) -> float:
    """A patient's own factor on a hazard, exp(effects · baseline) × frailty; a frailty of 1 is none."""
    return finite_exp(log_ratio) * frailty if has_effects else frailty
