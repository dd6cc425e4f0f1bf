"""One arm and one rate at many looks, by a Bayesian rule: predictive probability, posterior cut-offs, boundaries.

A rule says for any number of patients which counts stop the trial, so it holds at numbers that are not as planned too.
All operating characteristics are exact: `stages.paths`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, Protocol

import numpy as np
from scipy import special
from scipy.stats import beta, binom

from trialsim.design.theory.arguments import check_count
from trialsim.design.theory.binomial import binomial_probabilities
from trialsim.design.theory.rounding import highest_accepted, lowest_accepted
from trialsim.design.theory.single_stage import fewest_patients, normal_n
from trialsim.design.theory.stages import Paths, check_errors, check_limit, check_rates, paths
from trialsim.errors import RequestError
from trialsim.typing import Floats

MOST_PATIENTS: Final = 300  # a search looks at some hundred boundaries for each number of patients
FUTILITY: Final = (0.001, 0.005, *(i / 100 for i in range(1, 31)))  # predictive probabilities below which a trial stops
LEVELS: Final = tuple(i / 100 for i in range(50, 100))  # cut-offs of the posterior probability at the end, of BOP2
EXPONENTS: Final = tuple(i / 20 for i in range(21))
TIE: Final = 1e-12  # powers that differ by less are equal
NODES: Final = 400  # of the integral over the rate of the standard


class Rule(Protocol):
    """Which counts of `n` patients stop a trial: those up to the first, and those from the second."""

    def bounds(self, n: int, *, is_last: bool) -> tuple[int, int]:
        """The largest count that stops low (-1 for none) and the smallest that stops high (n + 1 for none)."""
        ...


def posterior_above(prior: tuple[float, float], n: int, rate: float) -> Floats:
    """The posterior probability that the rate exceeds `rate`, for 0 to n responses of n, shape (n + 1,)."""
    x = np.arange(n + 1)
    return np.asarray(beta.sf(rate, prior[0] + x, prior[1] + n - x))


def predictive_successes(prior: tuple[float, float], n: int, n_all: int, wins: Floats) -> Floats:
    """The predictive probability that the trial ends in success, for 0 to n responses of n, shape (n + 1,).

    `wins` says for 0 to `n_all` responses in all whether that is one. Responses to come are beta-binomial.
    """
    rest = n_all - n
    x, more = np.arange(n + 1)[:, None], np.arange(rest + 1)
    choose = special.gammaln(rest + 1) - special.gammaln(more + 1) - special.gammaln(rest - more + 1)
    a, b = prior[0] + x, prior[1] + n - x
    mass = np.exp(choose + special.betaln(a + more, b + rest - more) - special.betaln(a, b))
    return np.asarray((mass * wins[x + more]).sum(axis=1))


@dataclass(frozen=True)
class PredictiveProbability:
    """Stop low if the predictive probability of success is below `futility`, high if above `efficacy`.

    Success is a posterior probability of at least `success` that the rate exceeds `p0` after `n_all` patients (Lee and
    Liu 2008, Clin Trials 5:93).
    """

    prior: tuple[float, float]
    p0: float
    n_all: int
    futility: float
    success: float
    efficacy: float = 1.0

    def bounds(self, n: int, *, is_last: bool) -> tuple[int, int]:
        """See `Rule`."""
        return _predictive_bounds(self, n, is_last)


@lru_cache(maxsize=20_000)
def _predictive_bounds(rule: PredictiveProbability, n: int, is_last: bool) -> tuple[int, int]:
    if is_last or n >= rule.n_all:
        last = int(np.count_nonzero(posterior_above(rule.prior, n, rule.p0) < lowest_accepted(rule.success)))
        return last - 1, last
    wins = (posterior_above(rule.prior, rule.n_all, rule.p0) >= lowest_accepted(rule.success)).astype(np.float64)
    predictive = predictive_successes(rule.prior, n, rule.n_all, wins)
    low = int(np.count_nonzero(predictive < rule.futility)) - 1
    high = int(np.count_nonzero(predictive <= highest_accepted(rule.efficacy)))  # n + 1 where none exceeds it
    return low, high


@dataclass(frozen=True)
class PosteriorCutoff:
    """Stop low if the posterior probability that the rate exceeds `p0` is below `level` (n / `n_all`)^`exponent`.

    At the end that is the rejection of p <= p0 too (Zhou, Lee and Yuan 2017, Stat Med 36:3302: BOP2 of a binary
    endpoint).
    """

    prior: tuple[float, float]
    p0: float
    n_all: int
    level: float
    exponent: float

    def bounds(self, n: int, *, is_last: bool) -> tuple[int, int]:
        """See `Rule`."""
        cutoff = self.level * min(n / self.n_all, 1.0) ** self.exponent
        low = int(np.count_nonzero(_above(self.prior, n, self.p0) < lowest_accepted(cutoff))) - 1
        return (low, low + 1) if is_last else (low, n + 1)


@lru_cache(maxsize=4096)
def _above(prior: tuple[float, float], n: int, rate: float) -> Floats:
    return posterior_above(prior, n, rate)


@dataclass(frozen=True)
class ThallSimon:
    """Stop low if P(rate > standard + gain) is at most `futility`, high if P(rate > standard) is at least `efficacy`.

    `standard` is a beta distribution of the rate of the standard treatment (Thall and Simon 1994, Biometrics 50:337). A
    trial that crosses neither boundary ends without rejection.
    """

    prior: tuple[float, float]
    standard: tuple[float, float]
    gain: float
    futility: float
    efficacy: float

    def bounds(self, n: int, *, is_last: bool) -> tuple[int, int]:
        """See `Rule`."""
        high = int(np.count_nonzero(superiority(self, n, 0.0) < lowest_accepted(self.efficacy)))
        if is_last:
            return high - 1, high
        low = int(np.count_nonzero(superiority(self, n, self.gain) <= highest_accepted(self.futility))) - 1
        return min(low, high - 1), high


@lru_cache(maxsize=4096)
def superiority(rule: ThallSimon, n: int, gain: float) -> Floats:
    """The posterior probability that the rate exceeds that of the standard by more than `gain`, shape (n + 1,).

    An integral over the rate of the standard of the beta probability to be above it. One response more adds
    q^a (1 - q)^(b - 1) G(a + b) / (G(a + 1) G(b)) to the probability that a beta(a, b) variable is above q.
    """
    rates, weights = _standard(rule.standard, gain)
    x = np.arange(n)[:, None]
    a, b = rule.prior[0] + x, rule.prior[1] + n - x
    log_added = special.xlogy(a, rates) + special.xlog1py(b - 1.0, -rates)
    log_added += special.gammaln(a + b) - special.gammaln(a + 1.0) - special.gammaln(b)
    none = float(special.betaincc(rule.prior[0], rule.prior[1] + n, rates) @ weights)
    return np.asarray(np.minimum(np.cumsum(np.concatenate([[none], np.exp(log_added) @ weights])), 1.0))


@lru_cache(maxsize=64)
def _standard(standard: tuple[float, float], gain: float) -> tuple[Floats, Floats]:
    """Rates of the standard plus a gain at the nodes of its distribution, and the weights of the nodes."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    quantiles = special.betaincinv(*standard, (nodes + 1.0) / 2.0)
    return np.clip(quantiles + gain, 0.0, 1.0), np.asarray(weights / 2.0)


