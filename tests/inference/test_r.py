"""Analyses beside those of rpact, of R and of its survival: the numbers that `verification/inference.R` prints."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from trialsim.inference.rates import p_value_of
from trialsim.inference.sequential import infer_sequential
from trialsim.inference.staged import Stages, infer
from trialsim.inference.survival import cox, logrank, median_time, restricted_means, survival_at

PUBLISHED = Path(__file__).parents[1] / "published"


def rows(kind: str) -> Iterator[tuple[dict[str, Any], list[float]]]:
    """What was asked of R and what it gave; NaN where it has nothing."""
    lines = (PUBLISHED / "inference.csv").read_text(encoding="utf-8").splitlines()[1:]
    for row in csv.DictReader(lines):
        if row["kind"] == kind:
            asked = dict(part.split("=") for part in row["asked"].split(";"))
            yield asked, [math.nan if x == "NA" else float(x) for x in row["found"].split()]


def numbers(text: str) -> list[float]:
    return [float(part) for part in text.split()]


@pytest.fixture(scope="module")
def patients() -> pd.DataFrame:
    table = pd.read_csv(PUBLISHED / "survival.csv")
    return table.assign(second=(table["arm"] == "experimental").astype(float))


def times(table: pd.DataFrame) -> tuple[Any, Any]:
    return table["time_days"].to_numpy(float), table["event"].to_numpy(bool)


def test_group_sequential_hazard_ratios_of_rpact() -> None:
    """Median unbiased, with the interval and the p-value; rpact solves to some 1e-6."""
    cases = list(rows("sequential"))
    assert len(cases) == 15
    for asked, (p_value, lower, upper, median) in cases:
        events, z = numbers(asked["events"]), numbers(asked["z"])
        found = infer_sequential([d / 4.0 for d in events], numbers(asked["upper"]), len(z) - 1, z[-1])
        assert found.p_value == pytest.approx(p_value, rel=1e-4)
        ratios = np.exp([found.lower, found.upper, found.median_unbiased])
        assert ratios == pytest.approx([lower, upper, median], rel=2e-4), asked


def test_one_rate() -> None:
    for asked, (p_value, lower, upper) in rows("one rate"):
        n, x = int(asked["n"]), int(asked["x"])
        found = infer(Stages((n,), (-1,), (0,)), 0, x, float(asked["p0"]))
        assert [found.p_value, found.lower, found.upper] == pytest.approx([p_value, lower, upper], abs=1e-10)


def test_fisher_and_chi_square() -> None:
    for asked, (one_sided, two_sided, chi_square) in rows("two rates"):
        counts, arms = (tuple(int(part) for part in numbers(asked[key])) for key in ("x", "n"))
        found = [p_value_of(arms, counts, "fisher"), p_value_of(arms, counts, "fisher", 2)]  # type: ignore[arg-type]
        assert found == pytest.approx([one_sided, two_sided], rel=1e-9)
        assert p_value_of(arms, counts, "chi-square", 2) == pytest.approx(chi_square, rel=1e-9)  # type: ignore[arg-type]


def test_log_rank_tests_with_weights_and_strata(patients: pd.DataFrame) -> None:
    """R weights by the Kaplan-Meier estimate just before each event, as here."""
    for asked, (chi_square,) in rows("log-rank"):
        strata = None if asked["strata"] == "none" else patients[asked["strata"]].tolist()
        z, _ = logrank(*times(patients), (patients["second"] == 1.0).to_numpy(), strata, (float(asked["rho"]), 0.0))
        assert z**2 == pytest.approx(chi_square, rel=1e-9)


def test_hazard_ratios(patients: pd.DataFrame) -> None:
    for asked, (log_ratio, error, p_value, lower, upper) in rows("cox"):
        adjust, strata = ([] if asked[key] == "none" else asked[key].split() for key in ("adjust", "strata"))
        found = cox(patients, "time_days", "event", ["second", *adjust], strata).iloc[0]
        assert found["log_hazard_ratio"] == pytest.approx(log_ratio, abs=1e-7)
        assert found["standard_error"] == pytest.approx(error, abs=1e-6)
        assert found[["p_value", "lower", "upper"]].tolist() == pytest.approx([p_value, lower, upper], rel=1e-5)


def test_medians_and_survival(patients: pd.DataFrame) -> None:
    """What R does not reach is infinite here."""
    for asked, reached in rows("median"):
        of_arm = patients[patients["arm"] == asked["arm"]]
        found = median_time(*times(of_arm), float(asked["confidence"]))
        assert [found.value, found.lower, found.upper] == [math.inf if math.isnan(x) else x for x in reached]
    for asked, estimates in rows("survival"):
        of_arm = patients[patients["arm"] == asked["arm"]]
        found = survival_at(*times(of_arm), float(asked["day"]), float(asked["confidence"]))
        assert [found.value, found.lower, found.upper] == pytest.approx(estimates, abs=1e-9)


def test_restricted_means(patients: pd.DataFrame) -> None:
    for asked, (difference, error) in rows("restricted mean"):
        found = restricted_means(*times(patients), (patients["second"] == 1.0).to_numpy(), float(asked["until"]))
        assert found.value == pytest.approx(difference, rel=1e-9)
        assert (found.upper - found.lower) / 2.0 == pytest.approx(1.959963984540054 * error, rel=1e-9)
