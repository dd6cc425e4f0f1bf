"""The tables of a calibration, in a terminal."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from trialsim.config import Scenario
from trialsim.records.tables import plain_rows
from trialsim.report import words

_MOST_CORRELATIONS = 5


def calibration_view(
    scenario: Scenario,
    n_draws: int,
    learned: pd.DataFrame,
    correlations: pd.DataFrame,
    directions: pd.DataFrame,
    predictive: pd.DataFrame,
    left_out: pd.DataFrame | None,
    sensitivity: pd.DataFrame | None,
) -> RenderableType:
    """What was learned, whether the cohort is reproduced, and what other assumptions would move."""
    heading = Text(f"\n{scenario.title}\n", style="bold")
    cohort = scenario.cohort.name if scenario.cohort is not None else ""
    heading.append(f"{n_draws:,} draws of {len(learned)} parameters, given the cohort {cohort}\n", style="not bold")
    ess, r_hat = learned[["ess_bulk", "ess_tail"]].to_numpy().min(), learned["r_hat"].max()
    heading.append(f"R-hat at most {r_hat:.3f}, effective sample size at least {ess:,.0f}\n", style="not bold")
    parts: list[RenderableType] = [heading, _learned_table(learned), Text(_flat(directions))]
    if len(correlations):
        parts.append(Text(_correlations(correlations)))
    parts += [_predictive_table(predictive), Text(_verdict(predictive))]
    if left_out is not None:
        parts += [_left_out_table(left_out), Text(_note_on_left_out(left_out))]
    if sensitivity is not None:
        parts.append(_sensitivity_table(sensitivity))
    return Group(*parts)


def _table(title: str, *names: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for i, name in enumerate(names):
        table.add_column(name, justify="left" if i == 0 or name in ("unit", "") else "right", no_wrap=True)
    return table


def _learned_table(learned: pd.DataFrame) -> Table:
    names = ("parameter", "unit", "prior median (90 %)", "posterior median (90 %)", "±", "contraction", "")
    table = _table("What the cohort taught", *names)
    for row in plain_rows(learned):
        before, after = (
            words.median_and_interval(*(float(row[f"{which}_{part}"]) for part in ("median", "lower", "upper")))
            for which in ("prior", "posterior")
        )
        error = words.significant(float(row["median_mcse"]), 1)
        contraction = f"{100 * row['contraction']:.1f} ± {100 * row['contraction_mcse']:.1f} %"
        cells = (row["parameter"], row["unit"], before, after, error, contraction, row["verdict"])
        table.add_row(*(Text(str(cell)) for cell in cells))
    return table


def _flat(directions: pd.DataFrame) -> str:
    """How much was learned in all, and where the cohort says nothing."""
    n_flat = int(directions["is_flat"].sum())
    n_learned = int((directions["contraction"] >= 0.5).sum())
    lines = [
        "± is the Monte Carlo standard error of the posterior median; contraction is 1 - var(posterior) / var(prior).",
        f"Of {len(directions)} directions of the parameters the cohort halves the variance in {n_learned} "
        f"and leaves {n_flat} as the prior has them. It taught most about",
    ]
    lines += [_direction(row) for row in plain_rows(directions.head(3))]
    flat = directions[directions["is_flat"]]
    if len(flat):
        lines.append("and nothing about")
        lines += [_direction(row) for row in plain_rows(flat)]
    return "\n".join(lines) + "\n"


def _direction(row: dict[str, Any]) -> str:
    return f"  {100 * max(row['contraction'], 0.0):3.0f} %  {row['direction']}"


def _correlations(correlations: pd.DataFrame) -> str:
    lines = ["Tied together by the cohort (correlations of the scores):"]
    lines += [
        f"  {row['correlation']:+.2f} ± {row['mcse']:.2f}  {row['parameter']} and {row['other']}"
        for row in plain_rows(correlations.head(_MOST_CORRELATIONS))
    ]
    return "\n".join(lines) + "\n"


def _predictive_table(predictive: pd.DataFrame) -> Table:
    names = ("figure", "published", "predicted", "80 % of trials", "95 % of trials")
    spreads = ("sd sampling", "sd parameters", "tail p")
    table = _table("Does it reproduce the cohort? Trials under the posterior", *names, *spreads)
    for row in plain_rows(predictive):
        unit = str(row["unit"])
        mark = "  " if row["is_inside_80"] else " ✗"
        cells = (
            words.label(str(row["statistic"])),
            row["printed"],
            words.with_error(float(row["predicted"]), float(row["mcse"]), unit),
            words.interval(float(row["lower_80"]), float(row["upper_80"]), unit) + mark,
            words.interval(float(row["lower_95"]), float(row["upper_95"]), unit),
            words.with_error(float(row["sd_sampling"]), float(row["sd_sampling_mcse"]), unit),
            words.with_error(float(row["sd_parameters"]), float(row["sd_parameters_mcse"]), unit),
            f"{row['tail_probability']:.2f}",
        )
        table.add_row(*(Text(str(cell)) for cell in cells))
    return table


def _verdict(predictive: pd.DataFrame) -> str:
    outside = [words.label(str(row["statistic"])) for row in plain_rows(predictive) if not row["is_inside_80"]]
    if outside:
        return f"Outside the 80 % predictive interval: {', '.join(outside)}.\n"
    return "Every published figure lies inside the 80 % predictive interval.\n"


def _left_out_table(left_out: pd.DataFrame) -> Table:
    names = ("figure", "published", "predicted from the others", "80 % of trials", "tail p", "effective draws")
    table = _table("Each figure left out and predicted", *names)
    for row in plain_rows(left_out):
        unit = str(row["unit"])
        published = words.with_error(float(row["published"]), float("nan"), unit)
        cells = (
            words.label(str(row["quantity"])),
            published,
            words.with_error(float(row["predicted"]), float(row["mcse"]), unit),
            words.interval(float(row["lower_80"]), float(row["upper_80"]), unit),
            f"{row['tail_probability']:.2f}",
            f"{row['ess']:,.0f}" + (" refitted" if row["method"] == "fitted again" else ""),
        )
        table.add_row(*(Text(str(cell)) for cell in cells))
    return table


def _note_on_left_out(left_out: pd.DataFrame) -> str:
    outside = [words.label(str(row["quantity"])) for row in plain_rows(left_out) if not row["is_inside_80"]]
    return (
        f"Not foreseen by the other figures (outside 80 %): {', '.join(outside)}.\n"
        if outside
        else "Every figure lies in the 80 % interval that the others predict.\n"
    )


def _sensitivity_table(sensitivity: pd.DataFrame) -> Table:
    quantities = list(dict.fromkeys(sensitivity["quantity"]))
    table = _table("What other assumptions would move", "assumption", *map(words.label, quantities))
    for variant, rows in sensitivity.groupby("variant", sort=False):
        found = rows.set_index("quantity")
        is_base = variant == sensitivity["variant"].iloc[0]
        cells = [str(variant)]
        for quantity in quantities:
            if quantity not in found.index:
                cells.append(words.NOTHING)
                continue
            row = found.loc[quantity]
            which = "value" if is_base else "shift"
            error = "mcse" if is_base else "shift_mcse"
            text = words.with_error(float(row[which]), float(row[error]), str(row["unit"]))
            cells.append(text if is_base or text.startswith("-") else f"+{text}")
        table.add_row(*map(Text, cells))
    return table
