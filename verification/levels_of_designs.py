"""The type I error of every shipped design under its null, by 100,000 simulated trials, beside its exact value.

    python -m verification.levels_of_designs [trials] [study ...]

Twice: with immediate, independent outcomes at exactly the null rate, where the two must agree within four standard
errors; and as conducted in the scenario under its null, where late answers, drop-out and the calendar may move it. A
log-rank design has no exact value: its nominal level stands in its place. Writes results/verification/levels.json;
where studies are named, the lines of the others stay.
"""

from __future__ import annotations

import json
import math
import sys
from functools import partial
from pathlib import Path
from typing import Any

from trialsim.config.loading.size_studies import is_sizing, load_sizing
from trialsim.config.source.builtin import builtin_names
from trialsim.design.base import ALTERNATIVE, NULL
from trialsim.design.conduct.blocks import block_size, run
from trialsim.design.counts import CountDesign
from trialsim.design.job import SizeJob, take_size
from trialsim.design.preparation import prepare_study
from trialsim.simulation import make_ready
from trialsim.simulation.engine import BATCH
from trialsim.simulation.workers import available_cores
from trialsim.storage.checkpoint import Checkpoint

RESULTS = Path(__file__).parents[1] / "results" / "verification"
SEED = 77


def level_of(name: str, trials: int, seed: int = SEED) -> list[dict[str, Any]]:
    ready = prepare_study(load_sizing(name), BATCH, seed, trials)
    n_workers = available_cores()
    found: list[dict[str, Any]] = []

    def line(how: str, truth: str, exact: float, rejects: float) -> None:
        error = math.sqrt(max(exact * (1.0 - exact), 1e-12) / trials)
        found.append({"study": name, "how": how, "truth": truth, "exact": exact, "simulated": rejects, "mcse": error,
                      "z": (rejects - exact) / error})  # fmt: skip
        print(found[-1], flush=True)

    if not ready.design.design.has_size:
        searched = SizeJob(ready, seed, 20_000, n_workers, Checkpoint(), lambda done, wanted: None).searched()
        ready = take_size(ready, searched)
    trial = ready.trial()
    truths = [truth for truth in ready.truths if truth.startswith(NULL)] or [ALTERNATIVE]
    for truth in truths:
        design = ready.design
        if isinstance(design, CountDesign):
            exact = design.exact[truth]
            make = partial(ready.count_trial(design).ideal_rows, exact.cells, design.allocation, seed)
            rows = run(make, trials, block_size(BATCH, ready.n), n_workers, lambda done, wanted: None)
            line("immediate outcomes", truth, exact.rejects, float((rows["decision"] == 1).mean()))
            value = exact.rejects
        else:
            value = ready.study.alpha
        setting = ready.setting(truth, ready.n)
        size = block_size(BATCH, setting.protocols[0].accrual.n_patients)
        n = trials if ready.n < 1000 else trials // 20
        rows = run(partial(trial.rows, setting, seed), n, size, n_workers, lambda done, wanted: None)
        line(f"conducted, {n} trials", truth, value, float((rows["decision"] == 1).mean()))
        found[-1]["z"] *= math.sqrt(n / trials)
        found[-1]["mcse"] *= math.sqrt(trials / n)
    return found


def main() -> None:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    sizing = [name for name in builtin_names("studies") if is_sizing(name)]
    names = [name for name in sizing if name in sys.argv[2:]] or sizing
    make_ready(BATCH, print)
    file = RESULTS / "levels.json"
    kept = json.loads(file.read_text(encoding="utf-8")) if len(names) < len(sizing) else []
    lines = [line for line in kept if line["study"] not in names]
    lines += [line for name in names for line in level_of(name, trials)]
    lines.sort(key=lambda line: sizing.index(line["study"]))
    RESULTS.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(lines, indent=1) + "\n", encoding="utf-8")
    worst = max(abs(line["z"]) for line in lines if line["how"] == "immediate outcomes")
    print(f"largest |z| with immediate outcomes: {worst:.2f}")


if __name__ == "__main__":
    main()
