"""One arm against a reference: the compiled z statistic is the textbook's; Wu's formula gives its power."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Final, cast

import numpy as np
import pytest

import trialsim as ts
from tests.design.test_designs_conducted import BASE, study
from tests.tolerances import N_STANDARD_ERRORS
from trialsim.config.loading.size_studies import load_sizing
from trialsim.design.base import ALTERNATIVE, NULL
from trialsim.design.conduct.logrank_at_looks import z_of_looks
from trialsim.design.conduct.timelines import Timelines
from trialsim.design.hypotheses import PATIENTS_OF_RATES
from trialsim.design.preparation import prepare_study
from trialsim.design.registry import design_of
from trialsim.design.theory.one_sample_logrank import Arm, one_sample_power
from trialsim.design.time_to_event.decisions import OneSampleDecisions
from trialsim.design.time_to_event.one_sample_logrank import PlannedOneSample
from trialsim.design.time_to_event.planned import Events
from trialsim.model.units import DAYS_PER_MONTH

MEDIAN, SHAPE = 150.0, 1.2
WU: Final = 0.02  # by how much Wu's formula understates power with 60 patients: 0.004 and 0.019 of 100,000 trials
ONE_SAMPLE: dict[str, object] = {
    **BASE, "design": "one-sample-logrank", "endpoint": "progression-free", "reference": {"median": "5 months"},
    "alternative": 0.6,
}  # fmt: skip
SCALE = MEDIAN / np.log(2.0) ** (1.0 / SHAPE)


def trials(seed: int, n_trials: int, n: int, ratio: float, lost: float) -> tuple[Timelines, np.ndarray]:
    """Weibull times in days, uniform accrual over a year, loss at a constant rate; and the times of the events."""
    rng = np.random.default_rng(seed)
    arrival = np.sort(rng.uniform(0.0, 365.0, (n_trials, n)), axis=1)
    event = SCALE * (rng.exponential(1.0, (n_trials, n)) / ratio) ** (1.0 / SHAPE)
    left = rng.exponential(1.0 / lost, (n_trials, n))
    found = SimpleNamespace(arrival=arrival, left=left, arm=np.zeros((n_trials, n), np.int64))
    return cast(Timelines, found), event


def test_the_deviate_is_that_of_observed_and_expected_events() -> None:
    found, event = trials(1, 5, 40, 1.0, 0.001)
    day = 500.0
    z, events = z_of_looks(OneSampleDecisions(MEDIAN, SHAPE, 0.05, 1), found, event, np.full((5, 1), day), 30)
    for t in range(5):
        arrival, left, own = (item[t, :30] for item in (found.arrival, found.left, event))
        until = np.minimum(left, day - arrival)
        observed = (own <= until).sum()
        expected = ((np.minimum(own, until) / SCALE) ** SHAPE).sum()
        assert events[t, 0] == observed
        assert z[t, 0] == pytest.approx((expected - observed) / np.sqrt(expected), rel=1e-12)


@pytest.mark.parametrize("ratio", [0.5, 0.65])
def test_it_rejects_as_often_as_the_formula_says(ratio: float) -> None:
    """Wu (2015) finds his formula within some two points of the simulated power, and below it."""
    n, n_trials, lost = 60, 20_000, 0.0005
    found, event = trials(2, n_trials, n, ratio, lost)
    decisions = OneSampleDecisions(MEDIAN, SHAPE, 0.05, 1)
    z, events = z_of_looks(decisions, found, event, np.full((n_trials, 1), 365.0 + 180.0), n)
    share = float((decisions.decide(0, z[:, 0], events[:, 0], np.zeros(n_trials, np.int64)) == 1).mean())
    m = DAYS_PER_MONTH
    arm = Arm(m / SCALE, ratio, 365.0 / m, 545.0 / m, SHAPE, lost * m)
    by_formula, error = one_sample_power(arm, n, 0.05), np.sqrt(share * (1.0 - share) / n_trials)
    assert -N_STANDARD_ERRORS * error < share - by_formula < N_STANDARD_ERRORS * error + WU


def test_the_plan_is_the_smallest_that_the_formula_gives() -> None:
    own = study(ONE_SAMPLE, conduct={"follow_up": "12 months"})

    def accrual(n: int) -> float:
        return n / 4.0

    plan = design_of(own).build(own, Events(("arm",), 0.6, lambda n: 0.8 * n, accrual, 0.1, 0.01))
    assert isinstance(plan, PlannedOneSample)
    n = plan.smallest_by_formula()
    assert n is not None
    arms = {m: Arm(np.log(2.0) / 5.0, 0.6, accrual(m), accrual(m) + 12.0, 1.0, 0.01) for m in (n - 1, n)}
    powers = [one_sample_power(arm, m, 0.05) for m, arm in arms.items()]
    assert powers[0] < 0.80 <= powers[1]
    assert plan.at(n).planned()[ALTERNATIVE] == pytest.approx(powers[1], rel=1e-4)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"reference": {"median": "40 months"}, "alternative": "modelled"}, "does not do better than the reference"),
        ({"largest_n": 10}, "the largest trial has"),
        ({"endpoint": {"of": "partial response", "within": "6 months"}}, "not a design for it"),
        ({"safety": {"endpoint": {"of": "rash", "within": "6 months"}, "rate": 0.3}}, "no boundary for toxicity"),
    ],
)
def test_what_cannot_be_had_is_said(more: dict[str, object], message: str) -> None:
    sizing = load_sizing("simon_response", {"parameters": "mode"})
    own = study({**ONE_SAMPLE, **more})
    with pytest.raises(ts.RequestError, match=message):
        prepare_study(replace(sizing, study=own), "batch", 1, 1000)


@pytest.mark.slow
def test_under_the_null_as_many_events_are_seen_as_expected() -> None:
    sizing = replace(load_sizing("simon_response", {"parameters": "mode"}), study=study(ONE_SAMPLE))
    ready = prepare_study(sizing, "batch", 1, 1000)
    n = int(ready.design.numbers["wu_n"])  # at whose accrual the null is matched
    trial = ready.trial(n)
    rows = {truth: trial.rows(ready.setting(truth, n), 3, 1, 5000) for truth in (NULL, ALTERNATIVE)}
    z, observed = rows[NULL]["statistic"], rows[NULL]["x_0"]
    excess = ((z + np.sqrt(z**2 + 4.0 * observed)) / 2.0) ** 2 - observed  # expected less observed, from z
    error = excess.std() * np.sqrt(1.0 / len(excess) + n / PATIENTS_OF_RATES)  # of these trials, and of the match
    assert abs(excess.mean()) < N_STANDARD_ERRORS * error
    assert rows[ALTERNATIVE]["statistic"].mean() > rows[NULL]["statistic"].mean() + 1.0
