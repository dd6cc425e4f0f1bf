"""From one source of parameters to another and back, in files and by changes; nothing falls silently to the mode."""

from __future__ import annotations

from pathlib import Path

import pytest

import trialsim as ts
from trialsim.config import protocol_of

INVENTED = Path(__file__).parents[1] / "calibration" / "invented" / "scenario.yaml"

USER_VALUES = {"sensitive": 0.61, "cut off": "12 months"}


def n_varying(scenario: ts.Scenario) -> int:
    return len(protocol_of(scenario).parameter_names)


def test_a_value_fixed_in_a_file_leaves_the_others_calibrated(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: tosi2000\nparameters: {values: {cut off: 12 months}}\n")
    scenario = ts.load_scenario(tmp_path / "mine.yaml")
    assert scenario.parameters.use == "calibrated"
    assert n_varying(scenario) == 14
    assert scenario == ts.load_scenario("tosi2000", {"parameters.values.cut off": "12 months", "name": "mine"})


@pytest.mark.parametrize("word", ["mode", "calibrated"])
def test_a_word_takes_the_place_of_the_other_and_back(tosi2000: ts.Scenario, word: str) -> None:
    changed = tosi2000.with_changes({"parameters": word})
    assert n_varying(changed) == (15 if word == "calibrated" else 0)
    assert changed.with_changes({"parameters": "calibrated"}) == tosi2000


@pytest.mark.parametrize("word", ["mode", "calibrated"])
@pytest.mark.parametrize("use", ["mode", "calibrated"])
def test_a_word_keeps_the_values_of_the_user(tmp_path: Path, use: str, word: str) -> None:
    """By a change and by a file that extends the other; what was filled in from the old source goes."""
    own = tmp_path / "own.yaml"
    own.write_text(f"extends: tosi2000\nparameters: {{use: {use}, values: {{sensitive: 0.61, cut off: 12 months}}}}\n")
    (tmp_path / "next.yaml").write_text(f"extends: own.yaml\nparameters: {word}\n")
    expected = ts.load_scenario("tosi2000", {"parameters": {"use": word, "values": USER_VALUES}, "name": "own"})
    changed = ts.load_scenario(own, {"parameters": word})
    assert changed == expected
    assert ts.load_scenario(tmp_path / "next.yaml").with_changes({"name": "own"}) == expected
    kept = {name: item.value for name, item in changed.parameters.values.items() if item.origin == "user"}
    assert kept == USER_VALUES


def test_the_path_of_a_table_keeps_the_values_of_the_user(tosi2000: ts.Scenario, tmp_path: Path) -> None:
    names = [*protocol_of(tosi2000).parameter_names]
    unitless = ("sensitive", "toxicity dose exponent", "response dose exponent")
    months = ("evaluable after", "cut off")
    units = {name: "" if name in unitless else " [months]" if name in months else " [/month]" for name in names}
    values = {name: tosi2000.parameters.values[name].value for name in names}
    row = ",".join(str(values[name]).split()[0] for name in names)
    table = tmp_path / "draws.csv"
    table.write_text("\n".join([",".join(name + units[name] for name in names), row, row]) + "\n")
    changed = tosi2000.with_changes({"parameters.values.sensitive": 0.61}).with_changes({"parameters": str(table)})
    assert changed.parameters.draws == str(table)
    assert changed.parameters.values["sensitive"].value == 0.61
    assert n_varying(changed) == len(names) - 1


def test_a_parameter_set_by_path_goes_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From any folder, by a word, and from the resolved file."""
    scenario = ts.load_scenario(INVENTED)
    assert scenario.with_changes({"parameters": "mode"}) == scenario
    (tmp_path / "resolved.yaml").write_text(scenario.to_yaml(), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert ts.load_scenario("resolved.yaml").with_changes({"name": scenario.name}) == scenario


def test_taking_a_table_away_leaves_the_posterior(tosi2000: ts.Scenario, tmp_path: Path) -> None:
    names = [*protocol_of(tosi2000).parameter_names]
    units = dict.fromkeys(("sensitive", "toxicity dose exponent", "response dose exponent"), "")
    units |= {"cut off": " [months]", "evaluable after": " [months]"}
    header = ",".join(f"{name}{units.get(name, ' [/month]')}" for name in names)
    row = ",".join("11" if name == "cut off" else "0.3" for name in names)
    (tmp_path / "own.csv").write_text(f"{header}\n{row}\n")
    own = tosi2000.with_changes({"parameters.draws": str(tmp_path / "own.csv")})
    assert own.parameters.values["cut off"].value == "11 months"
    assert own.with_changes({"parameters.draws": None}) == tosi2000


def test_a_number_that_is_not_the_median_it_claims_to_be_is_refused(tosi2000: ts.Scenario, tmp_path: Path) -> None:
    """A resolved file in which somebody changed a value and left its origin."""
    value = tosi2000.parameters.values["cut off"].value
    text = tosi2000.to_yaml().replace(f"value: {value}", "value: 20 months")
    assert text != tosi2000.to_yaml()
    (tmp_path / "edited.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(
        ts.ConfigurationError, match="its origin is the median of the posterior of tosi2000, which it is not"
    ):
        ts.load_scenario(tmp_path / "edited.yaml")
    assert n_varying(tosi2000.with_changes({"parameters.values.cut off": "20 months"})) == 14


def test_the_medians_are_those_of_the_table_that_is_there(tosi2000: ts.Scenario, tmp_path: Path) -> None:
    """A resolved file whose digest was taken out is filled in anew."""
    text = tosi2000.to_yaml().replace(f"  digest: {tosi2000.parameters.digest}\n", "")
    assert text != tosi2000.to_yaml()
    (tmp_path / "tosi2000.yaml").write_text(text, encoding="utf-8")
    assert ts.load_scenario(tmp_path / "tosi2000.yaml") == tosi2000


def test_a_precision_beyond_the_number_of_draws_is_refused_early(own_draws: ts.Scenario) -> None:
    with pytest.raises(
        ts.RequestError, match=r"30 draws of the parameters do not allow it(.|\n)*a table of more draws"
    ):
        ts.run(own_draws, 400, target_mcse={"toxicity.rash": 0.002})


@pytest.fixture
def own_draws(tosi2000: ts.Scenario, tmp_path: Path) -> ts.Scenario:
    rows = "\n".join(f"{0.01 + 0.01 * i:.2f}" for i in range(30))
    (tmp_path / "rash.csv").write_text(f"rash rate [/month]\n{rows}\n")
    others = {name: value for name, value in tosi2000.parameters.values.items() if name != "rash rate"}
    values = {name: {"value": value.value, "source": "fixed by hand"} for name, value in others.items()}
    return tosi2000.with_changes({"parameters": {"draws": str(tmp_path / "rash.csv"), "values": values}})
