"""Two proportions: regions against SciPy's tests on whole tables, sizes against polynomials, powers against sums."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from types import SimpleNamespace
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from tests.tolerances import CDF_SUMS
from trialsim.design.base import arms_in_turn
from trialsim.design.theory.proportions import (
    EXACT_TESTS,
    TESTS,
    Approximation,
    Better,
    Test,
    TwoSided,
    approximate_n,
    reject_probability,
    rejection_region,
    size_of,
)
from trialsim.design.theory.two_arm_sizes import (
    UNCONDITIONAL,
    TwoArmSize,
    _Wanted,
    smallest_n,
    smallest_trial,
    split_of,
)
from trialsim.errors import RequestError
from trialsim.typing import Flags

Side = Literal["greater", "less"]
TWO: Literal["two-sided"] = "two-sided"
ARMS = st.integers(1, 14)
ALPHAS = st.floats(0.005, 0.3)
SMALL = list(itertools.product(range(8), range(10)))  # every table of 7 and 9 patients


def some_tables(n_control: int, n_experimental: int, how_many: int) -> list[tuple[int, int]]:
    """Random tables, most of them near the edge of what a test rejects."""
    draws = np.random.default_rng(n_control)
    control = draws.binomial(n_control, 0.35, how_many)
    experimental = draws.binomial(n_experimental, 0.6, how_many)
    return list(zip(control.tolist(), experimental.tolist(), strict=True))


def assert_p_value(
    n: tuple[int, int],
    cell: tuple[int, int],
    p_value: float,
    sides: int,
    test: Test,
    better: Better = "higher",
    two_sided: TwoSided | None = None,
) -> None:
    """A table is rejected just above its p-value and not just below it."""
    margin = 5e-9 + 1e-6 * p_value  # a size is known to 1e-9, SciPy's maxima are to about 1e-6 of themselves
    if margin < p_value < 0.999:
        assert rejection_region(*n, p_value + margin, sides, test, better, two_sided)[cell]
        assert not rejection_region(*n, p_value - margin, sides, test, better, two_sided)[cell]


def two_sided_p_value(n: tuple[int, int], cell: tuple[int, int]) -> float:
    """The unconditional p-value of the absolute pooled z, tables being compared by whole numbers.

    SciPy's own takes tables whose statistics are equal but for rounding apart.
    """

    def squared_z(x: int, y: int) -> Fraction:
        total = x + y
        return Fraction((y * n[0] - x * n[1]) ** 2, total * (sum(n) - total)) if 0 < total < sum(n) else Fraction(0)

    tables = itertools.product(range(n[0] + 1), range(n[1] + 1))
    return largest_sum(n, [table for table in tables if squared_z(*table) >= squared_z(*cell)])


def largest_sum(n: tuple[int, int], tables: list[tuple[int, int]]) -> float:
    """The largest probability of some tables over the rates that both arms may share."""
    extreme = np.array(tables)

    def probability(rate: float) -> float:
        return float(np.sum(stats.binom.pmf(extreme[:, 0], n[0], rate) * stats.binom.pmf(extreme[:, 1], n[1], rate)))

    rates = np.linspace(0.0, 1.0, 201)
    at = np.array([probability(rate) for rate in rates])
    peaks = [
        optimize.minimize_scalar(lambda rate: -probability(rate), bounds=(rate - 0.005, rate + 0.005)).fun
        for rate in rates[1:-1][(at[1:-1] >= at[:-2]) & (at[1:-1] >= at[2:])]
    ]
    return max(float(at.max()), *(-float(peak) for peak in peaks), 0.0)


@pytest.mark.parametrize(("n", "cells"), [((7, 9), SMALL), ((31, 22), some_tables(31, 22, 60))])
def test_fisher_rejects_what_scipy_rejects(n: tuple[int, int], cells: list[tuple[int, int]]) -> None:
    for x, y in cells:
        table = np.array([[y, n[1] - y], [x, n[0] - x]])
        assert_p_value(n, (x, y), stats.fisher_exact(table, "greater").pvalue, 1, "fisher")
        assert_p_value(n, (x, y), stats.fisher_exact(table, "less").pvalue, 1, "fisher", "lower")
        assert_p_value(n, (x, y), stats.fisher_exact(table, "two-sided").pvalue, 2, "fisher")


@pytest.mark.parametrize(("n", "cells"), [((7, 9), SMALL), ((31, 22), some_tables(31, 22, 15))])
def test_boschloo_rejects_what_scipy_rejects(n: tuple[int, int], cells: list[tuple[int, int]]) -> None:
    for x, y in cells:
        table = [[y, x], [n[1] - y, n[0] - x]]
        higher, lower = (float(stats.boschloo_exact(table, side).pvalue) for side in ("greater", "less"))
        assert_p_value(n, (x, y), higher, 1, "boschloo")
        assert_p_value(n, (x, y), lower, 1, "boschloo", "lower")
        assert_p_value(n, (x, y), 2 * min(higher, lower), 2, "boschloo")  # as SciPy defines it


@pytest.mark.parametrize(("n", "cells"), [((7, 9), SMALL), ((31, 22), some_tables(31, 22, 15))])
def test_pooled_z_rejects_what_scipy_rejects(n: tuple[int, int], cells: list[tuple[int, int]]) -> None:
    for x, y in cells:
        table = [[y, x], [n[1] - y, n[0] - x]]
        if y * n[0] > x * n[1]:
            assert_p_value(n, (x, y), float(stats.barnard_exact(table, "greater").pvalue), 1, "z-pooled")
        elif y * n[0] < x * n[1]:
            assert_p_value(n, (x, y), float(stats.barnard_exact(table, "less").pvalue), 1, "z-pooled", "lower")


@pytest.mark.parametrize(("n", "cells"), [((7, 9), SMALL[1:79:5]), ((18, 18), some_tables(18, 18, 4))])
def test_pooled_z_rejects_what_whole_numbers_reject(n: tuple[int, int], cells: list[tuple[int, int]]) -> None:
    for cell in cells:
        assert_p_value(n, cell, two_sided_p_value(n, cell), 2, "z-pooled")


RANDOM = np.random.default_rng(15)
RANDOM_TABLES = [
    (n, (int(RANDOM.integers(n[0] + 1)), int(RANDOM.integers(n[1] + 1))))
    for n in [(int(RANDOM.integers(3, 16)), int(RANDOM.integers(3, 16))) for _ in range(25)]
]


@pytest.mark.parametrize(("n", "cell"), RANDOM_TABLES)
def test_both_definitions_of_two_sides_reject_what_scipy_rejects(n: tuple[int, int], cell: tuple[int, int]) -> None:
    x, y = cell
    table = np.array([[y, x], [n[1] - y, n[0] - x]])
    sides: tuple[Side, Side] = ("greater", "less")
    fisher = [float(stats.fisher_exact(table, side).pvalue) for side in (*sides, TWO)]
    assert_p_value(n, cell, 2.0 * min(fisher[:2]), 2, "fisher", two_sided="doubled")
    assert_p_value(n, cell, fisher[2], 2, "fisher", two_sided="ordered")
    boschloo = [float(stats.boschloo_exact(table, side).pvalue) for side in sides]
    assert_p_value(n, cell, 2.0 * min(boschloo), 2, "boschloo", two_sided="doubled")
    if y * n[0] != x * n[1]:
        side = sides[int(y * n[0] < x * n[1])]
        better: Better = "higher" if side == "greater" else "lower"
        tests: tuple[tuple[Test, bool], ...] = (("z-pooled", True), ("z-unpooled", False))
        for test, is_pooled in tests:
            at_least, n_ties = as_extreme(n, cell, is_pooled=is_pooled)
            p_value = largest_sum(n, at_least)
            assert_p_value(n, cell, p_value, 1, test, better)
            assert_p_value(n, cell, 2.0 * p_value, 2, test, two_sided="doubled")
            if n_ties == 1:  # SciPy takes tables whose statistics are equal but for rounding apart
                assert float(stats.barnard_exact(table, side, pooled=is_pooled).pvalue) == pytest.approx(p_value, 1e-5)


def as_extreme(n: tuple[int, int], cell: tuple[int, int], *, is_pooled: bool) -> tuple[list[tuple[int, int]], int]:
    """The tables whose z is at least as far on the side of a table, by whole numbers, and how many are as far."""

    def signed_square(x: int, y: int) -> Fraction | float:
        difference, total = y * n[0] - x * n[1], x + y
        pooled = Fraction(total * (sum(n) - total))
        unpooled = Fraction(x * (n[0] - x) * n[1] ** 3 + y * (n[1] - y) * n[0] ** 3)
        variance = pooled if is_pooled else unpooled
        square = 0 if difference == 0 else difference**2 / variance if variance else math.inf
        return square if difference > 0 else -square

    sign = 1 if cell[1] * n[0] > cell[0] * n[1] else -1
    z = {table: sign * signed_square(*table) for table in itertools.product(range(n[0] + 1), range(n[1] + 1))}
    return [table for table in z if z[table] >= z[cell]], sum(z[table] == z[cell] for table in z)


@pytest.mark.parametrize(("n", "cell"), RANDOM_TABLES)
def test_tables_in_one_order_are_added_up(n: tuple[int, int], cell: tuple[int, int]) -> None:
    def fisher(x: int, y: int) -> float:
        return float(stats.fisher_exact(np.array([[y, x], [n[1] - y, n[0] - x]])).pvalue)

    def squared_unpooled_z(x: int, y: int) -> Fraction | float:
        difference = (y * n[0] - x * n[1]) ** 2
        variance = Fraction(x * (n[0] - x) * n[1] ** 3 + y * (n[1] - y) * n[0] ** 3, n[0] * n[1])
        return 0.0 if difference == 0 else difference / variance if variance else math.inf

    tables = list(itertools.product(range(n[0] + 1), range(n[1] + 1)))
    by_fisher = [table for table in tables if fisher(*table) <= fisher(*cell) * (1 + 1e-9)]
    assert_p_value(n, cell, largest_sum(n, by_fisher), 2, "boschloo", two_sided="ordered")
    by_z = [table for table in tables if squared_unpooled_z(*table) >= squared_unpooled_z(*cell)]
    assert_p_value(n, cell, largest_sum(n, by_z), 2, "z-unpooled", two_sided="ordered")


@pytest.mark.parametrize("test", TESTS)
def test_two_sides_are_defined_as_before_unless_another_definition_is_asked_for(test: Test) -> None:
    usual, other = ("doubled", "ordered") if test == "boschloo" else ("ordered", "doubled")
    regions = [rejection_region(14, 9, 0.05, 2, test, "higher", which) for which in (None, usual, other)]  # type: ignore[arg-type]
    assert (regions[0] == regions[1]).all()
    assert (regions[0] == regions[2]).all() == (test in ("chi-square", "unpooled"))


@settings(max_examples=150, deadline=None)
@given(
    st.tuples(ARMS, ARMS), ALPHAS, st.sampled_from(UNCONDITIONAL), st.sampled_from(["doubled", "ordered", None]),
    st.tuples(st.floats(0.02, 0.45), st.floats(0.55, 0.98)), st.booleans(), st.floats(0.35, 0.95),
)  # fmt: skip
def test_a_power_is_reached_where_the_region_has_it(
    arms: tuple[int, int], alpha: float, test: Test, two_sided: TwoSided | None, rates: tuple[float, float],
    is_lower: bool, power: float,
) -> None:  # fmt: skip
    wanted = _Wanted(*(rates[::-1] if is_lower else rates), alpha, power, 2 if two_sided else 1, test, two_sided)
    assert wanted.reaches(arms) == (wanted.power_of(arms) >= power)
    if wanted.power_of(arms) > 0.0:
        wanted.power = wanted.power_of(arms)
        assert wanted.reaches(arms)


def test_the_definition_of_two_sides_decides_on_the_size() -> None:
    sizes: dict[str, TwoArmSize] = {
        which: smallest_n(0.1, 0.5, 0.05, 0.8, 2, "fisher", 2.0, two_sided=which) for which in ("doubled", "ordered")
    }
    assert sizes["doubled"].n_control != sizes["ordered"].n_control
    for which, size in sizes.items():
        arms = size.n_control, size.n_experimental
        region = rejection_region(*arms, 0.05, 2, "fisher", "higher", which)  # type: ignore[arg-type]
        assert size.power == reject_probability(region, 0.1, 0.5)


@pytest.mark.parametrize(("sides", "two_sided"), [(1, "doubled"), (2, "likelihood"), (2, 1)])
def test_a_definition_that_cannot_be_is_refused(sides: int, two_sided: object) -> None:
    with pytest.raises(RequestError, match="two_sided"):
        rejection_region(5, 5, 0.05, sides, "fisher", "higher", two_sided)  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="two_sided"):
        smallest_n(0.1, 0.5, sides=sides, two_sided=two_sided)  # type: ignore[arg-type]


def test_chi_square_rejects_what_scipy_rejects() -> None:
    n = (12, 17)
    region = rejection_region(*n, 0.05, 2, "chi-square")
    for x, y in itertools.product(range(13), range(18)):
        if 0 < x + y < sum(n):
            table = [[x, y], [n[0] - x, n[1] - y]]
            assert region[x, y] == (stats.chi2_contingency(table, correction=False).pvalue <= 0.05)
        else:
            assert not region[x, y]


def test_the_wald_test_is_its_formula() -> None:
    n = (9, 6)
    region = rejection_region(*n, 0.05, 1, "unpooled")
    for x, y in itertools.product(range(10), range(7)):
        a, b = x / n[0], y / n[1]
        error = math.sqrt(a * (1 - a) / n[0] + b * (1 - b) / n[1])
        assert region[x, y] == (b > a and (error == 0 or (b - a) / error >= 1.6448536269514722))


def test_levels_that_are_reached_exactly_count_as_reached() -> None:
    assert rejection_region(3, 3, 0.05, 1, "fisher")[0, 3]  # one of 20 tables
    assert rejection_region(4, 4, 1 / 70, 1, "fisher")[0, 4]
    assert rejection_region(1, 1, 0.25, 1, "boschloo")[0, 1]  # p (1 - p) at p = 1/2
    assert not rejection_region(1, 1, 0.2499, 1, "boschloo").any()


@pytest.mark.parametrize(
    ("test", "n", "cell", "better", "published"),
    [
        # SciPy's manual of boschloo_exact, a survey of Saari and Judge 2004: 74 of 117 and 31 of 63, "0.0355"
        ("boschloo", (63, 117), (31, 74), "higher", 0.0355),
        # Mehta and Senchaudhuri 2003 after Chan 1998: 7 and 12 of 15 infected; figures of SciPy's manual, barnard_exact
        ("z-pooled", (15, 15), (12, 7), "lower", 0.03407),
        ("fisher", (15, 15), (12, 7), "lower", 0.0640),
    ],
)
def test_published_p_values(
    test: Test, n: tuple[int, int], cell: tuple[int, int], better: Better, published: float
) -> None:
    # one unit of the last digit to both sides: the manual cuts some figures and rounds others
    assert rejection_region(*n, published + 0.0001, 1, test, better)[cell]
    assert not rejection_region(*n, published - 0.0001, 1, test, better)[cell]


def test_published_power_of_fishers_test() -> None:
    # The example of the R package clinfun (Seshan), fe.ssize(p1 = 0.8, p2 = 0.2): exact powers with 12 and 13 per arm.
    design = smallest_n(0.8, 0.2, 0.05, 0.8, 2, "fisher")
    assert (design.n_control, design.n_experimental) == (12, 12)
    assert design.power == pytest.approx(0.8115276, abs=5e-8)
    assert reject_probability(rejection_region(13, 13), 0.8, 0.2) == pytest.approx(0.8688275, abs=5e-8)


@pytest.mark.parametrize(
    ("p_control", "p_experimental", "method", "n"),
    [
        (0.8, 0.2, "continuity", 13),  # Casagrande, Pike and Smith's n in the same example of clinfun
        (0.12, 0.20, "pooled", 329),  # Dunn and Clark, Basic Statistics, chapter 10: 328.6
        (0.5, math.sin(math.pi / 4 + 0.25) ** 2, "arcsine", 63),  # Cohen 1988, h = 0.5
    ],
)
def test_published_approximate_sizes(p_control: float, p_experimental: float, method: Approximation, n: int) -> None:
    assert approximate_n(p_control, p_experimental, 0.05, 0.8, 2, method) == n


def test_approximations_for_unequal_arms_by_the_formula_of_the_power() -> None:
    ratio, p0, p1, z = 2.0, 0.3, 0.5, 1.959963984540054
    methods: tuple[Approximation, ...] = ("pooled", "unpooled")
    for method in methods:
        n = approximate_n(p0, p1, 0.05, 0.9, 2, method, ratio)
        powers = []
        for control in (n - 1, n):
            error = math.sqrt(p0 * (1 - p0) / control + p1 * (1 - p1) / (ratio * control))
            mean = (p0 + ratio * p1) / (1 + ratio)
            null = math.sqrt(mean * (1 - mean) * (1 / control + 1 / (ratio * control)))
            critical = z * (null if method == "pooled" else error)
            powers.append(stats.norm.sf((critical - (p1 - p0)) / error))
        assert powers[0] < 0.9 <= powers[1]
    corrected = approximate_n(p0, p1, 0.05, 0.9, 2, "continuity", ratio)
    shift = (1 + ratio) / (ratio * (p1 - p0))  # Fleiss, Tytun and Ury: about (r + 1) / (r d) patients more
    assert corrected == pytest.approx(approximate_n(p0, p1, 0.05, 0.9, 2, "pooled", ratio) + shift, abs=1.5)


@st.composite
def regions(draw: st.DrawFn) -> Flags:
    shape = draw(ARMS) + 1, draw(ARMS) + 1
    cells = draw(st.lists(st.booleans(), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]))
    return np.array(cells).reshape(shape)


@settings(max_examples=60, deadline=None)
@given(regions())
def test_the_size_is_the_maximum_of_its_polynomial(region: Flags) -> None:
    n = region.shape[0] + region.shape[1] - 2
    p = np.polynomial.Polynomial([0.0, 1.0])
    polynomial = np.polynomial.Polynomial([0.0])
    for total in range(n + 1):
        ways = sum(
            math.comb(region.shape[0] - 1, x) * math.comb(region.shape[1] - 1, y)
            for x, y in zip(*np.nonzero(region), strict=True)
            if x + y == total
        )
        polynomial += ways * p**total * (1 - p) ** (n - total)
    found = size_of(region)
    rates = np.linspace(0.0, 1.0, 501)
    at_rates = [reject_probability(region, rate, rate) for rate in rates]
    assert max(at_rates) <= found + 2e-9
    stationary = polynomial.deriv().roots()
    real = np.clip(stationary[np.abs(stationary.imag) < 1e-3].real, 0.0, 1.0)
    peaks = [reject_probability(region, rate, rate) for rate in (*real, 0.0, 1.0)]
    assert found == pytest.approx(max(*peaks, *at_rates), abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(ARMS, ARMS, ALPHAS, st.sampled_from([None, "doubled", "ordered"]), st.sampled_from(EXACT_TESTS))
def test_exact_tests_keep_their_level(
    n_control: int, n_experimental: int, alpha: float, two_sided: TwoSided | None, test: Test
) -> None:
    region = rejection_region(n_control, n_experimental, alpha, 2 if two_sided else 1, test, "higher", two_sided)
    assert size_of(region) <= alpha + 3e-9
    for rate in np.linspace(0.0, 1.0, 101):
        assert reject_probability(region, rate, rate) <= alpha + 3e-9


@settings(max_examples=60, deadline=None)
@given(ARMS, ARMS, ALPHAS)
def test_boschloo_rejects_whatever_fisher_rejects(n_control: int, n_experimental: int, alpha: float) -> None:
    fisher = rejection_region(n_control, n_experimental, alpha, 1, "fisher")
    boschloo = rejection_region(n_control, n_experimental, alpha, 1, "boschloo")
    assert (boschloo >= fisher).all()


@settings(max_examples=60, deadline=None)
@given(ARMS, ARMS, ALPHAS, st.sampled_from(TESTS))
def test_arms_and_outcomes_may_be_exchanged(n_control: int, n_experimental: int, alpha: float, test: Test) -> None:
    higher = rejection_region(n_control, n_experimental, alpha, 1, test, "higher")
    assert (higher == rejection_region(n_experimental, n_control, alpha, 1, test, "lower").T).all()
    both = rejection_region(n_control, n_experimental, alpha, 2, test)
    assert (both == rejection_region(n_experimental, n_control, alpha, 2, test).T).all()
    assert (both == both[::-1, ::-1]).all()


@settings(max_examples=40, deadline=None)
@given(ARMS, ARMS, ALPHAS, st.sampled_from(TESTS))
def test_more_successes_in_the_better_arm_are_never_worse(
    n_control: int, n_experimental: int, alpha: float, test: Test
) -> None:
    region = rejection_region(n_control, n_experimental, alpha, 1, test)
    if test not in ("unpooled", "z-unpooled"):  # their error of the difference may grow faster than the difference
        assert (region[:, 1:] >= region[:, :-1]).all()
        assert (region[:-1] >= region[1:]).all()


@settings(max_examples=40, deadline=None)
@given(regions(), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_the_power_is_the_sum_over_tables(region: Flags, p_control: float, p_experimental: float) -> None:
    n0, n1 = region.shape[0] - 1, region.shape[1] - 1
    total = 0.0
    for x, y in itertools.product(range(n0 + 1), range(n1 + 1)):
        if region[x, y]:
            control = math.comb(n0, x) * p_control**x * (1.0 - p_control) ** (n0 - x)
            total += control * math.comb(n1, y) * p_experimental**y * (1.0 - p_experimental) ** (n1 - y)
    assert reject_probability(region, p_control, p_experimental) == pytest.approx(total, abs=CDF_SUMS)


def test_the_power_is_the_share_of_simulated_trials() -> None:
    region = rejection_region(40, 60, 0.05, 2, "boschloo")
    power = reject_probability(region, 0.3, 0.55)
    draws = np.random.default_rng(11)
    hits = region[draws.binomial(40, 0.3, 200_000), draws.binomial(60, 0.55, 200_000)]
    assert abs(hits.mean() - power) < 4.0 * math.sqrt(power * (1.0 - power) / len(hits))


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize(("p_control", "p_experimental", "sides", "ratio"), [(0.2, 0.5, 2, 1.0), (0.9, 0.55, 1, 1.5)])
def test_the_smallest_size_is_the_first_of_a_scan(
    test: Test, p_control: float, p_experimental: float, sides: int, ratio: float
) -> None:
    design = smallest_n(p_control, p_experimental, 0.05, 0.8, sides, test, ratio)
    better: Better = "higher" if p_experimental > p_control else "lower"
    reaches = []
    for n in range(1, 121):
        region = rejection_region(n, math.ceil(n * ratio), 0.05, sides, test, better)
        reaches.append(reject_probability(region, p_control, p_experimental) >= 0.8)
    assert design.n_control == reaches.index(True) + 1
    assert design.n_experimental == math.ceil(design.n_control * ratio)
    assert design.stays_from == 120 - reaches[::-1].index(False) + 1
    assert design.power >= 0.8
    assert design.size == size_of(rejection_region(design.n_control, design.n_experimental, 0.05, sides, test, better))


@pytest.mark.parametrize(
    ("rates", "test", "sides", "parts", "n"),
    [
        ((0.598, 0.199), "fisher", 2, (5, 1), 89),
        ((0.3, 0.6), "fisher", 2, (3, 1), None),
        ((0.7, 0.3), "boschloo", 1, (1, 5), None),
        ((0.1, 0.5), "z-pooled", 1, (10, 1), None),
        ((0.2, 0.5), "chi-square", 2, (2, 3), None),
        ((0.2, 0.5), "fisher", 1, (1, 1), None),
    ],
)
def test_the_smallest_trial_is_the_first_of_a_scan_by_its_own_split(
    rates: tuple[float, float], test: Test, sides: int, parts: tuple[int, int], n: int | None
) -> None:
    design = smallest_trial(*rates, 0.05, 0.8, sides, test, parts)
    better: Better = "higher" if rates[1] > rates[0] else "lower"
    sizes = range(parts[0] + parts[1] + 1, 160) if parts[0] != parts[1] else range(2, 160, 2)
    has_power = {}
    for total in sizes:
        region = rejection_region(*split_of(total, parts), 0.05, sides, test, better)
        has_power[total] = reject_probability(region, *rates) >= 0.8
    found = design.n_control + design.n_experimental
    assert found == min(total for total in has_power if has_power[total])
    assert n is None or found == n
    assert (design.n_control, design.n_experimental) == split_of(found, parts)
    step = sizes[1] - sizes[0]
    assert design.stays_from == max(total for total in has_power if not has_power[total]) + step


@pytest.mark.parametrize("parts", [(1, 1), (2, 1), (1, 3), (5, 1), (4, 6)])
def test_turns_of_the_arms_give_the_split_of_every_trial(parts: tuple[int, int]) -> None:
    names = ("a", "b")
    study = SimpleNamespace(allocation=SimpleNamespace(ratio=dict(zip(names, parts, strict=True))))
    allocation = arms_in_turn(study, names)  # type: ignore[arg-type]
    assert (allocation.count(0), allocation.count(1)) == parts
    for n in range(60):
        turns = [allocation[i % len(allocation)] for i in range(n)]
        assert (turns.count(0), turns.count(1)) == split_of(n, parts)


@pytest.mark.parametrize("test", TESTS)
def test_two_arms_that_take_too_many_patients_are_refused_soon(test: Test) -> None:
    with pytest.raises(RequestError, match=r"powers up to 0\.0"):
        smallest_n(0.3, 0.31, test=test, largest=600)


def test_a_power_out_of_reach_is_refused_with_the_one_that_is_reached() -> None:
    with pytest.raises(RequestError, match="powers up to") as refusal:
        smallest_n(0.4, 0.5, largest=90)
    reached = reject_probability(rejection_region(90, 90), 0.4, 0.5)
    assert f"{reached:.4f}" in str(refusal.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"p_control": -0.1},
        {"p_experimental": math.nan},
        {"p_experimental": 0.3},
        {"alpha": 0.0},
        {"power": 1.0},
        {"power": 0.04},
        {"sides": 3},
        {"ratio": 0.0},
        {"test": "barnard"},
        {"largest": 0},
    ],
)
def test_wrong_questions_are_refused(wrong: dict[str, float | str]) -> None:
    question: dict[str, float | str] = {"p_control": 0.3, "p_experimental": 0.6}
    with pytest.raises(RequestError):
        smallest_n(**{**question, **wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize("n", [0, -3, 2.5, 10**6])
def test_impossible_arms_are_refused(n: int) -> None:
    with pytest.raises(RequestError):
        rejection_region(n, 10)
