"""What a calibration prints: posterior and fit, a line for each other part, every table on request."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType

from trialsim.config import Scenario
from trialsim.config.calibrated.draw_tables import ParameterTable
from trialsim.endpoints.registry import statistic_title
from trialsim.records.tables import plain_rows
from trialsim.report import labels
from trialsim.report.layout import DataTable, Paragraph

_MOST_CORRELATIONS = 5


def calibration_view(
    scenario: Scenario,
    n_draws: int,
    posterior_summary: pd.DataFrame,
    correlations: pd.DataFrame,
    components: pd.DataFrame,
    predictive: pd.DataFrame,
    left_out: pd.DataFrame | None,
    sensitivity: pd.DataFrame | None,
    has_details: bool = False,
    prior_draws: ParameterTable | None = None,
) -> RenderableType:
    """The posterior and whether the cohort is reproduced; with details also what other assumptions would move."""
    cohort = scenario.cohort.name if scenario.cohort is not None else ""
    ess, r_hat = posterior_summary[["ess_bulk", "ess_tail"]].to_numpy().min(), posterior_summary["r_hat"].max()
    parts: list[RenderableType] = [
        Paragraph(f"\n{scenario.title}", "bold"),
        Paragraph(f"{n_draws:,} draws of {len(posterior_summary)} parameters, given the cohort {cohort}"),
        *_about_prior(prior_draws),
        Paragraph(f"R-hat at most {r_hat:.3f}, effective sample size at least {ess:,.0f}\n"),
    ]
    if not has_details:
        lines = "\n".join(_lines(components, correlations, predictive, left_out, sensitivity))
        tables = (_short_summary_table(posterior_summary), predictive_table(predictive, has_details=False))
        return Group(*parts, *tables, Paragraph(lines))
    parts += [_summary_table(posterior_summary), Paragraph(_flat(components))]
    if len(correlations):
        parts.append(Paragraph(_correlations(correlations)))
    parts += [predictive_table(predictive), Paragraph(_verdict(predictive))]
    if left_out is not None:
        parts += [_left_out_table(left_out), Paragraph(_note_on_left_out(left_out))]
    if sensitivity is not None:
        parts.append(_sensitivity_table(sensitivity))
    return Group(*parts)


def _about_prior(draws: ParameterTable | None) -> Iterator[Paragraph]:
    """Where the prior is from, if it is a table of draws."""
    if draws is not None:
        yield Paragraph(f"The prior is {len(draws.values):,} draws of {draws.title} (digest {draws.digest})")


def _short_summary_table(posterior_summary: pd.DataFrame) -> DataTable:
    names = ("parameter", "unit", "posterior (90 %)", "±", "contraction")
    table = DataTable("Posterior summary", names)
    for row in plain_rows(posterior_summary):
        after = labels.median_and_interval(*(float(row[f"posterior_{part}"]) for part in ("median", "lower", "upper")))
        error = labels.significant(float(row["median_mcse"]), 1)
        table.add(row["parameter"], row["unit"] or "", after, error, f"{100 * row['contraction']:.0f} %")
    return table


def _lines(
    components: pd.DataFrame,
    correlations: pd.DataFrame,
    predictive: pd.DataFrame,
    left_out: pd.DataFrame | None,
    sensitivity: pd.DataFrame | None,
) -> Iterator[str]:
    """A line for each part that has a table of its own with details."""
    yield (
        "Posterior: median with 90 % interval; ± is the Monte Carlo standard error of the median; contraction is "
        "1 - var(posterior) / var(prior)."
    )
    n_flat = int(components["is_flat"].sum())
    have = "has" if n_flat == 1 else "have"
    of = f"Of {len(components)} principal components of the posterior"
    yield f"{of} {n_flat} {have} nearly the variance of the prior."
    if len(correlations):
        row = plain_rows(correlations.head(1))[0]
        yield f"Strongest correlation: {row['correlation']:+.2f}, {row['parameter']} and {row['other']}."
    yield _verdict(predictive).strip()
    if left_out is not None:
        yield f"Left out one by one: {_note_on_left_out(left_out).strip()}"
    if sensitivity is not None:
        others = sensitivity[(sensitivity["variant"] != sensitivity["variant"].iloc[0]) & (sensitivity["unit"] == "")]
        row = plain_rows(others.loc[[others["shift"].abs().idxmax()]])[0]
        shift = labels.with_error(float(row["shift"]), float(row["shift_mcse"]), "")
        yield (
            f"Largest shift of a share under another assumption: {statistic_title(str(row['quantity']))} {shift} "
            f"({row['variant']})."
        )
    yield "Every table and note: --details.\n"


def _summary_table(posterior_summary: pd.DataFrame) -> DataTable:
    names = ("parameter", "unit", "prior median (90 %)", "posterior median (90 %)", "±", "contraction", "")
    table = DataTable("Posterior summary", names, left=("unit", ""))
    for row in plain_rows(posterior_summary):
        before, after = (
            labels.median_and_interval(*(float(row[f"{which}_{part}"]) for part in ("median", "lower", "upper")))
            for which in ("prior", "posterior")
        )
        error = labels.significant(float(row["median_mcse"]), 1)
        contraction = f"{100 * row['contraction']:.1f} ± {100 * row['contraction_mcse']:.1f} %"
        cells = (row["parameter"], row["unit"], before, after, error, contraction, row["verdict"])
        table.add(*cells)
    return table


def _flat(components: pd.DataFrame) -> str:
    """The principal components with the largest contractions, and those that are flat."""
    n_flat = int(components["is_flat"].sum())
    n_halved = int((components["contraction"] >= 0.5).sum())
    lines = [
        "± is the Monte Carlo standard error of the posterior median; contraction is 1 - var(posterior) / var(prior).",
        f"Of {len(components)} principal components of the posterior {n_halved} have at most half the variance of the "
        f"prior and {n_flat} nearly all of it. Largest contractions:",
    ]
    lines += [_component(row) for row in plain_rows(components.head(3))]
    flat = components[components["is_flat"]]
    if len(flat):
        lines.append("No contraction:")
        lines += [_component(row) for row in plain_rows(flat)]
    return "\n".join(lines) + "\n"


def _component(row: dict[str, Any]) -> str:
    return f"  {100 * max(row['contraction'], 0.0):3.0f} %  {row['component']}"


def _correlations(correlations: pd.DataFrame) -> str:
    lines = ["Correlations of the scores in the posterior:"]
    lines += [
        f"  {row['correlation']:+.2f} ± {row['mcse']:.2f}  {row['parameter']} and {row['other']}"
        for row in plain_rows(correlations.head(_MOST_CORRELATIONS))
    ]
    return "\n".join(lines) + "\n"


def predictive_table(predictive: pd.DataFrame, *, has_details: bool = True) -> DataTable:
    """The published statistics beside trials under the posterior; with details also where the spread comes from."""
    names = ("statistic", "published", "predicted", "80 % of trials")
    details = ("95 % of trials", "sd sampling", "sd parameters", "tail p") if has_details else ()
    table = DataTable("Does it reproduce the cohort? Trials under the posterior", (*names, *details))
    for row in plain_rows(predictive):
        unit = str(row["unit"])
        mark = "  " if row["is_inside_80"] else " ✗"
        cells = [
            statistic_title(str(row["statistic"]), str(row["unit"])),
            row["printed"],
            labels.with_error(_number(row["predicted"]), _number(row["mcse"]), unit),
            labels.interval(_end(row["lower_80"]), _end(row["upper_80"]), unit) + mark,
        ]
        if has_details:
            cells += [
                labels.interval(_end(row["lower_95"]), _end(row["upper_95"]), unit),
                labels.with_error(_number(row["sd_sampling"]), _number(row["sd_sampling_mcse"]), unit),
                labels.with_error(_number(row["sd_parameters"]), _number(row["sd_parameters_mcse"]), unit),
                f"{row['tail_probability']:.2f}",
            ]
        table.add(*cells)
    return table


def _number(value: Any) -> float:
    """A number of a plain row; NaN where it does not exist."""
    return math.nan if value is None else float(value)


def _end(value: Any) -> float:
    """An end of an interval of a plain row; infinite where a median was not reached."""
    return math.inf if value is None else float(value)


def _verdict(predictive: pd.DataFrame) -> str:
    outside = [
        statistic_title(str(row["statistic"]), str(row["unit"]))
        for row in plain_rows(predictive)
        if not row["is_inside_80"]
    ]
    if outside:
        return f"Outside the 80 % predictive interval: {', '.join(outside)}.\n"
    return "Every published statistic lies inside the 80 % predictive interval.\n"


def _left_out_table(left_out: pd.DataFrame) -> DataTable:
    names = ("statistic", "published", "predicted from the others", "80 % of trials", "tail p", "effective draws")
    table = DataTable("Each statistic left out and predicted", names)
    for row in plain_rows(left_out):
        unit = str(row["unit"])
        published = labels.with_error(_number(row["published"]), float("nan"), unit)
        cells = (
            statistic_title(str(row["quantity"]), unit),
            published,
            labels.with_error(_number(row["predicted"]), _number(row["mcse"]), unit),
            labels.interval(_end(row["lower_80"]), _end(row["upper_80"]), unit),
            f"{row['tail_probability']:.2f}",
            f"{row['ess']:,.0f}" + (" refitted" if row["method"] == "fitted again" else ""),
        )
        table.add(*cells)
    return table


def _note_on_left_out(left_out: pd.DataFrame) -> str:
    outside = [
        statistic_title(str(row["quantity"]), str(row["unit"]))
        for row in plain_rows(left_out)
        if not row["is_inside_80"]
    ]
    return (
        f"Not foreseen by the other statistics (outside 80 %): {', '.join(outside)}.\n"
        if outside
        else "Every statistic lies in the 80 % interval that the others predict.\n"
    )


def _sensitivity_table(sensitivity: pd.DataFrame) -> DataTable:
    units = dict(zip(sensitivity["quantity"], sensitivity["unit"], strict=True))
    quantities = list(units)
    titles = [statistic_title(quantity, unit) for quantity, unit in units.items()]
    table = DataTable("Sensitivity to other assumptions", ("assumption", *titles))
    for variant, rows in sensitivity.groupby("variant", sort=False):
        by_quantity = rows.set_index("quantity")
        is_base = variant == sensitivity["variant"].iloc[0]
        cells = [str(variant)]
        for quantity in quantities:
            if quantity not in by_quantity.index:
                cells.append(labels.NOTHING)
                continue
            row = by_quantity.loc[quantity]
            which = "value" if is_base else "shift"
            error = "mcse" if is_base else "shift_mcse"
            text = labels.with_error(float(row[which]), float(row[error]), str(row["unit"]))
            cells.append(text if is_base or text.startswith("-") else f"+{text}")
        table.add(*cells)
    return table
