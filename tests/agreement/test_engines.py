"""Two engines, programmed twice: equal event logs and equal outcomes, bit for bit."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trialsim as ts
from tests.agreement.logs import first_difference
from tests.generated import scenarios
from trialsim.config import protocol_of
from trialsim.engines.batch import Batch
from trialsim.model.protocol import Protocol
from trialsim.simulation.engine import simulate_rows
from trialsim.simulation.patients import patient_table
from trialsim.typing import Floats

SHIPPED = ts.builtin_names("scenarios")
EXAMPLES = 1000 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 60
SEEDS = st.integers(0, 2**64 - 1)


def protocols() -> st.SearchStrategy[Protocol]:
    return scenarios().map(protocol_of)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_logs_of_every_shipped_scenario_are_equal(name: str) -> None:
    protocol = protocol_of(ts.load_scenario(name))
    batch = Batch(protocol)
    for replicate in range(1, 11):
        assert first_difference(protocol, batch, 20001101, replicate) == ""


def test_the_logs_of_as_many_toxicities_as_a_scenario_may_have_are_equal(tosi2000: ts.Scenario) -> None:
    """Toxicities are bits of a mask: the last one must not fall off."""
    n = 60 - len(tosi2000.toxicities)
    events = {f"events.toxicity {i}": {"kind": "toxicity", "rate": "0.02 /month"} for i in range(n)}
    protocol = protocol_of(tosi2000.with_changes(events))
    assert len(protocol.toxicities) == 60
    batch = Batch(protocol)
    for replicate in (1, 2, 3):
        assert first_difference(protocol, batch, 5, replicate) == ""


@settings(max_examples=EXAMPLES)
@given(protocols(), SEEDS)
def test_the_outcomes_of_generated_scenarios_are_equal(protocol: Protocol, seed: int) -> None:
    """The batch engine's own sums, over courses that skip idle visits, against tables derived from whole logs."""
    reference, batch = (simulate_rows(engine, protocol, seed, 1, 2) for engine in ("reference", "batch"))
    for name in reference.dtype.names or ():
        assert reference[name].tobytes() == batch[name].tobytes(), name


@settings(max_examples=EXAMPLES)
@given(protocols(), SEEDS)
def test_the_patients_of_generated_scenarios_are_equal(protocol: Protocol, seed: int) -> None:
    """With what each took by some days, which no scenario asks for whose cohort does not publish it."""
    protocol = replace(protocol, dose_days=(30.4375, 91.3125, 400.0))
    reference, batch = (patient_table(engine, protocol, seed, 1, 3) for engine in ("reference", "batch"))
    assert reference.replicate.tolist() == batch.replicate.tolist()
    assert set(reference.columns) == set(batch.columns)
    for name in reference.columns:
        assert as_bits(reference[name]) == as_bits(batch[name]), name


def as_bits(column: Floats) -> bytes:
    """The bits of a column, all missing numbers alike."""
    return np.where(np.isnan(column), np.nan, column + 0.0).tobytes()


@settings(max_examples=EXAMPLES)
@given(protocols(), SEEDS)
def test_the_logs_of_generated_scenarios_are_equal(protocol: Protocol, seed: int) -> None:
    batch = Batch(protocol)
    for replicate in (1, 2, 2**32 - 1):
        assert first_difference(protocol, batch, seed, replicate) == ""
