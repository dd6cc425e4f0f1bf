"""The two-sample log-rank test, compiled: what a simulated design repeats a million times.

Importing this module imports the compiler. Where a test is shown once, a library does it (lifelines, scipy).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trialsim.compilation import compiled

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@compiled
def logrank(times: Floats, is_event: Flags, is_second: Flags) -> tuple[float, float]:
    """Observed minus expected events of the second group, and the variance of the difference.

    `times` (any unit, not NaN), `is_event` (else censored) and `is_second` (group) have one entry a patient. The
    hypergeometric variance of Mantel (1966, Cancer Chemother Rep 50:163), ties included. The chi-square statistic with
    one degree of freedom is the difference squared over the variance; the variance is 0 where the groups cannot be
    compared. A censored time counts as just after an event at the same time.
    """
    order = np.argsort(times)
    difference = variance = 0.0
    at_risk = times.size
    at_risk_second = is_second.sum()
    i = 0
    while i < order.size:
        time = times[order[i]]
        events = events_second = leaving = leaving_second = 0
        while i < order.size and times[order[i]] == time:
            k = order[i]
            leaving += 1
            leaving_second += is_second[k]
            events += is_event[k]
            events_second += is_event[k] and is_second[k]
            i += 1
        if events > 0:
            share = at_risk_second / at_risk
            difference += events_second - events * share
            if at_risk > 1:
                variance += events * share * (1.0 - share) * (at_risk - events) / (at_risk - 1)
        at_risk -= leaving
        at_risk_second -= leaving_second
    return difference, variance
