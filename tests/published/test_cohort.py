"""The cohort file against a second coding of the same publication, made without looking at it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

import trialsim as ts
from tests.published import second_coding
from tests.published.second_coding import SECOND_CODING
from trialsim.config import PublishedStatistic, load_cohort

COHORT = load_cohort("tosi2000")


def first_coding(cohort: ts.Cohort = COHORT) -> dict[str, object]:
    """What `configs/cohorts/tosi2000.yaml` says, under the names of the second coding."""

    def fact(name: str) -> Any:
        return cohort.facts[name].value

    interpretations = {name: ambiguity.interpretations for name, ambiguity in cohort.ambiguities.items()}
    truncated = interpretations["toxicity_denominators"]["of 15"].statistics
    grade = cohort.ambiguities["grade"].question
    found: dict[str, object] = {
        "patients": fact("patients"),
        "institutions": fact("institutions"),
        "enrolment.first_month": fact("enrolment began").removesuffix(" (month)"),
        "enrolment.last_month": fact("enrolment ended").removesuffix(" (month)"),
        "sex": fact("sex"),
        "age.median_years": number(fact("age, median"), "years"),
        "stage": fact("stage"),
        "beta_2_microglobulin.median_mg_per_l": number(fact("beta-2 microglobulin, median"), "mg/L"),
        "marrow_plasma_cells.median_percent": number(fact("bone marrow plasma cells, median"), "%"),
        "prior_transplant": fact("prior transplant"),
        "dose.start_mg_per_day": number(fact("first dose"), "mg/day"),
        "dose.step_mg_per_day": number(fact("dose step"), "mg/day"),
        "dose.every_days": number(fact("time between steps"), "days"),
        "dose.maximum_mg_per_day": number(fact("highest dose"), "mg/day"),
        "printed.grade": fact("grade of the reported toxicities").removeprefix("WHO "),
        "printed.dose.median_mg_per_day": number(cohort.statistics["dose.median"].printed, "mg/day"),
        "printed.follow_up.median_months": number(cohort.statistics["follow_up.median"].printed, "months"),
        "six.toxicity.rash": counted(interpretations["rash"]["six"].statistics["toxicity.rash"]),
        "ladder.literal": tuple(interpretations["dose_ladder"]["literal"].changes["treatment.levels"]),
        "ladder.other": tuple(interpretations["dose_ladder"]["even"].changes["treatment.levels"]),
        "ladder.literal.days": tuple(14 * i for i in range(5)),
        "pooled.constipation_percent": number(grade, "% constipation", inside=True),
        "pooled.somnolence_percent": number(grade, "% somnolence", inside=True),
        "pooled.rash_percent": number(grade, "% rash", inside=True),
        "pooled.patients": number(grade.replace(",", ""), "patients of", inside=True),
        "pooled.trials": number(grade, "trials", inside=True),
    }
    for quantity, statistic in cohort.statistics.items():
        if statistic.kind == "median" and statistic.value is not None and statistic.rounded_to is not None:
            found[quantity] = (statistic.value.value, statistic.rounded_to.value / 2)
        else:
            found[quantity] = (statistic.count, statistic.of)
        if "%" in statistic.printed:
            found[f"printed.{quantity}_percent"] = number(statistic.printed, "%")
        if quantity in truncated:
            found[f"truncated.{quantity}"] = counted(truncated[quantity])
    return found


def number(text: str, unit: str, *, inside: bool = False) -> float:
    """The number before a unit, at the end of a text or inside it."""
    before = " ".join(text.split()).split(f" {unit}")[0]
    assert inside or before != text
    return float(before.split()[-1])


def counted(statistic: dict[str, Any]) -> tuple[int, int]:
    return statistic["count"], statistic["of"]


def test_the_two_codings_are_equal() -> None:
    first = first_coding()
    assert set(first) == set(SECOND_CODING)
    assert {key: value for key, value in first.items() if value != SECOND_CODING[key]} == {}


def test_the_second_coding_is_written_out_and_takes_nothing_from_the_first() -> None:
    """It imports no part of the package and opens no file: every value in it is a literal."""
    tree = ast.parse(Path(second_coding.__file__).read_text(encoding="utf-8"))
    imported = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert imported <= {"__future__", "typing"}
    assert not any(isinstance(node, ast.Call) for node in ast.walk(tree))


@pytest.mark.parametrize("quantity", ["toxicity.constipation", "response.partial", "responders.died"])
def test_a_figure_that_is_changed_in_the_file_is_noticed(quantity: str) -> None:
    data = COHORT.model_dump()
    data["statistics"][quantity]["count"] += 1
    changed = first_coding(ts.Cohort.model_validate(data))
    assert {key for key, value in changed.items() if value != SECOND_CODING[key]} == {quantity}


def test_the_protocol_follows_the_publication(tosi2000: ts.Scenario) -> None:
    assert tuple(dose.value for dose in tosi2000.treatment.levels) == SECOND_CODING["ladder.literal"]
    assert tosi2000.treatment.every.value == SECOND_CODING["dose.every_days"]
    assert tosi2000.accrual.patients == SECOND_CODING["patients"]
    assert tosi2000.accrual.opens.isoformat()[:7] == SECOND_CODING["enrolment.first_month"]
    shares = tosi2000.population["prior transplant"].shares
    assert shares == SECOND_CODING["prior_transplant"]


def test_each_figure_keeps_its_source_and_what_was_printed() -> None:
    for quantity, statistic in COHORT.statistics.items():
        assert statistic.source == "Tosi 2000", quantity
        assert statistic.printed, quantity


def test_a_cohort_with_more_than_all_patients_is_refused() -> None:
    with pytest.raises(ValueError, match="30 of 27 is more than all"):
        PublishedStatistic.model_validate({**COHORT.statistics["toxicity.rash"].model_dump(), "count": 30})
