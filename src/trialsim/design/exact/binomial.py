"""Binomial probabilities by logarithms of factorials; rates of 0, of 1 and next to them are rates like any other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, xlog1py, xlogy

Floats = npt.NDArray[np.float64]


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
