"""What several tests share: a small trial to build on, and outcomes of runs that are made once."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

import trialsim as ts

PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
settings.register_profile(
    "default", deadline=None, max_examples=30, phases=PHASES, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", parent=settings.get_profile("default"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def tosi2000() -> ts.Scenario:
    """The published protocol."""
    return ts.load_scenario("tosi2000")


@pytest.fixture(scope="session")
def at_mode(tosi2000: ts.Scenario) -> ts.Scenario:
    """The published protocol with its parameters fixed."""
    return tosi2000.with_changes({"parameters": "mode"})


@pytest.fixture(scope="session")
def published_run(tosi2000: ts.Scenario) -> ts.Result:
    """200 replicates of the published protocol, every event kept."""
    return ts.run(tosi2000, replicates=200, seed=7, keep=200)
