"""The second stage of a trial with one interim look, made larger by what the look says; the level is kept.

At the end the statistics of both stages are combined with the weights of the plan, Z = sqrt(w) Z1 + sqrt(1 - w) Z2
(Cui, Hung and Wang 1999, Biometrics 55:853). Z2 of the patients or events after the look is standard normal without an
effect whatever their number, so that the bounds of the plan keep its level. Information is in units of the planned one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import special

from trialsim.design.theory.arguments import check_number
from trialsim.design.theory.requests import numbers, require_finite, require_share
from trialsim.design.theory.rounding import highest_accepted
from trialsim.errors import RequestError
from trialsim.typing import Floats

REACH = 8.5  # standard deviations of z at the look that are integrated over
NODES = 20  # of a panel one standard deviation wide, or narrower
MOST = 100.0  # times the planned second stage


@dataclass(frozen=True)
class Reached:
    """What a rule comes to at a drift, without re-estimation beside it.

    `unweighted` is the probability of rejecting if the data of both stages were pooled at the end, as without
    re-estimation; its level is not kept in general. `promising` is the probability of a result in the promising zone.
    """

    rejects: float
    without: float
    unweighted: float
    information: float
    information_without: float
    stops: float
    promising: float


@dataclass(frozen=True)
class PromisingZone:
    """The rule of Mehta and Pocock (2011, Statist Med 30:3267), with the test of Cui, Hung and Wang (1999).

    `look` is the share of the planned information at the look; `upper` its z bound (infinite: it does not reject),
    `final` that of the combined statistic, `lower` the z below which the trial stops. Where the conditional power at
    the current trend is at least `low` and below `high`, the second stage is made larger until it is `target`, up to
    `factor` times the planned one. Errors: shares outside (0, 1), `low` not below `high`, a factor outside 1 to 100.
    """

    look: float
    upper: float
    final: float
    low: float
    high: float
    target: float
    factor: float
    lower: float = -math.inf

    def __post_init__(self) -> None:
        require_share("look", self.look)
        require_share("target", self.target)
        require_share("high", self.high)
        require_finite("final", self.final)
        require_finite("factor", self.factor)
        for name in ("upper", "lower"):
            if math.isnan(check_number(name, getattr(self, name))):
                raise RequestError(f"{name} = nan", "this is no bound.", "a number, infinite for none.", key=name)
        if not 0.0 <= require_finite("low", self.low) < self.high:
            zone = f"promising from {self.low:g} to {self.high:g}"
            raise RequestError(zone, "this zone is empty.", "from 0 and below its end, such as 0.36.", key="promising")
        if self.high > highest_accepted(self.target):
            wrong = f"a conditional power above the target, {self.target:g}, needs no larger second stage."
            raise RequestError(f"promising to {self.high:g}", wrong, f"up to {self.target:g}.", key="promising")
        if not 1.0 <= self.factor <= MOST:
            wrong = "a second stage is not made smaller, nor so large."
            raise RequestError(f"factor = {self.factor:g}", wrong, f"from 1 to {MOST:g}.", key="factor")
        if self.lower >= self.upper:
            wrong = "no trial goes on."
            raise RequestError(f"lower = {self.lower:g}", wrong, f"below upper = {self.upper:g}.", key="lower")

    def z_of(self, power: float) -> float:
        """The z at the look with which the conditional power of the planned second stage, at the trend, is `power`."""
        return float(math.sqrt(self.look) * (self.final + math.sqrt(1.0 - self.look) * special.ndtri(power)))

    def conditional_power(self, z: npt.ArrayLike, second: npt.ArrayLike, drift: npt.ArrayLike | None = None) -> Floats:
        """The conditional power with a second stage of some information; at the current trend unless at a drift.

        Arrays broadcast; the drift is the mean of Z at the planned information.
        """
        at, amounts = numbers("z", z), numbers("second", second)
        effect = at / math.sqrt(self.look) if drift is None else numbers("drift", drift)
        return np.asarray(special.ndtr(effect * np.sqrt(amounts) - self._still_needed(at)))

    def second_stage(self, z: npt.ArrayLike) -> Floats:
        """The information of the second stage after a z at the look, of the shape of z."""
        at = np.atleast_1d(numbers("z", z))
        planned = 1.0 - self.look
        is_promising = (at >= self.z_of(self.low)) & (at < self.z_of(self.high))
        with np.errstate(divide="ignore"):
            roots = (self._still_needed(at) + special.ndtri(self.target)) * math.sqrt(self.look) / np.maximum(at, 0.0)
        wanted = np.clip(roots**2, planned, self.factor * planned)
        return np.asarray(np.where(is_promising, wanted, planned).reshape(np.shape(z)))

    def reached(self, drift: float, *, counts_futility: bool = True) -> Reached:
        """What it comes to at a drift, by integration over z at the look. Errors: a drift that is not finite.

        Without `counts_futility` nothing stops below `lower`: so the level of a rule that is not binding is computed.
        """
        mean = require_finite("drift", drift) * math.sqrt(self.look)
        z, weights = self._grid(mean, self.lower if counts_futility else -math.inf)
        mass = weights * np.exp(-0.5 * (z - mean) ** 2) / math.sqrt(2.0 * math.pi)
        planned = 1.0 - self.look
        second = self.second_stage(z)
        early = float(special.ndtr(mean - self.upper))
        pooled = (self.final * np.sqrt(self.look + second) - math.sqrt(self.look) * z) / np.sqrt(second)
        goes_on = float(mass.sum())
        ends = special.ndtr(np.array([self.z_of(self.low), self.z_of(self.high)]).clip(self.lower, self.upper) - mean)
        return Reached(
            early + float(mass @ self.conditional_power(z, second, drift)),
            early + float(mass @ self.conditional_power(z, planned, drift)),
            early + float(mass @ special.ndtr(drift * np.sqrt(second) - pooled)),
            self.look + float(mass @ second), self.look + goes_on * planned, 1.0 - goes_on, float(ends[1] - ends[0]),
        )  # fmt: skip

    def _still_needed(self, z: Floats) -> Floats:
        """The Z2 from which the trial rejects at the end."""
        return np.asarray((self.final - math.sqrt(self.look) * z) / math.sqrt(1.0 - self.look))

    def _grid(self, mean: float, lower: float) -> tuple[Floats, Floats]:
        """Nodes and weights over the z with which the trial goes on, in pieces on which the rule is smooth."""
        low, high = max(lower, mean - REACH), min(self.upper, mean + REACH)
        ends = [z for z in (self.z_of(self.low), self._where_factor_ends(), self.z_of(self.high)) if low < z < high]
        widest = min(1.0, math.sqrt((1.0 - self.look) / self.look))
        edges = [low]
        for end in [*sorted(ends), max(low, high)]:
            steps = max(1, math.ceil((end - edges[-1]) / widest))
            edges += np.linspace(edges[-1], end, steps + 1)[1:].tolist()
        nodes, weights = _rule()
        points = np.array(edges)
        half, middle = np.diff(points)[:, None] / 2.0, (points[1:, None] + points[:-1, None]) / 2.0
        return (middle + half * nodes).ravel(), (half * weights).ravel()

    def _where_factor_ends(self) -> float:
        """The z at which the target takes just the largest second stage; z is linear in it."""
        root = math.sqrt(self.factor * (1.0 - self.look) / self.look) + math.sqrt(self.look / (1.0 - self.look))
        return float((self.final / math.sqrt(1.0 - self.look) + special.ndtri(self.target)) / root)


@cache
def _rule() -> tuple[Floats, Floats]:
    """The nodes and weights of one panel from -1 to 1 (Gauss and Legendre)."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return np.asarray(nodes), np.asarray(weights)
