"""The boundary for toxicity: it stops a trial as often as its exact probability says, whenever toxicity is seen."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Final

import numpy as np
import pytest

import trialsim as ts
from tests.tolerances import N_STANDARD_ERRORS
from trialsim.config import protocol_of
from trialsim.design.conduct.blocks import boundary_stops
from trialsim.design.hypotheses import evaluable_shares, rate_of
from trialsim.design.theory.toxicity import ToxicityBoundary, bayesian_boundary, exact_boundary
from trialsim.engines.batch.conduct import toxicity_stops
from trialsim.model import interim as c

N = 20_000
# Rates are of 200,000 patients and the share of 50,000: 4 Monte Carlo standard errors of what is compared are 0.0109
# and 0.0101, were the patients independent. They are partly the same, so a right answer is nearer.
RATES_ERROR: Final = 0.01


@pytest.mark.parametrize(
    "boundary", [exact_boundary(40, 0.5, 0.10, 3), bayesian_boundary(30, 0.4, 0.9, first=5)], ids=["exact", "bayesian"]
)
@pytest.mark.parametrize("delay", [0.0, 50.0])
def test_it_stops_as_often_as_it_should_however_late_toxicity_comes(boundary: ToxicityBoundary, delay: float) -> None:
    """Counted by who is resolved first it would stop far more often: toxicity is seen before its absence is."""
    rng = np.random.default_rng(5)
    n = len(boundary.at_least)
    enrolled = np.cumsum(rng.exponential(5.0, (N, n)), axis=1)
    day = np.where(rng.random((N, n)) < boundary.rate, rng.uniform(0.0, delay, (N, n)), inf)
    stops, is_entry = np.empty(N), np.empty(N, np.bool_)
    toxicity_stops(enrolled, day, np.array(boundary.at_least), stops, is_entry)
    exact = boundary.at(boundary.rate).rejects
    assert abs(float((stops < inf).mean()) - exact) < N_STANDARD_ERRORS * np.sqrt(exact * (1.0 - exact) / N)
    instant = boundary_stops(boundary, 3, 1, N)
    assert abs(float(instant.mean()) - exact) < N_STANDARD_ERRORS * np.sqrt(exact * (1.0 - exact) / N)


def test_the_day_is_the_first_on_which_some_first_patients_are_too_many() -> None:
    rng = np.random.default_rng(6)
    at_least = (2, 2, 3, 3, 4, 4, 4, 5)
    enrolled = np.cumsum(rng.exponential(5.0, (300, 10)), axis=1)
    day = np.where(rng.random((300, 10)) < 0.5, rng.uniform(0.0, 30.0, (300, 10)), inf)
    stops, is_entry = np.empty(300), np.empty(300, np.bool_)
    toxicity_stops(enrolled, day, np.array(at_least), stops, is_entry)
    for t in range(300):
        seen = enrolled[t] + day[t]
        days = np.sort(np.concatenate([enrolled[t], seen[seen < inf]]))
        first = inf
        for today in days:
            n_in = min(int((enrolled[t] <= today).sum()), len(at_least))
            if any((seen[:m] <= today).sum() >= at_least[m - 1] for m in range(1, n_in + 1)):
                first = today
                break
        assert stops[t] == first
        assert is_entry[t] == (first in enrolled[t])


def test_who_withdraws_is_replaced_counts_or_is_left_out() -> None:
    """The rate of a toxicity among those who count, by what becomes of those who withdraw before its window is over."""
    scenario = ts.load_scenario("followup", {"parameters": "mode", "events.withdrawal.rate": "0.15 /month"})
    protocol = protocol_of(scenario)
    names = ("constipation", "lethargy", "rash")
    plain = c.Outcome(c.TOXICITY, 120.0, 0, names)
    found = {
        if_left: rate_of(protocol, replace(plain, if_left=if_left), counts_not_evaluable=if_left == c.AN_EVENT)[0]
        for if_left in (c.NO_EVENT, c.NOT_EVALUABLE, c.AN_EVENT)
    }
    share = float(evaluable_shares(protocol, [replace(plain, if_left=c.NOT_EVALUABLE)], 120.0).mean())
    assert 0.6 < share < 0.9
    everyone = rate_of(protocol, plain, counts_not_evaluable=True)[0]
    assert found[c.NO_EVENT] == everyone
    assert found[c.NOT_EVALUABLE] == pytest.approx(everyone / share, abs=RATES_ERROR)  # nobody who had it is left out
    assert found[c.AN_EVENT] == pytest.approx(everyone + 1.0 - share, abs=RATES_ERROR)
