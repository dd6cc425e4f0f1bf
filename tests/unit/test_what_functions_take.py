"""Every function takes a name, a path, a mapping or an object, and a mapping is refused in the words of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trialsim as ts
from trialsim.config.loading.comparisons import Comparison
from trialsim.config.loading.size_studies import Sizing
from trialsim.config.source.builtin import builtin_folder
from trialsim.config.source.yaml import read_yaml

INVALID = sorted((Path(__file__).parents[1] / "configs" / "invalid").glob("*.yaml"))
SCENARIO = builtin_folder() / "scenarios" / "tosi2000.yaml"


def read(path: Path) -> dict[str, Any]:
    return read_yaml(path)[0]


def is_mapping(path: Path) -> bool:
    try:
        return bool(read(path))
    except ts.ConfigurationError:
        return False  # no YAML, or none that a mapping could be like


@pytest.fixture(params=["name", "path", "text", "mapping", "object", "resolved"])
def tosi(request: pytest.FixtureRequest, tosi2000: ts.Scenario) -> Any:
    """The published protocol in each form that a caller may give it."""
    return {
        "name": "tosi2000",
        "path": SCENARIO,
        "text": str(SCENARIO),
        "mapping": {"extends": "tosi2000", "name": "tosi2000"},
        "object": tosi2000,
        "resolved": tosi2000.to_mapping(),
    }[request.param]


@pytest.fixture(scope="module")
def checked(tosi2000: ts.Scenario) -> list[str]:
    return ts.check(tosi2000)


def test_scenarios_are_taken_in_every_form(tosi: Any, tosi2000: ts.Scenario, checked: list[str]) -> None:
    assert ts.load_scenario(tosi) == tosi2000
    assert ts.run(tosi, 2, 7).digest == ts.run(tosi2000, 2, 7).digest
    pd.testing.assert_frame_equal(ts.trace(tosi, patient=3), ts.trace(tosi2000, patient=3))
    assert ts.check(tosi) == ts.check([tosi]) == checked


@pytest.mark.parametrize("name", ["compare_titration", "simon_response"])
def test_studies_are_taken_in_every_form(name: str) -> None:
    loaded = ts.load_study(name)
    assert isinstance(loaded, Comparison if name == "compare_titration" else Sizing)
    path = builtin_folder() / "studies" / f"{name}.yaml"
    forms: list[Any] = [path, {**read(path), "name": name}, loaded, loaded.to_mapping()]
    checked = ts.check(name)
    for given in forms:
        assert ts.load_study(given).to_mapping() == loaded.to_mapping()
        assert ts.check(given) == checked


def test_cohorts_are_taken_in_every_form() -> None:
    cohort = ts.load_cohort("tosi2000")
    for given in (cohort, cohort.model_dump(), builtin_folder() / "cohorts" / "tosi2000.yaml"):
        assert ts.load_cohort(given) == cohort
        assert ts.check(given) == ts.check(cohort)


@pytest.mark.slow
def test_a_comparison_of_a_mapping_is_that_of_the_file() -> None:
    path = builtin_folder() / "studies" / "compare_titration.yaml"
    changes = {"accrual.patients": 3}
    given = {**read(path), "name": path.stem}
    assert ts.compare(given, changes, 2).digest == ts.compare(path, changes, 2).digest


def test_a_study_for_the_other_verb_is_refused() -> None:
    with pytest.raises(ts.ConfigurationError, match="trialsim size"):
        ts.compare("simon_response")
    with pytest.raises(ts.ConfigurationError, match="trialsim compare"):
        ts.size("compare_titration")


def test_a_loaded_study_takes_no_changes() -> None:
    for name, verb in (("compare_titration", ts.compare), ("simon_response", ts.size)):
        with pytest.raises(ts.ConfigurationError, match="changes where it is loaded"):
            verb(ts.load_study(name), {"accrual.patients": 5})  # type: ignore[arg-type]


@pytest.mark.parametrize("path", [path for path in INVALID if is_mapping(path)], ids=lambda path: path.stem)
def test_a_mapping_is_refused_as_the_file_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same problems in the same words; only the line of the file is missing."""
    monkeypatch.chdir(path.parent)
    with pytest.raises(ts.ConfigurationError) as of_file:
        ts.load_scenario(path)
    for function in (ts.load_scenario, ts.run, ts.trace):
        with pytest.raises(ts.ConfigurationError) as of_mapping:
            function(read(path))
        words = [(item.what, item.wrong, item.allowed) for item in of_mapping.value.problems]
        assert words == [(item.what, item.wrong, item.allowed) for item in of_file.value.problems]
        assert all(item.place for item in of_mapping.value.problems)


@pytest.mark.parametrize("given", [3, None, object(), ["tosi2000"], b"tosi2000"])
def test_what_is_none_of_these_is_refused_in_words(given: Any) -> None:
    functions: list[Any] = [ts.run, ts.trace, ts.load_scenario, ts.load_study, ts.load_cohort, ts.calibrate,
                            ts.compare, ts.size, ts.load_sizing]  # fmt: skip
    for function in functions:
        with pytest.raises(ts.ConfigurationError, match="a YAML path, a built-in name, a mapping, or the object"):
            function(given)


def test_values_of_other_libraries_are_plain_values(tosi2000: ts.Scenario) -> None:
    given = {
        "extends": "tosi2000",
        "name": "tosi2000",
        "accrual": {"patients": np.int64(27), "opens": pd.Timestamp("1999-10-01")},
        "treatment": {"levels": tuple(np.array([200, 400, 600, 800]))},
    }
    changed = tosi2000.with_changes({"treatment.levels": [200, 400, 600, 800], "accrual.opens": "1999-10-01"})
    assert ts.load_scenario(given).treatment.levels == changed.treatment.levels
    assert ts.load_scenario(given).accrual.patients == 27


def test_a_mapping_that_contains_itself_or_holds_functions_is_refused() -> None:
    endless: dict[str, Any] = {"extends": "tosi2000"}
    endless["treatment"] = endless
    with pytest.raises(ts.ConfigurationError, match="nested too deeply"):
        ts.load_scenario(endless)
    with pytest.raises(ts.ConfigurationError, match="a function cannot stand in a configuration"):
        ts.load_scenario({"extends": "tosi2000", "treatment": {"every": read}})


def test_names_of_built_in_configurations_need_no_kind() -> None:
    assert ts.builtin_names() == ts.builtin_names("scenarios")
    with pytest.raises(ts.ConfigurationError, match="Did you mean studies"):
        ts.builtin_names("study")


@pytest.mark.parametrize("scenarios", [None, {}, {"a": 3}, [1]])
def test_a_saved_study_without_scenarios_is_refused(scenarios: Any) -> None:
    for name, verb in (("compare_titration", ts.compare), ("simon_response", ts.size)):
        saved = {**ts.load_study(name).to_mapping(), "scenarios": scenarios}
        with pytest.raises(ts.ConfigurationError, match="a saved study has its scenarios by name"):
            verb(saved)
