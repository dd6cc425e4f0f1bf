"""Speed, as ratios within one run, written to results/benchmarks/ with a description of the machine.

Cases that are compared are run in turn, round after round, so that a drift of the machine's speed falls on all of them.
Each line gives the median of the rounds, their range, and the ratio of medians to the line that it is compared with.
Whole processes are started anew each time: with the machine code in its folder (warm), or in an empty one (cold).

    python -m benchmarks.speed [rounds]
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from llvmlite import binding

from benchmarks import cases
from trialsim.compiled.code_cache import CACHE_VARIABLE
from trialsim.simulation.workers import available_cores

RESULTS = Path(__file__).parents[1] / "results" / "benchmarks"
TWO = 2
# The peak of this process alone: what `getrusage` gives is inherited from the process that started it.
WITH_PEAK_MEMORY = """
import sys
from trialsim.cli.main import main
try:
    main()
finally:
    with open("/proc/self/status") as status:
        print(status.read().partition("VmHWM:")[2].split()[0], file=sys.stderr)
"""
# name: (what is timed, how many a round, the case it is compared with)
IN_ONE_PROCESS: dict[str, tuple[Callable[[int, int], None], int, str]] = {
    "reference engine": (cases.reference, 100, ""),
    "reference engine, with outcomes and tables": (cases.reference_with_tables, 100, "reference engine"),
    "draws and baseline in Python": (cases.draws_and_baseline, 1000, "reference engine"),
    "bare SimPy, one timeout per logged event": (cases.bare_simpy, 500, "reference engine"),
    "batch engine, one thread": (cases.batch, 20_000, "reference engine"),
    "batch engine, two threads": (cases.batch_on_threads(TWO), 40_000, "batch engine, one thread"),
    "batch engine, a draw of the posterior a trial": (cases.batch_with_posterior, 20_000, "batch engine, one thread"),
    "batch engine, every patient as a row": (cases.batch_in_detail, 20_000, "batch engine, one thread"),
    "comparison of 12 strategies, one thread": (cases.comparison, 500, "batch engine, every patient as a row"),
    "batch engine, with event logs": (cases.batch_with_logs, 1000, "reference engine"),
    "its variates drawn by NumPy, trial by trial": (cases.drawing_trial_by_trial, 40_000, "batch engine, one thread"),
    "its variates drawn by NumPy, 100 trials at once": (cases.bare_drawing, 40_000, "batch engine, one thread"),
}
LOGRANK: dict[str, tuple[Callable[[int, int], None], int, str]] = {
    "log-rank test of 200 patients, lifelines": (cases.lifelines_logrank, 20, ""),
    "log-rank test of 200 patients, compiled": (
        cases.compiled_logrank,
        20_000,
        "log-rank test of 200 patients, lifelines",
    ),
}


@dataclass(frozen=True)
class Line:
    """One line of the table: the median over rounds in its unit, the range, and the ratio to another line."""

    what: str
    median: float
    lowest: float
    highest: float
    unit: str
    ratio: float | None = None
    to: str = ""


def in_turn(timed: dict[str, tuple[Callable[[int, int], None], int, str]], rounds: int, unit: str) -> list[Line]:
    found: dict[str, list[float]] = {name: [] for name in timed}
    for k in range(rounds + 1):
        for name, (case, n, _) in timed.items():
            started = time.perf_counter()
            case(1 + k * n, n)
            if k > 0:  # the first round warms up
                found[name].append(n / (time.perf_counter() - started))
    lines = []
    for name, (_, _, to) in timed.items():
        middle = statistics.median(found[name])
        ratio = middle / statistics.median(found[to]) if to else None
        lines.append(Line(name, middle, min(found[name]), max(found[name]), unit, ratio, to))
    return lines


def process(*arguments: str, cache: Path | None = None) -> tuple[float, float]:
    """Seconds and peak memory (MB) of a command in a process of its own."""
    own = {CACHE_VARIABLE: str(cache)} if cache is not None else {}
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", WITH_PEAK_MEMORY, *arguments],
        env=os.environ | own,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - started
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return seconds, int(done.stderr.split()[-1]) / 1024.0


def processes(rounds: int) -> list[Line]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        out = ["--quiet", "--out", str(folder / "out")]
        commands: dict[str, Callable[[int], tuple[float, float]]] = {
            "trialsim --help": lambda k: process("--help"),
            "trialsim check tosi2000": lambda k: process("check", "tosi2000"),
            "trialsim run tosi2000, 10 trials (SimPy)": lambda k: process(
                "run", "tosi2000", "--replicates", "10", *out
            ),
            "trialsim run tosi2000, 10,000 trials, warm": lambda k: process(
                "run", "tosi2000", "--replicates", "10000", *out
            ),
            "trialsim run tosi2000, 10,000 trials, cold": lambda k: process(
                "run", "tosi2000", "--replicates", "10000", *out, cache=folder / f"cache{k}"
            ),
            "trialsim run tosi2000, 1,000,000 trials, warm": lambda k: process(
                "run", "tosi2000", "--replicates", "1000000", *out
            ),
        }
        found: dict[str, list[tuple[float, float]]] = {what: [] for what in commands}
        commands["trialsim run tosi2000, 10,000 trials, warm"](0)
        for k in range(rounds):
            for what, command in commands.items():
                found[what].append(command(k))
    lines = []
    small = "trialsim run tosi2000, 10,000 trials, warm"
    for unit, i in (("s", 0), ("MB at most", 1)):
        base = statistics.median(pair[i] for pair in found[small])
        for what, pairs in found.items():
            values = [pair[i] for pair in pairs]
            middle = statistics.median(values)
            ratio = None if what == small else middle / base
            lines.append(Line(what, middle, min(values), max(values), unit, ratio, "" if what == small else small))
    return lines


def this_machine() -> dict[str, Any]:
    names = ("trialsim", "simpy", "numpy", "numba", "pandas", "lifelines", "matplotlib")
    return {
        "processor": binding.get_host_cpu_name(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "cores": available_cores(),
        "python": platform.python_version(),
        **{name: version(name) for name in names},
    }


def shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100.0 else f"{value:.3g}"


def table(lines: list[Line]) -> str:
    rows = ["| what | median | range | unit | ratio |", "|---|---:|---:|---|---|"]
    for line in lines:
        ratio = f"{shown(line.ratio)} × {line.to}" if line.ratio is not None else ""
        spread = f"{shown(line.lowest)}–{shown(line.highest)}"
        rows.append(f"| {line.what} | {shown(line.median)} | {spread} | {line.unit} | {ratio} |")
    return "\n".join(rows)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    warnings.simplefilter("ignore")  # of lifelines under a newer pandas
    machine = this_machine()
    lines = in_turn(IN_ONE_PROCESS, rounds, "trials/s") + in_turn(LOGRANK, rounds, "tests/s")
    lines += processes(min(rounds, 3))
    described = ", ".join(f"{name} {value}" for name, value in machine.items())
    page = f"# Speed\n\n`make bench`, {rounds} rounds (3 of whole processes). Machine: {described}.\n\n{table(lines)}\n"
    print(page)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "speed.md").write_text(page, encoding="utf-8")
    data = {"machine": machine, "rounds": rounds, "lines": [asdict(line) for line in lines]}
    (RESULTS / "speed.json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
