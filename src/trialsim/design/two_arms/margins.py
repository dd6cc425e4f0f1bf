"""Two arms and one rate with a margin: non-inferiority, and equivalence; exact error rates of an asymptotic test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.base import (
    ALTERNATIVE,
    NULL,
    Design,
    Hypotheses,
    InWords,
    OperatingCharacteristics,
    Rates,
    arms_in_turn,
    needed,
    one_rate,
)
from trialsim.design.counts import ONE_LOOK_HIDES, CountDesign
from trialsim.design.decisions import FUTILE, REJECT, OneEndpoint
from trialsim.design.theory.arguments import LARGEST_ARM
from trialsim.design.theory.proportions import reject_probability
from trialsim.design.theory.rounding import highest_accepted
from trialsim.design.theory.sawtooth import first_reaching
from trialsim.design.theory.score import approximate_n_for_margin, highest_level_at_margin, margin_region
from trialsim.design.two_arms.decisions import by_size
from trialsim.design.two_arms.enumeration import arms_at
from trialsim.design.two_arms.proportions import first_sentence
from trialsim.errors import RequestError
from trialsim.typing import Counts, DecisionCodes, Flags, Floats


@dataclass(frozen=True)
class Margins(OneEndpoint):
    """The score test of a margin at the attained numbers (Farrington and Manning 1990)."""

    n: int
    margin: float
    alpha: float
    better: str
    is_equivalence: bool

    @property
    def looks(self) -> tuple[int, ...]:
        """Patients at the end."""
        return (self.n,)

    def statistic(self, counts: Counts) -> Floats:
        """How far the experimental arm is above the margin, in standard errors at the observed rates."""
        n, x = counts[:, -1, :, 0].astype(np.float64), counts[:, -1, :, 1].astype(np.float64)
        rate = (x + 0.5) / (n + 1.0)
        gain = (rate[:, 1] - rate[:, 0]) * (1.0 if self.better == "higher" else -1.0) + self.margin
        return np.asarray(gain / np.sqrt((rate * (1.0 - rate) / np.maximum(n, 1.0)).sum(axis=1)))

    def decide(self, look: int, counts: Counts, trials: Counts) -> DecisionCodes:
        """See `Decisions`."""
        codes = np.full(len(counts), FUTILE, np.int8)
        for arms, trials_of_size in by_size(counts[:, look, :, 0]):
            region, of_size = self.region(arms), counts[trials_of_size, look, :, 1]
            codes[trials_of_size] = np.where(region[of_size[:, 0], of_size[:, 1]], REJECT, FUTILE)
        return codes

    def region(self, arms: tuple[int, int]) -> Flags:
        """The tables that reject the null hypothesis."""
        return _region(arms, self.margin, self.alpha, self.better, self.is_equivalence)


@lru_cache(maxsize=512)
def _region(arms: tuple[int, int], margin: float, alpha: float, better: str, is_equivalence: bool) -> Flags:
    return margin_region(arms, margin, alpha, better, is_equivalence=is_equivalence)


@dataclass(frozen=True)
class PlannedMargins(CountDesign):
    """A trial that shows non-inferiority, or equivalence, within a margin."""

    decisions: Margins
    rates: Rates
    approximate_n: float | None = None

    @property
    def _arms(self) -> tuple[int, int]:
        return arms_at(self.n, self.allocation)

    @property
    def at_margin(self) -> float:
        """The experimental rate at the margin, where the control is as assumed."""
        sign = -1.0 if self.decisions.better == "higher" else 1.0
        return self.rates.values[0] + sign * self.decisions.margin

    @cached_property
    def numbers(self) -> dict[str, Any]:
        """The numbers as they are reported."""
        decisions, (control, experimental), arms = self.decisions, self.rates.values, self._arms
        difference = self.at_margin - control
        return {
            "n": self.n, "n_control": arms[0], "n_experimental": arms[1], "margin": decisions.margin,
            "p_control": control, "p_experimental": experimental, "alpha": self.exact[NULL].rejects,
            "highest_alpha": highest_level_at_margin(decisions.region(arms), difference),
            "nominal_alpha": decisions.alpha, "power": self.exact[ALTERNATIVE].rejects,
            **({"approximate_n_control": self.approximate_n} if self.approximate_n is not None else {}),
        }  # fmt: skip

    @property
    def rates_of_truths(self) -> dict[str, tuple[float, ...]]:
        """The experimental arm at the margin, and as it is assumed."""
        return {NULL: (self.rates.values[0], self.at_margin), ALTERNATIVE: self.rates.values}

    def at_rates(self, rates: Sequence[float]) -> OperatingCharacteristics:
        """What it comes to by enumeration of both arms' counts."""
        rejects = reject_probability(self.decisions.region(self._arms), *rates)
        return OperatingCharacteristics(rejects, float(self.n), 0.0, tuple(one_rate(rate) for rate in rates))

    def at(self, n: int) -> PlannedMargins:
        """The design itself: simulation searches no other."""
        return self

    def describe(self, in_words: InWords) -> list[str]:
        """Who is compared on what, with which margin and which error rates."""
        at, study = self.numbers, self.study
        aim = "equivalent" if self.decisions.is_equivalence else "not inferior"
        either = " in either direction" if self.decisions.is_equivalence else ""
        return [
            first_sentence(self.rates.names, in_words(study.endpoint), at)
            + f"The treatment is declared {aim} if the score test of Farrington and Manning (1990) excludes a "
            f"difference of {at['margin']:g}{either}, one-sided at level {study.alpha:g}. If the rates are "
            f"{at['p_control']:.3f} and {at['p_experimental']:.3f} the power is {at['power']:.3f}; at the margin "
            f"({at['p_control']:.3f} and {self.at_margin:.3f}) the type I error is "
            f"{at['alpha']:.4f} (both exact, by enumeration)."
        ]

    def remarks(self) -> list[str]:
        """That the level is not kept at every rate, where it is not."""
        at = self.numbers
        if at["highest_alpha"] <= highest_accepted(at["nominal_alpha"]):
            return []
        return [
            f"The level is not kept at every rate: at the margin the type I error is up to {at['highest_alpha']:.4f} "
            f"where {at['nominal_alpha']:g} is asked for (score test by normal quantiles)."
        ]


