"""Comparisons on the same patients: what must be equal is equal, and the tables say what the trials say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trialsim as ts
from trialsim import strategies as do
from trialsim.comparison.paired_trials import comparison_rows
from trialsim.comparison.preparation import prepare_comparison
from trialsim.config import protocol_of
from trialsim.config.loading.comparisons import Comparison, load_comparison, study_from_mapping
from trialsim.records.outcomes import patient_outcomes
from trialsim.simulation.engine import event_logs
from trialsim.simulation.patients import patient_table

STUDY = """
study: compare
title: a small study
scenario: tosi2000
changes: {accrual.patients: 20, cut_off: {after_opening: null, after_last_entry: 6 months}}
variants:
  one: {}
  same: {}
  slower: {treatment.every: 28 days}
endpoints: [any response, any severe toxicity, {of: progression-free, at: 3 months}]
"""
RESPONSES = ("any response of the enrolled", "partial response of the enrolled")


def study(tmp_path: Path, text: str = STUDY, **more: str) -> Path:
    path = tmp_path / "study.yaml"
    path.write_text(text + "".join(f"{key}: {value}\n" for key, value in more.items()), encoding="utf-8")
    return path


def cell(table: Any, row: Any, column: str) -> float:
    return float(np.asarray(table.loc[row, column]))


def test_a_strategy_against_itself_differs_by_exactly_nothing(tmp_path: Path) -> None:
    found = ts.compare(study(tmp_path), replicates=60)
    same = found.differences[(found.differences["variant"] == "same") & (found.differences["control"] == "one")]
    assert len(same) == 3
    for column in ("value", "mcse", "sd_sampling", "sd_parameters", "lower", "upper"):
        assert (same[column] == 0.0).all(), column
    assert (same["probability_better"] == 0.5).all()
    slower = found.differences[(found.differences["variant"] == "slower") & (found.differences["control"] == "one")]
    assert (slower["mcse"] > 0.0).all()


def test_where_the_dose_does_nothing_every_strategy_gives_the_same_responses(titration: Comparison) -> None:
    none = {f"events.{name}.dose_exponent": 0 for name in next(iter(titration.scenarios.values())).events}
    free = load_comparison("compare_titration", {"accrual.patients": 30, "parameters": "mode", **none})
    found = ts.compare(free, replicates=100).differences
    for quantity in (*RESPONSES, "progression-free at 6 months", "survival time to 12 months"):
        own = found[(found["quantity"] == quantity) & (found["variant"] != "hold and resume")]
        assert len(own) == 10
        assert (own["value"] == 0.0).all(), quantity
    assert found["probability_better"].isna().all()  # the parameters are fixed


@pytest.mark.parametrize("slow", ["monthly steps", "other ladder", "cap 400"])
def test_before_the_first_toxicity_a_faster_ladder_never_gives_a_lower_dose(titration: Comparison, slow: str) -> None:
    fast_log, slow_log = (_doses(titration.scenarios[name]) for name in ("as published", slow))
    compared = 0
    for key, fast in fast_log.items():
        until = min(fast["first_toxicity"], slow_log[key]["first_toxicity"])
        for day in np.arange(0.5, min(until, 200.0), 7.0):
            assert _at(slow_log[key], day) <= _at(fast, day)
            compared += 1
    assert compared > 1000


def _doses(scenario: ts.Scenario) -> dict[Any, dict[str, Any]]:
    protocol = protocol_of(scenario)
    events = event_logs("reference", protocol, 3, range(1, 16))
    patients = patient_outcomes(events, protocol).set_index(["replicate", "patient"])
    first = patients[[name for name in patients.columns if name.startswith("first_onset_days")]].min(axis=1)
    ends = patients["treatment_days"]
    moves = events[events["dose_to_mg_per_day"].notna()]
    return {
        key: {
            "days": own["study_day"].to_numpy(),
            "doses": own["dose_to_mg_per_day"].to_numpy(),
            "first_toxicity": float(np.nanmin([first.to_dict()[key], ends.to_dict()[key]])),
        }
        for key, own in moves.groupby(["replicate", "patient"])
    }


def _at(course: dict[str, Any], day: float) -> float:
    return float(course["doses"][np.searchsorted(course["days"], day, side="right") - 1])


def test_both_engines_agree_on_every_shipped_strategy(titration: Comparison) -> None:
    for name, scenario in titration.scenarios.items():
        reference, batch = (patient_table(engine, protocol_of(scenario), 9, 1, 6) for engine in ("reference", "batch"))
        for column in reference.columns:
            assert np.array_equal(reference[column], batch[column], equal_nan=True), (name, column)
        assert len(reference) == 180
    assert len(titration.scenarios) == 12


def test_every_shipped_strategy_is_in_the_study_and_has_no_dead_rule(titration: Comparison) -> None:
    assert titration.warnings == []
    used = {item["strategy"] for item in titration.study.variants.values()}
    assert used == set(ts.builtin_names("strategies"))


def test_pairing_pays(compared: ts.Compared) -> None:
    """More than fivefold on toxicity, but for strategies that differ so much that few patients are alike under both."""
    own = compared.differences.set_index(["quantity", "variant"])
    for quantity in ("any severe toxicity", "constipation"):
        close = own.loc[quantity]
        close = close[close["value"].abs() < 0.08]
        assert len(close) >= 7
        assert (close["times_fewer"] > 5.0).all(), quantity


def test_estimates_and_differences_are_those_of_the_patients(compared: ts.Compared, titration: Comparison) -> None:
    """Ten lines over the patients tables, instead of all the accounting."""
    estimates = compared.estimates.set_index(["variant", "quantity"])
    means = {}
    for name in ("as published", "cap 400"):
        table = patient_table("batch", protocol_of(titration.scenarios[name]), 1, 1, 400)
        rows = pd.DataFrame(dict(table.columns)).assign(replicate=table.replicate)
        severe = rows[[f"n_onsets.{name}" for name in ("constipation", "lethargy", "rash", "severe neuropathy")]]
        rows["severe"], rows["responds"] = severe.max(axis=1) > 0, rows["best_response"] >= 1
        rows["toxicities"] = severe.sum(axis=1)
        means[name] = rows.groupby("replicate")[["severe", "responds", "toxicities"]].mean()
        for column, quantity in (("severe", "any severe toxicity"), ("responds", RESPONSES[0])):
            assert estimates.loc[(name, quantity), "value"] == pytest.approx(means[name][column].mean(), abs=1e-12)
    difference = means["cap 400"] - means["as published"]
    own = compared.differences.set_index(["variant", "quantity"]).loc["cap 400"]
    for column, quantity in (("severe", "any severe toxicity"), ("toxicities", "severe toxicities")):
        assert own.loc[quantity, "value"] == pytest.approx(difference[column].mean(), abs=1e-12)
        variance = difference[column].var()
        apart = means["cap 400"][column].var() + means["as published"][column].var()
        assert own.loc[quantity, "times_fewer"] == pytest.approx(apart / variance)
        split = cell(own, quantity, "sd_sampling") ** 2 + cell(own, quantity, "sd_parameters") ** 2
        assert split == pytest.approx(variance, rel=0.02)  # some draws come twice among 400 of 4,000


def test_utility_is_the_weighted_sum(compared: ts.Compared) -> None:
    value = compared.estimates.set_index(["quantity", "variant"])["value"]
    weighted = value[RESPONSES[0]] - 0.5 * value["any severe toxicity"]
    assert value["utility"].to_numpy() == pytest.approx(weighted.to_numpy())


def test_dominance_and_ranks_follow_from_the_estimates(compared: ts.Compared) -> None:
    value = compared.estimates.set_index(["quantity", "variant"])["value"]
    benefit, harm = value[RESPONSES[0]], value["any severe toxicity"]
    for name in compared.prepared.names:
        others = [o for o in compared.prepared.names if benefit[o] >= benefit[name] and harm[o] <= harm[name]]
        is_dominated = any(benefit[o] > benefit[name] or harm[o] < harm[name] for o in others)
        assert (name in compared.dominated) == is_dominated
    ranks = compared.ranks.set_index(["quantity", "variant"])
    assert cell(ranks, ("any severe toxicity", "fixed 100"), "sucra") > 0.95
    assert ranks.loc[RESPONSES[0]]["sucra"].mean() == pytest.approx(0.5)
    assert "average dose" not in ranks.index  # no dose is better by itself


def test_engines_workers_and_blocks_do_not_matter(tmp_path: Path) -> None:
    loaded = load_comparison(study(tmp_path))
    digests = {
        ts.compare(loaded, replicates=30, engine=engine, workers=workers).digest
        for engine, workers in (("reference", 1), ("batch", 1), ("batch", 2))
    }
    assert len(digests) == 1
    prepared = prepare_comparison(loaded, "batch", 30)
    whole = comparison_rows(prepared, 1, 1, 30)
    parts = [comparison_rows(prepared, 1, first, 10) for first in (1, 11, 21)]
    assert whole.tobytes() == np.concatenate(parts).tobytes()


def test_the_saved_study_can_be_run_again(tmp_path: Path) -> None:
    plane = "{benefit: any response, harm: any severe toxicity}"
    compared = ts.compare(study(tmp_path, plane=plane), replicates=40)
    folder = compared.save(tmp_path / "out")
    assert {path.name for path in folder.iterdir()} == {
        "manifest.json", "study.yaml", "estimates.csv", "differences.csv", "ranks.csv", "replicates.parquet",
        "plane.png", "differences.png", "ranks.png",
    }  # fmt: skip
    again = study_from_mapping(compared.comparison.to_mapping())
    assert ts.compare(again, replicates=40).digest == compared.digest


def as_the_first(seen: do.PatientView) -> do.Decision | None:
    if seen.moment == "onset":
        return do.reduce() if seen.new & seen.severe else None
    return do.keep() if seen.ever else do.escalate()


def never_up(seen: do.PatientView) -> do.Decision | None:
    return None


def test_python_functions_are_compared_too(tmp_path: Path) -> None:
    loaded = load_comparison(study(tmp_path))
    found = ts.compare(loaded, replicates=30, strategies={"function": as_the_first, "lowest": never_up})
    own = found.differences.set_index(["variant", "control", "quantity"])
    for quantity in found.prepared.quantities:
        assert cell(own, ("function", "one", quantity), "value") == 0.0
    assert cell(own, ("lowest", "one", "any severe toxicity"), "value") < 0.0
    with pytest.raises(ts.RequestError, match="a variant of the study has this name"):
        ts.compare(loaded, replicates=3, strategies={"one": never_up})
    with pytest.raises(ts.RequestError, match="out with a strategy"):
        ts.compare(loaded, replicates=3, strategies={"mine": never_up}, out=tmp_path / "out")


def test_a_grid_is_every_combination(tmp_path: Path) -> None:
    text = STUDY.replace("variants:\n  one: {}\n  same: {}\n  slower: {treatment.every: 28 days}\n", "")
    grid = "{treatment.every: [14 days, 28 days], cut_off.after_last_entry: [4 months, 6 months, 12 months]}"
    found = load_comparison(study(tmp_path, text, grid=grid))
    assert len(found.scenarios) == 6
    assert "every 28 days, after_last_entry 12 months" in found.scenarios
    assert found.scenarios["every 28 days, after_last_entry 12 months"].treatment.every.value == 28.0


def study_of(folder: Path, expression: str, more: str = "") -> Path:
    path = folder / "study.yaml"
    path.write_text(
        "study: compare\ntitle: t\nscenario: tosi2000\nchanges: {accrual.patients: 5}\n"
        "variants: {a: {}, b: {treatment.every: 28 days}}\n"
        f'endpoints: [{{name: big, expression: "{expression}", better: lower}}]\n{more}'
    )
    return path


@pytest.mark.parametrize("expression", ["exp(700) * (1 + n_onsets.rash)", "1e60 * treatment_days"])
def test_values_too_large_to_be_averaged_end_the_work_at_once(tmp_path: Path, expression: str) -> None:
    with pytest.raises(ts.RequestError, match=r"a patient has the value .*\n  Allowed: values of at most 1e\+50"):
        ts.compare(study_of(tmp_path, expression), replicates=4, out=tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["study.yaml"]  # nothing to go on from is left


@pytest.mark.parametrize("expression", ["1e49 * n_onsets.rash", "0", "1e-300 * treatment_days", "log(n_onsets.rash)"])
def test_json_is_valid_whatever_the_values(tmp_path: Path, expression: str) -> None:
    found = ts.compare(study_of(tmp_path, expression), replicates=30)
    json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.parametrize("weight", [".inf", "-.inf", ".nan", "1e300", f"1{'0' * 400}"])
def test_a_weight_that_is_not_finite_is_refused_before_the_work(tmp_path: Path, weight: str) -> None:
    with pytest.raises(ts.ConfigurationError, match="utility"):
        load_comparison(study_of(tmp_path, "n_onsets.rash", f"utility: {{big: {weight}}}\n"))


@pytest.mark.slow
def test_a_trial_is_the_same_whatever_others_are_in_its_block(tmp_path: Path) -> None:
    """With screening, the number of those who were screened differs from trial to trial."""
    text = STUDY.replace("scenario: tosi2000", "scenario: followup").replace("accrual.patients: 20, ", "")
    prepared = prepare_comparison(load_comparison(study(tmp_path, text)), "reference", 30)
    block = comparison_rows(prepared, 4, 1, 30)
    for number in (1, 17, 30):
        assert comparison_rows(prepared, 4, number, 1).tobytes() == block[number - 1 : number].tobytes()


def test_pictures_show_the_first_endpoints_and_tables_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time that a picture takes grows with the square of its panels: hundreds of endpoints took minutes."""
    drawn: list[Any] = []
    monkeypatch.setattr("trialsim.workflows.compare.draw_compare_figures", lambda *arguments: drawn.append(arguments))
    names = [f"e{i}" for i in range(300)]
    endpoints = [{"name": name, "expression": "held_days", "better": "lower"} for name in names]
    given = {
        "study": "compare", "title": "t", "scenario": "tosi2000", "changes": {"accrual.patients": 3},
        "variants": {"a": {}, "b": {"treatment.every": "28 days"}}, "endpoints": endpoints,
        "plane": {"benefit": "e299", "harm": "e298"},
    }  # fmt: skip
    found = ts.compare(given, replicates=3)
    found.save(tmp_path / "out")
    (arguments,) = drawn
    assert set(arguments[4]["quantity"]) == {*names[:22], "e298", "e299"}
    assert set(found.differences["quantity"]) == set(names)
