"""Parallel trials: permuted blocks within strata, and the same answers as on the same patients, with more scatter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import trialsim as ts
from tests.comparison.test_compare import STUDY, study
from tests.tolerances import N_STANDARD_ERRORS
from trialsim.config import protocol_of
from trialsim.model.protocol import Protocol
from trialsim.patients import DrawTable, virtual_patients
from trialsim.records.baseline import Enrolled, strata_of
from trialsim.records.tables import plain_rows
from trialsim.simulation.allocation import arms_of
from trialsim.simulation.patients import PatientTable, patient_table

NAMES = ("one", "other")
# By what share variances from each trial and from the mean of 400 trials differ: 4 sqrt(2 / 400) / 59, rounded up.
BETWEEN_ESTIMATES = 0.006


@pytest.fixture(scope="module")
def followup() -> ts.Scenario:
    return ts.load_scenario("followup", {"parameters": "mode"})


@pytest.fixture(scope="module")
def table(followup: ts.Scenario) -> PatientTable:
    return patient_table("batch", protocol_of(followup), 3, 1, 40)


def draws_of_replicate(protocol: Protocol, replicate: int) -> DrawTable:
    return DrawTable(3, replicate, protocol.decision_codes.values())


def in_order(table: PatientTable, trial: int) -> np.ndarray:
    """The places of a trial's patients in the order of enrolment."""
    own = np.flatnonzero(table.replicate == trial)
    return own[np.lexsort((table["patient"][own], table["enrolled_day"][own]))]


@pytest.mark.parametrize(
    ("ratio", "block", "in_block"), [({}, None, (2, 2)), ({"other": 2}, 6, (2, 4)), ({}, 2, (1, 1))]
)
def test_every_block_holds_the_ratio(
    followup: ts.Scenario, table: PatientTable, ratio: dict[str, int], block: int | None, in_block: tuple[int, int]
) -> None:
    protocol = protocol_of(followup)
    arms = arms_of(protocol, NAMES, ratio, block, ()).of(protocol, table, 3)
    size, seen = sum(in_block), set()
    for trial in range(table.n):
        own = arms[in_order(table, trial)]
        for first in range(0, len(own) - size + 1, size):
            part = own[first : first + size]
            assert (np.bincount(part, minlength=2) == in_block).all()
            seen.add(tuple(part.tolist()))
    assert len(seen) == {2: 2, 4: 6, 6: 15}[size]  # every permutation comes


