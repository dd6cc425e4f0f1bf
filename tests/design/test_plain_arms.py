"""Plain rates and medians of arms: exact designs take them as they are, and the simulator meets them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import trialsim as ts
from tests.tolerances import N_STANDARD_ERRORS
from trialsim.config.loading.size_studies import load_sizing
from trialsim.design.base import ALTERNATIVE, NULL
from trialsim.design.conduct.timelines import simulated
from trialsim.design.hypotheses import rate_of, with_follow_up
from trialsim.design.preparation import prepare_study
from trialsim.design.prepared_study import PreparedStudy
from trialsim.design.theory.time_to_event import schoenfeld_events
from trialsim.design.theory.two_arm_sizes import smallest_trial
from trialsim.errors import RequestError
from trialsim.model.protocol import Protocol
from trialsim.model.units import DAYS_PER_MONTH
from trialsim.simulation.engine import BATCH
from trialsim.workflows.check import check

BASE: dict[str, Any] = {"study": "size", "title": "plain", "scenario": "followup", "design": "two-arm"}
RATES: dict[str, Any] = {
    **BASE, "endpoint": {"of": "partial response", "within": "6 months"},
    "rates": {"control": 0.3, "experimental": {"value": "50 %", "source": "a registry"}},
    "allocation": {"ratio": {"experimental": 2}},
}  # fmt: skip
TOXICITY: dict[str, Any] = {
    **BASE, "endpoint": {"of": "any severe toxicity", "within": "6 months"}, "rates": {"now": 0.6, "less": 0.4},
}  # fmt: skip
MEDIANS: dict[str, Any] = {
    **BASE, "design": "logrank", "endpoint": "progression-free",
    "medians": {"control": "4 months", "experimental": "6 months"}, "n": 160,
}  # fmt: skip
NONE = [{"rate": "0 /month"}]
HAZARDS: dict[str, Any] = {
    **BASE, "design": "logrank", "endpoint": "progression-free", "n": 120,
    "hazards": {
        "control": [*NONE, {"after": "14 days", "rate": "0.2 /month"}, {"after": "3 months", "rate": "0.1 /month"}],
        "experimental": [*NONE, {"after": "14 days", "rate": "0.1/month"}, {"after": "3 months", "rate": "0.05/month"}],
    },
}  # fmt: skip
FORMULA = 0.02  # of the normal approximation with 120 patients, and of accrual that is not uniform
ROOT = 0.004  # shares and factors are found to some thousandths, on a tenth of the patients
SEEN_MONTHS = 12.0  # the follow-up of a trial with times to events, unless it says otherwise


@pytest.fixture(autouse=True)
def _fewer_patients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rates on a tenth of the patients: `ROOT` allows for it."""
    monkeypatch.setattr("trialsim.design.hypotheses.PATIENTS_OF_RATES", 40_000)


def ready_study(study: dict[str, Any]) -> PreparedStudy:
    return prepare_study(load_sizing(study), BATCH, 1, 100)


def seen(ready: PreparedStudy, arm: Protocol, days: float) -> Any:
    """Many patients of one arm, with draws of their own, everyone followed for `days`."""
    return simulated([BATCH], [with_follow_up(arm, 50, days)], None, ready.outcomes.primary, 77, 1, 400)


@pytest.mark.parametrize("study", [RATES, TOXICITY], ids=["response", "toxicity"])
def test_each_arm_of_the_simulator_has_its_plain_rate(study: dict[str, Any]) -> None:
    ready = ready_study({**study, "n": 60})
    assert set(ready.truths) == {NULL, ALTERNATIVE}  # nothing is averaged over a posterior
    rates = [rate.value for rate in ready.study.rates.values()]
    for arms, expected in ((ready.truths[ALTERNATIVE], rates), (ready.truths[NULL], [rates[0]] * 2)):
        for arm, rate in zip(arms, expected, strict=True):
            lines = seen(ready, arm, ready.follow_up_days)
            who = (lines.number > 0) & lines.is_evaluable
            share = float(np.isfinite(lines.event[:, :, 0])[who].mean())
            error = math.sqrt(rate * (1.0 - rate) * (1.0 / who.sum() + 1.0 / 40_000))
            assert abs(share - rate) < N_STANDARD_ERRORS * error + ROOT


