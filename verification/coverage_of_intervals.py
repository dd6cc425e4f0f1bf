"""How often each interval of `analyse` covers, and how far its estimates are from the truth.

    python -m verification.coverage_of_intervals [trials]

Exactly, over every outcome, for rates of one arm and differences of two; by simulated trials for times to events and
for looks at a normal statistic. Writes results/verification/coverage.csv: one row for each interval and setting.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import binom, norm

import trialsim as ts
from trialsim.design.single_arm.two_stage import PlannedTwoStage
from trialsim.design.theory.sequential import efficacy_bounds
from trialsim.design.theory.spending import ObrienFleming
from trialsim.inference.logistic import fit
from trialsim.inference.rates import interval_of_difference
from trialsim.inference.sequential import infer_sequential
from trialsim.inference.staged import Stages, coverage_and_bias
from trialsim.inference.stratified import common_difference, common_odds_ratio, strata_of
from trialsim.inference.survival import cox, median_time, restricted_means, survival_at

RESULTS = Path(__file__).parents[1] / "results" / "verification" / "coverage.csv"
CONFIDENCE = 0.95
RATES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.6)
HAZARD = 0.01  # a day
UNTIL = 60.0  # days
OF_RATES = (
    "Mantel-Haenszel odds ratio", "Mantel-Haenszel difference", "logistic odds ratio", "standardised difference",
)  # fmt: skip


def stages_of(p0: float, p1: float, criterion: str) -> Stages:
    """The two stages of one of Simon's designs."""
    planned = ts.design.simon(p0, p1, criterion=criterion).planned
    if not isinstance(planned, PlannedTwoStage):
        raise TypeError(planned)
    design = planned.two_stage
    return Stages((design.n1, design.n), (design.r1, design.r), (design.n1 + 1, design.r + 1))


def of_one_arm() -> Iterator[dict[str, Any]]:
    """Exact coverage and bias of one rate."""
    designs = {
        "Clopper-Pearson, n = 27": Stages((27,), (6,), (7,)),
        "Koyama-Chen, Simon optimal 0.1 v 0.3": stages_of(0.1, 0.3, "optimal"),
        "Koyama-Chen, Simon minimax 0.2 v 0.4": stages_of(0.2, 0.4, "minimax"),
        "stagewise, Fleming 15 + 15": Stages((15, 30), (1, 6), (5, 7)),
        "stagewise, three looks": Stages((10, 20, 35), (1, 3, 9), (6, 9, 10)),
    }
    for (name, stages), rate in product(designs.items(), RATES):
        found = coverage_and_bias(stages, rate, CONFIDENCE)
        yield {"interval": name, "setting": f"rate {rate:g}", **found, "mcse": 0.0}


def of_two_arms() -> Iterator[dict[str, Any]]:
    """Exact coverage of the difference of two rates."""
    arms = (15, 20)
    tables = list(product(range(arms[0] + 1), range(arms[1] + 1)))
    limits = {counts: interval_of_difference(arms, counts, CONFIDENCE) for counts in tables}
    for p0, p1 in product((0.05, 0.2, 0.4), (0.1, 0.3, 0.5, 0.8)):
        mass = [binom.pmf(x0, arms[0], p0) * binom.pmf(x1, arms[1], p1) for x0, x1 in tables]
        inside = [limits[c][0] - 1e-9 <= p1 - p0 <= limits[c][1] + 1e-9 for c in tables]
        covered = float(np.dot(mass, inside))
        yield {"interval": "Chan-Zhang, 15 and 20 patients", "setting": f"rates {p0:g}, {p1:g}", "coverage": covered,
               "mcse": 0.0}  # fmt: skip


def of_looks(n: int) -> Iterator[dict[str, Any]]:
    """Simulated coverage after three looks at a normal statistic."""
    information = np.array([40.0, 60.0, 80.0])
    upper, steps = efficacy_bounds(information / 80.0, 0.025, ObrienFleming()), np.diff(information, prepend=0.0)
    for theta in (0.0, 0.2, 0.4):
        rng = np.random.default_rng(5)
        z = np.cumsum(rng.normal(theta * steps, np.sqrt(steps), (n, 3)), axis=1) / np.sqrt(information)
        found = []
        for one in z:
            look = next((k for k in range(2) if one[k] >= upper[k]), 2)
            found.append(infer_sequential(information.tolist(), upper.tolist(), look, float(one[look])))
        inside = np.array([item.lower <= theta <= item.upper for item in found])
        below = np.mean([item.median_unbiased < theta for item in found])
        yield {**simulated("stagewise, three looks at z", f"theta {theta:g}", inside), "below_the_truth": float(below)}


