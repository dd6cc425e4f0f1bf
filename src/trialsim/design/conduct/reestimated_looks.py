"""Looks of trials whose interim look says how many events the final one waits for."""

from __future__ import annotations

import numpy as np

from trialsim.design.conduct.logrank_at_looks import z_of_looks
from trialsim.design.conduct.timelines import Timelines
from trialsim.design.time_to_event.reestimated import ReestimatedDecisions
from trialsim.engines.batch.conduct import event_looks
from trialsim.model import interim as c
from trialsim.typing import Counts, Floats


def reestimated_looks(
    decisions: ReestimatedDecisions, timelines: Timelines, event: Floats, plan: c.EventConduct, days: Floats
) -> tuple[Floats, Counts]:
    """The z statistics and the numbers of events of both looks, (trials, 2); the final z is the combined one.

    `days` (trials, 2) are those of the planned events, and become those of the events that the interim look asks for.
    """
    z, events = z_of_looks(decisions, timelines, event, days, plan.n_patients)
    taken = ~np.isnan(days[:, 0])
    wanted = np.where(taken, decisions.final_events(z[:, 0]), plan.final_events)
    for number in np.unique(wanted[wanted > plan.final_events]).tolist():
        of = np.flatnonzero(wanted == number)
        later = np.empty((len(of), 2))
        event_looks(
            timelines.arrival[of], event[of], timelines.left[of], np.array(plan.interim, np.int64), plan.n_patients,
            plan.follow_up_days, number, later,
        )  # fmt: skip
        days[of, 1] = later[:, 1]
    z_at_end, at_end = z_of_looks(decisions, timelines, event, days, plan.n_patients)
    combined = decisions.combined(z[:, 0], events[:, 0], z_at_end[:, 1], at_end[:, 1])
    z[:, 1], events[:, 1] = np.where(taken, combined, z_at_end[:, 1]), at_end[:, 1]
    return z, events
