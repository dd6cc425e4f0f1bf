"""Rates of two arms in strata and with covariates: beside R, statsmodels, brute sums, and on the command line."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import trialsim as ts
from tests.command_line import trialsim
from trialsim.inference.adjusted import Responses
from trialsim.inference.logistic import columns_of, fit
from trialsim.inference.result import Row
from trialsim.inference.stratified import (
    Strata,
    cochran_mantel_haenszel,
    common_difference,
    common_odds_ratio,
    homogeneity,
    strata_of,
)
from trialsim.inference.subgroups import subgroups_of_rates

PUBLISHED = Path(__file__).parents[1] / "published"
RATES = pd.read_csv(PUBLISHED / "rates.csv")
ONE_TRIAL = RATES[RATES["trial"] == 1]


def rows(kind: str) -> Iterator[tuple[dict[str, str], list[float]]]:
    """What was asked of R (`verification/adjusted_rates.R`) and what it gave."""
    lines = (PUBLISHED / "adjusted_rates.csv").read_text(encoding="utf-8").splitlines()[1:]
    for row in csv.DictReader(lines):
        if row["kind"] == kind:
            asked = dict(part.split("=") for part in row["asked"].split(";"))
            yield asked, [float(x) for x in row["found"].split()]


def strata(asked: dict[str, str]) -> Strata:
    """The counts of a row, whose control arms come first."""
    patients, responses = (np.array([int(part) for part in asked[key].split()]).reshape(2, -1).T for key in ("n", "x"))
    return Strata(patients, responses)


def of(analysis: ts.Analysis, quantity: str) -> dict[str, Any]:
    row = analysis.table[analysis.table["quantity"] == quantity]
    assert len(row) == 1, analysis.table
    return dict(row.iloc[0])


def test_strata_beside_those_of_r() -> None:
    """`mantelhaen.test`; homogeneity and the common difference as written a second time in R."""
    cases = list(rows("strata"))
    assert len(cases) == 30
    for asked, found in cases:
        counts = strata(asked)
        z, ratio, difference = cochran_mantel_haenszel(counts), common_odds_ratio(counts), common_difference(counts)
        assert [z**2, 2.0 * norm.sf(abs(z)), norm.sf(z)] == pytest.approx(found[:3], rel=1e-8)
        assert [ratio.value, ratio.lower, ratio.upper] == pytest.approx(found[3:6], rel=1e-8)
        assert homogeneity(counts) == pytest.approx(found[6:9], rel=1e-7, abs=1e-9)
        assert [difference.value, difference.standard_error] == pytest.approx(found[9:], rel=1e-8, abs=1e-11)


def test_strata_beside_those_of_statsmodels() -> None:
    from statsmodels.stats.contingency_tables import StratifiedTable

    for asked, _ in rows("strata"):
        counts = strata(asked)
        informative = (counts.responses.sum(axis=1) > 0) & (counts.responses < counts.patients).any(axis=1)
        n, x = counts.patients[informative], counts.responses[informative]
        other = StratifiedTable([[[b, m - b], [a, k - a]] for (k, m), (a, b) in zip(n, x, strict=True)])
        assert cochran_mantel_haenszel(counts) ** 2 == pytest.approx(other.test_null_odds().statistic, rel=1e-9)
        ratio = common_odds_ratio(counts, 0.9)
        assert [ratio.lower, ratio.upper] == pytest.approx(other.oddsratio_pooled_confint(0.1), rel=1e-9)
        assert homogeneity(counts)[0] == pytest.approx(other.test_equal_odds(adjust=True).statistic, rel=1e-7)


def test_a_single_stratum_is_a_table_of_two_by_two() -> None:
    """Ratio and difference are the plain ones, the error of the ratio is that of Woolf, z nearly that of Pearson."""
    one = Strata(np.array([[40, 50]]), np.array([[12, 25]]))
    ratio, difference = common_odds_ratio(one), common_difference(one)
    assert ratio.value == pytest.approx((25 / 25) / (12 / 28))
    assert ratio.standard_error == pytest.approx(math.sqrt(1 / 25 + 1 / 25 + 1 / 12 + 1 / 28))
    assert difference.value == pytest.approx(25 / 50 - 12 / 40)
    pooled = 37 / 90
    z = difference.value / math.sqrt(pooled * (1 - pooled) * (1 / 40 + 1 / 50))
    assert cochran_mantel_haenszel(one) == pytest.approx(z * math.sqrt(89 / 90))
    assert math.isnan(homogeneity(one)[2])


def test_the_same_odds_ratio_in_each_stratum_is_homogeneous() -> None:
    """Also at a common odds ratio of exactly 1, where the usual root of a quadratic does not exist."""
    for x in ([[10, 10], [4, 8]], [[10, 15], [12, 16]]):
        n = np.array([[20, 20], [8, 16]] if x[0] == [10, 10] else [[20, 20], [20, 20]])
        equal = Strata(n, np.array(x))
        statistic, freedom, p_value = homogeneity(equal)
        assert freedom == 1
        assert 0.0 <= statistic < 1.0
        assert p_value == pytest.approx(2.0 * norm.sf(math.sqrt(statistic)), rel=1e-6)
    assert homogeneity(Strata(np.array([[20, 20], [8, 16]]), np.array([[10, 10], [4, 8]])))[0] == pytest.approx(0.0)


def test_strata_that_say_nothing_change_nothing() -> None:
    """One without an arm, one without responses: the test, the ratio and homogeneity are as before."""
    some = np.array([[20, 22], [15, 14]]), np.array([[5, 11], [6, 9]])
    more = np.vstack([some[0], [[9, 0], [5, 6]]]), np.vstack([some[1], [[4, 0], [0, 0]]])
    before, after = Strata(*some), Strata(*more)
    assert cochran_mantel_haenszel(after) == pytest.approx(cochran_mantel_haenszel(before))
    assert common_odds_ratio(after) == common_odds_ratio(before)
    assert homogeneity(after) == pytest.approx(homogeneity(before))
    assert abs(common_difference(after).value) < abs(common_difference(before).value)  # no difference in one more


def test_intervals_and_tests_in_strata_keep_their_level() -> None:
    """Eight strata of 20 patients with the same difference: 95 % intervals, 5 % tests, within 4 Monte Carlo errors."""
    rng, repeats = np.random.default_rng(3), 4000
    n, base = np.tile([10, 10], (8, 1)), np.linspace(0.2, 0.5, 8)
    covered = rejected = 0
    for _ in range(repeats):
        x = np.column_stack([rng.binomial(10, base), rng.binomial(10, base + 0.2)])
        found = common_difference(Strata(n, x))
        covered += found.lower <= 0.2 <= found.upper
        same = np.column_stack([rng.binomial(10, base), rng.binomial(10, base)])
        rejected += abs(cochran_mantel_haenszel(Strata(n, same))) > norm.isf(0.025)
    error = 4.0 * math.sqrt(0.95 * 0.05 / repeats)
    approximation = 0.01  # of a normal distribution to that of counts
    assert abs(covered / repeats - 0.95) < error + approximation
    assert abs(rejected / repeats - 0.05) < error + approximation


def test_logistic_regressions_beside_those_of_r() -> None:
    """`glm` with a binomial family; the sandwich of the standardised difference by numerical derivatives in R."""
    cases = list(rows("logistic"))
    assert len(cases) == 48
    for asked, found in cases:
        patients = RATES[RATES["trial"] == int(asked["trial"])]
        adjust, _, by = ("" if asked["covariates"] == "none" else asked["covariates"]).partition(" | ")
        responded, second = patients["responded"].to_numpy() == 1, patients["arm"].to_numpy() == "experimental"
        fitted = fit(responded, second, columns_of(patients, adjust.split(), by.split()))
        value, error = fitted.arm
        assert [value, error, 2.0 * norm.sf(abs(value / error))] == pytest.approx(found[:3], rel=1e-6)
        assert np.exp([value - 1.9599639845 * error, value + 1.9599639845 * error]) == pytest.approx(
            found[3:5], rel=1e-6
        )
        assert fitted.standardised_difference() == pytest.approx(found[5:], rel=1e-6)


def test_without_covariates_the_standardised_difference_is_the_observed_one() -> None:
    """Its error is then that of two binomial rates."""
    responded = np.repeat([True, False, True, False], [12, 28, 25, 25])
    second = np.repeat([False, True], [40, 50])
    value, error = fit(responded, second, np.zeros((90, 0))).standardised_difference()
    assert value == pytest.approx(0.5 - 0.3)
    assert error == pytest.approx(math.sqrt(0.3 * 0.7 / 40 + 0.5 * 0.5 / 50))


@pytest.mark.slow
def test_the_interval_of_the_standardised_difference_covers() -> None:
    """Where the model is wrong too: the covariate acts by its square. 4 Monte Carlo errors, a small-sample margin."""
    rng, repeats, n = np.random.default_rng(5), 1500, 200
    grid = norm.ppf((np.arange(20_000) + 0.5) / 20_000)

    def rate(x: Any, arm: Any) -> Any:
        return 1.0 / (1.0 + np.exp(0.5 - 0.8 * arm - 0.5 * x**2 + 0.7 * x))

    true, covered = float((rate(grid, 1.0) - rate(grid, 0.0)).mean()), 0
    for _ in range(repeats):
        x, arm = rng.normal(size=n), rng.permutation(np.arange(n) % 2) == 1
        responded = rng.random(n) < rate(x, arm.astype(float))
        value, error = fit(responded, arm, x[:, None]).standardised_difference()
        covered += abs(value - true) < 1.959963984540054 * error
    small_sample = 0.01
    assert abs(covered / repeats - 0.95) < 4.0 * math.sqrt(0.95 * 0.05 / repeats) + small_sample


def test_a_design_of_two_arms_in_strata() -> None:
    design = ts.design.two_arm(0.3, 0.55, sides=1)
    found = ts.analyse(design, ONE_TRIAL, strata=["sex", "site"])
    plain = ts.analyse(design, ONE_TRIAL)
    assert found.decision == plain.decision
    pd.testing.assert_frame_equal(found.table.iloc[: len(plain.table)], plain.table)
    counts = strata_of(
        ONE_TRIAL["responded"].to_numpy() == 1, ONE_TRIAL["arm"].to_numpy() == "experimental",
        [f"{sex} {site}" for sex, site in zip(ONE_TRIAL["sex"], ONE_TRIAL["site"], strict=True)],
    )  # fmt: skip
    row, ratio = of(found, "Cochran-Mantel-Haenszel z"), of(found, "common odds ratio")
    assert len(counts.patients) == 6
    assert row["value"] == pytest.approx(cochran_mantel_haenszel(counts))
    assert row["p_value"] == pytest.approx(norm.sf(row["value"]))
    assert ratio["lower"] == pytest.approx(common_odds_ratio(counts, found.confidence).lower)
    assert "neither stratified nor adjusted" in found.remarks[-1]
    two_sided = of(
        ts.analyse(ts.design.two_arm(0.3, 0.55, sides=2), ONE_TRIAL, strata=["sex", "site"]), row["quantity"]
    )
    assert two_sided["p_value"] == pytest.approx(2.0 * norm.sf(abs(row["value"])))


def test_where_lower_rates_are_better_the_other_side_counts() -> None:
    """The effects are the same; z and its one-sided p-value are those of the other direction."""
    higher, lower = (
        ts.analyse(ts.design.two_arm(*rates), ONE_TRIAL, strata=["site"], adjust=["age"])
        for rates in ((0.3, 0.55), (0.55, 0.3))
    )
    for name in ("Cochran-Mantel-Haenszel z", "common difference", "difference, adjusted for age, site"):
        assert of(higher, name)["p_value"] + of(lower, name)["p_value"] == pytest.approx(1.0)
    assert of(higher, "common odds ratio")["value"] == of(lower, "common odds ratio")["value"]


def test_margins_are_tested_by_adjusted_differences() -> None:
    """One-sided against the margin; equivalence by the larger of both p-values."""
    margin = 0.2
    one, both = ts.design.non_inferiority(0.5, 0.5, margin), ts.design.equivalence(0.5, 0.5, margin)
    for design in (one, both):
        found = ts.analyse(design, ONE_TRIAL, strata=["site"], adjust=["age"])
        assert "Cochran-Mantel-Haenszel z" not in set(found.table["quantity"])
        for name in ("common difference", "difference, adjusted for age, site"):
            row = of(found, name)
            error = (row["upper"] - row["lower"]) / (2.0 * norm.isf((1.0 - found.confidence) / 2.0))
            low, high = norm.sf((row["value"] + margin) / error), norm.sf((margin - row["value"]) / error)
            assert row["p_value"] == pytest.approx(low if design is one else max(low, high))


def test_after_looks_a_remark_says_what_is_not_allowed_for() -> None:
    design = ts.design.two_arm(0.35, 0.6, looks=2, spending="obrien-fleming")
    found = ts.analyse(design, ONE_TRIAL, strata=["site"])
    assert "do not allow for the looks" in found.remarks[-1]


def test_patients_who_are_not_evaluable_count_nowhere() -> None:
    """Nor must their covariates be known."""
    design = ts.design.two_arm(0.3, 0.55)
    more = pd.concat([ONE_TRIAL, ONE_TRIAL.iloc[:5].assign(responded=math.nan, age=math.nan)])
    hows: tuple[dict[str, Any], ...] = ({"adjust": ["age", "sex"]}, {"strata": ["sex"]})
    for how in hows:
        few, many = (ts.analyse(design, table, **how).table for table in (ONE_TRIAL, more))
        pd.testing.assert_frame_equal(few, many)


def test_subgroups_of_rates_beside_those_of_r() -> None:
    """Interactions by likelihood ratio; in each level the difference has the exact interval of those patients alone."""
    design = ts.design.two_arm(0.3, 0.55)
    cases = list(rows("interaction of rates"))
    assert len(cases) == 24
    for asked, (statistic, p_value) in cases:
        patients, column = RATES[RATES["trial"] == int(asked["trial"])], asked["column"]
        responses = Responses(
            patients["responded"].to_numpy() == 1, patients["arm"].to_numpy() == "experimental", patients
        )
        said = (
            subgroups_of_rates(responses, [column], 0.9) if asked["trial"] == "1" else _interaction(responses, column)
        )
        assert [said[-1].value, said[-1].p_value] == pytest.approx([statistic, p_value], rel=1e-6, abs=1e-9)
    found = ts.analyse(design, ONE_TRIAL, subgroups=["sex"], confidence=0.9)
    for level in ("f", "m"):
        alone = of(ts.analyse(design, ONE_TRIAL[ONE_TRIAL["sex"] == level], confidence=0.9), "difference")
        row = of(found, f"difference, sex {level}")
        assert [row[key] for key in ("value", "lower", "upper")] == [alone[key] for key in ("value", "lower", "upper")]
    assert "do not allow for the number of subgroups" in found.remarks[-1]
    assert found.decision == ts.analyse(design, ONE_TRIAL).decision


def _interaction(responses: Responses, column: str) -> list[Row]:
    """The rows of subgroups without the exact intervals, which take long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trialsim.inference.subgroups.interval_of_difference", lambda *_: (math.nan, math.nan))
        return subgroups_of_rates(responses, [column], 0.9)


