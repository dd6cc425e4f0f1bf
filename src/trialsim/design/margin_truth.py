"""The null hypothesis of times to events with a margin: arms whose hazard ratio, as Cox's model sees it, is the margin.

Where patients differ, hazards of every patient that are multiplied by a factor are a hazard ratio nearer to 1 in all of
them, because those at risk are selected. The factor is therefore searched.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Final

from scipy.optimize import brentq

from trialsim.design.conduct.event_trials import event_rows
from trialsim.design.conduct.timelines import simulated
from trialsim.design.draft import Draft, Protocols
from trialsim.design.hypotheses import SEED_OF_RATES, with_follow_up, with_hazard_ratio
from trialsim.design.time_to_event.decisions import MarginDecisions
from trialsim.errors import RequestError
from trialsim.model import interim as c
from trialsim.model.protocol import Protocol
from trialsim.simulation.engine import BATCH

PATIENTS: Final = 400_000  # in all trials: a standard error of some 0.004 of the log hazard ratio
LARGEST_FACTOR: Final = 50.0


def arms_at_margin(draft: Draft, control: Protocol, margin: float, n: int) -> tuple[Protocols, str]:
    """The control, and the arm with which the score statistic at the margin has mean 0 in trials of n; and in words.

    Raises `RequestError` where no factor on the hazards of the event gives such a ratio.
    """
    outcomes, follow_up = draft.outcomes.primary, draft.study.conduct.follow_up.value
    decisions = MarginDecisions((), (0.0,), (), 0.5, 1, margin=margin)

    @cache  # its ends are needed twice: before the search of a root, and by it
    def mean_z(log_factor: float) -> float:
        arms = control, with_hazard_ratio(control, math.exp(log_factor), outcomes[0].kind)
        followed = tuple(with_follow_up(arm, n, follow_up) for arm in arms)
        trials = max(1, PATIENTS // n)
        timelines = simulated([BATCH] * 2, followed, draft.arms, outcomes, SEED_OF_RATES, 1, trials)
        return float(event_rows(timelines, decisions, c.EventConduct((), n, follow_up), False)["statistic"].mean())

    low, high = 0.0, 1.5 * math.log(margin)
    while mean_z(high) > 0.0 and high < math.log(LARGEST_FACTOR):
        high *= 2.0
    if mean_z(low) <= 0.0 or mean_z(high) > 0.0:
        wrong = "no hazards of the event in this scenario have it as the hazard ratio of the arms."
        raise RequestError(f"margin = {margin:g}", wrong, "a margin nearer to 1.", key="margin")
    factor = math.exp(float(brentq(mean_z, low, high, xtol=1e-3)))
    second = with_hazard_ratio(control, factor, outcomes[0].kind)
    return (control, second), f"hazards of the event times {factor:.3g} in {draft.names[1]}: Cox's ratio {margin:g}"
