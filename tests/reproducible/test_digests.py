"""Equal configuration, seed and replicates give equal results, however they were come by."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import trialsim as ts
from trialsim.endpoints.responses import USUAL
from trialsim.records.columns import READABLE_EVENTS, baseline_columns, patient_columns, replicate_columns
from trialsim.records.digest import results_digest


def test_the_same_seed_gives_the_same_digest_and_another_seed_another(tosi2000: ts.Scenario) -> None:
    digests = [ts.run(tosi2000, replicates=20, seed=seed).digest for seed in (5, 5, 6)]
    assert digests[0] == digests[1] != digests[2]


def test_the_digest_of_a_small_run_is_the_stored_one(at_mode: ts.Scenario) -> None:
    """A change of the model, of a draw or of the arithmetic shows here; then results/ must be rebuilt too."""
    assert at_mode.parameters.use == "mode"
    fixed = at_mode.with_changes({"parameters.values": {"rash rate": "0.05 /month"}})
    found = ts.run(fixed, replicates=3, seed=2000).outcomes
    stored = pd.read_csv(Path(__file__).parent / "three_replicates.csv")
    pd.testing.assert_frame_equal(found, stored, rtol=1e-12, check_dtype=False)


def test_the_digest_does_not_depend_on_how_many_replicates_keep_their_events(tosi2000: ts.Scenario) -> None:
    assert ts.run(tosi2000, replicates=8, keep=0).digest == ts.run(tosi2000, replicates=8, keep=8).digest


def test_the_digest_sees_order_values_and_names() -> None:
    table = pd.DataFrame({"replicate": [1, 2], "x": [0.5, 0.25]})
    others = [table[::-1], table.assign(x=[0.5, 0.250001]), table.rename(columns={"x": "y"}), table.head(1)]
    assert len({results_digest(other) for other in [table, *others]}) == 5


def test_a_trace_is_exactly_what_the_run_had(published_run: ts.Result) -> None:
    for replicate in (1, 51, 137):
        own = published_run.events[published_run.events["replicate"] == replicate].reset_index(drop=True)
        traced = ts.trace(published_run.scenario, replicate, seed=published_run.seed)
        pd.testing.assert_frame_equal(traced, own, check_exact=True)
    one = ts.trace(published_run.scenario, 51, seed=published_run.seed, patient=3)
    assert set(one["patient"]) == {3}


def test_a_manifest_alone_is_enough_to_run_again(tosi2000: ts.Scenario, tmp_path: Path) -> None:
    changed = tosi2000.with_changes({"treatment.every": "28 days", "interpretations.rash": "six"})
    result = ts.run(changed, replicates=12, seed=99)
    folder = result.save(tmp_path / "first")
    alone = tmp_path / "manifest.json"
    alone.write_text((folder / "manifest.json").read_text())
    again = ts.run_again(alone)
    assert again.digest == result.digest == json.loads(alone.read_text())["results_digest"]
    assert isinstance(again, ts.Result)
    pd.testing.assert_frame_equal(again.estimates, result.estimates)


def test_the_saved_scenario_can_be_run(tosi2000: ts.Scenario, tmp_path: Path) -> None:
    result = ts.run(tosi2000, replicates=5)
    folder = result.save(tmp_path / "out")
    assert ts.run(ts.load_scenario(folder / "scenario.yaml"), replicates=5).digest == result.digest


def test_a_results_folder_holds_the_declared_tables(tosi2000: ts.Scenario, tmp_path: Path) -> None:
    result = ts.run(tosi2000, replicates=30, keep=4)
    folder = result.save(tmp_path / "out")
    names = {path.name for path in folder.iterdir()}
    assert names == {"manifest.json", "scenario.yaml", "estimates.csv",
        "interpretations.csv", "replicates.parquet", "patients.parquet",
                     "events.parquet", "swimmer.png", "predictive.png"}  # fmt: skip
    toxicities = list(tosi2000.toxicities)
    reported = [name for name in toxicities if tosi2000.toxicities[name].reported]
    units = {name: item.median.unit if item.median is not None else None for name, item in tosi2000.population.items()}
    declared = {
        "replicates": replicate_columns(USUAL, reported, has_draws=True),
        "patients": (
            *patient_columns(USUAL, toxicities, [dose.value for dose in tosi2000.treatment.levels]),
            *baseline_columns(units),
        ),
        "events": READABLE_EVENTS,
    }
    for name, columns in declared.items():
        table = pd.read_parquet(folder / f"{name}.parquet")
        assert list(table.columns) == [column.name for column in columns]
        assert [str(dtype) for dtype in table.dtypes] == [column.dtype for column in columns]
    assert set(pd.read_parquet(folder / "patients.parquet")["replicate"]) == {1, 2, 3, 4}
    estimates = pd.read_csv(folder / "estimates.csv")
    assert list(estimates.columns[:6]) == ["quantity", "published", "value", "mcse", "lower", "upper"]
    assert set(tosi2000.published_statistics) <= set(estimates["quantity"])


def test_outcomes_follow_from_the_events_alone(published_run: ts.Result) -> None:
    """A third way to the same numbers: plain Python over the readable log of one replicate."""
    events = published_run.events[published_run.events["replicate"] == 3]
    row = published_run.outcomes.set_index("replicate").loc[3]
    onsets = events[(events["event"] == "toxicity onset") & (events["of"] == "constipation")]
    assert row["n_toxicity.constipation"] == len(set(onsets["patient"]))
    evaluable = set(events.loc[events["event"] == "became evaluable", "patient"])
    assert row["n_evaluable"] == len(evaluable)
    seen = events[(events["event"] == "assessed") & events["patient"].isin(evaluable)]
    partial = set(seen.loc[seen["detail"] == "partial response", "patient"])
    minor = set(seen.loc[seen["detail"] == "minor response", "patient"]) - partial
    assert (row["n_partial"], row["n_minor"]) == (len(partial), len(minor))
    relapsed = set(seen.loc[seen["detail"] == "relapsed", "patient"]) & (partial | minor)
    assert row["n_responders_relapsed"] == len(relapsed)
    means = []
    for _, own in events.groupby("patient"):
        moves = own[own["dose_to_mg_per_day"].notna()].to_dict(orient="records")
        end = next((m["study_day"] for m in moves if m["event"] == "treatment ended"), own["study_day"].iloc[-1])
        taking = [m for m in moves if m["event"] != "treatment ended"]
        days = [m["study_day"] for m in taking] + [end]
        taken = sum(m["dose_to_mg_per_day"] * (b - a) for m, a, b in zip(taking, days, days[1:], strict=False))
        means.append(taken / end)
    assert row["median_dose_mg_per_day"] == pytest.approx(float(pd.Series(means).median()))
