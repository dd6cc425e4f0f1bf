"""The analysis of a log-rank trial whose interim look could make its events more."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

from trialsim.design.time_to_event.reestimated import ReestimatedDecisions
from trialsim.errors import RequestError
from trialsim.inference.result import IN_WORDS, Analysed, Row
from trialsim.inference.sequential import infer_sequential
from trialsim.inference.survival import logrank
from trialsim.inference.times import Times, described, hazard_ratios


def analyse_reestimated(
    times: Times, decisions: ReestimatedDecisions, look: tuple[int, float], confidence: float,
    adjust: Sequence[str] = (), strata: Sequence[str] = (),
) -> Analysed:  # fmt: skip
    """The combined statistic of Cui, Hung and Wang (1999), which decides; `look` has (events, z) of the interim one.

    Its p-value is that of the stagewise ordering of a trial as planned: without an effect the statistic is distributed
    so, whatever the events were. Raises `RequestError` where there is no event after the look.
    """
    by = [tuple(row) for row in times.table[list(strata)].itertuples(index=False)] if strata else None
    z, _ = logrank(times.days, times.events, times.arm == 1, by)
    events = np.array([int(times.events.sum())], np.int64)
    if events[0] <= look[0]:
        wrong = f"the table has {events[0]} events, and the interim look had {look[0]}."
        raise RequestError("earlier", wrong, "the data of the final look.", key="earlier")
    combined = decisions.combined(np.array([look[1]]), np.array([look[0]], np.int64), np.array([z]), events)
    code = decisions.decide(1, combined, events, np.array([1], np.int64))[0]
    share, value = decisions.zone.look, float(combined[0])
    binding = decisions.lower[:1] if decisions.lower and decisions.is_binding else None
    found = infer_sequential([share, 1.0], [decisions.zone.upper, math.inf], 1, value, lower=binding)
    method = f"weights {math.sqrt(share):.4f} and {math.sqrt(1.0 - share):.4f}, Cui, Hung and Wang 1999; one-sided"
    rows = [
        *described(times, confidence),
        Row("log-rank z of all events", z, p_value=float(norm.sf(z)), method="without weights; it does not decide"),
        Row("combined z", value, p_value=found.p_value, method=method),
        *hazard_ratios(times, confidence, adjust, strata),
    ]
    asked = int(decisions.final_events(np.array([look[1]]))[0])
    remark = f"By the rule the interim look asked for {asked} events, where {decisions.planned} were planned."
    return Analysed(tuple(rows), IN_WORDS[int(code)], (remark,))
