"""Published statistics against the distribution that single simulated trials have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from trialsim.analysis import (
    Estimate,
    per_trial_values,
)
from trialsim.config import Scenario, differences_from_published
from trialsim.config.checks.calibrated_values import is_calibrated_to_its_cohort
from trialsim.endpoints.measured_trials import MeasuredTrials
from trialsim.endpoints.registry import is_statistic, statistic_label
from trialsim.storage.replicate_store import ReplicateStore
from trialsim.typing import Floats

_BODY, _EDGE, _PUBLISHED = "#a9c6d9", "#1d3557", "#c1121f"
_N_SHOWN: Final = 12
_N_BINS: Final = 24
_N_DRAWN: Final = 100_000  # more trials than these draw the same picture and take more memory


def draw_predictive(
    scenario: Scenario, trials: MeasuredTrials | ReplicateStore, estimates: Sequence[Estimate]
) -> Figure:
    """The picture: shares on one axis, every other quantity on its own.

    Shows the published statistics; without a cohort, the first quantities that exist.
    """
    published = [item for item in estimates if item.printed]
    shown = published or [item for item in estimates if item.n_defined > 0][:_N_SHOWN]
    panels = [[item for item in shown if not item.unit], *[[item] for item in shown if item.unit]]
    panels = [panel for panel in panels if panel]
    heights = [0.45 + 0.45 * len(panel) for panel in panels]
    figure = Figure(figsize=(9, sum(heights) + 1.6), layout="constrained")
    axes = figure.subplots(len(panels), 1, height_ratios=heights, squeeze=False)
    for axis, panel in zip(axes[:, 0], panels, strict=True):
        _panel(axis, panel, trials.first(_N_DRAWN), scenario.accrual.patients)
    n, what = scenario.accrual.patients, "published statistics and " if published else ""
    legend = "line: 95 % of trials, thick 80 %; dot: mean" + ("; diamond: published" if published else "")
    if published and is_calibrated_to_its_cohort(scenario) and not differences_from_published(scenario):
        legend += "; the parameters were fitted to these statistics"
    title = f"{scenario.title}\n{what}{trials.n:,} simulated trials of {n} patients\n{legend}"
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def _panel(axes: Axes, items: Sequence[Estimate], trials: MeasuredTrials | ReplicateStore, n_patients: int) -> None:
    is_share = not items[0].unit
    scale = 100.0 if is_share else 1.0
    for y, item in enumerate(reversed(items)):
        values = per_trial_values(trials, item.statistic)
        defined = values[np.isfinite(values)]
        if len(defined) and float(np.ptp(defined)) > 0.0:
            defined *= scale
            most = {"": 100.0, "patients": float(n_patients)}.get(item.unit, math.inf)
            _body(axes, y, defined, _width(defined, item.unit), max(most, float(defined.max())))
        last = float(defined.max()) if len(defined) else math.nan  # an end that was not reached lies beyond it
        outer, inner = (
            [min(end * scale, last) if math.isinf(end) else end * scale for end in ends]
            for ends in ((item.lower, item.upper), (item.lower_80, item.upper_80))
        )
        axes.plot(outer, [y, y], color=_EDGE, linewidth=1.8, zorder=3)
        axes.plot(inner, [y, y], color=_EDGE, linewidth=4.5, solid_capstyle="butt", zorder=3)
        axes.plot(item.value * scale, y, "o", color="white", markeredgecolor=_EDGE, markersize=5, zorder=4)
        if not math.isnan(item.published):
            style = {"color": _PUBLISHED, "markersize": 7, "markeredgecolor": "white"}
            axes.plot(item.published * scale, y, "D", zorder=5, **style)  # type: ignore[arg-type]
    ticks = [statistic_label(item.statistic) for item in reversed(items)]
    axes.set_yticks(range(len(items)), ticks)
    axes.set_ylim(-0.6, len(items) - 0.4)
    shares = "per cent of the enrolled (toxicities), of the evaluable (responses), of the responders"
    own_words = not all(is_statistic(item.statistic) for item in items)  # a name that says of whom
    axes.set_xlabel(("per cent" if own_words else shares) if is_share else items[0].unit)
    if is_share:
        axes.set_xlim(-3, 103)
    if items[0].unit == "patients":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _width(values: Floats, unit: str) -> float:
    """The width of a bar: 1 for counts, else Freedman and Diaconis (1981), in whole steps where values have steps."""
    if unit == "patients":
        return 1.0
    spread = float(np.subtract(*np.quantile(values, [0.75, 0.25])))
    wanted = 2.0 * spread / len(values) ** (1.0 / 3.0) if spread > 0.0 else 0.0
    gaps = np.diff(np.unique(values))
    gap = float(gaps.min()) if len(gaps) else 0.0
    is_lattice = len(gaps) > 0 and bool(np.allclose(gaps / gap, np.round(gaps / gap), atol=1e-6))
    if is_lattice and len(gaps) < _N_BINS * 4:
        return gap * max(1.0, round(wanted / gap))
    return max(wanted, float(np.ptp(values)) / (2 * _N_BINS), 1e-9)


def _body(axes: Axes, y: int, values: Floats, width: float, most: float) -> None:
    """The distribution as a symmetric body around its line, bars centred on multiples of their width.

    Bars end where the quantity ends: at 0 and at `most`.
    """
    first, last = math.floor(values.min() / width + 0.5), math.floor(values.max() / width + 0.5)
    edges = (np.arange(first, last + 2) - 0.5) * width
    counts, _ = np.histogram(values, bins=edges)
    heights = 0.8 * counts / counts.max()
    edges = np.clip(edges, 0.0, most)
    axes.stairs(y + heights / 2, edges, baseline=y - heights / 2, fill=True, color=_BODY, zorder=1)
