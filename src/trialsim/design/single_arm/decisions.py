"""What is decided about the rate of one arm, at numbers of patients that are as planned or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import binom

from trialsim.design.decisions import FUTILE, GO_ON, REJECT, OneEndpoint, standardised
from trialsim.design.theory.rounding import highest_accepted
from trialsim.design.theory.two_stage import TwoStage
from trialsim.typing import Counts, DecisionCodes, Flags, Floats

KOYAMA_CHEN: Final = "koyama-chen"
GREEN_DAHLBERG: Final = "green-dahlberg"
GREEN_DAHLBERG_LEVEL: Final = 0.02  # of the test of the alternative at the first stage
GREEN_DAHLBERG_FINAL: Final = 0.055  # of the test of the null hypothesis at the end


@dataclass(frozen=True)
class OneArm(OneEndpoint):
    """One arm, one outcome, one stage.

    Where attained numbers are not the planned ones, *Green-Dahlberg* (1992, Stat Med 11:853) rejects p0 at level 0.055
    and *Koyama-Chen* (2008, Stat Med 27:3145) keeps the level of the plan.
    """

    n: int
    r: int
    p0: float
    p1: float
    alpha: float
    attained: str = KOYAMA_CHEN

    @property
    def looks(self) -> tuple[int, ...]:
        """Patients at each look."""
        return (self.n,)

    def statistic(self, counts: Counts) -> Floats:
        """(x - n p0) / sqrt(n p0 (1 - p0))."""
        n, x = counts[:, -1, 0, 0], counts[:, -1, 0, 1]
        return standardised(n, x, self.p0)

    def decide(self, look: int, counts: Counts, trials: Counts) -> DecisionCodes:
        """See `Decisions`."""
        n, x = counts[:, look, 0, 0], counts[:, look, 0, 1]
        rejects = np.where(self._is_as_planned(counts, n), x > self.r, self._final_attained(counts, n, x))
        return np.where(rejects, REJECT, FUTILE).astype(np.int8)

    def _is_as_planned(self, counts: Counts, n: Counts) -> Flags:
        return np.asarray(n == self.n)

    def _final_attained(self, counts: Counts, n: Counts, x: Counts) -> Flags:
        level = GREEN_DAHLBERG_FINAL if self.attained == GREEN_DAHLBERG else highest_accepted(self.alpha)
        return np.asarray(binom.sf(x - 1, n, self.p0) <= level)


@dataclass(frozen=True, kw_only=True)
class OneArmTwoStages(OneArm):
    """One arm, one outcome, two stages; `e1` of the design lets the first stage reject.

    Where attained numbers are not the planned ones: *Green-Dahlberg* also stops after the first stage if p1 is rejected
    at level 0.02. *Koyama-Chen* keeps the conditional type I error of the plan given the first stage; a first stage of
    other size stops if p1 is rejected at the level at which the planned one stops.
    """

    design: TwoStage

    @property
    def looks(self) -> tuple[int, ...]:
        """Patients at each look."""
        return (self.design.n1, self.n)

    def decide(self, look: int, counts: Counts, trials: Counts) -> DecisionCodes:
        """See `Decisions`."""
        if look == 0:
            return self._first(counts[:, 0, 0, 0], counts[:, 0, 0, 1])
        return super().decide(look, counts, trials)

    def _first(self, n: Counts, x: Counts) -> DecisionCodes:
        design = self.design
        e1 = design.n1 + 1 if design.e1 is None else design.e1
        level = GREEN_DAHLBERG_LEVEL if self.attained == GREEN_DAHLBERG else binom.cdf(design.r1, design.n1, self.p1)
        low = np.where(n == design.n1, x <= design.r1, binom.cdf(x, n, self.p1) <= highest_accepted(float(level)))
        high_level = binom.sf(e1 - 1, design.n1, self.p0)
        high = np.where(
            n == design.n1,
            x >= e1,
            (binom.sf(x - 1, n, self.p0) <= highest_accepted(high_level)) & (design.e1 is not None),
        )
        return np.where(low, FUTILE, np.where(high, REJECT, GO_ON)).astype(np.int8)

    def _is_as_planned(self, counts: Counts, n: Counts) -> Flags:
        return np.asarray((n == self.n) & (counts[:, 0, 0, 0] == self.design.n1))

    def _final_attained(self, counts: Counts, n: Counts, x: Counts) -> Flags:
        if self.attained == GREEN_DAHLBERG:
            return super()._final_attained(counts, n, x)
        n1, x1 = counts[:, 0, 0, 0], counts[:, 0, 0, 1]
        spent = np.asarray(binom.sf(self.r - x1, np.maximum(self.n - n1, 0), self.p0), dtype=np.float64)
        second = binom.sf(x - x1 - 1, np.maximum(n - n1, 0), self.p0) <= highest_accepted(spent)
        return np.asarray(np.where(n1 > 0, second, binom.sf(x - 1, n, self.p0) <= highest_accepted(self.design.alpha)))
