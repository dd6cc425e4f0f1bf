"""The distribution of a trial's score statistic among the trials that have not stopped, look by look.

The score S_k = Z_k sqrt(t_k) has independent normal increments with mean drift (t_k - t_{k-1}) and variance
t_k - t_{k-1}; its density where the trial went on follows by recursive numerical integration (Armitage, McPherson and
Rowe 1969, J R Statist Soc A 132:235; Jennison and Turnbull 2000, ch. 19). In place of their Simpson grid,
Gauss-Legendre panels as wide as the narrowest increment needs: errors stay near 1e-13 where looks are close, too.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from scipy import special

from trialsim.typing import Floats

NODES = 20  # of one panel
PANEL = 4.0  # width of a panel in standard deviations of an increment
REACH = 8.5  # standard deviations beyond which a trial is not followed: 1e-17 of them
NEGLIGIBLE = 1e-15  # a smaller probability is not worth a bound
LOG_ROOT_2PI = 0.5 * math.log(2.0 * math.pi)


class Walk:
    """Trials that have not stopped by a look, as points of the score and the probability that each stands for.

    It starts before the first look. `information` holds all looks, shape (k,); `drift` is the mean of Z at information
    1. `above` and `below` ask about the next look, `go_on` passes it.
    """

    def __init__(self, information: Floats, drift: float) -> None:
        self._information = np.concatenate([[0.0], information])
        self._drift = drift
        self._look = 0
        self._scores = np.zeros(1)
        self._shares = np.ones(1)

    @property
    def probability(self) -> float:
        """The probability of not having stopped."""
        return float(self._shares.sum())

    def above(self, bound: float) -> float:
        """The probability of not having stopped before and of Z above a bound at the next look."""
        return float(self._shares @ special.ndtr(-self._deviations(bound)))

    def below(self, bound: float) -> float:
        """The probability of not having stopped before and of Z below a bound at the next look."""
        return float(self._shares @ special.ndtr(self._deviations(bound)))

    def bound_above(self, probability: float) -> float:
        """The bound that Z exceeds at the next look, not having stopped before, with a probability.

        Infinite where the probability is negligible, minus infinity where it is more than is left.
        """
        after = self._information[self._look + 1 : self._look + 2]
        return float(self.bounds_above(probability, after)[0])

    def bound_below(self, probability: float) -> float:
        """The bound below which Z falls at the next look, not having stopped before, with a probability."""
        mirror = Walk(self._information[1:], -self._drift)
        mirror._look, mirror._scores, mirror._shares = self._look, -self._scores, self._shares
        return -mirror.bound_above(probability)

    def bounds_above(self, probability: float, after: Floats) -> Floats:
        """As `bound_above` for each of several amounts of information at the next look, shape (n,) to (n,).

        Newton's method on the log probability: that is concave in the bound (a convolution of log-concave functions),
        so that every step from a bound too high ends at one that is not too low.
        """
        if probability < NEGLIGIBLE:
            return np.full(len(after), math.inf)
        if probability >= self.probability:
            return np.full(len(after), -math.inf)
        steps = after - self._information[self._look]
        slopes = np.sqrt(after / steps)
        shifts = ((self._scores[:, None] + self._drift * steps) / np.sqrt(steps)).T
        bounds = self._drift * np.sqrt(after) - special.ndtri(probability)
        with np.errstate(divide="ignore"):  # a share of 0 has the logarithm -inf
            logs = np.log(self._shares)
        for _ in range(100):
            x = (bounds * slopes)[:, None] - shifts
            log_probability = special.logsumexp(logs + special.log_ndtr(-x), axis=1)
            density = special.logsumexp(logs - 0.5 * x * x - LOG_ROOT_2PI, axis=1)
            moves = (log_probability - math.log(probability)) * np.exp(log_probability - density) / slopes
            bounds = bounds + moves
            if (np.abs(moves) < 1e-11).all():
                break
        return np.asarray(bounds)

    def go_on(self, lower: float, upper: float) -> None:
        """Passes the next look: trials with Z from `lower` to `upper` go on."""
        before, now = self._information[self._look : self._look + 2]
        root = math.sqrt(now)
        middle = self._drift * now
        low = max(lower * root, middle - REACH * root)
        high = max(min(upper * root, middle + REACH * root), low)
        scores, weights = _grid(low, high, self._narrowest())
        spread = math.sqrt(now - before)
        x = (scores[:, None] - self._scores - self._drift * (now - before)) / spread
        density = np.exp(-0.5 * x * x) @ self._shares / (spread * math.sqrt(2.0 * math.pi))
        self._scores, self._shares = scores, weights * density
        self._look += 1

    def _narrowest(self) -> float:
        """The smaller standard deviation of the increments to and from the next look."""
        return math.sqrt(np.diff(self._information[self._look : self._look + 3]).min())

    def _deviations(self, bound: float) -> Floats:
        """How many standard deviations of the increment lie between each point and a bound at the next look."""
        before, now = self._information[self._look : self._look + 2]
        step = now - before
        return np.asarray((bound * math.sqrt(now) - self._scores - self._drift * step) / math.sqrt(step))


@cache
def _rule() -> tuple[Floats, Floats]:
    """The nodes and weights of one panel from -1 to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return np.asarray(nodes), np.asarray(weights)


def _grid(low: float, high: float, scale: float) -> tuple[Floats, Floats]:
    """Nodes and weights from `low` to `high` that resolve a normal density with standard deviation `scale`."""
    nodes, weights = _rule()
    edges = np.linspace(low, high, max(math.ceil((high - low) / (PANEL * scale)), 1) + 1)
    half = np.diff(edges)[:, None] / 2.0
    middle = (edges[:-1, None] + edges[1:, None]) / 2.0
    return (middle + half * nodes).ravel(), (half * weights).ravel()
