"""The power of a log-rank test of given patients and events, with the follow-up that it takes to see the events."""

from __future__ import annotations

import math
from dataclasses import dataclass

from trialsim.design.theory.arguments import check_count
from trialsim.design.theory.requests import require_positive
from trialsim.design.theory.time_to_event import (
    Arms,
    expected_events,
    freedman_power,
    lachin_foulkes_power,
    month_of_events,
    schoenfeld_power,
)
from trialsim.errors import RequestError

MOST_PATIENTS = 1_000_000


@dataclass(frozen=True)
class LogrankPower:
    """A trial of `n` patients that is analysed after a number of `events`; months count from the first entry.

    `power` is that of Schoenfeld, `freedman` and `lachin_foulkes` those by the other formulas (the last at `month`).
    `month` is when so many events are expected under the alternative, `follow_up` how long after the last entry.
    """

    n: int
    events: int
    power: float
    freedman: float
    lachin_foulkes: float
    month: float
    follow_up: float


def logrank_power(
    n: int,
    events: int,
    hazard_ratio: float,
    control_median: float,
    accrual: float,
    alpha: float = 0.025,
    sides: int = 1,
    ratio: float = 1.0,
    dropout: float = 0.0,
) -> LogrankPower:
    """The power of a log-rank test of two arms with `n` patients in all, analysed after `events` events.

    Times to the event are exponential with `control_median` months in the control arm, entry is uniform over `accrual`
    months, patients are lost at a hazard `dropout` per month in both arms; `ratio` is experimental to control patients.
    Schoenfeld 1981, Freedman 1982, Lachin and Foulkes 1986: see `time_to_event`. Raises RequestError for numbers that
    describe no such trial, for more events than are ever expected, and for events that are expected before the end of
    accrual, so that fewer patients would do.
    """
    check_count("n", n, 2, MOST_PATIENTS)
    check_count("events", events, 1, n)
    require_positive("control_median", control_median)
    arms = Arms(math.log(2.0) / control_median, hazard_ratio, accrual, ratio, dropout, dropout)
    month = month_of_events(arms, n, events)
    if month < accrual:
        by_then = float(expected_events(arms, n, accrual))
        wrong = f"they are expected in month {month:.1f}, and accrual takes {accrual:g} months."
        raise RequestError(
            f"events: {events}", wrong, f"{math.ceil(by_then)} or more, shorter accrual, or a smaller n."
        )
    return LogrankPower(
        n=n,
        events=events,
        power=schoenfeld_power(events, hazard_ratio, alpha, ratio, sides),
        freedman=freedman_power(events, hazard_ratio, alpha, ratio, sides),
        lachin_foulkes=lachin_foulkes_power(arms, month, n, alpha, sides),
        month=month,
        follow_up=month - accrual,
    )
