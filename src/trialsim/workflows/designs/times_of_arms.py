"""Times to events of two arms as plain functions take them: medians, hazards that change with time, hazard ratios."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from trialsim.config.loading.plain_studies import months_of
from trialsim.design.plain import PlainCalendar
from trialsim.design.theory.arguments import check_number
from trialsim.design.theory.changing_hazards.piecewise import PiecewiseArms, PiecewiseHazard, with_ratios
from trialsim.design.theory.time_to_event import Arms, TwoArms
from trialsim.errors import RequestError
from trialsim.workflows.designs.making import in_months

ARMS: Final = ("control", "experimental")
Steps = Sequence[tuple[float, float]] | str  # (from month, value) each, or 0:0.08,6:0.04
_EXAMPLES: Final = {"hazards_control": (0.08, 0.04), "hazard_ratio": (1, 0.5)}


@dataclass(frozen=True)
class TimesOfArms:
    """What is given of the arms: `keys` of a study; the `median` of the control in months, or `hazards` of both arms.

    `hazard_ratio` is that of constant hazards.
    """

    keys: Mapping[str, Any]
    median: float | None = None
    hazard_ratio: float = 1.0
    hazards: tuple[PiecewiseHazard, PiecewiseHazard] | None = None

    def arms(self, calendar: PlainCalendar, ratio: float) -> TwoArms:
        """The arms for formulas; `ratio` is experimental over control patients."""
        if self.hazards is not None:
            return PiecewiseArms(*self.hazards, calendar.accrual, ratio, calendar.dropout)
        if self.median is None:
            raise TypeError(self)
        hazard, dropout = math.log(2.0) / self.median, calendar.dropout
        return Arms(hazard, self.hazard_ratio, calendar.accrual, ratio, dropout, dropout)


def times_of(
    hazard_ratio: float | Steps | None,
    median_control: float | str | None,
    median_experimental: float | str | None,
    hazards_control: float | Steps | None,
) -> TimesOfArms:
    """What is given of the arms. Raises `ConfigurationError` and `RequestError`."""
    if hazards_control is None and median_control is None:
        allowed = "the median time of the control arm in months, such as 12, or `hazards_control`."
        raise RequestError("median_control", "the hazards are not known without it.", allowed, key="median_control")
    if hazards_control is not None and median_control is not None:
        wrong = "both say the hazards of the control arm."
        raise RequestError("median_control, hazards_control", wrong, "one of them.", key="hazards_control")
    if (hazard_ratio is None) == (median_experimental is None):
        wrong = "the arms differ by one of the two."
        raise RequestError("hazard_ratio, median_experimental", wrong, "one of them.", key="hazard_ratio")
    if hazards_control is not None or not (hazard_ratio is None or _is_number(hazard_ratio)):
        return _with_hazards(hazard_ratio, median_control, median_experimental, hazards_control)
    control = months_of("median_control", median_control or 0.0)
    if median_experimental is None:
        number = check_number("hazard_ratio", hazard_ratio)
        return TimesOfArms({"alternative": hazard_ratio, "variants": {name: {} for name in ARMS}}, control, number)
    medians = in_months("median_control", median_control or 0.0), in_months("median_experimental", median_experimental)
    keys = {"medians": dict(zip(ARMS, medians, strict=True))}
    return TimesOfArms(keys, control, control / months_of("median_experimental", medians[1]))


def _with_hazards(
    hazard_ratio: float | Steps | None,
    median_control: float | str | None,
    median_experimental: float | str | None,
    hazards_control: float | Steps | None,
) -> TimesOfArms:
    """Hazards of both arms that change with time. Raises `ConfigurationError` and `RequestError`."""
    if hazards_control is not None:
        control = _hazard("hazards_control", hazards_control)
    else:
        control = PiecewiseHazard((0.0,), (math.log(2.0) / months_of("median_control", median_control or 0.0),))
    if hazard_ratio is None:
        median = months_of("median_experimental", median_experimental or 0.0)
        experimental = PiecewiseHazard((0.0,), (math.log(2.0) / median,))
    else:
        ratios = _hazard("hazard_ratio", hazard_ratio)
        try:
            experimental = with_ratios(control, ratios)
        except RequestError as error:
            problem = error.problem
            raise RequestError(
                f"hazard_ratio: {hazard_ratio}", problem.wrong, problem.allowed, key="hazard_ratio"
            ) from None
    hazards = control, experimental
    return TimesOfArms({"hazards": dict(zip(ARMS, map(_pieces, hazards), strict=True))}, hazards=hazards)


def _pieces(hazard: PiecewiseHazard) -> list[dict[str, str]]:
    """Hazards as a study writes them."""
    pieces = zip(hazard.starts, hazard.hazards, strict=True)
    return [
        {**({"after": f"{start:.15g} months"} if start > 0.0 else {}), "rate": f"{value:.15g} /month"}
        for start, value in pieces
    ]


def _hazard(name: str, given: float | Steps) -> PiecewiseHazard:
    """Numbers by months of a patient. Raises `RequestError`."""
    first, second = _EXAMPLES[name]
    allowed = (
        f"a number, pairs [(0, {first}), (6, {second})] of a month, from 0 and rising, and a number from then on, "
    )
    allowed += f"or the text 0:{first},6:{second}."
    wrong = f"these are not {'hazard ratios' if name == 'hazard_ratio' else 'hazards'} from months on."
    try:
        pairs = _pairs([(0.0, given)] if _is_number(given) else given)
        return PiecewiseHazard(tuple(month for month, _ in pairs), tuple(value for _, value in pairs))
    except (TypeError, ValueError, RequestError):
        raise RequestError(f"{name}: {given!r}", wrong, allowed, key=name) from None


def _pairs(given: Any) -> list[tuple[float, float]]:
    """Pairs of numbers, or of a text. Raises `ValueError` and `TypeError`."""
    if isinstance(given, str):
        parts = [part.split(":") for part in given.split(",")]
        given = [(0.0, *part) if len(part) == 1 and len(parts) == 1 else part for part in parts]
    return [(float(month), float(value)) for month, value in given]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
