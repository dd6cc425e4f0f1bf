"""Two or more arms of which the best is selected, without a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.base import ALTERNATIVE, Design, Hypotheses, InWords, OperatingCharacteristics, Rates, one_rate
from trialsim.design.counts import ONE_LOOK_HIDES, CountDesign
from trialsim.design.decisions import FUTILE, REJECT, OneEndpoint
from trialsim.design.theory.selection import selection_probabilities
from trialsim.errors import RequestError
from trialsim.model.draws import decision_code, uniforms_at
from trialsim.model.parameters import THE_TRIAL
from trialsim.typing import Counts, DecisionCodes, Floats


@dataclass(frozen=True)
class Selection(OneEndpoint):
    """The arm with the highest rate is selected, ties at random; `REJECT` stands for the arm `best`, the right one."""

    n_arms: int
    n_per_arm: int
    best: int
    seed: int

    @property
    def looks(self) -> tuple[int, ...]:
        """Patients of all arms."""
        return (self.n_arms * self.n_per_arm,)

    def statistic(self, counts: Counts) -> Floats:
        """How far the best arm is ahead of the others, in standard errors of a difference."""
        n, x = counts[:, -1, :, 0].astype(np.float64), counts[:, -1, :, 1].astype(np.float64)
        rate = x / np.maximum(n, 1.0)
        ahead = rate[:, self.best] - np.delete(rate, self.best, axis=1).max(axis=1)
        pooled = np.clip(x.sum(axis=1) / np.maximum(n.sum(axis=1), 1.0), 1e-3, 1.0 - 1e-3)
        return np.asarray(ahead / np.sqrt(2.0 * pooled * (1.0 - pooled) / self.n_per_arm))

    def decide(self, look: int, counts: Counts, trials: Counts) -> DecisionCodes:
        """See `Decisions`."""
        return np.where(self.selected(counts[:, look], trials) == self.best, REJECT, FUTILE).astype(np.int8)

    def selected(self, counts: Counts, trials: Counts) -> Counts:
        """The arm that each trial selects, from counts (trials, arms, 2); a tie is broken by the trial's own draw."""
        rate = counts[:, :, 1] / np.maximum(counts[:, :, 0], 1)
        is_best = rate == rate.max(axis=1)[:, None]
        place = (tie_breaks(self.seed, trials) * is_best.sum(axis=1)).astype(np.int64)
        return np.asarray(np.argmax(np.cumsum(is_best, axis=1) == place[:, None] + 1, axis=1))


def tie_breaks(seed: int, trials: Counts) -> Floats:
    """A number between 0 and 1 for each trial, by address."""
    return uniforms_at(seed, trials, THE_TRIAL, decision_code("tie of arms"))


@dataclass(frozen=True)
class PlannedSelection(CountDesign):
    """Arms of `n_per_arm` patients, of which the best is selected with the probability `right`."""

    rates: Rates
    n_per_arm: int
    best: int
    right: float

    @cached_property
    def numbers(self) -> dict[str, Any]:
        """The numbers as they are reported."""
        names, values = self.rates.names, self.rates.values
        return {"n": self.n, "n_per_arm": self.n_per_arm, "power": self.right, "alpha": None, "best": names[self.best],
                "rates": dict(zip(names, values, strict=True))}  # fmt: skip

    @property
    def rates_of_truths(self) -> dict[str, tuple[float, ...]]:
        """The rates of the arms."""
        return {ALTERNATIVE: self.rates.values}

    def at_rates(self, rates: Sequence[float]) -> OperatingCharacteristics:
        """The probability that the arm is selected which is the best under the alternative."""
        right = selection_probabilities(self.n_per_arm, rates)[self.best]
        return OperatingCharacteristics(right, float(self.n), 0.0, tuple(one_rate(rate) for rate in rates))

    def at(self, n: int) -> PlannedSelection:
        """The design itself: simulation searches no other."""
        return self

    def describe(self, in_words: InWords) -> list[str]:
        """How many arms and patients, and how probably the best arm is selected."""
        at = self.numbers
        return [
            f"{len(self.rates.names)} arms of {at['n_per_arm']} patients each, {at['n']} in all, are compared on "
            f"{in_words(self.study.endpoint)}, and the arm with the highest observed rate is selected "
            f"({self.design.title}): the best one, {at['best']}, with probability {at['power']:.3f}."
        ]


class SelectionDesign(Design[Rates]):
    """The smallest trial in which the arm with the best rate has the highest count with the wanted probability."""

    name = "selection"
    title = "Simon, Wittes and Ellenberg 1985"
    hypotheses = Hypotheses.ARMS
    success = "selects the best arm"
    probability_of_success = power_in_words = "the probability of the right selection"
    hidden = ONE_LOOK_HIDES
    has_test = False
    is_searched = False

    def smallest(self, study: SizeStudy, assumed: Rates) -> PlannedSelection:
        """Simon, Wittes and Ellenberg 1985 (Cancer Treat Rep 69:1375), at the arms' own rates.

        Raises `RequestError`.
        """
        rates, best = assumed.values, _best_of(study, assumed)
        for n in range(1, study.largest_n // len(rates) + 1):
            right = selection_probabilities(n, rates)[best]
            if right >= study.power:
                break
        else:
            wrong = f"the best arm is selected with probability {right:.3f} at most."
            raise RequestError(
                f"largest_n = {study.largest_n}", wrong, "more patients, or arms further apart.", key="largest_n"
            )
        return self._planned(study, assumed, n, right)

    def with_n(self, study: SizeStudy, assumed: Rates, n: int) -> PlannedSelection:
        """A trial of `n` patients in all, and how probably it selects the best arm. Raises `RequestError`."""
        best, n_per_arm = _best_of(study, assumed), n // len(assumed.values)
        return self._planned(study, assumed, n_per_arm, selection_probabilities(n_per_arm, assumed.values)[best])

    def _planned(self, study: SizeStudy, assumed: Rates, n_per_arm: int, right: float) -> PlannedSelection:
        """Arms of `n_per_arm` patients, of which the right one is selected with the probability `right`."""
        n_arms, best = len(assumed.values), _best_of(study, assumed)
        decisions, allocation = Selection(n_arms, n_per_arm, best, assumed.seed), tuple(range(n_arms))
        return PlannedSelection(self, study, decisions, assumed, n_per_arm, best, right, allocation=allocation)


def _best_of(study: SizeStudy, assumed: Rates) -> int:
    """The place of the best arm. Raises `RequestError` where there is none."""
    rates = assumed.values
    if sorted(rates)[-1] <= sorted(rates)[-2]:
        key = "rates" if study.rates else "variants"
        raise RequestError(key, "no arm is better than the others.", "arms of different rates.", key=key)
    return int(np.argmax(rates))
