"""Allocation in trials of another size than the scenario's own: blocks hold the ratio in every stratum and design."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trialsim.config.loading.size_studies import load_sizing
from trialsim.design.base import ALTERNATIVE, Information
from trialsim.design.conduct.timelines import simulated
from trialsim.design.preparation import prepare_study
from trialsim.design.prepared_study import PreparedStudy
from trialsim.records.baseline import Enrolled, strata_of
from trialsim.simulation.allocation import Arms
from trialsim.simulation.engine import BATCH
from trialsim.simulation.patients import patient_table

TRIALS = 4
ARMS: dict[str, Any] = {
    "variants": {"published": {}, "low": {"treatment.levels": [100]}}, "control": "published", "largest_n": 400,
}  # fmt: skip
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "two arms, site and sex": (
        "two_arm_toxicity",
        {**ARMS, "allocation": {"strata": ["site", "sex"], "ratio": {"low": 2}}},
    ),
    "two arms, one look, sex": (
        "two_arm_toxicity",
        {**ARMS, "allocation": {"strata": ["sex"], "block": 6}, "looks": {"at": [1.0]}, "test": "chi-square"},
    ),
    "log-rank, site": (
        "logrank_progression",
        {"allocation": {"strata": ["site"], "ratio": {"thalidomide": 3}}, "largest_n": 240},
    ),
    "selection, sex": (
        "two_arm_toxicity",
        {
            **ARMS, "design": "selection", "alpha": 0.05, "conduct": {}, "looks": {"at": [1.0]},
            "allocation": {"strata": ["sex"], "block": 4},
        },
    ),
    "any endpoint, sex": (
        "two_arm_toxicity",
        {
            **ARMS, "test": "wald", "endpoint": "any severe toxicity", "looks": {"at": [1.0]}, "conduct": {},
            "allocation": {"strata": ["sex"], "ratio": {"published": 2}},
        },
    ),
}  # fmt: skip


def ready_case(name: str) -> PreparedStudy:
    study, changes = CASES[name]
    return prepare_study(load_sizing(study, {"parameters": "mode", **changes}), BATCH, 1, 100)


@pytest.mark.parametrize("name", list(CASES))
def test_blocks_hold_the_ratio_within_strata_of_a_large_trial(name: str) -> None:
    ready = ready_case(name)
    n = 150  # the scenario has 60
    setting = ready.setting(ALTERNATIVE, n)
    rows = ready.trial(n if ready.is_searched else None).rows(setting, 1, 1, TRIALS)
    assert (rows["n_0"] > 0).all()
    assert (rows["n_1"] > 0).all()
    assert setting.arms is not None
    check_blocks(ready, setting.arms, n)


def check_blocks(ready: PreparedStudy, arms: Arms, n: int) -> None:
    setting = ready.setting(ALTERNATIVE, n)
    protocol = setting.protocols[0]
    table = patient_table(BATCH, protocol, 1, 1, TRIALS)
    found = arms.of(protocol, table, 1)
    if ready.design.design.information is not Information.CUT_OFF:
        line = simulated([BATCH] * 2, setting.protocols, arms, ready.outcomes.all, 1, 1, TRIALS)
        by_number = {(t, i): a for t in range(TRIALS) for i, a in zip(line.number[t], line.arm[t], strict=True) if i}
        pairs = zip(table.replicate.tolist(), table["patient"].astype(int).tolist(), strict=True)
        assert [by_number[pair] for pair in pairs] == found.tolist()
    enrolled = Enrolled(table.first + table.replicate, table["patient"].astype(np.int64), table["enrolled_day"])
    codes = strata_of(protocol, 1, enrolled, arms.strata)
    size, in_block = len(arms.block), np.bincount(arms.block)
    for trial in range(TRIALS):
        own = np.flatnonzero(table.replicate == trial)
        own = own[np.argsort(table["enrolled_day"][own], kind="stable")]
        for code in np.unique(codes[own], axis=0):
            of_stratum = found[own[(codes[own] == code).all(axis=1)]]
            whole = of_stratum[: len(of_stratum) // size * size].reshape(-1, size)
            assert all((np.bincount(block, minlength=2) == in_block).all() for block in whole)
