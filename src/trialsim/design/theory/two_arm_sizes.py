"""The smallest trial of two arms whose test reaches a power at two true rates, by the trial's own split of patients."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from trialsim.design.theory.arguments import LARGEST_ARM, check_choice, check_count
from trialsim.design.theory.binomial import binomial_probabilities
from trialsim.design.theory.nuisance import BRACKET
from trialsim.design.theory.proportions import (
    EXACT_TESTS,
    TESTS,
    Better,
    Ordered,
    Test,
    TwoSided,
    check_request,
    check_two_sided,
    mirrored,
    reject_probability,
    rejection_region,
    size_of,
    statistic_of,
    times,
    usual_two_sided,
)
from trialsim.design.theory.rounding import highest_accepted, lowest_accepted
from trialsim.design.theory.sawtooth import first_reaching
from trialsim.design.theory.stages import MOST_PATIENTS
from trialsim.errors import RequestError
from trialsim.typing import Counts, Flags

Arms = tuple[int, int]  # patients of the control and of the experimental arm
MOST_PARTS = 1000
UNCONDITIONAL = tuple(test for test in EXACT_TESTS if test != "fisher")


@dataclass(frozen=True)
class TwoArmSize:
    """The smallest trial that reaches a power, and the one from which larger trials keep it.

    `power` is that of the trial of `n_control` and `n_experimental` patients, `size` its largest probability of a
    rejection when both arms share a rate. Every trial with `stays_from` to `checked_to` patients reaches the power
    wanted; between this trial and `stays_from` some do not. These two count the control arm (`smallest_n`) or all
    patients (`smallest_trial`).
    """

    n_control: int
    n_experimental: int
    power: float
    size: float
    stays_from: int
    checked_to: int


def split_of(n: int, parts: Arms) -> Arms:
    """How `n` patients are split who take turns in the ratio `parts`, in each turn the control arm first.

    Raises RequestError for numbers that are not whole.
    """
    check_count("n", n, 0, MOST_PATIENTS)
    _check_parts(parts, MOST_PATIENTS)
    turns, rest = divmod(n, sum(parts))
    control = turns * parts[0] + min(rest, parts[0])
    return control, n - control


def _check_parts(parts: Arms, largest: int) -> None:
    """Refuse what is not two whole numbers from 1. Raises RequestError."""
    if not isinstance(parts, tuple | list) or len(parts) != 2:
        raise RequestError(f"parts: {parts!r}", "A split has two parts.", "two whole numbers, such as (2, 1).")
    for part in parts:
        check_count("parts", part, 1, largest)


def smallest_n(
    p_control: float,
    p_experimental: float,
    alpha: float = 0.05,
    power: float = 0.8,
    sides: int = 2,
    test: Test = "fisher",
    ratio: float = 1.0,
    largest: int = 1000,
    two_sided: TwoSided | None = None,
) -> TwoArmSize:
    """The smallest trial whose test reaches a power at two true rates, exactly; by patients of the control arm.

    The experimental arm has `ratio` times the patients of the control arm, rounded upwards. A one-sided test looks in
    the direction of the true difference, `two_sided` is that of `rejection_region`. An exact unconditional test of 1000
    patients in each arm takes about half a minute, fisher and the tests with normal quantiles take seconds. Raises
    RequestError for numbers that describe no such trial, and where no trial with up to `largest` patients in the
    control arm reaches the power.
    """
    check_request(p_control, p_experimental, alpha, power, sides, ratio)
    check_count("largest", largest)
    largest = min(largest, int(LARGEST_ARM / max(ratio, 1.0)))
    wanted = _Wanted(p_control, p_experimental, alpha, power, sides, test, two_sided)
    smallest = wanted.smallest(lambda n: (n, times(n, ratio)), largest, lambda n: 15 + math.isqrt(n))
    if isinstance(smallest, float):
        wrong = f"No trial with at most {largest} patients in the control arm reaches this power."
        allowed = f"powers up to {smallest:.4f}, which {largest} patients give, or a larger limit."
        raise RequestError(f"power: {power}", wrong, allowed, key="power")
    return smallest


def smallest_trial(
    p_control: float,
    p_experimental: float,
    alpha: float = 0.05,
    power: float = 0.8,
    sides: int = 2,
    test: Test = "fisher",
    parts: Arms = (1, 1),
    largest: int = 1000,
    two_sided: TwoSided | None = None,
) -> TwoArmSize:
    """The smallest trial whose test reaches a power at two true rates, exactly; by patients of both arms together.

    Patients are split as `split_of` does; where `parts` are equal, so are the arms. Errors as of `smallest_n`.
    """
    _check_parts(parts, MOST_PARTS)
    check_request(p_control, p_experimental, alpha, power, sides, 1.0)
    check_count("largest", largest, 2, 2 * LARGEST_ARM)
    wanted = _Wanted(p_control, p_experimental, alpha, power, sides, test, two_sided)
    first = next(n for n in range(2, MOST_PARTS + 2) if min(split_of(n, parts)) > 0)
    step, before = (2, 0) if parts[0] == parts[1] else (1, first - 1)
    most = min((largest - before) // step, int(LARGEST_ARM * sum(parts) / max(parts)) // step)
    period = 1 if step > 1 else sum(parts) // math.gcd(*parts)
    smallest = None
    if most > 0:
        smallest = wanted.smallest(
            lambda i: split_of(before + step * i, parts), most, lambda i: 15 + math.isqrt(i) + 4 * period
        )
    if not isinstance(smallest, TwoArmSize):
        wrong = f"no trial of up to {largest} patients, both arms together, has power {power:g}"
        reached = f"power up to {smallest:.3f}, or " if smallest is not None else ""
        raise RequestError(f"n <= {largest}", f"{wrong}.", f"{reached}a larger limit, or rates further apart.", key="n")
    first_n, checked = before + step * smallest.stays_from, before + step * smallest.checked_to
    return TwoArmSize(smallest.n_control, smallest.n_experimental, smallest.power, smallest.size, first_n, checked)


class _Wanted:
    """What is wanted of a trial, and the power that a trial of two arms has."""

    def __init__(
        self,
        p_control: float,
        p_experimental: float,
        alpha: float,
        power: float,
        sides: int,
        test: Test,
        two_sided: TwoSided | None,
    ) -> None:
        check_choice("test", test, TESTS)
        check_two_sided(two_sided, sides)
        self.rates = p_control, p_experimental
        self.alpha, self.power, self.sides, self.test = alpha, power, sides, test
        self.two_sided: TwoSided = two_sided or usual_two_sided(test)
        self.better: Better = "higher" if p_experimental > p_control else "lower"

    def region(self, arms: Arms) -> Flags:
        """The tables that are rejected."""
        two_sided = self.two_sided if self.sides == 2 else None
        return rejection_region(*arms, self.alpha, self.sides, self.test, self.better, two_sided)

    def power_of(self, arms: Arms) -> float:
        """The power of a trial with these arms."""
        return reject_probability(self.region(arms), *self.rates)

    def smallest(self, arms_of: Callable[[int], Arms], largest: int, teeth: Callable[[int], int]) -> TwoArmSize | float:
        """The first of the trials 1, 2, ..., `largest` that has the power; otherwise the power of the last."""
        start = self._start(arms_of, largest)
        if start is None:
            return self.power_of(arms_of(largest))
        crossing = first_reaching(lambda n: float(self.reaches(arms_of(n))), 1.0, teeth, largest, start)
        if crossing is None:
            return self.power_of(arms_of(largest))
        arms = arms_of(crossing.n)
        region = self.region(arms)
        power = reject_probability(region, *self.rates)
        return TwoArmSize(*arms, power, size_of(region), crossing.stays_from, crossing.checked_to)

    def reaches(self, arms: Arms) -> bool:
        """Whether a trial with these arms has the power.

        The regions of an unconditional test lie within each other. So it is enough to know whether the smallest one
        that has the power keeps the level; one maximum over the common rate instead of some twenty.
        """
        if self.test not in UNCONDITIONAL:
            return self.power_of(arms) >= lowest_accepted(self.power)
        is_doubled = self.sides == 2 and self.two_sided == "doubled"
        order = Ordered(statistic_of(*arms, self.test, is_ordered=self.sides == 2 and not is_doubled))
        places = np.empty(order.tables.size, dtype=np.int64)
        places[order.tables] = np.arange(order.tables.size)
        place: Counts = places.reshape(order.shape)
        if self.sides == 1 and self.better == "lower":
            place = mirrored(place)
        elif is_doubled:
            place = np.minimum(place, mirrored(place))  # rejected by either of the two tests
        control, experimental = (binomial_probabilities(n, p) for n, p in zip(arms, self.rates, strict=True))
        powers = np.cumsum(np.bincount(place.ravel(), np.outer(control, experimental).ravel(), place.size))
        enough = np.flatnonzero(powers[order.ends - 1] >= lowest_accepted(self.power))
        level = self.alpha / 2.0 if is_doubled else self.alpha
        return len(enough) > 0 and order.has_level(int(order.ends[enough[0]]), level)

    def _start(self, arms_of: Callable[[int], Arms], largest: int) -> int | None:
        """A trial before which no test of the level has the power; None if that is so of all.

        The arms share a rate between the two under the null hypothesis. Against that, no test has more power than the
        likelihood ratio test (Neyman and Pearson), whose power rises with every patient.
        """
        if self.test not in EXACT_TESTS:
            return 1  # their level may exceed alpha
        last = arms_of(largest)
        null = float(np.dot(self.rates, last)) / sum(last)
        bound = lru_cache(maxsize=None)(lambda n: _most_power(arms_of(n), null, self.rates, self.alpha))
        wanted = lowest_accepted(self.power)
        few, enough = 0, largest
        if bound(largest) < wanted:
            return None
        while enough - few > 1:
            middle = (few + enough) // 2
            few, enough = (few, middle) if bound(middle) >= wanted else (middle, enough)
        return enough


def _most_power(arms: Arms, null: float, rates: tuple[float, float], alpha: float) -> float:
    """The power of the most powerful test that rejects with probability alpha when both arms have the rate `null`."""
    of_null, of_rates = (
        np.multiply.outer(*(binomial_probabilities(n, p) for n, p in zip(arms, both, strict=True))).ravel()
        for both in ((null, null), rates)
    )
    is_possible = of_null > 0.0
    impossible = float(of_rates[~is_possible].sum())  # a table that the null rules out is rejected at no cost
    of_null, of_rates = of_null[is_possible], of_rates[is_possible]
    order = np.argsort(-of_rates / of_null)
    spent = np.cumsum(of_null[order])
    last = min(int(np.searchsorted(spent, highest_accepted(alpha) + 2.0 * BRACKET, side="right")), len(spent) - 1)
    return impossible + float(of_rates[order][: last + 1].sum())
