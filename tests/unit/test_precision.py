"""How many replicates a precision takes."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trialsim as ts
from tests.tolerances import N_STANDARD_ERRORS
from trialsim.simulation.precision import next_number

MARGIN = 1.05  # what growth adds, so that a second one is rare
ROUNDING_UP = 1.1  # to two digits


def test_a_power_of_80_per_cent_to_half_a_point_takes_6400() -> None:
    assert ts.replicates_for(math.sqrt(0.8 * 0.2), 0.005) == 6400
    assert ts.replicates_for(0.5, 0.01) == 2500
    assert ts.replicates_for(0.0, 0.01) == 1
    assert next_number(1000, 0.02, 1e-300, 10**7) == 20_000
    with pytest.raises(ValueError, match="mcse 0"):
        ts.replicates_for(0.5, 0.0)


@given(st.integers(2, 10**6), st.floats(1e-6, 10), st.floats(1e-6, 1))
def test_growth_moves_on_and_stays_within_the_limit(n: int, mcse: float, share: float) -> None:
    target, most = mcse * share * 0.999, 10**7
    found = next_number(n, mcse, target, most)
    assert n < found <= most
    assert found <= 22 * n + 1


def test_the_next_number_reaches_the_target_with_a_little_to_spare_in_round_numbers() -> None:
    assert next_number(1000, 0.02, 0.01, 10**7) == 4200
    assert next_number(1000, 0.02, 0.0001, 10**7) == 20_000
    assert next_number(9_900_000, 0.02, 0.0001, 10**7) == 10**7


def test_a_run_goes_on_until_the_named_estimate_is_precise_enough(at_mode: ts.Scenario) -> None:
    done = ts.run(at_mode, replicates=100, seed=3, target_mcse={"toxicity.rash": 0.003})
    row: Any = done.estimates.set_index("quantity").loc["toxicity.rash"]
    assert row["mcse"] <= 0.003
    assert done.replicates.n > 300
    assert done.digest == ts.run(at_mode, replicates=done.replicates.n, seed=3).digest
    value = float(row["value"])
    shares = (value - N_STANDARD_ERRORS * row["mcse"], value + N_STANDARD_ERRORS * row["mcse"])
    needed = [share * (1 - share) / 27 / 0.003**2 for share in shares]  # patients are independent
    n = done.replicates.n
    assert n > min(needed) * (1 - N_STANDARD_ERRORS * math.sqrt(2 / n))  # the variance of n trials
    most = max(needed) * (1 + N_STANDARD_ERRORS * math.sqrt(2 / 100))  # the variance of the first 100
    assert n < most * MARGIN * ROUNDING_UP
    assert f"with {done.replicates.n:,} trials" in done.remarks[-1]


def test_a_precise_start_is_enough(tosi2000: ts.Scenario) -> None:
    run = ts.run(tosi2000, replicates=60, target_mcse={"toxicity.rash": 0.5})
    assert run.replicates.n == 60
    row: Any = run.estimates.set_index("quantity").loc["toxicity.rash"]
    assert (
        ts.run(tosi2000, replicates=60, target_mcse={"toxicity.rash": float(row["mcse"])}).replicates.n == 60
    )  # "at most"


def test_an_impossible_precision_is_refused_before_or_after_the_first_trials(tosi2000: ts.Scenario) -> None:
    for wanted, match in [
        ({"toxicity.rahs": 0.01}, "Did you mean toxicity.rash"),
        ({"toxicity.rash": 0.0}, "above 0"),
        ({"toxicity.rash": 0.1, "died": 0.1}, "one quantity"),
        ({"toxicity.rash": 1e-9}, r"that would take about [\d,]+ trials"),
        ({"toxicity.rash": 1e-300}, "that would take about inf trials"),
    ]:
        with pytest.raises(ts.RequestError, match=match):
            ts.run(tosi2000, replicates=60, target_mcse=wanted)
    nobody = tosi2000.with_changes({"disease.sensitive": 0})
    with pytest.raises(ts.RequestError, match="it exists in fewer than two of the first 60 trials"):
        ts.run(nobody, replicates=60, target_mcse={"responders.relapsed": 0.1})


@pytest.mark.slow
def test_an_interrupted_growth_comes_to_the_same_number(tosi2000: ts.Scenario, tmp_path: object) -> None:
    wanted = {"dose.median": 4.0}
    whole = ts.run(tosi2000, replicates=60, seed=3, target_mcse=wanted)

    def stop(done: int, _: int) -> None:
        if done > 80:
            raise KeyboardInterrupt

    with pytest.raises(ts.Interrupted):
        ts.run(tosi2000, 60, 3, target_mcse=wanted, block_size=8, out=f"{tmp_path}/out", on_progress=stop)
    resumed = ts.run(tosi2000, 60, 3, target_mcse=wanted, out=f"{tmp_path}/out", resume=f"{tmp_path}/out")
    assert resumed.digest == whole.digest
