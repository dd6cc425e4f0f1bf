"""What formulas of the package say the other way round: numbers of patients from power, power from events, months."""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy import optimize
from scipy.stats import norm

from trialsim.design.theory.time_to_event import Arms, expected_events


def patients_for(power_of: Callable[[float], float], power: float) -> float:
    """The number of patients, not rounded, at which a power that rises with them is reached."""
    return float(optimize.brentq(lambda n: power_of(n) - power, 1e-3, 1e9, xtol=1e-12, rtol=1e-14))


def schoenfeld_power(events: float, hazard_ratio: float, alpha: float, ratio: float = 1.0, sides: int = 1) -> float:
    """The power of a log-rank test with a number of events in both arms (Schoenfeld 1981, Biometrika 68:316)."""
    mean = abs(math.log(hazard_ratio)) * math.sqrt(ratio * events) / (1.0 + ratio)
    return float(norm.cdf(mean - norm.isf(alpha / sides)))


def freedman_power(events: float, hazard_ratio: float, alpha: float, ratio: float = 1.0, sides: int = 1) -> float:
    """The power of a log-rank test with a number of events in both arms (Freedman 1982, Statist Med 1:121)."""
    mean = abs(1.0 - hazard_ratio) * math.sqrt(ratio * events) / (1.0 + ratio * hazard_ratio)
    return float(norm.cdf(mean - norm.isf(alpha / sides)))


def month_of_events(arms: Arms, n: float, events: float) -> float:
    """The month of the trial by which the expected events among `n` patients are a number."""
    return float(optimize.brentq(lambda month: float(expected_events(arms, n, month)) - events, 0.0, 1e4, xtol=1e-10))
