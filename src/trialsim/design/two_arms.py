"""Two or more arms, one question: fixed and group-sequential designs, and selection, with exact error rates."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, norm

from trialsim.config.size_study import Looks, SizeStudy
from trialsim.design.decisions import GO_ON, REJECT, Selection, TwoArms
from trialsim.design.exact import spending
from trialsim.design.exact.arguments import LARGEST_ARM
from trialsim.design.exact.nuisance import largest_probability
from trialsim.design.exact.proportions import APPROXIMATIONS, Approximation, Test, approximate_n
from trialsim.design.exact.rounding import lowest_accepted
from trialsim.design.exact.selection import selection_probabilities
from trialsim.design.exact.sequential import (
    crossing_probabilities,
    drift_for_power,
    efficacy_bounds,
    futility_bounds,
    inflation,
)
from trialsim.design.exact.two_arm_sizes import smallest_trial, split_of
from trialsim.design.plan import ALTERNATIVE, NULL, Exact, Plan, one_rate
from trialsim.errors import RequestError

Floats = npt.NDArray[np.float64]
FAR: Final = 1.5  # times the limit: what the normal approximation asks for at most, for a search to begin
DEFAULT_TEST: Final = "chi-square"


def spending_of(written: str | list[float]) -> spending.Spending:
    """A spending function from its words. Raises `RequestError`."""
    if isinstance(written, list):
        return spending.Custom(tuple(written))
    name, _, rho = written.partition(" ")
    if name == "power":
        return spending.Power(float(rho))
    return spending.Pocock() if name == "pocock" else spending.ObrienFleming()


def bounds_of(looks: Looks, alpha: float, power: float, sides: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Upper and lower z bounds by look; no lower ones without futility. Raises `RequestError`."""
    used = spending_of(looks.spending)
    upper = efficacy_bounds(looks.at, alpha, used, sides=sides)
    if not np.isfinite(upper).all():
        early = looks.at[int(np.argmax(~np.isfinite(upper)))]
        wrong = f"nothing can be rejected at a share of {early:g}: too little alpha is spent by then."
        raise RequestError("looks.at", wrong, "later looks, or a spending function that spends more early.")
    futility = looks.futility
    if futility is None or len(looks.at) == 1:
        return tuple(upper.tolist()), ()
    if futility.z is not None:
        if len(futility.z) != len(looks.at) - 1:
            wrong = f"{len(futility.z)} bounds for {len(looks.at) - 1} interim looks."
            raise RequestError("looks.futility.z", wrong, "one z for each interim look.")
        lower = np.array([*futility.z, upper[-1]])
        if futility.binding:
            upper = efficacy_bounds(looks.at, alpha, used, sides=sides, lower=lower)
        return tuple(upper.tolist()), tuple(lower.tolist())
    found = futility_bounds(
        looks.at, alpha / sides, power, used, spending_of(str(futility.spending)), is_binding=futility.binding
    )
    return tuple(found.upper.tolist()), tuple(found.lower.tolist())


def seats_of(study: SizeStudy, names: Sequence[str]) -> tuple[int, ...]:
    """The arms' turns: so many patients of each as the ratio says; those of two arms are split as `split_of` does."""
    return tuple(i for i, name in enumerate(names) for _ in range(study.allocation.ratio.get(name, 1)))


def arms_at(n: int, seats: Sequence[int]) -> tuple[int, int]:
    """The patients of the control and of the experimental arm among `n`."""
    return split_of(n, (seats.count(0), seats.count(1)))


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


def two_arm_at(study: SizeStudy, decisions: TwoArms, n: int, seats: Sequence[int]) -> TwoArms:
    """The same decisions with `n` patients in all."""
    looks = tuple(_round(n * share, len(seats)) for share in study.looks.at)
    return replace(decisions, looks=(*looks[:-1], n))


def _one_look(
    study: SizeStudy, control: float, experimental: float, better: str, seats: Sequence[int]
) -> tuple[TwoArms, dict[str, Any]]:
    test, asked = cast(Test, study.test or "boschloo"), (study.alpha, study.power, study.sides)
    parts = seats.count(0), seats.count(1)
    try:
        found = smallest_trial(control, experimental, *asked, test, parts, min(study.largest_n, 2 * LARGEST_ARM))
    except RequestError as error:
        about = approximate_n(control, experimental, *asked, "pooled", parts[1] / parts[0]) * len(seats) / parts[0]
        wrong = f"{error.problem.wrong.removesuffix('.')}; it takes about {math.ceil(about)}."
        raise RequestError(f"largest_n = {study.largest_n}", wrong, error.problem.allowed) from None
    extra = {
        "test": test,
        "stays_n": found.stays_from,
        "approximations": {
            method: approximate_n(control, experimental, *asked, method, parts[1] / parts[0])
            for method in cast(tuple[Approximation, ...], APPROXIMATIONS)
        },
    }
    return TwoArms((found.n_control + found.n_experimental,), study.alpha, study.sides, test, better), extra


