"""The pictures of a comparison: differences, the benefit-harm plane, and how probably each variant is best."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

_DARK, _LIGHT, _HARM, _GREY = "#1d3557", "#a8c5d8", "#c1121f", "#8a8a8a"
_MAX_STEPS: Final = 4  # between ticks of a panel, so that their labels do not touch
_RINGS: Final = (11.0, 21.0)  # points from a variant to its number: the nearest place that is free
_DIRECTIONS: Final = 16
_NUMBER: Final = (13.0, 10.0)  # width and height of a number in points


def draw_differences(title: str, differences: pd.DataFrame) -> Figure:
    """The difference of every variant from its control, a panel for each quantity."""
    control = str(differences["control"].iloc[0])
    of_control = differences[differences["control"] == control]
    quantities, variants = list(dict.fromkeys(of_control["quantity"])), list(dict.fromkeys(of_control["variant"]))[::-1]
    n_columns = min(4, len(quantities))
    n_rows = math.ceil(len(quantities) / n_columns)
    size = (2.9 * n_columns + 1.8, n_rows * (0.95 + 0.24 * len(variants)) + 1.1)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(n_rows, n_columns, squeeze=False, sharey=True)
    for axes, quantity in zip(grid.ravel(), quantities, strict=False):
        rows = of_control[of_control["quantity"] == quantity].set_index("variant").reindex(variants)
        scale = 100.0 if not rows["unit"].iloc[0] else 1.0
        value, lower, upper = (rows[name].to_numpy(dtype=np.float64) * scale for name in ("value", "lower", "upper"))
        error = rows["mcse"].to_numpy(dtype=np.float64) * scale
        y = np.arange(len(variants))
        axes.axvline(0.0, color="black", linewidth=0.8)
        axes.hlines(y, lower, upper, color=_LIGHT, linewidth=5)
        axes.errorbar(value, y, xerr=1.96 * error, fmt="o", color=_DARK, markersize=3.5, linewidth=1.0)
        axes.set_yticks(y, variants)
        axes.set_title(quantity, fontsize=9, loc="left")
        axes.set_xlabel("percentage points" if scale == 100.0 else str(rows["unit"].iloc[0]), fontsize=8)
        axes.tick_params(labelsize=8)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=_MAX_STEPS, min_n_ticks=3))
        _plain(axes)
    for axes in grid.ravel()[len(quantities) :]:
        axes.set_visible(False)
    subtitle = "dot: expected difference with its 95 % Monte Carlo interval; bar: 95 % of the posterior"
    figure.suptitle(f"{title}\ndifference from {control}\n{subtitle}", x=0.01, ha="left", fontsize=10)
    return figure


def draw_plane(
    title: str,
    estimates: pd.DataFrame,
    differences: pd.DataFrame,
    plane: tuple[str, str],
    dominated: Mapping[str, str],
) -> Figure:
    """Benefit against harm of each variant, both as differences from the control; dominated ones are grey."""
    control = str(differences["control"].iloc[0])
    of_control = differences[differences["control"] == control]
    tables = [of_control[of_control["quantity"] == name].set_index("variant") for name in (plane[1], plane[0])]
    figure = Figure(figsize=(9.5, 6.2), layout="constrained")
    axes = figure.subplots()
    axes.axhline(0.0, color="#cccccc", linewidth=0.8, zorder=0)
    axes.axvline(0.0, color="#cccccc", linewidth=0.8, zorder=0)
    points = {control: (0.0, 0.0)}
    for name in tables[0].index:
        colour = _GREY if name in dominated else _DARK
        x, y = (float(table["value"][name]) * _scale(table) for table in tables)
        points[name] = (x, y)
        ends = [np.array([table["lower"][name], table["upper"][name]], dtype=float) * _scale(table) for table in tables]
        axes.plot(ends[0], [y, y], color=colour, linewidth=1.0, alpha=0.6)
        axes.plot([x, x], ends[1], color=colour, linewidth=1.0, alpha=0.6)
        axes.plot(x, y, "x" if name in dominated else "o", color=colour, markersize=7)
    axes.plot(0.0, 0.0, "x" if control in dominated else "o", color=_HARM, markersize=8)
    axes.margins(0.14)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel(_axis(plane[1], estimates, control))
    axes.set_ylabel(_axis(plane[0], estimates, control))
    subtitle = (
        f"differences from {control} (red) on the same patients; bars: 95 % of the posterior\n"
        "crosses: dominated (another has no less benefit and no more harm)"
    )
    figure.suptitle(f"{title}\nbenefit against harm\n{subtitle}", x=0.01, ha="left", fontsize=10)
    _number_points(figure, axes, points, dominated)
    return figure


def _scale(table: pd.DataFrame) -> float:
    return 100.0 if not table["unit"].iloc[0] else 1.0


def _number_points(
    figure: Figure, axes: Axes, points: Mapping[str, tuple[float, float]], dominated: Mapping[str, str]
) -> None:
    """A number at each point, and beside the plane the names by number, the most benefit first.

    A variant whose difference is not known, as with very few trials, has no point, and no number.
    """
    points = {name: point for name, point in points.items() if np.isfinite(point).all()}
    names = sorted(points, key=lambda name: -points[name][1])
    colours = [_GREY if name in dominated else "black" for name in names]
    for i, (name, colour) in enumerate(zip(names, colours, strict=True)):
        y = 0.98 - i * min(0.05, 0.98 / len(names))
        axes.text(1.03, y, f"{i + 1}  {name}", transform=axes.transAxes, fontsize=8.5, color=colour, va="top")
    figure.draw_without_rendering()  # the places of the points on the page are known only now
    at = axes.transData.transform([points[name] for name in names]) * 72.0 / figure.dpi
    drawn = [np.asarray(line.get_path().transformed(line.get_transform()).vertices) for line in axes.lines]
    lines = [_spots(line * 72.0 / figure.dpi) for line in drawn if len(line) > 1 and np.isfinite(line).all()]
    taken: list[np.ndarray] = []
    for i, colour in enumerate(colours):
        place = _free_place(at[i], at, taken, lines)
        taken.append(at[i] + place)
        far = {"arrowstyle": "-", "color": colour, "linewidth": 0.5, "shrinkA": 0.0, "shrinkB": 4.0}
        axes.annotate(str(i + 1), points[names[i]], xytext=tuple(place), textcoords="offset points", fontsize=8,
                      color=colour, ha="center", va="center",
                      arrowprops=far if np.hypot(*place) > _RINGS[0] + 1.0 else None)  # fmt: skip


def _free_place(point: np.ndarray, points: np.ndarray, taken: list[np.ndarray], lines: list[np.ndarray]) -> np.ndarray:
    """Where around a point a number covers least: other numbers count most, then points, then lines; in points.

    `lines` are spots along each of them.
    """
    best, least = np.zeros(2), math.inf
    numbers = np.array(taken).reshape(-1, 2)
    for ring, radius in enumerate(_RINGS):
        for turn in range(_DIRECTIONS):
            angle = 2.0 * math.pi * (turn + 0.5) / _DIRECTIONS
            place = radius * np.array([math.cos(angle), math.sin(angle)])
            centre = point + place
            cost = 100.0 * _n_covered(centre, numbers, 2.0) + 20.0 * _n_covered(centre, points, 1.4)
            cost += 3.0 * sum(_n_covered(centre, spots, 1.0) > 0 for spots in lines) + ring
            if cost < least:
                best, least = place, cost
    return best


def _n_covered(centre: np.ndarray, spots: np.ndarray, scale: float) -> int:
    """How many spots the box of a number, times a scale, covers."""
    return int((np.abs(spots - centre) < scale * np.array(_NUMBER) / 2.0).all(axis=1).sum())


def _spots(line: np.ndarray) -> np.ndarray:
    """Spots along a line, as close as half a number."""
    n = max(2, int(np.hypot(*(line[-1] - line[0])) / (_NUMBER[1] / 2.0)))
    return np.linspace(line[0], line[-1], n)


def draw_ranks(title: str, ranks: pd.DataFrame) -> Figure:
    """SUCRA of every variant on every quantity: 1 is surely best, 0 surely worst."""
    quantities = list(dict.fromkeys(ranks["quantity"]))
    table = ranks.pivot(index="variant", columns="quantity", values="sucra")[quantities]
    table = table.loc[list(dict.fromkeys(ranks["variant"]))]
    figure = Figure(figsize=(2.4 + 0.75 * len(quantities), 2.6 + 0.36 * len(table)), layout="constrained")
    axes = figure.subplots()
    axes.imshow(table.to_numpy(), cmap="Blues", vmin=0.0, vmax=1.25, aspect="auto")
    for (y, x), value in np.ndenumerate(table.to_numpy()):
        axes.text(
            x, y, f"{value:.2f}", ha="center", va="center", fontsize=8.5, color="white" if value > 0.8 else "black"
        )
    axes.set_xticks(range(len(quantities)), quantities, rotation=40, ha="left", fontsize=8.5)
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(table)), list(table.index), fontsize=9)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    subtitle = "SUCRA over the posterior: 1 surely best of all, 0 surely worst"
    figure.suptitle(f"{title}\nhow probably each variant is best\n{subtitle}", x=0.01, ha="left", fontsize=10)
    return figure


def _axis(name: str, estimates: pd.DataFrame, control: str) -> str:
    row = estimates[(estimates["quantity"] == name) & (estimates["variant"] == control)].iloc[0]
    unit = str(row["unit"])
    value = f"{100 * row['value']:.1f} %" if not unit else f"{row['value']:.3g} {unit}"
    return f"{name}\n{unit or 'percentage points'} more than {value} ({control})"


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
