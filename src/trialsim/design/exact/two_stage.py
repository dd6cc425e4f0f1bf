"""Two stages, one endpoint: Simon's optimal, minimax and admissible designs, and Fleming's."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, norm

from trialsim.design.exact.single_stage import power_by_n
from trialsim.design.exact.stages import NEVER_LOW, TIE, Paths, check_errors, check_limit, check_rates, paths
from trialsim.errors import RequestError

Floats = npt.NDArray[np.float64]
OPTIMAL: Final = "simon-optimal"
MINIMAX: Final = "simon-minimax"
_FIRST_TABLE: Final = 120  # patients in the first tables of probabilities; they are doubled where needed
_MARGIN: Final = 10


@dataclass(frozen=True)
class TwoStage:
    """Two stages, one endpoint.

    Stop after `n1` if at most `r1` respond (or, where `e1` is given, reject if at least `e1` do); reject p <= p0 if
    more than `r` of `n` respond. Error rates are exact: instant, independent outcomes at the rates p0 and p1.
    """

    n1: int
    r1: int
    n: int
    r: int
    p0: float
    p1: float
    e1: int | None = None

    def at(self, rate: float) -> Paths:
        """What becomes of the trial at a true rate."""
        upper = self.n1 + 1 if self.e1 is None else self.e1
        return paths((self.n1, self.n), (self.r1, self.r), (upper, self.r + 1), rate)

    @cached_property
    def under_null(self) -> Paths:
        """At p0."""
        return self.at(self.p0)

    @cached_property
    def under_alternative(self) -> Paths:
        """At p1."""
        return self.at(self.p1)

    @property
    def alpha(self) -> float:
        """The type I error."""
        return self.under_null.rejects

    @property
    def power(self) -> float:
        """The power at p1."""
        return self.under_alternative.rejects

    @property
    def en_p0(self) -> float:
        """The expected number of patients at p0 (EN)."""
        return self.under_null.expected_n

    @property
    def pet_p0(self) -> float:
        """The probability of early termination at p0 (PET)."""
        return self.under_null.stops_early


def simon_designs(p0: float, p1: float, alpha: float, power: float, largest: int = 400) -> list[TwoStage]:
    """For each n up to `largest` that has one, the two-stage design of least EN(p0); n rises.

    Simon 1989 (Control Clin Trials 10:1): all (n1, r1, n, r) are searched, up to twice the n of the first design that
    there is, beyond which EN only rises (the largest ratio in his tables is 1.6). Raises `RequestError` where there is
    none.
    """
    check_rates(p0, p1)
    check_errors(alpha, power)
    check_limit(largest, 2)
    search = _Search(p0, p1, alpha, power, min(largest, _FIRST_TABLE))
    found: list[TwoStage] = []
    for n in range(2, largest + 1):
        if found and n > 2 * found[0].n + _MARGIN:
            break
        if n > search.largest:
            search = _Search(p0, p1, alpha, power, min(largest, 2 * search.largest))
        design = search.best_of(n)
        if design is not None:
            found.append(design)
    if not found:
        raise _none(p0, p1, alpha, power, largest)
    return found


def simon(kind: str, p0: float, p1: float, alpha: float, power: float, largest: int = 400) -> TwoStage:
    """Simon's optimal (least EN at p0) or minimax (least n, then least EN) design. Raises `RequestError`."""
    if kind not in (OPTIMAL, MINIMAX):
        raise RequestError(f"kind = {kind}", "there is no such design.", f"{OPTIMAL}, {MINIMAX}.")
    found = simon_designs(p0, p1, alpha, power, largest)
    return found[0] if kind == MINIMAX else min(found, key=lambda design: (design.en_p0, design.n))


def admissible(found: list[TwoStage]) -> list[tuple[TwoStage, float, float]]:
    """The designs that minimise q n + (1 - q) EN(p0) for some weight q in [0, 1], with the q from and to which.

    Jung, Lee, Kim and George 2004 (Stat Med 23:561): the lower hull from minimax (q to 1) to optimal (q from 0).
    """
    hull: list[TwoStage] = []
    for item in found:
        if hull and item.en_p0 >= hull[-1].en_p0:
            continue
        while len(hull) > 1 and _weight(hull[-2], item) >= _weight(hull[-2], hull[-1]):
            hull.pop()
        hull.append(item)
    edges = [1.0, *(_weight(a, b) for a, b in pairwise(hull)), 0.0]
    return [(item, edges[i + 1], edges[i]) for i, item in enumerate(hull)]


def _weight(smaller: TwoStage, larger: TwoStage) -> float:
    """The weight q at which two designs cost the same."""
    gain = smaller.en_p0 - larger.en_p0
    return gain / (gain + larger.n - smaller.n)


