"""A few large trials, simulated before a design with times to events is made: how many events there will be."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from trialsim.design.conduct.event_trials import event_rows
from trialsim.design.conduct.timelines import simulated
from trialsim.design.draft import Draft, Protocols
from trialsim.design.hypotheses import SEED_OF_RATES, with_follow_up
from trialsim.design.time_to_event.decisions import DecisionsAtEvents, EventDecisions
from trialsim.design.time_to_event.logrank import effective_hazard_ratio
from trialsim.errors import RequestError
from trialsim.model import interim as c
from trialsim.model.sums import add_in_order
from trialsim.model.units import DAYS_PER_MONTH
from trialsim.simulation.engine import BATCH
from trialsim.storage.replicate_store import Rows

LOG_RANK: Final = EventDecisions((), (0.0,), (), 0.5, 1)  # one look; what it decides does not matter
TRIALS: Final = 400
PATIENTS: Final = 160_000  # at least, where n is given: small trials are so many more


class EventForecast:
    """A few large trials under the alternative: how many events a trial of each size has, how long its accrual takes.

    `protocols` are those of the arms under the alternative; `decisions` say which z statistic is computed.
    """

    def __init__(self, draft: Draft, protocols: Protocols, decisions: DecisionsAtEvents) -> None:
        self.study, self.decisions = draft.study, decisions
        self.largest, self.follow_up = self.study.most_patients, self.study.conduct.follow_up.value
        followed = tuple(with_follow_up(item, self.largest, self.follow_up) for item in protocols)
        outcomes = draft.outcomes.primary
        trials = TRIALS if self.study.n is None else max(TRIALS, PATIENTS // self.largest)
        self.timelines = simulated([BATCH] * len(followed), followed, draft.arms, outcomes, SEED_OF_RATES, 1, trials)

    @cache  # noqa: B019  # as long as the study lasts
    def expected_events(self, n: int) -> float:
        """The mean number of events by the final look of a trial of `n`."""
        rows = self._rows(n)
        return add_in_order(float(rows[f"x_{i}"].mean()) for i in range(self.decisions.n_arms))

    @cache  # noqa: B019  # as long as the study lasts
    def accrual_months(self, n: int) -> float:
        """How long it takes on average until `n` patients are there, or as many as come."""
        days = self.timelines.arrival[:, :n]
        return float(np.where(np.isfinite(days), days, 0.0).max(axis=1).mean()) / DAYS_PER_MONTH

    def hazards(self, arm: int) -> tuple[float, float]:
        """Events, and patients lost before them, per month at risk in an arm; everyone for the time of follow-up."""
        event, left = self.timelines.event[:, :, 0], self.timelines.left
        is_in_arm = (self.timelines.number > 0) & (self.timelines.arm == arm)
        until = np.minimum(np.minimum(event, left), self.follow_up)
        months = float(until[is_in_arm].sum()) / DAYS_PER_MONTH
        seen = (event <= np.minimum(left, self.follow_up)) & is_in_arm
        lost = (left < np.minimum(event, self.follow_up)) & is_in_arm
        return float(seen.sum()) / months, float(lost.sum()) / months

    def hazard_ratio_of_arms(self, ratio: float) -> float:
        """The hazard ratio that the largest trials speak of. Raises `RequestError` where it is no gain.

        `ratio` is experimental over control patients.
        """
        mean_z = float(self._rows(self.largest)["statistic"].mean())
        hazard_ratio = effective_hazard_ratio(mean_z, self.expected_events(self.largest), ratio)
        limit = 1.0 if self.study.margin is None else self.study.margin
        if hazard_ratio >= limit:
            better = "do better" if limit == 1.0 else "stay within the margin"
            wrong = f"the second arm does not {better}: its hazard ratio is about {hazard_ratio:.2f}."
            allowed = f"a variant that does, or a hazard ratio below {limit:g}."
            raise RequestError(f"alternative: {self.study.alternative}", wrong, allowed, key="alternative")
        return hazard_ratio

    def hazard_ratio_to_reference(self) -> float:
        """Events seen over events that the reference expects, in the largest trials."""
        rows = self._rows(self.largest)
        z, seen = rows["statistic"], rows["x_0"].astype(np.float64)
        expected = ((z + np.sqrt(z * z + 4.0 * seen)) / 2.0) ** 2  # the root of z = (expected - seen) / sqrt(expected)
        return float(seen.sum() / expected.sum())

    def _rows(self, n: int) -> Rows:
        return event_rows(self.timelines, self.decisions, c.EventConduct((), n, self.follow_up), False)
