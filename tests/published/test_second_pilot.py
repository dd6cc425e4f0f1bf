"""The cohort of the second pilot holds what two coders, blind to each other, read in its abstract."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

import pytest

from trialsim.config import load_cohort

CODINGS: Final = Path(__file__).parents[2] / "verification" / "codings" / "axitinib"
WORDS: Final = {  # by statistic of the cohort, words of the quantity that both coders wrote
    "above 5 mg twice daily": "titrated", "objective responses": "objective response (RECIST)",
    "duration of response": "duration of", "progression-free survival": "progression-free survival",
    "overall survival": "overall survival",
    **{f"toxicity.{name}": name for name in (
        "hand-foot syndrome", "fatigue", "hypertension", "dyspnea", "diarrhea", "dehydration", "hypotension",
    )},
}  # fmt: skip

Row = dict[str, str]


@pytest.fixture(scope="module", params=["first", "second"])
def rows(request: pytest.FixtureRequest) -> list[Row]:
    with (CODINGS / f"{request.param}_figures.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def coded(rows: list[Row], quantity: str) -> Row:
    (row,) = [row for row in rows if WORDS[quantity] in row["quantity"]]
    return row


@pytest.mark.parametrize("quantity", WORDS)
def test_each_statistic_is_that_of_both_coders(rows: list[Row], quantity: str) -> None:
    statistic, row = load_cohort("rini2009").statistics[quantity], coded(rows, quantity)
    assert statistic.kind == row["kind"]
    if statistic.kind == "proportion":
        assert (str(statistic.n_counted), str(statistic.of)) == (row["count"], row["of"])
        return
    assert statistic.rounded is not None
    assert (statistic.rounded.value, statistic.unit) == (float(row["value"]), row["unit"])
    if statistic.interval is not None:
        assert [bound.value for bound in statistic.interval] == [float(row[key]) for key in ("lower", "upper")]


def test_every_statistic_of_the_cohort_was_coded_and_is_printed_as_a_share_of_62() -> None:
    statistics = load_cohort("rini2009").statistics
    assert set(statistics) == set(WORDS)
    for name, statistic in statistics.items():
        if statistic.kind == "proportion":
            fitting = [k for k in range(63) if f"{100.0 * k / 62.0:.1f} %" == statistic.printed]
            assert fitting == [statistic.n_counted], name
