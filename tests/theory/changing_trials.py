"""Two-arm trials with piecewise exponential times, uniform accrual and constant loss, drawn by numpy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from trialsim.design.conduct.logrank_at_looks import looks_at_events
from trialsim.design.theory.changing_hazards.piecewise import PiecewiseArms, PiecewiseHazard
from trialsim.typing import Counts, Floats

STEPS = PiecewiseHazard((0.0, 6.0), (0.08, 0.05))
LATE = PiecewiseHazard((0.0, 3.0), (1.0, 0.5))


class Trials(NamedTuple):
    """Patients of trials, shape (trials, patients): month of entry, months to the event and to loss, the arm."""

    entry: Floats
    event: Floats
    left: Floats
    arm: Counts

    def z(self, month: float, rho: float = 0.0, gamma: float = 0.0, until: float = 0.0) -> Floats:
        """The z statistic of each trial in a month, by the compiled kernel."""
        shape = (len(self.entry), 1)
        z, events = np.zeros(shape), np.zeros(shape, np.int64)
        days, n = np.full(shape, month), self.entry.shape[1]
        looks_at_events(self.entry, self.event, self.left, self.arm, days, n, rho, gamma, until, z, events)
        return z[:, 0]


def drawn_trials(arms: PiecewiseArms, n: int, n_trials: int, seed: int) -> Trials:
    """Trials of `n` patients, the arms in the ratio, in order of entry within an arm."""
    rng = np.random.default_rng(seed)
    n_experimental = round(n * float(arms.shares[1]))
    arm = np.tile(np.arange(n) >= n - n_experimental, (n_trials, 1)).astype(np.int64)
    entry = rng.uniform(0.0, arms.accrual, arm.shape) if arms.accrual > 0.0 else np.zeros(arm.shape)
    left = rng.exponential(1.0 / arms.dropout, arm.shape) if arms.dropout > 0.0 else np.full(arm.shape, np.inf)
    reached = rng.exponential(size=arm.shape)
    times = [time_with_hazard(hazard, reached) for hazard in arms.of_arms]
    return Trials(entry, np.where(arm == 1, times[1], times[0]), left, arm)


def time_with_hazard(hazard: PiecewiseHazard, reached: Floats) -> Floats:
    """The months at which a cumulative hazard is reached; hazards above 0."""
    starts, rates = np.array(hazard.starts), np.array(hazard.hazards)
    before = np.concatenate([[0.0], np.cumsum(rates[:-1] * np.diff(starts))])
    piece = np.searchsorted(before, reached, side="right") - 1
    return np.asarray(starts[piece] + (reached - before[piece]) / rates[piece])
