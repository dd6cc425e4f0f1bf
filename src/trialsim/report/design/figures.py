"""The pictures of a search for a size: power by n, the design's boundaries, power over the posterior, the calendar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from trialsim.design.assurance import Assurance
from trialsim.design.base import ALTERNATIVE, NULL, TOXIC_NULL, PlannedDesign
from trialsim.design.prepared_study import POSTERIOR, PreparedStudy
from trialsim.design.search import SearchResult
from trialsim.design.theory.toxicity import ToxicityBoundary
from trialsim.model.units import DAYS_PER_MONTH
from trialsim.report.pictures import prepare, save_figures
from trialsim.storage.replicate_store import Rows

_DARK, _LIGHT, _HARM, _GREY, _GOOD = "#1d3557", "#a8c5d8", "#c1121f", "#8a8a8a", "#2a9d8f"
TO_THE_LEFT: Final = 0.025  # of a bar of responses stands the one of toxicity, as a share of n
_COLOURS: Final = {
    NULL: _HARM,
    ALTERNATIVE: _DARK,
    POSTERIOR: _GOOD,
    TOXIC_NULL: "#e09f3e",
    "posterior median": _GREY,
}
_LINES: Final = {NULL: "-", ALTERNATIVE: "--", POSTERIOR: "-.", "posterior median": ":"}


def draw_size_figures(
    folder: Path,
    formats: Sequence[str],
    ready: PreparedStudy,
    design: Mapping[str, Any],
    rows: Mapping[str, Rows],
    search_result: SearchResult | None,
    assurance: Assurance | None,
) -> None:
    """Write every picture that there is something to show of into a folder."""
    prepare()
    title = ready.study.title
    kind = ready.design.design
    what = "power" if kind.has_test else "probability"
    target = ready.study.power
    figures = {
        "power": draw_power(title, ready, search_result) if search_result is not None else None,
        "boundaries": draw_boundaries(title, ready.design, design, ready.boundary) if kind.has_test else None,
        "assurance": draw_assurance(title, assurance, target, what) if assurance is not None else None,
        "calendar": draw_calendar(title, rows),
    }
    save_figures(folder, formats, figures)


def draw_power(title: str, ready: PreparedStudy, result: SearchResult) -> Figure:
    """Power by n with its 95 % band, the target, the interval for n; the exact saw-tooth where there is one."""
    figure = Figure(figsize=(7.5, 4.4), layout="constrained")
    axes = figure.subplots()
    curve = result.curve
    _draw_planned(axes, ready)
    _draw_curve(axes, curve)
    axes.axhline(100.0 * result.target, color="black", linewidth=0.8)
    if result.n is not None:
        high = result.upper if result.upper is not None else float(curve["n"].max())
        axes.axvspan(result.lower or result.n, high, color=_GOOD, alpha=0.25, linewidth=0.0)
        axes.annotate(
            f"n = {result.n} ({result.lower} to {result.upper or 'the limit'})", (result.lower or result.n, 0.985),
            xycoords=axes.get_xaxis_transform(), xytext=(-5, 0), textcoords="offset points", fontsize=9, ha="right",
            va="top",
        )  # fmt: skip
    first, last = float(curve["n"].min()), float(curve["n"].max())
    near = curve.loc[curve["power"] < 0.995, "n"]
    left = max(0.0, first - 0.5 * (last - first))
    axes.set_xlim(left, min(left + 1.15 * (float(near.max() if len(near) else 1e9) - left), 1.03 * last))
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 100.0 * result.target - 0.3 * (high - 100.0 * result.target)), high)
    of = "assurance" if ready.study.alternative == "calibrated" else "power"
    axes.set_xlabel("patients")
    axes.set_ylabel(f"{of}, %")
    figure.legend(frameon=False, fontsize=8, loc="outside lower center", ncols=2)
    _headed(figure, axes, title, f"{of} by the size of the trial")
    return figure


def _draw_planned(axes: Axes, ready: PreparedStudy) -> None:
    """The exact power by n, where there is one."""
    exact = ready.design.power_by_n()
    if exact is None:
        return
    if exact.is_of_every_n:
        label = "exact, if every answer came at once"
        axes.plot(exact.n, 100.0 * exact.power, color=_GREY, linewidth=0.9, label=label)
    else:
        axes.plot(exact.n, 100.0 * exact.power, "s", color=_GREY, markersize=4.0, label="planned, exact")


def _draw_curve(axes: Axes, curve: pd.DataFrame) -> None:
    """Power by n under the calendar: a band where most trials were spent, single intervals outside of it.

    The first, coarse looks of the search share a few trials; among sizes with many trials they would only mislead.
    """
    fine = curve[curve["replicates"] == curve["replicates"].max()]
    coarse = curve[(curve["n"] < fine["n"].min()) | (curve["n"] > fine["n"].max())]
    if len(coarse):
        middle, half = 50.0 * (coarse["lower"] + coarse["upper"]), 50.0 * (coarse["upper"] - coarse["lower"])
        axes.errorbar(coarse["n"], middle, yerr=half, fmt="none", ecolor=_LIGHT, elinewidth=2.0)
        axes.plot(coarse["n"], 100.0 * coarse["power"], "o", color=_LIGHT, markersize=3.5,
                  label="under the calendar, few trials")  # fmt: skip
    axes.fill_between(
        fine["n"], 100.0 * fine["lower"], 100.0 * fine["upper"], color=_LIGHT, label="95 % Monte Carlo interval"
    )
    axes.plot(
        fine["n"], 100.0 * fine["power"], "o-", color=_DARK, markersize=3.5, linewidth=1.2, label="under the calendar"
    )


def draw_boundaries(
    title: str, planned: PlannedDesign, design: Mapping[str, Any], boundary: ToxicityBoundary | None
) -> Figure | None:
    """What each look decides; None for a design whose looks decide by neither counts nor z."""
    figure = Figure(figsize=(6.6, 4.4), layout="constrained")
    axes = figure.subplots()
    if not draw_looks(axes, planned, design, boundary):
        return None
    figure.legend(frameon=False, fontsize=8, loc="outside lower center", ncols=3)
    _headed(figure, axes, title, "what each look decides")
    return figure


def draw_looks(
    axes: Axes, planned: PlannedDesign, design: Mapping[str, Any], boundary: ToxicityBoundary | None = None
) -> bool:
    """What each look decides, drawn on axes; False for a design whose looks decide by neither counts nor z."""
    if "upper_z" in design and "looks" in design:
        _draw_z(axes, planned, design)
    elif "r" in design:
        _draw_counts(axes, design, boundary)
    else:
        return False
    return True


def _draw_z(axes: Axes, planned: PlannedDesign, design: Mapping[str, Any]) -> None:
    looks = np.array(design["looks"], dtype=np.float64)
    upper = np.array(design["upper_z"])
    top = float(np.max(upper[np.isfinite(upper)])) + 0.6
    axes.vlines(looks, upper, top, color=_GOOD, linewidth=7, alpha=0.6, label="reject the null hypothesis")
    axes.plot(looks, upper, "_", color=_GOOD, markersize=14, markeredgewidth=2.0)
    for x, z in zip(looks, upper, strict=True):
        axes.annotate(f"{z:.2f}", (x, z), xytext=(0, -11), textcoords="offset points", fontsize=8, ha="center")
    bottom = float(upper.min()) - 1.0
    if design["lower_z"]:
        lower = np.array(design["lower_z"])
        bottom = min(float(lower.min()) - 0.6, bottom)
        axes.vlines(looks[:-1], bottom, lower[:-1], color=_HARM, linewidth=7, alpha=0.5, label="stop for futility")
        axes.plot(looks[:-1], lower[:-1], "_", color=_HARM, markersize=14, markeredgewidth=2.0)
        for x, z in zip(looks[:-1], lower[:-1], strict=True):
            axes.annotate(f"{z:.2f}", (x, z), xytext=(0, 5), textcoords="offset points", fontsize=8, ha="center")
    axes.set_ylim(bottom, top)
    axes.set_xlim(0.0, 1.06 * float(looks.max()))
    axes.set_xlabel(planned.design.information.value)
    axes.set_ylabel("standardised difference (z)")


def _draw_counts(axes: Axes, design: Mapping[str, Any], boundary: ToxicityBoundary | None) -> None:
    """Stopping regions of counts: at each look, and the boundary for toxicity if there is one."""
    n, r = int(design["n"]), int(design["r"])
    if "n1" in design:
        _draw_first_stage(axes, design)
    for key, colour, words in (("stops_at_most", _HARM, "too few respond"), ("stops_from", _GOOD, "enough respond")):
        if key in design:
            _draw_steps(axes, design[key], key == "stops_at_most", colour, words)
    label = "" if "n1" in design or "stops_at_most" in design else "null not rejected"
    axes.vlines(n, -0.5, r + 0.5, color=_HARM, linewidth=7, alpha=0.6, label=label)
    axes.vlines(n, r + 0.5, n + 0.5, color=_GOOD, linewidth=7, alpha=0.8, label="recommend")
    toxicity = f"\nand toxicity ≤ {design['most_toxic']}" if "most_toxic" in design else ""
    _name_look(axes, n, f"> {r} of {n}{toxicity}", "left")
    x = np.array([0.0, n])
    for rate, colour, name in ((design["p0"], _HARM, "p0"), (design["p1"], _DARK, "p1")):
        axes.plot(x, rate * x, "--", color=colour, linewidth=0.9, label=f"expected at {name} = {rate:.2f}")
    most = _draw_toxicity(axes, boundary, design, max(1.6 * design["p1"] * n, r + 4.0))
    axes.set_ylim(-0.5, most)
    axes.set_xlim(0.0, n * 1.06)
    axes.set_xlabel("evaluable patients")
    has_toxicity = boundary is not None or "most_toxic" in design
    axes.set_ylabel("patients with a response (or toxicity)" if has_toxicity else "responses")


def _draw_steps(axes: Axes, steps: Sequence[str], is_low: bool, colour: str, label: str) -> None:
    """A boundary of many looks, from `count / patients` where each count holds first."""
    counts, sizes = zip(*(map(int, step.split("/")) for step in steps), strict=True)
    shift = 0.5 if is_low else -0.5
    axes.step(sizes, [x + shift for x in counts], where="post", color=colour, linewidth=1.6, label=label)


def _draw_first_stage(axes: Axes, design: Mapping[str, Any]) -> None:
    at, r = int(design["n1"]), int(design["r1"])
    top = float(design["e1"]) if "e1" in design else at + 0.5
    axes.vlines(at, -0.5, r + 0.5, color=_HARM, linewidth=7, alpha=0.6, label="too few respond")
    axes.vlines(at, r + 0.5, top, color=_LIGHT, linewidth=7, label="go on")
    toxicity = f"\nor toxicity > {design['most_toxic1']}" if "most_toxic1" in design else ""
    _name_look(axes, at, f"stop: ≤ {r} of {at}{toxicity}", "right")


def _name_look(axes: Axes, at: float, words: str, side: Literal["left", "right"]) -> None:
    """What a look decides, above the plot, where no line is."""
    transform = axes.get_xaxis_transform()
    axes.text(at, 1.02, words, transform=transform, fontsize=8.5, ha=side, va="bottom")


def _draw_toxicity(axes: Axes, boundary: ToxicityBoundary | None, design: Mapping[str, Any], most: float) -> float:
    """What toxicity decides; gives how high the picture must be."""
    n = int(design["n"])
    if "most_toxic" in design:
        for at, most_toxic in ((design["n1"], design["most_toxic1"]), (n, design["most_toxic"])):
            label = "too many with toxicity" if at == n else ""
            axes.vlines(at - TO_THE_LEFT * n, most_toxic + 0.5, at, color="black", linewidth=7, alpha=0.5, label=label)
        most = max(most, float(n) + 1.0)
    if boundary is not None:
        at_least = np.array(
            [x if x <= i else np.nan for i, x in enumerate(boundary.at_least, start=1)], dtype=np.float64
        )
        axes.step(
            np.arange(1, len(at_least) + 1), at_least, where="mid", color="black", linewidth=1.2, label="stop: toxicity"
        )
        most = max(most, float(np.nanmax(at_least)) + 2.0)
    return most


def draw_assurance(title: str, assurance: Assurance, target: float, what: str) -> Figure:
    """The distribution of power over the posterior, its mean, and what each parameter adds to the uncertainty in n."""
    figure = Figure(figsize=(9.5, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1.0])
    left.hist(100.0 * assurance.power_by_draw, bins=np.linspace(0, 100, 26), color=_LIGHT, edgecolor="white")
    for value, colour, name, line in (
        (assurance.assurance, _GOOD, "assurance", "-"),
        (assurance.power_at_median, _DARK, "at the posterior median", "-."),
        (target, "black", "target", ":"),
    ):
        label = f"{name} {100 * value:.0f} %"
        left.axvline(100.0 * value, color=colour, linewidth=1.8, linestyle=line, label=label)
    left.yaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(frameon=False, fontsize=8, loc="outside lower left", ncols=3)
    left.set_xlabel(f"{what}, %")
    left.set_ylabel("draws of the parameters")
    shares = assurance.shares[assurance.shares["parameter"] != "remainder"].head(8)[::-1]
    right.barh(shares["parameter"], 100.0 * shares["share"], color=_DARK)
    right.set_xlabel("share of the uncertainty in n, %", fontsize=8)
    right.tick_params(labelsize=8)
    for axes in (left, right):
        _plain(axes)
    figure.suptitle(f"{title}\n{what} over the posterior", x=0.01, ha="left", fontsize=10)
    return figure


def draw_calendar(title: str, rows: Mapping[str, Rows]) -> Figure:
    """When trials decide, under each truth, and on how many patients: what has been decided by each month."""
    figure = Figure(figsize=(8.6, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for truth, trials, alike in _histories(rows):
        months = np.sort(trials["decided_day"] / DAYS_PER_MONTH)
        share = 100.0 * np.arange(1, len(months) + 1) / len(months)
        colour, line = _COLOURS.get(truth, _GREY), _LINES.get(truth, (0, (5, 1, 1, 1, 1, 1)))
        words = alike.replace(POSTERIOR, "parameter uncertainty")
        left.plot(months, share, linestyle=line, color=colour, linewidth=1.4, label=words)
        patients = np.sort(trials["enrolled"])
        ends = patients[:1], patients[-1:]  # from no trial to all of them
        steps = np.concatenate([ends[0], patients, ends[1]]), np.concatenate([[0.0], share, [100.0]])
        right.plot(*steps, linestyle=line, color=colour, linewidth=1.4, drawstyle="steps-post")
    left.set_xlabel("months after opening")
    left.set_ylabel("trials decided, %")
    right.set_xlabel("patients enrolled at the decision")
    right.set_ylabel("trials, %")
    figure.legend(frameon=False, fontsize=8, loc="outside lower center", ncols=2)
    for axes in (left, right):
        axes.set_ylim(0.0, 102.0)
        _plain(axes)
    figure.suptitle(f"{title}\nwhen the trial decides, and on how many patients", x=0.01, ha="left", fontsize=10)
    return figure


def _histories(rows: Mapping[str, Rows]) -> list[tuple[str, Rows, str]]:
    """The truths that differ in when trials decide or on how many: one of them, its rows, and all that are alike."""
    histories: list[tuple[str, Rows, str]] = []
    for truth, trials in rows.items():
        for i, (first, earlier, names) in enumerate(histories):
            if all(np.array_equal(trials[name], earlier[name]) for name in ("decided_day", "enrolled")):
                histories[i] = first, earlier, f"{names}, {truth}"
                break
        else:
            histories.append((truth, trials, truth))
    if len(histories) == 1 and len(rows) > 1:
        return [(*histories[0][:2], "the same under every truth")]
    return histories


def _headed(figure: Figure, axes: Axes, title: str, subtitle: str) -> None:
    _plain(axes)
    figure.suptitle(f"{title}\n{subtitle}", x=0.01, ha="left", fontsize=10)


def _plain(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
