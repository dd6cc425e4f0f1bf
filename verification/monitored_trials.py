"""Whether stated predictive probabilities come true, and whether milestones fall into their intervals.

    python -m verification.monitored_trials [trials [study …]]

Trials of each study are simulated under draws of the posterior and stopped when half of the patients are there. Each is
monitored as `trialsim monitor` does, with what is known by then, and then goes on. Writes
results/verification/monitoring.json, of other studies what is there already, and the reliability diagrams
monitoring.png.
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
from trialsim.design.preparation import prepare_study
from trialsim.design.prepared_study import ALL_DRAWS
from trialsim.inference.onwards import Onwards, model_of, simulate_onwards
from trialsim.inference.standing import Standing
from trialsim.report.pictures import prepare
from trialsim.simulation.engine import BATCH
from trialsim.typing import Floats
from trialsim.workflows.monitor import ENDINGS, plan_of, room_of, trials_of, with_waiting

RESULTS = Path(__file__).parents[1] / "results" / "verification"
SHARED: dict[str, Any] = {"study": "size", "title": "Trials stopped half-way", "scenario": "followup"}
RESPONSE: dict[str, Any] = {"of": "partial response", "within": "6 months"}
TOXICITY: dict[str, Any] = {"of": "any severe toxicity", "within": "6 months"}
STUDIES: dict[str, dict[str, Any]] = {
    "response": {
        **SHARED, "design": "simon-optimal", "endpoint": RESPONSE, "null": 0.25, "alternative": 0.40,
        "conduct": {"accrual": "continue"},
    },
    "response, with a boundary for toxicity": {
        **SHARED, "design": "simon-optimal", "endpoint": RESPONSE, "null": 0.15, "alternative": 0.30,
        "changes": {"treatment.levels": [100, 200]}, "conduct": {"accrual": "pause"},
        "safety": {"endpoint": TOXICITY, "rate": 0.50, "certainty": 0.9},
    },
    "response and toxicity": {
        **SHARED, "design": "bryant-day", "endpoint": RESPONSE, "null": 0.15, "alternative": 0.30,
        "changes": {"treatment.levels": [100, 200]}, "conduct": {"accrual": "continue", "overrun": 5},
        "toxicity": {"endpoint": TOXICITY, "null": 0.65, "alternative": 0.45, "alpha": 0.10}, "alpha": 0.10,
    },
}  # fmt: skip
SEED, SEED_OF_TRUTH, FUTURES = 1, 987, 1000
BINS = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
WITHIN = 0.9
COLORS = ("#1d3557", "#8a8a8a", "#b5402c")  # success, futility, toxicity


def standing_at(timelines: Timelines, entered: Floats, trial: int, today: float, n_outcomes: int) -> Standing:
    """What is known of a simulated trial on a day; `entered` are the days of entry, infinity for who never does."""
    is_in = entered <= today
    event, resolved = timelines.event[trial, is_in, :n_outcomes], timelines.resolved[trial, is_in, :n_outcomes]
    seen = today - entered[is_in]
    known = resolved <= seen[:, None]
    return Standing(
        today, entered[is_in], timelines.arm[trial, is_in], np.where(event <= seen[:, None], event, np.inf),
        np.where(known, resolved, np.inf), timelines.is_evaluable[trial, is_in] | ~known.all(axis=1),
    )  # fmt: skip


def monitored(study: dict[str, Any], n: int) -> list[dict[str, float]]:
    """Each trial: the predictive probabilities half-way, what came of it, the interval of the decision and its day."""
    sizing = ts.load_sizing(study)
    assert isinstance(sizing, Sizing)
    ready = prepare_study(sizing, BATCH, SEED, 1000)
    setting = ready.setting(ALL_DRAWS, ready.n)
    truth = simulated([BATCH], setting.protocols, None, ready.outcomes.all, SEED_OF_TRUTH, 1, n)
    outcome = trials_of(ready, Onwards(truth, np.zeros(n, np.int64), np.ones(1)))
    entries = np.nan_to_num(outcome.entered, nan=np.inf)
    half = entries[:, ready.n // 2 - 1] + 1.0
    model, found = None, []
    for trial in np.flatnonzero(outcome.day > half).tolist():
        today = float(half[trial])
        is_in = entries[trial] <= outcome.day[trial]
        standing = standing_at(
            truth, np.where(is_in, entries[trial], np.inf), trial, today, len(ready.outcomes.all) - 1
        )
        plan, room = plan_of(ready, standing), room_of(ready, standing)
        standing = with_waiting(ready, standing, plan)
        model = model or model_of(plan, room, float(half[np.isfinite(half)].max()), FUTURES, SEED)
        onwards = simulate_onwards(standing, plan, model, room, SEED + trial)
        futures = trials_of(ready, onwards)
        low, high = np.quantile(futures.day, [(1.0 - WITHIN) / 2.0, (1.0 + WITHIN) / 2.0])
        found.append({
            **{f"stated {name}": float((futures.decision == code).mean()) for code, name in ENDINGS.items()},
            **{f"came {name}": float(outcome.decision[trial] == code) for code, name in ENDINGS.items()},
            "low": float(low), "high": float(high), "day": float(outcome.day[trial]),
            "effective_draws": onwards.effective_draws,
        })  # fmt: skip
    return found


def summary(found: list[dict[str, float]]) -> dict[str, Any]:
    """Calibration of each way to end, and the coverage of the interval for the day of the decision."""
    inside = np.array([row["low"] <= row["day"] <= row["high"] for row in found])
    n = len(found)
    endings = {name: _reliability(found, name) for name in ENDINGS.values()}
    return {
        "trials": n, "decision_day_inside": float(inside.mean()), "asked": WITHIN,
        "decision_day_standard_error": float(np.sqrt(WITHIN * (1.0 - WITHIN) / n)),
        "median_effective_draws": float(np.median([row["effective_draws"] for row in found])),
        "endings": {name: item for name, item in endings.items() if item["mean_stated"] > 0.0},
    }  # fmt: skip


def _reliability(found: list[dict[str, float]], ending: str) -> dict[str, Any]:
    """Calibration in the large and by bins."""
    stated, came = (np.array([row[f"{key} {ending}"] for row in found]) for key in ("stated", "came"))
    bins = []
    for low, high in pairwise(BINS.tolist()):
        of_bin = (stated >= low) & ((stated < high) | (high == 1.0))
        if of_bin.any():
            bins.append({
                "from": low, "to": high, "trials": int(of_bin.sum()),
                "stated": float(stated[of_bin].mean()), "came": float(came[of_bin].mean()),
                "standard_error": float(np.sqrt((stated[of_bin] * (1.0 - stated[of_bin])).sum()) / of_bin.sum()),
            })  # fmt: skip
    spread = float((stated * (1.0 - stated)).sum())
    return {
        "mean_stated": float(stated.mean()), "mean_came": float(came.mean()),
        "z": float((came - stated).sum() / np.sqrt(spread)) if spread > 0.0 else 0.0,
        "brier": float(((came - stated) ** 2).mean()), "brier_of_the_mean": float(came.mean() * (1.0 - came.mean())),
        "bins": bins,
    }  # fmt: skip


def draw(data: dict[str, Any]) -> Figure:
    """The reliability diagrams, one a study: what came true by what was stated, with two standard errors."""
    prepare()
    figure = Figure(figsize=(4.2 * len(data), 4.6), layout="constrained")
    every = figure.subplots(1, len(data), squeeze=False)[0]
    for axes, (name, of_study) in zip(every, data.items(), strict=True):
        axes.plot([0, 100], [0, 100], color="#8a8a8a", linewidth=0.9)
        for (ending, item), color in zip(of_study["endings"].items(), COLORS, strict=False):
            if ending == "futility" and len(of_study["endings"]) == 2:
                continue  # what is left of success
            rows = item["bins"]
            axes.errorbar(
                [100 * row["stated"] for row in rows], [100 * row["came"] for row in rows],
                yerr=[200 * row["standard_error"] for row in rows], fmt="o", color=color, capsize=3, label=ending,
            )  # fmt: skip
        axes.set_ylim(-3, 103)
        axes.set_title(f"{name}: {of_study['trials']} trials", loc="left", fontsize=9)
        axes.set_xlabel("stated predictive probability, %")
        axes.legend(loc="upper left", frameon=False, fontsize=8)
    every[0].set_ylabel("trials that ended so, %")
    return figure


def main(n: int, names: list[str]) -> None:
    """Monitor trials of some studies, and write what came of them beside what is there of the others."""
    path = RESULTS / "monitoring.json"
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for name in names:
        kept[name] = summary(monitored(STUDIES[name], n))
        print(name, json.dumps(kept[name], indent=1))
    data = {name: kept[name] for name in STUDIES if name in kept}
    RESULTS.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    draw(data).savefig(RESULTS / "monitoring.png", dpi=150)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500, sys.argv[2:] or list(STUDIES))