def test_the_exact_design_takes_the_plain_rates_whatever_the_scenario_says() -> None:
    plain, modelled = ready_study(RATES), ready_study({**RATES, "scenario": "salvage"})
    smallest = smallest_trial(0.3, 0.5, 0.05, 0.8, 1, "boschloo", (1, 2), 400)
    for ready in (plain, modelled):
        assert ready.numbers["n"] == smallest.n_control + smallest.n_experimental
        assert ready.numbers["power"] == pytest.approx(smallest.power, rel=1e-10)
        assert ready.rates == {"control": (0.3, 0.0), "experimental": (0.5, 0.0)}


def test_arms_may_differ_in_the_scenario_too() -> None:
    arms = {"control": {}, "experimental": {"treatment.levels": [100]}}
    ready = ready_study({**RATES, "variants": arms, "n": 90})
    high, low = (max(arm.levels) for arm in ready.truths[ALTERNATIVE])
    assert low < high
    assert ready.numbers["p_experimental"] == 0.5
    assert "1.000 with hazards of response times" in ready.obtained_by[ALTERNATIVE]  # of 100 mg/day 47 % at most
    arm = ready.truths[ALTERNATIVE][1]
    assert rate_of(arm, ready.outcomes.primary[0], False)[0] == pytest.approx(0.5, abs=ROOT)


def test_events_of_each_arm_are_those_of_exponential_times_with_its_median() -> None:
    """Until the final analysis of the trial, with draws of the patients' own."""
    ready = ready_study(MEDIANS)
    for arm, median in zip(ready.truths[ALTERNATIVE], (4.0, 6.0), strict=True):
        horizon = 100.0 * DAYS_PER_MONTH  # longer than any trial of 160
        lines = simulated([BATCH], [with_follow_up(arm, 160, horizon)], None, ready.outcomes.primary, 77, 1, 120)
        is_there, event = lines.number > 0, lines.event[:, :, 0]
        entry = np.where(is_there, lines.arrival, -np.inf)
        analysis = entry.max(axis=1, keepdims=True) + SEEN_MONTHS * DAYS_PER_MONTH
        last_seen = np.minimum(lines.left, analysis - entry)
        observed = float((is_there & (event <= last_seen)).sum())
        at_risk = np.minimum(event, last_seen)[is_there]
        expected = float((math.log(2.0) * at_risk / (median * DAYS_PER_MONTH)).sum())
        errors = math.sqrt(expected * (1.0 + is_there.sum() / 40_000))  # of these patients, and of those of the search
        assert abs(observed - expected) < N_STANDARD_ERRORS * errors + ROOT * expected
    assert ready.truths[NULL][0] == ready.truths[NULL][1] == ready.truths[ALTERNATIVE][0]


@pytest.mark.parametrize("endpoint", ["progression-free", "survival"])
def test_times_of_each_arm_are_piecewise_exponential(endpoint: str) -> None:
    """Every time is drawn from the hazards of the study, without the scenario's frailties, doses and assessments."""
    ready = ready_study({**HAZARDS, "endpoint": endpoint})
    for arm, name in zip(ready.truths[ALTERNATIVE], ready.study.hazards, strict=True):
        lines = seen(ready, arm, 2000.0)
        who = lines.number > 0
        event, left = lines.event[:, :, 0][who], np.minimum(lines.left[who], 2000.0)
        days, has_event = np.minimum(event, left), event <= left
        starts = [piece.after.value for piece in ready.study.hazards[name]]
        for start, end, piece in zip(starts, [*starts[1:], 2000.0], ready.study.hazards[name], strict=True):
            at_risk = np.clip(days, start, end) - start
            expected = float(at_risk.sum()) * piece.rate.value / DAYS_PER_MONTH
            observed = int((has_event & (days >= start) & (days < end)).sum())
            assert abs(observed - expected) <= N_STANDARD_ERRORS * math.sqrt(expected)
    assert ready.truths[NULL] == (ready.truths[ALTERNATIVE][0],) * 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "of", [{"design": "logrank"}, {"design": "logrank", "test": "fleming-harrington 0 1"},
           {"design": "rmst", "until": "12 months"}],
)  # fmt: skip
def test_the_planned_power_of_plain_hazards_is_the_simulated_one(of: dict[str, str]) -> None:
    """Accrual of the scenario ramps up and pauses, which the formulas take as uniform."""
    study = {**HAZARDS, **of, "replicates": 2000}
    done = ts.size(study, workers=1)
    shown = done.calendar[done.calendar["quantity"] == "rejects the null"]
    simulated_shares = {row["truth"]: (row["value"], row["mcse"]) for row in shown.to_dict("records")}
    for truth, planned in ((ALTERNATIVE, done.design["power"]), (NULL, 0.05)):
        share, error = simulated_shares[truth]
        assert abs(share - planned) < N_STANDARD_ERRORS * error + FORMULA
    assert "Events are seen when they happen." in done.paragraph


