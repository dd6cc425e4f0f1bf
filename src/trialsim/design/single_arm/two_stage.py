"""One arm, two stages: Simon's designs and Fleming's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.base import (
    ALTERNATIVE,
    NULL,
    Hypotheses,
    InWords,
    OperatingCharacteristics,
    PowerByN,
    Rates,
    needed,
    one_rate,
)
from trialsim.design.counts import CountDesign, RateDesign, errors_in_words
from trialsim.design.single_arm.decisions import OneArmTwoStages
from trialsim.design.theory.rounding import lowest_accepted
from trialsim.design.theory.single_stage import most_power
from trialsim.design.theory.stages import check_limit
from trialsim.design.theory.two_stage import MOST_SEARCHED, TwoStage, admissible, fleming, simon_designs
from trialsim.errors import RequestError
from trialsim.typing import Counts

Admissible = list[tuple[TwoStage, float, float]]  # designs with the weights of n between which each is the best
_TARGETS: Final = np.arange(1, 100) / 100.0  # planned powers of the designs that are tried
STEPS: Final = 200  # of power from 0 to 1, among which that of a given n is sought
_TIMES: Final = 2.0  # the largest n tried, in multiples of the planned n: a calendar does not cost more


@dataclass(frozen=True)
class PlannedTwoStage(CountDesign):
    """The two stages of `two_stage`."""

    two_stage: TwoStage
    admissible: tuple[tuple[TwoStage, float, float], ...] = ()

    @cached_property
    def numbers(self) -> dict[str, Any]:
        """The numbers as they are reported."""
        return _numbers(self.two_stage)

    @property
    def rates_of_truths(self) -> dict[str, tuple[float, ...]]:
        """The two rates that are told apart."""
        return {NULL: (self.two_stage.p0,), ALTERNATIVE: (self.two_stage.p1,)}

    def at_rates(self, rates: Sequence[float]) -> OperatingCharacteristics:
        """What becomes of the two stages at a rate."""
        (rate,) = rates
        at = self.two_stage.at(rate)
        return OperatingCharacteristics(at.rejects, at.expected_n, at.stops_early, (one_rate(rate),))

    @property
    def others(self) -> list[dict[str, Any]]:
        """The admissible designs, with the weights of n for which each is the best."""
        return [{**_numbers(item), "weight_from": low, "weight_to": high} for item, low, high in self.admissible]

    @property
    def looks(self) -> list[dict[str, Any]]:
        """The two stages, with the probabilities of ending there under each of the two rates."""
        design, ends = self.two_stage, (self.two_stage.under_null, self.two_stage.under_alternative)
        stages = ((design.n1, design.r1, design.e1), (design.n, design.r, design.r + 1))
        return [
            {
                "look": look + 1, "patients": n, "stop_at_most": low, "reject_from": high,
                "futile_p0": ends[0].stops_low[look], "rejects_p0": ends[0].stops_high[look],
                "futile_p1": ends[1].stops_low[look], "rejects_p1": ends[1].stops_high[look],
            }
            for look, (n, low, high) in enumerate(stages)
        ]  # fmt: skip

    def at(self, n: int) -> PlannedTwoStage:
        """The design itself: there is no other."""
        return self

    def describe(self, in_words: InWords) -> list[str]:
        """What is decided after each of the stages."""
        at = self.numbers
        early = f" or, with at least {at['e1']}, at once in favour of the treatment" if "e1" in at else ""
        return [
            f"The primary endpoint is {in_words(self.study.endpoint)}. The trial has two stages ({self.design.title}). "
            f"After {at['n1']} evaluable patients it stops for lack of activity if at most {at['r1']} respond{early}; "
            f"otherwise it goes on to {at['n']}, and the treatment is recommended for further study if more than "
            f"{at['r']} of them respond. {errors_in_words(at)}, both exact; at {at['p0']:.3f} the trial stops after "
            f"the first stage with probability {at['pet_p0']:.3f} and takes {at['en_p0']:.1f} patients on average."
        ]


@dataclass(frozen=True)
class PlannedSimon(PlannedTwoStage):
    """One of Simon's designs: there is one for every power, not for every size."""

    @cached_property
    def larger(self) -> dict[int, PlannedTwoStage]:
        """The designs planned for ever more power, by n; the first is this one."""
        design = self.design
        if not isinstance(design, SimonDesign):
            raise TypeError("only one of Simon's designs has larger ones")
        return design.ever_more_power(self.study, self.two_stage.p1)

    def at(self, n: int) -> PlannedTwoStage:
        """The one of the larger designs that has `n` patients."""
        return self.larger[n]

    def sizes(self) -> Counts:
        """The sizes of the larger designs."""
        return np.array(list(self.larger))

    def power_by_n(self) -> PowerByN:
        """The power that each of the larger designs is planned with."""
        power = [float(item.numbers["power"]) for item in self.larger.values()]
        return PowerByN(self.sizes(), np.array(power), is_of_every_n=False)

    def describe_larger(self, n: int) -> str:
        """The larger design with `n` patients; nothing for this one."""
        if n == self.n:
            return ""
        at = self.at(n).numbers
        return (
            f" This is the design planned for power {at['power']:.3f}: stop after {at['n1']} patients if at most "
            f"{at['r1']} respond, reject if more than {at['r']} of {at['n']} do."
        )


