"""Designs from plain numbers, without a scenario: their numbers, curves and questions, and what they refuse."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, norm

import trialsim as ts
from tests.command_line import trialsim
from trialsim.config.loading.size_studies import load_sizing
from trialsim.design.theory.two_stage import simon_designs
from trialsim.workflows.designs import FUNCTIONS
from trialsim.workflows.designs.trial_design import TrialDesign

MADE: dict[str, Callable[[], TrialDesign]] = {
    "single_stage": lambda: ts.design.single_stage(0.1, 0.3),
    "ahern": lambda: ts.design.ahern(0.2, 0.4, 0.1, 0.9),
    "simon": lambda: ts.design.simon(0.1, 0.3),
    "fleming": lambda: ts.design.fleming(0.1, 0.3, 15, 30),
    "bryant_day": lambda: ts.design.bryant_day(0.1, 0.5, 0.6, 0.2, 0.1, 0.1, largest_n=30),
    "precision": lambda: ts.design.precision(0.3, 0.15),
    "predictive_probability": lambda: ts.design.predictive_probability(0.2, 0.45, every=3),
    "bop2": lambda: ts.design.bop2(0.2, 0.4, 40, 0.1),
    "thall_simon": lambda: ts.design.thall_simon(0.3, 0.5, 40, (15, 35), gain=0.15, every=5),
    "two_arm": lambda: ts.design.two_arm(0.2, 0.5),
    "non_inferiority": lambda: ts.design.non_inferiority(0.6, 0.65, 0.2, ratio=2),
    "equivalence": lambda: ts.design.equivalence(0.7, 0.7, 0.25, 0.05),
    "selection": lambda: ts.design.selection([0.2, 0.2, 0.35]),
    "logrank": lambda: ts.design.logrank(0.6, 12, accrual=12, follow_up="12 months"),
    "rmst": lambda: ts.design.rmst("18 months", [(0, 1), (3, 0.5)], hazards_control="0:0.08,6:0.04", accrual=12),
    "non_inferiority_survival": lambda: ts.design.non_inferiority_survival(1.4, 1.0, 12, accrual=12, follow_up=12),
    "one_sample_logrank": lambda: ts.design.one_sample_logrank("6 months", 0.6),
}


def test_every_design_that_needs_no_simulation_has_a_function() -> None:
    assert set(MADE) == set(FUNCTIONS)
    assert set(FUNCTIONS) <= set(dir(ts.design))
    with pytest.raises(AttributeError, match="there are single_stage, ahern, simon"):
        _ = ts.design.simons


@pytest.mark.parametrize("name", list(MADE))
def test_each_has_a_table_curves_sentences_and_the_study_that_conducts_it(name: str) -> None:
    design = MADE[name]()
    assert len(design.table) >= 1
    assert design.table["n"].tolist() == [design.numbers["n"]] or design.table["chosen"].sum() == 1
    curve = design.operating_characteristics()
    assert len(curve) > 10
    probabilities = curve.iloc[:, len(design.planned.alternative_rates) or 1]
    assert probabilities.between(0.0, 1.0).all()
    assert design.power() == design.numbers["power"]
    assert str(design.numbers["n"]) in design.paragraph
    sizing = load_sizing(design.to_study())
    assert sizing.study.design == design.kind
    assert json.loads(json.dumps(design.to_json()))["design"]["n"] == design.numbers["n"]
    assert "<table" in design._repr_html_()


def test_rates_of_one_arm_are_those_of_the_binomial_distribution() -> None:
    design = ts.design.single_stage(0.2, 0.4, 0.05, 0.9)
    n, r = design.numbers["n"], design.numbers["r"]
    curve = design.operating_characteristics([0.0, 0.2, 0.33, 1.0])
    assert curve["rejects"].tolist() == pytest.approx(np.asarray(binom.sf(r, n, [0.0, 0.2, 0.33, 1.0])).tolist())
    assert design.power(70) == pytest.approx(float(binom.sf(binom.isf(0.05, 70, 0.2), 70, 0.4)))
    assert design.at(70).numbers["alpha"] <= 0.05 < float(binom.sf(binom.isf(0.05, 70, 0.2) - 1, 70, 0.2))


def test_two_stages_come_to_what_every_pair_of_counts_comes_to() -> None:
    design = ts.design.simon(0.1, 0.3, criterion="minimax")
    n1, r1, n, r = (design.numbers[key] for key in ("n1", "r1", "n", "r"))
    for rate, rejects, early in design.operating_characteristics([0.05, 0.25])[
        ["rate", "rejects", "stops_early"]
    ].itertuples(index=False):
        x1, x2 = np.meshgrid(np.arange(n1 + 1), np.arange(n - n1 + 1), indexing="ij")
        mass = binom.pmf(x1, n1, rate) * binom.pmf(x2, n - n1, rate)
        assert rejects == pytest.approx(mass[(x1 > r1) & (x1 + x2 > r)].sum())
        assert early == pytest.approx(binom.cdf(r1, n1, rate))


@pytest.mark.parametrize("criterion", ["optimal", "minimax", "admissible"])
@pytest.mark.parametrize("n", [20, 33, 60])
def test_simon_of_a_given_n_has_the_most_power_that_fits(criterion: Any, n: int) -> None:
    """Every power above it, in the same steps, takes more patients."""
    design = ts.design.simon(0.2, 0.4, 0.1, n=n, criterion=criterion)
    assert design.numbers["n"] <= n
    steps = range(math.floor(200 * design.numbers["power"]) + 1, 200)
    better = [ts.design.simon(0.2, 0.4, 0.1, step / 200, criterion=criterion, largest_n=600) for step in steps]
    assert [item.numbers["n"] for item in better if item.numbers["n"] <= n] == []


def test_the_table_of_a_simon_design_has_the_admissible_ones() -> None:
    table = ts.design.simon(0.2, 0.4, 0.05, 0.9).table
    designs = simon_designs(0.2, 0.4, 0.05, 0.9)
    assert table["n"].iloc[0] == designs[0].n
    assert table["n"].iloc[-1] == designs[-1].n
    assert table["chosen"].tolist() == [False] * (len(table) - 1) + [True]
    assert table["weight_from"].iloc[-1] == 0.0
    assert table["weight_to"].iloc[0] == 1.0


@pytest.mark.parametrize(
    "name",
    [
        "single_stage", "simon", "fleming", "two_arm", "logrank", "rmst", "one_sample_logrank",
        "non_inferiority_survival",
    ],
)  # fmt: skip
def test_what_is_detectable_has_the_power_and_nothing_nearer_has(name: str) -> None:
    design = MADE[name]()
    found = design.detectable(0.9)
    towards_null = 0.002 if name in ("logrank", "rmst", "one_sample_logrank", "non_inferiority_survival") else -0.002
    column, pair = "rejects", (lambda rate: (0.2, rate)) if name == "two_arm" else float
    reached = [design.operating_characteristics([pair(x)])[column].iloc[0] for x in (found, found + towards_null)]
    assert reached[0] >= 0.9 - 1e-3
    assert reached[1] < 0.9


def test_two_arms_with_two_to_one_and_looks() -> None:
    """By enumeration of both counts, written anew."""
    design = ts.design.two_arm(0.3, 0.55, ratio=2, test="chi-square", n=90)
    assert [design.numbers[key] for key in ("n_control", "n_experimental")] == [30, 60]
    x0, x1 = np.meshgrid(np.arange(31), np.arange(61), indexing="ij")
    pooled = (x0 + x1) / 90
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (x1 / 60 - x0 / 30) / np.sqrt(pooled * (1.0 - pooled) * (1.0 / 30 + 1.0 / 60))
    mass = np.outer(binom.pmf(np.arange(31), 30, 0.3), binom.pmf(np.arange(61), 60, 0.55))
    assert design.power() == pytest.approx(mass[np.nan_to_num(z) >= norm.isf(0.05) - 1e-12].sum())
    looks = ts.design.two_arm(0.3, 0.55, looks=[0.5, 1.0], spending="haybittle-peto", futility="pocock").looks
    assert looks["reject_from_z"].iloc[0] == 3.0
    assert looks["spent_alpha"].tolist() == pytest.approx([norm.sf(3.0), 0.05])


def test_a_number_of_events_has_the_power_of_the_formula_and_its_month() -> None:
    """54 patients, 27 events, hazard ratio 0.6, control median 12 months, accrual 12 months, one-sided 0.025: power?"""
    design = ts.design.logrank(0.6, 12, alpha=0.025, n=54, events=27, accrual=12)
    drift = -math.log(0.6) * math.sqrt(27) / 2.0
    assert design.power() == pytest.approx(norm.sf(norm.isf(0.025) - drift))
    month = design.looks["months"].iloc[0]
    rates = np.array([1.0, 0.6]) * math.log(2.0) / 12.0
    entries = (np.arange(100_000) + 0.5) / 100_000 * 12.0
    seen = [float(np.mean(1.0 - np.exp(-rate * np.maximum(month - entries, 0.0)))) for rate in rates]
    assert 27.0 * (seen[0] + seen[1]) == pytest.approx(27.0, abs=1e-6)
    assert ts.design.logrank(None, 12, 20, alpha=0.025, n=54, events=27, accrual=12).power() == design.power()


def test_the_smallest_trial_with_the_power_and_no_smaller() -> None:
    for design in (MADE["logrank"](), MADE["one_sample_logrank"](), ts.design.logrank(0.5, 6, looks=3, follow_up=6)):
        n, step = design.numbers["n"], design.planned.step
        assert design.power() >= 0.8
        assert design.at(n - step).power() < 0.8
    found = ts.design.logrank(0.6, 12, accrual=12, follow_up=12, events=90)
    at_end = {**found.numbers}
    assert at_end["n"] % 2 == 0
    assert found.looks["months"].iloc[0] <= 24.0
    assert (
        ts.design.logrank(0.6, 12, accrual=12, follow_up=12, events=90, n=at_end["n"] - 2).looks["months"].iloc[0]
        > 24.0
    )


def test_months_may_be_written_with_any_unit() -> None:
    weeks = ts.design.logrank(0.6, "52.178571428571 weeks", accrual=12, follow_up="365.25 days").numbers
    months = ts.design.logrank(0.6, 12, accrual="1 year", follow_up=12).numbers
    assert weeks["n"] == months["n"]
    assert weeks["power"] == pytest.approx(months["power"], abs=1e-6)


def test_no_compiler_is_loaded() -> None:
    code = "import sys, trialsim as ts; ts.design.simon(0.1, 0.3); ts.design.two_arm(0.2, 0.5); " + (
        "sys.exit('numba' in sys.modules or 'matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


REFUSED: dict[str, tuple[Callable[[], TrialDesign], str]] = {
    "the null above": (lambda: ts.design.simon(0.5, 0.3), "p1\n  the alternative 0.3 is not above the null 0.5"),
    "too near": (lambda: ts.design.single_stage(0.3, 0.31, largest_n=100), "n = "),
    "no rate": (lambda: ts.design.two_arm(1.4, 0.5), "p_control = 1.4"),
    "no criterion": (lambda: ts.design.simon(0.1, 0.3, criterion="best"), "optimal, minimax, admissible"),
    "no median": (lambda: ts.design.logrank(0.6, follow_up=12), "median_control"),
    "no end": (lambda: ts.design.logrank(0.6, 12), "nothing says when the final analysis is made"),
    "both ways": (lambda: ts.design.logrank(0.6, 12, 20, follow_up=12), "the arms differ by one of the two"),
    "events after the end": (
        lambda: ts.design.logrank(0.6, 12, n=60, events=50, follow_up=6),
        "60 patients have about 14 by the end",
    ),
    "a hazard of a word": (
        lambda: ts.design.logrank(0.6, hazards_control="0:0.1,x", follow_up=12),
        "these are not hazards",
    ),
    "two hazards of the control": (
        lambda: ts.design.logrank(0.6, 12, hazards_control=0.1, follow_up=12),
        "both say the hazards",
    ),
    "an effect that is harm": (
        lambda: ts.design.logrank([(0, 1), (3, 1.5)], 12, follow_up=12),
        "does not do better by this test",
    ),
    "a ratio of 0": (lambda: ts.design.rmst(12, [(0, 1), (3, 0)], 12), "These are no hazard ratios"),
    "weights at looks": (
        lambda: ts.design.logrank(0.6, 12, follow_up=12, looks=2, test="fleming-harrington 0 1"),
        "is for one look",
    ),
    "a mean of nobody": (lambda: ts.design.rmst(18, 0.6, 12, follow_up=12), "longer than the follow-up"),
    "a mean before the effect": (
        lambda: ts.design.rmst(2, [(0, 1), (3, 0.5)], 12, follow_up=12),
        "the mean of the experimental arm is not longer",
    ),
    "events of nobody": (lambda: ts.design.logrank(0.6, 12, n=54, events=60), "never have so many"),
    "a ratio": (lambda: ts.design.two_arm(0.2, 0.5, ratio=math.pi), "no small whole numbers have this ratio"),
    "no time": (lambda: ts.design.logrank(0.6, "12 apples", follow_up=12), "median_control = 12 apples"),
    "no spending": (lambda: ts.design.two_arm(0.2, 0.5, looks=2, spending="fast"), "spending"),
    "binding shape": (
        lambda: ts.design.two_arm(0.2, 0.5, looks=2, spending="classical pocock", futility="pocock", binding=True),
        "binding\n",
    ),
    "dropout": (lambda: ts.design.logrank(0.6, 12, follow_up=12, dropout=1.0), "dropout = 1"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_is_refused_is_named_as_it_was_given(name: str) -> None:
    ask, message = REFUSED[name]
    with pytest.raises(ts.InputError) as refusal:
        ask()
    assert message in str(refusal.value)
    assert "Allowed" in str(refusal.value)


def test_curves_and_sizes_refuse_what_is_no_rate_and_no_size() -> None:
    design = MADE["simon"]()
    for wrong in (1.5, "x", [0.1, math.nan], [(0.1, 0.2)]):
        with pytest.raises(ts.RequestError, match="p:"):
            design.operating_characteristics(wrong)
    with pytest.raises(ts.RequestError):
        MADE["logrank"]().operating_characteristics(-1.0)
    with pytest.raises(ts.RequestError):
        MADE["single_stage"]().power(0)
    with pytest.raises(ts.RequestError, match="up to"):
        ts.design.two_arm(0.9, 0.95, n=10).detectable(0.99)


def test_a_thousand_wild_calls_end_in_a_design_or_in_a_message() -> None:
    """No traceback of anything else, and nothing that hangs."""
    chance = random.Random(1)
    values: list[Any] = [0, 1, -1, 0.05, 0.3, 0.31, 1e-9, 0.999999, 2.5, math.nan, math.inf, None, "", "30%", "x",
                         True, [], [0.2, 0.5], {}, 10, 37, 10**7]  # fmt: skip
    made, refused = 0, []
    for _ in range(1000):
        name = chance.choice([name for name in FUNCTIONS if name != "bryant_day"])
        given = dict(GOOD[name])
        for key in chance.sample(list(given), chance.randint(1, min(3, len(given)))):
            given[key] = chance.choice(values)
        try:
            made += isinstance(FUNCTIONS[name](**given), TrialDesign)
        except ts.InputError as error:
            refused.append(str(error))
    assert made > 20
    assert len(refused) > 500
    assert [text for text in refused if "Allowed" not in text] == []


GOOD: dict[str, dict[str, Any]] = {
    "single_stage": {"p0": 0.1, "p1": 0.4, "alpha": 0.05, "power": 0.8, "n": None, "largest_n": 100},
    "ahern": {"p0": 0.1, "p1": 0.4, "alpha": 0.05, "power": 0.8, "n": 20},
    "simon": {"p0": 0.1, "p1": 0.4, "alpha": 0.05, "power": 0.8, "criterion": "optimal", "n": 30},
    "fleming": {"p0": 0.1, "p1": 0.4, "n1": 10, "n": 20, "alpha": 0.05},
    "predictive_probability": {"p0": 0.1, "p1": 0.4, "alpha": 0.1, "power": 0.8, "first": 5, "every": 5, "prior": None,
                               "futility": None, "success": None, "n": 25},
    "bop2": {"p0": 0.1, "p1": 0.4, "n": 20, "alpha": 0.1, "looks": 2, "prior": None, "level": None, "exponent": None},
    "thall_simon": {"p0": 0.1, "p1": 0.4, "n": 20, "standard": [5, 15], "gain": 0.1, "futility": 0.05, "first": 5,
                    "every": 5, "prior": [0.5, 0.5]},
    "precision": {"p": 0.3, "half_width": 0.2, "confidence": 0.95, "probability": 0.8, "largest_n": 100},
    "two_arm": {"p_control": 0.1, "p_experimental": 0.6, "alpha": 0.05, "sides": 1, "test": "fisher", "ratio": 1.0,
                "looks": None, "spending": "pocock", "futility": None, "n": None, "largest_n": 60},
    "non_inferiority": {"p_control": 0.6, "p_experimental": 0.65, "margin": 0.3, "alpha": 0.1, "ratio": 1.0,
                        "better": "higher", "n": 40},
    "equivalence": {"p_control": 0.6, "p_experimental": 0.6, "margin": 0.4, "alpha": 0.1, "n": None, "largest_n": 200},
    "selection": {"rates": [0.1, 0.4], "power": 0.8, "n": None, "largest_n": 100},
    "logrank": {"hazard_ratio": 0.5, "median_control": 6, "test": None, "alpha": 0.05, "accrual": 6, "follow_up": 6,
                "dropout": 0.1, "ratio": 1.0, "looks": 2, "events": None, "n": None, "largest_n": 500},
    "rmst": {"until": 12, "hazard_ratio": [(0, 1), (3, 0.5)], "hazards_control": [(0, 0.1), (6, 0.05)], "alpha": 0.05,
             "sides": 1, "accrual": 6, "follow_up": 18, "dropout": 0.1, "ratio": 1.0, "n": None, "largest_n": 900},
    "non_inferiority_survival": {"margin": 1.9, "hazard_ratio": 1.0, "median_control": 6, "alpha": 0.05, "accrual": 6,
                                 "follow_up": 6, "dropout": 0.1, "ratio": 1.0, "looks": 2, "events": None, "n": None,
                                 "largest_n": 500},
    "one_sample_logrank": {"median_reference": 6, "hazard_ratio": 0.5, "shape": 1.0, "accrual": 6, "follow_up": 6,
                           "dropout": 0.0, "sides": 1, "n": None, "largest_n": 500},
}  # fmt: skip


def test_the_command_prints_a_table_csv_and_json(tmp_path: Path) -> None:
    ask = ["design", "simon", "--p0", "10%", "--p1", "0.3"]
    table = trialsim(tmp_path, *ask, columns=100)
    assert table.returncode == 0
    assert "patients in stage 1 (n1)" in table.stdout
    assert "takes 15.0 patients on average" in table.stdout.replace("\n", " ")
    csv = trialsim(tmp_path, *ask, "--csv")
    (tmp_path / "table.csv").write_text(csv.stdout, encoding="utf-8")
    assert pd.read_csv(tmp_path / "table.csv")["n"].tolist() == [25, 26, 27, 29]
    answer = json.loads(trialsim(tmp_path, *ask, "--json", "--at", "0.2").stdout)
    assert answer["design"]["n"] == 29
    assert [row["rate"] for row in answer["operating_characteristics"]] == [0.2]


def test_the_command_shows_conditional_power_and_reestimation(tmp_path: Path) -> None:
    ask = ["design", "logrank", "--hazard-ratio", "0.7", "--median-control", "12", "--follow-up", "12", "--looks", "2"]
    done = trialsim(
        tmp_path, *ask, "--at-look", "1", "--z", "1.2", "--effect", "0.8", "--promising", "36%", columns=100
    )
    assert done.returncode == 0, done.stderr
    assert "Conditional power after look 1, z = 1.2" in done.stdout
    assert "Cui, Hung and Wang 1999" in done.stdout
    asked = trialsim(
        tmp_path, *ask, "--at-look", "1", "--z", "1.2", "--promising", "0.3,0.7", "--factor", "1.5", "--json"
    )
    answer = json.loads(asked.stdout)
    assert answer["conditional_power"][0]["under"] == "the alternative"
    assert answer["conditional_power"][-1]["hazard_ratio"] is None
    assert answer["reestimation"]["numbers"]["promising_to"] == 0.7
    for wrong in (["--z", "1.2"], ["--at-look", "2", "--z", "1.2"], ["--factor", "0.1"]):
        refused = trialsim(tmp_path, *ask, *wrong)
        assert refused.returncode == 2
        assert "Allowed" in refused.stderr
        assert "Traceback" not in refused.stderr


def test_the_command_writes_a_picture_and_a_study_that_can_be_checked(tmp_path: Path) -> None:
    ask = ["design", "two-arm", "--p-control", "0.2", "--p-experimental", "0.5", "--looks", "0.5,1"]
    done = trialsim(tmp_path, *ask, "--plot", "design.svg", "--study", "size.yaml")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "design.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert trialsim(tmp_path, "check", "size.yaml").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["simon", "--p0", "0.1"], "--p1"),
        (["simon", "--p0", "x", "--p1", "0.3"], "is not a number, such as 0.3 or 30%"),
        (["simo"], "Did you mean"),
        (["simon", "--p0", "0.5", "--p1", "0.3"], "not above the null"),
        (["simon", "--p0", "0.1", "--p1", "0.3", "--plot", "x.bmp"], "no format of a picture"),
        (["simon", "--p0", "0.1", "--p1", "0.3", "--at", "a"], "these are not numbers"),
        (["simon", "--p0", "0.1", "--p1", "0.3", "--csv", "--json"], "one of them is printed"),
    ],
)
def test_the_command_says_what_is_wrong(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = trialsim(tmp_path, "design", *arguments)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
