"""A cohort that publishes survival, doses and early events: run compares them, a calibration learns from them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pytest

import trialsim as ts
from trialsim.calibration.model import Calibration, calibration_of
from trialsim.calibration.predictive import (
    measured,
    predictive_estimates,
    predictive_table,
    protocol_with_draws,
    simulated,
)
from trialsim.config import load_published_trial
from trialsim.endpoints.published import statistic_of_patients
from trialsim.records.tables import plain_rows
from trialsim.simulation.patients import patient_table

PUBLISHED: Final = Path(__file__).parents[1] / "configs" / "published"
OF_PATIENTS: Final = {
    "overall survival": "survival, median (months)",
    "alive at 6 months": "survival at 6 months",
    "time without progression": "progression-free, median not reached by 4 months",
    "duration of response": "duration of partial response, median (months)",
    "early deaths": "died by 3 weeks",
    "reached 700": "highest dose of at least 700 mg/day",
    "reached 800": "highest dose of at least 800 mg/day",
    "early responses": "any response by 2 months of the responders",
    "time on drug": "treatment time, median (days)",
    "lethargy at 6 months": "lethargy at 6 months",
}


@pytest.fixture(scope="module")
def scenario() -> ts.Scenario:
    return ts.load_scenario(PUBLISHED / "trial.yaml")


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return calibration_of(load_published_trial(PUBLISHED / "cohort.yaml"), replicates=40)


def test_each_statistic_is_compared_with_its_own_measure(scenario: ts.Scenario) -> None:
    result = ts.run(scenario, 60, seed=3, engine="batch")
    found = {item.quantity: item for item in result.estimate_list if item.quantity in OF_PATIENTS}
    assert {name: item.statistic for name, item in found.items()} == OF_PATIENTS
    assert {item.n_defined for item in found.values()} == {60}
    assert found["reached 800"].published == pytest.approx(11 / 27)
    assert found["reached 800"].printed == "41 % (11/27)"
    assert found["time without progression"].published == 1.0
    assert (found["overall survival"].unit, found["time on drug"].unit) == ("months", "days")
    assert 0.0 < found["overall survival"].lower < found["overall survival"].value
    assert 0.0 <= found["alive at 6 months"].percentile <= 1.0
    assert [item.estimate.statistic for item in result.other_interpretations] == ["progression-free, median (months)"]
    json.dumps(result.to_json(), allow_nan=False)


def test_it_is_the_same_from_either_engine_and_costs_no_digest(scenario: ts.Scenario) -> None:
    batch, reference = (ts.run(scenario, 12, seed=4, engine=engine) for engine in ("batch", "reference"))
    assert batch.digest == reference.digest
    assert batch.digest == ts.run(scenario.with_changes({"cohort": None}), 12, seed=4, engine="batch").digest
    columns = ["value", "lower", "upper", "percentile"]
    tables = [result.estimates.set_index("quantity") for result in (batch, reference)]
    assert tables[0].loc[list(OF_PATIENTS), columns].equals(tables[1].loc[list(OF_PATIENTS), columns])


def test_a_median_that_few_trials_reach_has_a_range_without_an_end(scenario: ts.Scenario, tmp_path: Path) -> None:
    rates = {f"death {when} progression rate": "0.03 /month" for when in ("before", "after")}
    rare = scenario.with_changes({"parameters.values": rates})
    result = ts.run(rare, 80, seed=5, engine="batch", out=tmp_path / "out")
    found = next(item for item in result.estimate_list if item.quantity == "overall survival")
    assert np.isinf(found.upper)
    assert np.isfinite(found.value)
    assert found.n_defined == 80
    assert found.percentile < 0.5
    assert json.loads(json.dumps(result.to_json()))["estimates"][1]["upper"] is None
    assert (tmp_path / "out" / "predictive.png").exists()


def test_replicates_cannot_grow_to_the_precision_of_what_is_measured_afterwards(scenario: ts.Scenario) -> None:
    with pytest.raises(ts.InputError, match="measured in the patients, when the trials are done"):
        ts.run(scenario, 10, target_mcse={"overall survival": 0.1})


def test_the_posterior_density_is_deterministic_and_finite(calibration: Calibration) -> None:
    z = 0.3 * np.random.default_rng(1).standard_normal((4, len(calibration.names)))
    found = calibration.log_posterior(z, 1)
    assert np.isfinite(found).all()
    assert np.array_equal(found, calibration.log_posterior(z, 2))
    assert len({term.quantities for term in calibration.terms}) == len(calibration.terms)
    assert {name for term in calibration.terms for name in term.quantities} - {"enrolled"} == {
        "response.partial", *OF_PATIENTS
    }  # fmt: skip


def test_what_is_left_out_is_in_no_term(calibration: Calibration) -> None:
    for quantity in OF_PATIENTS:
        less = calibration.without(quantity)
        names = {name for term in less.terms for name in term.quantities}
        assert names == {"enrolled", "response.partial", *OF_PATIENTS} - {quantity}
        assert np.isfinite(less.log_posterior(np.zeros((1, len(less.names))))).all()


def test_predictive_checks_measure_the_patients_of_each_draw(calibration: Calibration) -> None:
    scores = np.random.default_rng(2).standard_normal((50, len(calibration.names)))
    store = simulated(calibration, scores, seed=6, n=100)
    trials = measured(calibration, scores, store, seed=6)
    rows = plain_rows(predictive_table(predictive_estimates(calibration, trials)))
    predicted = {row["quantity"]: row["predicted"] for row in rows}
    assert set(OF_PATIENTS) <= set(predicted)
    protocol = protocol_with_draws(calibration, scores)
    statistic = calibration.scenario.published_statistics["early deaths"]
    counts, of = (
        statistic_of_patients("early deaths", statistic, protocol)
        .of_trials(patient_table("batch", protocol, 6, 1, 100))
        .values()
    )
    assert predicted["early deaths"] == pytest.approx(counts.sum() / of.sum())


@pytest.mark.slow
def test_each_is_predicted_from_the_others(calibration: Calibration, monkeypatch: pytest.MonkeyPatch) -> None:
    from trialsim.calibration import importance, left_out

    monkeypatch.setattr(importance, "DRAWS_IN_ROUND", 300)
    monkeypatch.setattr(importance, "FEWEST_EFFECTIVE", 0.0)
    monkeypatch.setattr(importance, "LARGEST_K", np.inf)
    monkeypatch.setattr("trialsim.calibration.predictive.simulated.__defaults__", (2000,))  # trials
    light = replace(calibration, simulator=replace(calibration.simulator, n_trials=20))
    sample = left_out.sample_without_each(light, seed=7, workers=2)
    found = left_out.left_out(light, sample, seed=7, workers=2).set_index("quantity")
    assert list(found["statistic"][list(OF_PATIENTS)]) == list(OF_PATIENTS.values())
    assert found["percentile"].between(0.0, 1.0).all()
