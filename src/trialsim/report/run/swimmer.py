"""The swimmer plot of one trial: a bar for each patient, coloured by dose, with what happened on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from trialsim.config import Scenario
from trialsim.model.units import DAYS_PER_MONTH
from trialsim.records.arms import ARM

_HELD: Final = "#ffffff"
_HATCH: Final = "////"
_OFF: Final = "#dddddd"
_MOST_PATIENTS: Final = 100
TOXICITY_MARKS: Final = (  # each differs in colour and in shape
    ("o", "#c1121f"), ("D", "#ff9f1c"), ("v", "#7f4f24"), ("p", "#d81159"), ("h", "#3d405b"), ("P", "#588157"),
)  # fmt: skip
_RESPONSE_COLOUR: Final = "#7b2cbf"
_BEST: Final = ("*", 11.0)
_LESSER: Final = (("^", 7.0), ("<", 7.0), ("d", 7.0), ("H", 7.0), (">", 7.0))  # from the least
_SEEN: Final = {
    "relapsed": ("X", 7.0, "#000000", "relapse seen"),
    "progressed": ("X", 7.0, "#6c757d", "progression seen"),
}


def draw_swimmer(scenario: Scenario, events: pd.DataFrame, patients: pd.DataFrame) -> Figure:
    """The picture of one replicate; time is months since the first dose, at most the first 100 patients.

    `events` is a readable event table, `patients` a table of patients, both of the same replicate.
    """
    return _drawn(scenario, {"": (scenario, events, patients)})


def draw_swimmer_of_arms(scenario: Scenario, events: pd.DataFrame, patients: pd.DataFrame) -> Figure:
    """The same of a trial with arms, one below another."""
    panels = {
        name: (of_arm, events[events[ARM] == name], patients[patients[ARM] == name])
        for name, of_arm in scenario.scenarios_of_arms.items()
    }
    return _drawn(scenario, {name: panel for name, panel in panels.items() if len(panel[2])})


def _drawn(scenario: Scenario, panels: Mapping[str, tuple[Scenario, pd.DataFrame, pd.DataFrame]]) -> Figure:
    """A picture with a panel for each of some arms."""
    most = _MOST_PATIENTS // len(panels)
    levels = sorted({dose.value for of_arm, _, _ in panels.values() for dose in of_arm.treatment.levels})
    ramp = matplotlib.colormaps["YlGnBu"]
    colours = {level: ramp(0.12 + 0.83 * i / max(len(levels) - 1, 1)) for i, level in enumerate(levels)}
    heights = [max(min(len(patients), most), 12 // len(panels)) for _, _, patients in panels.values()]
    figure = Figure(figsize=(11, 1.8 + 0.27 * np.sum(heights)), layout="constrained")
    several = figure.subplots(len(panels), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    marks: list[Artist] = []
    is_held = False
    unit = scenario.treatment.dose_unit
    for axes, (name, (of_arm, events, patients)) in zip(several, panels.items(), strict=True):
        shown = patients.head(most).sort_values("follow_up_days", kind="stable")
        rows = {int(number): row for row, number in enumerate(shown["patient"])}
        own = events[events["patient"].isin(list(rows))]
        own = own.assign(dose=own[unit.column("dose_to_mg_per_day")])
        ends = dict(zip(shown["patient"], shown["follow_up_days"] / DAYS_PER_MONTH, strict=True))
        for number, row in rows.items():
            _bar(axes, row, own[own["patient"] == number], float(ends[number]), colours)
        marks = _markers(axes, rows, own, of_arm)
        is_held |= _is_ever_held(own)
        _finish(axes, rows, name, len(patients))
    several[0].set_title(f"{_titled(scenario, panels)}\n{several[0].get_title(loc='left')}", loc="left", fontsize=11)
    several[0].set_xlim(0, None)
    several[-1].set_xlabel("months since the first dose")
    doses: list[Artist] = [Patch(facecolor=colours[level], label=f"{level:g} {unit.text}") for level in levels]
    held = Patch(facecolor=_HELD, edgecolor="#888888", hatch=_HATCH, label="held")
    doses += [held] if is_held else []
    doses.append(Patch(facecolor=_OFF, label="off treatment"))
    figure.legend(handles=doses + marks, loc="outside right upper", frameon=False, fontsize=9)
    return figure


def _titled(scenario: Scenario, panels: Mapping[str, Any]) -> str:
    return scenario.title if "" in panels else f"{scenario.title}\none simulated trial (replicate 1)"


def _is_ever_held(events: pd.DataFrame) -> bool:
    return bool(((events["event"] == "decision") & (events["dose"] == 0.0)).any())


def _bar(axes: Axes, row: int, of_patient: pd.DataFrame, end: float, colours: dict[float, Any]) -> None:
    """One patient's bar: a piece for each dose, grey after the end of treatment."""
    moves = of_patient[of_patient["dose"].notna()]
    starts = (moves["study_day"] / DAYS_PER_MONTH).tolist()
    pieces = [(start, stop - start) for start, stop in zip(starts, [*starts[1:], end], strict=True)]
    taken = [
        _OFF if event == "treatment ended" else colours.get(dose, _HELD)
        for dose, event in zip(moves["dose"], moves["event"], strict=True)
    ]
    axes.broken_barh(pieces, (row - 0.32, 0.64), facecolors=taken, edgecolor="none", zorder=1)
    held = [piece for piece, colour in zip(pieces, taken, strict=True) if colour == _HELD]
    axes.broken_barh(held, (row - 0.32, 0.64), facecolors=_HELD, edgecolor="#aaaaaa", linewidth=0.0, hatch=_HATCH)
    axes.barh(row, end, height=0.64, fill=False, edgecolor="#888888", linewidth=0.5, zorder=2)