def test_formulas_of_times_take_the_plain_medians() -> None:
    ready = ready_study({key: value for key, value in MEDIANS.items() if key != "n"} | {"power": 0.6, "largest_n": 150})
    at = ready.numbers
    assert at["hazard_ratio"] == pytest.approx(4.0 / 6.0, rel=1e-12)
    assert at["schoenfeld_events"] == pytest.approx(schoenfeld_events(4.0 / 6.0, 0.05, 0.6, 1.0, 1), rel=1e-12)
    assert at["median_months"] == {"control": pytest.approx(4.0), "experimental": pytest.approx(6.0)}


def test_the_control_may_be_named() -> None:
    """Then the lower of two rates of toxicity is that of the experimental arm although it is written first."""
    study = {**TOXICITY, "rates": {"less": 0.4, "now": 0.6}, "control": "now", "n": 60}
    assert "0.6 in now and 0.4 in less" in check([study])[0]
    sizing = load_sizing(study)
    assert list(sizing.scenarios) == ["now", "less"]


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "both": ({**RATES, "alternative": "modelled"}, "alternative", "the `rates` of the arms are the alternative"),
    "other arms": (
        {**RATES, "variants": {"control": {}, "new": {}}, "allocation": {}}, "rates", "other arms than `variants`",
    ),
    "three arms": ({**RATES, "rates": {"control": 0.1, "experimental": 0.2, "c": 0.3}}, "rates", "compares two arms"),
    "one arm": ({**TOXICITY, "rates": {"a": 0.1}}, "rates", "`rates` with two arms"),
    "nobody": ({**RATES, "rates": {"control": 0.0, "experimental": 0.2}}, "rates.control", "a rate of 0 or 1"),
    "the same": ({**RATES, "rates": {"control": 0.2, "experimental": 0.2}}, "rates", "the same rate"),
    "worse": ({**RATES, "rates": {"control": 0.5, "experimental": 0.2}}, "rates", "the experimental arm is not better"),
    "wald": ({**RATES, "test": "wald"}, "rates", "compares what the scenario says"),
    "one arm's design": (
        {**RATES, "design": "single-stage", "null": 0.2, "alternative": 0.4, "allocation": {}},
        "rates", "single-stage does not use it",
    ),
    "shorter": (
        {**MEDIANS, "medians": {"a": "6 months", "b": "5 months"}}, "medians.b", "not longer than that of a, 6 months",
    ),
    "rates of times": ({**MEDIANS, "rates": {"a": 0.3, "b": 0.5}}, "rates", "logrank does not use it"),
    "too few": ({**RATES, "largest_n": 30}, "largest_n", "`n: 30` asks for the power"),
    "share": ({**RATES, "rates": {"control": 0.3, "experimental": 1.5}}, "rates.experimental", "Allowed"),
    "no unit": ({**MEDIANS, "medians": {"a": 4, "b": 6}}, "medians.a", "Allowed"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_does_not_go_together_is_refused_with_its_line(tmp_path: Path, name: str) -> None:
    data, key, message = REFUSED[name]
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    with pytest.raises(ts.ConfigurationError) as raised:
        check([str(path)])
    text = str(raised.value)
    assert message in text
    lines = path.read_text(encoding="utf-8").splitlines()
    line = next(i for i, written in enumerate(lines, 1) if written.lstrip().startswith(f"{key.split('.')[-1]}:"))
    assert f"study.yaml:{line}  {key}" in text


@pytest.mark.parametrize(
    ("study", "message"),
    [
        (
            {**RATES, "rates": {"control": 0.3, "experimental": 0.95}, "n": 90},
            r"rates.experimental = 0.95\n.*nobody can reach it: with the soonest responses 0.9",
        ),
        ({**MEDIANS, "medians": {"control": "1 days", "experimental": "2 days"}}, "medians.control = 1 days"),
    ],
    ids=["rate", "median"],
)
def test_what_the_scenario_cannot_meet_names_the_arm(study: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        ready_study(study)


def test_the_words_of_the_alternative_are_the_numbers_as_written() -> None:
    text = check([RATES])[0]
    assert "alternative: rates of 0.3 in control and 50 % in experimental (a registry)" in text
    assert "experimental departs from control by its rate alone" in text
    times = check([MEDIANS])[0]
    assert "alternative: exponential times with medians of 4 months in control and 6 months in experimental" in times
