"""What is timed: each case does `n` trials (or tests) from the number `first` on, so that no data come twice."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import simpy
from lifelines.statistics import logrank_test

import trialsim as ts
from trialsim.comparison.paired_trials import comparison_rows
from trialsim.comparison.preparation import prepare_comparison
from trialsim.compiled.logrank import logrank
from trialsim.config import protocol_of
from trialsim.config.loading.comparisons import load_comparison
from trialsim.engines.batch import Batch
from trialsim.engines.batch.planning import Plan
from trialsim.engines.reference import simulate
from trialsim.patients import DrawTable, virtual_patients
from trialsim.simulation.patients import patient_table

SCENARIO = ts.load_scenario("tosi2000", {"parameters": "mode"})
PROTOCOL = protocol_of(SCENARIO)
BATCH = Batch(PROTOCOL)
WITH_POSTERIOR = Batch(protocol_of(ts.load_scenario("tosi2000")))
N_PATIENTS = PROTOCOL.accrual.n_patients
# Arrival, and the first number of every decision that the trial reads (no sites, no covariates without effects).
VARIATES_A_TRIAL = N_PATIENTS * (1 + int(Plan(PROTOCOL).record["n_decisions"]))
TRIALS_DRAWN_AT_ONCE = 100  # a tenth of a megabyte: what is drawn stays in the cache
PATIENTS_IN_LOGRANK = 200


def reference(first: int, n: int) -> None:
    for replicate in range(first, first + n):
        simulate(PROTOCOL, 1, replicate)


def reference_with_tables(first: int, n: int) -> None:
    ts.run(SCENARIO, n, seed=first, keep=0, engine="reference", workers=1)


def draws_and_baseline(first: int, n: int) -> None:
    codes = tuple(PROTOCOL.decision_codes.values())
    for replicate in range(first, first + n):
        virtual_patients(PROTOCOL, DrawTable(1, replicate, codes))


def bare_simpy(first: int, n: int) -> None:
    """As many timeouts as the engine logs events, in as many processes as a trial has patients."""
    n_events = len(simulate(PROTOCOL, 1, first))

    def process(env: simpy.Environment) -> Generator[simpy.Event, object, None]:
        for _ in range(n_events // N_PATIENTS):
            yield env.timeout(1.0)

    for _ in range(n):
        env = simpy.Environment()
        for _ in range(N_PATIENTS):
            env.process(process(env))
        env.run()


def batch(first: int, n: int) -> None:
    BATCH.outcomes(1, first, n)


def batch_with_posterior(first: int, n: int) -> None:
    """Each trial under its own draw of the parameters; the first times plan the draws, once each."""
    WITH_POSTERIOR.outcomes(1, first, n)


def batch_in_detail(first: int, n: int) -> None:
    """Every patient as a row of numbers, as a comparison of strategies needs them."""
    for start in range(first, first + n, 500):
        patient_table("batch", PROTOCOL, 1, start, 500)


COMPARISON = prepare_comparison(
    load_comparison("compare_titration", {"parameters": "mode", "accrual.patients": 27}), "batch", 2
)


def comparison(first: int, n: int) -> None:
    """The shipped study at the size of the pilot: its variants on the same patients, all endpoints, all pairs."""
    for start in range(first, first + n, 500):
        comparison_rows(COMPARISON, 1, start, min(500, first + n - start))


def batch_with_logs(first: int, n: int) -> None:
    for replicate in range(first, first + n):
        BATCH.log(1, replicate)


def batch_on_threads(n_threads: int) -> Callable[[int, int], None]:
    def case(first: int, n: int) -> None:
        """Four blocks a thread, as a run does."""
        size = -(-n // (4 * n_threads))
        with ThreadPoolExecutor(n_threads) as pool:
            list(pool.map(lambda block: batch(block, size), range(first, first + n, size)))

    return case


def bare_drawing(first: int, n: int) -> None:
    """NumPy's own Philox and its fastest exponential, for as many numbers as the trial reads."""
    generator = np.random.Generator(np.random.Philox(first))
    room = np.empty(TRIALS_DRAWN_AT_ONCE * VARIATES_A_TRIAL)
    for _ in range(n // TRIALS_DRAWN_AT_ONCE):
        generator.standard_exponential(out=room)


def drawing_trial_by_trial(first: int, n: int) -> None:
    """The same numbers, asked for once a trial."""
    generator = np.random.Generator(np.random.Philox(first))
    for _ in range(n):
        generator.standard_exponential(VARIATES_A_TRIAL)


def survival_data(first: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(first)
    times = rng.exponential(12.0, PATIENTS_IN_LOGRANK)
    return np.minimum(times, 20.0), times < 20.0, np.arange(PATIENTS_IN_LOGRANK) % 2 == 0


DATA = [survival_data(i) for i in range(500)]


def compiled_logrank(first: int, n: int) -> None:
    for i in range(first, first + n):
        logrank(*DATA[i % len(DATA)])


def lifelines_logrank(first: int, n: int) -> None:
    for i in range(first, first + n):
        times, is_event, second = DATA[i % len(DATA)]
        logrank_test(times[second], times[~second], is_event[second], is_event[~second])
