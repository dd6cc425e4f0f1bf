"""The pictures of a joint calibration: the parameters that differ between trials, and the published statistics."""

from __future__ import annotations

import math
from typing import Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from trialsim.endpoints.registry import statistic_label
from trialsim.report.calibration.figures import plain_axes

_PRIOR, _POSTERIOR, _NEW, _BAND = "#b8b8b8", "#1d3557", "#c1121f", "#e8eef3"
_MAX_COLUMNS: Final = 3
_FAMILIES: Final = ("#1d3557", "#6a4c93", "#c1121f", "#2a7f62", "#5c5c5c")
_INTERVALS: Final = {90: "#dfe6ec", 80: "#c3d0dc", 50: "#9db4c8"}


def draw_trials(title: str, summary: pd.DataFrame, between_trials: pd.DataFrame, new_trial: str) -> Figure:
    """A forest for each parameter that differs between trials: prior, each trial's centre, and a new trial."""
    names = [name for written in between_trials["parameters"] for name in written.split(", ")]
    n_columns = min(_MAX_COLUMNS, len(names))
    n_rows, n_lines = math.ceil(len(names) / n_columns), summary["trial"].nunique() + 1
    size = (1.2 + 3.8 * n_columns, 1.4 + n_rows * (0.8 + 0.28 * n_lines))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(n_rows, n_columns, squeeze=False)
    for axes, name in zip(grid.ravel(), names, strict=False):
        _forest(axes, summary[summary["parameter"] == name], name, new_trial)
    for axes in grid.ravel()[len(names) :]:
        axes.set_visible(False)
    subtitle = "medians and 90 % intervals; grey: prior, blue: each trial, red: a new trial"
    figure.suptitle(f"{title}\nwhat differs between trials\n{subtitle}", x=0.01, ha="left", fontsize=11)
    return figure


def _forest(axes: Axes, rows: pd.DataFrame, name: str, new_trial: str) -> None:
    first = rows.iloc[0]
    lines = [("prior", _PRIOR, first, "prior")]
    lines += [(str(row["trial"]), _NEW if row["trial"] == new_trial else _POSTERIOR, row, "posterior")
              for _, row in rows.iterrows()]  # fmt: skip
    for y, (_, colour, row, part) in enumerate(reversed(lines)):
        axes.plot([row[f"{part}_lower"], row[f"{part}_upper"]], [y, y], color=colour, linewidth=2)
        axes.plot(row[f"{part}_median"], y, "o", color=colour, markersize=5)
    axes.set_yticks(range(len(lines)), [label for label, *_ in reversed(lines)])
    if str(first["unit"]).startswith(("/", "per ")):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(f"{name}, {first['unit']}" if first["unit"] else name)
    plain_axes(axes)


def draw_percentiles(title: str, predictive: pd.DataFrame) -> Figure:
    """Where each published statistic lies among simulated trials of its own centre, trial by trial."""
    n = len(predictive)
    figure = Figure(figsize=(9, 1.8 + 0.3 * n), layout="constrained")
    axes = figure.subplots()
    axes.axvspan(10, 90, color=_BAND, zorder=0)
    axes.axvline(50, color="white", linewidth=1.5, zorder=1)
    ordered = predictive[::-1]
    for y, (_, row) in enumerate(ordered.iterrows()):
        error = 100 * float(row["percentile_mcse"])
        axes.errorbar(100 * float(row["percentile"]), y, xerr=1.96 * error, fmt="o", color=_POSTERIOR, capsize=2)
    ticks = [f"{row['trial']}: {statistic_label(row['quantity'])}" for _, row in ordered.iterrows()]
    axes.set_yticks(range(n), ticks)
    axes.set_xlim(0, 100)
    axes.set_xlabel("per cent of simulated trials that lie below the published statistic")
    plain_axes(axes)
    subtitle = "with 95 % Monte Carlo intervals; shaded: the central 80 % of trials"
    figure.suptitle(f"{title}\npublished statistics among simulated trials\n{subtitle}", x=0.01, ha="left", fontsize=11)
    return figure


def draw_left_out_trials(title: str, left_out: pd.DataFrame) -> Figure:
    """Each published statistic among trials that the other cohorts predict: intervals of 50, 80 and 90 %.

    Each line is scaled by itself: from the 2.5 to the 97.5 % quantile of the predicted trials.
    """
    n = len(left_out)
    figure = Figure(figsize=(10, 1.9 + 0.3 * n), layout="constrained")
    axes = figure.subplots()
    colours = dict(zip(("response", "dose", "toxicity", "survival", "conduct"), _FAMILIES, strict=True))
    for y, (_, row) in enumerate(left_out[::-1].iterrows()):
        for share, width in ((90, 3), (80, 6), (50, 10)):
            ends = [_on_line(row, row[f"{end}_{share}"]) for end in ("lower", "upper")]
            axes.plot(ends, [y, y], color=_INTERVALS[share], linewidth=width, solid_capstyle="butt")
        is_inside = row["is_inside_90"]
        x = min(max(_on_line(row, float(row["published"])), -0.06), 1.06)
        marker = "o" if is_inside else ("<" if x <= 0.0 else ">" if x >= 1.0 else "o")
        axes.plot(x, y, marker, color=colours[row["family"]], markersize=7, markeredgecolor="white", zorder=5)
    ticks = [f"{row['trial']}: {statistic_label(row['quantity'])}" for _, row in left_out[::-1].iterrows()]
    axes.set_yticks(range(n), ticks)
    axes.set_xlim(-0.1, 1.1)
    axes.set_xticks([0, 1], ["2.5 %", "97.5 %"])
    axes.set_xlabel("of trials as the other cohorts predict them, each statistic on a scale of its own")
    shown = [family for family in colours if (left_out["family"] == family).any()]
    handles = [Line2D([], [], marker="o", linestyle="", color=colours[family], label=family) for family in shown]
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    plain_axes(axes)
    subtitle = "bars: the central 50, 80 and 90 % of predicted trials; points: published"
    figure.suptitle(f"{title}\neach trial predicted from the others\n{subtitle}", x=0.01, ha="left", fontsize=11)
    return figure


def _on_line(row: pd.Series, value: float) -> float:
    """Where a value lies between the 2.5 and the 97.5 % quantile of the predicted trials of its row."""
    low, high = float(row["lower_95"]), float(row["upper_95"])
    high = high if math.isfinite(high) else max(float(row["upper_80"]), float(row["published"]), low + 1.0)
    width = high - low
    return (min(value, high + width) - low) / width if width > 0.0 else 0.5