def test_subgroups_of_times_beside_those_of_r() -> None:
    design = ts.design.logrank(hazard_ratio=0.6, median_control=3, accrual=3, follow_up=3)
    found = ts.analyse(design, PUBLISHED / "survival.csv", subgroups=["sex", "site"], confidence=0.95)
    for asked, (statistic, p_value) in rows("interaction of times"):
        row = of(found, f"interaction with {asked['column']}, chi-square")
        assert [row["value"], row["p_value"]] == pytest.approx([statistic, p_value], rel=1e-6)
    for asked, ratio in rows("hazard ratio"):
        row = of(found, f"hazard ratio, {asked['column']} {asked['level']}")
        assert [row["value"], row["lower"], row["upper"]] == pytest.approx(ratio, rel=1e-6)


def test_a_level_without_an_arm_or_without_events_has_no_estimate() -> None:
    """The other levels have; there is then no test of the interaction."""
    table = ONE_TRIAL.assign(level=np.where(ONE_TRIAL["arm"] == "control", "a", "b"))
    table.loc[table.index[:30], "level"] = "a"
    found = ts.analyse(ts.design.two_arm(0.3, 0.55), table, subgroups=["level"])
    assert math.isnan(of(found, "difference, level b")["value"])
    assert not math.isnan(of(found, "difference, level a")["lower"])
    assert math.isnan(of(found, "interaction with level, chi-square")["p_value"])
    times = pd.read_csv(PUBLISHED / "survival.csv")
    times["event"] = times["event"] * ((times["sex"] == "f") | (times["arm"] == "control"))
    design = ts.design.logrank(hazard_ratio=0.6, median_control=3, accrual=3, follow_up=3)
    found = ts.analyse(design, times, subgroups=["sex"])
    assert math.isnan(of(found, "hazard ratio, sex m")["value"])
    assert 0.0 < of(found, "hazard ratio, sex f")["value"] < 10.0


