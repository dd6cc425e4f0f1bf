"""A rate holds at the reference dose, which a scenario states; nothing is scaled from another drug's dose."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import trialsim as ts
from tests.configs.test_origins import MINE

RATE, EXPONENT, MONTHS = 0.10, 0.8, 6.0


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("engine", ["reference", "batch"])
@pytest.mark.parametrize(("reference", "dose"), [("25 mg/day", 25), ("25 mg/day", 10), ("400 mg/day", 25)])
def test_the_risk_is_that_of_the_closed_form(tmp_path: Path, engine: str, reference: str, dose: int) -> None:
    """Constant hazard rate × (dose/reference)^exponent, all patients followed for at least six months."""
    text = MINE.replace("25 mg/day", reference).replace("[10, 15, 25]", f"[{dose}]").replace("10 months", "1 day")
    scenario = ts.load_scenario(written(tmp_path, text), {"cut_off.after_last_entry": "6 months"})
    n = 400 if engine == "batch" else 60
    outcomes = ts.run(scenario, n, engine=engine, keep=0).outcomes
    hazard = RATE * (dose / float(reference.removesuffix(" mg/day"))) ** EXPONENT * MONTHS
    p = 1.0 - np.exp(-hazard)
    error = np.sqrt(p * (1.0 - p) / (n * 20))
    margin = RATE / 30.4375  # entry is spread over a day, by which some are followed longer
    assert abs(outcomes["n_toxicity.neutropenia"].mean() / 20 - p) < 4.0 * error + margin


def test_a_scenario_without_it_is_refused_and_the_message_says_why(tmp_path: Path) -> None:
    path = written(tmp_path, MINE.replace("  reference_dose: 25 mg/day\n", ""))
    with pytest.raises(ts.ConfigurationError) as raised:
        ts.load_scenario(path)
    message = str(raised.value)
    assert f"{path}:5  treatment.reference_dose" in message
    assert "rates hold at this dose" in message
    assert "no default" in message


def test_it_is_inherited() -> None:
    assert ts.load_scenario("followup").treatment.reference_dose.value == 400.0


def test_check_shows_the_risk_at_the_reference_and_at_each_level(tmp_path: Path) -> None:
    [text] = ts.check([str(written(tmp_path, MINE))])

    def risks(dose: float) -> str:
        found = [100.0 * (1.0 - np.exp(-RATE * (dose / 25.0) ** EXPONENT * months)) for months in (1, 3, 6)]
        return ", ".join(f"{risk:.2g}" for risk in found)

    line = " ".join(text.split())
    assert "rates at the reference dose of 25 mg/day" in line
    assert f"risk in % by 1, 3, 6 months: {risks(25)} at 25 mg/day; {risks(10)} at 10; {risks(15)} at 15." in line


@pytest.mark.parametrize(
    ("levels", "is_far"),
    [("[100, 1600]", False), ("[99, 300]", True), ("[500, 1601]", True), ("[10, 15, 25]", True), ("[20, 400]", False)],
)
def test_a_ladder_far_from_it_gets_a_warning(tmp_path: Path, levels: str, is_far: bool) -> None:
    text = MINE.replace("25 mg/day", "400 mg/day").replace("[10, 15, 25]", levels)
    path = written(tmp_path, text)
    warnings = ts.load_scenario(path).warnings  # none where no dose of the ladder is near all others
    assert any("0.25 to 4 times the reference dose" in warning for warning in warnings) == is_far
    assert ("0.25 to 4 times the reference dose" in " ".join(ts.check([str(path)])[0].split())) == is_far
    assert not ts.load_scenario(path, {"events.neutropenia.dose_exponent": 0}).warnings


def test_the_warning_is_about_the_reference_dose_and_names_one_that_is_near(tmp_path: Path) -> None:
    text = MINE.replace("25 mg/day", "400 mg/day")
    (warning,) = ts.load_scenario(written(tmp_path, text)).warnings
    assert warning.startswith("treatment.reference_dose = 400 mg/day: 10, 15, 25 mg/day lie outside")
    assert "Better: rates at a reference dose such as 15 mg/day" in warning
    (warning,) = ts.load_scenario(written(tmp_path, text.replace("[10, 15, 25]", "[1, 20]"))).warnings
    assert "Better: rates at a reference dose on the ladder, 1 to 20 mg/day" in warning


def test_numbers_of_another_drug_get_a_warning(tosi2000: ts.Scenario) -> None:
    assert not tosi2000.warnings
    assert not tosi2000.with_changes({"treatment.drug": "Thalidomide"}).warnings
    for parameters in ("calibrated", "mode"):
        changed = ts.load_scenario("followup", {"treatment.drug": "lenalidomide", "parameters.use": parameters})
        assert any("come from salvage, which is about thalidomide" in warning for warning in changed.warnings)


@pytest.mark.parametrize("parameters", ["calibrated", "mode"])
def test_calibrated_rates_hold_at_the_dose_at_which_they_were_calibrated(
    tosi2000: ts.Scenario, parameters: str
) -> None:
    with pytest.raises(ts.ConfigurationError, match="the rates that come from tosi2000 hold at 400 mg/day"):
        tosi2000.with_changes({"parameters": parameters, "treatment.reference_dose": "25 mg/day"})


def test_a_table_that_a_calibration_wrote_says_what_it_holds_for(tosi2000: ts.Scenario, tmp_path: Path) -> None:
    from trialsim.config.calibrated.draw_tables import posterior_file

    copy = tmp_path / "posterior.parquet"
    copy.write_bytes(posterior_file("tosi2000").read_bytes())
    own = tosi2000.with_changes({"parameters.draws": str(copy)})
    assert own.parameters.drug == "thalidomide"
    with pytest.raises(ts.ConfigurationError, match=r"posterior\.parquet hold at 400 mg/day"):
        own.with_changes({"treatment.reference_dose": "0.3 g/day"})
    assert not own.with_changes({"treatment.reference_dose": "0.4 g/day"}).warnings
