"""Binomial probabilities by logarithms of factorials; rates of 0, of 1 and next to them are rates like any other."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from scipy.special import gammaln, xlog1py, xlogy

from trialsim.typing import Floats


def binomial_probabilities(n: int, rate: float) -> Floats:
    """The probabilities of 0 to n successes, shape (n + 1,); SciPy's own overflow at rates of 1e-308."""
    return np.asarray(binomial_weights(n, np.array([rate]))[0])


def binomial_weights(n: int, rates: Floats) -> Floats:
    """Binomial probabilities of 0 to n successes at each of some rates, shape (rates, n + 1)."""
    successes = np.arange(n + 1)
    powers = xlogy(successes, rates[:, None]) + xlog1py(n - successes, -rates[:, None])
    return np.asarray(np.exp(log_choose(n) + powers))


def log_choose(n: int) -> Floats:
    """The logarithms of the binomial coefficients n over 0, 1, ..., n."""
    factorials = gammaln(np.arange(n + 1) + 1.0)
    return np.asarray(factorials[-1] - factorials - factorials[::-1])


def exact_tail(n: int, rate: Fraction) -> list[Fraction]:
    """P(X >= x) for x from 0 to n + 1 in whole numbers, without rounding."""
    tails, yes, no = [Fraction(0)], rate.numerator, rate.denominator - rate.numerator
    total, whole = 0, rate.denominator**n
    for x in range(n, -1, -1):
        total += math.comb(n, x) * yes**x * no ** (n - x)
        tails.append(Fraction(total, whole))
    return tails[::-1]


class Tables:
    """Binomial probabilities at one rate for n of 0, 1, 2, ...; each from the one before, as far as they are asked for.

    Sums of positive terms: the relative error grows as n times that of one rounding.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._mass = [np.ones(1)]
        self._tail: list[Floats] = []

    def mass(self, n: int) -> Floats:
        """P(X = x) for x from 0 to n, shape (n + 1,)."""
        while len(self._mass) <= n:
            last, more = self._mass[-1], np.zeros(len(self._mass) + 1)
            more[:-1] = (1.0 - self._rate) * last
            more[1:] += self._rate * last
            self._mass.append(more)
        return self._mass[n]

    def tail(self, n: int) -> Floats:
        """P(X >= x) for x from 0 to n + 1, shape (n + 2,)."""
        while len(self._tail) <= n:
            mass = self.mass(len(self._tail))
            self._tail.append(np.append(np.cumsum(mass[::-1])[::-1], 0.0))
        return self._tail[n]
