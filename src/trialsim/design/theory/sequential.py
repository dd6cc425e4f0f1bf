"""Group sequential bounds by spending of alpha and beta, and how probable it is to cross them.

Z_k at the looks has the canonical joint distribution: E Z_k = drift sqrt(t_k), variance 1, covariance sqrt(t_j / t_k)
for j < k (Jennison and Turnbull 2000, eq. 3.1). Large Z is good: efficacy above the upper bound, futility below the
lower one. Bounds are one-sided; a symmetric two-sided test (`sides` = 2) is twice the one-sided test with alpha / 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from trialsim.design.theory.arguments import check_alpha, check_kind
from trialsim.design.theory.recursion import Walk
from trialsim.design.theory.requests import (
    numbers,
    per_look,
    require_finite,
    require_power,
    require_sides,
    rising,
    shown,
)
from trialsim.design.theory.rounding import highest_accepted
from trialsim.design.theory.spending import Spending
from trialsim.errors import RequestError
from trialsim.typing import Floats


@dataclass(frozen=True)
class Bounds:
    """Upper and lower z bounds by look, shapes (k,), and the drift (mean of Z at information 1) that has the power.

    At the final look both bounds are equal: the trial decides.
    """

    information: Floats
    upper: Floats
    lower: Floats
    drift: float


def efficacy_bounds(
    information: npt.ArrayLike,
    alpha: float,
    spending: Spending,
    *,
    sides: int = 1,
    lower: npt.ArrayLike | None = None,
) -> Floats:
    """Upper z bounds that spend alpha as a spending function says (Lan and DeMets 1983, Biometrika 70:659).

    `information` are rising fractions up to 1, shape (k,), and so are the bounds. With `lower`, binding futility bounds
    (k,), trials below them have stopped; the one of the final look is not used. A look that may spend less than 1e-15
    has an infinite bound. Errors: fractions that do not rise or exceed 1, alpha outside (0, 1).
    """
    times = fractions(information)
    check_alpha(alpha)
    require_sides(sides)
    check_kind("spending", spending, Spending)
    floors = np.full(len(times), -math.inf) if lower is None else per_look("lower", lower, len(times))
    return _spend(times, spending.spent(times, alpha / sides), floors)


def crossing_probabilities(
    information: npt.ArrayLike, upper: npt.ArrayLike, lower: npt.ArrayLike | None = None, drift: float = 0.0
) -> tuple[Floats, Floats]:
    """The probabilities to cross first the upper and first the lower bound at each look, shapes (k,) each.

    `information` in any unit, shape (k,); E Z_k = drift sqrt(information_k). Bounds may be infinite; without `lower`
    there is no lower bound. Where the final bounds are equal, all probabilities sum to 1. Errors: information that does
    not rise, bounds of another shape, a lower bound above the upper one.
    """
    times = rising("information", information)
    k = len(times)
    tops = per_look("upper", upper, k)
    floors = np.full(k, -math.inf) if lower is None else per_look("lower", lower, k)
    if (floors > tops).any():
        raise RequestError(
            f"lower = {shown(floors)}", f"above upper = {shown(tops)}.", "at most the upper bound of the same look."
        )
    walk = Walk(times, require_finite("drift", drift))
    above, below = np.zeros(k), np.zeros(k)
    for look in range(k):
        above[look], below[look] = walk.above(tops[look]), walk.below(floors[look])
        if look < k - 1:
            walk.go_on(floors[look], tops[look])
    return above, below


def drift_for_power(
    information: npt.ArrayLike, upper: npt.ArrayLike, power: float, lower: npt.ArrayLike | None = None
) -> float:
    """The drift with which the upper bounds are crossed first with a probability, for bounds that are given.

    Shapes (k,). Errors: as `crossing_probabilities`; a power outside (0, 1) or not above the probability without drift.
    """
    require_power(float(crossing_probabilities(information, upper, lower)[0].sum()), power)

    def excess(drift: float) -> float:
        return float(crossing_probabilities(information, upper, lower, drift)[0].sum()) - power

    return _root(excess)


def futility_bounds(
    information: npt.ArrayLike,
    alpha: float,
    power: float,
    spending: Spending,
    beta_spending: Spending,
    *,
    is_binding: bool = False,
    upper: npt.ArrayLike | None = None,
) -> Bounds:
    """Efficacy bounds that spend alpha, futility bounds that spend beta = 1 - power, and the drift that has the power.

    Information fractions up to 1, shape (k,), one-sided alpha. Beta is spent under that drift (Pampallona, Tsiatis and
    Kim 2001, Drug Inf J 35:1113), which is found so that the bounds meet at the final look. The efficacy bounds of a
    futility rule that is not binding ignore it; they may be given as `upper`, shape (k,). Errors: as `efficacy_bounds`;
    a power that is not above alpha.
    """
    times = fractions(information)
    require_power(alpha, power)
    check_kind("spending", spending, Spending)
    check_kind("beta_spending", beta_spending, Spending)
    alphas = spending.spent(times, alpha)
    betas = beta_spending.spent(times, 1.0 - power)
    fixed = None if is_binding else _spend(times, alphas, np.full(len(times), -math.inf))
    if upper is not None:
        fixed = per_look("upper", upper, len(times))

    def excess(drift: float) -> float:
        upper, lower = _both(times, alphas, betas, drift, fixed)
        return float(crossing_probabilities(times, upper, lower, drift)[0].sum()) - power

    drift = _root(excess)
    return Bounds(times, *_both(times, alphas, betas, drift, fixed), drift)


def inflation(drift: float, alpha: float, power: float, sides: int = 1) -> float:
    """The maximum information of a group sequential design relative to the fixed sample of the same alpha and power.

    `drift` is the mean of Z at information 1, so that drift^2 / (z_alpha + z_beta)^2 is the ratio (Jennison and
    Turnbull 2000, ch. 7). Errors: a power not above alpha, sides other than 1 and 2.
    """
    require_power(alpha, power)
    require_sides(sides)
    require_finite("drift", drift)
    return float((drift / (special.ndtri(power) - special.ndtri(alpha / sides))) ** 2)


def final_bound_by_information(
    information: npt.ArrayLike,
    upper: npt.ArrayLike,
    final: npt.ArrayLike,
    alpha: float,
    *,
    sides: int = 1,
    lower: npt.ArrayLike | None = None,
) -> Floats:
    """The final z bound for each possible final information, given the bounds used at the looks before.

    `information`, `upper` and, where futility is binding, `lower` are those of the earlier looks, shapes (k,); `final`
    has any shape and so has the answer; all information in one unit (events). The final look spends all the alpha that
    remains, be its information below or above the plan (Wassmer and Brannath 2016, Group Sequential and Confirmatory
    Adaptive Designs in Clinical Trials, p. 78 f.). Errors: no alpha remains, a final information not above the last
    look's.
    """
    times = rising("information", information)
    check_alpha(alpha)
    require_sides(sides)
    ends = numbers("final", final)
    if ends.size == 0:
        return ends
    every = rising("information with the smallest final one", [*times, ends.min()])
    tops = per_look("upper", upper, len(times))
    floors = np.full(len(times), -math.inf) if lower is None else per_look("lower", lower, len(times))
    left = alpha / sides - float(crossing_probabilities(times, tops, floors)[0].sum())
    if left <= 0.0:
        raise RequestError(
            f"alpha = {alpha:g}", "spent by the earlier looks already.", "more than those have spent.", key="alpha"
        )
    walk = Walk(every, 0.0)
    for floor, top in zip(floors, tops, strict=True):
        walk.go_on(floor, top)
    return walk.bounds_above(left, ends.ravel()).reshape(ends.shape)


def fractions(information: npt.ArrayLike) -> Floats:
    """Rising information fractions up to 1, shape (k,). Errors: fractions that do not rise or exceed 1."""
    times = rising("information", information)
    if times[-1] > highest_accepted(1.0):
        raise RequestError(f"information = {shown(times)}", "more than all the information.", "fractions up to 1.")
    return times


def _spend(times: Floats, spent: Floats, floors: Floats) -> Floats:
    """Upper bounds that are crossed first, without drift, with the steps of a cumulative probability."""
    walk = Walk(times, 0.0)
    bounds = np.zeros(len(times))
    for look, step in enumerate(np.diff(spent, prepend=0.0)):
        bounds[look] = walk.bound_above(step)
        if look < len(times) - 1:
            walk.go_on(min(floors[look], bounds[look]), bounds[look])
    return bounds


def _both(times: Floats, alphas: Floats, betas: Floats, drift: float, fixed: Floats | None) -> tuple[Floats, Floats]:
    """Upper and lower bounds for a drift; with `fixed`, those are the upper ones. At the final look they are equal."""
    null, effect = Walk(times, 0.0), Walk(times, drift)
    upper, lower = np.zeros(len(times)), np.zeros(len(times))
    steps = zip(np.diff(alphas, prepend=0.0), np.diff(betas, prepend=0.0), strict=True)
    for look, (alpha, beta) in enumerate(steps):
        upper[look] = null.bound_above(alpha) if fixed is None else fixed[look]
        if look == len(times) - 1:
            break
        lower[look] = min(effect.bound_below(beta), upper[look])
        effect.go_on(lower[look], upper[look])
        if fixed is None:
            null.go_on(lower[look], upper[look])
    lower[-1] = upper[-1]
    return upper, lower


def _root(excess: Callable[[float], float]) -> float:
    """Where a function of the drift that rises from below 0 is 0."""
    high = 2.0
    while excess(high) < 0.0:
        high *= 1.5
    return float(optimize.brentq(excess, 0.0, high, xtol=1e-11, rtol=1e-12))
