"""Expressions over the columns of the patients table: what they give, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

import trialsim as ts
from trialsim.endpoints.expressions import Expression, KnownColumns

KNOWN = KnownColumns(
    ("a", "b", "day", "n_onsets.rash", "n_onsets.bone pain", "first_onset_days.rash", "days_at.400", "site",
     "baseline.age", "baseline.stage", "baseline.beta-2 microglobulin"),
    {"site": ("Bologna", "Ravenna"), "baseline.stage": ("I", "II", "III")},
)  # fmt: skip
COLUMNS = {
    "a": np.array([1.0, 2.0, 3.0]),
    "b": np.array([0.0, 2.0, 4.0]),
    "day": np.array([5.0, np.nan, 7.0]),
    "n_onsets.rash": np.array([0.0, 1.0, 2.0]),
    "n_onsets.bone pain": np.array([1.0, 0.0, 0.0]),
    "first_onset_days.rash": np.array([np.nan, 3.0, 9.0]),
    "days_at.400": np.array([10.0, 20.0, 30.0]),
    "site": np.array([0.0, 1.0, 0.0]),
    "baseline.age": np.array([50.0, 66.0, 70.0]),
    "baseline.stage": np.array([2.0, 0.0, 2.0]),
    "baseline.beta-2 microglobulin": np.array([4.0, 5.0, 6.0]),
}


def value(text: str) -> list[float]:
    return [float(x) for x in Expression(text, KNOWN)(COLUMNS, 3)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 * a + b / 2", [2.0, 5.0, 8.0]),
        ("-a ** 2", [-1.0, -4.0, -9.0]),
        ("a == 2 or b == 4", [0.0, 1.0, 1.0]),
        ("a == 2 and not b == 2", [0.0, 0.0, 0.0]),
        ("1 < a <= 3", [0.0, 1.0, 1.0]),
        ("day <= 6", [1.0, 0.0, 0.0]),
        ("not day <= 6", [0.0, 1.0, 1.0]),
        ("missing(day)", [0.0, 1.0, 0.0]),
        ("min(a, day)", [1.0, 2.0, 3.0]),
        ("max(b, 3)", [3.0, 3.0, 4.0]),
        ("baseline.age > 65", [0.0, 1.0, 1.0]),
        ('baseline("beta-2 microglobulin") <= 5', [1.0, 1.0, 0.0]),
        ('baseline.stage == "III"', [1.0, 0.0, 1.0]),
        ('"III" != baseline.stage and site == "Ravenna"', [0.0, 1.0, 0.0]),
        ("where(a > 1, b, -1)", [-1.0, 2.0, 4.0]),
        ("n_onsets.rash + n_onsets('bone pain')", [1.0, 1.0, 2.0]),
        ("first_onset_days('rash') < 5", [0.0, 1.0, 0.0]),
        ("days_at(400) / 10", [1.0, 2.0, 3.0]),
        ("3", [3.0, 3.0, 3.0]),
        ("a and b", [0.0, 1.0, 1.0]),
        ("(a > 1) + (b > 1)", [0.0, 2.0, 2.0]),
        ("-(a == 2) - (b == 4)", [0.0, -1.0, -1.0]),
        ("day != 5", [0.0, 0.0, 1.0]),
        ("exp(a > 1) / 2.718281828459045", [1 / 2.718281828459045, 1.0, 1.0]),
    ],
)
def test_expressions_give_what_they_say(text: str, expected: list[float]) -> None:
    assert value(text) == expected


def test_what_is_infinite_is_missing() -> None:
    assert np.isnan(value("log(b)")[0])
    assert np.isnan(value("a / b")[0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("__import__('os').system('true')", "there is no function|not allowed"),
        ("a.__class__", "not allowed"),
        ("(lambda: 1)()", "not allowed"),
        ("[x for x in a]", "not allowed"),
        ("'text'", "is not a number"),
        ("a if b else 1", "not allowed"),
        ("a +", "cannot be read"),
        ("cost", "there is no column cost"),
        ("days_at(500)", "there is no column days_at.500"),
        ("n_onsets(a)", "takes one name or dose"),
        ("sqrt(a, b)", "there is no function sqrt of 2 values"),
        ("a" * 1001, "too long"),
        ("a @ b", "not allowed"),
        ("1j", "is not a number"),
        ("9" * 400, "is not a number"),
        ("-" * 990 + "1", "nested too deeply"),
        ("-" * 500 + "a", "nested too deeply"),
        ("+".join(["a"] * 400), "nested too deeply"),
        ("(" * 250 + "a" + ")" * 250, "nested too deeply|cannot be read"),
        ("abs(" * 160 + "a" + ")" * 160, "nested too deeply"),
        (f"days_at(1{'0' * 400})", "is not a dose"),
        ("days_at(1e999)", "is not a dose"),
        (f"n_onsets(-1{'0' * 400})", "takes one name or dose"),
        ("a is 1", "not allowed"),
        ("baseline.weight > 65", "there is no column baseline.weight"),
        ("baseline.microglobulin > 4", r'baseline\("beta-2 microglobulin"\)'),
        ("days_at(300)", r"first_onset_days.rash, days_at\(400\), site"),
        ('baseline.stage == "IV"', "baseline.stage has no category 'IV'"),
        ("baseline.stage > 1", "baseline.stage is a category"),
        ("baseline.stage == 1", "baseline.stage is a category"),
        ('baseline.age == "old"', "'old' is not a number"),
    ],
)
def test_everything_else_is_refused_before_anything_is_simulated(text: str, message: str) -> None:
    with pytest.raises(ts.RequestError, match=message):
        Expression(text, KNOWN)
