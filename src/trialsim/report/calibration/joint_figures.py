"""The pictures of a joint calibration: the parameters that differ between trials, and the published statistics."""

from __future__ import annotations

import math
from typing import Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from trialsim.endpoints.registry import statistic_label
from trialsim.report.calibration.figures import plain_axes

_PRIOR, _POSTERIOR, _NEW, _BAND = "#b8b8b8", "#1d3557", "#c1121f", "#e8eef3"
_MAX_COLUMNS: Final = 3


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
