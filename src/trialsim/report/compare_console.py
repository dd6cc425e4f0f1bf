"""The tables of a comparison, in a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from trialsim.config.study import PARALLEL, CompareStudy
from trialsim.records.tables import plain_rows
from trialsim.report import words

_BETTER = {"higher": "more is better", "lower": "less is better", "": ""}


def compare_view(
    study: CompareStudy,
    definitions: Sequence[tuple[str, str, str]],
    estimates: pd.DataFrame,
    differences: pd.DataFrame,
    ranks: pd.DataFrame,
    dominated: Mapping[str, str],
    n_trials: int,
    n_patients: int,
    seed: int,
) -> RenderableType:
    """The estimand, a table for each quantity, and who is dominated. `definitions` tell name, better, strategy."""
    heading = Text(f"\n{study.title}\n", style="bold")
    how = "each patient in one arm" if study.design == PARALLEL else "the same patients under every variant"
    heading.append(f"{n_trials:,} trials of up to {n_patients:,} patients, {how}, seed {seed}\n", style="not bold")
    parts: list[RenderableType] = [heading, Text(_estimand(study))]
    control = str(differences["control"].iloc[0]) if len(differences) else ""
    for name, better, strategy in definitions:
        own = estimates[estimates["quantity"] == name]
        apart = differences[(differences["quantity"] == name) & (differences["control"] == control)]
        of_ranks = ranks[ranks["quantity"] == name] if len(ranks) else ranks
        parts.append(_table(_title(name, own, better, strategy), own, apart, of_ranks))
    parts.append(Text(_notes(study, control, dominated)))
    few = estimates[estimates["n_defined"] < n_trials]
    if len(few):
        row = few.iloc[int(few["n_defined"].argmin())]
        missing = (
            f"Not every trial has a number: {row['quantity']} under {row['variant']} only {row['n_defined']:,} of "
            f"{n_trials:,}. The others had nobody to take it of, or nobody who was observed so long; larger trials or "
            "an earlier time would tell more.\n"
        )
        parts.append(Text(missing, style="yellow"))
    return Group(*parts)


def _estimand(study: CompareStudy) -> str:
    estimand = study.estimand
    return (
        "Estimand (ICH E9(R1))\n"
        f"  population: {estimand.population}\n"
        f"  treatment: {estimand.treatment}\n"
        "  variable and intercurrent events: stated with each table; treatment stopped by a rule is the event\n"
        f"  summary: {estimand.summary}\n"
    )


def _title(name: str, own: pd.DataFrame, better: str, strategy: str) -> str:
    unit = str(own["unit"].iloc[0])
    words_of = ", ".join(part for part in (unit, _BETTER[better], strategy) if part)
    return f"{name} ({words_of})"


def _table(title: str, own: pd.DataFrame, apart: pd.DataFrame, ranks: pd.DataFrame) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    names = ("variant", "estimate", "95 % of trials", "unknown parameters", "difference", "95 % of posterior")
    for i, name in enumerate((*names, "P(better)", "SUCRA", "times fewer")):
        table.add_column(name, justify="left" if i == 0 else "right", no_wrap=i > 0)  # a long name takes two lines
    by_variant = {str(row["variant"]): row for row in plain_rows(apart)}
    sucra = dict(zip(ranks["variant"], ranks["sucra"], strict=True)) if len(ranks) else {}
    for row in plain_rows(own):
        variant, unit = str(row["variant"]), str(row["unit"])
        cells = [
            variant,
            words.with_error(_number(row["value"]), _number(row["mcse"]), unit),
            words.interval(_number(row["lower"]), _number(row["upper"]), unit),
            words.with_error(_number(row["sd_parameters"]), _number(row["sd_parameters_mcse"]), unit),
        ]
        other = by_variant.get(variant)
        cells += _difference(other, unit) if other is not None else ["control", "", ""]
        cells.append(f"{sucra[variant]:.2f}" if variant in sucra else words.NOTHING)
        cells.append(_times(_number(other["times_fewer"])) if other is not None else "")
        table.add_row(*map(Text, cells))
    return table


def _difference(row: Mapping[str, object], unit: str) -> list[str]:
    text = words.with_error(_number(row["value"]), _number(row["mcse"]), unit)
    signed = text if text.startswith("-") else f"+{text}"
    lower, upper = _number(row["lower"]), _number(row["upper"])
    scale, digits, mark = (100.0, 1, " %") if not unit else (1.0, 2, "")
    ends = words.NOTHING if math.isnan(lower) else f"{lower * scale:+.{digits}f} to {upper * scale:+.{digits}f}{mark}"
    probability = _number(row["probability_better"])
    return [signed, ends, words.NOTHING if math.isnan(probability) else f"{probability:.2f}"]


def _times(value: float) -> str:
    if math.isnan(value):
        return words.NOTHING
    if math.isinf(value):
        return "always equal"
    return f"{value:,.0f}" if value >= 100.0 else f"{value:.1f}"


def _number(value: object) -> float:
    return math.nan if value is None else float(value)  # type: ignore[arg-type]


def _notes(study: CompareStudy, control: str, dominated: Mapping[str, str]) -> str:
    patients = "each in one arm" if study.design == PARALLEL else "on the same patients"
    against = f"variant less control ({control}), {patients}" if control else patients
    lines = [
        "± is the Monte Carlo standard error. `95 % of trials` holds single trials; `unknown parameters` is the",
        f"standard deviation that not knowing the parameters gives. `difference` is {against};",
        "`95 % of posterior` is where its expectation lies given what is known of the parameters, P(better) the",
        "probability that the variant is better than the control. SUCRA is 1 for a variant that is surely best of all.",
        "`times fewer`: how many times fewer trials the pairing needed than independent runs for the same ±.",
    ]
    if study.control is None:
        lines.append("Differences between all pairs are in differences.csv.")
    if study.plane is not None:
        lines.append(f"\nBenefit: {study.plane.benefit}; harm: {study.plane.harm}.")
        lines += [f"  {name} is dominated by {by}: no less benefit and no more harm" for name, by in dominated.items()]
        if not dominated:
            lines.append("  No variant is dominated by another.")
    return "\n".join(lines) + "\n"
