"""Rebuild the posterior that comes with the package, and what is committed about it under results/calibration.

python results/calibrate.py

Calibrates every cohort that comes with the package, with each statistic left out and under every other interpretation
and prior width: some half an hour on two cores. What is finished is kept; run it again to go on after an interruption.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
from pathlib import Path

import pandas as pd
from rich.console import Console

import trialsim as ts
from trialsim.config import load_published_trial
from trialsim.config.calibrated.draw_tables import posterior_file
from trialsim.report.calibration.console import calibration_view

RESULTS = Path(__file__).parent / "calibration"
NOT_KEPT = ("posterior.parquet", "scenario.yaml")
SMALLEST_ESS = 4000.0
TABLES = ("posterior_summary", "correlations", "principal_components", "predictive", "left_out", "sensitivity")


def main() -> None:
    """Calibrate, and put draws and tables where they belong."""
    for name in ts.builtin_names("cohorts"):
        whole = RESULTS / f"{name}.whole"
        ts.calibrate(
            name, min_ess=SMALLEST_ESS, leave_one_out=True, sensitivity=True, out=whole, resume=True,
            on_progress=lambda done, wanted: print(f"\r{done} of {wanted} ", end="", file=sys.stderr),
        )  # fmt: skip
        install(whole, name)
        shutil.rmtree(whole)
        print(f"\n{name}: calibrated")


def install(whole: Path, name: str) -> None:
    """Draws and manifest to the configurations; tables, pictures and a summary to the results."""
    target = posterior_file(name)
    target.parent.mkdir(exist_ok=True)
    shutil.copyfile(whole / "posterior.parquet", target)
    shutil.copyfile(whole / "manifest.json", target.with_suffix(".json"))
    shutil.rmtree(RESULTS / name, ignore_errors=True)
    shutil.copytree(whole, RESULTS / name, ignore=shutil.ignore_patterns(*NOT_KEPT))
    (RESULTS / name / "summary.txt").write_text(summary(whole, name), encoding="utf-8")


def summary(folder: Path, name: str) -> str:
    """What `trialsim calibrate` prints of the tables in a folder."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    tables = {table: pd.read_csv(folder / f"{table}.csv", keep_default_na=False, na_values=[""]) for table in TABLES}
    for table in tables.values():
        if "unit" in table:
            table["unit"] = table["unit"].fillna("")
    printed = io.StringIO()
    scenario = load_published_trial(name)
    left_out, sensitivity = tables["left_out"], tables["sensitivity"]
    posterior_summary = (
        tables["posterior_summary"],
        tables["correlations"],
        tables["principal_components"],
        tables["predictive"],
    )
    view = calibration_view(scenario, manifest["draws"], *posterior_summary, left_out, sensitivity, has_details=True)
    Console(file=printed, width=150).print(view)
    return "".join(f"{line.rstrip()}\n" for line in printed.getvalue().strip("\n").splitlines())


if __name__ == "__main__":
    main()