def simulated(interval: str, setting: str, inside: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Coverage by simulated trials, with its standard error."""
    covered = float(inside.mean())
    return {"interval": interval, "setting": setting, "coverage": covered,
            "mcse": float(np.sqrt(covered * (1.0 - covered) / len(inside)))}  # fmt: skip


def of_times(n: int) -> Iterator[dict[str, Any]]:
    """Simulated coverage with exponential times in two arms, censored uniformly between 60 and 240 days."""
    for per_arm, ratio in product((15, 30, 60), (1.0, 0.6)):
        rng = np.random.default_rng(17)
        inside: dict[str, list[bool]] = {"median": [], "survival": [], "Cox": [], "restricted mean": []}
        second = np.arange(2 * per_arm) >= per_arm
        hazards = np.where(second, ratio * HAZARD, HAZARD)
        mean = [(1.0 - np.exp(-h * UNTIL)) / h for h in (HAZARD, ratio * HAZARD)]
        for _ in range(n):
            event, censored = rng.exponential(1.0 / hazards), rng.uniform(60.0, 240.0, 2 * per_arm)
            days, seen = np.minimum(event, censored), event <= censored
            one = median_time(days[~second], seen[~second])
            inside["median"].append(one.lower <= np.log(2.0) / HAZARD <= one.upper)
            one = survival_at(days[~second], seen[~second], 50.0)
            inside["survival"].append(one.lower <= np.exp(-HAZARD * 50.0) <= one.upper)
            table = pd.DataFrame({"days": days, "event": seen, "arm": second.astype(float)})
            row = cox(table, "days", "event", ["arm"]).iloc[0]
            inside["Cox"].append(row["lower"] <= ratio <= row["upper"])
            one = restricted_means(days, seen, second, UNTIL)
            inside["restricted mean"].append(one.lower <= mean[1] - mean[0] <= one.upper)
        for name, flags in inside.items():
            yield simulated(name, f"{per_arm} an arm, hazard ratio {ratio:g}", np.array(flags))


def of_rates_with_covariates(n: int) -> Iterator[dict[str, Any]]:
    """Simulated coverage with rates in three strata, and with rates that a normal covariate changes.

    Strata share an odds ratio, or a difference; the truth of the standardised difference is that of the population.
    """
    for per_arm, effect in product((30, 60, 120), (0.0, 0.8)):
        rng = np.random.default_rng(23)
        second = np.arange(2 * per_arm) >= per_arm
        inside: dict[str, list[bool]] = {name: [] for name in OF_RATES}
        grid, weights = np.polynomial.hermite_e.hermegauss(80)
        true = float(np.dot(expit(grid + effect) - expit(grid), weights) / weights.sum())
        gap = 0.25 * effect
        for _ in range(n):
            stratum = rng.integers(0, 3, 2 * per_arm)
            by = stratum.tolist()
            responded = rng.random(2 * per_arm) < expit(np.array([-1.0, 0.0, 0.8])[stratum] + effect * second)
            one = common_odds_ratio(strata_of(responded, second, by), CONFIDENCE)
            inside["Mantel-Haenszel odds ratio"].append(
                not one.lower > np.exp(effect) and not one.upper < np.exp(effect)
            )
            responded = rng.random(2 * per_arm) < np.array([0.2, 0.4, 0.6])[stratum] + gap * second
            one = common_difference(strata_of(responded, second, by), CONFIDENCE)
            inside["Mantel-Haenszel difference"].append(one.lower <= gap <= one.upper)
            covariate = rng.normal(size=2 * per_arm)
            fitted = fit(rng.random(2 * per_arm) < expit(covariate + effect * second), second, covariate[:, None])
            for name, truth, (value, error) in (
                ("logistic odds ratio", effect, fitted.arm),
                ("standardised difference", true, fitted.standardised_difference()),
            ):
                inside[name].append(abs(value - truth) <= norm.isf((1.0 - CONFIDENCE) / 2.0) * error)
        for name, flags in inside.items():
            yield simulated(name, f"{per_arm} an arm, log odds ratio {effect:g}", np.array(flags))


if __name__ == "__main__":
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    rows = [*of_one_arm(), *of_two_arms(), *of_looks(trials), *of_times(trials), *of_rates_with_covariates(trials)]
    table = pd.DataFrame(rows)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(RESULTS, index=False, float_format="%.5f")
    print(table.groupby("interval")["coverage"].agg(["min", "max"]).to_string())
