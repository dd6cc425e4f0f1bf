"""The difference of restricted mean times of two groups, compiled: what a simulated design repeats a million times.

Importing this module imports the compiler. Where it is shown once, `inference.survival` computes it.
"""

from __future__ import annotations

import numpy as np

from trialsim.compiled.jit import inline, jitable
from trialsim.compiled.logrank import EVENT, FLAGS, SECOND
from trialsim.typing import Counts


@jitable
def restricted_means_of_keys(keys: Counts, until: float) -> tuple[float, float]:
    """The restricted mean of the second group less that of the first, and the variance of the difference.

    From sorted keys, as `logrank.set_key` makes them. The mean is the area under the Kaplan-Meier curve up to `until`,
    its variance that of Greenwood (Royston and Parmar 2013, BMC Med Res Methodol 13:152). Where a group is observed for
    a shorter time, its curve goes on at its last value.
    """
    means, variances = np.zeros(2), np.zeros(2)
    for group in range(2):
        means[group] = _area_or_variance(keys, group, until, -1.0)
        variances[group] = _area_or_variance(keys, group, until, means[group])
    return means[1] - means[0], variances[0] + variances[1]


@jitable
def _area_or_variance(keys: Counts, group: int, until: float, area: float) -> float:
    """The area under the curve of a group up to `until`; where that is given (not negative), its variance.

    The variance is the sum over event times of the squared area that is left, times d / (at risk (at risk - d)).
    """
    times = keys.view(np.float64)
    at_risk = 0
    for i in range(keys.size):
        at_risk += _group(keys[i]) == group
    survival, since, reached, variance = 1.0, 0.0, 0.0, 0.0
    i = 0
    while i < keys.size:
        key = keys[i] & ~FLAGS
        time = times[i]  # its two lowest bits, the event and the group, are less than its rounding
        if time > until:
            break
        events = leaving = 0
        while i < keys.size and keys[i] & ~FLAGS == key:
            is_here = _group(keys[i]) == group
            leaving += is_here
            events += is_here and (keys[i] & EVENT) != 0
            i += 1
        if events > 0:
            reached += survival * (time - since)
            since = time
            survival *= 1.0 - events / at_risk
            if at_risk > events:
                variance += (area - reached) ** 2 * events / (at_risk * (at_risk - events))
        at_risk -= leaving
    return variance if area >= 0.0 else reached + survival * (until - since)


@inline
def _group(key: np.int64) -> int:
    return int((key & SECOND) >> 1)


@inline
def z_of_gain(difference: float, variance: float) -> float:
    """Standard normal, positive where the second group has the longer mean; 0 without a comparison."""
    return float(difference / np.sqrt(variance)) if variance > 0.0 else 0.0
