"""The picture of a design from plain numbers: what its looks decide, and how probably it succeeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trialsim.design.base import PlannedDesign
from trialsim.report.design.figures import draw_looks
from trialsim.report.design.plain_design import points_of
from trialsim.report.pictures import prepare

_DARK, _GREY, _HARM, _GOOD = "#1d3557", "#8a8a8a", "#c1121f", "#2a9d8f"


def draw_plain_design(planned: PlannedDesign, numbers: Mapping[str, Any], curve: pd.DataFrame, success: str) -> Figure:
    """What each look decides, where there is something to draw, beside the curve of the operating characteristics."""
    prepare()
    has_looks = planned.design.has_test and ("r" in numbers or ("upper_z" in numbers and "looks" in numbers))
    figure = Figure(figsize=(10.5 if has_looks else 6.0, 4.4), layout="constrained")
    if has_looks:
        left, right = figure.subplots(1, 2)
        draw_looks(left, planned, numbers)
        left.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(0.0, -0.14), ncols=2)
        _plain(left)
    else:
        right = figure.subplots()
    _draw_curve(right, planned, numbers, curve, success)
    _plain(right)
    title = planned.design.title
    figure.suptitle(f"{title[:1].upper()}{title[1:]}", x=0.01, ha="left", fontsize=10)
    return figure


def _draw_curve(
    axes: Axes, planned: PlannedDesign, numbers: Mapping[str, Any], curve: pd.DataFrame, success: str
) -> None:
    """The probability of success by the last true rate, or by the hazard ratio; with it that of an early stop."""
    by = points_of(planned, curve)[-1]
    column = success if success in curve.columns else "rejects"
    axes.plot(curve[by], 100.0 * curve[column], color=_DARK, linewidth=1.6, label=column.replace("_", " "))
    if "stops_early" in curve.columns and curve["stops_early"].max() > 0.0:
        axes.plot(curve[by], 100.0 * curve["stops_early"], "--", color=_HARM, linewidth=1.0, label="stops early")
    at = numbers.get("hazard_ratio") or (planned.alternative_rates or (None,))[-1]
    if at is not None:
        axes.plot([at], [100.0 * numbers["power"]], "o", color=_GOOD, markersize=6, label="at the alternative")
    axes.set_ylim(-2.0, 102.0)
    axes.set_xlabel(by.replace("_", " "))
    axes.set_ylabel("probability, %")
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(0.0, -0.14), ncols=3)


def _plain(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
