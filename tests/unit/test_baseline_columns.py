"""The baseline columns of patients, against the patients whom the reference engine enrols."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import trialsim as ts
from trialsim.config import protocol_of
from trialsim.model.parameters import of_replicate
from trialsim.patients import DrawTable, virtual_patients
from trialsim.simulation.patients import patient_table

SEED, FIRST, N_TRIALS = 7, 3, 20


CHANGES = {
    "tosi2000": {},
    "with effects and correlations": {
        "correlations": [
            {"between": ["age", "beta-2 microglobulin"], "correlation": 0.5},
            {"between": ["prior transplant", "age"], "correlation": -0.6},
        ],
        "disease.effects": {
            "age": {"odds_ratio": 0.5, "per": "10 years"},
            "beta-2 microglobulin": {"odds_ratio": 0.8, "per": "1 mg/L", "reference": "4 mg/L"},
            "prior transplant": {"odds_ratios": {"none": 2, "allogeneic": 0.2}},
        },
    },
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize("engine", ["batch", "reference"])
def test_baseline_columns_are_those_of_the_patients_who_enrol(engine: str, changes: dict[str, Any]) -> None:
    protocol = protocol_of(ts.load_scenario("tosi2000").with_changes(changes))
    assert protocol.n_parameter_draws > 1
    table = patient_table(engine, protocol, SEED, FIRST, N_TRIALS)
    columns = [table["is_sensitive"], *(table[f"baseline.{item.name}"] for item in protocol.covariates)]
    found = {(r, int(n)): values for r, n, *values in zip(table.replicate, table["patient"], *columns, strict=True)}
    expected = {}
    for i in range(N_TRIALS):
        draws = DrawTable(SEED, FIRST + i, protocol.decision_codes.values())
        for patient in virtual_patients(of_replicate(protocol, SEED, FIRST + i), draws):
            expected[i, patient.number] = [float(patient.is_sensitive), *patient.baseline]
    assert found == {key: expected[key] for key in found}
    assert len(found) > 20 * N_TRIALS


def test_nobody_responds_who_cannot_in_any_draw_of_the_parameters() -> None:
    scenario = ts.load_scenario("tosi2000")
    assert protocol_of(scenario).n_parameter_draws > 1
    patients = ts.run(scenario, replicates=300, seed=1, keep=300).patients
    responded = patients["best_response"] > 0
    assert responded.sum() > 1000
    assert patients.loc[responded, "is_sensitive"].all()


def test_columns_of_both_engines_are_equal() -> None:
    protocol = protocol_of(ts.load_scenario("tosi2000"))
    batch, reference = (patient_table(engine, protocol, SEED, FIRST, N_TRIALS) for engine in ("batch", "reference"))
    assert set(batch.columns) == set(reference.columns)
    for name in batch.columns:
        np.testing.assert_array_equal(batch[name], reference[name])
