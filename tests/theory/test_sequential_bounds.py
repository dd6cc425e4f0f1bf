"""Group sequential bounds against published ones, two other ways to integrate, and simulated trials."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from tests.tolerances import printed
from trialsim.design.theory.sequential import (
    crossing_probabilities,
    drift_for_power,
    efficacy_bounds,
    final_bound_by_information,
    futility_bounds,
    inflation,
)
from trialsim.design.theory.spending import Custom, ObrienFleming, Pocock, Power, Spending
from trialsim.errors import RequestError
from trialsim.typing import Floats

BEYOND_4_ERRORS = 2 * float(stats.norm.sf(4.0))  # the probability of a deviation by 4 standard errors: 6e-5
ACCURACY = 1e-6  # of rpact's searches; it prints 8 digits
AMONG_PROGRAMS = 1e-4  # one unit of the fourth digit, by which programs for the bounds of Lan and DeMets differ
GSDESIGN_SEARCH = 5e-5  # by what gsDesign's search for the drift moves its futility bounds, beside how they are printed
FIVE = np.arange(1, 6) / 5.0


def hwang_shih_de_cani(total: float, gamma: float, times: list[float]) -> Custom:
    """The spending function of Hwang, Shih and DeCani (1990, Statist Med 9:1439) at some looks."""
    return Custom(tuple(total * np.expm1(-gamma * np.array(times)) / math.expm1(-gamma)))


@pytest.mark.parametrize(
    ("times", "spending", "published"),
    [
        (FIVE, ObrienFleming(), "4.8769 3.3569 2.6803 2.2898 2.0310"),
        (np.arange(1, 4) / 3.0, ObrienFleming(), "3.7103 2.5114 1.9930"),
        (FIVE, Pocock(), "2.4380 2.4268 2.4101 2.3966 2.3859"),
    ],
)
def test_bounds_of_lan_and_demets(times: Floats, spending: Spending, published: str) -> None:
    # As often quoted for the method of Lan and DeMets (Reboussin et al. 2000, Control Clin Trials 21:190); the fourth
    # digit differs among programs by one. `test_two_looks_by_adaptive_integration` says who is right.
    assert efficacy_bounds(times, 0.025, spending).tolist() == printed(published, AMONG_PROGRAMS)


@pytest.mark.parametrize(
    ("times", "alpha", "spending", "published"),
    [  # rpact, tests/testthat/test-f_design_group_sequential.R: asHSD with gammaA 0, asKD, asUser, asP, asP to 0.7
        ([0.2, 0.4, 1], 0.03, Power(1.0), [2.5121443, 2.4228747, 2.0280392]),
        ([0.3, 0.7, 1], 0.03, Power(2.2), [2.8594012, 2.2435708, 1.9735737]),
        (np.arange(1, 5) / 4, 0.05, Custom((0.01, 0.02, 0.03, 0.05)), [2.3263479, 2.2192994, 2.1201347, 1.8189562]),
        ([0.35, 0.7, 1], 0.13, Pocock(), [1.5446617, 1.4828682, 1.4620058]),
        ([0.4, 0.7], 0.025, Pocock(), [2.223875, 2.3050796]),
        ([0.4, 0.75, 0.85, 1], 0.13, ObrienFleming(), [2.1280732, 1.4368565, 1.422873, 1.2970881]),
    ],
)
def test_bounds_of_rpact(times: list[float], alpha: float, spending: Spending, published: list[float]) -> None:
    np.testing.assert_allclose(efficacy_bounds(times, alpha, spending), published, rtol=0, atol=ACCURACY)


def test_two_sided_bounds_of_rpact() -> None:
    # test-f_design_group_sequential_beta_spending.R, alpha 0.05 two-sided asKD 2.5, and alpha 0.025 two-sided asOF
    found = efficacy_bounds([0.3, 0.4, 0.8, 1], 0.05, Power(2.5), sides=2)
    np.testing.assert_allclose(found, [3.0276355, 2.8984727, 2.2289649, 2.0639032], rtol=0, atol=ACCURACY)
    found = efficacy_bounds([0.15, 0.25, 0.8, 1], 0.025, ObrienFleming(), sides=2)
    # rpact searches to 1e-8 on the scale of probabilities, which says little of a bound near 5.
    levels = stats.norm.sf([6.3431527, 4.8600403, 2.560259, 2.292451])
    np.testing.assert_allclose(stats.norm.sf(found), levels, rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    ("is_binding", "times", "errors", "spending", "beta_spending", "upper", "lower"),
    [  # rpact, test-f_design_group_sequential.R: x3, x6a, x7a (4 looks), x6b, x7b
        (False, [0.3, 0.7, 1], (0.03, 0.34), Power(2.2), Power(3.2),
         [2.8594012, 2.2435708, 1.9735737], [-1.1558435, 0.72836893]),
        (False, [0.35, 0.7, 1], (0.13, 0.3), Pocock(), Custom((0.01, 0.05, 0.3)),
         [1.5446617, 1.4828682, 1.4620058], [-1.2557044, -0.16828659]),
        (False, [0.4, 0.75, 0.85, 1], (0.13, 0.41), ObrienFleming(), Power(2.5),
         [2.1280732, 1.4368565, 1.422873, 1.2970881], [-0.82676531, 0.3743303, 0.65077266]),
        (True, [0.35, 0.7, 1], (0.13, 0.3), Pocock(), Custom((0.01, 0.05, 0.3)),
         [1.5446617, 1.4827312, 1.4588737], [-1.2569879, -0.17011271]),
        (True, [0.4, 0.75, 1], (0.13, 0.41), ObrienFleming(), Power(2.5),
         [2.1280732, 1.4362896, 1.2218662], [-0.84937686, 0.34328914]),
    ],
)  # fmt: skip
def test_futility_bounds_of_rpact(
    is_binding: bool,
    times: list[float],
    errors: tuple[float, float],
    spending: Spending,
    beta_spending: Spending,
    upper: list[float],
    lower: list[float],
) -> None:
    found = futility_bounds(times, errors[0], 1.0 - errors[1], spending, beta_spending, is_binding=is_binding)
    np.testing.assert_allclose(found.upper, upper, rtol=0, atol=ACCURACY)
    np.testing.assert_allclose(found.lower[:-1], lower, rtol=0, atol=ACCURACY)
    assert found.lower[-1] == found.upper[-1]


def test_power_and_inflation_of_rpact() -> None:
    # test-f_design_group_sequential.R, y3: shift is the square of the drift
    found = futility_bounds([0.3, 0.7, 1], 0.03, 0.66, Power(2.2), Power(3.2))
    assert found.drift**2 == pytest.approx(5.551371, abs=1e-5)
    assert inflation(found.drift, 0.03, 0.66) == pytest.approx(1.0555891, abs=ACCURACY)
    above, below = crossing_probabilities(found.information, found.upper, found.lower, found.drift)
    np.testing.assert_allclose(above, [0.058336437, 0.33990957, 0.261754], rtol=0, atol=ACCURACY)
    np.testing.assert_allclose(below[:-1], [0.0072155083, 0.1013752], rtol=0, atol=ACCURACY)
    upper = efficacy_bounds([0.2, 0.4, 1], 0.03, Power(1.0))  # y1: no futility
    drift = drift_for_power([0.2, 0.4, 1], upper, 0.86)
    assert inflation(drift, 0.03, 0.86) == pytest.approx(1.0788327, abs=ACCURACY)


def test_alpha_spent_beside_futility_bounds_that_were_given() -> None:
    # rpact, test-f_design_group_sequential.R, x4: a Wang-Tsiatis design with binding bounds of 0.5244
    upper = [2.3284312, 2.1725031, 2.0861776, 2.0270171]
    lower = [0.5244, 0.5244, 0.5244, -math.inf]
    spent = np.cumsum(crossing_probabilities(np.arange(1, 5) / 4, upper, lower)[0])
    np.testing.assert_allclose(spent, [0.0099446089, 0.020756912, 0.029001537, 0.035], rtol=0, atol=ACCURACY)
    again = efficacy_bounds(np.arange(1, 5) / 4, 0.035, Custom(tuple(np.minimum(spent, 0.035))), lower=lower)
    np.testing.assert_allclose(again, upper, rtol=0, atol=ACCURACY)


def test_a_design_of_gsdesign_with_a_futility_rule_that_is_not_binding() -> None:
    # gsDesign, tests/testthat/_snaps/independent-test-print.gsSurv.md, hr0 = 1: printed to four digits
    times = [1 / 3, 2 / 3, 1.0]
    found = futility_bounds(
        times, 0.025, 0.9, hwang_shih_de_cani(0.025, -4.0, times), hwang_shih_de_cani(0.1, -2.0, times)
    )
    assert found.upper.tolist() == printed("3.0107 2.5465 1.9992")
    assert found.lower[:-1].tolist() == printed("-0.2388 0.9410", GSDESIGN_SEARCH)
    effect = np.cumsum(crossing_probabilities(times, found.upper, found.lower, found.drift), axis=1)
    assert effect.tolist() == [printed("0.1412 0.5815 0.9000"), printed("0.0148 0.0437 0.1000")]
    null = np.cumsum(crossing_probabilities(times, found.upper, found.lower), axis=1)
    assert null.tolist() == [printed("0.0013 0.0062 0.0233"), printed("0.4056 0.8347 0.9767", GSDESIGN_SEARCH)]


def test_a_design_of_gsdesign_with_obrien_fleming_spending() -> None:
    # gsDesign, articles/gsSurvBasicExamples: Lan-DeMets O'Brien-Fleming, beta by Hwang-Shih-DeCani -7
    times = [0.25, 0.75, 1.0]
    found = futility_bounds(times, 0.025, 0.85, ObrienFleming(), hwang_shih_de_cani(0.15, -7.0, times))
    assert found.upper.tolist() == printed("4.3326 2.3398 2.0118")
    assert found.lower[:-1].tolist() == printed("-1.7019 0.6728", GSDESIGN_SEARCH)
    effect = np.cumsum(crossing_probabilities(times, found.upper, found.lower, found.drift), axis=1)
    assert effect.tolist() == [printed("0.0024 0.6110 0.8500"), printed("0.0007 0.0260 0.1500")]


# Jennison and Turnbull (2000), tables 2.1 and 2.3, two-sided alpha 0.05, for 2, 3, 4, 5 and 10 equal looks.
POCOCK = {2: 2.178, 3: 2.289, 4: 2.361, 5: 2.413, 10: 2.555}
OBRIEN_FLEMING = {2: 1.977, 3: 2.004, 4: 2.024, 5: 2.040, 10: 2.087}


@pytest.mark.parametrize(("constants", "exponent"), [(POCOCK, 0.0), (OBRIEN_FLEMING, 0.5)])
def test_constants_of_jennison_and_turnbull(constants: dict[int, float], exponent: float) -> None:
    for looks, constant in constants.items():
        times = np.arange(1, looks + 1) / looks
        levels = []
        for end in (constant - 0.0005, constant + 0.0005):  # what is printed as this constant
            upper = end / times**exponent
            levels.append(sum(map(np.sum, crossing_probabilities(times, upper, -upper))))
        assert levels[1] < 0.05 < levels[0]


@pytest.mark.parametrize(("alpha", "second"), [(0.025, 0.4), (0.1, 0.21), (0.001, 0.9)])
def test_two_looks_by_adaptive_integration(alpha: float, second: float) -> None:
    for spending in (ObrienFleming(), Pocock(), Power(3.0)):
        times = np.array([0.2, second])
        upper = efficacy_bounds(times, alpha, spending)
        steps = np.diff(spending.spent(times, alpha), prepend=0.0)
        assert stats.norm.sf(upper[0]) == pytest.approx(steps[0], rel=1e-9)

        def crossed(z: float, upper: Floats = upper) -> float:
            rest = (upper[1] * math.sqrt(second) - z * math.sqrt(0.2)) / math.sqrt(second - 0.2)
            return float(stats.norm.pdf(z) * stats.norm.sf(rest))

        found = integrate.quad(crossed, -8.0, upper[0], epsabs=1e-14, epsrel=1e-11, limit=500, points=[0.0, 2.0])[0]
        assert found == pytest.approx(steps[1], rel=1e-8)


@pytest.mark.parametrize("drift", [0.0, 2.5])
def test_three_looks_by_the_multivariate_normal(drift: float) -> None:
    times = np.array([0.3, 0.55, 1.0])
    upper, lower = np.array([2.6, 2.3, 2.0]), np.array([-0.8, 0.4, 2.0])
    above, below = crossing_probabilities(times, upper, lower, drift)
    covariance = np.sqrt(np.minimum.outer(times, times) / np.maximum.outer(times, times))
    means = drift * np.sqrt(times)

    def inside(lows: list[float], highs: list[float]) -> float:
        k = len(lows)
        if k == 1:
            return float(np.diff(stats.norm.cdf([lows[0], highs[0]], means[0]))[0])
        found = stats.multivariate_normal.cdf(
            np.array(highs), means[:k], covariance[:k, :k],
            lower_limit=np.array(lows), maxpts=2_000_000, abseps=1e-9, releps=1e-9, rng=np.random.default_rng(1),
        )  # fmt: skip
        return float(found)

    for k in range(3):
        lows, highs = list(lower[:k]), list(upper[:k])
        assert inside([*lows, upper[k]], [*highs, math.inf]) == pytest.approx(above[k], abs=1e-7)
        assert inside([*lows, -math.inf], [*highs, lower[k]]) == pytest.approx(below[k], abs=1e-7)


def test_crossings_of_simulated_trials() -> None:
    trials, drift = 200_000, 2.0
    times = np.array([10.0, 24.0, 25.0, 60.0]) / 60.0
    upper, lower = np.array([3.0, 2.5, 2.4, 2.0]), np.array([-1.0, 0.0, 0.3, 2.0])
    steps = np.diff(times, prepend=0.0)
    noise = np.random.default_rng(20).standard_normal((trials, 4))
    z = np.cumsum(drift * steps + np.sqrt(steps) * noise, axis=1) / np.sqrt(times)
    stops = (z > upper) | (z <= lower)
    look = stops.argmax(axis=1)
    is_above = z[np.arange(trials), look] > upper[look]
    above, below = crossing_probabilities(times, upper, lower, drift)
    for k, (is_up, expected) in itertools.product(range(4), ((True, above), (False, below))):
        count = int(((look == k) & (is_above == is_up)).sum())
        assert stats.binomtest(count, trials, float(expected[k])).pvalue > BEYOND_4_ERRORS


def fractions(most: int = 6) -> st.SearchStrategy[Floats]:
    """Rising fractions up to 1 with at least 1 % between looks."""
    steps = st.lists(st.floats(0.02, 1.0), min_size=1, max_size=most)
    return steps.map(lambda values: np.cumsum(values) / np.sum(values))


spendings = st.sampled_from([ObrienFleming(), Pocock(), Power(0.7), Power(3.0)])
alphas = st.floats(0.001, 0.2)


@given(fractions(), alphas, spendings)
def test_what_is_crossed_is_what_is_spent(times: Floats, alpha: float, spending: Spending) -> None:
    upper = efficacy_bounds(times, alpha, spending)
    spent = np.cumsum(crossing_probabilities(times, upper)[0])
    np.testing.assert_allclose(spent, spending.spent(times, alpha), rtol=1e-8, atol=1e-12)


@given(fractions(), alphas, spendings, st.floats(-1.0, 5.0), st.floats(0.5, 500.0))
def test_every_trial_ends_once_and_units_do_not_matter(
    times: Floats, alpha: float, spending: Spending, drift: float, unit: float
) -> None:
    upper = efficacy_bounds(times, alpha, spending)
    lower = np.append(np.full(len(times) - 1, -0.5), upper[-1])
    above, below = crossing_probabilities(times, upper, lower, drift)
    assert above.sum() + below.sum() == pytest.approx(1.0, abs=1e-10)
    again = crossing_probabilities(times * unit, upper, lower, drift / math.sqrt(unit))
    np.testing.assert_allclose(again, (above, below), rtol=0, atol=1e-10)
    mirrored = crossing_probabilities(times, -lower, -upper, -drift)
    np.testing.assert_allclose(mirrored, (below, above), rtol=0, atol=1e-10)


@given(fractions(4), st.floats(0.01, 0.05), st.floats(0.6, 0.95), spendings, spendings, st.booleans())
def test_futility_bounds_spend_both_errors(
    times: Floats, alpha: float, power: float, spending: Spending, beta_spending: Spending, is_binding: bool
) -> None:
    found = futility_bounds(times, alpha, power, spending, beta_spending, is_binding=is_binding)
    above, below = crossing_probabilities(times, found.upper, found.lower, found.drift)
    assert above.sum() == pytest.approx(power, abs=1e-8)
    if (found.lower[:-1] < found.upper[:-1]).all():
        np.testing.assert_allclose(np.cumsum(below), beta_spending.spent(times, 1.0 - power), rtol=0, atol=1e-8)
    floors = found.lower if is_binding else None
    level = crossing_probabilities(times, found.upper, floors)[0].sum()
    assert level == pytest.approx(alpha, rel=1e-7)
    assert inflation(found.drift, alpha, power) > 1.0 - 1e-9


@given(fractions(4), alphas, spendings, st.sampled_from([1, 2]))
def test_the_final_bound_as_planned_is_that_of_the_plan(
    times: Floats, alpha: float, spending: Spending, sides: int
) -> None:
    planned = efficacy_bounds(times, alpha, spending, sides=sides)
    if len(times) > 1 and times[-1] == 1.0:
        found = final_bound_by_information(times[:-1], planned[:-1], times[-1], alpha, sides=sides)
        assert float(found) == pytest.approx(planned[-1], abs=1e-7)


@pytest.mark.parametrize("spending", [ObrienFleming(), Pocock(), Power(2.0)])
@pytest.mark.parametrize("end", [260, 399, 450, 520])
def test_the_final_look_spends_what_remains_whatever_its_information(spending: Spending, end: int) -> None:
    attained = np.array([187.0, 255.0])
    before = efficacy_bounds(attained / 450.0, 0.025, spending)
    final = final_bound_by_information(attained, before, end, 0.025)
    spent = np.cumsum(crossing_probabilities([*attained, end], [*before, float(final)])[0])
    expected = spending.spent(attained / 450.0, 0.025)
    np.testing.assert_allclose(spent, [*expected, 0.025], rtol=1e-8)


def test_final_bounds_for_many_numbers_of_events() -> None:
    attained = [148, 300]
    upper = efficacy_bounds(np.array(attained) / 450.0, 0.05, ObrienFleming(), sides=2)
    finals = np.arange(301, 701)
    found = final_bound_by_information(attained, upper, finals, 0.05, sides=2)
    for end in (301, 302, 350, 450, 700):
        level = crossing_probabilities([*attained, end], [*upper, found[end - 301]])[0].sum()
        assert level == pytest.approx(0.025, rel=1e-7)
    assert (np.diff(found) > 0.0).all()  # less correlated with the looks before
    lower = np.array([-0.2, 0.6])
    bound = final_bound_by_information(attained, upper, 450, 0.05, sides=2, lower=lower)
    level = crossing_probabilities([*attained, 450], [*upper, float(bound)], [*lower, -math.inf])[0].sum()
    assert level == pytest.approx(0.025, rel=1e-9)


def test_a_look_that_may_spend_next_to_nothing_never_stops() -> None:
    found = efficacy_bounds([0.02, 0.5, 1.0], 0.025, ObrienFleming())
    assert found[0] == math.inf
    np.testing.assert_allclose(found[1:], efficacy_bounds([0.5, 1.0], 0.025, ObrienFleming()), rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "call",
    [
        lambda: efficacy_bounds([0.5, 0.4], 0.025, Pocock()),
        lambda: efficacy_bounds([0.5, 1.2], 0.025, Pocock()),
        lambda: efficacy_bounds([], 0.025, Pocock()),
        lambda: efficacy_bounds([0.5, math.nan], 0.025, Pocock()),
        lambda: efficacy_bounds([0.5, 1.0], 0.0, Pocock()),
        lambda: efficacy_bounds([0.5, 1.0], 0.025, Pocock(), sides=3),
        lambda: efficacy_bounds([0.5, 1.0], 0.025, Custom((0.01,))),
        lambda: efficacy_bounds([0.5, 1.0], 0.025, Custom((0.01, 0.03))),
        lambda: Custom((0.02, 0.01)),
        lambda: Power(0.0),
        lambda: crossing_probabilities([0.5, 1.0], [2.0]),
        lambda: crossing_probabilities([0.5, 1.0], [2.0, 2.0], [3.0, 2.0]),
        lambda: drift_for_power([0.5, 1.0], [math.inf, math.inf], 0.9),
        lambda: futility_bounds([0.5, 1.0], 0.025, 0.02, Pocock(), Pocock()),
        lambda: final_bound_by_information([100], [1.0], [200], 0.025),
        lambda: final_bound_by_information([100], [3.0], [100, 200], 0.025),
        lambda: inflation(3.0, 0.9, 0.8),
    ],
)
def test_wrong_requests_are_refused(call: object) -> None:
    assert callable(call)
    with pytest.raises(RequestError):
        call()
