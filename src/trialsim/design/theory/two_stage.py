"""Two stages, one endpoint: Simon's optimal, minimax and admissible designs, and Fleming's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from itertools import pairwise
from typing import Final

import numpy as np
from scipy.stats import norm

from trialsim.design.theory.arguments import check_count
from trialsim.design.theory.binomial import Tables, exact_tail
from trialsim.design.theory.rounding import as_written, highest_accepted, is_at_least, is_at_most, lowest_accepted
from trialsim.design.theory.single_stage import fewest_patients, most_power, normal_n, power_by_n
from trialsim.design.theory.stages import MOST_PATIENTS, NEVER_LOW, Paths, check_errors, check_limit, check_rates, paths
from trialsim.errors import RequestError
from trialsim.typing import Floats

MOST_SEARCHED: Final = 600  # patients that one stage may take: a search for two takes seconds then, minutes beyond
_LEAST_POWER_NAMED: Final = 0.5  # a trial of less power is no alternative


@dataclass(frozen=True)
class TwoStage:
    """Two stages, one endpoint.

    Stop after `n1` if at most `r1` respond (or, where `e1` is given, reject if at least `e1` do); reject p <= p0 if
    more than `r` of `n` respond. Error rates are exact: immediate, independent outcomes at the rates p0 and p1.
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
    """Two-stage designs by rising n, each of smaller EN(p0) than every design of fewer patients.

    Simon 1989 (Control Clin Trials 10:1): the first is minimax, the last optimal among all n up to `largest`. For each
    n all (n1, r1, r) are considered, up to an n beyond which no design can have a smaller EN: see `_Search.is_over`.
    Raises `RequestError` where there is none.
    """
    check_rates(p0, p1)
    check_errors(alpha, power)
    check_limit(largest, 2)
    first = fewest_patients(p0, p1, alpha, power, max(largest, MOST_SEARCHED))
    if first is None or first > MOST_SEARCHED:
        raise _too_many(p0, p1, alpha, power)
    designs: list[TwoStage] = []
    search = _Search(p0, p1, alpha, power)
    for n in range(max(first, 2), largest + 1):
        if search.is_over(n):
            break
        design = search.best_of(n)
        if design is not None:
            designs.append(design)
    if not designs:
        raise _none(p0, p1, alpha, power, largest)
    return designs


