"""Two or more arms, one question: fixed and group-sequential designs, and selection, with exact error rates."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, cast

import numpy as np
from scipy.stats import norm

from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.decisions import Selection, TwoArms
from trialsim.design.plan import ALTERNATIVE, NULL, Exact, Plan, one_rate
from trialsim.design.theory.arguments import LARGEST_ARM
from trialsim.design.theory.proportions import (
    APPROXIMATIONS,
    EXACT_TESTS,
    Approximation,
    Test,
    approximate_n,
    usual_two_sided,
)
from trialsim.design.theory.rounding import lowest_accepted
from trialsim.design.theory.selection import selection_probabilities
from trialsim.design.theory.sequential import crossing_probabilities, drift_for_power, inflation
from trialsim.design.theory.two_arm_sizes import smallest_trial
from trialsim.design.two_arm.boundaries import MOST_EXACT, ExactBounds, bounds_of
from trialsim.design.two_arm.enumeration import arms_at, highest_level, two_arm_paths
from trialsim.errors import RequestError

FAR: Final = 1.5  # times the limit: what the normal approximation asks for at most, for a search to begin
DEFAULT_TEST: Final = "chi-square"


def seats_of(study: SizeStudy, names: Sequence[str]) -> tuple[int, ...]:
    """The arms' turns: so many patients of each as the ratio says; those of two arms are split as `split_of` does."""
    return tuple(i for i, name in enumerate(names) for _ in range(study.allocation.ratio.get(name, 1)))


def two_arm_plan(study: SizeStudy, names: Sequence[str], rates: Sequence[float], better: str) -> Plan:
    """The plan of a trial with a control and an experimental arm whose true rates would be `rates`.

    One look: the smallest n with the power by exact enumeration. More looks: pooled z against bounds by alpha spending,
    and the smallest n whose power, by exact enumeration of both counts, reaches the target. Raises `RequestError`.
    """
    control, experimental = rates
    gain = experimental - control if better == "higher" else control - experimental
    if gain <= 0.0:
        wrong = f"the experimental arm is not better: {experimental:.3f} against {control:.3f}."
        raise RequestError("alternative", wrong, "variants of which the second has the better rate.")
    seats = seats_of(study, names)
    if len(study.looks.at) == 1:
        decisions, extra = _one_look(study, control, experimental, better, seats)
    else:
        decisions, extra = _more_looks(study, control, experimental, better, seats)
    exact = {}
    for name, truth in ((NULL, (control, control)), (ALTERNATIVE, (control, experimental))):
        found = two_arm_paths(decisions, truth, seats)
        exact[name] = Exact(*found, (one_rate(truth[0]), one_rate(truth[1])))
    n = decisions.looks[-1]
    if len(decisions.looks) > 1:
        extra["highest_alpha"] = highest_level(decisions, seats)
    numbers: dict[str, Any] = {
        "n": n, "n_control": arms_at(n, seats)[0], "n_experimental": arms_at(n, seats)[1],
        "p_control": control, "p_experimental": experimental, "alpha": exact[NULL].rejects,
        "power": exact[ALTERNATIVE].rejects, "en_p0": exact[NULL].expected_n, "pet_p0": exact[NULL].stops_early,
        "en_p1": exact[ALTERNATIVE].expected_n, "sides": study.sides, "nominal_alpha": study.alpha, **extra,
    }  # fmt: skip
    return Plan(study.design, numbers, decisions, exact, seats)


def two_arm_at(
    study: SizeStudy, decisions: TwoArms, n: int, seats: Sequence[int], exact: ExactBounds | None = None
) -> TwoArms:
    """The same decisions with `n` patients in all; those with an exact boundary have one for every n."""
    looks = (*(_round(n * share, len(seats)) for share in study.looks.at[:-1]), n)
    if exact is None:
        return replace(decisions, looks=looks)
    upper, lower = exact.at(looks)
    return replace(decisions, looks=looks, upper=upper, lower=lower)


def exact_bounds_of(study: SizeStudy, better: str, seats: Sequence[int]) -> ExactBounds | None:
    """The exact boundaries of a study; None where it has normal ones."""
    return ExactBounds(study, better, seats, DEFAULT_TEST) if study.looks.boundary == "exact" else None


def _one_look(
    study: SizeStudy, control: float, experimental: float, better: str, seats: Sequence[int]
) -> tuple[TwoArms, dict[str, Any]]:
    test, asked = cast(Test, study.test or "boschloo"), (study.alpha, study.power, study.sides)
    parts, largest = (seats.count(0), seats.count(1)), min(study.largest_n, 2 * LARGEST_ARM)
    try:
        found = smallest_trial(control, experimental, *asked, test, parts, largest, study.two_sided)
    except RequestError as error:
        about = approximate_n(control, experimental, *asked, "pooled", parts[1] / parts[0]) * len(seats) / parts[0]
        wrong = f"{error.problem.wrong.removesuffix('.')}; it takes about {math.ceil(about)}."
        raise RequestError(f"largest_n = {study.largest_n}", wrong, error.problem.allowed) from None
    two_sided = (study.two_sided or usual_two_sided(test)) if study.sides == 2 and test in EXACT_TESTS else None
    extra = {
        "test": test,
        **({"two_sided": two_sided} if two_sided is not None else {}),
        "stays_n": found.stays_from,
        "approximations": {
            method: approximate_n(control, experimental, *asked, method, parts[1] / parts[0])
            for method in cast(tuple[Approximation, ...], APPROXIMATIONS)
        },
    }
    n = found.n_control + found.n_experimental
    return TwoArms((n,), study.alpha, study.sides, test, better, two_sided=two_sided), extra


