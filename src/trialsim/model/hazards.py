"""Hazard arithmetic of one event clock.

    h(s) = rate × shape × s^(shape-1) × (dose/reference)^dose_exponent × exp(effects · baseline) × frailty

with s the time since this clock started to run (from the end of its delay, if it has one), and `reference` the dose at
which the rate holds.

A clock that is driven by exposure ages only while the drug is taken, by (dose/reference)^dose_exponent a day: with
exponent 1 its age is the cumulative dose in days at the reference dose, with exponent 0 the time on the drug. Its
hazard is then

    h(s) = rate × shape × s^(shape-1) × exp(effects · baseline) × frailty    per unit of that age

Between two changes of dose the cumulative hazard from s0 to s1 is `intensity × (s1^shape - s0^shape)`. Where the hazard
is piecewise, each part of s^shape counts by the ratio of its piece.
The clock fires when its cumulative hazard reaches the patient's own unit-exponential threshold. Engines integrate only
where the intensity changes, never at a look or a visit, so that slicing time differently changes not one bit. Times are
days.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from trialsim.errors import HazardError
from trialsim.model.units import DAYS_PER_MONTH

_LOG_OF_NEVER = math.log(1e10)  # days: 27 million years; a clock that would fire later never fires


def coefficient_per_day(rate_per_month: float, shape: float) -> float:
    """The hazard's coefficient for s in days, from a rate per month: `rate / (days per month)^shape`."""
    return float(rate_per_month / DAYS_PER_MONTH**shape)


def effect_weight(ratio: float, per: float) -> float:
    """The log ratio per unit of a covariate, from the ratio for each `per` of it (1 for a category)."""
    return math.log(ratio) / per


def dose_factor(dose: float, reference_dose: float, dose_exponent: float, dose_floor: float = 0.0) -> float:
    """`(dose/reference)^dose_exponent`, where a dose below the floor acts as the floor. All doses are in mg/day.

    1 for exponent 0: dose plays no part. At dose 0 without a floor, 0 for a positive exponent, infinite for a negative.
    """
    if dose_exponent == 0.0:
        return 1.0
    acting = max(dose, dose_floor)
    if acting == 0.0:
        return 0.0 if dose_exponent > 0.0 else math.inf
    return float((acting / reference_dose) ** dose_exponent)


def pace(dose: float, reference_dose: float, dose_exponent: float) -> float:
    """By how much a clock that is driven by exposure ages in a day: not at all without the drug."""
    return dose_factor(dose, reference_dose, dose_exponent) if dose > 0.0 else 0.0


def age_on(today: float, started_day: float) -> float:
    """The age of a clock in days: 0 while its delay, after which it starts, is not over."""
    return max(0.0, today - started_day)


def age_by_exposure(today: float, since_day: float, age_then: float, pace_since: float) -> float:
    """The age of a clock that is driven by exposure, from its age and pace at the last change (or its start)."""
    return age_then + pace_since * max(0.0, today - since_day)


def day_of_firing(today: float, since_day: float, age_now: float, age_fires: float, pace_now: float) -> float:
    """The study day on which a clock that is driven by exposure reaches an age, if its pace stays."""
    if pace_now <= 0.0:
        return math.inf
    return max(today, since_day) + (age_fires - age_now) / pace_now


def intensity(coefficient: float, factor: float, multiplier: float) -> float:
    """The clock's intensity under one dose; `HazardError` when it is infinite, NaN or negative."""
    value = coefficient * factor * multiplier
    if not 0.0 <= value < math.inf:
        raise HazardError(
            "a hazard came out infinite, NaN or negative.\n"
            "  Allowed: rates, effects and frailties whose product is finite and at least 0."
        )
    return value


def hazard_between(
    intensity_now: float,
    from_days: float,
    to_days: float,
    shape: float,
    piece_days: Sequence[float] = (),
    piece_ratios: Sequence[float] = (),
) -> float:
    """Cumulative hazard between two ages of a clock (days since it started) under one intensity.

    From the age `piece_days[i]` on, up to the next, the hazard is multiplied by `piece_ratios[i]`.
    """
    if len(piece_days) > 0:
        upto = hazard_at_age(to_days, shape, piece_days, piece_ratios)
        return intensity_now * (upto - hazard_at_age(from_days, shape, piece_days, piece_ratios))
    if shape == 1.0:
        return intensity_now * (to_days - from_days)
    return float(intensity_now * (to_days**shape - from_days**shape))


def hazard_at_age(age_days: float, shape: float, piece_days: Sequence[float], piece_ratios: Sequence[float]) -> float:
    """Cumulative hazard of a piecewise clock up to an age, for an intensity of 1."""
    total, start, ratio = 0.0, 0.0, 1.0
    for i in range(len(piece_days)):
        if age_days <= piece_days[i]:
            break
        total += ratio * (piece_days[i] ** shape - start**shape)
        start, ratio = piece_days[i], piece_ratios[i]
    return float(total + ratio * (age_days**shape - start**shape))


def remaining_after(remaining: float, used: float) -> float:
    """What is left of a threshold; rounding never takes it below 0."""
    return max(0.0, remaining - used)


def age_at_firing(
    age_days: float,
    remaining: float,
    intensity_now: float,
    shape: float,
    piece_days: Sequence[float] = (),
    piece_ratios: Sequence[float] = (),
) -> float:
    """The age (days since the clock started) at which it fires if its intensity stays; infinity for never.

    `remaining` is the part of the threshold that is not yet used up at `age_days`. Pieces are those of
    `hazard_between`.
    """
    if intensity_now <= 0.0:
        return math.inf
    if len(piece_days) > 0:
        reached = hazard_at_age(age_days, shape, piece_days, piece_ratios) + remaining / intensity_now
        return max(age_days, age_with_hazard(reached, shape, piece_days, piece_ratios))
    if shape == 1.0:
        return age_days + remaining / intensity_now
    return max(age_days, _root(age_days**shape + remaining / intensity_now, shape))


def age_with_hazard(reached: float, shape: float, piece_days: Sequence[float], piece_ratios: Sequence[float]) -> float:
    """The age at which the cumulative hazard of a piecewise clock of intensity 1 reaches a value, or infinity."""
    total, start, ratio = 0.0, 0.0, 1.0
    for i in range(len(piece_days)):
        after = total + ratio * (piece_days[i] ** shape - start**shape)
        if ratio > 0.0 and reached <= after:
            break
        total, start, ratio = after, piece_days[i], piece_ratios[i]
    if ratio <= 0.0:
        return math.inf
    return max(start, _root(start**shape + (reached - total) / ratio, shape))


def _root(reached: float, shape: float) -> float:
    """The age whose power is `reached`; infinity for one that is never lived to."""
    if reached <= 0.0:
        return 0.0
    if math.log(reached) > shape * _LOG_OF_NEVER:
        return math.inf
    return float(reached ** (1.0 / shape))
