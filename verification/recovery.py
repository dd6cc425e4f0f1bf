"""Known parameters come back from a cohort that is large enough to tell them.

    python -m verification.recovery [patients]

One trial of 2,000 patients is simulated under known parameters, each some way from the median of its prior, and
published as the real one was: counts, and medians rounded to 100 mg/day and to the month. Its posterior is found by
population Monte Carlo (see `independent_fit`) with 100 simulated patients for each one of the cohort. What the cohort
can tell must come back; what it cannot stays as the prior has it. Writes results/verification/recovery.json.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from trialsim.calibration.likelihood import cells_of
from trialsim.calibration.model import calibration_of
from trialsim.config import load_published_trial
from trialsim.montecarlo.workers import available_cores
from verification.calibration_table import simulated_cohort
from verification.independent_fit import sample

RESULTS = Path(__file__).parents[1] / "results" / "verification"
PATIENTS_PER_PATIENT = 100
TRUTH = 0.7  # prior standard deviations from the median, to either side in turn
SEED = 5


def main() -> None:
    n_patients = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    started = time.perf_counter()
    scenario = load_published_trial("tosi2000", {"accrual.patients": n_patients})
    calibration = calibration_of(scenario, patients_per_patient=PATIENTS_PER_PATIENT)
    d = len(calibration.names)
    truth = TRUTH * np.where(np.arange(d) % 2 == 0, 1.0, -1.0)
    terms = simulated_cohort(calibration, truth, SEED)
    if terms is None:
        raise SystemExit("nobody enrolled")
    precise = replace(calibration, terms=terms, simulator=calibration.simulator.with_cells(cells_of(terms)))
    rough = replace(precise, simulator=replace(precise.simulator, n_trials=PATIENTS_PER_PATIENT // 10))
    z, w = sample(precise, 4000, 6, available_cores(), in_round=1500, rough=rough)
    order = np.argsort(z, axis=0)
    rows: list[dict[str, Any]] = []
    for i, name in enumerate(calibration.names):
        reached = np.cumsum(w[order[:, i]])
        low, median, high = (float(z[order[np.searchsorted(reached, share), i], i]) for share in (0.025, 0.5, 0.975))
        mean = float(w @ z[:, i])
        sd = float(np.sqrt(w @ (z[:, i] - mean) ** 2))
        rows.append(
            {
                "parameter": name,
                "truth_score": float(truth[i]),
                "median_score": median,
                "lower_95": low,
                "upper_95": high,
                "contraction": 1.0 - sd**2,
                "z": (mean - float(truth[i])) / sd,
                "is_covered": bool(low <= truth[i] <= high),
            }
        )
    summary = {
        "what": f"recovery of known parameters from one simulated cohort of {n_patients} patients",
        "simulated_patients": n_patients * PATIENTS_PER_PATIENT,
        "effective_draws": 1.0 / float(np.sum(w**2)),
        "covered": sum(row["is_covered"] for row in rows),
        "of": d,
        "largest_abs_z": max(abs(row["z"]) for row in rows),
        "parameters": rows,
        "seconds": round(time.perf_counter() - started, 1),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "recovery.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    main()
