"""The analysis of times to events of two arms with a margin: the score test of the hazard ratio, and Cox's model."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm

from trialsim.design.decisions import REJECT
from trialsim.design.time_to_event.decisions import MarginDecisions
from trialsim.errors import RequestError
from trialsim.inference.result import Analysed, Row
from trialsim.inference.times import Times, after_looks, described, hazard_ratios
from trialsim.typing import Flags, Floats


def analyse_margin(
    times: Times, decisions: MarginDecisions, earlier: Sequence[tuple[int, float]], confidence: float,
    adjust: Sequence[str] = (), strata: Sequence[str] = (),
) -> Analysed:  # fmt: skip
    """Two arms with a margin: events, medians, the score test at the margin, the hazard ratio; see `analyse_two_arms`.

    `earlier` has (events, z) of interim looks, z against the margin. Raises `RequestError`.
    """
    second = times.arm == 1
    z = score_z(times, decisions.margin, strata)
    n_events = int(times.events.sum())
    code = decisions.decide(
        len(decisions.interim), np.array([z]), np.array([n_events], np.int64), np.array([len(earlier)], np.int64)
    )[0]
    stratified = f", stratified by {', '.join(strata)}" if strata else ""
    method = f"score test of Cox's model at {decisions.margin:g}{stratified}, ties by Efron 1977, one-sided"
    rows = [*described(times, confidence), Row("z against the margin", z, p_value=float(norm.sf(z)), method=method)]
    if earlier:
        rows.append(after_looks(z, n_events, second, decisions, earlier, confidence))
    rows += hazard_ratios(times, confidence, adjust, strata)
    shown = "shown" if code == REJECT else "not shown"
    return Analysed(tuple(rows), f"non-inferiority within a hazard ratio of {decisions.margin:g} is {shown}")


def score_z(times: Times, ratio: float, strata: Sequence[str] = ()) -> float:
    """The score z of a hazard ratio, positive where the second arm has fewer events than it says.

    Scores and information of strata are added. Raises `RequestError` where no event tells the arms apart.
    """
    groups = np.zeros(len(times.days), np.int64)
    if strata:
        groups = pd.factorize(pd.Series(list(times.table[list(strata)].itertuples(index=False))))[0]
    parts = [(groups == group) for group in np.unique(groups)]
    scores = np.array([_score(times.days[part], times.events[part], times.arm[part] == 1, ratio) for part in parts])
    gain, variance = scores.sum(axis=0).tolist()
    if variance <= 0.0:
        raise RequestError(
            "events", "no event tells the arms apart.", "events while both arms are at risk.", key="events"
        )
    return float(gain / math.sqrt(variance))


def _score(days: Floats, events: Flags, second: Flags, ratio: float) -> tuple[float, float]:
    """Events expected at the ratio less those observed in the second arm, and the information; ties by Efron."""
    gain = variance = 0.0
    for time in np.unique(days[events]).tolist():
        at_risk, here = days >= time, (days == time) & events
        gone = np.arange(here.sum()) / max(float(here.sum()), 1.0)
        of_second = ratio * ((at_risk & second).sum() - gone * (here & second).sum())
        of_first = (at_risk & ~second).sum() - gone * (here & ~second).sum()
        shares = of_second / (of_second + of_first)
        gain += float(shares.sum()) - float((here & second).sum())
        variance += float((shares * (1.0 - shares)).sum())
    return gain, variance