def _more_looks(
    study: SizeStudy, control: float, experimental: float, better: str, seats: Sequence[int]
) -> tuple[TwoArms, dict[str, Any]]:
    looks = study.looks
    upper, lower = bounds_of(looks, study.alpha, study.power, study.sides)
    drift = drift_for_power(looks.at, upper, study.power, lower or None)
    more = inflation(drift, study.alpha, study.power, study.sides)
    ratio = seats.count(1) / seats.count(0)
    fixed = approximate_n(control, experimental, study.alpha, study.power, study.sides, "pooled", ratio) * (1.0 + ratio)

    def of(n: int) -> TwoArms:
        at = tuple(_round(n * share, len(seats)) for share in looks.at)
        return TwoArms(at, study.alpha, study.sides, DEFAULT_TEST, better, upper, lower)

    def power(n: int) -> float:
        return two_arm_paths(of(n), (control, experimental), seats)[0]

    n = None
    if fixed * more < FAR * study.largest_n:  # beyond, the tables of both counts would only grow
        n = _smallest(lambda n: power(n) >= lowest_accepted(study.power), fixed * more, len(seats), study.largest_n)
    if n is None:
        wrong = f"no group-sequential trial with n <= {study.largest_n} has power {study.power:g}."
        raise RequestError(
            f"largest_n = {study.largest_n}", wrong, f"about n = {math.ceil(fixed * more)}, or less power."
        )
    above, _ = crossing_probabilities(looks.at, upper, lower or None, 0.0)
    extra = {
        "looks": list(of(n).looks), "upper_z": list(upper), "lower_z": list(lower), "test": "pooled z",
        "nominal_p": norm.sf(np.array(upper)).tolist(), "inflation": more,
        "normal_alpha": float(above.sum()) * study.sides,
    }  # fmt: skip
    return of(n), extra


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


def two_arm_paths(decisions: TwoArms, rates: Sequence[float], seats: Sequence[int]) -> tuple[float, float, float]:
    """The probability of rejecting, EN, and the probability of stopping early, by enumeration of both arms' counts."""
    alive = np.ones((1, 1))
    n = (0, 0)
    rejects = expected = early = 0.0
    for look, total in enumerate(decisions.looks):
        now = arms_at(total, seats)
        alive = _more(now[0] - n[0], n[0], rates[0]).T @ alive @ _more(now[1] - n[1], n[1], rates[1])
        n = now
        sign = _signs(decisions, look, n)
        is_last = look == len(decisions.looks) - 1
        stopped = float(alive[sign != GO_ON].sum()) if not is_last else float(alive.sum())
        rejects += float(alive[sign == REJECT].sum())
        expected += total * stopped
        early += 0.0 if is_last else stopped
        alive = np.where(sign == GO_ON, alive, 0.0)
    return rejects, expected, early


def highest_level(decisions: TwoArms, seats: Sequence[int]) -> float:
    """The largest probability of rejecting, over all rates that the arms may share, accurate to 1e-9.

    Given the total of both arms at the end, had nothing stopped the trial, the probability of rejecting does not
    depend on the rate: so the maximum is bounded as for one look, see `exact.nuisance`. The conditional probabilities
    are found at a few rates, each for the totals near it.
    """
    n = decisions.looks[-1]
    rates = np.sin(np.pi / 2.0 * np.array([0.1, 0.3, 0.5, 0.7, 0.9])) ** 2
    nearest = np.abs(np.arcsin(np.sqrt(np.arange(n + 1) / n))[:, None] - np.arcsin(np.sqrt(rates))).argmin(axis=1)
    conditional = np.zeros(n + 1)
    for i, rate in enumerate(rates.tolist()):
        own = nearest == i
        conditional[own] = _rejected_by_total(decisions, rate, seats)[own] / binom.pmf(np.flatnonzero(own), n, rate)
    return largest_probability(np.minimum(conditional, 1.0))


def _rejected_by_total(decisions: TwoArms, rate: float, seats: Sequence[int]) -> Floats:
    """The probability of each total at the end together with rejecting at some look, shape (n + 1,)."""
    alive, n, found = np.ones((1, 1)), (0, 0), np.zeros(1)
    for look, total in enumerate(decisions.looks):
        now = arms_at(total, seats)
        added = binom.pmf(np.arange(total - sum(n) + 1), total - sum(n), rate)
        alive = _more(now[0] - n[0], n[0], rate).T @ alive @ _more(now[1] - n[1], n[1], rate)
        found, n = np.convolve(found, added), now
        sign = _signs(decisions, look, n)
        totals = np.add.outer(np.arange(n[0] + 1), np.arange(n[1] + 1))
        found += np.bincount(totals.ravel(), np.where(sign == REJECT, alive, 0.0).ravel(), total + 1)
        alive = np.where(sign == GO_ON, alive, 0.0)
    return found


def _more(n_more: int, n_before: int, rate: float) -> Floats:
    """From a count before to a count with so many patients more, shape (n_before + 1, n_before + n_more + 1)."""
    found = np.zeros((n_before + 1, n_before + n_more + 1))
    mass = binom.pmf(np.arange(n_more + 1), n_more, rate)
    for x in range(n_before + 1):
        found[x, x : x + n_more + 1] = mass
    return found


def _signs(decisions: TwoArms, look: int, n: Sequence[int]) -> npt.NDArray[np.int8]:
    """What every pair of counts decides, shape (n control + 1, n experimental + 1)."""
    x0, x1 = np.meshgrid(np.arange(n[0] + 1), np.arange(n[1] + 1), indexing="ij")
    counts = np.zeros((x0.size, len(decisions.looks), 2, 2), np.int64)
    counts[:, look, 0, 0], counts[:, look, 1, 0] = n
    counts[:, look, 0, 1], counts[:, look, 1, 1] = x0.ravel(), x1.ravel()
    return decisions.decide(look, counts, np.zeros(x0.size, np.int64)).reshape(x0.shape)


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
