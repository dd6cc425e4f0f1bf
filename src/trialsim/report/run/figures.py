"""The pictures of a results folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd

from trialsim.analysis import Estimate
from trialsim.config import Scenario
from trialsim.storage.replicate_store import ReplicateStore
from trialsim.typing import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI: Final = 150
# Without the time of writing in it, the same picture is the same file.
_NO_DATE: Final = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}


def save_figures(folder: Path, formats: Sequence[str], figures: Mapping[str, Figure | None]) -> None:
    """Write figures into a folder by name, in every format; one that is None had nothing to show."""
    for name, figure in figures.items():
        if figure is not None:
            for form in formats:
                figure.savefig(folder / f"{name}.{form}", dpi=DPI, metadata=_NO_DATE[form])


def prepare() -> None:
    """Settle what holds for all pictures; before the first is drawn."""
    import warnings

    import matplotlib  # slow to import, and not needed before pictures are drawn

    # A title may hold any sign; one that the font lacks is drawn as a box, and is no news for the terminal.
    warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font", category=UserWarning)

    matplotlib.use("Agg")
    matplotlib.rcParams["text.parse_math"] = False  # a name may hold a dollar sign
    matplotlib.rcParams["svg.hashsalt"] = "trialsim"  # names of parts that do not differ from file to file
    matplotlib.rcParams["pdf.fonttype"] = 42  # letters that stay letters, and can be edited
    matplotlib.rcParams["svg.fonttype"] = "none"  # the same


def draw_calibration_figures(
    folder: Path,
    formats: Sequence[str],
    scenario: Scenario,
    learned: pd.DataFrame,
    scores: Floats,
    store: ReplicateStore,
    estimates: Sequence[Estimate],
    predictive: pd.DataFrame,
    left_out: pd.DataFrame | None,
    sensitivity: pd.DataFrame | None,
) -> None:
    """Write the pictures of a calibration into a folder; those of the last two tables where they are there."""
    prepare()
    from trialsim.report.calibration.figures import draw_learned, draw_left_out, draw_sensitivity
    from trialsim.report.run.predictive import draw_predictive

    title = scenario.title
    figures = {
        "learned": draw_learned(title, learned, scores),
        "predictive": draw_predictive(scenario, store, estimates),
        "left_out": draw_left_out(title, predictive, left_out) if left_out is not None else None,
        "sensitivity": draw_sensitivity(title, sensitivity) if sensitivity is not None else None,
    }
    save_figures(folder, formats, figures)


def draw_compare_figures(
    folder: Path,
    formats: Sequence[str],
    title: str,
    estimates: pd.DataFrame,
    differences: pd.DataFrame,
    ranks: pd.DataFrame,
    plane: tuple[str, str] | None,
    dominated: Mapping[str, str],
) -> None:
    """Write the pictures of a comparison into a folder; those of ranks and of the plane where there are such."""
    prepare()
    from trialsim.report.comparison.figures import draw_differences, draw_plane, draw_ranks

    figures = {
        "differences": draw_differences(title, differences),
        "plane": draw_plane(title, estimates, differences, plane, dominated) if plane is not None else None,
        "ranks": draw_ranks(title, ranks) if len(ranks) else None,
    }
    save_figures(folder, formats, figures)


def draw_figures(
    folder: Path,
    formats: Sequence[str],
    scenario: Scenario,
    events: pd.DataFrame,
    patients: pd.DataFrame,
    store: ReplicateStore,
    estimates: Sequence[Estimate],
) -> None:
    """Write the pictures `swimmer` (the first replicate) and `predictive` (all of them) into a folder."""
    prepare()
    from trialsim.report.run.predictive import draw_predictive
    from trialsim.report.run.swimmer import draw_swimmer

    first = patients["replicate"] == 1
    figures = {
        "swimmer": draw_swimmer(scenario, events[events["replicate"] == 1], patients[first]) if first.any() else None,
        "predictive": draw_predictive(scenario, store, estimates),
    }
    save_figures(folder, formats, figures)
