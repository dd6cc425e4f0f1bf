"""Mean, bias and coverage of estimates over simulated trials: beside exact values, and beside trials one by one."""

from __future__ import annotations

import io
import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from scipy.stats import binom

import trialsim as ts
from tests.command_line import trialsim
from tests.tolerances import N_STANDARD_ERRORS
from trialsim.cli.output import size_view_of
from trialsim.design.conduct.trials import TOXIC, columns_of, decide_all
from trialsim.design.counts import CountDesign
from trialsim.inference import repeated
from trialsim.inference.analyses import default_confidence
from trialsim.inference.repeated import COLUMNS, Conducted, estimates_under
from trialsim.inference.staged import Stages, coverage_and_bias
from trialsim.records.digest import row_type

STUDY = """study: size
title: two stages
scenario: followup
changes: {parameters: mode}
endpoint: {of: partial response, within: 4 months}
design: simon-optimal
null: 0.10
alternative: 0.30
n: 29
replicates: 400
"""


def conducted(design: CountDesign, rates: list[float], n: int, seed: int) -> Conducted:
    """Trials with immediate, independent outcomes, drawn here, and decided by the design."""
    rng, looks = np.random.default_rng(seed), np.array(design.decisions.looks) // len(rates)
    added = np.diff(looks, prepend=0)[None, :, None]
    responses = rng.binomial(added, np.array(rates), (n, len(looks), len(rates))).cumsum(axis=1)
    counts = np.stack([np.broadcast_to(looks[None, :, None], responses.shape), responses], axis=-1)
    never = np.full(n, math.inf), np.zeros(n, np.bool_)
    numbers, days = np.arange(1, n + 1), np.broadcast_to(np.arange(len(looks), dtype=float), (n, len(looks)))
    rows = np.zeros(n, row_type(columns_of(len(rates))))
    rows["replicate"] = numbers
    rows["decision"], rows["look"], _ = decide_all(design.decisions, days.copy(), counts, never, numbers)
    for i in range(len(rates)):
        rows[f"n_{i}"], rows[f"x_{i}"] = counts[:, -1, i, 0], counts[:, -1, i, 1]
    selected = np.zeros(n, np.int64)
    if hasattr(design.decisions, "selected"):
        selected = design.decisions.selected(counts[:, -1], numbers)
    return Conducted(rows, counts.astype(np.int64), selected)


def summaries(design: ts.TrialDesign, trials: Conducted, confidence: float | None = None) -> dict[str, dict[str, Any]]:
    """What is said of each estimate, by name."""
    assert isinstance(design.planned, CountDesign)
    level = confidence if confidence is not None else default_confidence(design.study)
    found = [dict(zip(COLUMNS, row, strict=True)) for row in estimates_under("truth", design.planned, trials, level)]
    return {str(row["quantity"]): row for row in found}


@pytest.mark.parametrize("rate", [0.1, 0.2, 0.3])
def test_two_stages_are_as_exact_values_say(rate: float) -> None:
    """Bias and coverage by enumeration of every outcome, within four Monte Carlo errors."""
    design = ts.design.simon(0.1, 0.3)
    found = summaries(design, conducted(design.planned, [rate], 20_000, 1))
    n1, r1, n, r = (design.numbers[key] for key in ("n1", "r1", "n", "r"))
    exact = coverage_and_bias(Stages((n1, n), (r1, r), (n1 + 1, r + 1)), rate, 0.9)
    names = {"unbiased": "umvue", "median unbiased": "median_unbiased", "observed": "observed"}
    for name, key in names.items():
        row = found[f"rate, {name}"]
        assert row["true_value"] == pytest.approx(
            rate, abs=N_STANDARD_ERRORS * math.sqrt(rate * (1 - rate) / 20_000 / n)
        )
        assert abs(row["bias"] - exact[f"bias_{key}"]) <= N_STANDARD_ERRORS * row["bias_mcse"], name
        assert row["bias"] == pytest.approx(row["mean"] - row["true_value"])
    covers = found["rate, median unbiased"]
    error = math.sqrt(exact["coverage"] * (1.0 - exact["coverage"]) / 20_000)
    assert abs(covers["coverage"] - exact["coverage"]) <= N_STANDARD_ERRORS * error
    assert covers["coverage_mcse"] == pytest.approx(error, rel=0.1)
    assert math.isnan(found["rate, observed"]["coverage"])


