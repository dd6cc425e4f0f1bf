"""How the estimates of an analysis behave over the simulated trials of a design, as a table and as a line."""

from __future__ import annotations

import math

import pandas as pd

from trialsim.report import labels
from trialsim.report.layout import DataTable


def estimates_table(estimates: pd.DataFrame) -> DataTable:
    """Truth, estimate, true value, bias and coverage; columns of `estimates` as in `inference.repeated`."""
    first = estimates.iloc[0]
    fewest, most = int(estimates["trials"].min()), int(estimates["trials"].max())
    trials = f"{most:,}" if fewest == most else f"{fewest:,} to {most:,}"
    table = DataTable(
        f"What `analyse` would estimate in {trials} of these trials",
        ("truth", "estimate", "true", "mean", "bias", f"{100.0 * float(first['confidence']):g} % interval covers"),
        n_names=2,
    )
    before = ""
    for row in estimates.to_dict("records"):
        truth = str(row["truth"])
        table.add(
            truth if truth != before else "", str(row["quantity"]), f"{row['true_value']:.4f}", f"{row['mean']:.4f}",
            _with_sign(float(row["bias"]), float(row["bias_mcse"])),
            labels.with_error(float(row["coverage"]), float(row["coverage_mcse"]), ""),
        )  # fmt: skip
        before = truth
    return table


def _with_sign(bias: float, error: float) -> str:
    """A bias and its error; one that vanishes is 0 without a sign."""
    shown = f"{bias:+.4f}" if abs(bias) >= 5e-5 else "0.0000"
    return shown if math.isnan(error) else f"{shown} ± {error:.4f}"


def estimates_line(estimates: pd.DataFrame) -> str:
    """The largest bias, and between what the intervals cover."""
    largest = estimates.iloc[int(estimates["bias"].abs().to_numpy().argmax())]
    bias = _with_sign(float(largest["bias"]), float(largest["bias_mcse"]))
    text = f"Estimates: the largest bias is {bias} ({largest['quantity']}, under the {largest['truth']})"
    covered = estimates["coverage"].dropna()
    if not len(covered):
        return f"{text}."
    level = 100.0 * float(largest["confidence"])
    low, high = (f"{100.0 * float(item):.1f}" for item in (covered.min(), covered.max()))
    between = f"{low} to {high} %" if low != high else f"{low} %"
    return f"{text}; intervals of {level:g} % cover in {between} of trials."
