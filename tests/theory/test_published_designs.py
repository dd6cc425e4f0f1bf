"""Published designs found again by search, and every probability again by enumeration of what may happen."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize
from scipy.stats import binom

from tests.theory.formulas import patients_for, schoenfeld_power
from tests.tolerances import N_STANDARD_ERRORS
from trialsim.design.theory.bryant_day import WORLDS, BryantDay, Rates, bryant_day, joint
from trialsim.design.theory.precision import limits
from trialsim.design.theory.proportions import reject_probability, rejection_region
from trialsim.design.theory.selection import selection_probabilities
from trialsim.design.theory.sequential import crossing_probabilities, efficacy_bounds
from trialsim.design.theory.single_stage import SingleStage, ahern, single_stage
from trialsim.design.theory.spending import ObrienFleming, Pocock, Spending
from trialsim.design.theory.stages import paths
from trialsim.design.theory.time_to_event import Arms, expected_events, lachin_foulkes_power, schoenfeld_events
from trialsim.design.theory.toxicity import ToxicityBoundary, bayesian_boundary, exact_boundary
from trialsim.design.theory.two_stage import TwoStage, admissible, fleming, simon_designs
from trialsim.errors import RequestError

Row = dict[str, Any]
Joint = dict[tuple[int, int], float]
PUBLISHED: dict[str, list[Row]] = yaml.safe_load(
    (Path(__file__).parents[1] / "published" / "designs.yaml").read_text(encoding="utf-8")
)
ROUNDING = 1e-9  # what sums of rounded terms may differ by


def half_a_unit(digits: int) -> float:
    """What a number printed with so many decimals may be off by."""
    return 0.5 * 10.0**-digits + ROUNDING


def rows(section: str) -> pytest.MarkDecorator:
    """A test for each row of a section, called by its first figures."""
    each = PUBLISHED[section]
    figures = [[str(x) for x in row.values() if isinstance(x, int | float | str)] for row in each]
    return pytest.mark.parametrize("row", each, ids=["-".join(some[:5]) for some in figures])


@cache
def binomial(n: int, p: float) -> list[float]:
    return [math.comb(n, x) * p**x * (1.0 - p) ** (n - x) for x in range(n + 1)]


@cache
def at_least(n: int, k: int, p: float) -> float:
    """P(X >= k), k being any number."""
    return math.fsum(binomial(n, p)[max(k, 0) :])


def one_stage(n: int, p0: float, p1: float, alpha: float) -> tuple[int, float]:
    """The critical number of responses of a test of n patients, and its power."""
    k = next(k for k in range(n + 2) if at_least(n, k, p0) <= alpha)
    return k, at_least(n, k, p1)


def two_stages(n1: int, r1: int, n: int, r: int, p: float, e1: int | None = None) -> tuple[float, float, float]:
    """The probabilities to reject p0 and to stop early, and the expected number of patients."""
    first, e1 = binomial(n1, p), n1 + 1 if e1 is None else e1
    early = math.fsum(first[: r1 + 1]) + math.fsum(first[e1:])
    late = math.fsum(first[x] * at_least(n - n1, r + 1 - x, p) for x in range(r1 + 1, e1))
    return math.fsum(first[e1:]) + late, early, n1 + (1.0 - early) * (n - n1)


@cache
def searched(p0: float, p1: float, alpha: float, power: float) -> list[TwoStage]:
    """Simon's designs up to half as many patients again as one stage takes."""
    return simon_designs(p0, p1, alpha, power, largest=3 * single_stage(p0, p1, alpha, power).n // 2 + 5)


def of_kind(kind: str, found: list[TwoStage]) -> TwoStage:
    return found[0] if kind == "minimax" else min(found, key=lambda design: design.en_p0)


# One stage.


@rows("ahern")
def test_the_designs_of_ahern(row: Row) -> None:
    design = ahern(row["p0"], row["p1"], row["alpha"], row["power"])
    assert (design.n, design.r + 1) == (row["n"], row["at_least"])
    level, power = (at_least(design.n, row["at_least"], p) for p in (row["p0"], row["p1"]))
    assert (design.alpha, design.power) == pytest.approx((level, power), abs=ROUNDING)
    assert level <= row["alpha"]
    assert power >= row["power"] - 0.0005  # he rounds
    if "printed" in row:
        assert [round(level, 4), round(power, 4)] == row["printed"]


@rows("ahern")
def test_a_power_that_is_not_rounded_takes_no_fewer_patients(row: Row) -> None:
    design = single_stage(row["p0"], row["p1"], row["alpha"], row["power"])
    assert design.n >= row["n"]
    assert at_least(design.n, design.r + 1, row["p0"]) <= row["alpha"]
    assert at_least(design.n, design.r + 1, row["p1"]) >= row["power"]
    has_rounded_power = at_least(row["n"], row["at_least"], row["p1"]) < row["power"]
    assert (design.n > row["n"]) == has_rounded_power
    if "exact" in row:
        assert [design.n, design.r + 1] == row["exact"]


@pytest.mark.parametrize(
    ("p0", "p1", "alpha", "power"),
    [(0.1, 0.3, 0.05, 0.8), (0.05, 0.2, 0.05, 0.9), (0.2, 0.35, 0.1, 0.8), (0.6, 0.8, 0.05, 0.8), (0.4, 0.6, 0.1, 0.9)],
)
@pytest.mark.parametrize("rounded", [0.0, 0.0005])
def test_the_saw_tooth_by_a_scan_to_twice_the_size(
    p0: float, p1: float, alpha: float, power: float, rounded: float
) -> None:
    search = ahern if rounded else single_stage
    design = search(p0, p1, alpha, power)
    reached = {n: one_stage(n, p0, p1, alpha)[1] >= power - rounded for n in range(1, 2 * design.n + 1)}
    assert design.n == min(n for n in reached if reached[n])
    assert design.stays_n == max(n for n in reached if not reached[n]) + 1
    assert search(p0, p1, alpha, power, largest=design.n) == design  # it looks at twice its limit


questions = st.tuples(
    st.floats(0.02, 0.7), st.floats(0.1, 0.28), st.floats(0.01, 0.2), st.floats(0.6, 0.95)
).map(lambda drawn: (drawn[0], drawn[0] + drawn[1], drawn[2], drawn[3]))  # fmt: skip


@settings(max_examples=60)
@given(questions)
def test_one_stage_holds_its_errors_and_one_patient_less_does_not(
    question: tuple[float, float, float, float],
) -> None:
    p0, p1, alpha, power = question
    design = single_stage(*question)
    level, reached = (at_least(design.n, design.r + 1, p) for p in (p0, p1))
    assert (design.alpha, design.power) == pytest.approx((level, reached), abs=ROUNDING)
    assert level <= alpha + ROUNDING
    assert reached >= power - ROUNDING
    assert at_least(design.n, design.r, p0) > alpha - ROUNDING  # no smaller r has the level
    assert one_stage(design.n - 1, p0, p1, alpha - ROUNDING)[1] < power + ROUNDING
    assert design.n <= design.stays_n


# Two stages.


@rows("simon")
def test_the_designs_of_simon(row: Row) -> None:
    design = of_kind(row["kind"], searched(row["p0"], row["p1"], row["alpha"], row["power"]))
    assert (design.r1, design.n1, design.r, design.n) == (row["r1"], row["n1"], row["r"], row["n"])
    level, pet, en = two_stages(design.n1, design.r1, design.n, design.r, row["p0"])
    power, _, _ = two_stages(design.n1, design.r1, design.n, design.r, row["p1"])
    assert (design.alpha, design.power) == pytest.approx((level, power), abs=ROUNDING)
    assert (design.en_p0, design.pet_p0) == pytest.approx((en, pet), abs=ROUNDING)
    assert level <= row["alpha"]
    assert power >= row["power"]
    digits = (1, 2) if row["source"].startswith("Simon 1989") else (2, 4)
    if "en" in row:
        assert design.en_p0 == pytest.approx(row["en"], abs=half_a_unit(digits[0]))
        assert design.pet_p0 == pytest.approx(row["pet"], abs=half_a_unit(digits[1]))


def every_two_stage_design(n: int, p0: float, p1: float, alpha: float, power: float) -> Iterator[float]:
    """EN of all designs of n patients with these errors."""
    for n1 in range(1, n):
        for r1, r in ((first, last) for first in range(n1) for last in range(first, n)):
            level, _, en = two_stages(n1, r1, n, r, p0)
            if level <= alpha and two_stages(n1, r1, n, r, p1)[0] >= power:
                yield en


def falling(least: dict[int, float]) -> dict[int, float]:
    """The n that take fewer patients on average than every smaller n."""
    return {n: en for n, en in least.items() if all(en < least[less] for less in least if less < n)}


@pytest.mark.parametrize("question", [(0.1, 0.45, 0.1, 0.8), (0.3, 0.7, 0.12, 0.75), (0.55, 0.9, 0.1, 0.8)])
def test_the_search_finds_what_trying_every_design_finds(question: tuple[float, float, float, float]) -> None:
    every = {n: list(every_two_stage_design(n, *question)) for n in range(2, 15)}
    found = {design.n: design.en_p0 for design in simon_designs(*question, largest=14)}
    assert found == pytest.approx(falling({n: min(en) for n, en in every.items() if en}), abs=ROUNDING)


@pytest.mark.parametrize(
    ("question", "r1", "n1", "r", "n", "en"),
    [((0.01, 0.1, 0.025, 0.7), 0, 12, 2, 60, 17.45), ((0.05, 0.95, 0.01, 0.95), 0, 2, 1, 3, 2.0975)],
)
def test_optimal_designs_that_a_search_may_miss(
    question: tuple[float, float, float, float], r1: int, n1: int, r: int, n: int, en: float
) -> None:
    """The first is far beyond twice the minimax n; of the second, 0/1 2/16 has a power of 0.95 (1 - 1e-18)."""
    design = simon_designs(*question)[-1]
    assert (design.r1, design.n1, design.r, design.n) == (r1, n1, r, n)
    assert design.en_p0 == pytest.approx(en, abs=half_a_unit(2))


@pytest.mark.parametrize("question", [(0.01, 0.1, 0.025, 0.7), (0.02, 0.17, 0.05, 0.8), (0.05, 0.2, 0.2, 0.6)])
def test_no_design_beyond_the_end_of_the_search_is_better(question: tuple[float, float, float, float]) -> None:
    """EN of whatever leaves the power at the first stage, and so of every design, for n far beyond the search."""
    p0, p1, _, power = question
    best = simon_designs(*question)[-1]
    for n1 in range(1, math.ceil(best.en_p0)):
        enough = [r1 for r1 in range(n1) if at_least(n1, r1 + 1, p1) >= power]
        for n in range(best.n + 1, 6 * best.n) if enough else ():
            goes_on = at_least(n1, enough[-1] + 1, p0)
            if n1 + goes_on * (n - n1) < best.en_p0:  # the bound alone does not exclude it
                assert not any(
                    n1 + at_least(n1, r1 + 1, p0) * (n - n1) < best.en_p0 - ROUNDING
                    and any(
                        two_stages(n1, r1, n, r, p0)[0] <= question[2] and two_stages(n1, r1, n, r, p1)[0] >= power
                        for r in range(r1, n)
                    )
                    for r1 in enough
                )


def least_en_of_any_design(p0: float, p1: float, alpha: float, power: float, largest: int) -> float:
    """The least EN(p0) of all two-stage designs with n up to `largest`: every n1, r1 and r is tried."""
    best, size = math.inf, np.arange(largest + 1)
    mass = {rate: [binom.pmf(size[: n + 1], n, rate) for n in size] for rate in (p0, p1)}
    tail = {rate: [binom.sf(size[: n + 2] - 1, n, rate) for n in size] for rate in (p0, p1)}
    for n, n1 in ((total, first) for total in range(2, largest + 1) for first in range(1, total)):
        needed = np.clip(np.arange(n)[:, None] + 1 - np.arange(n1 + 1), 0, n - n1 + 1)  # by r and x1
        rejects = {
            rate: np.cumsum((mass[rate][n1] * tail[rate][n - n1][needed])[:, ::-1], axis=1)[:, ::-1][:, 1:]  # by r, r1
            for rate in (p0, p1)
        }
        fits = ((rejects[p0] <= alpha) & (rejects[p1] >= power)).any(axis=0)
        expected = n1 + tail[p0][n1][1:-1] * (n - n1)
        best = min(best, float(expected[fits].min(initial=math.inf)))
    return best


@pytest.mark.parametrize(
    "question",
    [
        (0.009, 0.16, 0.02, 0.5), (0.007, 0.26, 0.025, 0.7), (0.007, 0.13, 0.025, 0.5), (0.01, 0.16, 0.01, 0.7),
        (0.019, 0.09, 0.05, 0.5), (0.01, 0.16, 0.025, 0.5),
    ],
)  # fmt: skip
def test_optimal_designs_far_beyond_the_minimax_one_are_those_of_every_design(
    question: tuple[float, float, float, float],
) -> None:
    fewest, *_, best = simon_designs(*question)
    assert best.n > 2 * fewest.n + 10
    assert best.en_p0 == pytest.approx(least_en_of_any_design(*question, best.n + 15), rel=1e-9)


@settings(max_examples=8, deadline=None)
@given(
    st.floats(0.004, 0.03), st.floats(0.14, 0.3), st.sampled_from([0.01, 0.025, 0.05]), st.sampled_from([0.5, 0.6, 0.7])
)
def test_optimal_designs_at_rare_events_are_those_of_every_design(
    p0: float, p1: float, alpha: float, power: float
) -> None:
    best = simon_designs(p0, p1, alpha, power)[-1]
    largest = max(best.n, min(best.n + 10, 50))  # at least the design itself is among those looked at
    assert best.en_p0 == pytest.approx(least_en_of_any_design(p0, p1, alpha, power, largest), rel=1e-9)


@pytest.mark.parametrize(
    ("largest", "message"),
    [(1_000_000, "a search so far would not end"), (100_000, "no single-stage test with n <= 100000")],
)
def test_a_single_stage_of_too_many_patients_is_refused_with_the_n_that_it_takes(largest: int, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        single_stage(0.1, 0.101, 0.05, 0.8, largest=largest)


def test_two_stages_of_too_many_patients_are_refused_before_the_search() -> None:
    with pytest.raises(RequestError, match="take about 2041 patients in one stage"):
        simon_designs(0.15, 0.17, 0.05, 0.8, 5000)


@settings(max_examples=15)
@given(questions)
def test_two_stages_hold_their_errors_and_optimal_is_between(question: tuple[float, float, float, float]) -> None:
    p0, p1, alpha, power = question
    one = single_stage(*question)
    assume(one.n <= 60)
    found = simon_designs(*question, largest=one.n + 5)
    optimal, minimax = of_kind("optimal", found), of_kind("minimax", found)
    assert optimal.en_p0 <= minimax.en_p0 <= minimax.n <= optimal.n
    for design in found:
        assert two_stages(design.n1, design.r1, design.n, design.r, p0)[0] <= alpha + ROUNDING
        assert two_stages(design.n1, design.r1, design.n, design.r, p1)[0] >= power - ROUNDING


@pytest.mark.parametrize(
    "question", [(0.25, 0.45, 0.05, 0.9), (0.25, 0.45, 0.1, 0.9), (0.05, 0.2, 0.1, 0.9), (0.3, 0.5, 0.05, 0.8)]
)
def test_admissible_designs_are_those_of_least_weighted_cost(question: tuple[float, float, float, float]) -> None:
    found = searched(*question)
    chosen = admissible(found)
    assert [of_kind("minimax", found), of_kind("optimal", found)] == [chosen[0][0], chosen[-1][0]]
    edges = [edge for _, low, high in chosen for edge in (high, low)]
    assert (edges[0], edges[-1]) == (1.0, 0.0)
    assert edges[1:-1:2] == edges[2:-1:2]  # each begins where another ends
    for design, low, high in chosen:
        assert low < high
        for q in np.linspace(low, high, 11)[1:-1]:
            cost = q * design.n + (1.0 - q) * design.en_p0
            assert all(cost < q * other.n + (1.0 - q) * other.en_p0 for other in found if other != design)


@rows("admissible")
def test_published_admissible_designs(row: Row) -> None:
    chosen = [design for design, _, _ in admissible(searched(row["p0"], row["p1"], row["alpha"], row["power"]))]
    design = next(design for design in chosen if design.n == row["n"])
    assert (design.r1, design.n1, design.r) == (row["r1"], row["n1"], row["r"])
    assert design.en_p0 == pytest.approx(row["en"], abs=half_a_unit(2))
    assert design.pet_p0 == pytest.approx(row["pet"], abs=half_a_unit(4))


@rows("fleming")
def test_the_design_of_fleming(row: Row) -> None:
    design = fleming(row["p0"], row["p1"], row["alpha"], row["n1"], row["n"])
    assert (design.r1, design.e1, design.r) == (row["r1"], row["e1"], row["r"])
    for p, found in ((row["p0"], design.under_null), (row["p1"], design.under_alternative)):
        expected = two_stages(design.n1, design.r1, design.n, design.r, p, design.e1)
        assert (found.rejects, found.stops_early, found.expected_n) == pytest.approx(expected, abs=ROUNDING)


# Response and toxicity.


def cells_of(response: float, freedom: float, odds_ratio: float) -> dict[tuple[int, int], float]:
    """The probabilities of (responds, is free of toxicity) with an odds ratio, by search."""

    def excess(both: float) -> float:
        with_both, with_none = both, 1.0 - response - freedom + both
        return with_both * with_none - odds_ratio * (response - both) * (freedom - both)

    both = float(optimize.brentq(excess, max(0.0, response + freedom - 1.0), min(response, freedom), xtol=1e-15))
    return {(1, 1): both, (1, 0): response - both, (0, 1): freedom - both, (0, 0): 1.0 - response - freedom + both}


def counted(n: int, cells: dict[tuple[int, int], float]) -> Joint:
    """The distribution of (responders, free of toxicity): every way in which n patients may fall into four cells."""
    found: Joint = {}
    for a, b, c in itertools.product(range(n + 1), repeat=3):
        d = n - a - b - c
        if d >= 0:
            ways = math.comb(n, a) * math.comb(n - a, b) * math.comb(n - a - b, c)
            probability = cells[1, 1] ** a * cells[1, 0] ** b * cells[0, 1] ** c * cells[0, 0] ** d
            found[a + b, a + c] = found.get((a + b, a + c), 0.0) + ways * probability
    return found


def beyond(counts: Joint, n: int) -> Joint:
    """P(R > u, T > v) for u and v from -1 to n."""
    return {
        (u, v): math.fsum(w for (r, t), w in counts.items() if r > u and t > v)
        for u, v in itertools.product(range(-1, n + 1), repeat=2)
    }


def goes_on_and_recommends(
    first: Joint, rest: Joint, cut: tuple[int, int], final: tuple[int, int], n2: int
) -> tuple[float, float]:
    """Where `first` are counts of stage 1 and `rest` the tails of the n2 patients of stage 2."""
    goes_on = {(r, t): w for (r, t), w in first.items() if r > cut[0] and t > cut[1]}
    needed = {(r, t): (min(max(final[0] - r, -1), n2), min(max(final[1] - t, -1), n2)) for r, t in goes_on}
    return math.fsum(goes_on.values()), math.fsum(w * rest[needed[key]] for key, w in goes_on.items())


def worlds_of(rates: Rates) -> list[dict[tuple[int, int], float]]:
    margins = ((rates.pr0, rates.pt1), (rates.pr1, rates.pt0), (rates.pr1, rates.pt1))
    return [cells_of(response, freedom, rates.odds_ratio) for response, freedom in margins]


def assert_probabilities(design: BryantDay) -> None:
    """What the design says of itself is what enumeration says."""
    n2, expected_n = design.n - design.n1, []
    for world, cells in zip(WORLDS, worlds_of(design.rates), strict=True):
        expected = goes_on_and_recommends(
            counted(design.n1, cells), beyond(counted(n2, cells), n2), (design.cr1, design.ct1),
            (design.cr, design.ct), n2,
        )  # fmt: skip
        assert design.outcomes[world] == pytest.approx(expected, abs=1e-8)
        expected_n.append(design.n1 + expected[0] * n2)
    assert design.en == pytest.approx(max(expected_n[:2]), abs=1e-6)


@rows("bryant_day")
def test_the_design_of_bryant_and_day(row: Row) -> None:
    rates = Rates(row["pr0"], row["pr1"], row["pt0"], row["pt1"])
    design = bryant_day(rates, row["alpha_r"], row["alpha_t"], row["power"], largest=50)
    found = (design.n1, design.cr1, design.ct1, design.n, design.cr, design.ct)
    assert found == tuple(row[name] for name in ("n1", "cr1", "ct1", "n", "cr", "ct"))
    assert_probabilities(design)
    assert_probabilities(replace(design, rates=replace(rates, odds_ratio=3.0)))
    assert design.alpha_r <= row["alpha_r"]
    assert design.alpha_t <= row["alpha_t"]
    assert design.power >= row["power"]


@pytest.mark.parametrize("odds_ratio", [0.2, 1.0, 3.0, 40.0])
def test_error_rates_of_two_endpoints_by_enumeration(odds_ratio: float) -> None:
    assert_probabilities(BryantDay(9, 3, 5, 15, 6, 10, Rates(0.3, 0.5, 0.6, 0.8, odds_ratio)))


@pytest.mark.parametrize("odds_ratio", [1.0, 3.0])
@pytest.mark.parametrize(("alpha_r", "alpha_t", "power"), [(0.15, 0.15, 0.8), (0.06, 0.3, 0.75)])
def test_the_search_for_two_endpoints_finds_what_trying_every_design_finds(
    alpha_r: float, alpha_t: float, power: float, odds_ratio: float
) -> None:
    rates, largest = Rates(0.2, 0.8, 0.3, 0.9, odds_ratio), 7
    by_world = [[counted(m, cells) for m in range(largest + 1)] for cells in worlds_of(rates)]
    tails = [[beyond(counts, m) for m, counts in enumerate(each)] for each in by_world]
    fits: dict[tuple[int, ...], float] = {}
    for n1, n2 in ((first, n - first) for n in range(2, largest + 1) for first in range(1, n)):
        for cr1, ct1 in itertools.product(range(n1), repeat=2):
            for cr, ct in itertools.product(range(cr1, n1 + n2), range(ct1, n1 + n2)):
                each = [
                    goes_on_and_recommends(counts[n1], tail[n2], (cr1, ct1), (cr, ct), n2)
                    for counts, tail in zip(by_world, tails, strict=True)
                ]
                if each[0][1] <= alpha_r and each[1][1] <= alpha_t and each[2][1] >= power:
                    fits[n1, cr1, ct1, n1 + n2, cr, ct] = n1 + n2 * max(each[0][0], each[1][0])
    design = bryant_day(rates, alpha_r, alpha_t, power, largest)
    assert design.en == pytest.approx(min(fits.values()), abs=1e-8)
    cr, ct = max(design.cr, design.cr1), max(design.ct, design.ct1)  # counts do not fall
    assert fits[design.n1, design.cr1, design.ct1, design.n, cr, ct] == pytest.approx(design.en, abs=1e-8)


@given(st.floats(0.02, 0.98), st.floats(0.02, 0.98), st.floats(-4.0, 4.0))
def test_joint_rates_have_their_margins_and_their_odds_ratio(
    response: float, freedom: float, log_odds_ratio: float
) -> None:
    assume(abs(log_odds_ratio) > 1e-3)
    cells = joint(response, freedom, math.exp(log_odds_ratio))
    assert (cells.sum(), cells[1].sum(), cells[:, 1].sum()) == pytest.approx((1.0, response, freedom), abs=1e-12)
    found = math.log(cells[1, 1] * cells[0, 0] / (cells[1, 0] * cells[0, 1]))
    assert found == pytest.approx(log_odds_ratio, abs=1e-8)
    assert joint(response, freedom, 1.0)[1, 1] == response * freedom


# Paths and toxicity boundaries.


@st.composite
def looks(draw: st.DrawFn) -> tuple[list[int], list[int], list[int]]:
    """Looks of up to 10 patients with a lower boundary, an upper one, and a decision at the last."""
    sizes = sorted(draw(st.sets(st.integers(1, 10), min_size=1, max_size=5)))
    lower = [draw(st.integers(-1, n)) for n in sizes]
    upper = [draw(st.integers(a + 1, n + 1)) for n, a in zip(sizes, lower, strict=True)]
    return sizes, lower, [*upper[:-1], lower[-1] + 1]


def walked(outcomes: Sequence[int], sizes: list[int], lower: list[int], upper: list[int]) -> tuple[int, bool]:
    """The look that stops a trial with these outcomes, and whether it stops it high."""
    for look, (n, a, b) in enumerate(zip(sizes, lower, upper, strict=True)):
        x = sum(outcomes[:n])
        if x <= a or x >= b:
            return look, x >= b
    raise AssertionError("the last look decides")


@given(looks(), st.floats(0.0, 1.0))
def test_paths_by_every_sequence_of_outcomes(boundaries: tuple[list[int], list[int], list[int]], rate: float) -> None:
    sizes = boundaries[0]
    stops = {(look, is_high): 0.0 for look in range(len(sizes)) for is_high in (False, True)}
    for outcomes in itertools.product((0, 1), repeat=sizes[-1]):
        x = sum(outcomes)
        stops[walked(outcomes, *boundaries)] += rate**x * (1.0 - rate) ** (sizes[-1] - x)
    found = paths(*boundaries, rate)
    assert found.stops_low == pytest.approx([stops[look, False] for look in range(len(sizes))], abs=1e-12)
    assert found.stops_high == pytest.approx([stops[look, True] for look in range(len(sizes))], abs=1e-12)
    expected_n = sum(sizes[look] * weight for (look, _), weight in stops.items())
    assert found.expected_n == pytest.approx(expected_n, abs=1e-10)
    assert found.rejects == pytest.approx(sum(w for (_, is_high), w in stops.items() if is_high), abs=1e-12)
    assert found.stops_early == pytest.approx(sum(w for (k, _), w in stops.items() if k < len(sizes) - 1), abs=1e-12)


def test_paths_are_the_shares_of_simulated_trials() -> None:
    boundaries = ([12, 20, 35, 50], [1, 4, 9, 15], [8, 10, 15, 16])
    found = paths(*boundaries, 0.28)
    trials = 100_000
    counts = np.random.default_rng(5).random((trials, 50)) < 0.28
    stopped, sizes = np.zeros(trials, dtype=bool), np.zeros(trials)
    for n, a, b, low, high in zip(*boundaries, found.stops_low, found.stops_high, strict=True):
        x = counts[:, :n].sum(axis=1)
        for is_there, probability in ((x <= a, low), (x >= b, high)):
            share = float(np.mean(is_there & ~stopped))
            assert abs(share - probability) < N_STANDARD_ERRORS * math.sqrt(probability * (1.0 - probability) / trials)
        sizes[~stopped & ((x <= a) | (x >= b))] = n
        stopped |= (x <= a) | (x >= b)
    assert abs(sizes.mean() - found.expected_n) < N_STANDARD_ERRORS * sizes.std() / math.sqrt(trials)


def boundary_of(row: Row) -> ToxicityBoundary:
    """A published boundary as one number for every patient, n + 1 where there is no look."""
    n = row["looks"][-1][1]
    if "after_each_from" not in row:
        at = {size: most + 1 for most, size in row["looks"]}
        return ToxicityBoundary(tuple(at.get(size, size + 1) for size in range(1, n + 1)), 0.2, "published")
    first = row["after_each_from"]
    most = [next(most for most, last in row["looks"] if size <= last) for size in range(first, n + 1)]
    return ToxicityBoundary((*range(2, first + 1), *(x + 1 for x in most)), 0.1, "published")


@rows("toxicity")
def test_published_operating_characteristics_of_toxicity_boundaries(row: Row) -> None:
    boundary = boundary_of(row)
    for rate, crosses, stops_early, expected_n in row["oc"]:
        found = boundary.at(rate)
        assert found.rejects == pytest.approx(crosses, abs=half_a_unit(3))
        assert found.stops_early == pytest.approx(stops_early, abs=half_a_unit(3))
        assert found.expected_n == pytest.approx(expected_n, abs=half_a_unit(1))


def posterior_above(rate: float, a: float, b: float) -> float:
    """P(toxicity > rate) of a beta(a, b), by integration of its density."""
    above = integrate.quad(lambda p: p ** (a - 1.0), rate, 1.0, weight="alg", wvar=(0.0, b - 1.0))[0]
    below = integrate.quad(lambda p: (1.0 - p) ** (b - 1.0), 0.0, rate, weight="alg", wvar=(a - 1.0, 0.0))[0]
    return float(above / (above + below))


@pytest.mark.parametrize(
    ("n", "rate", "certainty", "prior", "first"),
    [(20, 0.3, 0.9, (1.0, 1.0), 1), (15, 0.2, 0.95, (0.4, 1.6), 3), (12, 0.1, 0.8, (0.5, 0.5), 1)],
)
def test_bayesian_boundaries_by_integration(
    n: int, rate: float, certainty: float, prior: tuple[float, float], first: int
) -> None:
    boundary = bayesian_boundary(n, rate, certainty, prior, first)
    for size, found in enumerate(boundary.at_least, start=1):
        sure = [posterior_above(rate, prior[0] + x, prior[1] + size - x) >= certainty for x in range(size + 1)]
        assert found == (sure.index(True) if any(sure) and size >= first else size + 1)


def nominal_boundary(n: int, rate: float, nominal: float, first: int) -> tuple[int, ...]:
    def fewest(size: int) -> int:
        if size < first:
            return size + 1
        return next(x for x in range(size + 2) if at_least(size, x, rate) <= nominal * (1.0 + 1e-12))

    return tuple(fewest(size) for size in range(1, n + 1))


def ever_stops(stop_at: tuple[int, ...], rate: float) -> float:
    """The probability that a count ever reaches its boundary, patient by patient."""
    alive, stopped = {0: 1.0}, 0.0
    for boundary in stop_at:
        after: dict[int, float] = {}
        for x, weight in alive.items():
            for y, share in ((x, 1.0 - rate), (x + 1, rate)):
                if y >= boundary:
                    stopped += weight * share
                else:
                    after[y] = after.get(y, 0.0) + weight * share
        alive = after
    return stopped


@settings(max_examples=40)
@given(st.integers(1, 25), st.floats(0.05, 0.6), st.floats(0.01, 0.4), st.integers(1, 4))
def test_exact_boundaries_have_the_largest_nominal_level(n: int, rate: float, alpha: float, first: int) -> None:
    boundary = exact_boundary(n, rate, alpha, first)
    overall = ever_stops(boundary.at_least, rate)
    assert boundary.at(rate).rejects == pytest.approx(overall, abs=1e-12)
    assert overall <= alpha + ROUNDING
    tried = {at_least(size, x, rate) for size in range(first, n + 1) for x in range(1, size + 1)}
    own = {at_least(size, x, rate) for size, x in enumerate(boundary.at_least, start=1) if x <= size}
    nominal = max(own, default=0.0)
    assert boundary.at_least == nominal_boundary(n, rate, nominal, first)  # one level for every look
    larger = [level for level in tried if level > nominal * (1.0 + 1e-9)]
    if larger:
        assert ever_stops(nominal_boundary(n, rate, min(larger), first), rate) > alpha - ROUNDING


# What other tests hold as properties, at published statistics.


@rows("selection")
def test_patients_per_arm_that_select_the_best(row: Row) -> None:
    for n, is_enough in ((row["n"], True), (row["n"] - 1, False)):
        worse, best = binomial(n, row["p"]), binomial(n, row["p"] + row["difference"])
        others, wins = row["arms"] - 1, 0.0
        for x in range(n + 1):
            fewer, equal = math.fsum(worse[:x]), worse[x]
            ties = (math.comb(others, k) * equal**k * fewer ** (others - k) / (k + 1) for k in range(others + 1))
            wins += best[x] * math.fsum(ties)
        assert (wins >= 0.9) == is_enough
        rates = [row["p"]] * others + [row["p"] + row["difference"]]
        assert selection_probabilities(n, rates)[-1] == pytest.approx(wins, abs=1e-10)


@rows("schoenfeld")
def test_events_of_schoenfeld(row: Row) -> None:
    found = schoenfeld_events(row["hr"], row["alpha"], row["power"], sides=row["sides"])
    if isinstance(row["events"], int):
        assert math.ceil(found) == row["events"]
    else:
        assert found == pytest.approx(row["events"], abs=half_a_unit(4))
        power = schoenfeld_power(row["events"], row["hr"], row["alpha"], sides=row["sides"])
        assert power == pytest.approx(row["power"], abs=half_a_unit(7))


@rows("lachin_foulkes")
def test_patients_of_lachin_and_foulkes(row: Row) -> None:
    ratio = row["experimental"] / row["control"]
    arms = Arms(row["control"], ratio, row["accrual"], 1.0, row["dropout"], row["dropout"])
    n = patients_for(lambda n: lachin_foulkes_power(arms, row["total"], n, 0.025, scale=row["scale"]), 0.9)
    assert 2 * math.ceil(n / 2.0) == row["n"]
    assert math.ceil(float(expected_events(arms, n, row["total"]))) == row["events"]


SPENDING: dict[str, Spending] = {"obrien-fleming spending": ObrienFleming(), "pocock spending": Pocock()}


@rows("bounds")
def test_published_bounds(row: Row) -> None:
    k = len(row["z"])
    times = np.arange(1, k + 1) / k
    if row["family"] in SPENDING:
        found = efficacy_bounds(times, row["alpha"], SPENDING[row["family"]])
        np.testing.assert_allclose(found, row["z"], rtol=0, atol=1.2e-4)  # one unit of the fourth digit
    else:
        crossed = crossing_probabilities(times, row["z"])[0].sum()
        assert crossed == pytest.approx(row["alpha"], abs=5e-5)  # constants of three digits


@rows("two_proportions")
def test_published_powers_of_two_proportions(row: Row) -> None:
    n_control, n_experimental = row["n"]
    region = rejection_region(n_control, n_experimental, row["alpha"], row["sides"], row["test"])
    accuracy = 0.000501 if "two-sample" in row["source"] else 5.1e-8
    assert reject_probability(region, *row["p"]) == pytest.approx(row["power"], abs=accuracy)


@rows("intervals")
def test_published_intervals(row: Row) -> None:
    lower, upper = limits(row["n"], row["confidence"], row["method"])
    accuracy = 5.1e-5 if "Newcombe" in row["source"] else 5.1e-8
    assert (lower[row["x"]], upper[row["x"]]) == pytest.approx((row["low"], row["high"]), abs=accuracy)


# What cannot be answered.


@pytest.mark.parametrize("search", [single_stage, ahern, simon_designs])
@pytest.mark.parametrize(
    ("question", "message"),
    [
        ((0.3, 0.3, 0.05, 0.8), "p1 > p0"),
        ((0.3, 0.2, 0.05, 0.8), "p1 > p0"),
        ((0.0, 0.2, 0.05, 0.8), "0 < p0 < p1 < 1"),
        ((0.3, 1.0, 0.05, 0.8), "0 < p0 < p1 < 1"),
        ((0.3, 0.5, 0.0, 0.8), "0 < alpha < 1"),
        ((0.3, 0.5, 1.0, 0.8), "0 < alpha < 1"),
        ((0.3, 0.5, math.nan, 0.8), "0 < alpha < 1"),
        ((0.3, 0.5, 0.05, 1.0), "0 < power < 1"),
        ((0.3, 0.5, 0.05, 0.05), "above alpha = 0.05"),
    ],
)
def test_wrong_questions_are_refused(search: Any, question: tuple[float, float, float, float], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        search(*question)


@pytest.mark.parametrize("search", [single_stage, ahern])
def test_a_limit_that_is_too_small_is_refused_with_a_size_that_does(search: Any) -> None:
    enough = single_stage(0.1, 0.2, 0.05, 0.8)
    assert isinstance(enough, SingleStage)
    with pytest.raises(RequestError, match=rf"n <= 50 has power 0\.8(.|\n)*n = {enough.n} reaches it"):
        search(0.1, 0.2, 0.05, 0.8, largest=50)


def test_two_stages_beyond_the_limit_are_refused_with_sizes_that_do() -> None:
    one = single_stage(0.1, 0.3, 0.05, 0.8).n
    feasible = math.ceil(1.3 * one)
    with pytest.raises(RequestError, match=rf"n <= 15 (.|\n)*n up to about {feasible} \(one stage takes {one}\)"):
        simon_designs(0.1, 0.3, 0.05, 0.8, largest=15)
    assert simon_designs(0.1, 0.3, 0.05, 0.8, largest=feasible)


@pytest.mark.parametrize(
    ("rates", "errors", "message"),
    [
        (Rates(0.5, 0.3, 0.6, 0.8), (0.1, 0.1, 0.8), "p1 > p0"),
        (Rates(0.3, 0.5, 0.8, 0.8), (0.1, 0.1, 0.8), "p1 > p0"),
        (Rates(0.3, 0.5, 0.6, 0.8), (0.0, 0.1, 0.8), "0 < alpha < 1"),
        (Rates(0.3, 0.5, 0.6, 0.8), (0.1, 1.0, 0.8), "0 < alpha < 1"),
        (Rates(0.3, 0.5, 0.6, 0.8), (0.1, 0.1, 1.0), "0 < power < 1"),
        (Rates(0.3, 0.5, 0.6, 0.8, 0.0), (0.1, 0.1, 0.8), "odds_ratio = 0"),
        (Rates(0.3, 0.5, 0.6, 0.8, math.inf), (0.1, 0.1, 0.8), "odds_ratio = inf"),
        (Rates(0.3, 0.5, 0.6, 0.8), (0.15, 0.15, 0.85), "n <= 12 has levels 0.15 and 0.15"),
    ],
)
def test_wrong_questions_of_two_endpoints_are_refused(
    rates: Rates, errors: tuple[float, float, float], message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        bryant_day(rates, *errors, largest=12)


def test_wrong_boundaries_are_refused() -> None:
    with pytest.raises(RequestError, match="0 < rate < 1"):
        bayesian_boundary(10, 0.0, 0.9)
    with pytest.raises(RequestError, match="0 < certainty < 1"):
        bayesian_boundary(10, 0.3, 1.0)
    with pytest.raises(RequestError, match="not a beta distribution"):
        bayesian_boundary(10, 0.3, 0.9, (0.0, 1.0))
    with pytest.raises(RequestError, match="0 < rate < 1"):
        exact_boundary(10, 1.0, 0.1)
    for alpha in (0.0, 1.0):
        with pytest.raises(RequestError):
            exact_boundary(10, 0.3, alpha)
    with pytest.raises(RequestError, match="rising"):
        paths([10, 10], [1, 3], [11, 4], 0.3)


@pytest.mark.parametrize("rate", [0.0, 5e-324, 1e-308, 1e-290, 1.0 - 1e-16, 1.0])
def test_paths_of_extreme_rates_are_those_of_the_nearest_end(rate: float) -> None:
    nearest = round(rate)
    assert paths([2, 5], [0, 1], [3, 6], rate).stops_low == pytest.approx(
        paths([2, 5], [0, 1], [3, 6], nearest).stops_low
    )
