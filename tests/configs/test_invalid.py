"""Every file in `invalid/` is refused with the lines that its own head expects, and in the four-part form."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import trialsim as ts

FILES = sorted((Path(__file__).parent / "invalid").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_invalid_file_is_refused_with_its_own_message(path: Path) -> None:
    expected = re.findall(r"^# expect: (.*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert expected, "the file says what to expect"
    with pytest.raises(ts.ConfigurationError) as raised:
        ts.load_scenario(path)
    message = str(raised.value)
    for line in expected:
        assert line in message
    for problem in raised.value.problems:
        place, wrong, allowed = str(problem).splitlines()[:3]
        assert problem.place
        assert place.startswith(problem.place)
        assert re.fullmatch(r"  \S.*\.", wrong), wrong
        assert re.fullmatch(r"  Allowed: \S.*\.", allowed), allowed


def test_there_are_many_kinds_of_mistake() -> None:
    assert len(FILES) >= 40


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"treatment.evry": "3 days"}, "change treatment.evry  treatment.evry"),
        ({"nowhere": 1}, "this key is not known here"),
        ({"treatment.levels": [100, 90]}, "Did you mean [90, 100]?"),
        ({"treatment.rules.0.do": "dance"}, "this word is not known here"),
        ({"accrual.patients": 0}, "accrual.patients = 0"),
        ({"accrual.patients": 10**12}, "accrual.patients = 1000000000000"),
        ({"interpretations.rash": "seven"}, "there is no such interpretation"),
    ],
)
def test_a_change_is_refused_as_a_file_would_be(tosi2000: ts.Scenario, changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(ts.ConfigurationError, match=re.escape(expected)):
        tosi2000.with_changes(changes)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ts.ConfigurationError, match="there is no such file"):
        ts.load_scenario("no/such/file.yaml")
