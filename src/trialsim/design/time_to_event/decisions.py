"""What looks at times to events decide.

Two arms: log-rank statistics against bounds by alpha spending. Interim looks come
with a planned number of events, so their bounds are the planned ones. The final look comes on a day,
with whatever events there are by then, and spends all the alpha that is left at that information.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from math import log
from typing import Final

import numpy as np
from scipy.stats import norm

from trialsim.design.decisions import FUTILE, GO_ON, REJECT
from trialsim.design.theory.sequential import final_bound_by_information
from trialsim.typing import Counts, DecisionCodes, Floats

LOG_2: Final = log(2.0)
_CLOSEST = 1e-3  # a final look so soon after an interim one, relative to its events, has no bound of its own


@dataclass(frozen=True)
class EventDecisions:
    """Interim looks after `interim` events; `upper` and `lower` z bounds by look, `lower` empty without futility.

    With `is_binding` the final bound counts on the futility bounds. `rho_gamma` are the exponents of the weights of
    Fleming and Harrington, (0, 0) of the log-rank test, and `by_strata` says whether that is stratified.
    """

    interim: tuple[int, ...]
    upper: tuple[float, ...]
    lower: tuple[float, ...]
    alpha: float
    sides: int
    is_binding: bool = False
    rho_gamma: tuple[float, float] = (0.0, 0.0)
    by_strata: bool = False

    @property
    def n_arms(self) -> int:
        """How many arms are compared."""
        return 2

    def decide(self, look: int, z: Floats, events: Counts, taken: Counts) -> DecisionCodes:
        """`FUTILE`, `GO_ON` or `REJECT` for each trial: z positive where the experimental arm is better.

        `events` are those that were seen, `taken` how many interim looks were.
        """
        is_last = look == len(self.interim)
        bound = self._final(events, taken) if is_last else np.full(len(z), self.upper[look])
        size = np.abs(z) if self.sides == 2 else z
        low = (z < self.lower[look]) if self.lower and not is_last else np.zeros(len(z), np.bool_)
        otherwise = FUTILE if is_last else GO_ON
        return np.where(size >= bound, REJECT, np.where(low, FUTILE, otherwise)).astype(np.int8)

    def _final(self, events: Counts, taken: Counts) -> Floats:
        """The bound of the final look of each trial."""
        bounds = np.full(len(events), np.inf)
        for number in np.unique(taken):
            trials = np.flatnonzero(taken == number)
            table = _final_bounds(self, int(number), 64 * (int(events[trials].max()) // 64 + 1))
            bounds[trials] = table[events[trials]]
        return bounds


@dataclass(frozen=True)
class MarginDecisions(EventDecisions):
    """The same looks at score statistics against a hazard ratio, the `margin`, in place of log-rank statistics."""

    margin: float = 1.0


def with_margin(decisions: EventDecisions, margin: float) -> MarginDecisions:
    """The decisions with a margin."""
    values = {item.name: getattr(decisions, item.name) for item in fields(EventDecisions)}
    return MarginDecisions(**values, margin=margin)


@dataclass(frozen=True)
class OneSampleDecisions:
    """One arm against a Weibull reference with a median: the one-sample log-rank test, at a final look only.

    (E - O) / sqrt(E) is compared with the standard normal (Breslow 1975; Finkelstein, Muzikansky and Schoenfeld 2003).
    """

    median_days: float
    shape: float
    alpha: float
    sides: int
    interim: tuple[int, ...] = ()

    @property
    def n_arms(self) -> int:
        """There is one."""
        return 1

    @property
    def bound(self) -> float:
        """The z statistic from which the reference is rejected."""
        return float(norm.isf(self.alpha / self.sides))

    def hazard(self, days: Floats) -> Floats:
        """The cumulative hazard of the reference by study days."""
        return np.asarray(LOG_2 * (days / self.median_days) ** self.shape)

    def decide(self, look: int, z: Floats, events: Counts, taken: Counts) -> DecisionCodes:
        """`FUTILE` or `REJECT` for each trial: z positive where there are fewer events than expected."""
        size = np.abs(z) if self.sides == 2 else z
        return np.where(size >= self.bound, REJECT, FUTILE).astype(np.int8)


@dataclass(frozen=True)
class RestrictedMeanDecisions:
    """Two arms: the difference of restricted mean times up to `until_days`, at a final look only.

    Its ratio to its standard error (Greenwood) is compared with the standard normal (Royston and Parmar 2013, BMC Med
    Res Methodol 13:152).
    """

    until_days: float
    alpha: float
    sides: int
    interim: tuple[int, ...] = ()

    @property
    def n_arms(self) -> int:
        """How many arms are compared."""
        return 2

    @property
    def bound(self) -> float:
        """The z statistic from which the null hypothesis is rejected."""
        return float(norm.isf(self.alpha / self.sides))

    def decide(self, look: int, z: Floats, events: Counts, taken: Counts) -> DecisionCodes:
        """`FUTILE` or `REJECT` for each trial: z positive where the experimental arm has the longer mean."""
        size = np.abs(z) if self.sides == 2 else z
        return np.where(size >= self.bound, REJECT, FUTILE).astype(np.int8)


DecisionsAtEvents = EventDecisions | OneSampleDecisions | RestrictedMeanDecisions


@lru_cache(maxsize=512)
def _final_bounds(decisions: EventDecisions, taken: int, most: int) -> Floats:
    """The final bound by the number of events, from 0 to `most`, after `taken` interim looks."""
    bounds = np.full(most + 1, np.inf)
    if taken == 0:
        bounds[1:] = norm.isf(decisions.alpha / decisions.sides)
        return bounds
    before = decisions.interim[:taken]
    at = np.arange(before[-1] + 1, most + 1)
    far = at[(at - before[-1]) > _CLOSEST * at]
    lower = list(decisions.lower[:taken]) if decisions.lower and decisions.is_binding else None
    bounds[far] = final_bound_by_information(
        list(before), list(decisions.upper[:taken]), far, decisions.alpha, sides=decisions.sides, lower=lower
    )
    return bounds
