"""Units are read in their usual spellings, and a suggestion never changes a quantity."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

import trialsim as ts
from trialsim.config.schema.quantities import Dose, Duration, Measurement, Probability, Rate, Spread
from trialsim.config.schema.quantity import Quantity
from trialsim.config.schema.written_values import split_number

MONTH = 30.4375


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Dose, "100 ug/day", 0.1), (Dose, "100 µg/day", 0.1), (Dose, "100 \u03bcg/day", 0.1), (Dose, "100 mcg/d", 0.1),
        (Dose, "700 µg/day", 0.7), (Dose, "0.57 g/day", 570.0), (Dose, "700 mg/week", 100.0), (Dose, "7 g/wk", 1000.0),
        (Dose, "400 mg per day", 400.0), (Dose, "400 MG/Day", 400.0), (Dose, "400 mg / d", 400.0),
        (Duration, "12 mo", 12 * MONTH), (Duration, "12 mos", 12 * MONTH), (Duration, "2 wk", 14.0),
        (Duration, "2 weeks", 14.0), (Duration, "1 yr", 365.25), (Duration, "14 Days", 14.0), (Duration, "3 d", 3.0),
        (Rate, "0.1 per mo", 0.1), (Rate, "0.1/month", 0.1), (Rate, "0.1 / months", 0.1), (Rate, "7 /wk", MONTH),
        (Probability, "5 percent", 0.05), (Probability, "5%", 0.05), (Measurement, "250 10^9/L", 250.0),
        (Dose, "10 mg", 10.0), (Dose, "0.2 g", 200.0), (Dose, "50 µg", 0.05),
    ],
)  # fmt: skip
def test_usual_spellings_of_units_are_read(kind: type[Quantity], text: str, value: float) -> None:
    assert kind.number(text) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("kind", "text", "suggestion"),
    [
        (Dose, "1 mg/kg/month", ""), (Dose, "1 mg/cm2", ""), (Dose, "0.5 kg/day", "500000 mg/day"),
            (Dose, "2 kg/day", ""), (Measurement, "10^9/L", ""),
        (Dose, "0,5 mg/day", "0.5 mg/day"), (Dose, "1,000 mg/day", ""),
            (Dose, "1 000 mg/day", ""),
        (Duration, "14", ""), (Duration, "12 hours", "0.5 days"), (Duration, "14 mg", ""),
            (Duration, "3,5 days", "3.5 days"),
        (Duration, "12-14 days", ""), (Duration, "1.5.2 days", ""), (Duration, "1/2 month", ""),
        (Rate, "0.1", ""), (Rate, "0,03 /month", "0.03 /month"), (Rate, "0.1 month", ""), (Rate, "3 /hour", ""),
        (Spread, "0,5", "0.5"), (Spread, "0.5 mg", ""), (Probability, "0,25", "0.25"), (Probability, "25 ‰", ""),
        (Measurement, "4,36 mg/L", "4.36 mg/L"), (Measurement, "1 000 mg/L", ""), (Dose, "1'000 mg/day", ""),
    ],
)  # fmt: skip
def test_a_suggestion_is_the_same_quantity_or_none(kind: type[Quantity], text: str, suggestion: str) -> None:
    with pytest.raises(ValidationError) as raised:
        kind.of(text)
    context = raised.value.errors()[0]["ctx"]
    assert context["suggestion"] == suggestion
    if suggestion:
        kind.of(suggestion)


def test_a_ladder_is_suggested_only_with_the_same_doses(tosi2000: ts.Scenario) -> None:
    with pytest.raises(ts.ConfigurationError, match=r"Did you mean \[1234567, 1234568\]\?|out of range"):
        tosi2000.with_changes({"treatment.levels": [1234568, 1234567]})
    with pytest.raises(ts.ConfigurationError, match=r"Did you mean \[123456.7, 123456.8\]\?"):
        tosi2000.with_changes({"treatment.levels": [123456.8, 123456.7]})
    with pytest.raises(ts.ConfigurationError) as raised:
        tosi2000.with_changes({"treatment.levels": [100, 200, 200]})
    assert "Did you mean" not in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({"format": 11}, "1"), ({"parameters": "fixd"}, "fixed"),
        ({"treatment.every": {"value": "3 days", "source": 2006}}, '"2006"'),
    ],
)  # fmt: skip
def test_no_other_value_is_suggested_for_a_number_or_a_source(
    tosi2000: ts.Scenario, changes: dict[str, object], allowed: str
) -> None:
    with pytest.raises(ts.ConfigurationError) as raised:
        tosi2000.with_changes(changes)
    assert allowed in str(raised.value)
    assert "Did you mean" not in str(raised.value)


def test_a_long_text_is_no_number() -> None:
    assert split_number("1" + " " * 1_000_000 + "x") is None


@pytest.mark.parametrize(
    ("setting", "value", "found"),
    [("alpha", "5 %", 0.05), ("power", "90 %", 0.9), ("looks.at", ["50 %", 1], [0.5, 1.0]), ("alpha", 0.025, 0.025)],
)
def test_shares_of_a_study_may_be_in_per_cent(setting: str, value: object, found: object) -> None:
    name = "logrank_progression" if setting == "looks.at" else "simon_response"
    study: object = ts.load_sizing(name, {setting: value}).study
    for part in setting.split("."):
        study = getattr(study, part)
    assert study == found


def test_a_share_with_a_decimal_comma_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ts.ConfigurationError, match=r"Did you mean 0\.05\?"):
        ts.load_sizing("simon_response", {"alpha": "0,05"})
