"""Doses in mg/m² and mg/kg: read in every spelling, simulated in their unit, and summed up in mg of each patient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import trialsim as ts
from trialsim.cli.main import app
from trialsim.config.schema.quantities import Dose
from trialsim.config.source.yaml import dump_yaml
from trialsim.config.to_protocol.protocol import protocol_of
from trialsim.model.units import MG_PER_DAY, dose_unit_of
from trialsim.report.run.synopsis import synopsis
from trialsim.simulation.patients import patient_table


def scenario(**changes: Any) -> dict[str, Any]:
    """A trial of a drug that is given by body surface."""
    return {
        "format": 1,
        "title": "by body surface",
        "population": {"body surface": {"median": "1.8 m2", "sd": "0.2 m2", "lowest": "1.2 m2"}},
        "accrual": {"patients": 12, "over": "6 months", "opens": "2020-01-01"},
        "treatment": {
            "drug": "a drug",
            "reference_dose": "75 mg/m²",
            "levels": ["50 mg/m2", "75 mg/m2/day", "700 mg per m2 per week"],
            "every": "14 days",
            "schedule": {"days": 21, "of": 28},
            "rules": [
                {"when": "neutropenia", "at": "onset", "do": "hold", "resume": "50 mg/m²"},
                {"when": "tolerated", "do": "escalate"},
            ],
        },
        "events": {
            "neutropenia": {"kind": "toxicity", "rate": "0.1 /month", "dose_exponent": 0.8, "severe": True,
                            "recurs": True, "resolves": {"rate": "2 /month"}},
            "death": {"kind": "death", "rate": "0.05 /month"},
        },
        "assessment": {"every": "28 days"},
        "evaluable": {"after": "28 days"},
        "cut_off": {"after_last_entry": "6 months"},
        **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("75 mg/m2", 75.0, "mg/m²/day"),
        ("75 mg/m²/day", 75.0, "mg/m²/day"),
        ("75 MG per M2 per d", 75.0, "mg/m²/day"),
        ("0.7 g/m^2/week", 100.0, "mg/m²/day"),
        ("500 ug/kg", 0.5, "mg/kg/day"),
        ("500 mcg/kg/d", 0.5, "mg/kg/day"),
        ("3 mg/kg per week", 3.0 / 7.0, "mg/kg/day"),
        ("700 ug", 0.7, "mg/day"),
        (400, 400.0, "mg/day"),
    ],
)
def test_every_spelling_is_read(text: str | float, value: float, unit: str) -> None:
    dose = Dose.of(text)
    assert dose.value == pytest.approx(value, rel=1e-14)
    assert dose.unit.text == unit


def test_a_ladder_by_steps_keeps_its_unit() -> None:
    treatment = scenario()["treatment"]
    treatment["levels"] = {"start": "50 mg/m2", "step": "25 mg/m2", "maximum": "110 mg/m2"}
    treatment["rules"] = treatment["rules"][1:]
    loaded = ts.load_scenario(scenario(treatment=treatment))
    assert [dose.value for dose in loaded.treatment.levels] == [50.0, 75.0, 100.0, 110.0]
    assert loaded.treatment.dose_unit.text == "mg/m²/day"


def test_engines_agree_and_totals_are_mg_of_each_patient() -> None:
    loaded = ts.load_scenario(scenario())
    fast, slow = (ts.run(loaded, replicates=20, keep=20, seed=3, engine=engine) for engine in ("batch", "reference"))
    assert fast.digest == slow.digest
    patients = fast.patients
    sizes = patients["baseline.body surface"]
    assert sizes.between(1.2, 3.0).all()
    assert sizes.nunique() == len(sizes)
    taken = patients["mean_dose_mg_per_m2_per_day"] * patients["treatment_days"] * 0.75
    np.testing.assert_allclose(patients["total_dose_mg"], taken * sizes, rtol=1e-12)
    by_number = patients.sort_values(["replicate", "patient"])["total_dose_mg"].to_numpy()
    for engine in ("batch", "reference"):
        table = patient_table(engine, protocol_of(loaded), 3, 1, 20)
        np.testing.assert_array_equal(table["total_dose_mg"], by_number)


def test_the_size_of_a_patient_changes_no_hazard_and_no_rule() -> None:
    larger = {"body surface": {"median": "2.4 m2", "sd": "0.2 m2", "lowest": "1.2 m2"}}
    usual, large = (ts.run(item, replicates=20, keep=20, seed=3) for item in (scenario(), scenario(population=larger)))
    assert usual.digest == large.digest
    assert (large.patients["total_dose_mg"] > usual.patients["total_dose_mg"]).all()


def test_tables_and_texts_name_the_unit() -> None:
    result = ts.run(scenario(), replicates=10, keep=1, seed=3)
    assert {"dose_from_mg_per_m2_per_day", "dose_to_mg_per_m2_per_day"} <= set(result.events.columns)
    assert dose_unit_of(result.patients.columns).text == "mg/m²/day"
    assert dose_unit_of(["mean_dose_mg_per_day"]) == MG_PER_DAY
    text = synopsis(ts.load_scenario(scenario()))
    assert "50, 75, 100 mg/m²/day on days 1 to 21 of 28" in text
    assert "doses are for each m²" in text
    assert "mg/day" not in text


def test_endpoints_and_published_statistics_are_in_the_unit_of_the_doses() -> None:
    median = {"kind": "median", "value": "80 mg/m2/day", "rounded_to": "5 mg/m2/day", "printed": "80", "source": "x"}
    reached = {"kind": "proportion", "endpoint": "highest dose", "at_least": "100 mg/m²/day", "count": 5, "of": 12,
               "printed": "5", "source": "x"}  # fmt: skip
    cohort = {"format": 1, "name": "c", "title": "c", "citation": "c", "facts": {},
              "statistics": {"dose.median": median, "reached": reached}}  # fmt: skip
    result = ts.run(scenario(cohort=cohort), replicates=20, seed=3)
    assert result.replicates.n == 20
    wrong = {**cohort, "statistics": {"dose.median": {**median, "value": "80 mg/day", "rounded_to": "5 mg/day"}}}
    with pytest.raises(ts.ConfigurationError, match="kind: median in mg/m²/day"):
        ts.load_scenario(scenario(cohort=wrong))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"population": {}}, r"doses are in mg/m²/day, and there is no such body size(.|\n)*body surface: \{"),
        (
            {"population": {name: {"median": "1.8 m2", "sd": "0.2 m2"} for name in ("a", "b")}},
            "there are several body sizes",
        ),
        ({"treatment": {**scenario()["treatment"], "reference_dose": 75}}, "this is in mg/day"),
        (
            {"treatment": scenario()["treatment"] | {"rules": [{"when": "neutropenia", "do": "hold", "resume": "50"}]}},
            "this is in mg/day",
        ),
        (
            {"treatment": {**scenario()["treatment"], "levels": {"start": "5 mg", "step": "5 mg/kg", "maximum": 20}}},
            "different units",
        ),
    ],
)  # fmt: skip
def test_doses_that_do_not_fit_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ts.ConfigurationError, match=message):
        ts.load_scenario(scenario(**changes))


def test_a_level_in_another_unit_is_none_of_the_ladder(tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text(dump_yaml(scenario()), encoding="utf-8")
    study = {"study": "compare", "title": "t", "scenario": str(file), "replicates": 20,
             "variants": {"slow": {}, "quick": {"treatment.every": "7 days"}}}  # fmt: skip
    at_level = {"of": "time at level", "level": "75 mg/m²/day"}
    compared = ts.compare({**study, "endpoints": [at_level]})
    assert [name for name, *_ in compared.definitions] == ["time at 75 mg/m²/day"]
    with pytest.raises(ts.ConfigurationError, match="no variant has this level"):
        ts.compare({**study, "endpoints": [at_level | {"level": "75 mg/day"}]})


@pytest.mark.parametrize("start", ["calibrated", "banana"])
def test_a_ladder_by_steps_asks_for_numbers(start: str) -> None:
    treatment = scenario()["treatment"] | {"levels": {"start": start, "step": "25 mg/m2", "maximum": "110 mg/m2"}}
    with pytest.raises(ts.ConfigurationError, match="this is not a number"):
        ts.load_scenario(scenario(treatment=treatment))


def test_init_gives_patients_a_size(tmp_path: Path) -> None:
    answers = ("--drug", "x", "--unit", "mg/m2", "--levels", "50,75,100", "--toxicities", "neutropenia=5")
    done = CliRunner().invoke(app, ["init", str(tmp_path / "pilot"), *answers])
    assert done.exit_code == 0, done.output
    made = ts.load_scenario(tmp_path / "pilot" / "pilot.yaml")
    assert made.treatment.dose_unit.text == "mg/m²/day"
    assert made.body_sizes == ["body surface"]
    assert ts.load_scenario(tmp_path / "pilot" / "followup.yaml").body_sizes == ["body surface"]
