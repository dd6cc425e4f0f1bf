"""Rebuild the posterior that comes with the package, and what is committed about it under results/calibration.

python results/calibrate.py

Calibrates the cohort of Tosi et al. alone, with each statistic left out and under every other interpretation and prior
width; that of Rini et al., with each statistic left out; and all six cohorts of thalidomide together, with each trial
left out. Each takes half an hour or more on two cores, that of Rini et al. some hours. Names select:
`python results/calibrate.py six_trials`. What is finished is kept; run it again to go on after an interruption.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import pandas as pd
from rich.console import Console, RenderableType

import trialsim as ts
from trialsim.cli.output import joint_calibration_view_of
from trialsim.config import load_published_trial
from trialsim.config.calibrated.draw_tables import posterior_file
from trialsim.config.loading.calibration_studies import load_joint_study
from trialsim.report.calibration.console import calibration_view

RESULTS = Path(__file__).parent / "calibration"
NOT_KEPT = ("posterior.parquet", "scenario.yaml")
REPLICATES_OF_SIX = 200  # the trials are two to three times as large as the first
TABLES = ("posterior_summary", "correlations", "principal_components", "predictive", "left_out", "sensitivity")


def main(*names: str) -> None:
    """Calibrate, and put draws and tables where they belong."""
    for name, rebuild in REBUILD.items():
        if not names or name in names:
            whole = RESULTS / f"{name}.whole"
            rebuild(name, whole)
            shutil.rmtree(whole)
            print(f"\n{name}: calibrated")


def on_progress(done: int, wanted: int) -> None:
    """Say how far it is."""
    print(f"\r{done} of {wanted} ", end="", file=sys.stderr)


def one_cohort(name: str, whole: Path, *, min_ess: float, sensitivity: bool) -> None:
    """Calibrate a cohort alone."""
    ts.calibrate(
        name, min_ess=min_ess, leave_one_out=True, sensitivity=sensitivity, out=whole, resume=True,
        on_progress=on_progress,
    )  # fmt: skip
    install(whole, name)


def several_cohorts(name: str, whole: Path) -> None:
    """Calibrate cohorts together; their draws belong to the parameter set of the study."""
    study = load_joint_study(name)
    result = ts.calibrate_study(
        name, replicates=REPLICATES_OF_SIX, leave_one_out=True, out=whole, resume=True, on_progress=on_progress
    )
    names = {"posterior": None} | {f"posterior-{trial}": trial for trial in study.scenarios}
    for file, trial in names.items():
        shutil.copyfile(whole / f"{file}.parquet", posterior_file(study.study.parameters, trial))
    shutil.copyfile(whole / "manifest.json", posterior_file(study.study.parameters).with_suffix(".json"))
    shutil.rmtree(RESULTS / name, ignore_errors=True)
    not_kept = (*NOT_KEPT, "posterior-*.parquet", "study.yaml")
    shutil.copytree(whole, RESULTS / name, ignore=shutil.ignore_patterns(*not_kept))
    (RESULTS / name / "summary.txt").write_text(printed(joint_calibration_view_of(result, True)), encoding="utf-8")


# 62 patients who are followed for years take ten times as long to simulate as 27 who are followed for months.
REBUILD: Final[dict[str, Callable[[str, Path], None]]] = {
    "tosi2000": partial(one_cohort, min_ess=4000.0, sensitivity=True),
    "rini2009": partial(one_cohort, min_ess=1000.0, sensitivity=False),
    "six_trials": several_cohorts,
}


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
    tables = {
        table: pd.read_csv(folder / f"{table}.csv", keep_default_na=False, na_values=[""])
        for table in TABLES
        if (folder / f"{table}.csv").is_file()
    }
    for table in tables.values():
        if "unit" in table:
            table["unit"] = table["unit"].fillna("")
    scenario = load_published_trial(name)
    left_out, sensitivity = tables.get("left_out"), tables.get("sensitivity")
    posterior_summary = (
        tables["posterior_summary"],
        tables["correlations"],
        tables["principal_components"],
        tables["predictive"],
    )
    view = calibration_view(scenario, manifest["draws"], *posterior_summary, left_out, sensitivity, has_details=True)
    return printed(view)


def printed(view: RenderableType) -> str:
    """What is printed, without blanks at the ends of lines."""
    text = io.StringIO()
    Console(file=text, width=150).print(view)
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().strip("\n").splitlines())


if __name__ == "__main__":
    main(*sys.argv[1:])
