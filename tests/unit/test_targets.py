"""Published statistics become terms of a likelihood; written down here a second time from the abstract."""

from __future__ import annotations

from typing import Any

import pytest

import trialsim as ts
from trialsim.calibration.targets import RESPONDERS, Categories, Median, Share, Term, terms_of
from trialsim.config import protocol_of
from trialsim.errors import ConfigurationError
from trialsim.records.outcomes import columns_of


def terms(scenario: ts.Scenario, left_out: str = "") -> dict[str, Term]:
    columns = tuple(column.name for column in columns_of(protocol_of(scenario)))
    return {term.quantities[0]: term for term in terms_of(scenario, scenario.published_statistics, columns, left_out)}


def test_the_abstract_is_nine_terms(tosi2000: ts.Scenario) -> None:
    found = terms(tosi2000)
    shares = {name: (term.k, term.n) for name, term in found.items() if isinstance(term, Share)}
    assert shares == {
        "enrolled": (27, 27), "toxicity.constipation": (11, 27), "toxicity.lethargy": (7, 27),
        "toxicity.rash": (5, 27), "evaluable": (20, 27),
    }  # fmt: skip
    groups = {name: (term.counts, term.n) for name, term in found.items() if isinstance(term, Categories)}
    assert groups == {"response.partial": ((5, 4), 20), "responders.progression_free": ((4, 4, 1), 9)}
    medians = {name: term for name, term in found.items() if isinstance(term, Median)}
    edges = {name: sorted({cell.edge for cell in term.cells}) for name, term in medians.items()}  # type: ignore[union-attr]
    assert edges == {"dose.median": [350, 450], "follow_up.median": [4.5 * 30.4375, 5.5 * 30.4375]}
    assert all((term.n, term.n_evaluable) == (27, 20) for term in medians.values())


def test_interpretations_change_the_terms(tosi2000: ts.Scenario) -> None:
    found = terms(
        tosi2000.with_changes(
            {"interpretations.toxicity_denominators": "of 15", "interpretations.follow_up": "responders"}
        )
    )
    assert (found["toxicity.rash"].k, found["toxicity.rash"].n) == (3, 15)  # type: ignore[union-attr]
    follow_up = found["follow_up.median"]
    assert isinstance(follow_up, Median)
    assert (follow_up.n, follow_up.n_evaluable) == (9, None)


def test_a_figure_left_out_is_not_told_by_the_rest_of_its_group(tosi2000: ts.Scenario) -> None:
    assert "dose.median" not in terms(tosi2000, "dose.median")
    responses = terms(tosi2000, "response.partial")["response.minor"]
    assert isinstance(responses, Categories)
    assert (responses.counts, responses.n) == ((4,), 20)
    fates = terms(tosi2000, "responders.progression_free")["responders.relapsed"]
    assert isinstance(fates, Categories)
    assert (fates.counts, fates.n) == ((4, 1), 5)
    without = terms(tosi2000, "evaluable")
    assert "evaluable" not in without
    assert without["dose.median"].n_evaluable is None  # type: ignore[union-attr]


def with_cohort(tosi2000: ts.Scenario, changed: dict[str, Any]) -> ts.Scenario:
    cohort = tosi2000.to_mapping()["cohort"]
    interpretations = {f"cohort.ambiguities.{name}": None for name in cohort["ambiguities"]}
    return tosi2000.with_changes({**interpretations, "cohort.statistics": changed, "interpretations": None})


def proportion(count: int, of: int) -> dict[str, Any]:
    return {"kind": "proportion", "printed": f"{count} of {of}", "count": count, "of": of, "source": "invented"}


def test_any_response_beside_partial_ones_leaves_the_minor_ones(tosi2000: ts.Scenario) -> None:
    scenario = with_cohort(tosi2000, {"response.minor": None, "response.any": proportion(9, 20)})
    found = terms(scenario)["response.partial"]
    assert isinstance(found, Categories)
    assert (found.counts, found.n) == ((5, 4), 20)


@pytest.mark.parametrize(
    ("published", "left_out", "cells", "counts", "n"),
    [
        ({"response.any": 9, "response.partial": 5}, "response.partial", [RESPONDERS], (9,), 20),
        ({"response.any": 9, "response.partial": 5}, "response.any", ["n_partial"], (5,), 20),
        ({"response.any": 9, "response.partial": 5, "response.minor": 4}, "response.minor", [RESPONDERS], (9,), 20),
        ({"response.partial": 5, "response.minor": 15}, "response.minor", ["n_partial"], (5,), 20),
    ],
)  # fmt: skip
def test_any_response_does_not_tell_the_kind_that_is_left_out(
    tosi2000: ts.Scenario, published: dict[str, int], left_out: str, cells: list[str], counts: tuple[int, ...], n: int
) -> None:
    changed: dict[str, Any] = {"response.partial": None, "response.minor": None}
    changed |= {name: proportion(count, 20) for name, count in published.items()}
    found = [
        term for term in terms(with_cohort(tosi2000, changed), left_out).values() if "response" in term.quantities[0]
    ]
    assert len(found) == 1
    term = found[0]
    assert isinstance(term, Categories)
    assert [cell.column for cell in term.cells] == cells  # type: ignore[union-attr]
    assert (term.counts, term.n) == (counts, n)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"response.any": proportion(8, 20)}, "do not add up"),
        ({"response.minor": proportion(4, 19)}, "different numbers of patients"),
        ({"response.minor": proportion(16, 20)}, "together more than 20"),
    ],
)  # fmt: skip
def test_figures_that_cannot_be_targets_are_refused(
    tosi2000: ts.Scenario, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        terms(with_cohort(tosi2000, changed))


def graded(tosi2000: ts.Scenario, **counts: int) -> ts.Scenario:
    """Constipation with two grades as its parts, and a cohort that published so many of 27 of each."""
    parts = {
        name: {"kind": "toxicity", "part_of": "constipation", "share": share}
        for name, share in (("grade III", 0.5), ("grade IV", 0.2))
    }
    statistics = {
        f"toxicity.{name}": {"kind": "proportion", "printed": f"{k} of 27", "count": k, "of": 27, "source": "invented"}
        for name, k in counts.items()
    }
    cohort = {"name": "graded", "title": "Grades", "citation": "nobody", "facts": {}, "statistics": statistics}
    changes = {f"events.{name}": part for name, part in parts.items()}
    parameters = {"use": "mode", "calibrated_to": "tosi2000"}
    return tosi2000.with_changes({**changes, "interpretations": None, "cohort": cohort, "parameters": parameters})


def test_a_grade_is_taken_among_those_with_the_next_lower_one(tosi2000: ts.Scenario) -> None:
    """11 of 27 had it, 6 of these grade III or worse, 2 of these grade IV: nobody is counted twice."""
    scenario = graded(tosi2000, **{"constipation": 11, "grade III": 6, "grade IV": 2, "rash": 5})

    def shares(left_out: str = "") -> dict[str, tuple[int, int]]:
        found = terms(scenario, left_out)
        counted = {name: (term.k, term.n) for name, term in found.items() if isinstance(term, Share)}
        return {name: pair for name, pair in counted.items() if name.startswith("toxicity.") and "lethargy" not in name}

    assert shares() == {
        "toxicity.constipation": (11, 27), "toxicity.grade III": (6, 11), "toxicity.grade IV": (2, 6),
        "toxicity.rash": (5, 27),
    }  # fmt: skip
    assert shares("toxicity.grade III")["toxicity.grade IV"] == (2, 11)
    assert shares("toxicity.constipation")["toxicity.grade III"] == (6, 27)
