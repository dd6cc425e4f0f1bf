"""What is refused before any work starts."""

from __future__ import annotations

import pytest

import trialsim as ts
from tests.trials import scenario_of, toxicity


def test_a_toxicity_that_would_recur_without_end_is_refused() -> None:
    again = {"resolves": {"rate": "1000 /month", "shape": 0.1}, "recurs": True}
    endless = scenario_of(events={"nausea": toxicity("1000 /month", shape=0.1, **again)})
    with pytest.raises(ts.RequestError, match="it would recur every"):
        ts.run(endless, 1)
    often = scenario_of(events={"nausea": toxicity("20 /month", resolves={"rate": "20 /month"}, recurs=True)})
    assert ts.run(often, 1).replicates.n == 1
