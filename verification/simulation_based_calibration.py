"""Is the posterior right? Simulation-based calibration, coverage of intervals, and an independent fit.

    python -m verification.simulation_based_calibration [prior draws] [cohorts]

Simulation-based calibration (Talts, Betancourt, Simpson, Vehtari, Gelman 2018, arXiv:1804.06788): draw parameters from
the prior, simulate one trial of 27 patients under them with the engine itself, read from it what a publication would
print, and find where the true parameters lie in the posterior given that. Over many cohorts their ranks are uniform if
and only if prior, simulator and posterior belong together. Cohorts are whole simulated trials: whatever one figure
says about another in a real trial, it says here too, though the likelihood multiplies the figures.

The posterior of each cohort is the prior weighted by its likelihood (see `calibration_table`). The same weights for the
published cohort are an independent fit: no Markov chain, no proposal, other draws of chance. Writes
results/verification/calibration.json and .png.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from trialsim.calibration.model import Calibration, calibration_of
from trialsim.config import load_published_trial
from trialsim.simulation.workers import available_cores
from trialsim.typing import Floats
from verification.calibration_table import Table, simulated_cohort, table_of

RESULTS = Path(__file__).parents[1] / "results" / "verification"
TRIALS_IN_A_ROW = 400
LEVELS = (0.5, 0.8, 0.95)
BINS = 20
SEED = 7


def places(calibration: Calibration, table: Table, n: int, seed: int, workers: int) -> tuple[Floats, Floats]:
    """Where the truth lies in the posterior of each cohort (cohorts, parameters), and what the weights are worth."""
    truths = np.random.default_rng(seed).standard_normal((n, len(calibration.names)))

    def place(k: int) -> tuple[Floats, float] | None:
        terms = simulated_cohort(calibration, truths[k], seed, k + 1)
        if terms is None:
            return None
        weights = table.weights(terms)
        return weights @ (table.scores < truths[k]), 1.0 / float(np.sum(weights**2))

    with ThreadPoolExecutor(workers) as pool:
        found = [item for item in pool.map(place, range(n)) if item is not None]
    return np.array([place for place, _ in found]), np.array([worth for _, worth in found])


def uniformity(found: Floats) -> Floats:
    """The p-value of each parameter's rank histogram: chi-square over equal bins. Shape (parameters,)."""
    counts = np.array([np.histogram(column, bins=BINS, range=(0.0, 1.0))[0] for column in found.T])
    return np.asarray(stats.chisquare(counts, axis=1).pvalue)


def holm(p: Floats) -> Floats:
    """Holm's adjusted p-values (Holm 1979)."""
    order = np.argsort(p)
    adjusted = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    result = np.empty_like(p)
    result[order] = np.minimum(adjusted, 1.0)
    return result


def coverage(found: Floats) -> dict[str, list[float]]:
    """The share of cohorts whose central interval holds the truth, by level and parameter."""
    return {f"{level:g}": (np.abs(found - 0.5) <= level / 2.0).mean(axis=0).tolist() for level in LEVELS}


def weighted_median(values: Floats, weights: Floats) -> tuple[float, float]:
    """A weighted median and its Monte Carlo standard error, from the density of the weighted values around it."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    median, low, high = (float(values[order][np.searchsorted(reached, share)]) for share in (0.5, 0.4, 0.6))
    error = float(np.sqrt(np.sum(weights**2 * ((values <= median) - 0.5) ** 2)))
    return median, error * (high - low) / 0.2


def draw(path: Path, names: tuple[str, ...], found: Floats, cohorts: str = "simulated cohorts of 27 patients") -> None:
    """The rank histograms, with the band in which 99 % of bins of a uniform histogram lie."""
    columns = 4
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(12, 1.9 * rows + 0.8), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    low, high = (float(stats.binom.ppf(share, len(found), 1.0 / BINS)) for share in (0.005, 0.995))
    for axes, name, column in zip(grid.ravel(), names, found.T, strict=False):
        axes.axhspan(low, high, color="#1d3557", alpha=0.18, zorder=3)
        axes.hist(column, bins=BINS, range=(0.0, 1.0), color="#a9c6d9", edgecolor="white", zorder=2)
        axes.set_title(name, fontsize=9, loc="left")
        axes.set_yticks([])
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.7 * len(found) / BINS)
        axes.spines[["top", "right", "left"]].set_visible(False)
    for axes in grid.ravel()[len(names) :]:
        axes.set_visible(False)
    title = f"Where the true parameter lies in its posterior, over {len(found):,} {cohorts}"
    subtitle = "uniform if the calibration is right; shaded: 99 % of bins"
    figure.suptitle(f"{title}\n{subtitle}", x=0.01, ha="left", fontsize=11)
    figure.savefig(path, dpi=130)


def main() -> None:
    n_draws = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    n_cohorts = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000
    started = time.perf_counter()
    calibration = calibration_of(load_published_trial("tosi2000"))
    table = table_of(calibration, n_draws, TRIALS_IN_A_ROW, SEED, available_cores())
    found, worth = places(calibration, table, n_cohorts, SEED + 1, available_cores())
    p = uniformity(found)
    weights = table.weights(calibration.terms)
    medians = [weighted_median(table.scores[:, i], weights) for i in range(len(calibration.names))]
    covered = coverage(found)
    by_parameter = [
        {
            "parameter": name,
            "p_uniform": float(p[i]),
            "p_holm": float(holm(p)[i]),
            **{f"coverage_{level}": covered[level][i] for level in covered},
            "median_score": medians[i][0],
            "median_score_mcse": medians[i][1],
        }
        for i, name in enumerate(calibration.names)
    ]
    summary: dict[str, Any] = {
        "what": "simulation-based calibration of tosi2000",
        "prior_draws": n_draws,
        "trials_in_a_row": TRIALS_IN_A_ROW,
        "cohorts": len(found),
        "effective_draws_of_a_cohort": {
            name: float(np.quantile(worth, share))
            for name, share in (("smallest", 0.0), ("5 %", 0.05), ("median", 0.5))
        },
        "effective_draws_of_the_published_cohort": 1.0 / float(np.sum(weights**2)),
        "coverage": {level: float(np.mean(values)) for level, values in covered.items()},
        "smallest_p_holm": float(holm(p).min()),
        "parameters": by_parameter,
        "seconds": round(time.perf_counter() - started, 1),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "calibration.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    draw(RESULTS / "calibration.png", calibration.names, found)
    print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    main()