class NonInferiorityDesign(Design[Rates]):
    """The experimental arm is worse by less than a margin."""

    name = "non-inferiority"
    title = "non-inferiority of two proportions, Farrington and Manning 1990"
    hypotheses = Hypotheses.ARMS
    hidden = ONE_LOOK_HIDES
    is_searched = False
    is_equivalence = False

    def smallest(self, study: SizeStudy, assumed: Rates) -> PlannedMargins:
        """The smallest trial with the power, by enumeration of both counts. Raises `RequestError`."""
        allocation = arms_in_turn(study, assumed.names)
        ratio, turn = allocation.count(1) / allocation.count(0), len(allocation)
        about = self._about(study, assumed, ratio)
        largest = min(self.largest_n(study), 2 * LARGEST_ARM)
        if about * (1.0 + ratio) > 1.5 * largest:
            raise _too_few(study, largest, about * (1.0 + ratio))

        def power_of(turns: int) -> float:
            return self._planned(study, assumed, turns * turn).exact[ALTERNATIVE].rejects

        start = max(1, math.floor(0.8 * about * (1.0 + ratio) / turn) - 10)
        found = first_reaching(power_of, study.power, lambda n: 4 + math.isqrt(n), largest // turn, start)
        if found is None:
            raise _too_few(study, largest, about * (1.0 + ratio))
        return self._planned(study, assumed, found.n * turn, about)

    def with_n(self, study: SizeStudy, assumed: Rates, n: int) -> PlannedMargins:
        """The trial of `n` patients in all, and its power. Raises `RequestError`."""
        self._about(study, assumed, 1.0)
        return self._planned(study, assumed, n)

    def largest_n(self, study: SizeStudy) -> int:
        """The limit of the study, within what is computed."""
        return min(study.largest_n, 2 * LARGEST_ARM)

    def _about(self, study: SizeStudy, assumed: Rates, ratio: float) -> float:
        """The patients of the control arm by the normal approximation. Raises `RequestError` beyond the margin."""
        control, experimental = assumed.values
        margin = needed(study.margin, "margin")
        if assumed.better == "lower":
            control, experimental = 1.0 - control, 1.0 - experimental
        about = approximate_n_for_margin(control, experimental, margin, study.alpha, study.power, ratio)
        if not self.is_equivalence:
            return about
        # Both tests must reject: with equal rates each has half of the type II error.
        power = (1.0 + study.power) / 2.0
        sides = ((control, experimental), (1.0 - control, 1.0 - experimental))
        return max(approximate_n_for_margin(*pair, margin, study.alpha, power, ratio) for pair in sides)

    def _planned(self, study: SizeStudy, assumed: Rates, n: int, about: float | None = None) -> PlannedMargins:
        margin = needed(study.margin, "margin")
        decisions = Margins(n, margin, study.alpha, assumed.better, self.is_equivalence)
        allocation = arms_in_turn(study, assumed.names)
        return PlannedMargins(self, study, decisions, assumed, about, allocation=allocation)


class EquivalenceDesign(NonInferiorityDesign):
    """The experimental arm differs by less than a margin, in either direction."""

    name = "equivalence"
    title = "equivalence of two proportions, Farrington and Manning 1990"
    is_equivalence = True


def _too_few(study: SizeStudy, largest: int, about: float) -> RequestError:
    wrong = f"no trial of up to {largest} patients has power {study.power:g}; it takes about {math.ceil(about)}."
    allowed = "a larger limit, a wider margin, or less power."
    return RequestError(f"largest_n = {largest}", wrong, allowed, key="largest_n")
