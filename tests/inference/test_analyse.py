"""The analysis of a trial by its design: from counts, from a table of patients, on the command line."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trialsim as ts
from tests.command_line import trialsim
from trialsim.inference.staged import Stages, infer
from trialsim.inference.survival import logrank, restricted_means

SURVIVAL = Path(__file__).parents[1] / "published" / "survival.csv"
LOGRANK: dict[str, Any] = {"hazard_ratio": 0.6, "median_control": 3, "accrual": 3, "follow_up": 3}


def of(analysis: ts.Analysis, quantity: str) -> dict[str, Any]:
    row = analysis.table[analysis.table["quantity"] == quantity]
    assert len(row) == 1, analysis.table
    return dict(row.iloc[0])


def test_two_stages_from_counts() -> None:
    design = ts.design.simon(0.2, 0.4, 0.05, 0.9)
    n1, r1, n, r = (design.numbers[key] for key in ("n1", "r1", "n", "r"))
    found = ts.analyse(design, {"patients": [n1, n], "responses": [7, 21]})
    assert found.decision == "the null hypothesis is rejected"
    assert found.confidence == pytest.approx(0.9)  # one-sided 0.05
    expected = infer(Stages((n1, n), (r1, r), (n1 + 1, r + 1)), 1, 21, 0.2, 0.9)
    assert of(found, "rate, unbiased")["value"] == expected.umvue
    row = of(found, "rate, median unbiased")
    assert [row[key] for key in ("lower", "upper", "p_value")] == [expected.lower, expected.upper, expected.p_value]
    stopped = ts.analyse(design, {"patients": n1, "responses": r1})
    assert stopped.decision == "the null hypothesis is not rejected"
    assert stopped.remarks == ()


@pytest.mark.slow
def test_a_study_may_leave_its_alternative_to_the_model() -> None:
    """The boundaries are then those that simulation finds."""
    found = ts.analyse(
        {
            "study": "size", "title": "t", "scenario": "followup", "changes": {"parameters": "mode"},
            "endpoint": {"of": "partial response", "within": "6 months"}, "design": "single-stage", "null": 0.1,
            "alternative": "modelled",
        },
        {"patients": 30, "responses": 8},
    )  # fmt: skip
    assert of(found, "rate")["value"] == pytest.approx(8 / 30)
    assert "patients were evaluable where" in found.remarks[0]


def test_patients_are_taken_in_the_order_of_their_entry() -> None:
    """The first stage is of those who were enrolled first, wherever they stand in the file; some are not evaluable."""
    design = ts.design.simon(0.2, 0.4, 0.05, 0.9)
    n1, n = design.numbers["n1"], design.numbers["n"]
    rng = np.random.default_rng(1)
    responded = [1] * 7 + [0] * (n1 - 7) + [1] * 14 + [0] * (n - n1 - 14)
    table = pd.DataFrame({"enrolled_day": np.arange(n), "responded": np.array(responded, dtype=float)})
    table = pd.concat([table, pd.DataFrame({"enrolled_day": [3.5, 9.5], "responded": [math.nan, math.nan]})])
    shuffled = table.iloc[rng.permutation(len(table))]
    expected = ts.analyse(design, {"patients": [n1, n], "responses": [7, 21]})
    pd.testing.assert_frame_equal(ts.analyse(design, shuffled).table, expected.table)


def test_the_patients_of_a_run_can_be_analysed(tosi2000: ts.Scenario) -> None:
    """Columns as they are exported: a response counts within the window, of those who are evaluable."""
    patients = ts.run(tosi2000, replicates=2, seed=3, keep=2).patients
    one = patients[patients["replicate"] == 1]
    within = one["is_evaluable"] & (one["response_seen_days"] <= 182.625)
    design = ts.design.precision(0.4, 0.3)
    found = of(ts.analyse(design, one), "rate")
    assert found["value"] == pytest.approx(within.sum() / one["is_evaluable"].sum())


def test_two_arms_by_name() -> None:
    design = ts.design.two_arm(0.3, 0.55, test="fisher", sides=2)
    counts = {"control": {"patients": 40, "responses": 12}, "experimental": {"patients": 42, "responses": 25}}
    found = ts.analyse(design, counts)
    row = of(found, "difference")
    assert row["value"] == pytest.approx(25 / 42 - 12 / 40)
    assert row["lower"] < row["value"] < row["upper"]
    assert found.confidence == pytest.approx(0.95)
    rejected = found.decision == "the null hypothesis is rejected"
    assert rejected == (row["p_value"] <= 0.05)
    table = pd.DataFrame({
        "arm": ["control"] * 40 + ["experimental"] * 42, "responded": [1] * 12 + [0] * 28 + [1] * 25 + [0] * 17,
    })  # fmt: skip
    pd.testing.assert_frame_equal(ts.analyse(design, table).table, found.table)


def test_two_arms_after_looks() -> None:
    """A trial that stops at its first look: the p-value is that of one look, the estimate is shrunk."""
    design = ts.design.two_arm(0.2, 0.5, looks=2, spending="pocock")
    half = design.planned.decisions.looks[0] // 2
    counts = {
        "control": {"patients": half, "responses": round(0.15 * half)},
        "experimental": {"patients": half, "responses": round(0.62 * half)},
    }
    found = ts.analyse(design, counts)
    assert found.decision == "the null hypothesis is rejected"
    observed, median = of(found, "gain, observed"), of(found, "gain, median unbiased")
    assert observed["value"] == pytest.approx(round(0.62 * half) / half - round(0.15 * half) / half)
    assert median["value"] == pytest.approx(observed["value"])  # the first look has nothing before it
    assert median["p_value"] < 0.025


def test_the_best_of_several_arms() -> None:
    design = ts.design.selection([0.2, 0.2, 0.35])
    counts = {f"arm {i + 1}": {"patients": 24, "responses": x} for i, x in enumerate((5, 8, 7))}
    found = ts.analyse(design, counts)
    assert found.decision == "arm 2 is selected"
    assert "overestimates" in found.remarks[0]
    counts["arm 3"]["responses"] = 8
    assert "tied" in ts.analyse(design, counts).decision


def test_times_to_events_of_two_arms() -> None:
    found = ts.analyse(ts.design.logrank(**LOGRANK), SURVIVAL, adjust=["age"], strata=["sex"])
    table, row = pd.read_csv(SURVIVAL), of(found, "log-rank z")
    rejected = found.decision == "the null hypothesis is rejected"
    assert rejected == (row["p_value"] <= 0.05)
    assert of(found, "events of control")["value"] == table.loc[table["arm"] == "control", "event"].sum()
    assert row["method"] == "log-rank test, stratified by sex, one-sided"
    assert 0.0 < of(found, "hazard ratio of experimental, adjusted for age")["value"] < 1.0
    months = pd.read_csv(SURVIVAL)
    months = months.assign(time_months=months["time_days"] / 30.4375).drop(columns="time_days")
    plain, in_months = (ts.analyse(ts.design.logrank(**LOGRANK), data).table for data in (SURVIVAL, months))
    pd.testing.assert_frame_equal(plain, in_months)


def test_weights_of_the_design_are_those_of_the_analysis() -> None:
    table = pd.read_csv(SURVIVAL)
    found = ts.analyse(ts.design.logrank(**LOGRANK, test="fleming-harrington 0 1"), table)
    row = of(found, "log-rank z")
    second = (table["arm"] == "experimental").to_numpy()
    z, _ = logrank(table["time_days"].to_numpy(float), table["event"].to_numpy(bool), second, None, (0.0, 1.0))
    assert row["value"] == pytest.approx(z)
    assert row["method"] == "log-rank test, Fleming-Harrington weights, rho 0, gamma 1, one-sided"
    assert row["value"] != pytest.approx(of(ts.analyse(ts.design.logrank(**LOGRANK), table), "log-rank z")["value"])


def test_restricted_means_of_two_arms() -> None:
    table = pd.read_csv(SURVIVAL)
    days, events = table["time_days"].to_numpy(float), table["event"].to_numpy(bool)
    second = (table["arm"] == "experimental").to_numpy()
    found = ts.analyse(ts.design.rmst(3, 0.6, 3, sides=2), table)
    row, until = of(found, "difference of restricted means, months"), 3 * 30.4375
    expected = restricted_means(days, events, second, until)
    values = [expected.value / 30.4375, expected.lower / 30.4375, expected.upper / 30.4375, expected.p_value]
    assert [row[key] for key in ("value", "lower", "upper", "p_value")] == pytest.approx(values, rel=1e-9)
    means = [of(found, f"restricted mean of {name}, months")["value"] for name in ("control", "experimental")]
    assert np.diff(means)[0] == pytest.approx(row["value"])
    assert (found.decision == "the null hypothesis is rejected") == (expected.p_value <= 0.05)
    with pytest.raises(ts.RequestError, match="an arm is not observed so long"):
        ts.analyse(ts.design.rmst("600 months", 0.6, 300), table)
    with pytest.raises(ts.RequestError, match="belongs to the log-rank test"):
        ts.analyse(ts.design.rmst(3, 0.6, 3), table, strata=["sex"])


def test_interim_looks_change_the_bound_and_the_estimate() -> None:
    design = ts.design.logrank(**LOGRANK, looks=2, spending="pocock")
    found = ts.analyse(design, SURVIVAL, earlier=[(30, 0.9)])
    median = of(found, "hazard ratio, median unbiased")
    assert median["lower"] < median["value"] < median["upper"]
    assert median["p_value"] > of(found, "log-rank z")["p_value"]  # the first look has spent some alpha
    with pytest.raises(ts.RequestError, match="the trial would have ended at look 1"):
        ts.analyse(design, SURVIVAL, earlier=[(30, 4.0)])


def test_one_arm_against_a_reference() -> None:
    table = pd.read_csv(SURVIVAL)
    found = ts.analyse(ts.design.one_sample_logrank(2.0, 0.7, accrual=3, follow_up=3), table)
    expected = math.log(2.0) * (table["time_days"] / (2.0 * 30.4375)).sum()
    observed = table["event"].sum()
    assert of(found, "events expected")["value"] == pytest.approx(expected)
    assert of(found, "one-sample log-rank z")["value"] == pytest.approx((expected - observed) / math.sqrt(expected))
    row = of(found, "observed to expected")
    assert row["lower"] < row["value"] == pytest.approx(observed / expected)


WRONG: dict[str, tuple[Any, Any, dict[str, Any], str]] = {
    "no counts": ("simon", {"patients": 29}, {}, "responses: None"),
    "a share": ("simon", {"patients": [10, 29], "responses": [0.2, 0.3]}, {}, "these are no counts"),
    "fewer than before": ("simon", {"patients": [10, 29], "responses": [5, 4]}, {}, "fewer than before"),
    "one look": ("simon", {"patients": [10, 29], "responses": 5}, {}, "other numbers of looks"),
    "no arm": ("two_arm", {"control": {"patients": 3, "responses": 1}}, {}, "arm experimental"),
    "no file": ("simon", "nowhere.csv", {}, "there is no such file"),
    "no column": ("simon", pd.DataFrame({"x": [1]}), {}, "a column `responded`"),
    "no arm in it": ("two_arm", pd.DataFrame({"responded": [1]}), {}, "a column `arm`"),
    "an unknown arm": ("two_arm", pd.DataFrame({"responded": [1], "arm": ["c"]}), {}, "arm = c"),
    "no answer": ("simon", pd.DataFrame({"responded": ["maybe"]}), {}, "in row 2 this is neither yes nor no"),
    "adjusted rates": ("simon", {"patients": 10, "responses": 1}, {"adjust": ["age"]}, "adjust"),
    "times of counts": ("logrank", {"patients": 10, "responses": 1}, {}, "counts have no times"),
    "no times": ("logrank", pd.DataFrame({"arm": ["control"]}), {}, "`time_months` or `time_days`"),
    "no covariate": ("logrank", SURVIVAL, {"adjust": ["weight"]}, "column weight"),
    "twice": ("logrank", SURVIVAL, {"adjust": ["sex"], "strata": ["sex"]}, "adjust: sex"),
    "confidence": ("simon", {"patients": 10, "responses": 1}, {"confidence": 2.0}, "confidence"),
    "too many looks": ("logrank", SURVIVAL, {"earlier": [(10, 0.1)]}, "the design has 0 interim looks"),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_data_that_the_design_cannot_have_are_refused(name: str) -> None:
    design, data, more, message = WRONG[name]
    made = {"simon": lambda: ts.design.simon(0.1, 0.3), "two_arm": lambda: ts.design.two_arm(0.3, 0.6),
            "logrank": lambda: ts.design.logrank(**LOGRANK)}[design]()  # fmt: skip
    with pytest.raises(ts.RequestError) as refusal:
        ts.analyse(made, data, **more)
    assert message in str(refusal.value)
    assert "Allowed" in str(refusal.value)


def test_the_command(tmp_path: Path) -> None:
    trialsim(tmp_path, "design", "logrank", "--hazard-ratio", "0.6", "--median-control", "3", "--accrual", "3",
             "--follow-up", "3", "--study", "size.yaml")  # fmt: skip
    done = trialsim(tmp_path, "analyse", "size.yaml", str(SURVIVAL), "--adjust", "age")
    assert done.returncode == 0, done.stderr
    assert "By the design the null hypothesis is" in done.stdout
    assert "adjusted for age" in " ".join(done.stdout.split())
    answer = json.loads(trialsim(tmp_path, "analyse", "simon_response", "--counts", "3/19", "--json").stdout)
    assert answer["decision"] == "the null hypothesis is not rejected"
    assert answer["estimates"][0]["quantity"] == "rate, unbiased"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the data are one of the two"),
        (["--counts", "five"], "these are no counts"),
        (["--counts", "6/19"], "simon_response.yaml:10"),
        (["x.csv", "--look", "50"], "this is no look"),
    ],
)
def test_the_command_says_what_is_wrong(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = trialsim(tmp_path, "analyse", "simon_response", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
