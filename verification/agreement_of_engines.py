"""The two engines over a million patient courses: their event logs, compared bit by bit.

Two thirds of the courses are of the shipped scenarios, a third of scenarios made up by the generator of the tests.
Writes what was compared and how many replicates differed to results/verification/agreement.json; exits with 1 if any
did.

    python -m verification.agreement_of_engines [courses] [seed]
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as hypothesis_seed
from hypothesis import strategies as st
from tests.agreement.logs import first_difference
from tests.generated import scenarios

import trialsim as ts
from trialsim.compiled.source_digest import source_digest
from trialsim.config import protocol_of
from trialsim.engines.batch import Batch
from trialsim.model.protocol import Protocol
from trialsim.simulation.workers import available_cores

RECORD = Path(__file__).parents[1] / "results" / "verification" / "agreement.json"
COURSES_A_TASK = 5_000
REPLICATES_A_GENERATED_SCENARIO = 40


def compare(protocol: Protocol, seed: int, first: int, n: int) -> tuple[int, int, list[str]]:
    """Courses compared, log rows compared, and what differed."""
    batch = Batch(protocol)
    rows = courses = 0
    found = []
    for replicate in range(first, first + n):
        difference = first_difference(protocol, batch, seed, replicate)
        log = batch.log(seed, replicate)
        rows += len(log)
        courses += len(set(log["patient"].tolist()))
        if difference:
            found.append(f"{protocol.title}: {difference}")
    return courses, rows, found


def shipped(n_courses: int, seed: int) -> Iterator[tuple[Protocol, int, int, int]]:
    """Tasks that share a number of courses among the shipped scenarios."""
    names = ts.builtin_names("scenarios")
    for name in names:
        protocol = protocol_of(ts.load_scenario(name))
        n_replicates = -(-n_courses // len(names) // protocol.accrual.n_patients)
        size = max(1, COURSES_A_TASK // protocol.accrual.n_patients)
        for first in range(1, n_replicates + 1, size):
            yield protocol, seed, first, min(size, n_replicates - first + 1)


def generated(n_scenarios: int, seed: int) -> list[Protocol]:
    """Protocols of made-up scenarios."""
    found: list[Protocol] = []

    @hypothesis_seed(seed)
    @settings(
        max_examples=n_scenarios, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.builds(protocol_of, scenarios()))
    def gather(protocol: Protocol) -> None:
        found.append(protocol)

    gather()
    return found


def main() -> None:
    n_courses = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(2**32)
    started = time.perf_counter()
    made_up = generated(max(1, n_courses // 3 // (4 * REPLICATES_A_GENERATED_SCENARIO)), seed)
    tasks = [*shipped(n_courses * 2 // 3, seed), *((p, seed, 1, REPLICATES_A_GENERATED_SCENARIO) for p in made_up)]
    courses = rows = 0
    found: list[str] = []
    with ProcessPoolExecutor(available_cores(), mp_context=get_context("spawn")) as pool:
        for n, n_rows, differences in pool.map(compare, *zip(*tasks, strict=True), chunksize=4):
            courses, rows = courses + n, rows + n_rows
            found += differences
    record: dict[str, Any] = {
        "courses": courses,
        "log_rows": rows,
        "replicates_that_differ": len(found),
        "first_differences": found[:10],
        "shipped_scenarios": ts.builtin_names("scenarios"),
        "made_up_scenarios": len(made_up),
        "seed": seed,
        "seconds": round(time.perf_counter() - started),
        "source_digest": source_digest(),
    }
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    RECORD.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=2))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