def _markers(axes: Axes, rows: dict[int, int], events: pd.DataFrame, scenario: Scenario) -> list[Artist]:
    """What happened, as markers; gives the handles of the legend."""
    handles: list[Artist] = []
    for index, (name, toxicity) in enumerate(scenario.toxicities.items()):
        onset = events[(events["event"] == "toxicity onset") & (events["of"] == name)]
        marker, colour = mark_of_toxicity(index)
        words = name if toxicity.severe else f"{name} (not severe)"
        handles.append(_mark(axes, rows, onset, marker, 6.0, colour, words, is_filled=bool(toxicity.severe)))
    for state, (marker, size, colour, words) in {**_responses(scenario), **_SEEN}.items():
        seen = events[(events["event"] == "assessed") & (events["detail"] == state)].drop_duplicates("patient")
        handles.append(_mark(axes, rows, seen, marker, size, colour, words))
    handles.append(_mark(axes, rows, events[events["event"] == "died"], "s", 6.0, "#000000", "death"))
    ended = events[events["event"] == "observation ended"]
    handles.append(
        _mark(axes, rows, ended[ended["detail"] == "cut-off"], ">", 5.5, "#555555", "observed to the cut-off")
    )
    withdrawn = ended[ended["detail"] == "withdrawal"]
    return [*handles, _mark(axes, rows, withdrawn, "|", 12.0, "#d81159", "withdrew")] if len(withdrawn) else handles


def mark_of_toxicity(index: int) -> tuple[str, str]:
    """A marker and a colour; after a round of markers each comes again in another colour."""
    n = len(TOXICITY_MARKS)
    return TOXICITY_MARKS[index % n][0], TOXICITY_MARKS[(index + index // n) % n][1]


def _responses(scenario: Scenario) -> dict[str, tuple[str, float, str, str]]:
    """The marks of the categories of response: marker, size, colour, words."""
    marks = [*_LESSER[: len(scenario.responses) - 1], _BEST]
    named = zip(scenario.responses, marks, strict=True)
    return {item.name: (*mark, _RESPONSE_COLOUR, f"{item.name} seen") for item, mark in named}


def _mark(
    axes: Axes,
    rows: dict[int, int],
    events: pd.DataFrame,
    marker: str,
    size: float,
    colour: str,
    words: str,
    is_filled: bool = True,
) -> Artist:
    style: dict[str, Any] = {"marker": marker, "color": colour, "markersize": size, "linestyle": "none"}
    style |= {"markeredgecolor": "white" if marker != "|" else colour, "markeredgewidth": 0.7 if marker != "|" else 2.5}
    if not is_filled:
        style |= {"markerfacecolor": "white", "markeredgecolor": colour, "markeredgewidth": 1.4}
    events = events[events["study_day"].notna()]
    if len(events):  # an empty line would count as a point in the corner of the page
        x = (events["study_day"] / DAYS_PER_MONTH).tolist()
        axes.plot(x, [rows[patient] for patient in events["patient"]], zorder=3, clip_on=False, **style)
    return Line2D([], [], label=words, **style)


def _finish(axes: Axes, rows: dict[int, int], arm: str, n_patients: int) -> None:
    axes.set_yticks(list(rows.values()), [str(number) for number in rows], fontsize=8)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_ylabel("patient")
    which = f"first {len(rows)} of {n_patients}" if len(rows) < n_patients else f"{n_patients}"
    what = f"{arm}:" if arm else "one simulated trial (replicate 1),"
    axes.set_title(f"{what} {which} patients by length of follow-up", loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