def _more_looks(
    study: SizeStudy, control: float, experimental: float, better: str, seats: Sequence[int]
) -> tuple[TwoArms, dict[str, Any]]:
    looks = study.looks
    upper, lower = bounds_of(looks, study.alpha, study.power, study.sides)
    drift = drift_for_power(looks.at, upper, study.power, lower or None)
    more = inflation(drift, study.alpha, study.power, study.sides)
    ratio = seats.count(1) / seats.count(0)
    fixed = approximate_n(control, experimental, study.alpha, study.power, study.sides, "pooled", ratio) * (1.0 + ratio)

    exact = exact_bounds_of(study, better, seats)
    most = study.largest_n if exact is None else min(study.largest_n, MOST_EXACT)
    normal = TwoArms((), study.alpha, study.sides, DEFAULT_TEST, better, upper, lower)

    def is_enough(n: int) -> bool:
        wanted, rates = lowest_accepted(study.power), (control, experimental)
        if two_arm_paths(two_arm_at(study, normal, n, seats), rates, seats)[0] < wanted:
            return False  # an exact boundary rejects less
        return exact is None or _power_at(partial(two_arm_at, study, normal, n, seats, exact), rates, seats) >= wanted

    n = None
    if fixed * more < FAR * most:  # beyond, the tables of both counts would only grow
        n = _smallest(is_enough, fixed * more, len(seats), most)
    if n is None:
        raise _no_trial_with_looks(study, most, fixed * more)
    decisions = two_arm_at(study, normal, n, seats, exact)
    above, _ = crossing_probabilities(looks.at, decisions.upper, decisions.lower or None, 0.0)
    extra = {
        "looks": list(decisions.looks), "upper_z": list(decisions.upper), "lower_z": list(decisions.lower),
        "test": "pooled z", "nominal_p": norm.sf(np.array(decisions.upper)).tolist(), "inflation": more,
        "normal_alpha": float(above.sum()) * study.sides,
    }  # fmt: skip
    if exact is not None:
        extra["spent_alpha"] = exact.spent(decisions.looks)
    return decisions, extra


def _power_at(make: Callable[[], TwoArms], rates: Sequence[float], seats: Sequence[int]) -> float:
    """The power of decisions; 0 where there is no exact boundary for so few patients."""
    try:
        decisions = make()
    except RequestError:
        return 0.0
    return two_arm_paths(decisions, rates, seats)[0]


def _no_trial_with_looks(study: SizeStudy, most: int, about: float) -> RequestError:
    """Why there is no group-sequential trial, with the nearest that there may be."""
    wrong = f"no group-sequential trial with n <= {most} has power {study.power:g}"
    nearest = f"about n = {math.ceil(about)}, or less power."
    if most < study.largest_n:
        wrong += f" with an exact boundary, and beyond {MOST_EXACT} patients none is searched for: it takes minutes"
        nearest = f"`looks.boundary: normal` (about n = {math.ceil(about)}), or less power."
    return RequestError(f"largest_n = {study.largest_n}", f"{wrong}.", nearest)


def _smallest(is_enough: Callable[[int], bool], about: float, size: int, most: int) -> int | None:
    """The smallest multiple of `size` that is enough, near a number; None if none up to `most` is.

    Power of counts is a saw-tooth: a bisection finds a tooth, and the teeth before it are looked through.
    """
    low, high = 0, _round(about, size)
    while not is_enough(high):
        if high > most:
            return None
        low, high = high, _round(1.2 * high, size) + size
    while high - low > size:
        middle = _round((low + high) / 2.0, size)
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    window = max(5, round(0.05 * high / size))
    earlier = [n for n in range(max(size, high - size * min(window, 12)), high, size) if is_enough(n)]
    first = earlier[0] if earlier else high
    return first if first <= most else None


def _round(n: float, size: int) -> int:
    return max(1, round(n / size)) * size


def selection_plan(study: SizeStudy, names: Sequence[str], rates: Sequence[float], seed: int) -> Plan:
    """The smallest trial in which the arm with the best rate has the highest count with the wanted probability.

    Simon, Wittes and Ellenberg 1985 (Cancer Treat Rep 69:1375), at the arms' own rates. Raises `RequestError`.
    """
    best = int(np.argmax(rates))
    if sorted(rates)[-1] <= sorted(rates)[-2]:
        raise RequestError("variants", "no arm is better than the others.", "arms of different rates.")
    most = study.largest_n // len(rates)
    for n in range(1, most + 1):
        right = selection_probabilities(n, rates)[best]
        if right >= study.power:
            break
    else:
        wrong = f"the best arm is selected with probability {right:.3f} at most."
        raise RequestError(f"largest_n = {study.largest_n}", wrong, "more patients, or arms further apart.")
    total = n * len(rates)
    cells = tuple(one_rate(rate) for rate in rates)
    numbers = {"n": total, "n_per_arm": n, "power": right, "alpha": None, "best": names[best],
               "rates": dict(zip(names, rates, strict=True))}  # fmt: skip
    exact = {ALTERNATIVE: Exact(right, float(total), 0.0, cells)}
    return Plan(study.design, numbers, Selection(len(rates), n, best, seed), exact, tuple(range(len(rates))))
