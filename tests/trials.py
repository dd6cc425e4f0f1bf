"""Small trials for tests: a mapping with as little in it as a scenario can have, to which a test adds what it needs."""

from __future__ import annotations

from typing import Any

import pandas as pd

import trialsim as ts
from trialsim.config import protocol_of, scenario_from_mapping
from trialsim.engines.batch import Batch
from trialsim.engines.reference import simulate
from trialsim.model.protocol import Protocol
from trialsim.records.outcomes import patient_outcomes
from trialsim.records.tables import event_table, event_table_of_records, readable_events


def smallest(**sections: Any) -> dict[str, Any]:
    """A trial of one dose level in which nothing happens: 100 patients over a month, observed for two years."""
    trial: dict[str, Any] = {
        "title": "a small trial",
        "name": "small",
        "parameters": "fixed",
        "accrual": {"opens": "2000-01-01", "patients": 100, "over": "1 month"},
        "treatment": {
            "reference_dose": 400,
            "levels": [400],
            "every": "14 days",
            "rules": [{"when": "tolerated", "do": "escalate"}],
        },
        "disease": {"sensitive": 1},
        "events": {},
        "assessment": {"every": "continuously"},
        "evaluable": {"after": "1 month"},
        "cut_off": {"after_opening": "24 months"},
    }
    return trial | sections


def scenario_of(**sections: Any) -> ts.Scenario:
    """The scenario of `smallest(...)`."""
    return scenario_from_mapping(smallest(**sections))


def toxicity(rate: str, **more: Any) -> dict[str, Any]:
    """A toxicity clock."""
    return {"kind": "toxicity", "rate": rate, **more}


def simulated(scenario: ts.Scenario, replicates: int, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame, Protocol]:
    """Readable events and patients of the first replicates of a scenario, and its protocol."""
    protocol = protocol_of(scenario)
    events = event_table((r, simulate(protocol, seed, r)) for r in range(1, replicates + 1))
    return readable_events(events, protocol), patient_outcomes(events, protocol), protocol


def simulated_by_batch(
    scenario: ts.Scenario, replicates: int, seed: int = 1
) -> tuple[pd.DataFrame, pd.DataFrame, Protocol]:
    """The same by the batch engine, for large samples: its logs are those of the reference engine bit for bit."""
    protocol = protocol_of(scenario)
    batch = Batch(protocol)
    events = event_table_of_records((r, batch.log(seed, r)) for r in range(1, replicates + 1))
    return readable_events(events, protocol), patient_outcomes(events, protocol), protocol
