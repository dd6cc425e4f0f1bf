"""The power of a log-rank test whose effect changes with time, or that weights events: by moments of its statistic.

Of one look by its mean and standard deviation (Yung and Liu 2020, Biometrics 76:939). With looks, each has the mean of
the month in which it is expected; the looks are correlated as their shares of events say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import special

from trialsim.config.schema.plain_times import is_weighted, rho_gamma_of
from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.theory.changing_hazards.piecewise import PiecewiseArms
from trialsim.design.theory.changing_hazards.weighted_logrank import Moments, logrank_moments
from trialsim.design.theory.sequential import crossing_probabilities
from trialsim.design.theory.time_to_event import expected_events, month_of_events
from trialsim.design.time_to_event.planned import Events, months_of_follow_up
from trialsim.errors import RequestError


def goes_by_moments(study: SizeStudy, assumed: Events) -> bool:
    """Whether one hazard ratio does not say the power."""
    is_proportional = assumed.hazards is None or assumed.arms(study.most_patients).is_proportional
    return is_weighted(study.test) or not is_proportional


def final_month(study: SizeStudy, arms: PiecewiseArms, n: int) -> float:
    """The month of the trial in which the final analysis of `n` patients is expected."""
    last = arms.accrual + months_of_follow_up(study)
    asked = study.conduct.events
    return last if asked is None else min(last, month_of_events(arms, n, asked))


def with_average_ratio(study: SizeStudy, assumed: Events) -> Events:
    """Events of arms with piecewise constant hazards and their hazard ratio, averaged over the events.

    Raises `RequestError` for arms of which the test does not see the experimental one do better.
    """
    arms = assumed.arms(study.most_patients)
    at = logrank_moments(arms, final_month(study, arms, study.most_patients), rho_gamma_of(study.test))
    if at.average_ratio >= 1.0 or at.mean <= 0.0:
        average = f"its hazard ratio is {at.average_ratio:.2f} on average over the events"
        wrong = f"the second arm does not do better by this test: {average}."
        allowed = "hazards that are lower in the experimental arm."
        raise RequestError("hazards", wrong, allowed, key="hazards")
    return replace(assumed, hazard_ratio=at.average_ratio)


def rejection_by_moments(
    study: SizeStudy, assumed: Events, n: int, upper: Sequence[float], lower: Sequence[float]
) -> float:
    """How probably a trial of `n` rejects; `upper` and `lower` are z bounds by look."""
    arms = assumed.arms(n)
    at = _at_looks(study, arms, n)
    means, sds = math.sqrt(n) * np.array([item.mean for item in at]), np.array([item.sd for item in at])
    bounds, low = np.array(upper), np.array(lower) if lower else None
    if len(at) == 1:
        other = float(special.ndtr((-means[0] - bounds[0]) / sds[0])) if study.sides == 2 else 0.0
        return float(special.ndtr((means[0] - bounds[0]) / sds[0])) + other
    floors = (low - means) / sds if low is not None else None
    above = crossing_probabilities(study.looks.at, (bounds - means) / sds, floors)[0].sum()
    if study.sides == 2:
        above += crossing_probabilities(study.looks.at, (bounds + means) / sds)[0].sum()
    return float(above)


def _at_looks(study: SizeStudy, arms: PiecewiseArms, n: int) -> list[Moments]:
    """The moments at each look, in the month in which its share of the events is expected."""
    last = final_month(study, arms, n)
    events = float(expected_events(arms, n, last))
    months = [*(month_of_events(arms, n, share * events) for share in study.looks.at[:-1]), last]
    return [logrank_moments(arms, month, rho_gamma_of(study.test)) for month in months]
