"""What a comparison prints: a table of variants by endpoints, and on request a table for each endpoint."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd
from rich.console import Group, RenderableType

from trialsim.config.schema.comparison_study import PARALLEL, CompareStudy
from trialsim.records.tables import plain_rows
from trialsim.report import labels
from trialsim.report.layout import DataTable, Paragraph

_BETTER = {"higher": "more is better", "lower": "less is better", "": ""}
Definitions = Sequence[tuple[str, str, str]]  # name, which way is better, strategy for intercurrent events


def compare_view(
    study: CompareStudy,
    definitions: Definitions,
    estimates: pd.DataFrame,
    differences: pd.DataFrame,
    ranks: pd.DataFrame,
    dominated: Mapping[str, str],
    n_trials: int,
    n_patients: int,
    seed: int,
    has_details: bool = False,
) -> RenderableType:
    """A table of variants by endpoints and who is dominated; with details the estimand and a table for each endpoint.

    `definitions` tell name, better, strategy.
    """
    how = "each patient in one arm" if study.design == PARALLEL else "the same patients under every variant"
    control = str(differences["control"].iloc[0]) if len(differences) else ""
    parts: list[RenderableType] = [
        Paragraph(f"\n{study.title}", "bold"),
        Paragraph(f"{n_trials:,} trials of up to {n_patients:,} patients, {how}, seed {seed}\n"),
    ]
    if has_details:
        parts.append(Paragraph(_estimand(study)))
        for name, better, strategy in definitions:
            of_endpoint = estimates[estimates["quantity"] == name]
            apart = differences[(differences["quantity"] == name) & (differences["control"] == control)]
            of_ranks = ranks[ranks["quantity"] == name] if len(ranks) else ranks
            parts.append(_table(_title(name, of_endpoint, better, strategy), of_endpoint, apart, of_ranks))
        parts.append(Paragraph(_notes(study, control, dominated)))
    else:
        parts.append(_summary_table(definitions, estimates, differences, control))
        parts.append(Paragraph("\n".join(_summary_lines(study, definitions, differences, ranks, dominated))))
    few = estimates[estimates["n_defined"] < n_trials]
    if len(few):
        row = few.iloc[int(few["n_defined"].argmin())]
        missing = (
            f"Not every trial has a number: {row['quantity']} under {row['variant']} only {row['n_defined']:,} of "
            f"{n_trials:,}. The others had nobody to take it of, or nobody who was observed so long; larger trials or "
            "an earlier time would tell more.\n"
        )
        parts.append(Paragraph(missing, "yellow"))
    return Group(*parts)


def _summary_table(
    definitions: Definitions, estimates: pd.DataFrame, differences: pd.DataFrame, control: str
) -> DataTable:
    """A row a variant, a column an endpoint: the value of the control, and the difference of every other from it."""
    names = [name for name, _, _ in definitions]
    units = dict(zip(estimates["quantity"], estimates["unit"], strict=True))
    heads = [f"{name}, {units[name] or '%'}" for name in names]
    table = DataTable(f"Difference from {control}, whose own values are the first row", ("variant", *heads))
    values = {(str(row["variant"]), str(row["quantity"])): row for row in plain_rows(estimates)}
    apart = differences[differences["control"] == control]
    rows = {(str(row["variant"]), str(row["quantity"])): row for row in plain_rows(apart)}
    of_control = [values[control, name] for name in names]
    table.add(control, *(_bare(row["value"], str(row["unit"])) + " " for row in of_control))
    for variant in dict.fromkeys(apart["variant"]):
        table.add(variant, *(_marked_difference(rows.get((variant, name))) for name in names))
    table.add("± of first row", *(_bare(row["mcse"], str(row["unit"]), 1) + " " for row in of_control))
    largest = [apart.loc[apart["quantity"] == name, "mcse"].max() for name in names]
    cells = (_bare(error, units[name], 1) + " " for name, error in zip(names, largest, strict=True))
    table.add("largest ± below", *cells)
    return table


def _bare(value: object, unit: str, more_digits: int = 0) -> str:
    """A number without its unit, which the head of the column tells."""
    number = _number(value)
    if math.isnan(number):
        return labels.NOTHING
    scale, digits = (100.0, 1) if not unit else (1.0, labels.digits_of(unit))
    return f"{scale * number:.{digits + more_digits}f}"


def _marked_difference(row: Mapping[str, object] | None) -> str:
    """A difference with its sign, and a star where 95 % of the posterior lie on one side of 0."""
    if row is None:
        return labels.NOTHING
    text = _bare(row["value"], str(row["unit"]))
    is_clear = _number(row["lower"]) > 0.0 or _number(row["upper"]) < 0.0
    return (text if text.startswith(("-", labels.NOTHING)) else f"+{text}") + ("*" if is_clear else " ")


def _summary_lines(
    study: CompareStudy,
    definitions: Definitions,
    differences: pd.DataFrame,
    ranks: pd.DataFrame,
    dominated: Mapping[str, str],
) -> Iterator[str]:
    """What the marks are, which way is better, who is most probably best, and who is dominated; a line each."""
    star = " *: 95 % of the posterior lie on one side of 0." if differences["lower"].notna().any() else ""
    yield f"± is the Monte Carlo standard error, of the first row and at most of the differences below it.{star}"
    for better in ("higher", "lower"):
        names = [name for name, which, _ in definitions if which == better]
        if names:
            yield f"{_BETTER[better].capitalize()}: {', '.join(names)}."
    if len(ranks):
        best = ranks.loc[ranks.groupby("quantity", sort=False)["sucra"].idxmax()]
        tied = ranks.groupby("quantity")["sucra"].transform(lambda column: (column == column.max()).sum() > 1)
        told = [
            f"{row['quantity']}: {row['variant']} ({row['sucra']:.2f})" for row in plain_rows(best[~tied[best.index]])
        ]
        yield f"Highest in rank over the posterior (SUCRA, 1 is surely best): {', '.join(told)}."
    if study.plane is not None:
        told = [f"{name} by {by}" for name, by in dominated.items()]
        yield (
            f"Dominated (no more {study.plane.benefit} and no less {study.plane.harm}): {', '.join(told) or 'none'}."
        )
    yield "A table for each endpoint, the estimand and every note: --details.\n"


def _estimand(study: CompareStudy) -> str:
    estimand = study.estimand
    return (
        "Estimand (ICH E9(R1))\n"
        f"  population: {estimand.population}\n"
        f"  treatment: {estimand.treatment}\n"
        "  variable and intercurrent events: stated with each table; the event is that treatment is given up, by a "
        "rule or by choice\n"
        f"  summary: {estimand.summary}\n"
    )


def _title(name: str, of_endpoint: pd.DataFrame, better: str, strategy: str) -> str:
    unit = str(of_endpoint["unit"].iloc[0])
    words_of = ", ".join(part for part in (unit, _BETTER[better], strategy) if part)
    return f"{name} ({words_of})"


def _table(title: str, of_endpoint: pd.DataFrame, apart: pd.DataFrame, ranks: pd.DataFrame) -> DataTable:
    names = ("variant", "estimate", "95 % of trials", "parameter uncertainty", "difference", "95 % of posterior")
    table = DataTable(title, (*names, "P(better)", "SUCRA", "times fewer"))
    by_variant = {str(row["variant"]): row for row in plain_rows(apart)}
    sucra = dict(zip(ranks["variant"], ranks["sucra"], strict=True)) if len(ranks) else {}
    for row in plain_rows(of_endpoint):
        variant, unit = str(row["variant"]), str(row["unit"])
        cells = [
            variant,
            labels.with_error(_number(row["value"]), _number(row["mcse"]), unit),
            labels.interval(_number(row["lower"]), _number(row["upper"]), unit),
            labels.with_error(_number(row["sd_parameters"]), _number(row["sd_parameters_mcse"]), unit),
        ]
        other = by_variant.get(variant)
        cells += _difference(other, unit) if other is not None else ["control", "", ""]
        cells.append(f"{sucra[variant]:.2f}" if variant in sucra else labels.NOTHING)
        cells.append(_times(other) if other is not None else "")
        table.add(*cells)
    return table


def _difference(row: Mapping[str, object], unit: str) -> list[str]:
    text = labels.with_error(_number(row["value"]), _number(row["mcse"]), unit)
    signed = text if text.startswith("-") else f"+{text}"
    lower, upper = _number(row["lower"]), _number(row["upper"])
    scale, digits, mark = (100.0, 1, " %") if not unit else (1.0, 2, "")
    ends = labels.NOTHING if math.isnan(lower) else f"{lower * scale:+.{digits}f} to {upper * scale:+.{digits}f}{mark}"
    probability = _number(row["probability_better"])
    return [signed, ends, labels.NOTHING if math.isnan(probability) else f"{probability:.2f}"]


def _times(row: Mapping[str, object]) -> str:
    """How many times fewer trials the pairing needed; of variants whose difference never varies there is no number."""
    value = _number(row["times_fewer"])
    if not math.isfinite(value):
        return "always equal" if _number(row["value"]) == _number(row["mcse"]) == 0.0 else labels.NOTHING
    return f"{value:,.0f}" if value >= 100.0 else f"{value:.1f}"


def _number(value: object) -> float:
    return math.nan if value is None else float(value)  # type: ignore[arg-type]


def _notes(study: CompareStudy, control: str, dominated: Mapping[str, str]) -> str:
    patients = "each in one arm" if study.design == PARALLEL else "on the same patients"
    against = f"variant less control ({control}), {patients}" if control else patients
    lines = [
        "± is the Monte Carlo standard error. `95 % of trials` holds single trials; `parameter uncertainty` "
        f"is the standard deviation between trials that it causes. `difference` is {against}; `95 % of posterior` is "
        "where its expectation lies given what is known of the parameters, P(better) the probability that the variant "
        "is better than the control. SUCRA is 1 for a variant that is surely best of all. `times fewer`: how many "
        "times fewer trials the pairing needed than independent runs for the same ±.",
    ]
    if study.control is None:
        lines.append("Differences between all pairs are in differences.csv.")
    if study.plane is not None:
        lines.append(f"\nBenefit: {study.plane.benefit}; harm: {study.plane.harm}.")
        lines += [f"  {name} is dominated by {by}: no less benefit and no more harm" for name, by in dominated.items()]
        if not dominated:
            lines.append("  No variant is dominated by another.")
    return "\n".join(lines) + "\n"