class _Search:
    """Binomial tables up to the largest n, and the best design for each n."""

    def __init__(self, p0: float, p1: float, alpha: float, power: float, largest: int) -> None:
        self.p0, self.p1, self.alpha, self.power = p0, p1, alpha * (1.0 + TIE), power
        self.largest = largest
        n, x = np.arange(largest + 1)[:, None], np.arange(-1, largest + 1)[None, :]
        self.mass = [np.asarray(binom.pmf(x[:, 1:], n, p)) for p in (p0, p1)]
        self.tail = [np.asarray(binom.sf(x, n, p)) for p in (p0, p1)]  # P(X > x), x from -1

    def best_of(self, n: int) -> TwoStage | None:
        """The design with n patients in all of least EN(p0), if there is any."""
        highest_r = int(np.searchsorted(-self.tail[1][n, 1:], -self.power, side="right")) - 1
        if highest_r < 0:
            return None
        best: tuple[float, TwoStage] | None = None
        for n1, r1, en in self._by_expected_n(n, highest_r):
            if best is not None and en >= best[0]:
                break
            r = self._final(n1, r1, n, highest_r)
            if r is not None:
                best = en, TwoStage(n1, r1, n, r, self.p0, self.p1)
        return best[1] if best is not None else None

    def _by_expected_n(self, n: int, highest_r: int) -> Iterator[tuple[int, int, float]]:
        """Every first stage that leaves enough power, by rising EN(p0)."""
        found = []
        for n1 in range(1, n):
            going_on = self.tail[1][n1, 1 : min(n1, highest_r + 1) + 1]
            r1 = np.flatnonzero(going_on >= self.power)
            found.append(np.column_stack([np.full(len(r1), n1), r1, n1 + self.tail[0][n1, 1 + r1] * (n - n1)]))
        table = np.concatenate(found)
        for n1, r1, en in table[np.argsort(table[:, 2], kind="stable")]:
            yield int(n1), int(r1), float(en)

    def _final(self, n1: int, r1: int, n: int, highest_r: int) -> int | None:
        """The smallest r of level alpha, if it leaves enough power."""
        low, high = r1, highest_r  # the level falls with r
        if self._rejects(0, n1, r1, n, high) > self.alpha:
            return None
        while low < high:
            middle = (low + high) // 2
            if self._rejects(0, n1, r1, n, middle) <= self.alpha:
                high = middle
            else:
                low = middle + 1
        return high if self._rejects(1, n1, r1, n, high) >= self.power else None

    def _rejects(self, which: int, n1: int, r1: int, n: int, r: int) -> float:
        """P(X1 > r1 and X > r) at p0 (0) or p1 (1)."""
        x1 = np.arange(r1 + 1, n1 + 1)
        needed = np.maximum(r - x1, -1)
        return float(self.mass[which][n1, r1 + 1 : n1 + 1] @ self.tail[which][n - n1, needed + 1])


def _none(p0: float, p1: float, alpha: float, power: float, largest: int) -> RequestError:
    """Why there is no design, with the nearest that there is."""
    _, _, reached = power_by_n(p0, p1, alpha, 20 * largest)
    enough = np.flatnonzero(reached >= power)
    nearest = f"n up to about {math.ceil(1.3 * (enough[0] + 1))}" if len(enough) else "rates further apart"
    if len(enough):
        nearest += f" (one stage takes {enough[0] + 1})"
    wrong = f"no two-stage design with n <= {largest} has level {alpha:g} and power {power:g}."
    return RequestError(f"n <= {largest}", wrong, f"{nearest}, or power up to {reached[:largest].max():.3f}.")


def fleming(p0: float, p1: float, alpha: float, n1: int, n: int) -> TwoStage:
    """Fleming's two-stage test of given stages: it stops early for either side (1982, Biometrics 38:143, section 2).

    `p1` is only where the power is reckoned: the boundaries come from p0, alpha and the stages. Raises `RequestError`.
    """
    check_rates(p0, p1)
    check_errors(alpha, 0.999999)
    if not 1 <= n1 < n:
        raise RequestError(f"stages {n1}, {n}", "the second stage adds patients to the first.", "1 <= first < all.")
    z = float(norm.isf(alpha))
    tilde = (math.sqrt(n * p0) + math.sqrt(1.0 - p0) * z) ** 2 / (n + z * z)
    r1 = max(_nearest(n1 * tilde - z * math.sqrt(n * tilde * (1.0 - tilde))), NEVER_LOW)
    e1 = _nearest(n1 * p0 + z * math.sqrt(n * p0 * (1.0 - p0))) + 1
    r = _nearest(n * p0 + z * math.sqrt(n * p0 * (1.0 - p0)))
    return TwoStage(n1, r1, n, r, p0, p1, e1 if e1 <= n1 else None)


def _nearest(value: float) -> int:
    return math.floor(value + 0.5)
