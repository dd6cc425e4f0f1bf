"""A user's own table of draws: read as written, told apart by its digest, kept with the results that it gave."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import trialsim as ts
from trialsim.config.calibrated.draw_tables import FixedNumber, ParameterTable, read_table, write_table
from trialsim.storage.layouts import PARAMETERS_FILE

DRAWS = "rash rate [/month],sensitive,ignored\n0.05,0.5,1\n0.08,0.4,2\n0.03,0.7,3\n"


@pytest.fixture
def own_table(tmp_path: Path) -> ts.Scenario:
    """The published trial with two parameters drawn from a table and the others fixed at the mode."""
    (tmp_path / "own.csv").write_text(DRAWS, encoding="utf-8")
    at_mode = ts.load_scenario("tosi2000", {"parameters": "mode"})
    fixed = {name: value for name, value in at_mode.parameters.values.items() if name not in ("rash rate", "sensitive")}
    values = {name: {"value": value.value, "source": "fixed by hand"} for name, value in fixed.items()}
    return at_mode.with_changes({"parameters": {"draws": str(tmp_path / "own.csv"), "values": values}})


def test_values_of_the_users_own_stay_fixed(own_table: ts.Scenario) -> None:
    protocol = ts.run(own_table, 3).protocol
    assert set(protocol.parameter_names) == {"rash rate", "sensitive"}
    assert own_table.parameters.values["sensitive"].value == "0.5"
    assert own_table.parameters.use == "calibrated"


def test_a_run_with_a_table_can_be_run_again_when_the_table_is_gone(own_table: ts.Scenario, tmp_path: Path) -> None:
    result = ts.run(own_table, 30, seed=5, out=tmp_path / "results")
    (tmp_path / "own.csv").unlink()
    assert ts.run_again(tmp_path / "results" / "manifest.json").digest == result.digest


def test_another_table_under_the_same_name_is_refused(own_table: ts.Scenario, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(DRAWS.replace("0.08", "0.09"), encoding="utf-8")
    with pytest.raises(ts.ConfigurationError, match="another one than this was resolved with"):
        ts.run(own_table, 3)


def test_a_scenario_finds_a_table_beside_itself_and_can_change_back(tmp_path: Path) -> None:
    what = "constipation,lethargy,rash,intolerance,minor response,partial response,relapse,progression"
    rates = [f"{name} rate" for name in [*what.split(","), "death before progression", "death after progression"]]
    header = ",".join([*(f"{name} [/month]" for name in rates), "toxicity dose exponent", "response dose exponent",
                       "sensitive", "cut off [days]", "evaluable after [weeks]"])  # fmt: skip
    (tmp_path / "draws.csv").write_text(
        header + "\n" + ",".join(["0.1"] * len(rates) + ["0.5", "0.1", "0.5", "330", "10"])
    )
    (tmp_path / "mine.yaml").write_text("extends: tosi2000\nparameters: draws.csv\n")
    scenario = ts.load_scenario(tmp_path / "mine.yaml")
    assert scenario.parameters.values["evaluable after"].value == "10 weeks"
    assert scenario.parameters.values["rash dose exponent"].value == 0
    at_mode = scenario.with_changes({"parameters": "mode"})
    assert at_mode == ts.load_scenario("tosi2000", {"parameters": "mode"}).with_changes({"name": "mine"})
    assert ts.load_scenario(tmp_path / "mine.yaml").with_changes({"parameters.use": "mode"}) == at_mode


def test_tables_survive_the_way_to_a_file_and_back(tmp_path: Path) -> None:
    values = np.random.default_rng(1).random((7, 2))
    table = ParameterTable("draws", ("rash rate", "sensitive"), ("/month", ""), values)
    write_table(tmp_path / "t.parquet", table)
    found = read_table(tmp_path / "t.parquet", "draws")
    assert (found.names, found.units, found.digest) == (table.names, table.units, table.digest)
    pd.read_parquet(tmp_path / "t.parquet").to_csv(tmp_path / "t.csv", index=False)
    assert read_table(tmp_path / "t.csv", "draws").digest == table.digest


TWO_NUMBERS = """title: Two calibrated numbers
parameters: draws.parquet
accrual: {opens: 2001-01-01, patients: 20, over: 6 months}
treatment:
  drug: an invented drug
  reference_dose: 4 mg/day
  levels: [1, 2, 4]
  every: 28 days
  rules: [{when: tolerated, do: escalate}]
