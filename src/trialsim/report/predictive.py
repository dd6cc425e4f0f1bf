"""Published figures against the distribution that single simulated trials have."""

from __future__ import annotations

import math
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from trialsim.analysis import per_trial_values
from trialsim.config import Scenario
from trialsim.report import words

_BODY, _EDGE, _PUBLISHED = "#a9c6d9", "#1d3557", "#c1121f"
_N_SHOWN = 12


def draw_predictive(path: Path, scenario: Scenario, outcomes: pd.DataFrame, estimates: pd.DataFrame) -> None:
    """Write the picture: shares on one axis, every other quantity on its own."""
    shown = estimates[estimates["printed"] != ""]
    if not len(shown):
        shown = estimates[estimates["n_defined"] > 0].head(_N_SHOWN)
    shares, others = shown[shown["unit"] == ""], shown[shown["unit"] != ""]
    heights = [max(len(shares), 1) * 0.5 + 0.6, *[0.95] * len(others)]
    figure, panels = plt.subplots(
        len(heights), 1, figsize=(9, sum(heights) + 1.5), height_ratios=heights, layout="constrained", squeeze=False
    )
    statistics = {quantity: figure_.statistic or quantity for quantity, figure_ in scenario.figures.items()}
    values = per_trial_values(outcomes, [statistics.get(name, name) for name in shown["quantity"]])
    by_quantity = dict(zip(shown["quantity"], values, strict=True))
    _panel(panels[0, 0], shares, by_quantity, 100.0)
    panels[0, 0].set_xlim(0, 100)
    panels[0, 0].set_xlabel("per cent")
    for axes, (_, row) in zip(panels[1:, 0], others.iterrows(), strict=True):
        _panel(axes, row.to_frame().T, by_quantity, 1.0)
        axes.set_xlabel(str(row["unit"]))
    n, replicates = scenario.accrual.patients, len(outcomes)
    what = "published figures in " if (shown["printed"] != "").any() else ""
    figure.suptitle(
        f"{scenario.title}\n{what}{replicates:,} simulated trials of {n} patients; line: 95 % of trials; "
        "dot: mean" + ("; diamond: published" if what else ""),
        x=0.01, ha="left", fontsize=11,
    )  # fmt: skip
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _panel(axes: Axes, rows: pd.DataFrame, values: dict[str, np.ndarray], scale: float) -> None:
    for y, (_, row) in enumerate(rows.iloc[::-1].iterrows()):
        own = values[row["quantity"]] * scale
        own = own[~np.isnan(own)]
        if len(own):
            _shape(axes, y, own, whole=row["unit"] == "patients")
        lower, upper, value, published = (row[key] * scale for key in ("lower", "upper", "value", "published"))
        axes.plot([lower, upper], [y, y], color=_EDGE, linewidth=1.6, solid_capstyle="butt", zorder=3)
        axes.plot(value, y, "o", color=_EDGE, markersize=5, zorder=4)
        if not math.isnan(published):
            axes.plot(published, y, "D", color=_PUBLISHED, markersize=7, markeredgecolor="white", zorder=5)
    axes.set_yticks(range(len(rows)), [words.label(name) for name in rows["quantity"].iloc[::-1]])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _shape(axes: Axes, y: int, own: np.ndarray, *, whole: bool) -> None:
    """The distribution as a symmetric body of bars around its line."""
    low, high = float(own.min()), float(own.max())
    n_bins = max(1, min(30, len(np.unique(own))))
    edges = np.arange(low - 0.5, high + 1.0) if whole else np.linspace(low, high if high > low else low + 1e-9, n_bins + 1)
    counts, edges = np.histogram(own, bins=edges)
    heights = 0.8 * counts / counts.max()
    axes.bar(edges[:-1], heights, np.diff(edges), bottom=y - heights / 2, align="edge", color=_BODY, zorder=1)
