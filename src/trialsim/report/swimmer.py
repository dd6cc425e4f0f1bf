"""The swimmer plot of one trial: a bar for each patient, coloured by dose, with what happened on it."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from trialsim.config import Scenario
from trialsim.model.units import DAYS_PER_MONTH

_HELD = "#ffffff"
_OFF = "#dddddd"
_TOXICITY_COLOURS = ("#c1121f", "#e07a00", "#8f2d56", "#6b705c", "#1d3557", "#588157")
_SEEN = {
    "minor response": ("^", "#2a9d8f", "minor response seen"),
    "partial response": ("*", "#2a9d8f", "partial response seen"),
    "relapsed": ("X", "#000000", "relapse seen"),
    "progressed": ("X", "#6c757d", "progression seen"),
}


def draw_swimmer(path: Path, scenario: Scenario, events: pd.DataFrame, patients: pd.DataFrame) -> None:
    """Write the picture. `events` (readable) and `patients` are those of one replicate; time is months on study."""
    order = patients.sort_values("follow_up_days", ascending=True)
    rows = {number: row for row, number in enumerate(order["patient"])}
    figure, axes = plt.subplots(figsize=(11, 1.8 + 0.27 * len(rows)), layout="constrained")
    levels = [dose.value for dose in scenario.treatment.levels]
    colours = ListedColormap([plt.get_cmap("YlGnBu")(0.15 + 0.8 * i / max(len(levels) - 1, 1)) for i in range(len(levels))])
    for patient in order.itertuples():
        own = events[events["patient"] == patient.patient]
        _bar(axes, rows[patient.patient], own, patient, dict(zip(levels, colours.colors, strict=True)))
    handles = _markers(axes, rows, events, scenario)
    _finish(axes, rows, order, scenario)
    figure.legend(handles=handles, loc="outside right upper", frameon=False, fontsize=9)
    edges = BoundaryNorm(range(len(levels) + 1), len(levels))
    bar = figure.colorbar(ScalarMappable(edges, colours), ax=axes, ticks=[i + 0.5 for i in range(len(levels))], shrink=0.4, anchor=(0, 0.0))
    bar.ax.set_yticklabels([f"{level:g}" for level in levels])
    bar.set_label("dose, mg/day")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _bar(axes: Axes, row: int, own: pd.DataFrame, patient: object, colour_of: dict[float, object]) -> None:
    """One patient's bar: a piece for each dose, grey after the end of treatment."""
    end = float(patient.follow_up_days) / DAYS_PER_MONTH  # type: ignore[attr-defined]
    moves = own[own["dose_to_mg_per_day"].notna()]
    days = [*(moves["study_day"] / DAYS_PER_MONTH), end]
    pieces: list[tuple[float, float, object, object]] = []
    for start, stop, dose, event in zip(days, days[1:], moves["dose_to_mg_per_day"], moves["event"], strict=False):
        colour = _OFF if event == "treatment ended" else colour_of.get(dose, _HELD)
        pieces.append((start, stop - start, colour, dose))
    for start, length, colour, _ in pieces:
        axes.barh(row, length, left=start, height=0.62, color=colour, edgecolor="none", zorder=1)
    axes.barh(row, end, height=0.62, fill=False, edgecolor="#888888", linewidth=0.5, zorder=2)


def _markers(axes: Axes, rows: dict[int, int], events: pd.DataFrame, scenario: Scenario) -> list[object]:
    """What happened, as markers; gives the handles of the legend."""
    handles: list[object] = []
    for index, (name, toxicity) in enumerate(scenario.toxicities.items()):
        colour = _TOXICITY_COLOURS[index % len(_TOXICITY_COLOURS)]
        onset = events[(events["event"] == "toxicity onset") & (events["of"] == name)]
        marker = "o" if toxicity.severe else "."
        handles.append(_mark(axes, rows, onset, marker, colour, name))
    seen = events[events["event"] == "assessed"]
    for state, (marker, colour, words) in _SEEN.items():
        first = seen[seen["detail"] == state].drop_duplicates("patient")
        handles.append(_mark(axes, rows, first, marker, colour, words))
    handles.append(_mark(axes, rows, events[events["event"] == "died"], "s", "#000000", "death"))
    ended = events[events["event"] == "observation ended"]
    handles.append(_mark(axes, rows, ended[ended["detail"] == "cut-off"], ">", "#555555", "observed until the cut-off"))
    if (ended["detail"] == "withdrawal").any():
        handles.append(_mark(axes, rows, ended[ended["detail"] == "withdrawal"], "|", "#555555", "withdrew"))
    return [*handles, Patch(facecolor=_OFF, label="off treatment")]


def _mark(axes: Axes, rows: dict[int, int], events: pd.DataFrame, marker: str, colour: str, words: str) -> Line2D:
    x = events["study_day"] / DAYS_PER_MONTH
    y = [rows[patient] for patient in events["patient"]]
    size = 9 if marker == "*" else 6
    style = {"marker": marker, "color": colour, "markersize": size, "linestyle": "none", "markeredgecolor": "white"}
    axes.plot(x, y, markeredgewidth=0.6, zorder=3, clip_on=False, **style)  # type: ignore[arg-type]
    return Line2D([], [], label=words, **style)  # type: ignore[arg-type]


def _finish(axes: Axes, rows: dict[int, int], order: pd.DataFrame, scenario: Scenario) -> None:
    axes.set_yticks(list(rows.values()), [str(number) for number in rows], fontsize=8)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_xlim(0, None)
    axes.set_xlabel("months since the first dose")
    axes.set_ylabel("patient")
    axes.set_title(f"{scenario.title}\nreplicate 1, {len(order)} patients by length of follow-up", loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
