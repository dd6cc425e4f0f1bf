"""What looks at numbers of events decide: log-rank statistics against bounds by alpha spending.

Interim looks come with a planned number of events, so their bounds are the planned ones. The final look comes on a day,
with whatever events there are by then, and spends all the alpha that is left at that information.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from trialsim.design.decisions import FUTILE, GO_ON, REJECT
from trialsim.design.exact.sequential import final_bound_by_information

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
_CLOSEST = 1e-3  # a final look so soon after an interim one, relative to its events, has no bound of its own


@dataclass(frozen=True)
class EventDecisions:
    """Interim looks after `interim` events; `upper` and `lower` z bounds by look, `lower` empty without futility.

    With `is_binding` the final bound counts on the futility bounds.
    """

    interim: tuple[int, ...]
    upper: tuple[float, ...]
    lower: tuple[float, ...]
    alpha: float
    sides: int
    is_binding: bool = False

    def decide(self, look: int, z: Floats, events: Counts, taken: Counts) -> npt.NDArray[np.int8]:
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
        found = np.full(len(events), np.inf)
        for number in np.unique(taken):
            own = np.flatnonzero(taken == number)
            table = _final_bounds(self, int(number), 64 * (int(events[own].max()) // 64 + 1))
            found[own] = table[events[own]]
        return found


@lru_cache(maxsize=512)
def _final_bounds(decisions: EventDecisions, taken: int, most: int) -> Floats:
    """The final bound by the number of events, from 0 to `most`, after so many interim looks."""
    found = np.full(most + 1, np.inf)
    if taken == 0:
        found[1:] = norm.isf(decisions.alpha / decisions.sides)
        return found
    before = decisions.interim[:taken]
    at = np.arange(before[-1] + 1, most + 1)
    far = at[(at - before[-1]) > _CLOSEST * at]
    lower = list(decisions.lower[:taken]) if decisions.lower and decisions.is_binding else None
    found[far] = final_bound_by_information(
        list(before), list(decisions.upper[:taken]), far, decisions.alpha, sides=decisions.sides, lower=lower
    )
    return found