def admissible(designs: list[TwoStage]) -> list[tuple[TwoStage, float, float]]:
    """The designs that minimise q n + (1 - q) EN(p0) for some weight q in [0, 1], with the q from and to which.

    Jung, Lee, Kim and George 2004 (Stat Med 23:561): the lower hull from minimax (q to 1) to optimal (q from 0).
    """
    hull: list[TwoStage] = []
    for item in designs:
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
    """Binomial tables as far as they are needed, and the design of least EN(p0) for each n, n rising.

    Two bounds make the search complete, for every n and not only for those that are tried.
    (1) A design rejects only if it goes on, so P(X1 > r1 | p1) >= power. For each n1 that limits r1; with the largest
    such r1 the share a(n1) = P(X1 > r1 | p0) that goes on is least, and EN(p0) >= n1 + a(n1) (n - n1).
    (2) Fewer patients than the most powerful randomised test of one stage needs are too few for any test (Neyman and
    Pearson), and so for one in two stages: `single_stage.fewest_patients`.
    """

    def __init__(self, p0: float, p1: float, alpha: float, power: float) -> None:
        self.p0, self.p1 = p0, p1
        self.wanted = alpha, power
        self.alpha, self.power = highest_accepted(alpha), lowest_accepted(power)
        self.tables = Tables(p0), Tables(p1)
        self.least_en = math.inf
        self._first: list[tuple[int, float]] = [(-1, 1.0)]  # by n1: the largest r1, -1 for none; a(n1)

    def first_stage(self, n1: int) -> tuple[int, float]:
        """The largest r1 that leaves the power, -1 if none does, and the share that goes on under the null."""
        while len(self._first) <= n1:
            size = len(self._first)
            r1 = int(np.count_nonzero(self.tables[1].tail(size)[1:] >= self.power)) - 1
            self._first.append((r1, float(self.tables[0].tail(size)[r1 + 1])))
        return self._first[n1]

    def is_over(self, n: int) -> bool:
        """Whether no design with n patients or more has a smaller EN(p0) than the best so far.

        n1 + a(n1) (n - n1) rises with n, and EN is at least n1: so it is enough that for every n1 below the least EN it
        has come to that EN.
        """
        if self.least_en == math.inf or n <= self.least_en:
            return False
        return all(self._least(n1, n) >= self.least_en for n1 in range(1, math.ceil(self.least_en)))

    def _least(self, n1: int, n: int) -> float:
        """What EN(p0) is at least with these stages; infinite where no first stage leaves the power."""
        r1, goes_on = self.first_stage(n1)
        return n1 + goes_on * (n - n1) if r1 >= 0 else math.inf

    def best_of(self, n: int) -> TwoStage | None:
        """The design with n patients in all of least EN(p0), if that is smaller than for all smaller n."""
        highest_r = int(np.count_nonzero(self.tables[1].tail(n)[1:] >= self.power)) - 1
        if highest_r < 0:
            return None
        one_stage = int(np.argmax(self.tables[0].tail(n)[1:] <= self.alpha))
        best: TwoStage | None = None
        most = n if self.least_en == math.inf else min(n, math.ceil(self.least_en))
        for least, n1 in sorted((self._least(n1, n), n1) for n1 in range(1, most)):
            if least >= self.least_en:
                break
            boundaries = self._boundaries(n1, n, one_stage, highest_r)
            if boundaries is not None:
                r1, r = boundaries
                self.least_en = n1 + float(self.tables[0].tail(n1)[r1 + 1]) * (n - n1)
                best = TwoStage(n1, r1, n, r, self.p0, self.p1)
        return best

    def _boundaries(self, n1: int, n: int, one_stage: int, highest_r: int) -> tuple[int, int] | None:
        """The largest r1 with the least r that goes with it, if EN(p0) is smaller than the least so far.

        The larger r is, the smaller the r1 that leave the power; so r rises until such an r1 gains nothing.
        """
        largest_r1, _ = self.first_stage(n1)
        r = one_stage  # stopping early lowers the level, so r may be below that of one stage
        while r > 0 and self._rejects(0, n1, n, r - 1)[largest_r1] <= self.alpha:
            r -= 1
        tail = self.tables[0].tail(n1)
        for final in range(r, highest_r + 1):
            with_power = np.flatnonzero(self._rejects(1, n1, n, final) >= self.power)
            if len(with_power) == 0:
                break
            if n1 + tail[with_power[-1] + 1] * (n - n1) >= self.least_en:
                break
            r1 = self._with_power(n1, n, final, int(with_power[-1]))
            if n1 + tail[r1 + 1] * (n - n1) < self.least_en and self._has_level(n1, n, final, r1):
                return r1, max(final, r1)
        return None

    def _with_power(self, n1: int, n: int, r: int, r1: int) -> int:
        """The largest boundary up to `r1` that leaves the power, rounding aside; -1 if there is none."""
        power = self._rejects(1, n1, n, r)
        while r1 >= 0:
            if is_at_least(float(power[r1]), self.wanted[1], partial(exact_rejects, n1, r1, n, r, self.p1)):
                break
            r1 -= 1
        return r1

    def _has_level(self, n1: int, n: int, r: int, r1: int) -> bool:
        """Whether boundaries keep the level, rounding aside."""
        if r1 < 0:
            return False
        level = float(self._rejects(0, n1, n, r)[r1])
        return is_at_most(level, self.wanted[0], partial(exact_rejects, n1, r1, n, r, self.p0))

    def _rejects(self, which: int, n1: int, n: int, r: int) -> Floats:
        """P(X1 > r1 and X > r) at p0 (0) or p1 (1) for each r1 from 0 to n1 - 1, shape (n1,)."""
        table = self.tables[which]
        needed = np.clip(r + 1 - np.arange(n1 + 1), 0, n - n1 + 1)
        return np.asarray(np.cumsum((table.mass(n1) * table.tail(n - n1)[needed])[::-1])[::-1][1:])


