"""What a joint calibration prints: how much trials differ, what a new trial is expected to be, and the fit."""

from __future__ import annotations

import pandas as pd
from rich.console import Group, RenderableType

from trialsim.calibration.joint.evidence import LogEvidence
from trialsim.calibration.joint.posterior import NEW_TRIAL
from trialsim.endpoints.registry import statistic_title
from trialsim.records.tables import plain_rows
from trialsim.report import labels
from trialsim.report.layout import DataTable, Paragraph

_NOTE_ON_LEFT_OUT = (
    "percentile: of simulated trials below the published statistic; near 0 or 100 % the trial contradicts the others. "
    "worth: how many patients of its own would tell of a share as much as the other trials do."
)


def joint_calibration_view(
    title: str,
    trials: tuple[str, ...],
    n_draws: int,
    ess: float,
    evidence: LogEvidence,
    summary: pd.DataFrame,
    between_trials: pd.DataFrame,
    predictive: pd.DataFrame,
    has_details: bool = False,
    left_out: pd.DataFrame | None = None,
    coverage: pd.DataFrame | None = None,
) -> RenderableType:
    """The posterior of a new trial and how much trials differ; with details also that of each trial's centre."""
    parts: list[RenderableType] = [
        Paragraph(f"\n{title}", "bold"),
        Paragraph(f"{n_draws:,} draws given {len(trials)} cohorts: {', '.join(trials)}"),
        Paragraph(
            f"effective sample size at least {ess:,.0f}; log evidence {evidence.value:.1f} ± {evidence.mcse:.1f}\n"
        ),
    ]
    shown = [*trials, NEW_TRIAL] if has_details else [NEW_TRIAL]
    parts += [_summary_table(summary[summary["trial"] == trial], trial) for trial in shown]
    if len(between_trials):
        parts.append(_between_trials_table(between_trials))
    if has_details:
        parts.append(_predictive_table(predictive))
    parts.append(Paragraph("\n".join(_lines(predictive))))
    if left_out is not None and coverage is not None:
        parts += [_left_out_table(left_out), Paragraph(_NOTE_ON_LEFT_OUT), _coverage_table(coverage)]
    return Group(*parts)


def _summary_table(rows: pd.DataFrame, trial: str) -> DataTable:
    table = DataTable(
        f"Parameters of {trial}", ("parameter", "unit", "prior (90 %)", "posterior (90 %)", "contraction")
    )
    for row in plain_rows(rows):
        before, after = (_interval(row, part) for part in ("prior", "posterior"))
        table.add(row["parameter"], row["unit"] or "", before, after, f"{100 * row['contraction']:.0f} %")
    return table


def _between_trials_table(between_trials: pd.DataFrame) -> DataTable:
    table = DataTable("Between-trial standard deviations", ("family", "prior (90 %)", "posterior (90 %)", "parameters"))
    for row in plain_rows(between_trials):
        table.add(row["family"], _interval(row, "prior"), _interval(row, "posterior"), row["parameters"])
    return table


def _interval(row: dict[str, object], part: str) -> str:
    return labels.median_and_interval(*(float(str(row[f"{part}_{key}"])) for key in ("median", "lower", "upper")))


def _predictive_table(predictive: pd.DataFrame) -> DataTable:
    table = DataTable(
        "Published statistics among simulated trials", ("trial", "quantity", "published", "80 % interval", "percentile")
    )
    for row in plain_rows(predictive):
        interval = f"{labels.significant(float(row['lower_80']), 3)}-{labels.significant(float(row['upper_80']), 3)}"
        percentile = f"{100 * float(row['percentile']):.0f} %"
        table.add(row["trial"], statistic_title(str(row["quantity"])), row["printed"], interval, percentile)
    return table


def _left_out_table(left_out: pd.DataFrame) -> DataTable:
    columns = ("trial", "statistic", "published", "50 % of trials", "90 % of trials", "percentile", "worth")
    table = DataTable("Each trial predicted from the others", columns)
    for row in plain_rows(left_out):
        scale = 100.0 if not row["unit"] else 1.0
        intervals = [
            "–".join(labels.significant(scale * float(row[f"{end}_{share}"]), 3) for end in ("lower", "upper"))
            for share in (50, 90)
        ]
        percentile = f"{100 * float(row['percentile']):.0f} %"
        worth = row["effective_patients"]
        patients = labels.significant(float(worth), 2) if worth is not None else ""
        table.add(row["trial"], statistic_title(str(row["quantity"])), row["printed"], *intervals, percentile, patients)
    return table


def _coverage_table(coverage: pd.DataFrame) -> DataTable:
    columns = ("family", "statistics", "in 50 %", "in 80 %", "in 90 %", "mean percentile")
    table = DataTable("How many published statistics lie in the intervals of trials that were predicted", columns)
    for row in plain_rows(coverage):
        inside = [str(row[f"inside_{share}"]) for share in (50, 80, 90)]
        table.add(row["family"], str(row["statistics"]), *inside, f"{100 * float(row['mean_percentile']):.0f} %")
    return table


def _lines(predictive: pd.DataFrame) -> list[str]:
    n_inside = int(predictive["is_inside_80"].sum())
    return [
        "Posterior: median with 90 % interval; contraction is 1 - var(posterior) / var(prior). A new trial differs "
        "from these as they differ from each other.",
        f"Of {len(predictive)} published statistics {n_inside} lie in the 80 % interval of simulated trials of their "
        "own centre.",
        "The log evidence compares studies of the same statistics: a difference of 3 is a Bayes factor of 20.",
    ]