def test_blocks_are_filled_within_strata(followup: ts.Scenario, table: PatientTable) -> None:
    protocol = protocol_of(followup)
    by = ("site", "sex")
    numbers = table["patient"].astype(np.int64)
    by_patient = strata_of(protocol, 3, Enrolled(table.first + table.replicate, numbers, table["enrolled_day"]), by)
    for trial in range(3):
        everyone = {who.number: who for who in virtual_patients(protocol, draws_of_replicate(protocol, trial + 1))}
        own = table.replicate == trial
        sex = [item.name for item in protocol.covariates].index("sex")
        expected = [[everyone[i].site, int(everyone[i].baseline[sex])] for i in numbers[own].tolist()]
        assert by_patient[own].tolist() == expected
    arms = arms_of(protocol, NAMES, {}, 2, by).of(protocol, table, 3)
    for trial in range(table.n):
        own = in_order(table, trial)
        codes = by_patient[own]
        assert codes.shape == (len(own), 2)
        for code in np.unique(codes, axis=0):
            group = arms[own[(codes == code).all(axis=1)]]
            pairs = group[: len(group) // 2 * 2].reshape(-1, 2)
            assert (pairs.sum(axis=1) == 1).all()


def test_one_more_patient_moves_no_other(followup: ts.Scenario) -> None:
    """A trial of 41 patients whose first 40 are those of the smaller one."""
    tables = {}
    for n in (40, 41):
        protocol = protocol_of(followup.with_changes({"accrual.patients": n, "accrual.ineligible": 0}))
        table = patient_table("batch", protocol, 3, 1, 5)
        arms = arms_of(protocol, NAMES, {}, None, ()).of(protocol, table, 3)
        tables[n] = {(int(r), int(p)): int(a) for r, p, a in zip(table.replicate, table["patient"], arms, strict=True)}
    assert {key: tables[41][key] for key in tables[40]} == tables[40]


def test_a_larger_trial_allocates_the_same_patients_alike(followup: ts.Scenario) -> None:
    """Strata are those of the patients who are enrolled, not of the scenario's own number of patients."""
    tables = {}
    for n in (40, 120):
        protocol = protocol_of(followup.with_changes({"accrual.patients": n}))
        enrolled = patient_table("batch", protocol, 3, 5, 4)
        arms = arms_of(protocol_of(followup), NAMES, {"other": 2}, None, ("site", "sex")).of(protocol, enrolled, 3)
        key = zip(enrolled.replicate.tolist(), enrolled["patient"].tolist(), arms.tolist(), strict=True)
        tables[n] = {(replicate, number): arm for replicate, number, arm in key}
    assert len(tables[120]) > 2 * len(tables[40])
    assert tables[40].items() <= tables[120].items()


def test_a_parallel_trial_finds_the_same_differences_with_more_scatter(tmp_path: Path) -> None:
    text = STUDY.replace("accrual.patients: 20", "accrual.patients: 120, parameters: mode").replace("  same: {}\n", "")
    same = ts.compare(study(tmp_path, text), replicates=400)
    parallel = ts.compare(study(tmp_path, text, design="parallel"), replicates=400, seed=2)
    quantity = "any severe toxicity"
    a, b = (plain_rows(found.differences[found.differences["quantity"] == quantity])[0] for found in (same, parallel))
    assert abs(a["value"] - b["value"]) < N_STANDARD_ERRORS * np.hypot(a["mcse"], b["mcse"])
    assert b["sd_sampling"] > 3.0 * a["sd_sampling"]
    estimates = parallel.estimates.set_index(["quantity", "variant"])["value"]
    expected = sum(float(p) * (1.0 - float(p)) / 60.0 for p in estimates[quantity])
    assert b["sd_sampling"] ** 2 == pytest.approx(expected, rel=BETWEEN_ESTIMATES)  # two arms of 60
    assert b["times_fewer"] == pytest.approx(1.0, abs=N_STANDARD_ERRORS / np.sqrt(400))  # nothing is paired, so the
    # correlation of the arms, 1 less the inverse of this, is 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"allocation": "{block: 5}"}, "does not hold the ratio"),
        ({"allocation": "{strata: [age]}"}, "there is no age to split by"),
        ({"allocation": "{ratio: {third: 2}}"}, "there is no variant of this name"),
        ({"allocation": "{ratio: {one: 0}}"}, "ratio.one = 0"),
        ({"grid": "{cut_off.after_last_entry: [3 months]}"}, "the arms of one trial have one cut-off"),
        ({"grid": "{accrual.over: [20 months]}"}, "the arms of one trial have one accrual"),
        ({"grid": "{clinic.slots_per_day: [3]}"}, "no `clinic`"),
    ],
)
def test_impossible_allocations_are_refused(tmp_path: Path, more: dict[str, str], message: str) -> None:
    with pytest.raises(ts.InputError, match=message):
        ts.compare(study(tmp_path, STUDY, design="parallel", **more), replicates=2)


def test_an_allocation_that_nobody_uses_is_refused(tmp_path: Path) -> None:
    for text in ("{ratio: {one: 2}}", "{block: 12}", "{strata: [sex]}"):
        with pytest.raises(ts.ConfigurationError, match=r"study.yaml:\d+  allocation\n  nobody is allocated") as raised:
            ts.load_study(study(tmp_path, allocation=text))
        assert "`design: parallel`" in str(raised.value)
    assert ts.load_study(study(tmp_path, allocation="{}", design="same patients"))


def test_check_shows_ratio_block_and_strata(tmp_path: Path) -> None:
    (text,) = ts.check(study(tmp_path, design="parallel", allocation="{ratio: {one: 2}, strata: [sex, stage]}"))
    words = " ".join(text.split())
    assert "ALLOCATION at random, 2 : 1 : 1 (one, same, slower), in permuted blocks of 8" in words
    assert "within each combination of sex, stage" in words
    assert "ALLOCATION" not in ts.check(study(tmp_path))[0]
