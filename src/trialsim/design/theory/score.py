"""The score statistic of two proportions against a difference, and the test of a margin by it.

Farrington and Manning (1990, Stat Med 9:1447): the observed difference less the one that is tested, over its standard
error at the most likely rates that have it.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import norm

from trialsim.design.theory.arguments import (
    check_alpha,
    check_choice,
    check_count,
    check_number,
    check_positive,
    check_probability,
)
from trialsim.design.theory.binomial import binomial_weights
from trialsim.design.theory.rounding import TOLERANCE
from trialsim.errors import RequestError
from trialsim.typing import Flags, Floats

GRID = 401  # rates of the control arm among which the highest level is sought


def score_statistic(arms: tuple[int, int], difference: float) -> Floats:
    """The score statistic of every table against a difference, shape (n_control + 1, n_experimental + 1).

    The observed difference less the one given, over its standard error at the most likely rates that have it
    (Farrington and Manning 1990, whose cubic equation this solves).
    """
    n0, n1 = arms
    p0, p1 = np.arange(n0 + 1)[:, None] / n0, np.arange(n1 + 1) / n1
    control = restricted_rates(n0, n1, p0, p1, difference)
    experimental = np.clip(control + difference, 0.0, 1.0)
    variance = control * (1.0 - control) / n0 + experimental * (1.0 - experimental) / n1
    gain = p1 - p0 - difference
    gain = np.where(np.abs(gain) < TOLERANCE, 0.0, gain)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(gain == 0.0, 0.0, gain / np.sqrt(np.maximum(variance, 1e-300)))


def restricted_rates(n0: int, n1: int, p0: Floats, p1: Floats, difference: float) -> Floats:
    """The most likely rates of the control arm, given observed ones, if the experimental rate is higher by so much."""
    theta, s = n1 / n0, -difference  # the rate of the control less that of the experimental arm
    a = 1.0 + theta
    b = -(1.0 + theta + p0 + theta * p1 + s * (theta + 2.0))
    c = s**2 + s * (2.0 * p0 + theta + 1.0) + p0 + theta * p1
    d = -p0 * s * (1.0 + s)
    v = b**3 / (27.0 * a**3) - b * c / (6.0 * a**2) + d / (2.0 * a)
    u = np.sign(v + 1e-300) * np.sqrt(np.maximum(b**2 / (9.0 * a**2) - c / (3.0 * a), 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(u == 0.0, 0.0, v / u**3)
    w = (np.pi + np.arccos(np.clip(ratio, -1.0, 1.0))) / 3.0
    found = 2.0 * u * np.cos(w) - b / (3.0 * a)
    return np.asarray(np.clip(found, max(0.0, s), min(1.0, 1.0 + s)))


def margin_region(
    arms: tuple[int, int], margin: float, alpha: float, better: str, *, is_equivalence: bool = False
) -> Flags:
    """The tables that show non-inferiority by less than `margin`, or equivalence; shape (n_control + 1, n_exp + 1).

    One-sided at level alpha; equivalence is both one-sided tests at alpha (Schuirmann 1987). Errors: arms that are not
    whole numbers, a margin outside (0, 1), a level outside (0, 1).
    """
    check_margin(margin)
    check_alpha(alpha)
    check_choice("better", better, ("higher", "lower"))
    if not isinstance(arms, tuple) or len(arms) != 2:
        raise RequestError(f"arms: {arms!r}", "these are not two arms.", "patients of both, such as (40, 40).")
    for n in arms:
        check_count("patients", n)
    z = float(norm.isf(alpha))
    not_lower = score_statistic(arms, -margin) >= z - TOLERANCE
    not_higher = -score_statistic(arms, margin) >= z - TOLERANCE
    if is_equivalence:
        return np.asarray(not_lower & not_higher)
    return np.asarray(not_lower if better == "higher" else not_higher)


def highest_level_at_margin(region: Flags, difference: float) -> float:
    """The largest probability of a region over all control rates, the experimental rate being higher by `difference`.

    Over a grid of `GRID` rates: it may miss some 1e-4 of it.
    """
    low, high = max(0.0, -difference), min(1.0, 1.0 - difference)
    rates = np.linspace(low, high, GRID)
    control = binomial_weights(region.shape[0] - 1, rates)
    experimental = binomial_weights(region.shape[1] - 1, np.clip(rates + difference, 0.0, 1.0))
    return float(((control @ region) * experimental).sum(axis=1).max())


def approximate_n_for_margin(
    p_control: float, p_experimental: float, margin: float, alpha: float, power: float, ratio: float = 1.0
) -> float:
    """The patients of the control arm for non-inferiority by the normal approximation, not rounded.

    Farrington and Manning (1990): the variance under the null is that at the most likely rates at the margin, for
    observed rates as under the alternative. A higher rate is better. Errors: rates that are no better than the margin.
    """
    check_probability("p_control", p_control)
    check_probability("p_experimental", p_experimental)
    check_margin(margin)
    check_alpha(alpha)
    check_probability("power", power)
    check_positive("ratio", ratio)
    gain = p_experimental - p_control + margin
    if gain <= 0.0:
        wrong = f"the experimental arm is worse by {p_control - p_experimental:g}, which is the margin or more."
        raise RequestError(f"margin = {margin:g}", wrong, "a wider margin, or other rates.", key="margin")
    size = 1_000_000  # so many that the ratio is exact to six digits
    control = float(restricted_rates(size, round(size * ratio), np.array(p_control), np.array(p_experimental), -margin))
    at_margin = min(max(control - margin, 0.0), 1.0)
    null = math.sqrt(control * (1.0 - control) + at_margin * (1.0 - at_margin) / ratio)
    alternative = math.sqrt(p_control * (1.0 - p_control) + p_experimental * (1.0 - p_experimental) / ratio)
    return float(((norm.isf(alpha) * null + norm.ppf(power) * alternative) / gain) ** 2)


def check_margin(margin: float) -> None:
    """Refuse what is no margin of a difference of rates. Raises RequestError."""
    check_number("margin", margin)
    if not 0.0 < margin < 1.0:
        raise RequestError(f"margin = {margin:g}", "this is no margin of rates.", "above 0 and below 1.", key="margin")
