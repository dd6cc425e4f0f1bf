"""Two-arm trials with exponential times: closed forms, and the log-rank test that everything else uses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from tests.theory.exponential_trials import exponential_trials
from tests.theory.formulas import month_of_events, schoenfeld_power
from tests.tolerances import N_STANDARD_ERRORS
from trialsim.compiled.logrank import logrank
from trialsim.design.conduct.logrank_at_looks import looks_at_events
from trialsim.design.theory.sequential import crossing_probabilities, efficacy_bounds
from trialsim.design.theory.spending import ObrienFleming
from trialsim.design.theory.time_to_event import Arms
from trialsim.engines.batch.conduct import event_looks

HAZARD = np.log(2.0) / 6.0
N = 20_000
# What approximations are off with 100 events of 200 patients, from 200,000 trials: the sd of z (0.0022, standard error
# 0.0016), the level of one test (0.0003, 0.0003), that of three looks (0.0006, 0.0003), Schoenfeld's power (0.0071,
# 0.0010), and the mean day of the 100th event (0.030 months, 0.002) against the day on which 100 are expected.
SD_OF_Z, LEVEL, SCHOENFELD, MONTH_OF_EVENTS = 0.005, 0.002, 0.01, 0.035


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_under_the_null_the_deviate_is_standard_normal(seed: int) -> None:
    z, events, _ = exponential_trials(200, 12.0, (HAZARD, HAZARD), (0.0, 0.0), (100,), 1e9, seed, 1, N)
    assert (events == 100).all()
    assert abs(z.mean()) < N_STANDARD_ERRORS / np.sqrt(N)
    assert abs(z.std() - 1.0) < N_STANDARD_ERRORS / np.sqrt(2.0 * N) + SD_OF_Z
    share = (z > norm.isf(0.025)).mean()
    assert abs(share - 0.025) < N_STANDARD_ERRORS * np.sqrt(0.025 * 0.975 / N) + LEVEL


@pytest.mark.slow
def test_power_is_near_schoenfelds() -> None:
    z, _, _ = exponential_trials(200, 12.0, (HAZARD, 0.6 * HAZARD), (0.0, 0.0), (100,), 1e9, 3, 1, N)
    power = schoenfeld_power(100, 0.6, 0.025)
    error = np.sqrt(power * (1.0 - power) / N)
    assert (z > norm.isf(0.025)).mean() == pytest.approx(power, abs=N_STANDARD_ERRORS * error + SCHOENFELD)


@pytest.mark.slow
def test_the_day_of_the_look_is_the_expected_one() -> None:
    _, _, days = exponential_trials(200, 12.0, (HAZARD, 0.6 * HAZARD), (0.0, 0.0), (100,), 1e9, 4, 1, 4000)
    expected = month_of_events(Arms(HAZARD, 0.6, 12.0), 200, 100)
    error = days.std() / np.sqrt(len(days))
    assert days.mean() == pytest.approx(expected, abs=N_STANDARD_ERRORS * error + MONTH_OF_EVENTS)


def test_looks_spend_the_alpha_that_they_may() -> None:
    looks = (50, 75, 100)
    upper = efficacy_bounds([0.5, 0.75, 1.0], 0.025, ObrienFleming())
    z, _, _ = exponential_trials(200, 12.0, (HAZARD, HAZARD), (0.01, 0.01), looks, 1e9, 5, 1, N)
    spent = (z > upper[None, :]).any(axis=1).mean()
    assert crossing_probabilities([0.5, 0.75, 1.0], upper)[0].sum() == pytest.approx(0.025)
    assert abs(spent - 0.025) < N_STANDARD_ERRORS * np.sqrt(0.025 * 0.975 / N) + LEVEL


def test_it_is_the_log_rank_test_of_the_same_patients() -> None:
    """The packed sort against the plain test, on trials of independent making."""
    rng = np.random.default_rng(1)
    n, looks = 60, (15, 30)
    arrival = np.sort(rng.uniform(0.0, 12.0, (20, n)), axis=1)
    arm = np.tile(np.arange(n) % 2, (20, 1))
    event, left = rng.exponential(8.0, (20, n)), rng.exponential(20.0, (20, n))
    days = np.empty((20, 3))
    event_looks(arrival, event, left, np.array(looks), n, 4.0, 0, days)
    z, events = np.zeros((20, 3)), np.zeros((20, 3), np.int64)
    looks_at_events(arrival, event, left, arm, days, n, 0.0, 0.0, 0.0, z, events)
    for t in range(20):
        for k in range(3):
            day = days[t, k]
            if np.isnan(day):
                continue
            own = arrival[t] < day
            seen = np.minimum(left[t], day - arrival[t])[own]
            has = (event[t][own] <= left[t][own]) & (arrival[t][own] + event[t][own] <= day)
            difference, variance = logrank(np.where(has, event[t][own], seen), has, arm[t][own] == 1)
            assert z[t, k] == pytest.approx(-difference / np.sqrt(variance))
            assert events[t, k] == has.sum()


def test_a_trial_is_the_same_wherever_it_is_simulated() -> None:
    whole = exponential_trials(50, 6.0, (0.1, 0.1), (0.02, 0.0), (20, 30), 6.0, 9, 1, 40)
    part = exponential_trials(50, 6.0, (0.1, 0.1), (0.02, 0.0), (20, 30), 6.0, 9, 21, 20)
    for a, b in zip(whole, part, strict=True):
        assert np.array_equal(a[20:], b, equal_nan=True)
