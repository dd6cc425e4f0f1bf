"""Digests of small runs of everything that is shipped, as they are stored in `digests.json`.

python -m tests.reproducible.stored_digests            what differs from the file
python -m tests.reproducible.stored_digests --update   write the file anew
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import numpy as np

import trialsim as ts
from trialsim.calibration.model import calibration_of
from trialsim.config import load_published_trial
from trialsim.config.loading.comparisons import study_data
from trialsim.config.source.builtin import kind_of_data

FILE: Final = Path(__file__).parent / "digests.json"
SEED: Final = 2027
REPLICATES: Final = 20
REPLICATES_OF_VARIANTS: Final = 5
TRIALS: Final = 100
PATIENTS_OF_RATES: Final = 20_000  # fewer than users get, and to be had as exactly again
# Changes that make the search of a study short; the trials at the size that it comes to are simulated all the same.
SHORTER: Final[dict[str, dict[str, Any]]] = {
    "bryant_day": {"largest_n": 60},
    "simon_response": {"largest_n": 60},
    "two_arm_toxicity": {"power": 0.3, "largest_n": 1000},
}
OF_THE_DESIGN: Final = ("n", "n1", "r1", "r", "cr1", "ct1", "cr", "ct", "looks")


def run_digest(name: str) -> dict[str, Any]:
    """The digest of a run of a shipped scenario."""
    return {"results": ts.run(ts.load_scenario(name), REPLICATES, SEED, engine="batch").digest}


def compare_digest(name: str) -> dict[str, Any]:
    """The digest of a shipped comparison."""
    return {"results": ts.compare(name, replicates=REPLICATES_OF_VARIANTS, seed=SEED).digest}


def size_digest(name: str) -> dict[str, Any]:
    """The size of a shipped study of size, and the digest of the trials that were simulated under each truth."""
    with patch("trialsim.design.hypotheses.PATIENTS_OF_RATES", PATIENTS_OF_RATES):
        sized = ts.size(name, SHORTER.get(name, {}), replicates=TRIALS, seed=SEED)
    design = {key: sized.design[key] for key in OF_THE_DESIGN if key in sized.design}
    trials = {truth: hashlib.sha256(rows.tobytes()).hexdigest() for truth, rows in sized.rows.items()}
    return {"design": design, "trials": trials}


def calibration_digest(name: str) -> dict[str, Any]:
    """The digest of the probabilities that the likelihood of a shipped cohort is made of, at three points."""
    calibration = calibration_of(load_published_trial(name, {}), replicates=20)
    points = np.random.default_rng(SEED).standard_normal((3, len(calibration.names)))
    counted = np.round(calibration.probabilities(points), 12)
    return {"probabilities": hashlib.sha256(counted.tobytes()).hexdigest()}


def studies_of(kind: str) -> list[str]:
    """The shipped studies of a kind: compare, size or calibrate."""
    kinds = {name: kind_of_data(study_data(name)[0]) for name in ts.builtin_names("studies")}
    return [name for name, found in kinds.items() if found == kind]


KINDS: Final = {
    "run": (run_digest, ts.builtin_names("scenarios")),
    "compare": (compare_digest, studies_of("compare")),
    "size": (size_digest, studies_of("size")),
    "calibrate": (calibration_digest, ts.builtin_names("cohorts")),
}


def stored() -> dict[str, dict[str, Any]]:
    """What the file holds, by kind and name."""
    found: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def main() -> None:
    """Compute every digest; write them, or say which differ."""
    now = {kind: {name: compute(name) for name in names} for kind, (compute, names) in KINDS.items()}
    if "--update" in sys.argv[1:]:
        FILE.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
        return
    before = stored()
    names = {(kind, name) for both in (now, before) for kind, of in both.items() for name in of}
    different = [
        f"{kind} {name}"
        for kind, name in sorted(names)
        if now.get(kind, {}).get(name) != before.get(kind, {}).get(name)
    ]
    print("\n".join(different) or f"all {len(names)} digests are the stored ones")
    sys.exit(bool(different))


if __name__ == "__main__":
    main()
