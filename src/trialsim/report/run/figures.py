"""The pictures of a results folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from trialsim.analysis import Estimate
from trialsim.config import Scenario
from trialsim.endpoints.measured_trials import MeasuredTrials
from trialsim.report.pictures import prepare, save_figures
from trialsim.typing import Floats


def draw_calibration_figures(
    folder: Path,
    formats: Sequence[str],
    scenario: Scenario,
    posterior_summary: pd.DataFrame,
    scores: Floats,
    trials: MeasuredTrials,
    estimates: Sequence[Estimate],
    predictive: pd.DataFrame,
    left_out: pd.DataFrame | None,
    sensitivity: pd.DataFrame | None,
) -> None:
    """Write the pictures of a calibration into a folder; those of the last two tables where they are there."""
    prepare()
    from trialsim.report.calibration.figures import draw_left_out, draw_posterior_summary, draw_sensitivity
    from trialsim.report.run.predictive import draw_predictive

    title = scenario.title
    figures = {
        "posterior_summary": draw_posterior_summary(title, posterior_summary, scores),
        "predictive": draw_predictive(scenario, trials, estimates),
        "left_out": draw_left_out(title, predictive, left_out) if left_out is not None else None,
        "sensitivity": draw_sensitivity(title, sensitivity) if sensitivity is not None else None,
    }
    save_figures(folder, formats, figures)


def draw_joint_calibration_figures(
    folder: Path,
    formats: Sequence[str],
    title: str,
    posterior_summary: pd.DataFrame,
    between_trials: pd.DataFrame,
    predictive: pd.DataFrame,
    new_trial: str,
    left_out: pd.DataFrame | None,
) -> None:
    """Write the pictures of a joint calibration into a folder; that of the trials where something differs."""
    prepare()
    from trialsim.report.calibration.joint_figures import draw_left_out_trials, draw_percentiles, draw_trials

    differs = len(between_trials) > 0
    figures = {
        "trials": draw_trials(title, posterior_summary, between_trials, new_trial) if differs else None,
        "predictive": draw_percentiles(title, predictive),
        "left_out": draw_left_out_trials(title, left_out) if left_out is not None else None,
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
    trials: MeasuredTrials,
    estimates: Sequence[Estimate],
) -> None:
    """Write the pictures `swimmer` (the first replicate) and `predictive` (all of them) into a folder."""
    prepare()
    from trialsim.report.run.predictive import draw_predictive
    from trialsim.report.run.swimmer import draw_swimmer

    first = patients["replicate"] == 1
    figures = {
        "swimmer": draw_swimmer(scenario, events[events["replicate"] == 1], patients[first]) if first.any() else None,
        "predictive": draw_predictive(scenario, trials, estimates),
    }
    save_figures(folder, formats, figures)


def draw_figures_of_arms(
    folder: Path, formats: Sequence[str], scenario: Scenario, events: pd.DataFrame, patients: pd.DataFrame
) -> None:
    """Write the picture `swimmer` (the first replicate, arm by arm) into a folder."""
    prepare()
    from trialsim.report.run.swimmer import draw_swimmer_of_arms

    first = patients["replicate"] == 1
    of_first = events[events["replicate"] == 1]
    swimmer = draw_swimmer_of_arms(scenario, of_first, patients[first]) if first.any() else None
    save_figures(folder, formats, {"swimmer": swimmer, "predictive": None})
