"""Closed forms of clocks with a frailty, a cure fraction, a delay or a dose floor; discontinuation, missed visits.

Every bound is 4 Monte Carlo standard errors, as in `test_closed_forms`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

import trialsim as ts
from tests.theory.test_closed_forms import BEYOND_4_ERRORS, MONTH, assert_probability, first_days, fixed
from tests.trials import scenario_of, simulated_by_batch, toxicity
from trialsim.model import vocabulary as v

pytestmark = pytest.mark.slow

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(80)  # of a standard normal
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


def survival_with_frailty(cumulative_hazard: float, sd: float, long_term: float = 0.0) -> float:
    """E[exp(-H Z)] for a lognormal Z with median 1, 0 with a probability; by Gauss-Hermite quadrature."""
    return long_term + (1.0 - long_term) * float(_WEIGHTS @ np.exp(-cumulative_hazard * np.exp(sd * _NODES)))


def clocks(frailty: dict[str, Any], **events: dict[str, Any]) -> ts.Scenario:
    """Clocks that share the frailty "disease"."""
    shared = {name: {**event, "frailty": "disease"} for name, event in events.items()}
    return scenario_of(frailties={"disease": frailty}, events=shared)


@pytest.mark.parametrize("sd", [0.5, 1.5])
@pytest.mark.parametrize("shape", [0.6, 1, 1.8])
def test_a_weibull_clock_with_a_lognormal_frailty(sd: float, shape: float) -> None:
    rate = 0.15
    progression = {"kind": "progression", "rate": f"{rate} /month", "shape": shape}
    days = first_days(clocks({"sd": sd}, progression=progression), "progression", "progression")
    for months in (0.5, 3.0, 12.0):
        assert_probability(days < months * MONTH, 1.0 - survival_with_frailty(rate * months**shape, sd))


def test_a_frailty_makes_the_times_of_two_events_depend_on_each_other() -> None:
    rates, sd = (0.10, 0.25), 0.9
    scenario = clocks({"sd": sd}, nausea=toxicity(f"{rates[0]} /month"), rash=toxicity(f"{rates[1]} /month"))
    nausea, rash = (first_days(scenario, "toxicity onset", name) for name in ("nausea", "rash"))
    for months in ((2.0, 2.0), (1.0, 8.0)):
        neither = (nausea > months[0] * MONTH) & (rash > months[1] * MONTH)
        assert_probability(neither, survival_with_frailty(rates[0] * months[0] + rates[1] * months[1], sd))


def test_a_long_term_share_never_has_the_event() -> None:
    rate, sd, long_term = 0.8, 0.4, 0.2  # the others have it within 20 months but for 1 in 10 million
    death = {"kind": "death", "rate": f"{rate} /month"}
    days = first_days(clocks({"sd": sd, "long_term": long_term}, death=death), "died", "death")
    for months in (1.0, 4.0, 20.0):
        assert_probability(days < months * MONTH, 1.0 - survival_with_frailty(rate * months, sd, long_term))


@pytest.mark.parametrize("shape", [1, 0.5])
def test_a_delay_moves_the_distribution(shape: float) -> None:
    rate, delay = 0.5, 0.7
    event = toxicity(f"{rate} /month", shape=shape, delay=f"{delay} months", dose_exponent=1)
    scenario = scenario_of(events={"nausea": event}, treatment=fixed(200))
    days = first_days(scenario, "toxicity onset", "nausea")
    assert days.min() >= delay * MONTH
    for months in (0.9, 3.0):
        assert_probability(days < months * MONTH, 1.0 - math.exp(-0.5 * rate * (months - delay) ** shape))


def test_a_delay_that_a_change_of_dose_falls_into_uses_up_no_hazard() -> None:
    rate = 0.5
    scenario = scenario_of(
        events={"nausea": toxicity(f"{rate} /month", delay="20 days", dose_exponent=1)},
        treatment={**fixed(400), "levels": [100, 400], "rules": [{"when": "tolerated", "do": "escalate"}]},
    )  # the dose rises on day 14, six days before the clock starts
    days = first_days(scenario, "toxicity onset", "nausea")
    assert_probability(days < 2.0 * MONTH, 1.0 - math.exp(-rate * (2.0 - 20.0 / MONTH)))


@pytest.mark.parametrize(("dose", "acting"), [(400, 400), (100, 100), (20, 50)])
def test_the_drug_protects_with_a_negative_exponent(dose: float, acting: float) -> None:
    rate, exponent = 0.2, -0.5
    event = {"kind": "progression", "rate": f"{rate} /month", "dose_exponent": exponent, "dose_floor": 50}
    days = first_days(scenario_of(events={"progression": event}, treatment=fixed(dose)), "progression", "progression")
    assert_probability(days < 3.0 * MONTH, 1.0 - math.exp(-rate * (acting / 400.0) ** exponent * 3.0))


@pytest.mark.parametrize(("exponent", "delay"), [(1, 0.0), (0, 0.0), (0.5, 6.0)])
def test_a_clock_that_exposure_drives_ages_with_what_is_taken(exponent: float, delay: float) -> None:
    """A ladder of 100, 200 and 400 mg/day at 14-day steps; the age is a sum of paces times days, from the delay on."""
    rate, shape = 0.5, 2.0
    event = toxicity(f"{rate} /month", shape=shape, dose_exponent=exponent, driven_by="exposure", delay=f"{delay} days")
    climb = {**fixed(400), "levels": [100, 200, 400], "rules": [{"when": "tolerated", "do": "escalate"}]}
    days = first_days(scenario_of(events={"neuropathy": event}, treatment=climb), "toxicity onset", "neuropathy")
    for day in (10.0, 21.0, 60.0):
        edges = np.clip([0.0, 14.0, 28.0, math.inf], delay, day)
        age = float(np.diff(edges) @ (np.array([100.0, 200.0, 400.0]) / 400.0) ** exponent) / MONTH
        assert_probability(days < day, 1.0 - math.exp(-rate * age**shape))


def test_exposure_stands_still_while_the_drug_is_held() -> None:
    """Held from day 0 to the end of the rash: the age of the other clock is the time on the drug."""
    rate = 0.4
    events = {
        "rash": toxicity("2 /month", resolves={"rate": "0.7 /month"}),
        "neuropathy": toxicity(f"{rate} /month", driven_by="exposure", dose_limiting=False, severe=False),
    }
    rules = [{"when": {"toxicity": "rash"}, "do": "hold", "at": "onset"}]
    scenario = scenario_of(events=events, treatment={**fixed(400), "rules": rules})
    _, patients, _ = simulated_by_batch(scenario, 40)
    days = first_days(scenario, "toxicity onset", "neuropathy")
    on_drug = (patients["treatment_days"] - patients["held_days"]).to_numpy()  # of all, to the cut-off
    assert_probability(days < np.inf, float(np.mean(1.0 - np.exp(-rate * on_drug / MONTH))))


def test_discontinuation_ends_treatment_and_not_observation() -> None:
    stop, death, after_stop = 0.3, 0.1, 2.0  # without the drug the floor of 100 mg/day acts: (100/400)^-0.5 = 2
    events = {
        "choice": {"kind": "discontinuation", "rate": f"{stop} /month"},
        "death": {"kind": "death", "rate": f"{death} /month", "dose_exponent": -0.5, "dose_floor": 100},
    }
    scenario = scenario_of(events=events)
    stopped = first_days(scenario, "discontinued", "choice")
    died = first_days(scenario, "died", "death")
    both = stop + death
    for months in (2.0, 9.0):
        assert_probability(stopped < months * MONTH, stop / both * (1.0 - math.exp(-both * months)))
        on_drug = math.exp(-both * months)  # alive at this time, and never stopped
        lost, fast = stop / (both - after_stop * death), after_stop * death
        alive = on_drug + lost * (math.exp(-fast * months) - on_drug)
        assert_probability(died < months * MONTH, 1.0 - alive)
    _, patients, _ = simulated_by_batch(scenario, 2)
    stayed = patients["treatment_end"] == v.DISCONTINUATION
    assert (patients["observed_days"] > patients["treatment_days"])[stayed].all()
    assert set(patients["treatment_end"]) == {v.DEATH, v.DISCONTINUATION}  # within 24 months: nobody is left on it


def test_progression_waits_for_an_assessment_that_is_not_missed() -> None:
    missed, every = 0.4, 28.0
    scenario = scenario_of(
        events={"progression": {"kind": "progression", "rate": "0.5 /month"}},
        assessment={"every": f"{every:g} days", "missed": missed},
        cut_off={"after_opening": "60 months"},
    )
    happened = first_days(scenario, "progression", "progression")
    _, patients, _ = simulated_by_batch(scenario, 40)
    seen = patients["progression_seen_days"].to_numpy()
    waited = np.round(seen / every) - np.floor(happened / every)  # assessments since: 1 for the next one
    for n in (1, 2, 3):
        assert_probability(waited <= n, 1.0 - missed**n)


def test_the_grades_of_a_toxicity_are_parts_of_its_onsets() -> None:
    rate, shares = 0.3, {"grade III": 0.4, "grade IV": 0.1}
    events = {"constipation": toxicity(f"{rate} /month", severe=False)}
    events |= {name: {"kind": "toxicity", "part_of": "constipation", "share": share} for name, share in shares.items()}
    scenario = scenario_of(events=events)
    onset, *parts = (first_days(scenario, "toxicity onset", name) for name in events)
    for days, share in zip(parts, shares.values(), strict=True):
        assert_probability(days < 3.0 * MONTH, share * (1.0 - math.exp(-rate * 3.0)))
        assert (days[days < np.inf] == onset[days < np.inf]).all()
    assert (parts[1] >= parts[0]).all()  # nested: whoever has grade IV has grade III


def test_severe_onsets_alone_reduce_the_dose() -> None:
    events = {
        "rash": toxicity("0.5 /month", severe=False, recurs=True, resolves={"rate": "5 /month"}),
        "severe rash": {"kind": "toxicity", "part_of": "rash", "share": 0.25},
    }
    rules = [{"when": {"toxicity": "severe", "timing": "new"}, "do": "reduce", "at": "onset"}]
    treatment = {"reference_dose": 400, "levels": [*range(10, 400, 10), 400], "start": 400, "every": "14 days"}
    scenario = scenario_of(events=events, treatment={**treatment, "rules": rules})
    table, _, _ = simulated_by_batch(scenario, 20)
    onsets = table[(table["event"] == "toxicity onset") & (table["of"] == "rash")]
    severe = table[(table["event"] == "toxicity onset") & (table["of"] == "severe rash")]
    reduced = table[(table["event"] == "decision") & (table["detail"] == "reduce")]
    keys = ["replicate", "patient", "study_day"]
    assert reduced[keys].to_numpy().tolist() == severe[keys].to_numpy().tolist()
    over = table[(table["event"] == "toxicity resolved") & (table["of"] == "severe rash")]
    assert 0 < len(over) <= len(severe)
    assert stats.binomtest(len(severe), len(onsets), 0.25).pvalue > BEYOND_4_ERRORS


@pytest.mark.parametrize("engine", ["reference", "batch"])
def test_a_response_is_confirmed_if_it_lasts_to_an_assessment_late_enough(engine: str) -> None:
    """Seen at the next of the assessments every 14 days, confirmed by the third after it (42 days later)."""
    step, relapse, every = 2.0, 0.4, 14.0 / MONTH
    scenario = scenario_of(
        events={
            "minor response": {"kind": "minor response", "rate": f"{step} /month"},
            "relapse": {"kind": "relapse", "rate": f"{relapse} /month"},
        },
        assessment={"every": "14 days", "confirmation": "40 days"},
        cut_off={"after_opening": "120 months"},
    )
    patients = ts.run(scenario, 40, engine=engine, keep=40).patients
    # The response comes at an exponential time within a cycle between assessments and must last to its end.
    within = step / (step - relapse) * (math.exp(-relapse * every) - math.exp(-step * every))
    seen = within / (1.0 - math.exp(-step * every))
    assert_probability(patients["response_seen_days"].notna(), seen)
    confirmed = patients["response_confirmed_days"].notna()
    assert_probability(confirmed, seen * math.exp(-relapse * 3 * every))
    days = (patients["response_confirmed_days"] - patients["response_seen_days"])[confirmed]
    assert days.to_numpy() == pytest.approx(42.0, abs=1e-6)
