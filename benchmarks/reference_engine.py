"""Trials per second of the reference engine, as ratios in one run.

Beside the engine alone: the engine with outcomes and tables (what `run` does), the draws alone, and a bare SimPy loop
that schedules and pops as many events. Each is measured in turn, several rounds, so that a drift of the machine's speed
falls on all of them; the table gives the median of the rounds and its ratio to the engine alone.

    python benchmarks/reference_engine.py [replicates per round] [rounds]
"""

from __future__ import annotations

import platform
import statistics
import sys
import time
from collections.abc import Callable, Generator

import simpy

import trialsim as ts
from trialsim.config import protocol_of
from trialsim.engines.reference import simulate
from trialsim.patients import DrawTable, virtual_patients

SCENARIO = ts.load_scenario("tosi2000")
PROTOCOL = protocol_of(SCENARIO)


def engine(first: int, n: int) -> int:
    return sum(len(simulate(PROTOCOL, 1, replicate)) for replicate in range(first, first + n))


def run_with_tables(first: int, n: int) -> int:
    return int(ts.run(SCENARIO, n, seed=first, keep=0).replicates.n)


def draws_and_patients(first: int, n: int) -> int:
    codes = tuple(PROTOCOL.decision_codes.values())
    return sum(len(virtual_patients(PROTOCOL, DrawTable(1, replicate, codes))) for replicate in range(first, first + n))


def bare_simpy(first: int, n: int) -> int:
    """As many timeouts as the engine logs events, in as many processes as a trial has patients."""
    n_events = len(simulate(PROTOCOL, 1, first))

    def process(env: simpy.Environment) -> Generator[simpy.Event, object, None]:
        for _ in range(n_events // 27):
            yield env.timeout(1.0)

    for _ in range(n):
        env = simpy.Environment()
        for _ in range(27):
            env.process(process(env))
        env.run()
    return n_events


CASES: dict[str, Callable[[int, int], int]] = {
    "reference engine": engine,
    "with outcomes and tables": run_with_tables,
    "draws and baseline alone": draws_and_patients,
    "bare SimPy, one timeout per logged event": bare_simpy,
}


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    seconds: dict[str, list[float]] = {name: [] for name in CASES}
    for k in range(rounds + 1):
        for name, case in CASES.items():
            started = time.perf_counter()
            case(1 + k * n, n)
            if k > 0:  # the first round warms up
                seconds[name].append(time.perf_counter() - started)
    base = statistics.median(seconds["reference engine"])
    n_rows = engine(1, n) / n
    print(f"tosi2000, {n} trials a round, {rounds} rounds, {n_rows:.0f} logged events a trial")
    print(f"Python {platform.python_version()}, {platform.machine()}")
    print(f"{'case':<42} {'trials/s':>9} {'lowest':>8} {'highest':>8} {'ratio':>7}")
    for name, times in seconds.items():
        middle = statistics.median(times)
        print(f"{name:<42} {n / middle:9.0f} {n / max(times):8.0f} {n / min(times):8.0f} {base / middle:7.2f}")


if __name__ == "__main__":
    main()