TWO_ARM = {"control": {"patients": 30, "responses": 9}, "experimental": {"patients": 30, "responses": 18}}
AGED = ONE_TRIAL.assign(age=[math.nan, *[60.0] * 89])
AGED_TWICE = ONE_TRIAL.assign(years=ONE_TRIAL["age"])
DOSED = ONE_TRIAL.assign(dose=ONE_TRIAL["responded"] * 2.0)
WRONG: dict[str, tuple[str, Any, dict[str, Any], str]] = {
    "one arm": ("simon", ONE_TRIAL, {"adjust": ["age"]}, "compares no two arms"),
    "three arms": ("three", ONE_TRIAL, {"strata": ["site"]}, "selects among 3 arms"),
    "counts": ("two_arm", TWO_ARM, {"strata": ["site"]}, "counts have no covariates"),
    "no such column": ("two_arm", ONE_TRIAL, {"adjust": ["weight"]}, "column weight"),
    "twice": ("two_arm", ONE_TRIAL, {"adjust": ["sex"], "strata": ["sex"]}, "adjust: sex"),
    "a missing age": ("two_arm", AGED, {"adjust": ["age"]}, "1 patients have"),
    "a stratum each": ("two_arm", ONE_TRIAL.assign(own=range(90)), {"strata": ["own"]}, "no stratum has"),
    "the same for all": ("two_arm", ONE_TRIAL.assign(same=1.0), {"adjust": ["same"]}, "follow from one another"),
    "the same twice": ("two_arm", AGED_TWICE, {"adjust": ["age", "years"]}, "one another"),
    "separated": ("two_arm", DOSED, {"adjust": ["dose"]}, "without error"),
    "half separated": (
        "two_arm", ONE_TRIAL.assign(dose=ONE_TRIAL["responded"] * (ONE_TRIAL["age"] > 60)), {"adjust": ["dose"]},
        "without error",
    ),
    "subgroups of one arm": ("simon", ONE_TRIAL, {"subgroups": ["sex"]}, "compares no two arms"),
    "one level": ("two_arm", ONE_TRIAL.assign(same=1), {"subgroups": ["same"]}, "the same level"),
    "many levels": ("two_arm", ONE_TRIAL, {"subgroups": ["age"]}, "levels"),
    "earlier": ("two_arm", ONE_TRIAL, {"earlier": [(10, 0.1)]}, "times to events"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(WRONG))
def test_what_cannot_be_stratified_or_adjusted_is_refused(name: str) -> None:
    design, data, more, message = WRONG[name]
    made = {
        "simon": lambda: ts.design.simon(0.1, 0.3), "two_arm": lambda: ts.design.two_arm(0.3, 0.6),
        "three": lambda: ts.design.selection([0.2, 0.2, 0.35]),
    }[design]()  # fmt: skip
    with pytest.raises(ts.RequestError) as refusal:
        ts.analyse(made, data, **more)
    assert message in str(refusal.value)
    assert "Allowed" in str(refusal.value)


def test_an_arm_without_responses_has_a_test_but_no_ratio() -> None:
    none = ONE_TRIAL.assign(responded=ONE_TRIAL["responded"] * (ONE_TRIAL["arm"] == "experimental"))
    found = ts.analyse(ts.design.two_arm(0.3, 0.55), none, strata=["site"])
    assert math.isnan(of(found, "common odds ratio")["value"])
    assert of(found, "Cochran-Mantel-Haenszel z")["value"] > 3.0
    with pytest.raises(ts.RequestError, match="without error"):
        ts.analyse(ts.design.two_arm(0.3, 0.55), none, adjust=["age"])


def test_the_command(tmp_path: Path) -> None:
    ONE_TRIAL.to_csv(tmp_path / "patients.csv", index=False)
    trialsim(tmp_path, "design", "two-arm", "--p-control", "0.3", "--p-experimental", "0.6", "--study", "size.yaml")
    done = trialsim(
        tmp_path,
        "analyse",
        "size.yaml",
        "patients.csv",
        "--adjust",
        "age,sex",
        "--strata",
        "site",
        "--subgroups",
        "sex",
    )
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert "Cochran-Mantel-Haenszel z" in text
    assert "neither stratified nor adjusted" in text
    assert "interaction with sex" in text
