"""What a trial must give where it can be worked out by hand. Every bound is 4 Monte Carlo standard errors, or a
test at the probability that belongs to them.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import trialsim as ts
from tests.trials import scenario_of, simulated_by_batch, toxicity
from trialsim.config import protocol_of
from trialsim.model.units import DAYS_PER_MONTH
from trialsim.patients import DrawTable, virtual_patients

pytestmark = pytest.mark.slow

REPLICATES = 40  # of 100 patients each
KEEP = [{"when": "always", "do": "keep"}]
MONTH = DAYS_PER_MONTH


BEYOND_4_ERRORS = 2 * float(stats.norm.sf(4.0))  # the probability of a deviation by 4 standard errors: 6e-5


def assert_probability(found: pd.Series | np.ndarray, expected: float) -> None:
    """A share of independent patients is no further from its probability than 4 standard errors (exact binomial)."""
    assert stats.binomtest(int(np.sum(found)), len(found), min(expected, 1.0)).pvalue > BEYOND_4_ERRORS


def first_days(scenario: ts.Scenario, event: str, of: str, seed: int = 1) -> np.ndarray:
    """For each patient the first study day of an event, infinity for never."""
    events, patients, _ = simulated_by_batch(scenario, REPLICATES, seed)
    own = events[(events["event"] == event) & (events["of"] == of)]
    days = own.groupby(["replicate", "patient"])["study_day"].min()
    index = pd.MultiIndex.from_frame(patients[["replicate", "patient"]])
    return days.reindex(index).fillna(np.inf).to_numpy()


@pytest.mark.parametrize(("dose", "exponent"), [(400, 0.76), (100, 0.76), (800, 2), (100, 0)])
@pytest.mark.parametrize("shape", [1, 0.7, 2])
def test_one_clock_at_a_fixed_dose_is_weibull(dose: float, exponent: float, shape: float) -> None:
    rate = 0.2
    events = {"nausea": toxicity(f"{rate} /month", shape=shape, dose_exponent=exponent)}
    days = first_days(scenario_of(events=events, treatment=fixed(dose)), "toxicity onset", "nausea")
    effective = rate * (dose / 400.0) ** exponent
    for months in (0.5, 3.0, 12.0):
        assert_probability(days < months * MONTH, 1.0 - math.exp(-effective * months**shape))


def fixed(dose: float) -> dict[str, Any]:
    return {"reference_dose": 400, "levels": [dose], "every": "14 days", "rules": KEEP}


def test_times_of_one_exponential_clock_follow_their_distribution() -> None:
    rate = 0.8  # per month: nobody escapes 22 months (e^-17)
    days = first_days(scenario_of(events={"nausea": toxicity(f"{rate} /month")}), "toxicity onset", "nausea")
    assert stats.kstest(days / MONTH, stats.expon(scale=1.0 / rate).cdf).pvalue > BEYOND_4_ERRORS


def test_two_competing_clocks_share_the_events_in_proportion_to_their_rates() -> None:
    progression, death = 0.6, 0.2
    events = {
        "progression": {"kind": "progression", "rate": f"{progression} /month"},
        "death": {"kind": "death", "rate": f"{death} /month", "during": "before progression"},
    }
    scenario = scenario_of(events=events)
    progressed = first_days(scenario, "progression", "progression")
    died = first_days(scenario, "died", "death")
    both = progression + death
    for months in (1.0, 4.0):
        first = np.minimum(progressed, died) < months * MONTH
        assert_probability(first, 1.0 - math.exp(-both * months))
        assert_probability(died < months * MONTH, death / both * (1.0 - math.exp(-both * months)))
    assert not ((progressed < np.inf) & (died < np.inf)).any()


@pytest.mark.parametrize("shape", [1, 1.8])
def test_a_clock_whose_dose_changes_half_way_uses_up_hazard_at_both_doses(shape: float) -> None:
    rate, exponent = 0.9, 1.0
    scenario = scenario_of(
        events={"nausea": toxicity(f"{rate} /month", dose_exponent=exponent, shape=shape)},
        treatment={
            "reference_dose": 400,
            "levels": [100, 400],
            "every": "14 days",
            "rules": [{"when": "tolerated", "do": "escalate"}],
        },
    )
    days = first_days(scenario, "toxicity onset", "nausea")
    change = 14.0 / MONTH
    assert_probability(days < 14.0, 1.0 - math.exp(-rate * 0.25 * change**shape))
    for months in (1.0, 3.0):
        used = rate * (0.25 * change**shape + months**shape - change**shape)
        assert_probability(days < months * MONTH, 1.0 - math.exp(-used))


def test_the_probability_of_reaching_each_rung_when_only_intolerance_runs() -> None:
    rate, exponent, levels = 0.154, 0.76, [100, 300, 500, 700, 800]
    scenario = scenario_of(
        events={"intolerance": toxicity(f"{rate} /month", dose_exponent=exponent, severe=False)},
        treatment={"reference_dose": 400, "levels": levels, "every": "14 days", "rules": [
            {"when": {"toxicity": "any", "timing": "ever"}, "do": "keep"}, {"when": "tolerated", "do": "escalate"}]},
    )  # fmt: skip
    _, patients, _ = simulated_by_batch(scenario, REPLICATES)
    hazard = 0.0
    for below, level in itertools.pairwise(levels):
        hazard += rate * (14.0 / MONTH) * (below / 400.0) ** exponent
        assert_probability(patients["highest_dose_mg_per_day"] >= level, math.exp(-hazard))


def test_a_hold_lasts_as_long_as_the_toxicity() -> None:
    rate, over = 0.5, 3.0
    scenario = scenario_of(
        events={"nausea": toxicity(f"{rate} /month", resolves={"rate": f"{over} /month"}, recurs=False)},
        treatment={"reference_dose": 400, "levels": [100, 400], "every": "14 days", "rules": [
            {"when": {"toxicity": "nausea", "timing": "new"}, "do": "hold", "resume": "lower", "at": "onset"},
            {"when": {"toxicity": "nausea", "timing": "ever"}, "do": "keep"},
            {"when": "tolerated", "do": "escalate"}]},
        cut_off={"after_opening": "40 months"},
    )  # fmt: skip
    events, _, _ = simulated_by_batch(scenario, REPLICATES)
    decisions = events[events["event"] == "decision"].set_index(["replicate", "patient"])
    held = decisions[(decisions["dose_to_mg_per_day"] == 0.0) & (decisions["dose_from_mg_per_day"] > 0.0)]["study_day"]
    resumed = decisions[decisions["detail"] == "resume"]
    assert set(resumed["dose_to_mg_per_day"]) == {100.0}
    lengths = (resumed["study_day"] - held).dropna() / MONTH
    assert abs(lengths.mean() - 1.0 / over) < 4.0 / over / math.sqrt(len(lengths))


def test_recurring_toxicity_alternates_as_a_renewal_process() -> None:
    begins, ends = 2.0, 3.0
    scenario = scenario_of(
        events={"nausea": toxicity(f"{begins} /month", resolves={"rate": f"{ends} /month"}, recurs=True)},
        treatment=fixed(400),
    )
    events, patients, _ = simulated_by_batch(scenario, REPLICATES)
    at = 20.0 * MONTH
    nausea = events[events["event"].isin(["toxicity onset", "toxicity resolved"]) & (events["study_day"] < at)]
    last = nausea.groupby(["replicate", "patient"])["event"].last()
    index = pd.MultiIndex.from_frame(patients[["replicate", "patient"]])
    is_ongoing = last.reindex(index).fillna("") == "toxicity onset"
    assert_probability(is_ongoing.to_numpy(), begins / (begins + ends))  # e^-100 from its limit


def test_only_the_sensitive_respond_and_a_partial_response_follows_a_minor_one() -> None:
    sensitive, minor, partial, months = 0.6, 0.9, 0.5, 6.0
    scenario = scenario_of(
        disease={"sensitive": sensitive},
        events={
            "minor response": {"kind": "minor response", "rate": f"{minor} /month"},
            "partial response": {"kind": "partial response", "rate": f"{partial} /month"},
        },
    )
    at_least_minor = first_days(scenario, "response", "minor response")
    at_partial = first_days(scenario, "response", "partial response")
    assert_probability(at_least_minor < months * MONTH, sensitive * (1.0 - math.exp(-minor * months)))
    two_steps = 1.0 - (minor * math.exp(-partial * months) - partial * math.exp(-minor * months)) / (minor - partial)
    assert_probability(at_partial < months * MONTH, sensitive * two_steps)
    assert (at_partial >= at_least_minor).all()


def test_a_relapse_runs_through_minor_and_partial_response_as_one_clock() -> None:
    relapse = 0.4
    scenario = scenario_of(
        events={
            "minor response": {"kind": "minor response", "rate": "500 /month"},
            "partial response": {"kind": "partial response", "rate": "0.5 /month"},
            "relapse": {"kind": "relapse", "rate": f"{relapse} /month", "shape": 2},
        },
    )
    begun = first_days(scenario, "response", "minor response")
    relapsed = first_days(scenario, "progression", "relapse")
    for months in (1.0, 2.0):
        assert_probability(relapsed - begun < months * MONTH, 1.0 - math.exp(-relapse * months**2))


def test_what_is_seen_is_the_state_at_the_next_assessment() -> None:
    scenario = scenario_of(
        events={"progression": {"kind": "progression", "rate": "0.5 /month"}}, assessment={"every": "28 days"}
    )
    events, patients, _ = simulated_by_batch(scenario, REPLICATES)
    key = ["replicate", "patient"]
    true = events[events["event"] == "progression"].set_index(key)["study_day"]
    seen = patients.set_index(key)["progression_seen_days"]
    stopped = events[events["event"] == "treatment ended"].set_index(key)["study_day"]
    expected = np.ceil(true / 28.0) * 28.0
    both = pd.concat([expected, seen, stopped], axis=1, keys=["expected", "seen", "stopped"]).dropna()
    assert len(both) > 0.99 * len(true)
    assert (both["seen"] == both["expected"]).all()
    assert (both["stopped"] == both["expected"]).all()


def test_a_hazard_ratio_multiplies_the_hazard() -> None:
    rate = 0.1
    scenario = scenario_of(
        population={"sex": {"male": 1, "female": 1}, "age": {"median": "60 years", "sd": "9 years"}},
        events={
            "nausea": toxicity(f"{rate} /month", effects={"sex": {"hazard_ratios": {"female": 3}}}),
            "sedation": toxicity(f"{rate} /month", effects={"age": {"hazard_ratio": 2, "per": "10 years"}}),
        },
    )
    protocol = protocol_of(scenario)
    codes = protocol.decision_codes.values()
    patients = [p for r in range(1, REPLICATES + 1) for p in virtual_patients(protocol, DrawTable(1, r, codes))]
    nausea, sedation = (first_days(scenario, "toxicity onset", name) for name in ("nausea", "sedation"))
    is_female = np.array([p.baseline[0] == 1.0 for p in patients])
    assert_probability(is_female, 0.5)
    for group, ratio in ((is_female, 3.0), (~is_female, 1.0)):
        assert_probability(nausea[group] < 5 * MONTH, 1.0 - math.exp(-rate * ratio * 5))
    # Given age, the probability is known; its average over the ages drawn is what the share must be.
    ages = np.array([p.baseline[1] for p in patients])
    each = 1.0 - np.exp(-rate * 2.0 ** ((ages - 60.0) / 10.0) * 5)
    error = math.sqrt(float((each * (1 - each)).sum())) / len(each)
    assert abs(float((sedation < 5 * MONTH).mean()) - float(each.mean())) < 4 * error


def test_a_frailty_makes_two_toxicities_depend_on_each_other() -> None:
    def both(frailty: str | None) -> float:
        events = {name: toxicity("0.2 /month", frailty=frailty) for name in ("nausea", "sedation")}
        scenario = scenario_of(events=events, frailties={"fragile": {"sd": 1.5}})
        first, second = (first_days(scenario, "toxicity onset", name) < 3 * MONTH for name in events)
        return float(np.corrcoef(first, second)[0, 1])

    n = REPLICATES * 100
    assert abs(both(None)) < 4 / math.sqrt(n)
    assert both("fragile") > 0.2


def arrivals(scenario: ts.Scenario, replicates: int) -> list[np.ndarray]:
    protocol = protocol_of(scenario)
    codes = protocol.decision_codes.values()
    return [
        np.array([p.arrival_day for p in virtual_patients(protocol, DrawTable(3, r, codes)) if p.is_eligible])
        for r in range(1, replicates + 1)
    ]


@pytest.mark.parametrize("order", [1, 14, 27])
def test_arrivals_in_a_window_are_order_statistics(order: int) -> None:
    window = 10 * MONTH
    scenario = scenario_of(accrual={"opens": "1999-10-01", "patients": 27, "over": "10 months"})
    days = np.array([found[order - 1] for found in arrivals(scenario, 800)]) / window
    assert stats.kstest(days, stats.beta(order, 27 + 1 - order).cdf).pvalue > BEYOND_4_ERRORS


def test_poisson_arrivals_have_gamma_waiting_times_and_poisson_counts() -> None:
    rate = 3.0
    scenario = scenario_of(accrual={"opens": "2001-01-01", "patients": 20, "sites": {"A": {"rate": f"{rate} /month"}}})
    found = arrivals(scenario, 800)
    last = np.array([days[-1] for days in found]) / MONTH
    assert stats.kstest(last, stats.gamma(20, scale=1 / rate).cdf).pvalue > BEYOND_4_ERRORS
    counts = np.array([(days < 2 * MONTH).sum() for days in found])
    assert abs(counts.mean() - 2 * rate) < 4 * math.sqrt(2 * rate / 800)
    assert abs(counts.var() - 2 * rate) < 4 * 2 * rate * math.sqrt((2 + 1 / (2 * rate)) / 800)


def test_screening_failures_thin_the_process_and_do_not_use_up_places() -> None:
    accrual = {"opens": "2001-01-01", "patients": 20, "sites": {"A": {"rate": "3 /month"}}, "ineligible": "40 %"}
    found = arrivals(scenario_of(accrual=accrual), 800)
    assert all(len(days) == 20 for days in found)
    last = np.array([days[-1] for days in found]) / MONTH
    assert stats.kstest(last, stats.gamma(20, scale=1 / (3.0 * 0.6)).cdf).pvalue > BEYOND_4_ERRORS


def test_nobody_enrols_in_a_pause() -> None:
    scenario = ts.load_scenario("followup")
    days = np.concatenate(arrivals(scenario, 100))
    assert ((days < 212) | (days >= 243)).all()  # [1 August, 1 September) of the first year
    assert ((days >= 180) & (days < 212)).sum() > 0
