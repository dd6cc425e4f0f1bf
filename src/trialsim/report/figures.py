"""The pictures of a results folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from trialsim.analysis import Estimate
from trialsim.config import Scenario
from trialsim.records.replicate_store import ReplicateStore


def draw_calibration_figures(
    folder: Path,
    scenario: Scenario,
    learned: pd.DataFrame,
    scores: npt.NDArray[np.float64],
    store: ReplicateStore,
    estimates: Sequence[Estimate],
    predictive: pd.DataFrame,
    left_out: pd.DataFrame | None,
    sensitivity: pd.DataFrame | None,
) -> None:
    """Write the pictures of a calibration into a folder; those of the last two tables where they are there."""
    _prepare()
    from trialsim.report.calibration_figures import draw_learned, draw_left_out, draw_sensitivity
    from trialsim.report.predictive import draw_predictive

    draw_learned(folder / "learned.png", scenario.title, learned, scores)
    draw_predictive(folder / "predictive.png", scenario, store, estimates)
    if left_out is not None:
        draw_left_out(folder / "left_out.png", scenario.title, predictive, left_out)
    if sensitivity is not None:
        draw_sensitivity(folder / "sensitivity.png", scenario.title, sensitivity)


def draw_compare_figures(
    folder: Path,
    title: str,
    estimates: pd.DataFrame,
    differences: pd.DataFrame,
    ranks: pd.DataFrame,
    plane: tuple[str, str] | None,
    dominated: Mapping[str, str],
) -> None:
    """Write the pictures of a comparison into a folder; those of ranks and of the plane where there are such."""
    _prepare()
    from trialsim.report.compare_figures import draw_differences, draw_plane, draw_ranks

    draw_differences(folder / "differences.png", title, differences)
    if plane is not None:
        draw_plane(folder / "plane.png", title, estimates, differences, plane, dominated)
    if len(ranks):
        draw_ranks(folder / "ranks.png", title, ranks)


def _prepare() -> None:
    import matplotlib  # slow to import, and not needed before pictures are drawn

    matplotlib.use("Agg")
    matplotlib.rcParams["text.parse_math"] = False  # a name may hold a dollar sign


def draw_figures(
    folder: Path,
    scenario: Scenario,
    events: pd.DataFrame,
    patients: pd.DataFrame,
    store: ReplicateStore,
    estimates: Sequence[Estimate],
) -> None:
    """Write `swimmer.png` (the first replicate) and `predictive.png` (all of them) into a folder."""
    _prepare()
    from trialsim.report.predictive import draw_predictive
    from trialsim.report.swimmer import draw_swimmer

    first = patients["replicate"] == 1
    if first.any():
        draw_swimmer(folder / "swimmer.png", scenario, events[events["replicate"] == 1], patients[first])
    draw_predictive(folder / "predictive.png", scenario, store, estimates)
