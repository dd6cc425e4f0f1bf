"""Score z statistics of a hazard ratio of two arms at looks; see `logrank_at_looks`."""

from __future__ import annotations

from math import inf

import numpy as np

from trialsim.compiled.hazard_ratio import score_of_keys
from trialsim.compiled.jit import compiled
from trialsim.compiled.logrank import z_statistic
from trialsim.design.conduct.seen_patients import EVERYONE, seen_on
from trialsim.typing import Counts, Floats


@compiled
def looks_at_margin(
    arrival: Floats, event: Floats, left: Floats, arm: Counts, days: Floats, n_patients: int, ratio: float, z: Floats,
    events: Counts,
) -> None:  # fmt: skip
    """The z statistic against a hazard ratio and the number of events of every look, as `looks_at_events`."""
    keys = np.empty(n_patients, np.int64)
    for t in range(arrival.shape[0]):
        for k in range(days.shape[1]):
            z[t, k] = 0.0
            events[t, k] = 0
            if days[t, k] < inf:
                n, events[t, k] = seen_on(days[t, k], arrival[t], event[t], left[t], arm[t], arm[t], EVERYONE, keys)
                difference, variance = score_of_keys(keys[:n], ratio)
                z[t, k] = z_statistic(difference, variance)