class SimonDesign(RateDesign):
    """Simon's optimal design: the fewest patients on average under the null."""

    name = "simon-optimal"
    title = "Simon 1989, optimal"
    hypotheses = Hypotheses.RESPONSE_RATE

    def choose(self, good: Admissible) -> TwoStage:
        """The one of the admissible designs; the minimax one comes first, the optimal one last."""
        return good[-1][0]

    def smallest(self, study: SizeStudy, assumed: Rates) -> PlannedSimon:
        """The design for the null of the study, with the other admissible ones."""
        p0, (p1,) = needed(study.null, "null").value, assumed.values
        good = admissible(simon_designs(p0, p1, study.alpha, study.power, study.largest_n))
        chosen = self.choose(good)
        return PlannedSimon(self, study, _decisions(study, chosen), chosen, tuple(good))

    def with_n(self, study: SizeStudy, assumed: Rates, n: int) -> PlannedSimon:
        """The design for the greatest power, in steps of 0.005, that takes no more than `n` patients.

        More power may take fewer patients, so every step is looked at, down from the most that any test of so many
        patients has. Raises `RequestError` where none has more power than the level.
        """
        p0, (p1,) = needed(study.null, "null").value, assumed.values
        check_limit(n, 2, MOST_SEARCHED)
        for power in _steps_down(most_power(p0, p1, study.alpha, n), study.alpha):
            good = admissible(simon_designs(p0, p1, study.alpha, power, MOST_SEARCHED))
            chosen = self.choose(good)
            if chosen.n <= n:
                return PlannedSimon(self, study, _decisions(study, chosen), chosen, tuple(good))
        wrong = f"no design of at most {n} patients has level {study.alpha:g} and more power than that."
        raise RequestError(f"n = {n}", wrong, "more patients, or a larger alpha.", key="n")

    def ever_more_power(self, study: SizeStudy, p1: float) -> dict[int, PlannedTwoStage]:
        """The designs planned for ever more power, by n; each has more power than all that are smaller.

        The first is the design that the study asks for; the others are what it takes if a calendar costs power.
        """
        p0 = needed(study.null, "null").value
        candidates: list[TwoStage] = []
        for target in [study.power, *_TARGETS[study.power < _TARGETS]]:
            try:
                good = admissible(simon_designs(p0, p1, study.alpha, float(target), study.largest_n))
            except RequestError:
                break  # more power takes more patients than there may be
            candidates.append(self.choose(good))
            if candidates[-1].n > _TIMES * candidates[0].n:
                break
        chosen = {candidates[0].n: candidates[0]}
        for item in sorted(candidates, key=lambda item: (item.n, item.power)):
            if item.n > max(chosen) and item.power > max(smaller.power for smaller in chosen.values()):
                chosen[item.n] = item
        return {n: PlannedTwoStage(self, study, _decisions(study, item), item) for n, item in chosen.items()}


class SimonMinimax(SimonDesign):
    """Simon's minimax design: the fewest patients in all."""

    name = "simon-minimax"
    title = "Simon 1989, minimax"

    def choose(self, good: Admissible) -> TwoStage:
        """The first."""
        return good[0][0]


class SimonAdmissible(SimonDesign):
    """The admissible design for the widest range of weights between the two extremes, or the optimal one without any.

    Jung et al. (2004) leave the choice to the reader; this one says why it is chosen.
    """

    name = "simon-admissible"
    title = "Simon 1989; admissible, Jung et al. 2004"

    def choose(self, good: Admissible) -> TwoStage:
        """The one with the widest range."""
        between = good[1:-1]
        return max(between, key=lambda item: item[2] - item[1])[0] if between else good[-1][0]


class FlemingDesign(RateDesign):
    """Fleming's design: the stages are given, and the first may reject too."""

    name = "fleming"
    title = "Fleming 1982"
    hypotheses = Hypotheses.RESPONSE_RATE
    is_searched = False

    def smallest(self, study: SizeStudy, assumed: Rates) -> PlannedTwoStage:
        """The design with the stages of the study. Raises `RequestError` where they have too little power."""
        p0, (p1,), stages = needed(study.null, "null").value, assumed.values, needed(study.stages, "stages")
        design = fleming(p0, p1, study.alpha, stages.first, stages.all)
        if design.power < lowest_accepted(study.power):
            wrong = f"these stages have power {design.power:.3f}, and {study.power:g} is asked for."
            nearest = f"more patients, or power up to {math.floor(1000.0 * design.power) / 1000.0:g}."
            raise RequestError("stages", wrong, nearest, key="stages")
        return PlannedTwoStage(self, study, _decisions(study, design), design)


def _steps_down(most: float, least: float) -> Iterator[float]:
    """Powers in steps, from the one at or below `most` down to the last one above `least`."""
    for step in range(math.floor(STEPS * most), math.floor(STEPS * least), -1):
        yield step / STEPS


def _decisions(study: SizeStudy, design: TwoStage) -> OneArmTwoStages:
    return OneArmTwoStages(design.n, design.r, design.p0, design.p1, study.alpha, study.conduct.attained, design=design)


def _numbers(design: TwoStage) -> dict[str, Any]:
    numbers: dict[str, Any] = {"n1": design.n1, "r1": design.r1, "n": design.n, "r": design.r}
    if design.e1 is not None:
        numbers["e1"] = design.e1
    return {
        **numbers, "p0": design.p0, "p1": design.p1, "en_p0": design.en_p0, "pet_p0": design.pet_p0,
        "alpha": design.alpha, "power": design.power,
    }  # fmt: skip