def test_one_stage_covers_as_binomial_probabilities_say() -> None:
    design = ts.design.single_stage(0.2, 0.4)
    trials = conducted(design.planned, [0.3], 20_000, 2)
    (row,) = summaries(design, trials).values()
    n, exact = design.numbers["n"], 0.0
    for x in range(n + 1):
        said = ts.analyse(design, {"patients": n, "responses": x}).table.iloc[0]
        exact += float(binom.pmf(x, n, 0.3)) * bool(said["lower"] <= 0.3 <= said["upper"])
    assert row["coverage"] == pytest.approx(exact, abs=N_STANDARD_ERRORS * math.sqrt(exact * (1 - exact) / 20_000))
    assert row["bias"] == pytest.approx(0.0, abs=1e-12)  # the true rate is that of all patients


def test_each_trial_counts_as_the_analysis_of_that_trial() -> None:
    """Two arms with looks, where hardly two outcomes are equal: the same numbers as by `analyse`, trial by trial."""
    design = ts.design.two_arm(0.6, 0.3, looks=2, spending="pocock")
    trials = conducted(design.planned, [0.5, 0.3], 150, 3)
    found = summaries(design, trials)
    gain = trials.rows["x_0"].sum() / trials.rows["n_0"].sum() - trials.rows["x_1"].sum() / trials.rows["n_1"].sum()
    median, covered = [], []
    for counts, look in zip(trials.counts, trials.rows["look"], strict=True):
        data = {
            name: {"patients": counts[:look, i, 0].tolist(), "responses": counts[:look, i, 1].tolist()}
            for i, name in enumerate(("control", "experimental"))
        }
        table = ts.analyse(design, data).table.set_index("quantity")
        row = table.loc["gain, median unbiased"]
        median.append(row["value"])
        covered.append(row["lower"] <= gain <= row["upper"])
    assert set(trials.rows["look"]) == {1, 2}
    said = found["gain, median unbiased"]
    assert [said["true_value"], said["mean"]] == pytest.approx([gain, np.mean(median)], rel=1e-12)
    assert said["coverage"] == pytest.approx(np.mean(covered), rel=1e-12)


@pytest.mark.slow
def test_after_looks_the_median_unbiased_gain_is_nearer_and_its_interval_covers() -> None:
    design = ts.design.two_arm(0.3, 0.55, looks=2, spending="pocock")
    found = summaries(design, conducted(design.planned, [0.3, 0.55], 1000, 4))
    median, observed = found["gain, median unbiased"], found["gain, observed"]
    assert observed["bias"] > N_STANDARD_ERRORS * observed["bias_mcse"]
    assert abs(median["bias"]) < observed["bias"]
    normal_approximation = 0.01
    assert abs(median["coverage"] - 0.95) < N_STANDARD_ERRORS * median["coverage_mcse"] + normal_approximation


@pytest.mark.slow
def test_the_rate_of_the_best_of_three_arms_is_overestimated_as_enumeration_says() -> None:
    """Three arms with the same rate: the bias is that of the largest of three binomial shares."""
    design = ts.design.selection([0.3, 0.3, 0.45])
    n = design.numbers["n_per_arm"]
    found = summaries(design, conducted(design.planned, [0.3, 0.3, 0.3], 20_000, 5))
    at_most = binom.cdf(np.arange(n + 1), n, 0.3) ** 3
    expected = float((np.arange(n + 1) * np.diff(at_most, prepend=0.0)).sum()) / n
    (row,) = found.values()
    assert row["quantity"] == "rate of the arm that is selected"
    assert abs(row["bias"] - (expected - 0.3)) <= N_STANDARD_ERRORS * row["bias_mcse"]
    assert row["bias"] > 10.0 * row["bias_mcse"]


