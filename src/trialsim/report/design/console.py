"""What a search for a size prints: the design, n and the protocol's paragraph, and on request every table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType

from trialsim.design.assurance import QUANTILES, Assurance
from trialsim.design.operating_characteristics import DECIDED, EXPECTED_N
from trialsim.design.prepared_study import PreparedStudy
from trialsim.design.search import SearchResult
from trialsim.report import labels
from trialsim.report.design.estimates import estimates_line, estimates_table
from trialsim.report.design.given_n import answer
from trialsim.report.design.level import levels_exceeded
from trialsim.report.design.numbers_table import admissible_table, numbers_table
from trialsim.report.layout import DataTable, Paragraph

MOST_STEPS = 6  # of a boundary that are shown


def size_view(
    ready: PreparedStudy,
    design: Mapping[str, Any],
    exact: pd.DataFrame,
    calendar: pd.DataFrame,
    search_result: SearchResult | None,
    assurance: Assurance | None,
    paragraph: str,
    replicates: int,
    seed: int,
    estimates: pd.DataFrame,
    has_details: bool = False,
) -> RenderableType:
    """The design, the trial under its calendar, n, assurance, and the paragraph for the protocol.

    Without details the calendar is a row for each truth, and the check, the estimates, the shares and other designs are
    a line each.
    """
    study = ready.study
    parts: list[RenderableType] = [
        Paragraph(f"\n{study.title}", "bold"),
        Paragraph(f"{study.design}, {replicates:,} trials under each truth, seed {seed}\n"),
        *([Paragraph(answer(ready, calendar) + "\n")] if study.n is not None else []),
        *(Paragraph(f"{remark}\n") for remark in (*ready.design.remarks(), *levels_exceeded(study, calendar))),
        _design(design, ready),
    ]
    others = ready.design.others if len(ready.design.others) > 1 else []
    if has_details:
        parts += [admissible_table(others)] if others else []
        parts += [_exact(exact)] if len(exact) else []
        parts.append(_calendar(calendar))
        parts += [estimates_table(estimates)] if len(estimates) else []
    else:
        parts.append(_short_calendar(calendar))
    if search_result is not None:
        parts.append(Paragraph(_search(search_result, ready) + "\n"))
    if assurance is not None and has_details:
        parts += [Paragraph(_assurance(assurance)), _shares(assurance.shares)]
    if not has_details:
        parts.append(Paragraph("\n".join(_lines(exact, others, assurance, estimates)) + "\n"))
    parts += [Paragraph("For the protocol", "bold"), Paragraph(f"\n{paragraph}\n")]
    return Group(*parts)


def _lines(
    exact: pd.DataFrame, others: Sequence[Mapping[str, Any]], assurance: Assurance | None, estimates: pd.DataFrame
) -> Iterator[str]:
    """A line for each part that has a table of its own with details."""
    if len(exact):
        yield (f"Exact beside simulated: {len(exact)} compared, the largest |z| is {exact['z'].abs().max():.1f}.")
    if others:
        told = ", ".join(f"{row['r1']}/{row['n1']} {row['r']}/{row['n']}" for row in others)
        yield f"Admissible designs (r1/n1 r/n): {told}."
    if assurance is not None:
        yield (
            f"Assurance {assurance.assurance:.3f} ± {assurance.mcse:.3f}; at the posterior median the power is "
            f"{assurance.power_at_median:.3f} ± {assurance.power_at_median_mcse:.3f}."
        )
        known = assurance.shares[assurance.shares["parameter"] != "remainder"].head(2)
        told = ", ".join(f"{row['parameter']} {100 * row['share']:.0f} %" for row in known.to_dict("records"))
        yield f"Largest shares of the uncertainty in the required n: {told}."
    if len(estimates):
        yield estimates_line(estimates)
    yield "Every table and note: --details."


def _short_calendar(calendar: pd.DataFrame) -> DataTable:
    """A row for each truth: the probability of success, planned and simulated, patients, and time to decision."""
    first = str(calendar["quantity"].iloc[0])
    wanted = {first: first, EXPECTED_N: "patients", DECIDED: "months to decision"}
    table = DataTable("Under the calendar of the scenario", ("truth", f"{first}, planned", *wanted.values()))
    for truth, rows in calendar.groupby("truth", sort=False):
        by_quantity = {str(row["quantity"]): row for row in rows.to_dict("records")}
        planned = by_quantity[first]
        cells = [_planned(float(planned["planned"]), str(planned["unit"]))]
        for quantity in wanted:
            row = by_quantity.get(quantity)
            cells.append(
                labels.NOTHING if row is None
                else labels.with_error(float(row["value"]), float(row["mcse"]), str(row["unit"]))
            )  # fmt: skip
        table.add(truth, *cells)
    return table


def _design(design: Mapping[str, Any], ready: PreparedStudy) -> DataTable:
    table = numbers_table(design, ready.design.design)
    if ready.boundary is not None:
        table.add("stop for toxicity at", ", ".join(f"{x}/{n}" for x, n in ready.boundary.steps(MOST_STEPS)))
    for truth, setting in ready.obtained_by.items():
        table.add(f"the {truth} is obtained by setting", setting)
    return table


def _exact(exact: pd.DataFrame) -> DataTable:
    table = DataTable(
        "Exact beside simulated: immediate, independent outcomes at known rates",
        ("truth", "quantity", "exact", "simulated", "z"),
        n_names=2,
    )
    for row in exact.to_dict("records"):
        table.add(
            str(row["truth"]), str(row["quantity"]), f"{row['exact']:.4f}",
            f"{row['simulated']:.4f} ± {row['mcse']:.4f}",
            f"{row['z']:+.1f}",
        )  # fmt: skip
    return table


def _calendar(calendar: pd.DataFrame) -> DataTable:
    table = DataTable(
        "Under the calendar of the scenario: delayed responses, accrual, drop-out, patients who share dose and disease",
        ("truth", "quantity", "planned", "simulated", "90 % of trials"),
        n_names=2,
    )
    before = ""
    for row in calendar.to_dict("records"):
        unit = str(row["unit"])
        truth = str(row["truth"])
        table.add(
            truth if truth != before else "",
            f"{row['quantity']}{', months' if unit == 'months' else ''}",
            _planned(float(row["planned"]), unit),
            labels.with_error(float(row["value"]), float(row["mcse"]), unit),
            labels.NOTHING if math.isnan(float(row["lower"])) else f"{row['lower']:.1f}–{row['upper']:.1f}",
        )
        before = truth
    return table


def _planned(value: float, unit: str) -> str:
    if math.isnan(value):
        return labels.NOTHING
    return f"{value:.1f}" if unit else f"{100.0 * value:.1f} %"


def _search(result: SearchResult, ready: PreparedStudy) -> str:
    of = "assurance" if ready.study.alternative == "calibrated" else "power"
    if result.n is None:
        text = (
            f"No n up to the limit reaches {of} {result.target:g} under this calendar; the highest is "
            f"{result.best:.3f}."
        )
    else:
        high = str(result.upper) if result.upper is not None else "above the limit"
        text = (
            f"Smallest n from which {of} {result.target:g} is reached under this calendar: {result.n}, 95 % Monte "
            f"Carlo interval {result.lower} to {high}.{ready.design.describe_larger(result.n)}"
        )
    step = f" One in {result.step} of the possible sizes was simulated." if result.step > 1 else ""
    return f"{text} {result.replicates:,} trials were spent on it.{step}"


def _assurance(assurance: Assurance) -> str:
    spread = ", ".join(f"{q:.2f}" for q in assurance.quantiles)
    if not assurance.has_spread:
        spread = "too few trials for each draw; more --replicates"
    at = ", ".join(f"{100.0 * share:g}" for share in QUANTILES)
    better = (
        f"  probability that the truth lies on the alternative's side of the null: {assurance.better:.2f} ± "
        f"{assurance.better_mcse:.2f}; mean power there {assurance.conditional:.3f}\n"
        if not math.isnan(assurance.better)
        else ""
    )
    return (
        "Parameter uncertainty\n"
        f"  power at the posterior median {assurance.power_at_median:.3f} ± "
        f"{assurance.power_at_median_mcse:.3f}, assurance "
        f"{assurance.assurance:.3f} ± {assurance.mcse:.3f} ({assurance.n_draws} draws of the parameters)\n"
        f"  power over the posterior, percentiles {at}: {spread}\n"
    ) + better


def _shares(shares: pd.DataFrame) -> DataTable:
    title = "Contributions of the parameters to the uncertainty in n (Shapley shares of the variance of its ranks)"
    table = DataTable(title, ("parameter", "share"))
    for row in shares.head(6).to_dict("records"):
        table.add(str(row["parameter"]), f"{100.0 * float(row['share']):.0f} %")
    rest = shares[shares["parameter"] == "remainder"]
    if len(shares) > 7 and len(rest):
        others = float(shares.iloc[6:]["share"].sum()) - float(rest["share"].iloc[0])
        table.add("all other parameters", f"{100.0 * others:.0f} %")
        table.add("not explained by ranks (curvature, interactions)", f"{100.0 * float(rest['share'].iloc[0]):.0f} %")
    return table