def exact_rejects(n1: int, r1: int, n: int, r: int, rate: float) -> Fraction:
    """P(X1 > r1 and X > r) without rounding."""
    first, rest = exact_tail(n1, as_written(rate)), exact_tail(n - n1, as_written(rate))
    needed = [min(max(r + 1 - x, 0), n - n1 + 1) for x in range(n1 + 1)]
    return sum(((first[x] - first[x + 1]) * rest[needed[x]] for x in range(r1 + 1, n1 + 1)), Fraction(0))


def _none(p0: float, p1: float, alpha: float, power: float, largest: int) -> RequestError:
    """Why there is no design, with the nearest that there is."""
    _, _, reached = power_by_n(p0, p1, alpha, 20 * largest)
    enough = np.flatnonzero(reached >= lowest_accepted(power))
    nearest = f"n up to about {math.ceil(1.3 * (enough[0] + 1))}" if len(enough) else "rates further apart"
    if len(enough):
        nearest += f" (one stage takes {enough[0] + 1})"
    wrong = f"no two-stage design with n <= {largest} has level {alpha:g} and power {power:g}."
    return RequestError(f"n <= {largest}", wrong, f"{nearest}, or power up to {reached[:largest].max():.3f}.", key="n")


def _too_many(p0: float, p1: float, alpha: float, power: float) -> RequestError:
    """Why the search is not begun: even one stage takes more patients than two stages are searched for."""
    about = math.ceil(normal_n(p0, p1, alpha, power))
    wrong = f"level {alpha:g} and power {power:g} take about {about} patients in one stage."
    reached = math.floor(1000.0 * most_power(p0, p1, alpha, MOST_SEARCHED)) / 1000.0
    nearest = [f"p1 from {rate:g} on"] if (rate := _nearest_p1(p0, p1, alpha, power)) is not None else []
    nearest += [f"power up to {reached:g}"] if reached >= _LEAST_POWER_NAMED else []
    within = ", or ".join(nearest) or "rates further apart, or less power"
    allowed = f"{within}, for which {MOST_SEARCHED} would do in one stage; or design single-stage."
    return RequestError(
        f"p0 = {p0:g}, p1 = {p1:g}", f"{wrong} Two stages are not searched for so many.", allowed, key="p0"
    )


def _nearest_p1(p0: float, p1: float, alpha: float, power: float) -> float | None:
    """The smallest alternative, in thousandths, for which one stage may do with `MOST_SEARCHED`; None for none."""
    wanted = lowest_accepted(power)
    few, enough = math.floor(1000.0 * p1), 1000  # the power rises with the alternative
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (
            (few, middle) if most_power(p0, middle / 1000.0, alpha, MOST_SEARCHED) >= wanted else (middle, enough)
        )
    return enough / 1000.0 if enough < 1000 else None


def fleming(p0: float, p1: float, alpha: float, n1: int, n: int) -> TwoStage:
    """Fleming's two-stage test of given stages: it stops early for either side (1982, Biometrics 38:143, section 2).

    `p1` is only where the power is reckoned: the boundaries come from p0, alpha and the stages. Raises `RequestError`.
    """
    check_rates(p0, p1)
    check_errors(alpha, 0.999999)
    check_count("n", n, 1, MOST_PATIENTS)
    check_count("n1", n1, 1, MOST_PATIENTS)
    if not 1 <= n1 < n:
        raise RequestError(
            f"stages {n1}, {n}", "the second stage adds patients to the first.", "1 <= first < all.", key="stages"
        )
    z = float(norm.isf(alpha))
    tilde = (math.sqrt(n * p0) + math.sqrt(1.0 - p0) * z) ** 2 / (n + z * z)
    r1 = max(_nearest(n1 * tilde - z * math.sqrt(n * tilde * (1.0 - tilde))), NEVER_LOW)
    e1 = _nearest(n1 * p0 + z * math.sqrt(n * p0 * (1.0 - p0))) + 1
    r = _nearest(n * p0 + z * math.sqrt(n * p0 * (1.0 - p0)))
    return TwoStage(n1, r1, n, r, p0, p1, e1 if e1 <= n1 else None)


def _nearest(value: float) -> int:
    return math.floor(value + 0.5)
