"""Known parameters come back from a cohort that is large enough to tell them.

    python -m verification.recovery [patients]

One trial of 2,000 patients is simulated under known parameters, each some way from the median of its prior, and
published as the real one was: counts, and medians rounded to 100 mg/day and to the month. Each of its patients is stood
for by 50 simulated ones. Gauss-Newton steps lead to the mode (the logits of the cell probabilities taken as linear in
the scores), and the calibration's own ensembles begin around it: from the prior, so much wider than this posterior,
their search would take hours. They begin a second time from what they found, so that their proposals fit. What the
cohort can tell must come back; what it cannot stays as the prior has it. Writes results/verification/recovery.json.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats
from scipy.optimize import minimize
from scipy.special import expit, logit

from trialsim.calibration.diagnostics import diagnostics, smallest_ess_of
from trialsim.calibration.likelihood import cells_of, log_likelihoods
from trialsim.calibration.model import Calibration, calibration_of
from trialsim.calibration.prior import log_density
from trialsim.calibration.sampling import BURN_IN_LEGS, Chains, Ensembles
from trialsim.config import load_published_trial
from trialsim.simulation.workers import available_cores
from trialsim.typing import Floats
from verification.calibration_table import simulated_cohort

RESULTS = Path(__file__).parents[1] / "results" / "verification"
PATIENTS_PER_PATIENT = 50
TRUTH = 0.7  # prior standard deviations from the median, to either side in turn
SEED = 5
GAUSS_NEWTON_STEPS = 8
WIDTH, CURVATURE_WIDTH = 0.15, 0.02
SMALLEST = 1e-7
START_WIDTH = 1.2  # of the ensembles, in standard deviations of the normal at the mode
N_ENSEMBLES = 2
FIRST_LEGS, LEGS = 20, 50  # with what the ensembles burn in


def sample(calibration: Calibration, workers: int) -> Chains:
    """The posterior by the calibration's own ensembles, begun around the mode."""
    mode, scale = np.zeros(len(calibration.names)), np.eye(len(calibration.names))
    for _ in range(GAUSS_NEWTON_STEPS):
        mode, scale = step(calibration, mode, workers)
    ensembles = Ensembles(lambda z: calibration.log_posterior(z, workers), len(mode), SEED, N_ENSEMBLES)
    around = stats.multivariate_normal(mode, START_WIDTH**2 * scale, seed=SEED)
    starts = around.rvs(N_ENSEMBLES * ensembles.n_walkers).reshape(1, N_ENSEMBLES, -1, len(mode))
    first = grown(ensembles, Chains(burn_in=[starts]), FIRST_LEGS)
    found = np.random.default_rng(SEED).permutation(first.kept.reshape(-1, len(mode)))[: starts[0, ..., 0].size]
    again = replace(ensembles, seed=SEED + 1)
    return grown(again, Chains(burn_in=[found.reshape(starts.shape)]), LEGS)


def grown(ensembles: Ensembles, chains: Chains, n_legs: int) -> Chains:
    """Chains with so many legs."""
    for n in ensembles.grow(chains, n_legs):
        if n > BURN_IN_LEGS + 1:
            found = diagnostics(chains.by_chain(), tuple(map(str, range(ensembles.n_parameters))))
            so_far = f"R-hat {found['r_hat'].max():.3f}, effective sample size {smallest_ess_of(found):.0f}"
            print(f"leg {n} of {n_legs}: {so_far}", flush=True)
    return chains


def step(calibration: Calibration, at: Floats, workers: int) -> tuple[Floats, Floats]:
    """The mode of the posterior if the logits of the cells were linear in the scores, and its inverse curvature."""
    d, cells = len(at), calibration.simulator.cells
    points = np.concatenate([at[None], *(at + sign * WIDTH * np.eye(d) for sign in (1.0, -1.0))])
    logits = logit(np.clip(calibration.probabilities(points, workers), SMALLEST, 1.0 - SMALLEST))
    slopes = (logits[1 : d + 1] - logits[d + 1 :]).T / (2.0 * WIDTH)

    def loss(z: Floats) -> float:
        p = expit(logits[0] + slopes @ (z - at))
        return -float(log_density(z) + log_likelihoods(calibration.terms, cells, p).sum())

    found = np.asarray(minimize(loss, at, method="L-BFGS-B", bounds=[(x - 0.7, x + 0.7) for x in at]).x)
    basis = np.eye(d) * CURVATURE_WIDTH
    curvature = np.array(
        [[(loss(found + a + b) - loss(found + a - b) - loss(found - a + b) + loss(found - a - b)) for b in basis]
         for a in basis]
    ) / (4.0 * CURVATURE_WIDTH**2)  # fmt: skip
    return found, np.asarray(np.linalg.inv(curvature), dtype=np.float64)


def main() -> None:
    n_patients = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    started = time.perf_counter()
    scenario = load_published_trial("tosi2000", {"accrual.patients": n_patients})
    calibration = calibration_of(scenario, replicates=PATIENTS_PER_PATIENT)
    d = len(calibration.names)
    truth = TRUTH * np.where(np.arange(d) % 2 == 0, 1.0, -1.0)
    terms = simulated_cohort(calibration, truth, SEED)
    if terms is None:
        raise SystemExit("nobody enrolled")
    precise = replace(calibration, terms=terms, simulator=calibration.simulator.with_cells(cells_of(terms)))
    chains = sample(precise, available_cores())
    draws, found = chains.by_chain().reshape(-1, d), diagnostics(chains.by_chain(), calibration.names)
    rows: list[dict[str, Any]] = []
    for i, name in enumerate(calibration.names):
        low, median, high = (float(x) for x in np.quantile(draws[:, i], (0.025, 0.5, 0.975)))
        sd = float(draws[:, i].std())
        rows.append(
            {
                "parameter": name,
                "truth_score": float(truth[i]),
                "median_score": median,
                "lower_95": low,
                "upper_95": high,
                "contraction": 1.0 - sd**2,
                "z": (float(draws[:, i].mean()) - float(truth[i])) / sd,
                "is_covered": bool(low <= truth[i] <= high),
            }
        )
    summary = {
        "what": f"recovery of known parameters from one simulated cohort of {n_patients} patients",
        "simulated_patients": n_patients * PATIENTS_PER_PATIENT,
        "largest_r_hat": float(found["r_hat"].max()),
        "smallest_ess": smallest_ess_of(found),
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
