"""Designs beside those of rpact: the numbers that `verification/rpact.R` prints, with the version of rpact in them."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trialsim as ts
from trialsim.config.schema.size_study import Looks
from trialsim.design.theory.proportions import approximate_n
from trialsim.design.theory.score import approximate_n_for_margin
from trialsim.design.two_arms.boundaries import bounds_of

TABLE = Path(__file__).parents[1] / "published" / "rpact.csv"
ACCURACY = 2e-6  # of rpact's boundaries, whose integration has a tolerance of 1e-6
RELATIVE = 1e-5  # of events that follow from them
CLOSE = 1e-7  # of patients before they are rounded up


def rows(kind: str) -> list[tuple[dict[str, Any], list[float]]]:
    """What was asked of rpact and what it gave."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()[1:]
    found = [row for row in csv.DictReader(lines) if row["kind"] == kind]
    return [(dict(map(_pair, row["asked"].split(";"))), list(map(float, row["found"].split()))) for row in found]


def _pair(text: str) -> tuple[str, Any]:
    key, _, value = text.partition("=")
    if key == "spending":
        return key, value
    numbers = [float(part) for part in value.split()]
    return key, numbers[0] if len(numbers) == 1 else numbers


def differing(
    kind: str, differs: Callable[[dict[str, Any], list[float]], bool], fewest: int = 24
) -> list[dict[str, Any]]:
    """The questions to which the answers differ."""
    asked = rows(kind)
    assert len(asked) >= fewest
    return [question for question, answer in asked if differs(question, answer)]


def test_boundaries_of_eight_families() -> None:
    def differs(asked: dict[str, Any], found: list[float]) -> bool:
        looks = Looks.model_validate({"at": asked["looks"], "spending": asked["spending"]})
        upper, _ = bounds_of(looks, asked["alpha"], 0.8, 1)
        return not np.allclose(upper, found, rtol=0.0, atol=5.0 * ACCURACY)

    assert differing("bounds", differs) == []


def test_events_and_patients_of_survival_trials() -> None:
    """Patients are whole turns of the allocation here: the first number of them that is not below rpact's."""

    def differs(asked: dict[str, Any], found: list[float]) -> bool:
        looks = int(asked.pop("looks"))
        design = ts.design.logrank(**asked, looks=looks)
        numbers, turn = design.numbers, design.planned.step
        events = numbers["schoenfeld_events"] * numbers["inflation"]
        patients = turn * math.ceil(found[1] / turn * (1.0 - CLOSE))
        return not math.isclose(events, found[0], rel_tol=RELATIVE) or numbers["n"] != patients

    assert differing("survival size", differs) == []


def test_events_and_patients_of_survival_trials_with_a_margin() -> None:
    def differs(asked: dict[str, Any], found: list[float]) -> bool:
        looks = int(asked.pop("looks"))
        design = ts.design.non_inferiority_survival(**asked, looks=looks)
        numbers, turn = design.numbers, design.planned.step
        events = numbers["schoenfeld_events"] * numbers["inflation"]
        patients = turn * math.ceil(found[1] / turn * (1.0 - CLOSE))
        return not math.isclose(events, found[0], rel_tol=RELATIVE) or numbers["n"] != patients

    assert differing("non-inferior survival", differs, fewest=48) == []


def test_the_power_and_the_months_of_numbers_of_events() -> None:
    """Interim looks after whole numbers of events; months of rpact are those of the share of events."""

    def differs(asked: dict[str, Any], found: list[float]) -> bool:
        looks, n, events = (int(asked.pop(key)) for key in ("looks", "n", "events"))
        turn = 3 if asked["ratio"] == 0.5 else 2
        design = ts.design.logrank(**asked, n=n - n % turn, events=events, looks=looks, spending="pocock")
        power = math.isclose(design.power(), found[0], abs_tol=RELATIVE)
        months = n % turn or math.isclose(design.looks["months"].iloc[-1], found[-1], rel_tol=1e-4)
        return not power or not months

    assert differing("survival power", differs) == []


def test_the_exact_power_of_one_rate() -> None:
    def differs(asked: dict[str, Any], found: list[float]) -> bool:
        power = ts.design.single_stage(**{**asked, "n": int(asked["n"])}).power()
        return not math.isclose(power, found[0], abs_tol=1e-9)

    assert differing("one rate", differs) == []


def test_two_rates_by_the_normal_approximation() -> None:
    def differs(asked: dict[str, Any], found: list[float]) -> bool:
        rates = asked["p_control"], asked["p_experimental"]
        n = approximate_n(*rates, asked["alpha"], asked["power"], int(asked["sides"]), "pooled", asked["ratio"])
        return n != math.ceil(found[0] * (1.0 - CLOSE))

    assert differing("two rates", differs) == []


def test_non_inferiority_by_the_normal_approximation() -> None:
    def differs(asked: dict[str, Any], found: list[float]) -> bool:
        return not math.isclose(approximate_n_for_margin(**asked), found[0], rel_tol=RELATIVE)

    assert differing("non-inferior rates", differs, 8) == []


@pytest.mark.parametrize(
    "kind", ["bounds", "survival size", "survival power", "one rate", "two rates", "non-inferior rates"]
)
def test_the_table_has_every_kind(kind: str) -> None:
    assert rows(kind)
