"""One arm, response and toxicity: Bryant and Day's two stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from scipy.stats import binom

from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.base import (
    ALTERNATIVE,
    NULL,
    TOXIC_NULL,
    Hypotheses,
    InWords,
    OperatingCharacteristics,
    PlannedDesign,
    Rates,
    needed,
)
from trialsim.design.counts import CountDesign, RateDesign
from trialsim.design.decisions import FUTILE, GO_ON, REJECT, standardised
from trialsim.design.theory.bryant_day import (
    MOST_CHECKED,
    WORLDS,
    BryantDay,
    bryant_day,
    check_bryant_day,
    joint,
)
from trialsim.design.theory.bryant_day import Rates as BothRates
from trialsim.design.theory.rounding import highest_accepted
from trialsim.typing import Counts, DecisionCodes, Flags, Floats

LARGEST: Final = 150  # patients of these designs, which take a search of their own


@dataclass(frozen=True)
class ResponseAndToxicity:
    """Bryant and Day's two stages; counts are of responses and of toxicities.

    At attained numbers that are not the planned ones both endpoints are judged as Green and Dahlberg do: at the first
    stage by the level at which the plan stops each under its alternative, at the end by the plan's two levels.
    """

    design: BryantDay
    alpha_r: float
    alpha_t: float

    @property
    def looks(self) -> tuple[int, ...]:
        """Patients at each look."""
        return (self.design.n1, self.design.n)

    def statistic(self, counts: Counts) -> Floats:
        """The z statistic of responses."""
        return standardised(counts[:, -1, 0, 0], counts[:, -1, 0, 1], self.design.rates.pr0)

    def second_statistic(self, counts: Counts) -> Floats:
        """The z statistic of freedom from toxicity."""
        n = counts[:, -1, 0, 0]
        return standardised(n, n - counts[:, -1, 0, 2], self.design.rates.pt0)

    def decide(self, look: int, counts: Counts, trials: Counts) -> DecisionCodes:
        """See `Decisions`."""
        too_few, too_toxic = self.failures(look, counts)
        return np.where(too_few | too_toxic, FUTILE, GO_ON if look == 0 else REJECT).astype(np.int8)

    def failures(self, look: int, counts: Counts) -> tuple[Flags, Flags]:
        """Whether each trial has too few responses at a look (from 0), and too many toxicities."""
        d, rates = self.design, self.design.rates
        n, x, free = counts[:, look, 0, 0], counts[:, look, 0, 1], counts[:, look, 0, 0] - counts[:, look, 0, 2]
        if look == 0:
            low_r = binom.cdf(x, n, rates.pr1) <= highest_accepted(binom.cdf(d.cr1, d.n1, rates.pr1))
            low_t = binom.cdf(free, n, rates.pt1) <= highest_accepted(binom.cdf(d.ct1, d.n1, rates.pt1))
            is_planned, planned = n == d.n1, (x <= d.cr1, free <= d.ct1)
        else:
            low_r = binom.sf(x - 1, n, rates.pr0) > highest_accepted(self.alpha_r)
            low_t = binom.sf(free - 1, n, rates.pt0) > highest_accepted(self.alpha_t)
            is_planned, planned = n == d.n, (x <= d.cr, free <= d.ct)
        return np.where(is_planned, planned[0], low_r), np.where(is_planned, planned[1], low_t)


@dataclass(frozen=True)
class PlannedBryantDay(CountDesign):
    """The two stages of `bryant_day`."""

    bryant_day: BryantDay

    @cached_property
    def numbers(self) -> dict[str, Any]:
        """The numbers as they are reported."""
        design, rates = self.bryant_day, self.bryant_day.rates
        return {
            "n1": design.n1, "cr1": design.cr1, "ct1": design.ct1, "n": design.n, "cr": design.cr, "ct": design.ct,
            "r1": design.cr1, "r": design.cr, "most_toxic1": design.n1 - design.ct1 - 1,
            "most_toxic": design.n - design.ct - 1, "pr0": rates.pr0, "pr1": rates.pr1, "pt0": rates.pt0,
            "pt1": rates.pt1, "odds_ratio": rates.odds_ratio, "p0": rates.pr0, "p1": rates.pr1, "alpha": design.alpha_r,
            "alpha_r": design.alpha_r, "alpha_t": design.alpha_t, "power": design.power,
            "en_p0": design.expected_n(WORLDS[0]), "pet_p0": 1.0 - design.outcomes[WORLDS[0]][0], "en": design.en,
        }  # fmt: skip

    @property
    def rates_of_truths(self) -> dict[str, tuple[float, ...]]:
        """The rates of response and of toxicity under each truth."""
        rates = self.bryant_day.rates
        of_worlds = ((rates.pr0, rates.pt1), (rates.pr1, rates.pt0), (rates.pr1, rates.pt1))
        truths = zip((NULL, TOXIC_NULL, ALTERNATIVE), of_worlds, strict=True)
        return {truth: (response, 1.0 - freedom) for truth, (response, freedom) in truths}

    def at_rates(self, rates: Sequence[float]) -> OperatingCharacteristics:
        """What becomes of the two stages at rates of response and of toxicity, with the odds ratio of the design."""
        response, toxicity = rates
        design = self.bryant_day
        cells = joint(response, 1.0 - toxicity, design.rates.odds_ratio)
        goes_on, recommends = design.at(cells)
        expected_n = design.n1 + goes_on * (design.n - design.n1)
        without = cells[:, ::-1]  # the second outcome is whether there was toxicity
        return OperatingCharacteristics(recommends, expected_n, 1.0 - goes_on, (without,))

    @property
    def looks(self) -> list[dict[str, Any]]:
        """The two stages: how many must respond, and how many may have the toxicity."""
        at = self.numbers
        return [
            {"look": 1, "patients": at["n1"], "go_on_above": at["cr1"], "most_toxic": at["most_toxic1"]},
            {"look": 2, "patients": at["n"], "recommend_above": at["cr"], "most_toxic": at["most_toxic"]},
        ]

    def at(self, n: int) -> PlannedBryantDay:
        """The design itself: there is no other."""
        return self

    def describe(self, in_words: InWords) -> list[str]:
        """What is decided after each of the stages, by both endpoints."""
        study, at = self.study, self.numbers
        toxicity = in_words(study.toxicity.endpoint) if study.toxicity is not None else ""
        return [
            f"The primary endpoints are {in_words(study.endpoint)} and {toxicity} ({self.design.title}). After "
            f"{at['n1']} evaluable patients the trial goes on if more than {at['cr1']} respond and at most "
            f"{at['most_toxic1']} have the toxicity; after {at['n']} the treatment is recommended for further study if "
            f"more than {at['cr']} respond and at most {at['most_toxic']} have the toxicity. The probability of "
            f"recommending it is {at['alpha_r']:.3f} if its response rate is {at['pr0']:.3f}, {at['alpha_t']:.3f} if "
            f"its toxicity rate is {1.0 - at['pt0']:.3f}, and {at['power']:.3f} if they are {at['pr1']:.3f} and "
            f"{1.0 - at['pt1']:.3f} (exact, odds ratio of response and freedom from toxicity {at['odds_ratio']:g})."
        ]


class BryantDayDesign(RateDesign):
    """Two stages that tell apart the rates of response and of freedom from toxicity."""

    name = "bryant-day"
    title = "Bryant and Day 1995"
    hypotheses = Hypotheses.RESPONSE_AND_TOXICITY
    hidden = ("r1", "r", "alpha")  # CR1, CR and alpha R say it
    is_searched = False

    def largest_n(self, study: SizeStudy) -> int:
        """The limit of the study, within that of the search."""
        return min(study.largest_n, LARGEST)

    def smallest(self, study: SizeStudy, assumed: Rates) -> PlannedBryantDay:
        """The design for the nulls of the study."""
        aim = needed(study.toxicity, "toxicity")
        rates = _rates(study, assumed.values[0], needed(assumed.toxicity, "toxicity.alternative"))
        design = bryant_day(rates, study.alpha, aim.alpha, study.power, self.largest_n(study))
        return PlannedBryantDay(self, study, ResponseAndToxicity(design, study.alpha, aim.alpha), design)

    def check(self, study: SizeStudy) -> PlannedDesign | None:
        """Refuse what has no design; where the search is long, as far as it is seen at once."""
        p1, aim = study.alternative_rate, needed(study.toxicity, "toxicity")
        if p1 is not None:
            rates, largest = _rates(study, p1, aim.alternative.value), self.largest_n(study)
            of_design = bryant_day if largest <= MOST_CHECKED else check_bryant_day
            of_design(rates, study.alpha, aim.alpha, study.power, largest)
        return None


def _rates(study: SizeStudy, response: float, toxicity: float) -> BothRates:
    """The rates that the two endpoints are to tell apart."""
    aim = needed(study.toxicity, "toxicity")
    return BothRates(needed(study.null, "null").value, response, 1.0 - aim.null.value, 1.0 - toxicity, aim.odds_ratio)
