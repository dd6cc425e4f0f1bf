"""The pictures of a calibration: the posterior, what leaving out a statistic does, what other assumptions move."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from trialsim.endpoints.registry import statistic_label
from trialsim.report import labels

_PRIOR, _POSTERIOR, _PUBLISHED, _BAND = "#b8b8b8", "#1d3557", "#c1121f", "#e8eef3"
_MAX_BARS: Final = 8  # of a tornado; the table has the others
_Z_90: Final = 1.6448536269514722


def draw_posterior_summary(title: str, posterior_summary: pd.DataFrame, scores: np.ndarray) -> Figure:
    """Prior and posterior of each parameter, on the scale of its prior; largest contraction first.

    `scores` has shape (draws, parameters) in the order of `posterior_summary`.
    """
    order = np.argsort(posterior_summary["contraction"].to_numpy())  # the last is drawn on top
    n = len(posterior_summary)
    figure = Figure(figsize=(14, 1.8 + 0.4 * n), layout="constrained")
    axes, texts = figure.subplots(1, 2, sharey=True, width_ratios=[1.0, 1.45])
    for y, i in enumerate(order):
        row = posterior_summary.iloc[i]
        axes.plot([-_Z_90, _Z_90], [y + 0.16, y + 0.16], color=_PRIOR, linewidth=5, solid_capstyle="butt")
        axes.plot(0.0, y + 0.16, "|", color="white", markersize=7)
        lower, median, upper = np.quantile(scores[:, i], [0.05, 0.5, 0.95])
        axes.plot([lower, upper], [y - 0.16, y - 0.16], color=_POSTERIOR, linewidth=5, solid_capstyle="butt")
        axes.plot(median, y - 0.16, "|", color="white", markersize=7)
        contraction = f"{100 * max(row['contraction'], 0):.0f} %"
        cells = (_interval(row, "prior"), _interval(row, "posterior"), row["unit"], contraction, row["verdict"])
        _text_row(texts, y, cells, "black")
    _text_row(texts, n, ("prior median (90 %)", "posterior median (90 %)", "", "contraction", ""), "#555555")
    axes.set_yticks(range(n), [posterior_summary.iloc[i]["parameter"] for i in order])
    axes.set_xlim(-2.2, 2.2)
    axes.set_ylim(-0.6, n + 0.4)
    axes.set_xlabel("standard deviations of the prior from its median")
    plain_axes(axes)
    texts.set_xlim(0, 1)
    texts.set_axis_off()
    subtitle = "grey: prior, blue: posterior; bars are 90 % intervals, contraction is 1 − var(posterior) / var(prior)"
    figure.suptitle(f"{title}\nprior and posterior of each parameter\n{subtitle}", x=0.01, ha="left", fontsize=11)
    return figure


def _text_row(axes: Axes, y: float, cells: tuple[str, ...], colour: str) -> None:
    for x, cell in zip((0.0, 0.25, 0.5, 0.6, 0.72), cells, strict=True):
        axes.text(x, y, cell, va="center", fontsize=9, color=colour)


def _interval(row: pd.Series, which: str) -> str:
    return labels.median_and_interval(*(float(row[f"{which}_{part}"]) for part in ("median", "lower", "upper")))


def draw_left_out(title: str, predictive: pd.DataFrame, left_out: pd.DataFrame) -> Figure:
    """Where each published statistic lies among simulated trials: fitted with it, and predicted without it."""
    n = len(left_out)
    figure = Figure(figsize=(9, 1.8 + 0.4 * n), layout="constrained")
    axes = figure.subplots()
    axes.axvspan(10, 90, color=_BAND, zorder=0)
    axes.axvline(50, color="white", linewidth=1.5, zorder=1)
    fitted = dict(zip(predictive["quantity"], predictive["percentile"], strict=True))
    for y, (_, row) in enumerate(left_out[::-1].iterrows()):
        with_it, without = 100 * float(fitted[row["quantity"]]), 100 * float(row["percentile"])
        axes.plot([with_it, without], [y, y], color=_PRIOR, linewidth=1.2, zorder=2)
        axes.plot(with_it, y, "o", color="white", markeredgecolor=_POSTERIOR, markersize=8, zorder=3)
        error = 100 * float(row["percentile_mcse"])
        axes.errorbar(without, y, xerr=1.96 * error, fmt="D", color=_PUBLISHED, markersize=6, capsize=2, zorder=4)
    ticks = [statistic_label(quantity) for quantity in left_out["quantity"][::-1]]
    axes.set_yticks(range(n), ticks)
    axes.set_xlim(0, 100)
    axes.set_xlabel("per cent of simulated trials that lie below the published statistic")
    plain_axes(axes)
    subtitle = (
        "circle: the statistic was fitted; diamond: predicted from the others (with 95 % Monte Carlo interval)\n"
        "shaded: the central 80 % of trials"
    )
    figure.suptitle(f"{title}\neach published statistic left out\n{subtitle}", x=0.01, ha="left", fontsize=11)
    return figure


def draw_sensitivity(title: str, table: pd.DataFrame) -> Figure:
    """A tornado for each quantity: how far other assumptions move it from the first variant, the farthest on top."""
    base = str(table["variant"].iloc[0])
    quantities = list(dict.fromkeys(table["quantity"]))
    n_others = table["variant"].nunique() - 1
    n_bars = min(n_others, _MAX_BARS)
    n_columns = min(2, len(quantities))
    n_rows = math.ceil(len(quantities) / n_columns)
    figure = Figure(figsize=(6.2 * n_columns, n_rows * (1.0 + 0.26 * n_bars) + 1.2), layout="constrained")
    grid = figure.subplots(n_rows, n_columns, squeeze=False)
    for axes, quantity in zip(grid.ravel(), quantities, strict=False):
        rows = table[table["quantity"] == quantity].set_index("variant")
        order = rows["shift"].drop(base).abs().sort_values(kind="stable").index[-n_bars:]
        _tornado(axes, rows, list(order), base)
    for axes in grid.ravel()[len(quantities) :]:
        axes.set_visible(False)
    which = f"the largest {n_bars} of {n_others} shifts" if n_bars < n_others else "all shifts"
    subtitle = f"bars: {which} of the mean; whiskers: 95 % Monte Carlo interval; dashed: 1 sd of parameter uncertainty"
    figure.suptitle(f"{title}\nwhat other assumptions would move\n{subtitle}", x=0.01, ha="left", fontsize=11)
    return figure


def _tornado(axes: Axes, rows: pd.DataFrame, order: list[str], base: str) -> None:
    is_share = not rows["unit"].iloc[0]
    scale = 100.0 if is_share else 1.0
    shifts = rows["shift"].reindex(order).to_numpy(dtype=np.float64) * scale
    errors = rows["shift_mcse"].reindex(order).to_numpy(dtype=np.float64) * scale
    colours = [_PUBLISHED if shift < 0 else _POSTERIOR for shift in shifts]
    axes.barh(range(len(order)), shifts, color=colours, height=0.62)
    axes.errorbar(shifts, range(len(order)), xerr=1.96 * errors, fmt="none", ecolor="black", linewidth=0.8)
    axes.axvline(0.0, color="black", linewidth=0.8)
    spread, value = scale * rows.loc[[base], ["sd_parameters", "value"]].to_numpy(dtype=np.float64)[0]
    for side in (-1, 1):
        axes.axvline(side * spread, color="#777777", linewidth=0.8, linestyle="--")
    axes.set_yticks(range(len(order)), order, fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
    unit = "%" if is_share else str(rows["unit"].iloc[0])
    name = statistic_label(rows["quantity"].iloc[0])
    axes.set_title(f"{name}: {value:.{1 if is_share else 0}f} {unit}", fontsize=10, loc="left")
    axes.set_xlabel("percentage points" if is_share else unit)
    plain_axes(axes)


def plain_axes(axes: Axes) -> None:
    """No frame but the axis below."""
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
