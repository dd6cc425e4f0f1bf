"""Boundaries that stop a trial for toxicity, and what they come to, exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.stats import beta, binom

from trialsim.design.theory.arguments import check_count, check_number, check_numbers
from trialsim.design.theory.rounding import highest_accepted, lowest_accepted
from trialsim.design.theory.stages import MOST_PATIENTS, NEVER_LOW, Paths, paths
from trialsim.errors import RequestError
from trialsim.model.sums import add_in_order

EXACT: Final = "exact"
BAYESIAN: Final = "bayesian"


@dataclass(frozen=True)
class ToxicityBoundary:
    """Stop as soon as `at_least[n - 1]` of the first n patients had the toxicity; n + 1 where n cannot stop it.

    `rate` is the highest rate that is acceptable.
    """

    at_least: tuple[int, ...]
    rate: float
    method: str

    def steps(self, most: int) -> list[tuple[int, int]]:
        """(toxicities, patients) where the boundary rises next, at most `most` of them, spread evenly."""
        pairs = [(x, n) for n, x in enumerate(self.at_least, start=1) if x <= n]
        steps = [pair for i, pair in enumerate(pairs) if i == len(pairs) - 1 or pairs[i + 1][0] > pair[0]]
        chosen = np.unique(np.linspace(0, len(steps) - 1, min(most, len(steps))).round().astype(np.int64))
        return [steps[i] for i in chosen.tolist()]

    def at(self, rate: float) -> Paths:
        """What becomes of the trial at a true rate, if looked at after every patient; `stops_high` are the stops."""
        n = np.arange(1, len(self.at_least) + 1)
        ends = [NEVER_LOW] * (len(n) - 1) + [self.at_least[-1] - 1]
        return paths(tuple(n.tolist()), ends, self.at_least, rate)


def bayesian_boundary(
    n: int, rate: float, certainty: float, prior: tuple[float, float] = (1.0, 1.0), first: int = 1
) -> ToxicityBoundary:
    """Stop when the posterior probability that toxicity exceeds `rate` is at least `certainty`.

    The prior is beta, the posterior beta(a + x, b + n - x) (Thall and Simon 1994, Biometrics 50:337). Nothing stops
    before `first` patients. Raises `RequestError`.
    """
    _check(n, rate, first)
    check_number("certainty", certainty)
    check_numbers("prior", prior)
    if not 0.0 < certainty < 1.0:
        raise RequestError(f"certainty = {certainty:g}", "this is never reached or always.", "0 < certainty < 1.")
    if len(prior) != 2 or not min(prior) > 0.0 or not math.isfinite(add_in_order(prior)):
        raise RequestError(f"prior = {prior}", "this is not a beta distribution.", "two numbers above 0.")
    at_least = []
    for size in range(1, n + 1):
        x = np.arange(size + 1)
        is_sure = np.asarray(beta.sf(rate, prior[0] + x, prior[1] + size - x)) >= lowest_accepted(certainty)
        at_least.append(int(np.argmax(is_sure)) if is_sure.any() and size >= first else size + 1)
    return ToxicityBoundary(tuple(at_least), rate, BAYESIAN)


def exact_boundary(n: int, rate: float, alpha: float, first: int = 1) -> ToxicityBoundary:
    """Stop when x of n patients is at a nominal level that makes stopping at `rate` as probable as `alpha` in all.

    The same nominal level for every n, the largest that keeps the overall probability (a Pocock-type boundary: Ivanova,
    Qaqish and Schell 2005, Biometrics 61:540). Raises `RequestError`.
    """
    _check(n, rate, first)
    check_number("alpha", alpha)
    if not 0.0 < alpha < 1.0:
        raise RequestError(f"alpha = {alpha:g}", "this is never reached or always.", "0 < alpha < 1.", key="alpha")

    def of_level(nominal: float) -> ToxicityBoundary:
        sizes = np.arange(1, n + 1)
        at_least = np.asarray(binom.isf(nominal, sizes, rate)).astype(np.int64) + 1
        return ToxicityBoundary(tuple(np.where(sizes >= first, at_least, sizes + 1).tolist()), rate, EXACT)

    if of_level(alpha).at(rate).rejects <= highest_accepted(alpha):
        return of_level(alpha)
    level = brentq(lambda x: of_level(x).at(rate).rejects - alpha, 1e-12, alpha, xtol=1e-9)
    while of_level(level).at(rate).rejects > highest_accepted(alpha):
        level *= 1.0 - 1e-6
    return of_level(level)


def _check(n: int, rate: float, first: int) -> None:
    check_number("n", n)
    check_number("rate", rate)
    check_count("first", first, 1, MOST_PATIENTS)
    if n < 1:
        raise RequestError(f"n = {n}", "there is nobody to watch.", "at least 1.", key="n")
    check_count("n", n, 1, MOST_PATIENTS)
    if not 0.0 < rate < 1.0:
        raise RequestError(f"rate = {rate:g}", "no boundary can hold this rate.", "0 < rate < 1.")
