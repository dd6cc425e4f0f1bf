"""The posterior found another way: population Monte Carlo on the same likelihood, no Markov chain.

    python -m verification.independent_fit [draws]

Importance sampling whose proposal is a multivariate t, fitted in rounds that begin at the prior and take the likelihood
to a power that grows to 1 (Cappé, Guillin, Marin, Robert 2004, J Comput Graph Stat 13:907). It shares with the
calibration the log posterior and nothing of its sampler. Compares the medians with those of the posterior that comes
with the package, each with its Monte Carlo standard error, and tells how far the simulation's own noise moves them: the
same with another seed of the simulated patients. Writes results/verification/independent_fit.json.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from trialsim.calibration.model import Calibration, calibration_of
from trialsim.calibration.prior import log_density
from trialsim.config import load_published_trial
from trialsim.simulation.workers import available_cores
from trialsim.typing import Floats
from verification.simulation_based_calibration import weighted_median

ROOT = Path(__file__).parents[1]
DEGREES = 8
NORMAL = 1_000_000  # degrees of freedom of a t that is a normal
ROUND = 3000
FULL_ROUNDS = 2  # with the whole likelihood, before the draws that are kept
EFFECTIVE = 0.2


def sample(calibration: Calibration, n: int, seed: int, workers: int) -> tuple[Floats, Floats]:
    """Draws (n, parameters) of scores and their normalised weights (n,).

    Rounds take the likelihood to a power that grows to 1, as fast as a fifth of the draws stay effective.
    """
    d = len(calibration.names)
    rng = np.random.default_rng(seed)
    mean, scale, power, degrees = np.zeros(d), np.eye(d), 0.0, NORMAL
    n_full = 0
    while n_full < FULL_ROUNDS:
        z, log_proposal = _draws(rng, mean, scale, degrees, ROUND)
        log_likelihood = calibration.log_likelihoods(z, workers).sum(axis=1)
        power = next_power(log_density(z) - log_proposal, log_likelihood, power)
        n_full += power == 1.0
        w = _weights(log_density(z) - log_proposal + power * log_likelihood)
        mean = w @ z
        scale = (w[:, None] * (z - mean)).T @ (z - mean)
        degrees = DEGREES
    z, log_proposal = _draws(rng, mean, scale, degrees, n)
    return z, _weights(calibration.log_posterior(z, workers) - log_proposal)


def _draws(rng: np.random.Generator, mean: Floats, scale: Floats, degrees: int, n: int) -> tuple[Floats, Floats]:
    """Draws of the proposal, and their log density on the scale on which `log_density` is 0 at the mode."""
    proposal = stats.multivariate_t(mean, scale, df=degrees, seed=rng)
    z = proposal.rvs(n)
    return z, np.asarray(proposal.logpdf(z))


def _weights(log_weights: Floats) -> Floats:
    w = np.exp(log_weights - log_weights.max())
    return np.asarray(w / w.sum())


def next_power(log_ratio: Floats, log_likelihood: Floats, last: float) -> float:
    """The largest power of the likelihood, not below the last, at which a fifth of the draws is still effective."""
    low, high = min(last, 0.9), 1.0
    if 1.0 / np.sum(_weights(log_ratio + log_likelihood) ** 2) >= EFFECTIVE * len(log_ratio):
        return 1.0
    for _ in range(30):
        middle = 0.5 * (low + high)
        is_fine = 1.0 / np.sum(_weights(log_ratio + middle * log_likelihood) ** 2) >= EFFECTIVE * len(log_ratio)
        low, high = (middle, high) if is_fine else (low, middle)
    return low


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    started = time.perf_counter()
    calibration = calibration_of(load_published_trial("tosi2000"))
    z, w = sample(calibration, n, 99, available_cores())
    other = replace(calibration, simulator=replace(calibration.simulator, seed=calibration.simulator.seed + 1))
    z_other, w_other = sample(other, n // 2, 98, available_cores())
    shipped = pd.read_csv(ROOT / "results" / "calibration" / "tosi2000" / "posterior_summary.csv").set_index(
        "parameter"
    )
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
