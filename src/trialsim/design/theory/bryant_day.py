"""Response and toxicity together in two stages: the designs of Bryant and Day (1995, Biometrics 51:1372).

Toxicity is counted by who is free of it, as in the paper: a patient responds or not (R) and is free of toxicity or not
(T); the two may depend on each other through an odds ratio.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Final

import numpy as np

from trialsim.design.theory.arguments import check_kind, check_number
from trialsim.design.theory.binomial import Tables
from trialsim.design.theory.rounding import highest_accepted, lowest_accepted
from trialsim.design.theory.single_stage import fewest_patients, normal_n
from trialsim.design.theory.stages import check_errors, check_limit, check_rates
from trialsim.errors import RequestError
from trialsim.typing import Counts, Floats

LARGEST_ODDS_RATIO: Final = 1e6
MOST_OF_ONE: Final = 80  # patients that one endpoint alone may take; with 83 the easiest search takes over a minute
MOST_CHECKED: Final = 40  # patients up to which a whole search takes no more than some three seconds
MOST_SEARCHED: Final = 200  # patients: the tables of larger designs take gigabytes, the search hours
WORLDS: Final = ("null response", "null toxicity", "alternative")


@dataclass(frozen=True)
class Rates:
    """What is to be told apart: response rates `pr0` < `pr1`, rates of freedom from toxicity `pt0` < `pt1`.

    `odds_ratio` of response in patients free of toxicity against others; 1 is independence, as in the paper's tables.
    """

    pr0: float
    pr1: float
    pt0: float
    pt1: float
    odds_ratio: float = 1.0

    def cells(self, world: str) -> Floats:
        """Probabilities of (not R, not T), (not R, T), (R, not T), (R, T), shape (2, 2), in one of `WORLDS`."""
        response = self.pr0 if world == WORLDS[0] else self.pr1
        freedom = self.pt0 if world == WORLDS[1] else self.pt1
        return joint(response, freedom, self.odds_ratio)


def joint(response: float, freedom: float, odds_ratio: float) -> Floats:
    """The 2 x 2 probabilities with these margins and odds ratio (Plackett 1965, JASA 60:516)."""
    both = response * freedom
    if odds_ratio != 1.0:
        s = 1.0 + (response + freedom) * (odds_ratio - 1.0)
        root = math.sqrt(s * s - 4.0 * odds_ratio * (odds_ratio - 1.0) * response * freedom)
        both = (
            2.0 * odds_ratio * response * freedom / (s + root)
        )  # (s - root) / 2 (odds_ratio - 1) without cancellation
    return np.array([[1.0 - response - freedom + both, freedom - both], [response - both, both]])


@dataclass(frozen=True)
class BryantDay:
    """Two stages, two endpoints.

    Go on after `n1` if more than `cr1` respond and more than `ct1` are free of toxicity; recommend the treatment after
    `n` if more than `cr` respond and more than `ct` are free of toxicity. All probabilities are exact. `alpha_r` is the
    probability of recommending at (pr0, pt1), `alpha_t` at (pr1, pt0).
    """

    n1: int
    cr1: int
    ct1: int
    n: int
    cr: int
    ct: int
    rates: Rates

    def at(self, cells: Floats) -> tuple[float, float]:
        """The probabilities of going on after stage 1 and of recommending, where cells are shape (2, 2)."""
        first = counts_of(self.n1, cells)
        goes_on = np.zeros_like(first)
        goes_on[self.cr1 + 1 :, self.ct1 + 1 :] = first[self.cr1 + 1 :, self.ct1 + 1 :]
        last = goes_on
        for _ in range(self.n - self.n1):
            last = one_more(last, cells)
        return float(goes_on.sum()), float(last[self.cr + 1 :, self.ct + 1 :].sum())

    @cached_property
    def outcomes(self) -> dict[str, tuple[float, float]]:
        """Going on and recommending in each of `WORLDS`."""
        return {world: self.at(self.rates.cells(world)) for world in WORLDS}

    @property
    def alpha_r(self) -> float:
        """Recommending a treatment that does not work."""
        return self.outcomes[WORLDS[0]][1]

    @property
    def alpha_t(self) -> float:
        """Recommending a treatment that is too toxic."""
        return self.outcomes[WORLDS[1]][1]

    @property
    def power(self) -> float:
        """Recommending one that works and is not too toxic."""
        return self.outcomes[WORLDS[2]][1]

    def expected_n(self, world: str) -> float:
        """The expected number of patients in one of `WORLDS`."""
        return self.n1 + self.outcomes[world][0] * (self.n - self.n1)

    @property
    def en(self) -> float:
        """What is minimised: the larger expected number of patients under the two kinds of null."""
        return max(self.expected_n(WORLDS[0]), self.expected_n(WORLDS[1]))


def one_more(counts: Floats, cells: Floats) -> Floats:
    """The joint distribution of (R, T) counts with one more patient, shape one larger each way."""
    larger = np.zeros((counts.shape[0] + 1, counts.shape[1] + 1))
    for r in (0, 1):
        for t in (0, 1):
            larger[r : r + counts.shape[0], t : t + counts.shape[1]] += cells[r, t] * counts
    return larger


def counts_of(n: int, cells: Floats) -> Floats:
    """The joint distribution of how many of n respond and are free of toxicity, shape (n + 1, n + 1)."""
    joint = np.ones((1, 1))
    for _ in range(n):
        joint = one_more(joint, cells)
    return joint


def bryant_day(rates: Rates, alpha_r: float, alpha_t: float, power: float, largest: int = 100) -> BryantDay:
    """The design of least `en` with these error rates among all with n up to `largest`.

    The first stage stops at the least if nobody responds, or nobody is free of toxicity (cr1, ct1 >= 0). Raises
    `RequestError` where there is none.
    """
    first = check_bryant_day(rates, alpha_r, alpha_t, power, largest)
    search = _Search(rates, alpha_r, alpha_t, power, largest)
    least = [search.least_share(n1) for n1 in range(largest)]
    stages = ((n1 + (n - n1) * least[n1], n, n1) for n in range(first, largest + 1) for n1 in range(1, n))
    for least_en, n, n1 in sorted(stages):
        if least_en >= search.best_en:
            break
        search.try_stages(n1, n)
    if search.best is None:
        raise _none(rates, alpha_r, alpha_t, power, largest)
    return search.best


def check_bryant_day(rates: Rates, alpha_r: float, alpha_t: float, power: float, largest: int) -> int:
    """A number of patients below which there is no such design. Raises `RequestError`, without a search."""
    check_kind("rates", rates, Rates)
    check_rates(rates.pr0, rates.pr1)
    check_rates(rates.pt0, rates.pt1)
    check_errors(alpha_r, power)
    check_errors(alpha_t, power)
    check_number("odds_ratio", rates.odds_ratio)
    if not 1.0 / LARGEST_ODDS_RATIO <= rates.odds_ratio <= LARGEST_ODDS_RATIO:
        allowed = f"{1.0 / LARGEST_ODDS_RATIO:g} to {LARGEST_ODDS_RATIO:g}; 1 is independence."
        raise RequestError(f"odds_ratio = {rates.odds_ratio:g}", "this is not an odds ratio.", allowed)
    check_limit(largest, 2, MOST_SEARCHED)
    of_each = (rates.pr0, rates.pr1, alpha_r, power), (rates.pt0, rates.pt1, alpha_t, power)
    fewest = [fewest_patients(*one, largest) for one in of_each]
    if max(few or largest for few in fewest) > MOST_OF_ONE and largest > MOST_OF_ONE:
        about = max(math.ceil(normal_n(*one)) for one in of_each)
        wrong = f"one endpoint alone takes about {about} patients, and a search for two stages takes minutes to hours."
        raise RequestError(
            f"n <= {largest}", wrong, f"rates further apart, so that {MOST_OF_ONE} would do for each.", key="n"
        )
    if None in fewest:
        raise _none(rates, alpha_r, alpha_t, power, largest)
    return max(2, *(few or 2 for few in fewest))


def _none(rates: Rates, alpha_r: float, alpha_t: float, power: float, largest: int) -> RequestError:
    """Why there is no design, with the nearest that there may be."""
    wrong = f"no design with n <= {largest} has levels {alpha_r:g} and {alpha_t:g} and power {power:g}."
    of_each = (rates.pr0, rates.pr1, alpha_r, power), (rates.pt0, rates.pt1, alpha_t, power)
    most = max(math.ceil(normal_n(*one)) for one in of_each)
    nearest = f"n up to about {math.ceil(1.3 * most)} (one endpoint alone takes about {most}), or less power."
    return RequestError(f"n <= {largest}", wrong, nearest, key="n")


class _Search:
    """Joint distributions for every number of patients, and the best design so far."""

    def __init__(self, rates: Rates, alpha_r: float, alpha_t: float, power: float, largest: int) -> None:
        self.rates, self.power = rates, lowest_accepted(power)
        self.alpha_r, self.alpha_t = highest_accepted(alpha_r), highest_accepted(alpha_t)
        self.best: BryantDay | None = None
        self.best_en = math.inf
        self.tables = {"r": (Tables(rates.pr0), Tables(rates.pr1)), "t": (Tables(rates.pt0), Tables(rates.pt1))}
        self.mass: list[list[Floats]] = []  # by world, by n
        for world in WORLDS:
            cells, each = rates.cells(world), [np.ones((1, 1))]
            for _ in range(largest):
                each.append(one_more(each[-1], cells))
            self.mass.append(each)
        self.tails = [[_tail(item) for item in each] for each in self.mass]  # P(R > u, T > v), u and v from -1

    def least_share(self, n1: int) -> float:
        """The least that can go on after a first stage under the worse of the nulls; infinite if none has the power."""
        goes_on = [self.tails[w][n1][1:-1, 1:-1] for w in range(3)]
        worse = np.maximum(goes_on[0], goes_on[1])[goes_on[2] >= self.power]
        return float(worse.min()) if worse.size else math.inf

    def try_stages(self, n1: int, n: int) -> None:
        """Keep the best design with these stages if it is better than the best so far."""
        if n1 >= self.best_en:
            return
        goes_on = [self.tails[w][n1][1:-1, 1:-1] for w in range(3)]  # by cr1, ct1 from 0
        en = n1 + (n - n1) * np.maximum(goes_on[0], goes_on[1])
        possible = (goes_on[2] >= self.power) & (en < self.best_en)
        if not possible.any():
            return
        finals = np.array(list(product(self._finals("r", n1, n), self._finals("t", n1, n))))
        power, fits = np.zeros(0), np.zeros((0, n1, n1), np.bool_)
        for world in (2, 0, 1):  # the power first: what lacks it needs no levels
            if len(finals) == 0:
                return
            rejects = self._recommends(world, n1, n, finals)
            here = rejects >= self.power if world == 2 else rejects <= (self.alpha_r, self.alpha_t)[world]
            fits = here & possible if world == 2 else here & fits
            power = rejects if world == 2 else power
            kept = fits.any(axis=(1, 2))
            finals, fits, power = finals[kept], fits[kept], power[kept]
        if len(finals):
            cost = np.where(fits.any(axis=0), en, math.inf)
            cr1, ct1 = np.unravel_index(int(np.argmin(cost)), cost.shape)
            choice = np.flatnonzero(fits[:, cr1, ct1])
            cr, ct = finals[choice[np.argmax(power[choice, cr1, ct1])]]
            self.best_en = float(en[cr1, ct1])
            last = max(int(cr), int(cr1)), max(int(ct), int(ct1))  # a final boundary below the first one is the first
            self.best = BryantDay(n1, int(cr1), int(ct1), n, *last, self.rates)

    def _finals(self, which: str, n1: int, n: int) -> list[int]:
        """The final boundaries that can do for one endpoint, whatever the other one does (Bonferroni)."""
        null, alternative = self.tables[which]
        level = self.alpha_r if which == "r" else self.alpha_t
        highest_first = int(np.flatnonzero(alternative.tail(n1)[:-1] >= self.power)[-1]) - 1
        c = np.flatnonzero(alternative.tail(n)[1:-1] >= self.power)
        x1 = np.arange(highest_first + 1, n1 + 1)
        more = np.clip(c[None, :] - x1[:, None] + 1, 0, n - n1 + 1)
        both = null.mass(n1)[x1] @ null.tail(n - n1)[more]
        return [int(item) for item in c[both <= level + 1.0 - self.power]]

    def _recommends(self, world: int, n1: int, n: int, finals: Counts) -> Floats:
        """The probability of recommending, shape (finals, cr1 from 0, ct1 from 0)."""
        first, rest = self.mass[world][n1], self.tails[world][n - n1]
        x = np.arange(n1 + 1)
        u = np.clip(finals[:, :1] - x, -1, n - n1) + 1
        v = np.clip(finals[:, 1:] - x, -1, n - n1) + 1
        both = first * rest[u[:, :, None], v[:, None, :]]
        total = both[:, ::-1, ::-1].cumsum(axis=1).cumsum(axis=2)[:, ::-1, ::-1]  # from (x, y) up
        return np.asarray(total[:, 1:, 1:])


def _tail(mass: Floats) -> Floats:
    """P(R > u, T > v) for u and v from -1 to n, from the joint mass of n patients."""
    tail = np.zeros((mass.shape[0] + 1, mass.shape[1] + 1))
    tail[:-1, :-1] = mass[::-1, ::-1].cumsum(axis=0).cumsum(axis=1)[::-1, ::-1]
    return tail
