"""Is the stated interval for n honest: does it contain the answer of a search with 100 times the trials?

    python -m verification.search_for_n [seeds] [trials]

A single-stage test of the response rate, and a log-rank test with three looks, in the scenario `followup` at the point
values. The long search is one of 100 times the trials; its own interval is written beside it. 95 of 100 are to be
expected if the interval were exact and the long search had no error. Before them searches with few trials for exact
tests in one stage, whose answer is known. Writes results/verification/search_for_n.json.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from trialsim.config.loading.size_studies import Sizing, load_sizing
from trialsim.design.job import SizeJob
from trialsim.design.preparation import prepare_study
from trialsim.design.search import PowerEstimates, SearchResult, estimate_power, multiples, search
from trialsim.design.theory.single_stage import power_by_n
from trialsim.simulation import make_ready
from trialsim.simulation.engine import BATCH
from trialsim.simulation.workers import available_cores
from trialsim.storage.checkpoint import Checkpoint

RESULTS = Path(__file__).parents[1] / "results" / "verification"
TIMES = 100
EXACT = ((0.1, 0.2), (0.15, 0.3), (0.3, 0.45), (0.05, 0.15), (0.2, 0.33), (0.1, 0.3))  # p0 and p1
ALPHA, TARGET, LARGEST, FEW_TRIALS = 0.05, 0.8, 300, 500
STUDIES: dict[str, tuple[str, dict[str, Any]]] = {
    "single stage, response": (
        "simon_response",
        {"design": "single-stage", "largest_n": 100, "parameters": "mode", "accrual.closes_after": None},
    ),
    "log-rank, three looks": ("logrank_progression", {"parameters": "mode", "largest_n": 240}),
}


def found_by(sizing: Sizing, seed: int, trials: int) -> SearchResult:
    """One search."""
    work = SizeJob(
        prepare_study(sizing, BATCH, seed, trials),
        seed,
        trials,
        available_cores(),
        Checkpoint(),
        lambda done, wanted: None,
    )
    found = work.searched()
    if found is None:
        raise AssertionError("the study has a size for every n")
    return found


def verified(name: str, seeds: int, trials: int) -> dict[str, Any]:
    study, changes = STUDIES[name]
    sizing = load_sizing(study, changes)
    started = time.perf_counter()
    long = found_by(sizing, 1_000_000, TIMES * trials)
    intervals = []
    for seed in range(1, seeds + 1):
        own = found_by(sizing, seed, trials)
        intervals.append((own.n, own.lower, own.upper))
    inside = sum(low is not None and high is not None and low <= (long.n or 0) <= high for _, low, high in intervals)
    widths = [high - low for _, low, high in intervals if low is not None and high is not None]
    return {
        "study": study, "changes": {key: str(value) for key, value in changes.items()}, "seeds": seeds,
        "trials": trials, "long": {"trials": long.replicates, "n": long.n, "lower": long.lower, "upper": long.upper},
        "inside": inside, "mean_width": sum(widths) / len(widths), "intervals": intervals,
        "seconds": round(time.perf_counter() - started, 1),
    }  # fmt: skip


def exact_verified(rates: tuple[float, float], seeds: int) -> dict[str, Any]:
    """Searches with few trials for the n of an exact test in one stage, whose answer is known without simulation."""
    p0, p1 = rates
    n, r, power = power_by_n(p0, p1, ALPHA, LARGEST)
    answer = int(n[power < TARGET][-1]) + 1
    inside = below = above = 0
    for seed in range(1, seeds + 1):

        def evaluate(sizes: list[int], first: int, count: int, seed: int = seed) -> PowerEstimates:
            x = (np.random.default_rng((seed, first)).random((count, LARGEST)) < p1).cumsum(axis=1)
            at = np.array(sizes) - 1
            return estimate_power((x[:, at] > r[at]).astype(np.float64), None)

        own = search(evaluate, TARGET, multiples(5, LARGEST, 1), FEW_TRIALS)
        below += own.lower is not None and answer < own.lower
        above += own.upper is not None and answer > own.upper
        inside += own.lower is not None and own.lower <= answer and (own.upper is None or answer <= own.upper)
    return {"p0": p0, "p1": p1, "answer": answer, "trials": FEW_TRIALS, "seeds": seeds, "inside": inside,
            "answer_below": below, "answer_above": above}  # fmt: skip


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    trials = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    make_ready(BATCH, print)
    found: dict[str, Any] = {"exact test in one stage": [exact_verified(rates, 3 * seeds) for rates in EXACT]}
    print(found, flush=True)
    for name in STUDIES:
        found[name] = verified(name, seeds, trials)
        print(name, {key: value for key, value in found[name].items() if key != "intervals"}, flush=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "search_for_n.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
