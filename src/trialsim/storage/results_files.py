"""The files of a results folder by name: nothing else in one was written by a run."""

from __future__ import annotations

from typing import Final

from trialsim.storage.formats import FORMATS
from trialsim.storage.manifest import MANIFEST

PARAMETERS_FILE: Final = "parameters.parquet"  # the user's own draws of the parameters, beside the results
PICTURES: Final = (
    "swimmer", "predictive", "learned", "left_out", "sensitivity", "plane", "differences", "ranks", "power",
    "boundaries", "assurance", "calendar",
)  # fmt: skip
FILES: Final = frozenset(
    {MANIFEST, "scenario.yaml", "estimates.csv", "readings.csv", "replicates.parquet", "patients.parquet",
     "events.parquet", PARAMETERS_FILE, "posterior.parquet", "learned.csv", "correlations.csv", "directions.csv",
     "predictive.csv", "left_out.csv", "sensitivity.csv", "study.yaml", "differences.csv", "ranks.csv",
     "protocol.txt", "calendar.csv", "exact.csv", "curve.csv", "shares.csv",
     *(f"{picture}.{form}" for picture in PICTURES for form in FORMATS)}
)  # fmt: skip
