"""A study that is small enough to be run often."""

from __future__ import annotations

import pytest

import trialsim as ts
from trialsim.config.loading.comparisons import Comparison, load_comparison


@pytest.fixture(scope="session")
def titration() -> Comparison:
    """The shipped study with 30 patients a trial."""
    return load_comparison("compare_titration", {"accrual.patients": 30})


@pytest.fixture(scope="session")
def compared(titration: Comparison) -> ts.Compared:
    """Its results for 400 trials."""
    return ts.compare(titration, replicates=400)
