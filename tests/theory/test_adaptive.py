"""Conditional power and re-estimation: closed forms, averages, simulated statistics, and trials of patients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, optimize
from scipy.stats import norm

import trialsim as ts
from tests.theory.test_rpact import differing
from tests.tolerances import N_STANDARD_ERRORS
from trialsim.config.schema.size_study import Looks
from trialsim.design.adaptive.conditional_power import conditional_power, predictive_power
from trialsim.design.adaptive.reestimation import PromisingZone
from trialsim.design.conduct.logrank_at_looks import looks_at_events
from trialsim.design.theory.sequential import crossing_probabilities, efficacy_bounds, futility_bounds
from trialsim.design.theory.spending import ObrienFleming, Pocock, Spending
from trialsim.design.two_arms.boundaries import bounds_of
from trialsim.engines.batch.conduct import event_looks
from trialsim.errors import RequestError

THIRDS = [1 / 3, 2 / 3, 1.0]
UPPER = efficacy_bounds(THIRDS, 0.025, Pocock())
RPACT = 2e-6  # the tolerance of rpact's boundaries, which conditional power inherits
N_RPACT = 100_000  # trials of its simulation
LEVEL, POWER = 0.002, 0.01  # what the normal approximation is off with 120 to 240 events; see test_exponential_trials


def test_two_looks_are_the_closed_form() -> None:
    for t, z, drift, upper in ((0.3, 1.1, 2.5, 1.99), (0.7, -0.4, 3.0, 2.2), (0.5, 2.0, 0.0, 1.7)):
        found = conditional_power([80.0 * t, 80.0], [3.0, upper], 1, z, drift / math.sqrt(80.0))
        assert found == pytest.approx(norm.cdf((z * math.sqrt(t) + drift * (1.0 - t) - upper) / math.sqrt(1.0 - t)))
        trend = z / math.sqrt(t)  # and averaged, whose variance is that of the estimate as well
        spread = math.sqrt((1.0 - t) / t)
        assert predictive_power([t, 1.0], [3.0, upper], 1, z) == pytest.approx(norm.cdf((trend - upper) / spread))


@pytest.mark.parametrize("drift", [0.0, 2.8])
@pytest.mark.parametrize("has_futility", [False, True])
def test_averaged_over_the_look_it_is_the_power_of_what_is_to_come(drift: float, has_futility: bool) -> None:
    bounds = futility_bounds(THIRDS, 0.025, 0.8, Pocock(), ObrienFleming())
    lower = bounds.lower if has_futility else None
    above, _ = crossing_probabilities(THIRDS, bounds.upper, lower, drift)
    low = float(bounds.lower[0]) if has_futility else -8.0
    mean = drift * math.sqrt(THIRDS[0])

    def share(z: float) -> float:
        return conditional_power(THIRDS, bounds.upper, 1, z, drift, lower=lower) * norm.pdf(z - mean)

    assert integrate.quad(share, low, bounds.upper[0], epsabs=1e-11)[0] == pytest.approx(above[1:].sum(), abs=1e-9)


def test_predictive_power_is_an_average_over_the_drift() -> None:
    z, now = 1.2, THIRDS[0]

    def share(drift: float) -> float:
        density = norm.pdf(drift, z / math.sqrt(now), 1.0 / math.sqrt(now))
        return conditional_power(THIRDS, UPPER, 1, z, drift) * float(density)

    averaged = integrate.quad(share, -12.0, 16.0, epsabs=1e-10, limit=200)[0]
    assert predictive_power(THIRDS, UPPER, 1, z) == pytest.approx(averaged, abs=1e-8)


def test_with_two_sides_both_reject() -> None:
    rng = np.random.default_rng(1)
    upper, z, drift, n = efficacy_bounds(THIRDS, 0.05, ObrienFleming(), sides=2), -1.5, 1.0, 200_000
    score = z * math.sqrt(THIRDS[0]) + np.cumsum(rng.normal(drift / 3.0, math.sqrt(1 / 3), (n, 2)), axis=1)
    share = (np.abs(score) / np.sqrt(THIRDS[1:]) >= upper[1:]).any(axis=1).mean()
    found = conditional_power(THIRDS, upper, 1, z, drift, sides=2)
    assert found == pytest.approx(share, abs=N_STANDARD_ERRORS * math.sqrt(found * (1.0 - found) / n))


def test_conditional_power_is_that_of_rpact() -> None:
    def differs(asked: dict[str, Any], found: list[float]) -> bool:
        design = ts.design.logrank(
            0.5, 12, alpha=0.025, n=240, events=120, accrual=12, looks=int(asked["looks"]), spending=asked["spending"]
        )
        table = design.conditional_power(int(asked["look"]), asked["z"], asked["hazard_ratio"]).set_index("under")
        power: Any = table.loc["the given effect", "conditional_power"]
        return bool(abs(power - found[0]) > 5.0 * RPACT)

    assert differing("conditional power", differs, fewest=48) == []


def test_conditional_power_of_designs() -> None:
    """Two rates by the formula written out; the alternative and the trend of a margin."""
    table = ts.design.two_arm(0.3, 0.5, looks=2, ratio=2, n=150).conditional_power(1, 1.0).set_index("under")
    drift = 0.2 / math.sqrt((50 * 0.3 + 100 * 0.5) / 150 * (50 * 0.7 + 100 * 0.5) / 150 * (1 / 50 + 1 / 100))
    upper = efficacy_bounds([0.5, 1.0], 0.05, ObrienFleming())[1]
    expected = norm.cdf((math.sqrt(0.5) + drift * 0.5 - upper) / math.sqrt(0.5))
    assert table.loc["the alternative", "conditional_power"] == pytest.approx(expected)
    harm = ts.design.two_arm(0.5, 0.3, looks=2).conditional_power(1, 1.0).set_index("under")["p_experimental"]
    assert harm["the current trend"] < harm["the null hypothesis"]
    margin = ts.design.non_inferiority_survival(1.4, 1.0, 12, n=400, events=280, accrual=12, looks=2)
    table = margin.conditional_power(1, 1.0).set_index("under")
    assert table.loc["the current trend", "hazard_ratio"] == pytest.approx(1.4 * math.exp(-1.0 / math.sqrt(140 / 4)))
    assert table.loc["the null hypothesis", "hazard_ratio"] == 1.4


def zone(
    at: float, factor: float, low: float = 0.36, high: float = 0.8, spending: Spending | None = None
) -> PromisingZone:
    first, final = efficacy_bounds([at, 1.0], 0.025, spending or ObrienFleming()).tolist()
    return PromisingZone(at, first, final, low, high, 0.8, factor)


def test_the_second_stage_is_the_smallest_that_has_the_target() -> None:
    rule = zone(0.4, 2.5)
    planned, largest = 0.6, 1.5
    for z in np.linspace(-0.5, rule.upper, 60).tolist():
        now = float(rule.conditional_power(z, planned))
        expected = planned
        if 0.36 <= now < 0.8:
            reached = float(rule.conditional_power(z, largest))
            expected = largest if reached < 0.8 else optimize.brentq(
                lambda m, z=z: float(rule.conditional_power(z, m)) - 0.8, planned, largest, xtol=1e-12
            )  # fmt: skip
        assert float(rule.second_stage(z)) == pytest.approx(expected)
    assert float(rule.conditional_power(rule.z_of(0.36), planned)) == pytest.approx(0.36)


@given(
    st.floats(0.1, 0.9), st.floats(1.0, 20.0), st.floats(0.0, 0.6), st.floats(0.01, 0.39), st.floats(0.001, 0.2),
    st.booleans(),
)  # fmt: skip
def test_the_level_is_kept_whatever_the_rule(
    at: float, factor: float, low: float, width: float, alpha: float, is_pocock: bool
) -> None:
    upper = efficacy_bounds([at, 1.0], alpha, Pocock() if is_pocock else ObrienFleming())
    rule = PromisingZone(at, float(upper[0]), float(upper[1]), low, low + width, 0.99, factor)
    assert rule.reached(0.0).rejects == pytest.approx(alpha, abs=1e-9)
    with_drift = rule.reached(2.5)
    assert with_drift.without == pytest.approx(crossing_probabilities([at, 1.0], upper, None, 2.5)[0].sum(), abs=1e-9)
    assert with_drift.rejects >= with_drift.without - 1e-12
    assert with_drift.information >= with_drift.information_without - 1e-12


@pytest.mark.parametrize("lower", [-math.inf, 0.3])
@pytest.mark.parametrize("drift", [0.0, 2.2, 3.2])
def test_it_reaches_what_simulated_statistics_reach(lower: float, drift: float) -> None:
    rng = np.random.default_rng(7)
    n, at = 400_000, 0.45
    upper = efficacy_bounds([at, 1.0], 0.025, Pocock())
    rule = PromisingZone(at, float(upper[0]), float(upper[1]), 0.2, 0.75, 0.9, 3.0, lower)
    first = rng.normal(drift * math.sqrt(at), 1.0, n)
    second = rule.second_stage(first)
    z2 = rng.normal(drift * np.sqrt(second), 1.0)
    early, goes_on = first >= upper[0], (first < upper[0]) & (first >= lower)
    weighted = math.sqrt(at) * first + math.sqrt(1.0 - at) * z2
    pooled = (math.sqrt(at) * first + np.sqrt(second) * z2) / np.sqrt(at + second)
    is_promising = goes_on & (first >= rule.z_of(0.2)) & (first < rule.z_of(0.75))
    found = rule.reached(drift)
    shares = {
        "rejects": early | (goes_on & (weighted >= upper[1])), "unweighted": early | (goes_on & (pooled >= upper[1])),
        "stops": ~goes_on, "promising": is_promising,
    }  # fmt: skip
    for name, share in shares.items():
        value = getattr(found, name)
        assert share.mean() == pytest.approx(value, abs=N_STANDARD_ERRORS * math.sqrt(value * (1.0 - value) / n)), name
    used = at + np.where(goes_on, second, 0.0)
    assert used.mean() == pytest.approx(found.information, abs=N_STANDARD_ERRORS * used.std() / math.sqrt(n))


def test_it_reaches_what_rpact_simulates() -> None:
    """Its rule has no lower end of the zone, and 100,000 trials: the standard deviation of n is below 800."""

    def differs(asked: dict[str, Any], found: list[float]) -> bool:
        looks = Looks.model_validate({"at": [asked["at"], 1.0], "spending": asked["spending"]})
        upper, _ = bounds_of(looks, 0.025, 0.8, 1)
        rule = PromisingZone(asked["at"], upper[0], upper[1], 0.0, 0.8, 0.8, asked["factor"])
        at = rule.reached(asked["difference"] * math.sqrt(asked["n"] / 4.0))
        error = math.sqrt(at.rejects * (1.0 - at.rejects) / N_RPACT)
        is_near = abs(at.rejects - found[0]) < N_STANDARD_ERRORS * error
        return not is_near or abs(800 * at.information - found[1]) > N_STANDARD_ERRORS * 800 / math.sqrt(N_RPACT)

    assert differing("re-estimation", differs, fewest=24) == []


@pytest.mark.slow
@pytest.mark.parametrize("hazard_ratio", [1.0, 0.7])
def test_log_rank_trials_with_more_events_keep_the_level_and_have_the_power(hazard_ratio: float) -> None:
    """Patients of exponential times: a look after 60 of 120 events, up to 180 by the rule, weights of the plan."""
    n, trials, events = 260, 30_000, 120
    rng = np.random.default_rng(11)
    shape = (trials, n)
    arrival = np.sort(rng.uniform(0.0, 12.0, shape), axis=1)
    arm = np.ascontiguousarray(np.broadcast_to(np.arange(n) % 2, shape))
    event = rng.exponential(12.0 / math.log(2.0), shape) / np.where(arm == 1, hazard_ratio, 1.0)
    left = np.full(shape, np.inf)
    rule = zone(0.5, 2.0)

    def z_after(number: int, of: np.ndarray) -> np.ndarray:
        days = np.empty((len(of), 1))
        event_looks(arrival[of], event[of], left[of], np.zeros(0, np.int64), n, 1e9, number, days)
        z, seen = np.zeros((len(of), 1)), np.zeros((len(of), 1), np.int64)
        looks_at_events(arrival[of], event[of], left[of], arm[of], days, n, 0.0, 0.0, 0.0, z, seen)
        assert (seen == number).all()
        return z[:, 0]

    first = z_after(events // 2, np.arange(trials))
    final = np.ceil(events * (0.5 + rule.second_stage(first)) - 1e-9).astype(np.int64)
    rejects = first >= rule.upper
    for number in np.unique(final):
        of = np.flatnonzero((final == number) & ~rejects)
        z = z_after(int(number), of) if len(of) else np.zeros(0)
        half = events / 2
        second = (math.sqrt(number) * z - math.sqrt(half) * first[of]) / math.sqrt(number - half)
        rejects[of] = math.sqrt(0.5) * (first[of] + second) >= rule.final
    expected = rule.reached(-math.log(hazard_ratio) * math.sqrt(events) / 2.0).rejects
    error = math.sqrt(expected * (1.0 - expected) / trials)
    margin = LEVEL if hazard_ratio == 1.0 else POWER
    assert rejects.mean() == pytest.approx(expected, abs=N_STANDARD_ERRORS * error + margin)


def test_a_design_has_the_numbers_of_its_rule() -> None:
    design = ts.design.logrank(0.7, 12, alpha=0.025, power=0.9, accrual=18, follow_up=12, looks=2)
    rule = design.reestimation(0.36, factor=2.0)
    numbers = rule.numbers
    assert numbers["power_without"] == pytest.approx(design.power())
    assert numbers["alpha"] == pytest.approx(0.025)
    assert numbers["power"] > numbers["power_without"]
    assert numbers["most_events"] == rule.table["events"].max()
    table = rule.at([numbers["promising_from_z"] - 1e-6, numbers["promising_from_z"] + 1e-6])
    assert table["events"].tolist() == [numbers["events"], numbers["most_events"]]
    by_hand = math.exp(-1.5 / math.sqrt(design.planned.final_events / 2.0 / 4.0))
    assert rule.at(1.5)["hazard_ratio"].iloc[0] == pytest.approx(by_hand)
    curve = rule.operating_characteristics([1.0, 0.7])
    assert curve["rejects"].tolist() == pytest.approx([0.025, numbers["power"]])
    assert (curve["expected_events"] > curve["expected_events_without"]).all()
    futile = ts.design.two_arm(0.3, 0.5, looks=2, futility="pocock").reestimation()
    assert futile.numbers["alpha"] == pytest.approx(0.05)  # futility that is not binding does not count for it
    assert futile.operating_characteristics(0.3)["rejects"].iloc[0] < 0.05
    assert set(futile.table["patients"] % 2) == {0}


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "no look": (lambda: ts.design.logrank(0.7, 12, follow_up=12).reestimation(), "there is no interim look"),
    "three": (lambda: ts.design.logrank(0.7, 12, follow_up=12, looks=3).reestimation(), "the only interim one"),
    "counts": (lambda: ts.design.simon(0.1, 0.3).conditional_power(1, 1.0), "has no z statistic"),
    "two sides": (lambda: ts.design.two_arm(0.3, 0.5, looks=2, sides=2).reestimation(), "alpha 0.025"),
    "no zone": (lambda: ts.design.two_arm(0.3, 0.5, looks=2).reestimation((0.5, 0.4)), "this zone is empty"),
    "beyond": (lambda: ts.design.two_arm(0.3, 0.5, looks=2).reestimation((0.3, 0.9), 0.8), "up to 0.8"),
    "factor": (lambda: ts.design.two_arm(0.3, 0.5, looks=2).reestimation(factor=0.5), "from 1 to 100"),
    "ended": (lambda: ts.design.two_arm(0.3, 0.5, looks=2).conditional_power(1, 3.0), "the trial has ended"),
    "last look": (lambda: ts.design.two_arm(0.3, 0.5, looks=2).conditional_power(2, 1.0), "1 interim look"),
    "effect": (lambda: ts.design.two_arm(0.3, 0.5, looks=2).conditional_power(1, 1.0, 1.5), "effect = 1.5"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_cannot_be_asked_is_refused(name: str) -> None:
    ask, message = REFUSED[name]
    with pytest.raises(RequestError) as refusal:
        ask()
    assert message in str(refusal.value)
    assert "Allowed" in str(refusal.value)