def test_the_selected_arm_is_the_one_that_the_design_decides_on() -> None:
    """With ties at random, by the trial's own draw."""
    design = ts.design.selection([0.3, 0.3, 0.45])
    decisions: Any = design.planned.decisions
    tables = np.array(list(itertools.product(range(5), repeat=3)))
    counts = np.stack([np.full_like(tables, 8), tables], axis=-1)
    for first in (1, 1001):
        numbers = np.arange(first, first + len(tables))
        selected = decisions.selected(counts, numbers)
        assert (tables[np.arange(len(tables)), selected] == tables.max(axis=1)).all()
        assert ((selected == decisions.best) == (decisions.decide(0, counts[:, None], numbers) == 1)).all()
    tied = decisions.selected(np.broadcast_to(counts[:1], (30_000, 3, 2)), np.arange(30_000))
    share = np.bincount(tied) / 30_000
    assert share == pytest.approx([1 / 3] * 3, abs=N_STANDARD_ERRORS * math.sqrt(2 / 9 / 30_000))


@pytest.mark.slow
def test_the_error_of_a_bias_is_its_spread() -> None:
    """Over 100 sets of 400 trials, whose true rates are each set's own."""
    design = ts.design.simon(0.1, 0.3)
    found = [summaries(design, conducted(design.planned, [0.2], 400, seed)) for seed in range(100, 200)]
    for name in ("rate, unbiased", "rate, median unbiased", "rate, observed"):
        spread = np.std([each[name]["bias"] for each in found], ddof=1)
        stated = math.sqrt(np.mean([each[name]["bias_mcse"] ** 2 for each in found]))
        assert stated == pytest.approx(spread, rel=N_STANDARD_ERRORS / math.sqrt(2 * 99)), name


def test_trials_that_toxicity_stopped_are_not_analysed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor more than so many, where outcomes are distinct; the true rate is still that of all of them."""
    design = ts.design.simon(0.1, 0.3)
    trials = conducted(design.planned, [0.2], 500, 6)
    whole = summaries(design, trials)["rate, observed"]
    trials.rows["decision"][::2] = TOXIC
    half = summaries(design, trials)["rate, observed"]
    assert half["trials"] == 250
    assert half["true_value"] == pytest.approx(whole["true_value"], rel=1e-12)
    assert half["bias_mcse"] > whole["bias_mcse"]
    monkeypatch.setattr(repeated, "MOST_LOOKS", 20)
    assert summaries(design, trials)["rate, observed"]["trials"] == 10


@pytest.mark.slow
def test_the_command_says_it(tmp_path: Path) -> None:
    """In JSON and on the screen; the counts are those of the same trials; the digest does not know of it."""
    (tmp_path / "size.yaml").write_text(STUDY, encoding="utf-8")
    done = trialsim(tmp_path, "size", "size.yaml", "--out", "a", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    rows = [row for row in answer["estimates"] if row["truth"] == "null"]
    assert [row["quantity"] for row in rows] == ["rate, unbiased", "rate, median unbiased", "rate, observed"]
    assert set(rows[0]) == set(COLUMNS)
    assert rows[0]["coverage"] is None
    assert rows[1]["confidence"] == pytest.approx(0.9)
    found = ts.size(tmp_path / "size.yaml")
    assert found.digest == answer["results_digest"]
    assert "estimates" not in found._results()
    for truth in ("null", "alternative"):
        design: Any = found.ready.design
        trials = repeated._conducted(found.ready, design, truth, found.rows[truth], 1, 1)
        assert (trials.counts[:, -1, 0, 0] == found.rows[truth]["n_0"]).all()
        assert (trials.counts[:, -1, 0, 1] == found.rows[truth]["x_0"]).all()
        early = found.rows[truth]["look"] == 1
        assert ((trials.counts[:, 0, 0, 1] <= design.two_stage.r1) == early).all()
    for has_details, words in (
        (True, "What `analyse` would estimate in 400 of these trials"),
        (False, "intervals of 90 % cover in"),
    ):
        printed = io.StringIO()
        Console(file=printed, width=100).print(size_view_of(found, has_details))
        assert words in " ".join(printed.getvalue().split())
