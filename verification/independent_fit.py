"""The posterior found another way: population Monte Carlo on the same likelihood, no Markov chain.

    python -m verification.independent_fit [draws]

Importance sampling whose proposal is a multivariate t, fitted in three rounds that begin at the prior (Cappé, Guillin,
Marin, Robert 2004, J Comput Graph Stat 13:907). It shares with the calibration the log posterior and nothing of its
sampler. Compares the medians with those of the posterior that comes with the package, each with its Monte Carlo
standard error, and tells how far the simulation's own noise moves them: the same with another seed of the simulated
patients. Writes results/verification/independent_fit.json.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from trialsim.calibration.model import Calibration, calibration_of
from trialsim.config import load_published_trial
from trialsim.montecarlo.workers import available_cores
from verification.simulation_based_calibration import weighted_median

Array = npt.NDArray[np.float64]
ROOT = Path(__file__).parents[1]
DEGREES = 8
NORMAL = 1_000_000  # degrees of freedom of a t that is a normal
ROUND = 3000


def sample(calibration: Calibration, n: int, seed: int, workers: int) -> tuple[Array, Array]:
    """Draws (n, parameters) of scores and their normalised weights (n,)."""
    d = len(calibration.names)
    rng = np.random.default_rng(seed)
    mean, scale = np.zeros(d), np.eye(d)
    z, w = np.empty((0, d)), np.empty(0)
    for size, degrees in ((ROUND, NORMAL), (ROUND, DEGREES), (ROUND, DEGREES), (n, DEGREES)):
        proposal = stats.multivariate_t(mean, scale, df=degrees, seed=rng)
        z = proposal.rvs(size)
        log_weights = calibration.log_posterior(z, workers) - proposal.logpdf(z)
        w = np.exp(log_weights - log_weights.max())
        w /= w.sum()
        mean = w @ z
        scale = (w[:, None] * (z - mean)).T @ (z - mean)
    return z, w


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    started = time.perf_counter()
    calibration = calibration_of(load_published_trial("tosi2000"))
    z, w = sample(calibration, n, 99, available_cores())
    other = replace(calibration, simulator=replace(calibration.simulator, seed=calibration.simulator.seed + 1))
    z_other, w_other = sample(other, n // 2, 98, available_cores())
    shipped = pd.read_csv(ROOT / "results" / "calibration" / "tosi2000" / "learned.csv").set_index("parameter")
    rows: list[dict[str, Any]] = []
    for i, name in enumerate(calibration.names):
        median, error = weighted_median(z[:, i], w)
        again, again_error = weighted_median(z_other[:, i], w_other)
        own, own_error = (float(np.asarray(shipped.loc[name, key])) for key in ("shift", "shift_mcse"))
        rows.append(
            {
                "parameter": name,
                "median_score": median,
                "mcse": error,
                "shipped": own,
                "shipped_mcse": own_error,
                "z": (median - own) / float(np.hypot(error, own_error)),
                "other_patients": again,
                "other_patients_mcse": again_error,
            }
        )
    summary = {
        "what": "posterior medians of tosi2000 (scores: standard deviations of the prior) by population Monte Carlo",
        "draws": n,
        "effective_draws": 1.0 / float(np.sum(w**2)),
        "largest_abs_z": max(abs(row["z"]) for row in rows),
        "largest_move_by_other_patients": max(abs(row["other_patients"] - row["median_score"]) for row in rows),
        "parameters": rows,
        "seconds": round(time.perf_counter() - started, 1),
    }
    folder = ROOT / "results" / "verification"
    (folder / "independent_fit.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    main()
