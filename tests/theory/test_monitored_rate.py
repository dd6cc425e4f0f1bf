"""Rules for one rate at many looks: as published, as brute force finds them, with exact operating characteristics."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta, betabinom, binom

import trialsim as ts
from tests.tolerances import N_STANDARD_ERRORS
from trialsim.design.theory.monitored_rate import (
    EXPONENTS,
    FUTILITY,
    LEVELS,
    MonitoredRate,
    PosteriorCutoff,
    PredictiveProbability,
    Rule,
    ThallSimon,
    best_cutoff,
    best_predictive,
    looks_of,
    predictive_successes,
    superiority,
)

PRIOR = (0.2, 0.8)


def test_the_design_that_lee_and_liu_publish() -> None:
    """2008, Clin Trials 5:93: p0 0.2, p1 0.4, 36 patients, looks after each from the 10th, theta_L 0.001."""
    design = ts.design.predictive_probability(0.2, 0.4, 0.1, 0.9, n=36, futility=0.001)
    assert design.numbers["stops_at_most"] == [
        "0/10", "1/17", "2/21", "3/24", "4/27", "5/29", "6/31", "7/33", "8/34", "9/35", "10/36",
    ]  # fmt: skip
    found = [design.numbers[key] for key in ("alpha", "power", "en_p0", "pet_p0")]
    assert [round(x, digits) for x, digits in zip(found, (3, 3, 2, 2), strict=True)] == [0.088, 0.906, 27.67, 0.86]
    assert ts.design.predictive_probability(0.2, 0.4, 0.1, 0.9).numbers["n"] == 36  # the smallest, as they find


def test_the_boundary_by_predictive_probability_that_ph2bayes_publishes() -> None:
    """R package ph2bayes 0.0.2 (Nagashima 2018), `stopbound_pred(0.05, "futility", 40, 0.6, 1.4, 0.3, 0.85)`.

    The printed output, as far as it could be read: the first number of patients at which each count stops.
    """
    design = ts.design.predictive_probability(0.3, 0.5, n=40, first=1, prior=(0.6, 1.4), futility=0.05, success=0.85)
    firsts = design.looks.groupby("stop_at_most")["patients"].min().astype(int)
    assert firsts.tolist()[:10] == [4, 8, 11, 14, 17, 20, 22, 25, 27, 29]
    assert firsts.index.tolist()[:10] == list(range(10))


LOOKS_OF_BOP2 = [10, 15, 20, 25, 30, 35, 40]


def test_the_design_of_bop2_that_its_package_publishes() -> None:
    """R package BOP2FE (Yimer et al. 2025), README of 2024: p0 0.2, p1 0.4, lambda 0.909, gamma 1, looks of 40.

    Its futility boundary is that of BOP2. It stops for superiority too: with both boundaries the exact rates are
    those of its 10,000 simulated trials.
    """
    low, high, n_trials = [1, 2, 3, 5, 7, 9, 11], [7, 8, 9, 10, 11, 11, 12], 10_000
    shares = [n / 40 for n in LOOKS_OF_BOP2]
    design = ts.design.bop2(0.2, 0.4, 40, alpha=0.1, looks=shares, level=0.909, exponent=1.0)
    assert design.looks["stop_at_most"].tolist() == low
    both = MonitoredRate(tuple(LOOKS_OF_BOP2), _Fixed(low, high), 0.2, 0.4)
    published = {0.2: (0.0858, 20.5), 0.4: (0.885, 23.6)}  # null rejection, average sample size
    for rate, (rejects, expected_n) in published.items():
        error = np.sqrt(rejects * (1.0 - rejects) / n_trials)
        assert both.at(rate).rejects == pytest.approx(rejects, abs=N_STANDARD_ERRORS * error)
        spread = (40.0 - 10.0) / 2.0  # of a number of patients, at most
        assert both.at(rate).expected_n == pytest.approx(expected_n, abs=N_STANDARD_ERRORS * spread / 100.0 + 0.05)


def test_the_boundaries_of_thall_and_simon_that_multc_lean_publishes() -> None:
    """M. D. Anderson Cancer Center, Multc Lean statistical tutorial, pages 25 to 28: 30 patients, cut-offs of 0.95.

    Response: prior beta(0.6, 1.4), standard beta(30, 70), stops at most; toxicity: prior beta(0.5, 1.5), standard
    beta(20, 60), stops at least. The limits after 1 to 29 patients; n + 1 is never.
    """
    response = ts.design.thall_simon(0.3, 0.5, 30, (30, 70), prior=(0.6, 1.4), first=1)
    stops = response.looks["stop_at_most"].fillna(-1).astype(int).tolist()
    assert stops[:29] == [-1] * 5 + [0] * 6 + [1] * 5 + [2] * 5 + [3] * 5 + [4] * 3
    toxicity = ts.design.thall_simon(0.25, 0.5, 30, (20, 60), prior=(0.5, 1.5), first=1)
    looks = toxicity.looks
    reaches = looks["reject_from"].fillna(looks["patients"] + 1).astype(int).tolist()
    limits = {2: 1, 3: 3, 4: 2, 5: 2, 6: 3, 7: 3, 8: 3, 9: 2, 10: 3, 11: 3, 12: 3, 13: 1}  # limit: looks that have it
    assert reaches[:29] == [x for x, times in limits.items() for _ in range(times)]


def test_predictive_probability_is_beta_binomial() -> None:
    wins = np.arange(21) > 7
    found = predictive_successes(PRIOR, 12, 20, wins.astype(float))
    for x in range(13):
        to_come = betabinom(8, PRIOR[0] + x, PRIOR[1] + 12 - x)
        assert found[x] == pytest.approx(float(to_come.sf(7 - x)), abs=1e-12)


def by_trials(design: MonitoredRate, rate: float) -> float:
    """The probability of rejecting, patient by patient, written anew."""
    low, high = design.boundaries
    alive, rejects = {0: 1.0}, 0.0
    for n in range(1, design.sizes[-1] + 1):
        grown: dict[int, float] = {}
        for x, p in alive.items():
            grown[x] = grown.get(x, 0.0) + p * (1.0 - rate)
            grown[x + 1] = grown.get(x + 1, 0.0) + p * rate
        if n in design.sizes:
            look = design.sizes.index(n)
            rejects += sum(p for x, p in grown.items() if x >= high[look])
            grown = {x: p for x, p in grown.items() if low[look] < x < high[look]}
        alive = grown
    return rejects


RULES: dict[str, Rule] = {
    "predictive": PredictiveProbability(PRIOR, 0.2, 25, 0.05, 0.9, 0.97),
    "cut-off": PosteriorCutoff(PRIOR, 0.2, 25, 0.9, 0.7),
    "thall and simon": ThallSimon((0.5, 0.5), (10.0, 40.0), 0.1, 0.05, 0.95),
}


@pytest.mark.parametrize("name", list(RULES))
@pytest.mark.parametrize("rate", [0.1, 0.2, 0.45])
def test_operating_characteristics_are_exact(name: str, rate: float) -> None:
    design = MonitoredRate(looks_of(25, 8, 3), RULES[name], 0.2, 0.4)
    assert design.at(rate).rejects == pytest.approx(by_trials(design, rate), abs=1e-12)


def test_no_other_thresholds_have_fewer_patients() -> None:
    """Brute force over every final count and every threshold of futility."""
    sizes, wanted = looks_of(28, 8, 4), (0.1, 0.3, 0.1, 0.8)
    found = best_predictive(sizes, wanted, (0.1, 0.9))
    assert found is not None
    fewest = np.inf
    for r in range(28):
        wins = (np.arange(29) > r).astype(float)
        for futility in FUTILITY:
            low = [int((predictive_successes((0.1, 0.9), n, 28, wins) < futility).sum()) - 1 for n in sizes[:-1]]
            tried = MonitoredRate(sizes, _Fixed((*low, r)), 0.1, 0.3)
            if tried.under_null.rejects <= 0.1 and tried.under_alternative.rejects >= 0.8:
                fewest = min(fewest, tried.under_null.expected_n)
    assert found.under_null.expected_n == pytest.approx(fewest)


class _Fixed:
    """Counts that stop low, and high ones where they are given, whatever the rule behind them."""

    def __init__(self, low: Sequence[int], high: Sequence[int] = ()) -> None:
        self.low, self.high, self.look = low, high, 0

    def bounds(self, n: int, *, is_last: bool) -> tuple[int, int]:
        low, high = self.low[self.look], self.high[self.look] if self.high else n + 1
        self.look += 1
        return (low, low + 1) if is_last else (low, high)


def test_no_other_cut_off_has_more_power() -> None:
    sizes = (10, 20, 30, 40)
    found = best_cutoff(sizes, 0.2, 0.4, 0.1, PRIOR)
    assert found is not None
    designs = [
        MonitoredRate(sizes, PosteriorCutoff(PRIOR, 0.2, 40, level, exponent), 0.2, 0.4)
        for level in LEVELS[::3] for exponent in EXPONENTS[::2]
    ]  # fmt: skip
    powers = [d.under_alternative.rejects for d in designs if d.under_null.rejects <= 0.1]
    assert found.under_null.rejects <= 0.1
    assert found.under_alternative.rejects >= max(powers) - 1e-12


def test_the_rule_of_bop2_is_the_posterior_probability() -> None:
    rule = PosteriorCutoff(PRIOR, 0.2, 40, 0.86, 0.95)
    for n in (7, 10, 23, 40):
        low, _ = rule.bounds(n, is_last=False)
        cutoff = 0.86 * (n / 40) ** 0.95
        above = [float(beta.sf(0.2, 0.2 + x, 0.8 + n - x)) for x in range(n + 1)]
        assert low == max((x for x in range(n + 1) if above[x] < cutoff), default=-1)


def test_superiority_is_the_integral_over_the_standard() -> None:
    rule = ThallSimon((0.6, 1.4), (15.0, 35.0), 0.1, 0.05, 0.95)
    for x, gain in ((3, 0.0), (9, 0.1), (14, 0.0)):
        expected, _ = quad(
            lambda s, x=x, gain=gain: beta.pdf(s, 15.0, 35.0) * beta.sf(s + gain, 0.6 + x, 1.4 + 25 - x), 0.0, 1.0,
            epsabs=1e-12,
        )  # fmt: skip
        assert superiority(rule, 25, gain)[x] == pytest.approx(expected, abs=1e-6)


def test_one_look_of_thall_and_simon_is_a_binomial_test() -> None:
    design = ts.design.thall_simon(0.3, 0.5, 30, (15, 35), first=30)
    assert design.numbers["alpha"] == pytest.approx(float(binom.sf(design.numbers["r"], 30, 0.3)))