@dataclass(frozen=True)
class MonitoredRate:
    """Looks after `sizes` patients with a rule; error rates are exact at the rates p0 and p1."""

    sizes: tuple[int, ...]
    rule: Rule
    p0: float
    p1: float

    @cached_property
    def boundaries(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The largest counts that stop low and the smallest that stop high, by look."""
        last = len(self.sizes) - 1
        both = [self.rule.bounds(n, is_last=look == last) for look, n in enumerate(self.sizes)]
        return tuple(low for low, _ in both), tuple(high for _, high in both)

    def at(self, rate: float) -> Paths:
        """What becomes of the trial at a true rate."""
        return paths(self.sizes, *self.boundaries, rate)

    @cached_property
    def under_null(self) -> Paths:
        """At p0."""
        return self.at(self.p0)

    @cached_property
    def under_alternative(self) -> Paths:
        """At p1."""
        return self.at(self.p1)


def looks_of(n: int, first: int, every: int) -> tuple[int, ...]:
    """Looks after `first` patients, after every so many more, and after all `n`. Raises `RequestError`."""
    check_count("first", first, 1, n)
    check_count("every", every, 1, n)
    return (*range(first, n, every), n)


def best_predictive(
    sizes: tuple[int, ...], wanted: tuple[float, float, float, float], prior: tuple[float, float],
    futility: float | None = None,
) -> MonitoredRate | None:  # fmt: skip
    """The design of the fewest patients on average at p0 with a level and a power; None if no threshold has both.

    `wanted` is (p0, p1, alpha, power). Lee and Liu (2008) search thresholds too; success matters only by the counts
    that it lets pass at the end, so each of those is tried once, with each of `FUTILITY` (or the one given).
    """
    p0, p1, alpha, power = wanted
    n, final = sizes[-1], posterior_above(prior, sizes[-1], p0)
    thresholds = FUTILITY if futility is None else (futility,)
    walks = Walk(sizes, p0), Walk(sizes, p1)
    best: MonitoredRate | None = None
    least = math.inf
    for r in range(n):
        reject = binom.sf(r, n, p0), binom.sf(r, n, p1)
        # Trials that stop low and would have rejected are rarer at p0 than at p1.
        if reject[1] < lowest_accepted(power) or reject[0] > highest_accepted(alpha) + reject[1] - power:
            continue
        wins = (np.arange(n + 1) > r).astype(np.float64)
        predictive = [predictive_successes(prior, look, n, wins) for look in sizes[:-1]]
        for threshold in thresholds:
            low = [*(int(np.count_nonzero(one < threshold)) - 1 for one in predictive), r]
            level, expected_n = walks[0].rejects(low)
            is_better = expected_n < least and level <= highest_accepted(alpha)
            if is_better and walks[1].rejects(low)[0] >= lowest_accepted(power):
                success = float(final[r] + final[r + 1]) / 2.0
                best = MonitoredRate(sizes, PredictiveProbability(prior, p0, n, threshold, success), p0, p1)
                least = expected_n
    return best


class Walk:
    """How probably trials reject that stop low at counts which change, with the same looks and rate."""

    def __init__(self, sizes: tuple[int, ...], rate: float) -> None:
        self.sizes = sizes
        self._added = [binomial_probabilities(n, rate) for n in np.diff(sizes, prepend=0).tolist()]

    def rejects(self, low: Sequence[int]) -> tuple[float, float]:
        """The probability of more than the last of `low` at the end, and the expected number of patients."""
        alive, expected_n = np.ones(1), 0.0
        for n, added, most in zip(self.sizes, self._added, low, strict=True):
            alive = np.convolve(alive, added)
            expected_n += n * float(alive[: most + 1].sum())
            alive[: most + 1] = 0.0
        end = float(alive.sum())
        return end, expected_n + self.sizes[-1] * end


def best_cutoff(
    sizes: tuple[int, ...], p0: float, p1: float, alpha: float, prior: tuple[float, float]
) -> MonitoredRate | None:
    """BOP2: the cut-offs of the greatest power at p1 with a level; ties to the fewest patients on average at p0."""
    walks = Walk(sizes, p0), Walk(sizes, p1)
    best: MonitoredRate | None = None
    most, least = 0.0, math.inf
    seen: set[tuple[int, ...]] = set()
    for level in LEVELS:
        for exponent in EXPONENTS:
            rule = PosteriorCutoff(prior, p0, sizes[-1], level, exponent)
            low = tuple(rule.bounds(n, is_last=False)[0] for n in sizes)
            if low in seen:
                continue
            seen.add(low)
            of_level, expected_n = walks[0].rejects(low)
            if of_level > highest_accepted(alpha):
                continue
            power = walks[1].rejects(low)[0]
            if power > most + TIE or (power > most - TIE and expected_n < least):
                best, most, least = MonitoredRate(sizes, rule, p0, p1), power, expected_n
    return best


def check_request(p0: float, p1: float, alpha: float, power: float, largest: int) -> int:
    """The fewest patients with which any test has the power. Raises `RequestError`."""
    check_rates(p0, p1)
    check_errors(alpha, power)
    check_limit(largest, 1)
    first = fewest_patients(p0, p1, alpha, power, min(largest, MOST_PATIENTS))
    if first is None:
        about = math.ceil(normal_n(p0, p1, alpha, power))
        wrong = f"level {alpha:g} and power {power:g} take about {about} patients in one stage."
        raise RequestError(f"n <= {largest}", wrong, f"up to {MOST_PATIENTS}; or rates further apart.", key="n")
    return first
