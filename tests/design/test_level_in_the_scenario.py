"""A level that the scenario does not keep is said, and one that it keeps within Monte Carlo error is not."""

from __future__ import annotations

import pandas as pd
import pytest

from trialsim.config.loading.size_studies import load_sizing
from trialsim.design.base import NULL, REJECTS, TOXIC_NULL
from trialsim.report.design.level import levels_exceeded


def calendar(truth: str, planned: float, value: float) -> pd.DataFrame:
    return pd.DataFrame([{"truth": truth, "quantity": REJECTS, "planned": planned, "value": value, "mcse": 0.002}])


@pytest.mark.parametrize(
    ("name", "truth", "planned", "value", "asked"),
    [
        ("progression_one_arm", NULL, 0.05, 0.078, "0.05"),
        ("progression_one_arm", NULL, float("nan"), 0.078, "0.05"),
        ("progression_one_arm", NULL, 0.05, 0.056, ""),
        ("two_arm_toxicity", NULL, 0.108, 0.112, ""),
        ("bryant_day", TOXIC_NULL, 0.095, 0.12, "0.1"),
        ("bryant_day", TOXIC_NULL, 0.095, 0.10, ""),
    ],
)
def test_a_level_above_what_is_asked_for_is_said(
    name: str, truth: str, planned: float, value: float, asked: str
) -> None:
    found = list(levels_exceeded(load_sizing(name).study, calendar(truth, planned, value)))
    assert len(found) == bool(asked)
    if asked:
        expected = f"the type I error is {value:.4f} ± 0.0020 where {asked} is asked for."
        assert found[0].endswith(expected)
