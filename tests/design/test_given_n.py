"""A study that gives n: the power of so many patients, exact where the design is, and no search."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from scipy import stats

import trialsim as ts
from trialsim.config.loading.size_studies import load_sizing
from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.base import ALTERNATIVE, NULL, PlannedDesign, Rates
from trialsim.design.counts import CountDesign
from trialsim.design.preparation import prepare_study
from trialsim.design.registry import design_of
from trialsim.design.theory.single_stage import ROUNDED
from trialsim.design.theory.time_to_event import Arms, lachin_foulkes_power
from trialsim.design.time_to_event.planned import Events
from trialsim.errors import RequestError
from trialsim.simulation.engine import BATCH
from trialsim.workflows.check import check

RESPONSE = {"of": "partial response", "within": "6 months"}
BASE: dict[str, Any] = {"study": "size", "title": "a study", "scenario": "followup", "endpoint": RESPONSE}
ONE: dict[str, Any] = {**BASE, "design": "single-stage", "null": 0.30, "alternative": 0.45}
TWO: dict[str, Any] = {**BASE, "design": "two-arm", "rates": {"a": 0.2, "b": 0.4}}
TIMES: dict[str, Any] = {
    **BASE, "endpoint": "progression-free", "design": "logrank", "medians": {"a": "6 months", "b": "10 months"},
}  # fmt: skip
REFERENCE: dict[str, Any] = {
    **BASE, "endpoint": "progression-free", "design": "one-sample-logrank", "reference": {"median": "4 months"},
    "alternative": 0.6,
}  # fmt: skip
PUBLISHED: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    (Path(__file__).parents[1] / "published" / "designs.yaml").read_text(encoding="utf-8")
)


def planned(base: dict[str, Any], *rates: float, better: str = "higher", **more: Any) -> CountDesign:
    own = SizeStudy.model_validate({**base, **more})
    found = design_of(own).build(own, Rates(rates, None, tuple(own.variants), better))
    assert isinstance(found, CountDesign)
    return found


def of_events(base: dict[str, Any], ratio: float, events: float, months: float, **more: Any) -> PlannedDesign:
    """The design of a study of times, with so many events and months of accrual whatever the n."""
    own = SizeStudy.model_validate({**base, **more})
    names = tuple(own.variants) or ("all",)
    assumed = Events(names, ratio, lambda n: events, lambda n: months, 0.1, 0.01, tuple(range(len(names))))
    return design_of(own).build(own, assumed)


def rejections(n: int, p: Fraction, alpha: Fraction, null: Fraction) -> tuple[int, float]:
    """The critical number of an exact test and its probability of more responses, in rational arithmetic."""

    def more_than(r: int, rate: Fraction) -> Fraction:
        return sum((math.comb(n, x) * rate**x * (1 - rate) ** (n - x) for x in range(r + 1, n + 1)), Fraction(0))

    r = next(r for r in range(n + 1) if more_than(r, null) <= alpha)
    return r, float(more_than(r, p))


@pytest.mark.parametrize("design", ["single-stage", "ahern"])
@pytest.mark.parametrize(("n", "null", "rate"), [(60, "0.30", "0.45"), (58, "0.30", "0.45"), (25, "0.1", "0.3")])
def test_one_stage_has_the_exact_level_and_power_of_its_n(design: str, n: int, null: str, rate: str) -> None:
    plan = planned(ONE, float(rate), design=design, n=n, null=float(null), alternative=float(rate))
    r, power = rejections(n, Fraction(rate), Fraction(1, 20), Fraction(null))
    assert plan.numbers["n"] == n
    assert plan.numbers["r"] == r
    assert plan.numbers["power"] == pytest.approx(power, rel=1e-12)
    assert plan.numbers["alpha"] == pytest.approx(rejections(n, Fraction(null), Fraction(1, 20), Fraction(null))[1])
    assert "stays_n" not in plan.numbers


def test_sixty_patients_of_the_guide() -> None:
    at = planned(ONE, 0.45, n=60).numbers
    assert (at["r"], round(at["alpha"], 4), round(at["power"], 4)) == (24, 0.0362, 0.7408)
    assert at["power"] < planned(ONE, 0.45, n=58).numbers["power"]  # the saw-tooth


@pytest.mark.parametrize("row", PUBLISHED["ahern"], ids=lambda row: f"{row['p0']} v {row['p1']}, {row['n']}")
def test_a_published_n_has_its_published_critical_number(row: dict[str, Any]) -> None:
    at = planned(ONE, row["p1"], design="ahern", n=row["n"], null=row["p0"], alpha=row["alpha"]).numbers
    assert at["r"] + 1 == row["at_least"]
    assert at["alpha"] <= row["alpha"]
    assert at["power"] >= row["power"] - ROUNDED  # his tables round


@pytest.mark.parametrize("row", PUBLISHED["two_proportions"][:6], ids=lambda row: f"{row['test']} {row['n']}")
def test_two_arms_of_a_published_size_have_their_published_power(row: dict[str, Any]) -> None:
    n, ratio = sum(row["n"]), row["n"][1] // row["n"][0]
    rates = dict(zip("ab", row["p"], strict=True))
    more: dict[str, Any] = {"test": row["test"], "sides": row["sides"], "alpha": row["alpha"]}
    plan = planned(TWO, *row["p"], n=n, rates=rates, allocation={"ratio": {"b": ratio}}, **more)
    assert [plan.numbers[f"n_{arm}"] for arm in ("control", "experimental")] == row["n"]
    assert plan.numbers["power"] == pytest.approx(row["power"], abs=0.51e-7)


@pytest.mark.parametrize("sides", [1, 2])
def test_fisher_of_a_given_n_rejects_the_tables_that_scipy_rejects(sides: int) -> None:
    n0, n1 = 14, 28
    plan = planned(TWO, 0.3, 0.6, n=42, test="fisher", sides=sides, allocation={"ratio": {"b": 2}})
    power = 0.0
    for x, y in itertools.product(range(n0 + 1), range(n1 + 1)):
        p = stats.fisher_exact(np.array([[y, n1 - y], [x, n0 - x]]), "greater" if sides == 1 else "two-sided").pvalue
        power += float(stats.binom.pmf(x, n0, 0.3) * stats.binom.pmf(y, n1, 0.6)) * (p <= 0.05)
    assert plan.numbers["power"] == pytest.approx(power, rel=1e-9)


def test_selection_of_a_given_n_is_right_as_often_as_two_binomials_say() -> None:
    plan = planned(TWO, 0.2, 0.35, n=58, design="selection")
    x = np.arange(30)
    first, second = (stats.binom.pmf(x, 29, p) for p in (0.2, 0.35))
    right = float((second * (np.cumsum(first) - first + first / 2.0)).sum())
    assert plan.numbers["n_per_arm"] == 29
    assert plan.numbers["power"] == pytest.approx(right, rel=1e-10)


def test_an_interval_of_a_given_n_is_narrow_as_often_as_scipys_are() -> None:
    plan = planned({**BASE, "design": "precision"}, 0.3, n=70, half_width=0.11)
    narrow = 0.0
    for x in range(71):
        ends = stats.binomtest(x, 70).proportion_ci(0.95, "exact")
        is_narrow = (ends.high - ends.low) / 2.0 <= 0.11
        narrow += float(stats.binom.pmf(x, 70, 0.3)) * is_narrow
    assert plan.numbers["power"] == pytest.approx(narrow, rel=1e-9)


@pytest.mark.parametrize("row", PUBLISHED["schoenfeld"][3:], ids=lambda row: f"{row['events']} events")
def test_so_many_events_have_their_published_power(row: dict[str, Any]) -> None:
    plan = of_events(TIMES, row["hr"], row["events"], 12.0, n=200, alpha=row["alpha"])
    assert plan.numbers["power"] == pytest.approx(row["power"], abs=0.51e-7)
    assert plan.numbers["lachin_foulkes_power"] == pytest.approx(
        lachin_foulkes_power(Arms(0.1, row["hr"], 12.0, 1.0, 0.01, 0.01), 24.0, 200, row["alpha"])
    )
    assert not {"schoenfeld_events", "lachin_foulkes_n", "target"} & set(plan.numbers)
    assert "the power with one look is" in plan.describe(lambda endpoint: "progression")[0]


SEARCHED: dict[str, tuple[dict[str, Any], tuple[float, ...]]] = {
    "single stage": (ONE, (0.45,)),
    "precision": ({**BASE, "design": "precision", "half_width": 0.12}, (0.3,)),
    "boschloo": (TWO, (0.2, 0.5)),
    "fisher, two-sided": ({**TWO, "test": "fisher", "sides": 2, "two_sided": "doubled"}, (0.2, 0.5)),
    "boschloo, 1 : 2": ({**TWO, "allocation": {"ratio": {"b": 2}}}, (0.3, 0.5)),
    "chi-square, 2 : 1": ({**TWO, "test": "chi-square", "allocation": {"ratio": {"a": 2}}}, (0.1, 0.5)),
    "looks": ({**TWO, "looks": {"at": [0.4, 1.0], "futility": {"spending": "pocock"}}}, (0.2, 0.5)),
    "exact looks": ({**TWO, "looks": {"at": [0.5, 1.0], "boundary": "exact"}, "alpha": 0.1}, (0.1, 0.45)),
    "selection": ({**TWO, "design": "selection"}, (0.2, 0.35)),
}


@pytest.mark.parametrize("name", list(SEARCHED))
def test_the_n_that_a_search_finds_has_the_same_numbers_when_it_is_given(name: str) -> None:
    base, rates = SEARCHED[name]
    found = planned(base, *rates)
    given = planned(base, *rates, n=found.n)
    of_a_search = {"stays_n", "approximations", "inflation"}
    assert given.numbers == {key: value for key, value in found.numbers.items() if key in given.numbers}
    assert set(found.numbers) - set(given.numbers) <= of_a_search
    assert given.exact[NULL if NULL in given.exact else ALTERNATIVE].rejects <= 1.0
    assert given.exact[ALTERNATIVE].rejects == found.exact[ALTERNATIVE].rejects


def test_a_one_sample_test_of_a_given_n_is_that_of_a_search() -> None:
    searched, given = (of_events(REFERENCE, 0.6, 30.0, 10.0, **more) for more in ({}, {"n": 45}))
    assert given.n == 45
    expected = searched.at(45).operating_characteristics(ALTERNATIVE)
    found = given.operating_characteristics(ALTERNATIVE)
    assert found is not None
    assert expected is not None
    assert found.rejects == expected.rejects
    assert "by the one-sample log-rank test. 45 patients are treated, and" in given.describe(lambda _: "x")[0]


def test_a_wald_test_of_a_given_n_has_arms_in_their_ratio() -> None:
    """And nothing is searched."""
    study: dict[str, Any] = {
        **BASE, "design": "two-arm", "test": "wald", "endpoint": "any severe toxicity", "alternative": "modelled",
        "variants": {"a": {}, "low": {"treatment.levels": [100]}}, "allocation": {"ratio": {"a": 2}}, "n": 90,
        "changes": {"parameters": "mode"},
    }  # fmt: skip
    ready = prepare_study(load_sizing(study), BATCH, 1, 100)
    assert [ready.numbers[key] for key in ("n", "n_control", "n_experimental")] == [90, 60, 30]
    assert not ready.is_searched
    rows = ready.trial().rows(ready.setting(ALTERNATIVE, ready.n), 1, 1, 20)
    assert np.abs(rows["n_0"] - 60.0).max() <= 2  # blocks of each stratum end somewhere


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "too many for two stages": ({**ONE, "design": "simon-optimal", "n": 700}, "a search so far would not end"),
    "fleming": ({**ONE, "design": "fleming", "stages": {"first": 20, "all": 60}}, "or from `stages`"),
    "above the limit": ({**ONE, "largest_n": 50}, "60 patients are more than `largest_n` = 50"),
    "half a turn": ({**TWO, "n": 61}, "61 patients cannot be allocated 1 : 1: each turn takes 2"),
    "part of a turn": ({**TIMES, "allocation": {"ratio": {"b": 2}}, "n": 61}, "Allowed: 60 or 63"),
    "less than a turn": ({**TWO, "allocation": {"ratio": {"b": 9}}, "n": 3}, "Allowed: 10."),
    "no evidence": ({**ONE, "null": 0.5, "alternative": 0.9, "n": 4}, "Allowed: n from 5"),
    "looks": ({**TWO, "looks": {"at": [0.1, 0.2, 1.0]}, "n": 6, "alpha": 0.2}, "which do not rise"),
    "too many": ({**TWO, "n": 4400}, "no exact values of so many patients"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_cannot_be_had_is_refused_with_its_line(tmp_path: Path, name: str) -> None:
    data, message = REFUSED[name]
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump({"n": 60, **data}, sort_keys=False), encoding="utf-8")
    line = path.read_text(encoding="utf-8").splitlines().index(f"n: {data.get('n', 60)}") + 1
    with pytest.raises(ts.ConfigurationError) as raised:
        check([str(path)])
    text = str(raised.value)
    assert message in text
    assert f"study.yaml:{line}  n" in text


@pytest.mark.parametrize(("base", "n"), [(TIMES, 18), (REFERENCE, 4)])
def test_few_patients_with_times_are_refused(base: dict[str, Any], n: int) -> None:
    with pytest.raises(RequestError, match="no approximation"):
        of_events(base, 0.6, 5.0, 2.0, n=n)


def test_a_limit_is_no_question_where_n_is_within_it() -> None:
    assert planned(ONE, 0.45, n=60, largest_n=60, power=0.9).numbers["n"] == 60
    assert planned(ONE, 0.45, n=500).numbers["n"] == 500  # the default limit is none that anyone wrote


@pytest.mark.parametrize(
    ("base", "rates", "n"),
    [
        (ONE, (0.45,), 40),
        (TWO, (0.2, 0.25), 40),
        ({**TWO, "allocation": {"ratio": {"b": 2}}}, (0.2, 0.25), 39),
        ({**TWO, "looks": {"at": [0.5, 1.0]}}, (0.2, 0.25), 40),
        ({**TWO, "design": "selection"}, (0.2, 0.21), 40),
        ({**BASE, "design": "precision", "half_width": 0.05}, (0.5,), 40),
    ],
    ids=["one arm", "two arms", "two to one", "looks", "selection", "precision"],
)
def test_a_search_without_an_end_points_to_n(base: dict[str, Any], rates: tuple[float, ...], n: int) -> None:
    with pytest.raises(RequestError, match=f"`n: {n}` asks for the power of so many patients instead"):
        planned(base, *rates, largest_n=40)


def test_events_that_do_not_come_point_to_n() -> None:
    with pytest.raises(RequestError, match="`n: 40` asks for the power"):
        of_events(TIMES, 0.8, 30.0, 12.0, largest_n=40)


def test_check_says_the_exact_power_and_that_nothing_is_searched() -> None:
    text = check([ONE | {"n": 60}])[0]
    assert "n is given: the power of 60 patients is asked for. No n is searched, and `power` is not used" in text
    assert "With 60 patients the power is 0.7408 (exact)" in text
    assert "DESIGN single-stage, 60 patients" in text
    looks = {"at": [0.5, 1.0], "futility": {"spending": "pocock"}}
    with_looks = " ".join(check([TWO | {"n": 60, "looks": looks}])[0].split())
    assert "No n is searched, and `power`, 0.8, only says which beta the looks spend" in with_looks


def test_a_given_n_is_written_to_the_resolved_study_and_read_again() -> None:
    sizing = load_sizing(ONE | {"n": 60})
    again = load_sizing(sizing.to_mapping())
    assert again.study == sizing.study
    assert replace(again, places={}).to_mapping() == sizing.to_mapping()
    assert "n" not in load_sizing(ONE).to_mapping()["study"]


def test_the_example_of_the_guide_has_the_numbers_of_the_guide(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "guide" / "size.md").read_text(encoding="utf-8")
    one, two, _ = (block.partition("```")[0] for block in page.partition("## 4.")[2].split("```yaml\n")[1:4])
    path = tmp_path / "one.yaml"
    path.write_text(one, encoding="utf-8")
    text = check([str(path)])[0]
    assert page.count("With 60 patients the power is 0.7408 (exact)") == text.count("power is 0.7408 (exact)") == 1
    at = planned(yaml.safe_load(two), 0.3, 0.5).numbers
    assert [at[key] for key in ("n", "n_control", "n_experimental")] == [167, 56, 111]
