"""Two engines, programmed twice: equal event logs and equal outcomes, bit for bit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trialsim as ts
from tests.agreement.logs import first_difference
from tests.generated import scenarios
from trialsim.config import protocol_of
from trialsim.engines.batch import Batch
from trialsim.engines.reference import simulate
from trialsim.model.protocol import Protocol



SHIPPED = [name for name in ts.builtin_names("scenarios")]
SEEDS = st.integers(0, 2**64 - 1)


def protocols() -> st.SearchStrategy[Protocol]:
    return scenarios().map(protocol_of)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_logs_of_every_shipped_scenario_are_equal(name: str) -> None:
    protocol = protocol_of(ts.load_scenario(name))
    batch = Batch(protocol)
    for replicate in range(1, 31):
        assert first_difference(protocol, batch, 20001101, replicate) == ""


@given(protocols(), SEEDS)
def test_the_logs_of_generated_scenarios_are_equal(protocol: Protocol, seed: int) -> None:
    batch = Batch(protocol)
    for replicate in (1, 2, 2**32 - 1):
        assert first_difference(protocol, batch, seed, replicate) == ""
