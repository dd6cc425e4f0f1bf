"""A design as a normal statistic with looks: what conditional power and re-estimation ask of it.

To have them for another design, register a function of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import Final

from scipy.optimize import brentq

from trialsim.design.base import Information, PlannedDesign
from trialsim.design.theory.requests import require_positive, require_share
from trialsim.design.time_to_event.by_moments import goes_by_moments
from trialsim.design.time_to_event.logrank import PlannedLogrank
from trialsim.design.two_arms.enumeration import arms_at
from trialsim.design.two_arms.proportions import PlannedTwoArms
from trialsim.errors import RequestError

HAZARD_RATIO: Final = "hazard_ratio"
NEAREST: Final = 1e-9  # how near to 0 and 1 a rate is searched


@dataclass(frozen=True)
class ZScale:
    """Looks at shares of the information, with z bounds; no lower ones without futility.

    `after` are the events or patients of the looks and `unit` their name. `effect` is what an effect is called,
    `drift_of` the mean of z at the last look for one, and `effect_of` the effect of a mean, NaN where there is none.
    `drift` is that of the alternative, `null` and `alternative` are the effects.
    """

    shares: tuple[float, ...]
    upper: tuple[float, ...]
    lower: tuple[float, ...]
    sides: int
    after: tuple[float, ...]
    unit: str
    effect: str
    null: float
    alternative: float
    drift_of: Callable[[float], float]
    effect_of: Callable[[float], float]

    @property
    def drift(self) -> float:
        """The mean of z at the last look under the alternative."""
        return self.drift_of(self.alternative)

    def check(self, effect: float) -> None:
        """Refuse what is no effect. Raises `RequestError`."""
        (require_positive if self.effect == HAZARD_RATIO else require_share)("effect", effect)

    @property
    def futility(self) -> tuple[float, ...] | None:
        """The lower bounds; None without them."""
        return self.lower or None


@singledispatch
def z_scale_of(planned: PlannedDesign) -> ZScale:
    """The design as a normal statistic with looks. Raises `RequestError` where it is none."""
    wrong = f"{planned.design.name} has no z statistic at interim looks."
    raise RequestError("design", wrong, "logrank, non-inferiority-survival or two-arm, with `looks`.", key="looks")


@z_scale_of.register
def _times(planned: PlannedLogrank) -> ZScale:
    """Log-rank and score statistics; their information is the number of events (Schoenfeld 1981)."""
    if goes_by_moments(planned.study, planned.assumed):
        wrong = "the effect changes with time, or events are weighted: no one hazard ratio says what is to come."
        raise RequestError("design", wrong, "a test without weights of one hazard ratio.", key="hazard_ratio")
    shares = tuple(planned.study.looks.at)
    upper, after = planned.decisions.upper, (*planned.decisions.interim, planned.final_events)
    _check_looks(shares, upper)
    share = planned.ratio / (1.0 + planned.ratio)
    root, null = math.sqrt(planned.final_events * share * (1.0 - share)), math.log(planned.null_ratio)
    return ZScale(
        shares, upper, planned.decisions.lower, planned.study.sides, tuple(map(float, after)), Information.EVENTS.value,
        HAZARD_RATIO, planned.null_ratio, planned.assumed.hazard_ratio,
        lambda ratio: (null - math.log(ratio)) * root, lambda drift: math.exp(null - drift / root),
    )  # fmt: skip


@z_scale_of.register
def _rates(planned: PlannedTwoArms) -> ZScale:
    """Pooled z statistics of two rates, the control as assumed; their information is the number of patients."""
    decisions, (control, experimental) = planned.decisions, planned.rates.values
    shares = tuple(planned.study.looks.at)
    _check_looks(shares, decisions.upper)
    n_control, n_experimental = arms_at(planned.n, planned.allocation)
    sign = 1.0 if decisions.better == "higher" else -1.0

    def drift_of(rate: float) -> float:
        pooled = (n_control * control + n_experimental * rate) / planned.n
        return sign * (rate - control) / math.sqrt(pooled * (1.0 - pooled) * (1.0 / n_control + 1.0 / n_experimental))

    def rate_of(drift: float) -> float:
        low, high = (drift_of(rate) - drift for rate in (NEAREST, 1.0 - NEAREST))
        if low * high > 0.0:
            return math.nan
        return float(brentq(lambda rate: drift_of(rate) - drift, NEAREST, 1.0 - NEAREST, xtol=1e-10))

    return ZScale(
        shares, decisions.upper, decisions.lower, decisions.sides, tuple(map(float, decisions.looks)),
        Information.PATIENTS.value, "p_experimental", control, experimental, drift_of, rate_of,
    )  # fmt: skip


def _check_looks(shares: tuple[float, ...], upper: tuple[float, ...]) -> None:
    """Refuse a design without interim looks. Raises `RequestError`."""
    if len(shares) == 1 or len(upper) != len(shares):
        wrong = "there is no interim look." if len(shares) == 1 else "with so few events two looks are one."
        raise RequestError("looks", wrong, "looks = 2, or the shares of the information, [0.5, 1].", key="looks")
