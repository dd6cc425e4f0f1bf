"""Numbers of events, patients and months of a two-arm log-rank test, in closed form.

Times are in months and hazards per month. `ratio` is patients on experimental treatment for each on control. Tests are
one-sided unless `sides` is 2. Numbers of events and patients are not rounded.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from trialsim.design.theory.arguments import check_alpha, check_choice, check_kind
from trialsim.design.theory.requests import (
    numbers,
    require_not_negative,
    require_positive,
    require_power,
    require_sides,
)
from trialsim.errors import RequestError
from trialsim.typing import Floats

SCALES = ("log hazard ratio", "hazard difference")


class TwoArms(ABC):
    """Two arms whose patients come at a constant rate for `accrual` months; `ratio` is experimental over control."""

    accrual: float
    ratio: float

    @property
    def shares(self) -> Floats:
        """The shares of patients on control and on experimental treatment, shape (2,)."""
        return np.array([1.0, self.ratio]) / (1.0 + self.ratio)

    @abstractmethod
    def seen_by(self, months: Floats) -> Floats:
        """The probability of each arm that a planned patient has been seen to have the event, shape (…, 2)."""

    @property
    @abstractmethod
    def seen_in_all(self) -> Floats:
        """The probability of each arm to be seen to have the event ever, shape (2,)."""


@dataclass(frozen=True)
class Arms(TwoArms):
    """Two arms with exponential times to the event and to loss, and uniform accrual.

    `hazard_control` per month, `hazard_ratio` experimental to control, `accrual` in months (0: all enter at once),
    dropout hazards per month. Errors: a hazard or ratio that is not positive, a negative accrual or dropout.
    """

    hazard_control: float
    hazard_ratio: float
    accrual: float
    ratio: float = 1.0
    dropout_control: float = 0.0
    dropout_experimental: float = 0.0

    def __post_init__(self) -> None:
        for name in ("hazard_control", "hazard_ratio", "ratio"):
            require_positive(name, getattr(self, name))
        for name in ("accrual", "dropout_control", "dropout_experimental"):
            require_not_negative(name, getattr(self, name))

    @property
    def hazards(self) -> Floats:
        """The hazards of the event on control and on experimental treatment, shape (2,)."""
        return np.array([1.0, self.hazard_ratio]) * self.hazard_control

    @property
    def dropouts(self) -> Floats:
        """The hazards of loss on control and on experimental treatment, shape (2,)."""
        return np.array([self.dropout_control, self.dropout_experimental])

    def seen_by(self, months: Floats) -> Floats:
        """The probability of each arm that a planned patient has been seen to have the event, shape (…, 2)."""
        return event_probability(self.hazards, self.accrual, months[..., None], self.dropouts)

    @property
    def seen_in_all(self) -> Floats:
        """The probability of each arm to be seen to have the event ever, shape (2,)."""
        return self.hazards / (self.hazards + self.dropouts)


def schoenfeld_events(hazard_ratio: float, alpha: float, power: float, ratio: float = 1.0, sides: int = 1) -> float:
    """The events that a log-rank test needs in both arms (Schoenfeld 1981, Biometrika 68:316; 1983, Biometrics 39:499).

    Errors: a hazard ratio that is 1 or not positive, a power not above alpha, a ratio that is not positive.
    """
    return (_z_sum(alpha, power, sides) / _log_effect(hazard_ratio, ratio)) ** 2


def freedman_events(hazard_ratio: float, alpha: float, power: float, ratio: float = 1.0, sides: int = 1) -> float:
    """The events that a log-rank test needs in both arms (Freedman 1982, Statist Med 1:121).

    Errors: as `schoenfeld_events`.
    """
    return (_z_sum(alpha, power, sides) / _ratio_effect(hazard_ratio, ratio)) ** 2


def event_probability(
    hazard: npt.ArrayLike, accrual: float, total: npt.ArrayLike, dropout: npt.ArrayLike = 0.0
) -> Floats:
    """The probability that a planned patient has been seen to have the event by month `total` of the trial.

    Entry is uniform over `accrual` months; before its end, patients still to come count as without event. Event and
    loss have constant hazards; arrays broadcast. The integral of Lachin and Foulkes (1986, Biometrics 42:507).
    Errors: a hazard that is not positive, a negative time or dropout.
    """
    rates, losses = numbers("hazard", hazard), numbers("dropout", dropout)
    months = numbers("total", total)
    require_not_negative("accrual", accrual)
    require_positive("hazard", float(rates.min()))
    require_not_negative("dropout", float(losses.min()))
    require_not_negative("total", float(months.min()))
    leaving = rates + losses
    entered = np.minimum(months, accrual)
    share = entered / accrual if accrual > 0.0 else np.ones_like(entered)
    spread = np.maximum(leaving * entered, 1e-300)
    stay = np.where(spread > 1e-8, -np.expm1(-spread) / spread, 1.0 - spread / 2.0)  # mean of exp(-leaving * entry)
    return np.asarray(share * rates / leaving * (1.0 - stay * np.exp(-leaving * (months - entered))))


def expected_events(arms: TwoArms, n: float, month: npt.ArrayLike) -> Floats:
    """The events expected among `n` patients by a month of the trial; the shape is that of `month`.

    Errors: as `event_probability`, an `n` that is not positive.
    """
    check_kind("arms", arms, TwoArms)
    require_positive("n", n)
    return np.asarray(n * (arms.seen_by(numbers("month", month)) @ arms.shares))


def month_of_events(arms: TwoArms, n: float, events: float) -> float:
    """The month of the trial by which `events` are expected among `n` patients; infinite where there are fewer.

    Errors: as `expected_events`, a number of events that is not positive.
    """
    check_kind("arms", arms, TwoArms)
    require_positive("n", n)
    require_positive("events", events)
    in_all = float(n * (arms.seen_in_all @ arms.shares))
    if events >= in_all:
        return math.inf
    high = arms.accrual + 1.0
    while float(expected_events(arms, n, high)) < events:
        high *= 2.0
    return float(optimize.brentq(lambda month: float(expected_events(arms, n, month)) - events, 0.0, high, xtol=1e-9))


def lachin_foulkes_power(
    arms: Arms, total: float, n: float, alpha: float, sides: int = 1, scale: str = SCALES[0]
) -> float:
    """The power of a trial of `total` months with `n` patients in both arms.

    Lachin and Foulkes (1986, Biometrics 42:507): the variance under the null hypothesis is that of one hazard
    in both arms, their mean weighted by allocation, the one under the alternative that of the two hazards. `scale`
    "hazard difference" is theirs; "log hazard ratio" puts the variance 1 / P(event) of a log hazard in its place, as
    is usual for the log-rank test. Errors: a hazard ratio of 1, an unknown scale, a `total` before the end of accrual.
    """
    require_positive("n", n)
    check_alpha(alpha)
    require_sides(sides)
    effect, null, alternative = _effect_and_errors(arms, total, scale)
    return float(special.ndtr((effect * math.sqrt(n) - _upper_z(alpha / sides) * null) / alternative))


def _effect_and_errors(arms: Arms, total: float, scale: str) -> tuple[float, float, float]:
    """The size of the effect and sqrt(n) times its standard error under the null and under the alternative."""
    check_kind("arms", arms, Arms)
    check_choice("scale", scale, SCALES)
    if arms.hazard_ratio == 1.0:
        raise RequestError("hazard_ratio = 1", "is not an effect.", "any other positive number.")
    require_positive("total", total)
    if total < arms.accrual:
        allowed = f"{arms.accrual:g} months or more."
        raise RequestError(f"total = {total:g}", "the trial would end before the end of accrual.", allowed)
    hazards = arms.hazards
    mean = np.full(2, float(arms.shares @ hazards))
    is_log = scale == SCALES[0]
    effect = abs(math.log(arms.hazard_ratio)) if is_log else abs(float(hazards[1] - hazards[0]))
    errors = []
    for rates in (mean, hazards):
        seen = event_probability(rates, arms.accrual, total, arms.dropouts)
        variances = 1.0 / seen if is_log else rates**2 / seen
        errors.append(math.sqrt(float((variances / arms.shares).sum())))
    return effect, errors[0], errors[1]


def _log_effect(hazard_ratio: float, ratio: float) -> float:
    """The mean of Z for each root of an event: |log hazard ratio| sqrt(share (1 - share))."""
    _require_effect(hazard_ratio, ratio)
    return abs(math.log(hazard_ratio)) * math.sqrt(ratio) / (1.0 + ratio)


def _ratio_effect(hazard_ratio: float, ratio: float) -> float:
    """The mean of Z for each root of an event by Freedman."""
    _require_effect(hazard_ratio, ratio)
    return abs(1.0 - hazard_ratio) * math.sqrt(ratio) / (1.0 + ratio * hazard_ratio)


def _require_effect(hazard_ratio: float, ratio: float) -> None:
    require_positive("hazard_ratio", hazard_ratio)
    require_positive("ratio", ratio)
    if hazard_ratio == 1.0:
        raise RequestError("hazard_ratio = 1", "is not an effect.", "any other positive number.")


def _z_sum(alpha: float, power: float, sides: int) -> float:
    require_power(alpha, power)
    require_sides(sides)
    return _upper_z(alpha / sides) + float(special.ndtri(power))


def _upper_z(alpha: float) -> float:
    return -float(special.ndtri(alpha))
