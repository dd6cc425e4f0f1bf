"""What looks at numbers of events decide: log-rank statistics against bounds by alpha spending.

Interim looks come with a planned number of events, so their bounds are the planned ones. The final look may come on the
last day with fewer events than planned; it then spends all the alpha that is left, at the information there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from trialsim.design.decisions import FUTILE, GO_ON, REJECT
from trialsim.design.exact.sequential import final_bound_by_information

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class EventDecisions:
    """Looks after `events` events; `upper` and `lower` z bounds, `lower` empty without futility."""

    events: tuple[int, ...]
    upper: tuple[float, ...]
    lower: tuple[float, ...]
    alpha: float
    sides: int

    @cached_property
    def final_bounds(self) -> Floats:
        """The bound of the final look by interim looks that were taken (rows, from 0) and events there are (columns)."""
        d = self.events[-1]
        found = np.full((len(self.events), d + 1), np.inf)
        for taken in range(len(self.events)):
            before = self.events[:taken]
            low = before[-1] + 1 if taken else 1
            at = np.arange(max(low, 1), d + 1)
            if len(at) == 0:
                continue
            if taken == 0:
                found[taken, at] = norm.isf(self.alpha / self.sides)
                continue
            far = at[(at - before[-1]) > 1e-3 * at]
            found[taken, far] = final_bound_by_information(
                list(before), list(self.upper[:taken]), far, self.alpha, sides=self.sides
            )
        found[len(self.events) - 1, d] = self.upper[-1]
        return found

    def decide(self, look: int, z: Floats, events: Counts, taken: Counts) -> npt.NDArray[np.int8]:
        """`FUTILE`, `GO_ON` or `REJECT` for each trial: z positive where the experimental arm is better.

        `events` are those that were seen, `taken` how many interim looks were.
        """
        is_last = look == len(self.events) - 1
        if is_last:
            bound = self.final_bounds[taken, np.minimum(events, self.events[-1])]
        else:
            bound = np.full(len(z), self.upper[look])
        size = np.abs(z) if self.sides == 2 else z
        low = (z < self.lower[look]) if self.lower and not is_last else np.zeros(len(z), np.bool_)
        otherwise = FUTILE if is_last else GO_ON
        return np.where(size >= bound, REJECT, np.where(low, FUTILE, otherwise)).astype(np.int8)
