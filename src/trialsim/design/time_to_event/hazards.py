"""The piecewise constant hazards of the arms of a study, per month, and how a design says them."""

from __future__ import annotations

from collections.abc import Sequence

from trialsim.config.schema.plain_times import HazardPiece, hazards_in_words
from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.theory.changing_hazards.piecewise import PiecewiseHazard
from trialsim.model.units import DAYS_PER_MONTH


def hazards_of_arms(study: SizeStudy, names: Sequence[str]) -> tuple[PiecewiseHazard, PiecewiseHazard]:
    """The hazards of two arms per month, the control first."""
    control, experimental = (_hazard_of(study.hazards[name]) for name in names)
    return control, experimental


def _hazard_of(pieces: Sequence[HazardPiece]) -> PiecewiseHazard:
    starts = [piece.after.value / DAYS_PER_MONTH for piece in pieces]
    return PiecewiseHazard(tuple(starts), tuple(piece.rate.value for piece in pieces))


def arms_in_order(study: SizeStudy) -> tuple[str, ...]:
    """The arms by name, the control first."""
    control = study.control or next(iter(study.variants))
    return (control, *(name for name in study.variants if name != control))


def arms_in_words(study: SizeStudy, names: Sequence[str]) -> str:
    """The hazards of the arms as a sentence says them."""
    return " and ".join(f"{hazards_in_words(study.hazards[name])} in the arm '{name}'" for name in names)


def plain_times_of(study: SizeStudy) -> dict[str, dict[str, float | str]]:
    """The plain medians of the arms in months, or their hazards, as numbers of a design; where there are any."""
    medians: dict[str, float | str] = {name: median.value / DAYS_PER_MONTH for name, median in study.medians.items()}
    hazards: dict[str, float | str] = {name: hazards_in_words(pieces) for name, pieces in study.hazards.items()}
    return {**({"median_months": medians} if medians else {}), **({"hazards": hazards} if hazards else {})}
