"""Engine, workers, block size, interruption, growth and cluster change nothing about the results."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

import trialsim as ts
from trialsim.config import protocol_of
from trialsim.model.protocol import Protocol
from trialsim.simulation import Simulation, choose_engine, grow
from trialsim.simulation import replicates as montecarlo
from trialsim.simulation.trials import OneProtocol
from trialsim.storage.replicate_store import ReplicateStore

pytestmark = pytest.mark.slow

CLINIC = {"clinic.slots_per_day": 2}


@pytest.fixture(scope="module")
def undisturbed(tosi2000: ts.Scenario) -> str:
    return ts.run(tosi2000, replicates=90, seed=6, engine="reference", workers=1).digest


@pytest.mark.parametrize(
    ("engine", "workers", "block_size"), list(itertools.product(["reference", "batch"], [1, 2], [1, 7, 50, 1000]))
)
def test_the_digest_is_the_same_for_every_engine_worker_and_block(
    tosi2000: ts.Scenario,
    undisturbed: str,
    engine: str,
    workers: int,
    block_size: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(montecarlo, "COURSES_WORTH_A_PROCESS", 1000)
    if (engine, workers, block_size) == ("reference", 2, 1):
        block_size = 13
    done = ts.run(tosi2000, replicates=90, seed=6, engine=engine, workers=workers, block_size=block_size)
    assert done.digest == undisturbed
    assert done.engine.name == engine


@pytest.mark.parametrize("name", ts.builtin_names("scenarios"))
def test_both_engines_give_every_shipped_scenario_the_same_digest(name: str) -> None:
    scenario = ts.load_scenario(name)
    digests = {ts.run(scenario, replicates=15, seed=2, engine=engine).digest for engine in ("reference", "batch")}
    assert len(digests) == 1


def test_blocks_that_end_in_another_order_are_stored_in_theirs(tosi2000: ts.Scenario) -> None:
    """Many more workers than cores, and blocks of all sizes."""
    trials = OneProtocol(protocol_of(tosi2000))
    store = ReplicateStore(trials.columns)
    for n, size in ((100, 3), (101, 1), (5000, 17), (5003, 2)):
        grow(
            Simulation(trials, 1, "batch", workers=16, block_size=size),
            store,
            n,
            lambda done, wanted: None,
        )
    assert store["replicate"].tolist() == list(range(1, 5004))
    assert store.digest() == ts.run(tosi2000, replicates=5003, seed=1, workers=1).digest


def changed(scenario: ts.Scenario, changes: dict[str, Any]) -> Protocol:
    return protocol_of(scenario.with_changes(changes))


def test_auto_takes_the_batch_engine_where_no_patient_waits_for_another(tosi2000: ts.Scenario) -> None:
    protocol = protocol_of(tosi2000)
    assert choose_engine("auto", protocol, 1000).name == "batch"
    assert choose_engine("auto", protocol, 10).name == "reference"
    assert "few" in choose_engine("auto", protocol, 10).why
    waiting = choose_engine("auto", changed(tosi2000, CLINIC), 1000)
    assert waiting.name == "reference"
    assert "wait" in waiting.why
    assert choose_engine("reference", protocol, 1000).why == "as asked for"


def test_an_engine_that_cannot_is_refused(tosi2000: ts.Scenario) -> None:
    with pytest.raises(ts.RequestError, match="patients wait for each other's visit slots"):
        ts.run(tosi2000.with_changes(CLINIC), engine="batch")
    with pytest.raises(ts.RequestError, match="there is no such engine"):
        ts.run(tosi2000, engine="fast")
    for workers, block_size in ((0, None), (10**6, None), (1, 0)):
        with pytest.raises(ts.RequestError, match="out of range"):
            ts.run(tosi2000, workers=workers, block_size=block_size)


def test_a_degenerate_hazard_is_an_error_in_both_engines_and_leaves_nothing(tosi2000: ts.Scenario) -> None:
    wild = tosi2000.with_changes({"events.rash.effects": {"age": {"hazard_ratio": 1000, "per": "0.1 years"}}})
    for engine, workers in (("reference", 1), ("batch", 1), ("batch", 2)):
        with pytest.raises(ts.HazardError, match="infinite"):
            ts.run(wild, replicates=200, engine=engine, workers=workers)
