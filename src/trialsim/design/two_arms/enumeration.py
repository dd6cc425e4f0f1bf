"""Two arms and one outcome with looks, by enumeration of both arms' counts: power, level, expected patients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.stats import binom

from trialsim.design.decisions import GO_ON, REJECT
from trialsim.design.theory.nuisance import largest_probability
from trialsim.design.theory.two_arm_sizes import split_of
from trialsim.design.two_arms.decisions import TwoArms
from trialsim.typing import DecisionCodes, Floats

TRACE: Final = 1e-150  # products of two probabilities above it are no denormal numbers, which are slow


def arms_at(n: int, allocation: Sequence[int]) -> tuple[int, int]:
    """The patients of the control and of the experimental arm among `n`."""
    return split_of(n, (allocation.count(0), allocation.count(1)))


def two_arm_paths(decisions: TwoArms, rates: Sequence[float], allocation: Sequence[int]) -> tuple[float, float, float]:
    """The probability of rejecting, EN, and the probability of stopping early, by enumeration of both arms' counts."""
    alive = np.ones((1, 1))
    n = (0, 0)
    rejects = expected = early = 0.0
    for look, total in enumerate(decisions.looks):
        now = arms_at(total, allocation)
        alive = _more(now[0] - n[0], n[0], rates[0]).T @ alive @ _more(now[1] - n[1], n[1], rates[1])
        n = now
        code = _decision_codes(decisions, look, n)
        is_last = look == len(decisions.looks) - 1
        stopped = float(alive[code != GO_ON].sum()) if not is_last else float(alive.sum())
        rejects += float(alive[code == REJECT].sum())
        expected += total * stopped
        early += 0.0 if is_last else stopped
        alive = _without_traces(np.where(code == GO_ON, alive, 0.0))
    return rejects, expected, early


def highest_level(decisions: TwoArms, allocation: Sequence[int], level: float | None = None) -> float:
    """The largest probability of rejecting, over all rates that the arms may share, accurate to 1e-9.

    With a `level` no more than on which side of it the maximum lies, see `theory.nuisance.largest_probability`.

    Given the total of both arms at the end, had nothing stopped the trial, the probability of rejecting does not
    depend on the rate: so the maximum is bounded as for one look, see `theory.nuisance`. The conditional probabilities
    are found at a few rates, each for the totals near it.
    """
    n = decisions.looks[-1]
    rates = np.sin(np.pi / 2.0 * np.array([0.1, 0.3, 0.5, 0.7, 0.9])) ** 2
    nearest = np.abs(np.arcsin(np.sqrt(np.arange(n + 1) / n))[:, None] - np.arcsin(np.sqrt(rates))).argmin(axis=1)
    conditional = np.zeros(n + 1)
    for i, rate in enumerate(rates.tolist()):
        is_near = nearest == i
        conditional[is_near] = _rejected_by_total(decisions, rate, allocation)[is_near] / binom.pmf(
            np.flatnonzero(is_near), n, rate
        )
    return largest_probability(np.minimum(conditional, 1.0), level)


def _rejected_by_total(decisions: TwoArms, rate: float, allocation: Sequence[int]) -> Floats:
    """The probability of each total at the end together with rejecting at some look, shape (n + 1,)."""
    alive, n, rejected = np.ones((1, 1)), (0, 0), np.zeros(1)
    for look, total in enumerate(decisions.looks):
        now = arms_at(total, allocation)
        n_added = total - n[0] - n[1]
        added = binom.pmf(np.arange(n_added + 1), n_added, rate)
        alive = _more(now[0] - n[0], n[0], rate).T @ alive @ _more(now[1] - n[1], n[1], rate)
        rejected, n = np.convolve(rejected, added), now
        code = _decision_codes(decisions, look, n)
        totals = np.add.outer(np.arange(n[0] + 1), np.arange(n[1] + 1))
        rejected += np.bincount(totals.ravel(), np.where(code == REJECT, alive, 0.0).ravel(), total + 1)
        alive = _without_traces(np.where(code == GO_ON, alive, 0.0))
    return rejected


def _more(n_more: int, n_before: int, rate: float) -> Floats:
    """The transition matrix of a count over `n_more` patients, shape (n_before + 1, n_before + n_more + 1)."""
    transition = np.zeros((n_before + 1, n_before + n_more + 1))
    mass = _without_traces(binom.pmf(np.arange(n_more + 1), n_more, rate))
    for x in range(n_before + 1):
        transition[x, x : x + n_more + 1] = mass
    return transition


def _without_traces(probabilities: Floats) -> Floats:
    """Probabilities with 0 for those whose products would be too small for arithmetic at full speed."""
    return np.where(probabilities < TRACE, 0.0, probabilities)


def _decision_codes(decisions: TwoArms, look: int, n: Sequence[int]) -> DecisionCodes:
    """What every pair of counts decides, shape (n control + 1, n experimental + 1)."""
    x0, x1 = np.meshgrid(np.arange(n[0] + 1), np.arange(n[1] + 1), indexing="ij")
    counts = np.zeros((x0.size, len(decisions.looks), 2, 2), np.int64)
    counts[:, look, 0, 0], counts[:, look, 1, 0] = n
    counts[:, look, 0, 1], counts[:, look, 1, 1] = x0.ravel(), x1.ravel()
    return decisions.decide(look, counts, np.zeros(x0.size, np.int64)).reshape(x0.shape)
