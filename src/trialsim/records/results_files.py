"""The files of a results folder by name: nothing else in one was written by a run."""

from __future__ import annotations

from typing import Final

from trialsim.records.manifest import MANIFEST

PARAMETERS_FILE: Final = "parameters.parquet"  # the user's own draws of the parameters, beside the results
FILES: Final = frozenset(
    {MANIFEST, "scenario.yaml", "estimates.csv", "readings.csv", "replicates.parquet", "patients.parquet",
     "events.parquet", "swimmer.png", "predictive.png", PARAMETERS_FILE, "posterior.parquet", "learned.csv",
     "learned.png", "correlations.csv", "directions.csv", "predictive.csv", "left_out.csv", "left_out.png",
     "sensitivity.csv", "sensitivity.png", "study.yaml", "differences.csv", "ranks.csv", "plane.png",
     "differences.png", "ranks.png", "protocol.txt", "calendar.csv", "exact.csv", "curve.csv", "shares.csv",
     "power.png", "boundaries.png", "assurance.png", "calendar.png"}
)  # fmt: skip
