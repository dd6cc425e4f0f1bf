"""The pictures of a results folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from trialsim.analysis import Estimate
from trialsim.config import Scenario
from trialsim.records.replicate_store import ReplicateStore


def draw_figures(
    folder: Path,
    scenario: Scenario,
    events: pd.DataFrame,
    patients: pd.DataFrame,
    store: ReplicateStore,
    estimates: Sequence[Estimate],
) -> None:
    """Write `swimmer.png` (the first replicate) and `predictive.png` (all of them) into a folder."""
    import matplotlib  # slow to import, and not needed before pictures are drawn

    matplotlib.use("Agg")
    matplotlib.rcParams["text.parse_math"] = False  # a name may hold a dollar sign
    from trialsim.report.predictive import draw_predictive
    from trialsim.report.swimmer import draw_swimmer

    first = patients["replicate"] == 1
    if first.any():
        draw_swimmer(folder / "swimmer.png", scenario, events[events["replicate"] == 1], patients[first])
    draw_predictive(folder / "predictive.png", scenario, store, estimates)
