"""One arm with looks at a count of responses: p-value, interval and estimates that know how the trial could stop.

Outcomes are ordered by stages (Koyama and Chen 2008, Stat Med 27:3145; Jennison and Turnbull 2000, section 12.2): a
trial that stops for futility is less extreme than every later outcome, one that stops for efficacy more extreme, and
within a look more responses are more extreme. A trial of one stage is a special case, whose interval is that of Clopper
and Pearson (1934, Biometrika 26:404).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from scipy import optimize

from trialsim.design.theory.arguments import check_count, check_probability
from trialsim.design.theory.binomial import binomial_probabilities
from trialsim.design.theory.stages import MOST_PATIENTS
from trialsim.errors import RequestError
from trialsim.model.sums import add_in_order
from trialsim.typing import Floats

TO = 1e-12  # how exactly limits and medians are found
OUTCOMES = 1e-15  # a less probable outcome adds nothing to a coverage


@dataclass(frozen=True)
class Stages:
    """Looks after `sizes` patients in all: stop low if the count is <= `lower`, high if it is >= `upper`.

    At the last look every trial ends. The sizes are those that were attained.
    """

    sizes: tuple[int, ...]
    lower: tuple[int, ...]
    upper: tuple[int, ...]

    def __post_init__(self) -> None:
        for n in self.sizes:
            check_count("patients", n, 1, MOST_PATIENTS)
        if not len(self.sizes) == len(self.lower) == len(self.upper) or any(np.diff(self.sizes) <= 0):
            raise RequestError("looks", "each look has more patients than the one before.", "rising numbers.", key="n")

    def goes_on(self, look: int, count: int) -> bool:
        """Whether a trial with a count goes on after a look (from 0)."""
        return look < len(self.sizes) - 1 and self.lower[look] < count < self.upper[look]

    def outcomes(self) -> list[tuple[int, int]]:
        """Every outcome as (look, count), from the least extreme to the most."""
        last = len(self.sizes) - 1
        low = [(look, count) for look in range(last) for count in range(self.lower[look] + 1)]
        high = [
            (look, count) for look in range(last - 1, -1, -1) for count in range(self.upper[look], self.sizes[look] + 1)
        ]
        middle = [(last, count) for count in range(self.sizes[last] + 1) if self._is_reached(count)]
        return [*low, *middle, *high]

    def _is_reached(self, count: int) -> bool:
        return self.ways[-1][count] > 0

    def alive(self, rate: float, last: int | None = None) -> list[Floats]:
        """The probability of each count at each look, up to the look `last`, among trials that come so far."""
        found, before, alive = [], 0, np.ones(1)
        for look, n in enumerate(self.sizes if last is None else self.sizes[: last + 1]):
            alive = np.convolve(alive, binomial_probabilities(n - before, rate))
            found.append(alive)
            alive, before = np.where(self._go_on(look), alive, 0.0), n
        return found

    def _go_on(self, look: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        count = np.arange(self.sizes[look] + 1)
        return (count > self.lower[look]) & (count < self.upper[look])

    def at_least(self, rate: float, look: int, count: int) -> float:
        """The probability of an outcome that is at least as extreme; with `count` + 1, of a more extreme one."""
        alive = self.alive(rate, look)
        high = [float(alive[j][max(self.upper[j], 0) :].sum()) for j in range(look)]
        return min(add_in_order([*high, float(alive[look][count:].sum())]), 1.0)

    def probabilities(self, rate: float) -> list[tuple[tuple[int, int], float]]:
        """The probability of each outcome; those that hardly occur are left out."""
        alive = self.alive(rate)
        return [
            (outcome, float(alive[outcome[0]][outcome[1]]))
            for outcome in self.outcomes()
            if alive[outcome[0]][outcome[1]] > OUTCOMES
        ]

    @cached_property
    def ways(self) -> list[list[int]]:
        """In how many ways each count is reached at each look, whole numbers."""
        return self._paths(self.sizes[0], first=False)

    @cached_property
    def ways_with_first(self) -> list[list[int]]:
        """In how many of them the first patient responds."""
        return self._paths(self.sizes[0] - 1, first=True)

    def _paths(self, n: int, *, first: bool) -> list[list[int]]:
        shift = int(first)
        paths = [0] * shift + [math.comb(n, x) for x in range(n + 1)]
        found, before = [], self.sizes[0]
        for look, size in enumerate(self.sizes):
            added = [math.comb(size - before, x) for x in range(size - before + 1)]
            paths = _convolved(paths, added) if look else paths
            found.append(paths)
            paths = [ways if self.lower[look] < x < self.upper[look] else 0 for x, ways in enumerate(paths)]
            before = size
        return found


def _convolved(first: Sequence[int], second: Sequence[int]) -> list[int]:
    found = [0] * (len(first) + len(second) - 1)
    for i, a in enumerate(first):
        if a:
            for j, b in enumerate(second):
                found[i + j] += a * b
    return found


@dataclass(frozen=True)
class StagedInference:
    """What an outcome says of a rate: estimates, a one-sided p-value against p <= p0, an interval."""

    umvue: float
    median_unbiased: float
    observed: float
    p_value: float
    lower: float
    upper: float


def infer(stages: Stages, look: int, count: int, p0: float | None, confidence: float = 0.95) -> StagedInference:
    """What a trial says that ended at a look (from 0) with a count of responses.

    The p-value is NaN without `p0`. Errors: an outcome at which the trial goes on, a confidence outside (0, 1).
    """
    check_probability("confidence", confidence)
    check_count("look", look, 0, len(stages.sizes) - 1)
    check_count("responses", count, 0, stages.sizes[look])
    if stages.goes_on(look, count):
        wrong = f"with {count} of {stages.sizes[look]} responses the trial goes on."
        raise RequestError("responses", wrong, "the counts at the look that ended it.", key="responses")
    if stages.ways[look][count] == 0:
        wrong = f"a trial with {count} of {stages.sizes[look]} responses would have stopped before."
        raise RequestError("responses", wrong, "counts that the looks before allow.", key="responses")
    low, high = interval(stages, look, count, confidence)
    return StagedInference(
        umvue=umvue(stages, look, count),
        median_unbiased=median_unbiased(stages, look, count),
        observed=count / stages.sizes[look],
        p_value=math.nan if p0 is None else stages.at_least(p0, look, count),
        lower=low,
        upper=high,
    )


def interval(stages: Stages, look: int, count: int, confidence: float) -> tuple[float, float]:
    """The exact two-sided interval by the stagewise ordering, with equal tails."""
    tail = (1.0 - confidence) / 2.0
    lower = _rate_of(lambda rate: stages.at_least(rate, look, count), tail)
    upper = _rate_of(lambda rate: stages.at_least(rate, look, count + 1), 1.0 - tail)
    return lower, upper


def median_unbiased(stages: Stages, look: int, count: int) -> float:
    """The middle of the rates at which the outcome, and the next more extreme one, is the median."""
    low = _rate_of(lambda rate: stages.at_least(rate, look, count), 0.5)
    high = _rate_of(lambda rate: stages.at_least(rate, look, count + 1), 0.5)
    return (low + high) / 2.0


def umvue(stages: Stages, look: int, count: int) -> float:
    """The uniformly minimum variance unbiased estimate (Jung and Kim 2004, Stat Med 23:881)."""
    return float(Fraction(stages.ways_with_first[look][count], stages.ways[look][count]))


def _rate_of(probability: Callable[[float], float], wanted: float) -> float:
    """The rate at which a probability that rises with it has a value; 0 or 1 where it never has."""
    if probability(0.0) >= wanted:
        return 0.0
    if probability(1.0) <= wanted:
        return 1.0
    return float(optimize.brentq(lambda rate: probability(rate) - wanted, 0.0, 1.0, xtol=TO))


def coverage_and_bias(stages: Stages, rate: float, confidence: float) -> dict[str, float]:
    """Exact coverage of the interval and bias of the estimates at a true rate, over every outcome."""
    covered, means = 0.0, {"umvue": 0.0, "median_unbiased": 0.0, "observed": 0.0}
    for (look, count), probability in stages.probabilities(rate):
        found = infer(stages, look, count, None, confidence)
        covered += probability * (found.lower <= rate <= found.upper)
        for name in means:
            means[name] += probability * getattr(found, name)
    return {"coverage": covered, **{f"bias_{name}": mean - rate for name, mean in means.items()}}
