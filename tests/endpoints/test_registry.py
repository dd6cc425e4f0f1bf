"""The registry: patients and trials give the same numbers, and a name says its denominator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import trialsim as ts
from trialsim.config import protocol_of
from trialsim.config.schema.comparison_study import EndpointSpec
from trialsim.endpoints.endpoint import Endpoint
from trialsim.endpoints.per_patient import endpoint_of, endpoint_written
from trialsim.endpoints.per_trial import TrialStatistic
from trialsim.endpoints.population import Population
from trialsim.endpoints.registry import ENDPOINTS, known_endpoints, statistics_of, toxicity_named
from trialsim.model.protocol import Protocol
from trialsim.records.outcomes import columns_of
from trialsim.simulation.engine import simulate_rows
from trialsim.simulation.patients import PatientTable, patient_table

SEED, N_TRIALS = 11, 60
TOXICITIES = ("constipation", "lethargy", "rash")
SHARES = [
    (endpoint, statistic)
    for endpoint in (*ENDPOINTS, *map(toxicity_named, TOXICITIES))
    for statistic in endpoint.statistics
    if statistic.of and endpoint.measure is not None
]


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    """The shipped trial, larger, in which a rash ends treatment, so that no share is the same in all trials."""
    rules = [
        {"when": {"toxicity": "rash"}, "do": "stop", "at": "onset"},
        {"when": "severe toxicity", "do": "reduce", "at": "onset"},
        {"when": "tolerated", "do": "escalate"},
    ]
    changes = {"accrual.patients": 60, "treatment.rules": rules, "assessment.confirmation": "28 days"}
    return protocol_of(ts.load_scenario("tosi2000", changes))


@pytest.fixture(scope="module")
def table(protocol: Protocol) -> PatientTable:
    return patient_table("batch", protocol, SEED, 1, N_TRIALS)


def measured(spec: Any, protocol: Protocol, table: PatientTable) -> Any:
    return endpoint_of(EndpointSpec.model_validate(spec), protocol, [protocol]).of_trials(table, None)[0]


@pytest.mark.parametrize(("endpoint", "statistic"), SHARES, ids=[item.name for _, item in SHARES])
def test_a_share_of_trials_is_that_of_their_patients(
    endpoint: Endpoint, statistic: TrialStatistic, protocol: Protocol, table: PatientTable
) -> None:
    """Two ways: counts that the engine keeps for each trial, and an expression over the patients of the trial."""
    assert statistic.population is not None
    rows = simulate_rows("batch", protocol, SEED, 1, N_TRIALS)
    among = statistic.population.label
    values = measured({"of": endpoint.name, "among": among}, protocol, table)
    np.testing.assert_allclose(values, statistic.per_trial(pd.DataFrame(rows)), rtol=1e-14, equal_nan=True)
    assert np.nanstd(values) > 0.0


def test_every_share_with_several_denominators_says_which() -> None:
    several = [item for item in ENDPOINTS if item.names_population]
    assert {"partial response", "minor response", "any response"} <= {item.name for item in several}
    for endpoint in several:
        for statistic in endpoint.statistics:
            words = {population.label for population in Population} | {"responders", "seen"}
            assert any(word in statistic.label for word in words), statistic.label


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("partial response", "partial response of the enrolled"),
        ({"of": "partial response", "among": "evaluable"}, "partial response of the evaluable"),
        ({"of": "any response", "strategy": "composite"}, "any response (composite) of the enrolled"),
        ({"of": "any response", "among": "baseline.age > 65"}, "any response where baseline.age > 65"),
        ("rash", "rash"),
        ({"of": "rash", "among": "responders"}, "rash of the responders"),
        ({"of": "survival", "at": "6 months"}, "survival at 6 months"),
    ],
)
def test_a_name_says_the_denominator(spec: Any, name: str, protocol: Protocol) -> None:
    assert endpoint_of(EndpointSpec.model_validate(spec), protocol, [protocol]).name == name


def test_a_study_may_use_the_short_name_where_only_one_endpoint_has_it(protocol: Protocol) -> None:
    def endpoints(*specs: Any) -> list[Any]:
        return [endpoint_of(EndpointSpec.model_validate(spec), protocol, [protocol]) for spec in specs]

    one = endpoints("any response", "rash")
    assert endpoint_written(one, "any response") is one[0]
    assert endpoint_written(one, "any response of the enrolled") is one[0]
    two = endpoints("any response", {"of": "any response", "among": "evaluable"})
    assert endpoint_written(two, "any response") is None
    assert endpoint_written(two, "any response of the evaluable") is two[1]


def test_subgroups_by_baseline_are_those_of_the_patients(protocol: Protocol, table: PatientTable) -> None:
    old = table["baseline.age"] > 65.0
    expected = [float((table["best_response"] >= 1)[old & (table.replicate == i)].mean()) for i in range(N_TRIALS)]
    values = measured({"of": "any response", "among": "baseline.age > 65"}, protocol, table)
    np.testing.assert_allclose(values, expected, rtol=1e-14)
    men = measured({"of": "any response", "among": 'baseline.sex == "male"'}, protocol, table)
    women = measured({"of": "any response", "among": 'baseline.sex == "female"'}, protocol, table)
    share = measured({"name": "men", "expression": 'baseline.sex == "male"', "better": "higher"}, protocol, table)
    everyone = measured("any response", protocol, table)
    np.testing.assert_allclose(np.nan_to_num(men) * share + np.nan_to_num(women) * (1.0 - share), everyone, rtol=1e-12)


def test_a_toxicity_with_the_name_of_an_endpoint_does_not_replace_it(protocol: Protocol) -> None:
    names = [item.name for item in known_endpoints([protocol])]
    assert len(names) == len(set(names))
    assert set(TOXICITIES) < set(names)


def test_every_name_is_declared_once() -> None:
    statistics = [statistic.name for endpoint in ENDPOINTS for statistic in endpoint.statistics]
    assert len(statistics) == len(set(statistics))
    assert len({item.name for item in ENDPOINTS}) == len(ENDPOINTS)


def test_every_statistic_is_a_column_of_the_replicates(protocol: Protocol) -> None:
    columns = {column.name for column in columns_of(protocol)}
    for statistic in statistics_of(columns).values():
        parts = [*statistic.column.split(" + "), *(statistic.of.split(" + ") if statistic.of else ())]
        assert set(parts) <= columns, statistic.name


def test_every_measure_gives_a_number_in_every_trial(protocol: Protocol, table: PatientTable) -> None:
    more: dict[str, dict[str, Any]] = {
        "survival": {"at": "3 months"}, "progression-free": {"to": "3 months"}, "relapse-free": {"at": "1 months"},
        "duration of partial response": {"at": "1 months"},
        "time at level": {"level": "300 mg/day"},
    }  # fmt: skip
    for endpoint in known_endpoints([protocol]):
        if endpoint.measure is not None:
            values = measured({"of": endpoint.name, **more.get(endpoint.name, {})}, protocol, table)
            assert np.isfinite(values).mean() > 0.9, endpoint.name
