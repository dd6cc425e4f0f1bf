"""Times to events with piecewise constant hazards: survival, and how many events are seen by a month of a trial.

Times are in months and hazards per month. Everything is in closed form, piece by piece.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trialsim.design.theory.arguments import check_kind, check_numbers
from trialsim.design.theory.requests import numbers, require_not_negative, require_positive, shown
from trialsim.design.theory.time_to_event import TwoArms
from trialsim.errors import RequestError
from trialsim.typing import Floats

SHORT = 1e-4  # months: patients of a shorter accrual come in its middle, which is right to 1e-9
SMALL = 1e-3  # below, the functions of one piece are their series: their differences would lose digits


@dataclass(frozen=True)
class PiecewiseHazard:
    """A hazard that is `hazards[i]` per month from month `starts[i]` of a patient up to the next start.

    The first start is 0. Errors: starts that do not rise from 0, a negative hazard, hazards that are all 0.
    """

    starts: tuple[float, ...]
    hazards: tuple[float, ...]

    def __post_init__(self) -> None:
        check_numbers("starts", self.starts)
        check_numbers("hazards", self.hazards)
        if len(self.starts) != len(self.hazards) or not self.starts:
            wrong = f"{len(self.starts)} starts have {len(self.hazards)} hazards."
            raise RequestError("hazards", wrong, "one hazard for each start, one at least.", key="hazards")
        if self.starts[0] != 0.0 or not np.isfinite(self.starts).all() or (np.diff(self.starts) <= 0.0).any():
            allowed = "months that begin with 0 and rise, such as 0 and 6."
            raise RequestError(f"starts = {shown(self.starts)}", "The pieces do not follow.", allowed, key="hazards")
        if not np.isfinite(self.hazards).all() or min(self.hazards) < 0.0 or max(self.hazards) == 0.0:
            allowed = "finite numbers from 0, not all of them 0."
            raise RequestError(f"hazards = {shown(self.hazards)}", "These are no hazards.", allowed, key="hazards")

    def hazard(self, months: npt.ArrayLike) -> Floats:
        """The hazard by months of a patient."""
        return np.asarray(np.array(self.hazards)[self._piece(months)])

    def survival(self, months: npt.ArrayLike) -> Floats:
        """The probability of no event by months of a patient."""
        starts, hazards, piece = np.array(self.starts), np.array(self.hazards), self._piece(months)
        before = np.concatenate([[0.0], np.cumsum(hazards[:-1] * np.diff(starts))])
        return np.asarray(np.exp(-before[piece] - hazards[piece] * (numbers("months", months) - starts[piece])))

    def month_of(self, cumulative: float) -> float:
        """The month by which the cumulative hazard reaches a value; infinite for never."""
        starts, hazards = np.array(self.starts), np.array(self.hazards)
        ends = np.cumsum(hazards[:-1] * np.diff(starts))
        piece = int(np.searchsorted(ends, cumulative))
        left = cumulative - (ends[piece - 1] if piece > 0 else 0.0)
        return float(starts[piece] + left / hazards[piece]) if hazards[piece] > 0.0 else math.inf

    def _piece(self, months: npt.ArrayLike) -> npt.NDArray[np.intp]:
        return np.searchsorted(self.starts, numbers("months", months), side="right") - 1


@dataclass(frozen=True)
class PiecewiseArms(TwoArms):
    """Two arms with piecewise constant hazards of the event, a constant hazard of loss, and uniform accrual.

    `accrual` in months (0: all enter at once), `dropout` per month in both arms. Errors: a ratio that is not positive,
    a negative accrual or dropout.
    """

    control: PiecewiseHazard
    experimental: PiecewiseHazard
    accrual: float
    ratio: float = 1.0
    dropout: float = 0.0

    def __post_init__(self) -> None:
        check_kind("control", self.control, PiecewiseHazard)
        check_kind("experimental", self.experimental, PiecewiseHazard)
        require_positive("ratio", self.ratio)
        require_not_negative("accrual", self.accrual)
        require_not_negative("dropout", self.dropout)

    @property
    def of_arms(self) -> tuple[PiecewiseHazard, PiecewiseHazard]:
        """The hazards of both arms, the control first."""
        return self.control, self.experimental

    @property
    def starts(self) -> tuple[float, ...]:
        """The months of a patient from which a hazard of either arm is another one, with 0."""
        return tuple(sorted({*self.control.starts, *self.experimental.starts}))

    @property
    def is_proportional(self) -> bool:
        """Whether the hazards of the arms have the same ratio at all times."""
        ratios = self.log_ratios(self.starts)
        return bool(np.ptp(ratios[~np.isnan(ratios)]) < 1e-12)

    def log_ratios(self, months: npt.ArrayLike) -> Floats:
        """The log hazard ratio, experimental to control, by months of a patient; NaN where both hazards are 0."""
        first, second = self.control.hazard(months), self.experimental.hazard(months)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.log(second / first))

    def with_effect_times(self, factor: float) -> PiecewiseArms:
        """The arms whose log hazard ratios are multiplied by a factor; the control is as it was."""
        ratios = np.nan_to_num(self.log_ratios(self.starts), nan=0.0)
        hazards = self.control.hazard(self.starts) * np.exp(factor * ratios)
        other = PiecewiseHazard(self.starts, tuple(hazards.tolist()))
        return PiecewiseArms(self.control, other, self.accrual, self.ratio, self.dropout)

    def seen_by(self, months: Floats) -> Floats:
        """The probability of each arm that a planned patient has been seen to have the event, shape (…, 2)."""
        of = [piecewise_event_probability(item, self.accrual, months, self.dropout) for item in self.of_arms]
        return np.stack(of, axis=-1)

    @property
    def seen_in_all(self) -> Floats:
        """The probability of each arm to be seen to have the event ever, shape (2,)."""
        return np.array([_Pieces(item, self.dropout).ever for item in self.of_arms])


def with_ratios(control: PiecewiseHazard, ratios: PiecewiseHazard) -> PiecewiseHazard:
    """The hazard of the experimental arm: that of the control times a ratio that is piecewise constant, too.

    Errors: a ratio that is 0.
    """
    check_kind("control", control, PiecewiseHazard)
    check_kind("ratios", ratios, PiecewiseHazard)
    if min(ratios.hazards) <= 0.0:
        wrong = "These are no hazard ratios."
        raise RequestError(f"ratios = {shown(ratios.hazards)}", wrong, "numbers above 0.", key="ratios")
    merged = tuple(sorted({*control.starts, *ratios.starts}))
    return PiecewiseHazard(merged, tuple((control.hazard(merged) * ratios.hazard(merged)).tolist()))


def piecewise_event_probability(
    hazard: PiecewiseHazard, accrual: float, total: npt.ArrayLike, dropout: float = 0.0
) -> Floats:
    """The probability that a planned patient has been seen to have the event by month `total` of the trial.

    As `time_to_event.event_probability`, with a piecewise constant hazard of the event. Errors: a negative time or
    dropout.
    """
    check_kind("hazard", hazard, PiecewiseHazard)
    months = numbers("total", total)
    require_not_negative("accrual", accrual)
    require_not_negative("dropout", dropout)
    require_not_negative("total", float(months.min()))
    pieces = _Pieces(hazard, dropout)
    if accrual < SHORT:
        entered = np.minimum(months, accrual)
        share = entered / accrual if accrual > 0.0 else 1.0
        return np.asarray(share * pieces.seen(months - entered / 2.0))
    return np.asarray((pieces.area(months) - pieces.area(np.maximum(months - accrual, 0.0))) / accrual)


class _Pieces:
    """The probability of a patient to be seen to have the event within so many months of entry, and its integral."""

    def __init__(self, hazard: PiecewiseHazard, dropout: float) -> None:
        self._starts, self._hazards, self._dropout = np.array(hazard.starts), np.array(hazard.hazards), dropout
        n = len(self._starts)
        self._stays, self._seen, self._area = np.ones(n), np.zeros(n), np.zeros(n)
        for i in range(1, n):
            width = self._starts[i] - self._starts[i - 1]
            self._area[i] = self._area_in(np.array(i - 1), width)
            self._seen[i] = self._seen_in(np.array(i - 1), width)
            self._stays[i] = self._stays[i - 1] * math.exp(-width * (self._hazards[i - 1] + dropout))

    @property
    def ever(self) -> float:
        """The probability to be seen to have the event at any time."""
        leaving = self._hazards[-1] + self._dropout
        last = self._hazards[-1] / leaving * self._stays[-1] if leaving > 0.0 else 0.0
        return float(self._seen[-1] + last)

    def seen(self, months: Floats) -> Floats:
        """The probability by months from entry."""
        piece = np.searchsorted(self._starts, months, side="right") - 1
        return self._seen_in(piece, months - self._starts[piece])

    def area(self, months: Floats) -> Floats:
        """The integral of the probability from entry up to some months."""
        piece = np.searchsorted(self._starts, months, side="right") - 1
        return self._area_in(piece, months - self._starts[piece])

    def _seen_in(self, piece: npt.NDArray[np.intp], after: Floats) -> Floats:
        """The probability so long after the start of a piece."""
        leaving = self._hazards[piece] + self._dropout
        return np.asarray(
            self._seen[piece] + self._stays[piece] * self._hazards[piece] * after * _mean_of_exp(leaving * after)
        )

    def _area_in(self, piece: npt.NDArray[np.intp], after: Floats) -> Floats:
        """The integral so long after the start of a piece."""
        leaving = self._hazards[piece] + self._dropout
        curved = self._stays[piece] * self._hazards[piece] * after**2 * _second_mean_of_exp(leaving * after)
        return np.asarray(self._area[piece] + self._seen[piece] * after + curved)


def _mean_of_exp(x: Floats) -> Floats:
    """(1 - exp(-x)) / x."""
    large, small = np.maximum(x, SMALL), np.minimum(x, SMALL)
    series = 1.0 - small / 2.0 + small**2 / 6.0 - small**3 / 24.0
    return np.where(x > SMALL, -np.expm1(-large) / large, series)


def _second_mean_of_exp(x: Floats) -> Floats:
    """(x - 1 + exp(-x)) / x^2."""
    large, small = np.maximum(x, SMALL), np.minimum(x, SMALL)
    series = 0.5 - small / 6.0 + small**2 / 24.0 - small**3 / 120.0
    return np.where(x > SMALL, (large + np.expm1(-large)) / large**2, series)