disease: {sensitive: calibrated}
events: {rash: {kind: toxicity, rate: calibrated}}
assessment: {every: 28 days}
evaluable: {after: 56 days}
cut_off: {after_opening: 12 months}
"""


@pytest.fixture
def with_fixed(tmp_path: Path) -> ParameterTable:
    """Draws of a rate, with a share that was fixed; in a file beside a scenario that uses both."""
    fixed = {"sensitive": FixedNumber(0.35, "", "literature")}
    context = {"drug": "an invented drug", "reference_dose": "4 mg/day"}
    table = ParameterTable("draws", ("rash rate",), ("/month",), np.array([[0.05], [0.08], [0.03]]), context, fixed)
    write_table(tmp_path / "draws.parquet", table)
    (tmp_path / "two.yaml").write_text(TWO_NUMBERS, encoding="utf-8")
    return table


def test_a_fixed_number_is_a_column_of_the_file_and_no_draw(with_fixed: ParameterTable, tmp_path: Path) -> None:
    assert list(pd.read_parquet(tmp_path / "draws.parquet")["sensitive"]) == [0.35, 0.35, 0.35]
    found = read_table(tmp_path / "draws.parquet", "draws")
    assert (found.names, found.fixed, found.context) == (with_fixed.names, with_fixed.fixed, with_fixed.context)
    assert found.digest == with_fixed.digest


def test_a_scenario_takes_fixed_numbers_from_the_table_alone(with_fixed: ParameterTable, tmp_path: Path) -> None:
    scenario = ts.load_scenario(tmp_path / "two.yaml")
    value = scenario.parameters.values["sensitive"]
    assert (value.value, value.source, value.origin) == ("0.35", "literature", "parameter set")
    result = ts.run(scenario, 30, seed=2, out=tmp_path / "out")
    assert result.protocol.parameter_names == ("rash rate",)
    own = scenario.with_changes({"parameters.values.sensitive": 0.5})
    assert own.parameters.values["sensitive"].value == 0.5
    (tmp_path / "draws.parquet").unlink()
    assert ts.run_again(tmp_path / "out" / "manifest.json").digest == result.digest
    kept = read_table(tmp_path / "out" / PARAMETERS_FILE, "draws")
    assert (kept.fixed, kept.context) == (with_fixed.fixed, with_fixed.context)


def test_as_csv_the_fixed_number_is_the_same_in_every_draw(with_fixed: ParameterTable, tmp_path: Path) -> None:
    """A CSV file has no metadata; the trials are the same, because all draws agree."""
    pd.read_parquet(tmp_path / "draws.parquet").to_csv(tmp_path / "draws.csv", index=False)
    by_csv = ts.load_scenario(tmp_path / "two.yaml", {"parameters": str(tmp_path / "draws.csv")})
    by_parquet = ts.load_scenario(tmp_path / "two.yaml")
    assert ts.run(by_csv, 30, seed=2).digest == ts.run(by_parquet, 30, seed=2).digest


def test_a_number_that_a_table_lacks_is_asked_for_beside_it(with_fixed: ParameterTable, tmp_path: Path) -> None:
    pd.read_parquet(tmp_path / "draws.parquet").drop(columns="sensitive").to_parquet(tmp_path / "less.parquet")
    with pytest.raises(ts.ConfigurationError) as raised:
        ts.load_scenario(tmp_path / "two.yaml", {"parameters": str(tmp_path / "less.parquet")})
    assert "no parameter is called 'sensitive' in less.parquet" in str(raised.value)
    assert "`parameters: {draws: …, values: {sensitive: …}}`" in str(raised.value)
