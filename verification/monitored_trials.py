"""Whether stated predictive probabilities come true, and whether milestones fall into their intervals.

    python -m verification.monitored_trials [trials]

Trials of a study are simulated under draws of the posterior and stopped when half of the patients are there. Each is
monitored as `trialsim monitor` does, with what is known by then, and then goes on. Writes
results/verification/monitoring.json and the reliability diagram monitoring.png.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import trialsim as ts
from trialsim.config.loading.size_studies import Sizing
from trialsim.design.conduct.timelines import Timelines, simulated
from trialsim.design.decisions import REJECT
from trialsim.design.preparation import prepare_study
from trialsim.design.prepared_study import ALL_DRAWS
from trialsim.inference.onwards import Onwards, model_of, simulate_onwards
from trialsim.inference.standing import Standing
from trialsim.report.pictures import prepare
from trialsim.simulation.engine import BATCH
from trialsim.workflows.monitor import plan_of, room_of, trials_of

RESULTS = Path(__file__).parents[1] / "results" / "verification"
STUDY: dict[str, Any] = {
    "study": "size", "title": "Trials stopped half-way", "scenario": "followup", "design": "simon-optimal",
    "endpoint": {"of": "partial response", "within": "6 months"}, "null": 0.25, "alternative": 0.40,
    "conduct": {"accrual": "continue"},
}  # fmt: skip
SEED, SEED_OF_TRUTH, FUTURES = 1, 987, 1000
BINS = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
WITHIN = 0.9


def standing_at(timelines: Timelines, trial: int, today: float) -> Standing:
    """What is known of a simulated trial on a day."""
    is_in = timelines.arrival[trial] <= today
    entered = timelines.arrival[trial, is_in]
    event, resolved = timelines.event[trial, is_in, 0], timelines.resolved[trial, is_in, 0]
    seen = today - entered
    known = resolved <= seen
    return Standing(
        today, entered, timelines.arm[trial, is_in], np.where(event <= seen, event, np.inf),
        np.where(known & (event == np.inf), resolved, np.inf), timelines.is_evaluable[trial, is_in] | ~known,
    )  # fmt: skip


def monitored(n: int) -> list[dict[str, float]]:
    """Each trial: the predictive probability half-way, what came of it, the interval of the decision and its day."""
    sizing = ts.load_sizing(STUDY)
    assert isinstance(sizing, Sizing)
    ready = prepare_study(sizing, BATCH, SEED, 1000)
    setting = ready.setting(ALL_DRAWS, ready.n)
    truth = simulated([BATCH], setting.protocols, None, ready.outcomes.primary, SEED_OF_TRUTH, 1, n)
    outcome = trials_of(ready, Onwards(truth, np.zeros(n, np.int64), np.ones(1)))
    model, found = None, []
    latest = float(np.max(truth.arrival[:, ready.n // 2 - 1])) + 1.0
    for trial in range(n):
        today = float(truth.arrival[trial, ready.n // 2 - 1]) + 1.0
        if outcome.day[trial] <= today or not np.isfinite(today):
            continue
        standing = standing_at(truth, trial, today)
        plan = plan_of(ready, standing)
        room = room_of(ready, standing)
        model = model or model_of(plan, room, latest, FUTURES, SEED)
        onwards = simulate_onwards(standing, plan, model, room, SEED + trial)
        futures = trials_of(ready, onwards)
        low, high = np.quantile(futures.day, [(1.0 - WITHIN) / 2.0, (1.0 + WITHIN) / 2.0])
        found.append({
            "stated": float((futures.decision == REJECT).mean()), "came": float(outcome.decision[trial] == REJECT),
            "low": float(low), "high": float(high), "day": float(outcome.day[trial]),
            "effective_draws": onwards.effective_draws,
        })  # fmt: skip
    return found


def summary(found: list[dict[str, float]]) -> dict[str, Any]:
    """Calibration in the large, by bins, and the coverage of the interval for the day of the decision."""
    stated, came = (np.array([row[key] for row in found]) for key in ("stated", "came"))
    inside = np.array([row["low"] <= row["day"] <= row["high"] for row in found])
    n = len(found)
    bins = []
    for low, high in pairwise(BINS.tolist()):
        of_bin = (stated >= low) & ((stated < high) | (high == 1.0))
        if of_bin.any():
            share = float(came[of_bin].mean())
            bins.append({
                "from": low, "to": high, "trials": int(of_bin.sum()),
                "stated": float(stated[of_bin].mean()), "came": share,
                "standard_error": float(np.sqrt((stated[of_bin] * (1.0 - stated[of_bin])).sum()) / of_bin.sum()),
            })  # fmt: skip
    z = (came - stated).sum() / np.sqrt((stated * (1.0 - stated)).sum())
    return {
        "trials": n, "mean_stated": float(stated.mean()), "mean_came": float(came.mean()), "z": float(z),
        "brier": float(((came - stated) ** 2).mean()), "brier_of_the_mean": float(came.mean() * (1.0 - came.mean())),
        "decision_day_inside": float(inside.mean()), "asked": WITHIN,
        "decision_day_standard_error": float(np.sqrt(WITHIN * (1.0 - WITHIN) / n)),
        "median_effective_draws": float(np.median([row["effective_draws"] for row in found])), "bins": bins,
    }  # fmt: skip


def draw(data: dict[str, Any]) -> Figure:
    """The reliability diagram: what came true by what was stated, with two standard errors."""
    prepare()
    figure = Figure(figsize=(5.2, 4.6), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 100], [0, 100], color="#8a8a8a", linewidth=0.9)
    rows = data["bins"]
    axes.errorbar(
        [100 * row["stated"] for row in rows], [100 * row["came"] for row in rows],
        yerr=[200 * row["standard_error"] for row in rows], fmt="o", color="#1d3557", capsize=3,
    )  # fmt: skip
    for row in rows:
        axes.annotate(f"{row['trials']}", (100 * row["stated"], 100 * row["came"]), xytext=(7, -10),
                      textcoords="offset points", fontsize=8)  # fmt: skip
    axes.set_xlabel("stated predictive probability of success, %")
    axes.set_ylabel("trials that succeeded, %")
    figure.suptitle(f"{data['trials']} simulated trials, monitored half-way", x=0.01, ha="left", fontsize=10)
    return figure


if __name__ == "__main__":
    result = summary(monitored(int(sys.argv[1]) if len(sys.argv) > 1 else 500))
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "monitoring.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    draw(result).savefig(RESULTS / "monitoring.png", dpi=150)
    print(json.dumps(result, indent=1))
