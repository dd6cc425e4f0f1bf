"""The cohorts of five neighbouring trials hold what two coders, blind to each other, read in the publications."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

import pytest

from trialsim.config import load_cohort

CODINGS: Final = Path(__file__).parents[2] / "verification" / "codings"
YEARS: Final = {"singhal": 1999, "juliusson": 2000, "waage": 2004, "mileshkin": 2003, "kumar": 2003}

Row = dict[str, str]

# For each statistic of a cohort: words of the quantity in the first and in the second coding. Several are added up.
COUNTS: Final = {
    ("singhal", "partial responses"): (["> 50 %"], ["at least 50 %"]),
    ("singhal", "any responses"): ([">= 25 %"], ["at least 25 %"]),
    ("singhal", "apparent within 2 months"): (["apparent"], ["apparent"]),
    ("juliusson", "at least 400 mg/day"): (
        ["dose 400", "dose 600", "dose 800"], ["dose 400", "dose 600", "dose 800"],
    ),
    ("juliusson", "at least 600 mg/day"): (["dose 600", "dose 800"], ["dose 600", "dose 800"]),
    ("juliusson", "at least 800 mg/day"): (["dose 800"], ["dose 800"]),
    ("juliusson", "partial responses"): (["partial response"], ["partial response"]),
    ("juliusson", "early deaths"): (["early death"], ["early death"]),
    ("juliusson", "partial responders in remission"): (["still in remission"], ["ongoing"]),
    ("waage", "partial responses"): (["PR or better"], ["partial response or better"]),
    ("waage", "minor responses"): (["minor response"], ["minor response"]),
    ("waage", "by week 3"): (["3 weeks"], ["3 weeks"]),
    ("mileshkin", "reached 800 mg/day"): (["reached 800"], ["reached 800"]),
    ("mileshkin", "partial responses"): (["overall response"], ["response (overall)"]),
    ("kumar", "confirmed partial responses"): (["response, confirmed"], ["response, confirmed"]),
    ("kumar", "partial responses"): (
        ["response, confirmed", "response, unconfirmed"], ["response, confirmed", "response, unconfirmed"],
    ),
    ("kumar", "minor responses"): (["minimal"], ["minimal"]),
    ("kumar", "constipation"): (["constipation"], ["constipation"]),
    ("kumar", "lethargy"): (["sedation"], ["sedation"]),
    ("kumar", "severe neuropathy"): (["neuropathy"], ["neuropathy"]),
}  # fmt: skip
MEDIANS: Final = {
    ("singhal", "time on drug"): ("time on drug", "time on thalidomide"),
    ("waage", "overall survival"): ("overall survival", "overall survival"),
    ("mileshkin", "highest dose"): ("highest dose", "highest"),
    ("mileshkin", "progression-free survival"): ("progression-free", "progression-free"),
    ("mileshkin", "overall survival"): ("overall survival", "overall survival"),
    ("kumar", "duration of response"): ("duration of response", "duration of partial response"),
    ("kumar", "progression-free survival"): ("progression-free survival", "progression-free survival"),
    ("kumar", "overall survival"): ("overall survival", "overall survival"),
}
DERIVED: Final = {("waage", "from week 3 to week 5")}


def coding(name: str) -> list[Row]:
    """The rows of a coder, with what was coded and when in one text."""
    with (CODINGS / f"{name}_figures.csv").open(encoding="utf-8", newline="") as file:
        return [{**row, "text": f"{row['quantity']} {row['at_or_by']}"} for row in csv.DictReader(file)]


def coded(rows: list[Row], author: str, words: str, kind: str) -> Row:
    """The only row of an author with these words; the shortest, where another one says more."""
    own = [row for row in rows if row["trial"].lower().startswith(author) and row["kind"] == kind]
    fitting = [row for row in own if words in row["text"]]
    assert fitting, (author, words)
    return min(fitting, key=lambda row: len(row["quantity"]))


@pytest.fixture(scope="module", params=[0, 1], ids=["first", "second"])
def coder(request: pytest.FixtureRequest) -> tuple[int, list[Row]]:
    return request.param, coding(("first", "second")[request.param])


@pytest.mark.parametrize(("author", "quantity"), COUNTS)
def test_counts_are_those_of_both_coders(author: str, quantity: str, coder: tuple[int, list[Row]]) -> None:
    which, rows = coder
    statistic = load_cohort(f"{author}{YEARS[author]}").statistics[quantity]
    found = [coded(rows, author, words, "proportion") for words in COUNTS[author, quantity][which]]
    assert statistic.n_counted == sum(int(row["count"]) for row in found)
    assert {str(statistic.of)} == {row["of"] for row in found}


@pytest.mark.parametrize(("author", "quantity"), MEDIANS)
def test_medians_are_those_of_both_coders(author: str, quantity: str, coder: tuple[int, list[Row]]) -> None:
    which, rows = coder
    statistic = load_cohort(f"{author}{YEARS[author]}").statistics[quantity]
    row = coded(rows, author, MEDIANS[author, quantity][which], "median")
    assert statistic.rounded is not None
    assert (statistic.rounded.value, statistic.unit) == (float(row["value"]), row["unit"])


def test_responders_between_week_3_and_week_5_are_what_is_left(coder: tuple[int, list[Row]]) -> None:
    """14 of 20 by week 3 and 20 of 22 by week 5: of those who are left at week 3, so many by week 5."""
    early, late = (coded(coder[1], "waage", f"{weeks} weeks", "proportion") for weeks in (3, 5))
    statistic = load_cohort("waage2004").statistics["from week 3 to week 5"]
    assert statistic.n_counted == int(late["count"]) - int(early["count"])
    assert statistic.of == int(late["of"]) - int(early["count"])


def test_every_statistic_of_the_cohorts_was_coded() -> None:
    known = {*COUNTS, *MEDIANS, *DERIVED}
    named = {(author, name) for author, year in YEARS.items() for name in load_cohort(f"{author}{year}").statistics}
    assert named == known


def test_what_no_abstract_confirms_is_left_out() -> None:
    """Figures that the second coder saw in a table alone."""
    unconfirmed = {row["quantity"] for row in coding("second") if row["confirmed"] == "no"}
    assert unconfirmed == {"dose intensity", "neuropathy", "neuropathy at 6 months", "neuropathy at 12 months"}
    assert not unconfirmed & set(load_cohort("mileshkin2003").statistics)
