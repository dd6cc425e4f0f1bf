"""Endpoints against plain pandas over the patients table, and the words of ICH E9(R1)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from lifelines import KaplanMeierFitter

import trialsim as ts
from trialsim.config import protocol_of
from trialsim.config.schema.comparison_study import EndpointSpec
from trialsim.endpoints.per_patient import endpoint_of, endpoints_of
from trialsim.model import vocabulary as v
from trialsim.model.units import DAYS_PER_MONTH
from trialsim.simulation.patients import PatientTable, patient_table

STOPPING = {
    "accrual.patients": 300,
    "parameters": "mode",
    "cut_off": {"after_opening": None, "after_last_entry": "6 months"},
    "treatment.rules": [
        {"when": "severe toxicity", "do": "stop", "at": "onset"},
        {"when": {"toxicity": "any", "timing": "ever"}, "do": "keep"},
        {"when": "tolerated", "do": "escalate"},
    ],
    "events.stopping": {"kind": "discontinuation", "rate": "0.1 /month"},
}
GIVEN_UP = (v.TOXICITY_STOP, v.DISCONTINUATION)


@pytest.fixture(scope="module")
def scenario() -> ts.Scenario:
    return ts.load_scenario("tosi2000", STOPPING)


@pytest.fixture(scope="module")
def table(scenario: ts.Scenario) -> PatientTable:
    return patient_table("batch", protocol_of(scenario), 5, 1, 3)


@pytest.fixture(scope="module")
def rows(table: PatientTable) -> pd.DataFrame:
    found = pd.DataFrame(dict(table.columns)).assign(trial=table.replicate)
    assert set(GIVEN_UP) <= set(found["treatment_end"])  # some are stopped by a rule, some by choice
    return found


def value(spec: Any, scenario: ts.Scenario, table: PatientTable) -> np.ndarray:
    endpoint = endpoint_of(EndpointSpec.model_validate(spec), protocol_of(scenario), [protocol_of(scenario)])
    values, added = endpoint.of_trials(table, None)
    sums = np.bincount(table.replicate, weights=added, minlength=table.n)
    assert sums == pytest.approx(np.zeros(table.n), abs=1e-9)  # what patients add cancels out
    return values


def given_up(t: pd.DataFrame) -> pd.Series:
    """The day on which treatment was given up; missing for those who went on."""
    return t["treatment_days"].where(t["treatment_end"].isin(GIVEN_UP))


def by_trial(rows: pd.DataFrame, of: Any) -> list[float]:
    return [float(of(own)) for _, own in rows.groupby("trial")]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("partial response", lambda t: (t["best_response"] == 2).mean()),
        (
            {"of": "partial response", "among": "evaluable"},
            lambda t: (t["best_response"] == 2)[t["is_evaluable"] > 0].mean(),
        ),
        (
            {"of": "any response", "strategy": "composite"},
            lambda t: ((t["best_response"] > 0) & ~t["treatment_end"].isin(GIVEN_UP)).mean(),
        ),
        (
            {"of": "any response", "strategy": "while on treatment"},
            lambda t: (t["response_seen_days"] <= given_up(t).fillna(np.inf)).mean(),
        ),
        ("rash", lambda t: (t["n_onsets.rash"] > 0).mean()),
        ("stopped by a rule", lambda t: (t["treatment_end"] == 2).mean()),
        ("time to response", lambda t: t["response_seen_days"].mean() / DAYS_PER_MONTH),
        ("average dose", lambda t: t["mean_dose_mg_per_day"].mean()),
        ("dose intensity", lambda t: t["total_dose_mg"].sum() / (t["observed_days"].sum() / 7)),
        ("time to maximum", lambda t: t["maximum_reached_days"].mean() / DAYS_PER_MONTH),
        ({"of": "time at level", "level": 300}, lambda t: t["days_at.300"].sum() / t["treatment_days"].sum()),
        (
            {"name": "mine", "expression": "n_onsets.rash + 2", "better": "lower"},
            lambda t: (t["n_onsets.rash"] + 2).mean(),
        ),
        (
            {"name": "mine", "expression": "held_days", "among": "best_response >= 1", "better": "lower"},
            lambda t: t["held_days"][t["best_response"] >= 1].mean(),
        ),
    ],
    ids=lambda item: "" if callable(item) else str(item),
)  # fmt: skip
def test_means_are_those_of_pandas(
    spec: Any, expected: Any, scenario: ts.Scenario, table: PatientTable, rows: pd.DataFrame
) -> None:
    assert value(spec, scenario, table) == pytest.approx(by_trial(rows, expected))


def survival(own: pd.DataFrame, event: pd.Series, until: pd.Series, at: float, start: Any = 0.0) -> float:
    times, has_event = np.minimum(event.fillna(np.inf), until) - start, event <= until
    there = times.notna()
    return float(KaplanMeierFitter().fit(times[there], has_event[there]).predict(at * DAYS_PER_MONTH))


def test_times_to_events_are_those_of_lifelines(scenario: ts.Scenario, table: PatientTable, rows: pd.DataFrame) -> None:
    def event(t: pd.DataFrame) -> pd.Series:
        return t[["progression_seen_days", "death_days"]].min(axis=1)

    def either(t: pd.DataFrame) -> pd.Series:
        return pd.concat([event(t), given_up(t)], axis=1).min(axis=1)

    at = {"at": "4 months"}
    found = value({"of": "survival", **at}, scenario, table)
    assert found == pytest.approx(by_trial(rows, lambda t: survival(t, t["death_days"], t["observed_days"], 4)))
    found = value({"of": "progression-free", **at}, scenario, table)
    assert found == pytest.approx(by_trial(rows, lambda t: survival(t, event(t), t["observed_days"], 4)))
    composite = value({"of": "progression-free", "strategy": "composite", **at}, scenario, table)
    assert composite == pytest.approx(by_trial(rows, lambda t: survival(t, either(t), t["observed_days"], 4)))
    assert (composite < found).all()
    responders = value({"of": "relapse-free", **at}, scenario, table)
    assert responders == pytest.approx(
        by_trial(
            rows[rows["best_response"] > 0],
            lambda t: survival(t, event(t), t["observed_days"], 4, t["response_seen_days"]),
        )
    )


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("remission", "there is no such endpoint"),
        ({"of": "survival"}, "needs a time"),
        ({"of": "any response", "at": "3 months"}, "only times to events"),
        ({"of": "rash", "strategy": "composite"}, "no other strategy"),
        ({"of": "time at level", "level": 250}, "no variant has this level"),
        ({"of": "any response", "level": 300}, "only the time at a level has"),
        ({"of": "any response", "unit": "days"}, "its unit is known"),
        ({"name": "x", "expression": "held_days", "better": "lower", "at": "3 months"}, "only times to events"),
        ({"name": "x", "expression": "held_days", "better": "lower", "strategy": "composite"}, "no other strategy"),
        ({"name": "x", "expression": "cost", "better": "lower"}, "there is no column cost"),
        ({"of": "any response", "among": "the lucky"}, "cannot be read"),
    ],
)
def test_what_cannot_be_measured_is_refused(spec: Any, message: str, scenario: ts.Scenario) -> None:
    with pytest.raises(ts.RequestError, match=message):
        endpoint_of(EndpointSpec.model_validate(spec), protocol_of(scenario), [protocol_of(scenario)])


def test_a_group_of_whom_does_not_replace_who_can_be_asked(
    scenario: ts.Scenario, table: PatientTable, rows: pd.DataFrame
) -> None:
    """The evaluable among the responders; nobody without a response has a time since it."""
    found = value({"of": "relapse-free", "at": "3 months", "among": "evaluable"}, scenario, table)
    own = rows[(rows["best_response"] > 0) & (rows["is_evaluable"] > 0)]
    event = own[["progression_seen_days", "death_days"]].min(axis=1)
    expected = [
        survival(t, event[t.index], t["observed_days"], 3, t["response_seen_days"]) for _, t in own.groupby("trial")
    ]
    assert found == pytest.approx(expected)
    among = {"of": "time to response", "among": "evaluable"}
    assert value(among, scenario, table) == pytest.approx(
        [float(t["response_seen_days"].mean()) / DAYS_PER_MONTH for _, t in own.groupby("trial")]
    )


def test_while_on_treatment_is_cut_off_only_where_it_was_given_up(table: PatientTable, rows: pd.DataFrame) -> None:
    kept = {"treatment.rules": [{"when": "always", "do": "keep"}], "events.stopping.rate": "0 /month"}
    going_on = ts.load_scenario("tosi2000", {**STOPPING, **kept})
    other = patient_table("batch", protocol_of(going_on), 5, 1, 3)
    plain, on_treatment = (
        value({"of": "survival", "at": "4 months", "strategy": strategy}, going_on, other)
        for strategy in ("treatment policy", "while on treatment")
    )
    assert (plain == on_treatment).all()


def test_each_variant_is_asked_for_its_own_toxicities(scenario: ts.Scenario) -> None:
    milder = scenario.with_changes({"events.rash.severe": False})
    protocols = [protocol_of(item) for item in (scenario, milder)]
    found = endpoints_of([EndpointSpec.model_validate("any severe toxicity")], protocols)
    assert ["rash" in variant[0].value.text for variant in found] == [True, False]


def test_two_endpoints_of_one_name_are_refused(scenario: ts.Scenario) -> None:
    specs = [EndpointSpec.model_validate("any response")] * 2
    with pytest.raises(ts.RequestError, match="two endpoints have this name"):
        endpoints_of(specs, [protocol_of(scenario)])
