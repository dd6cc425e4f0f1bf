"""One arm, one stage: the exact binomial test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.stats import binom

from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.base import (
    ALTERNATIVE,
    NULL,
    Design,
    Hypotheses,
    InWords,
    OperatingCharacteristics,
    PowerByN,
    Rates,
    needed,
    one_rate,
)
from trialsim.design.counts import ONE_LOOK_HIDES, CountDesign, RateDesign, errors_in_words
from trialsim.design.single_arm.decisions import OneArm
from trialsim.design.theory.single_stage import SingleStage, ahern, critical_counts, power_by_n, single_stage
from trialsim.design.theory.stages import check_rates
from trialsim.errors import RequestError


@dataclass(frozen=True)
class PlannedSingleStage(CountDesign):
    """The exact test with the numbers of `single_stage`."""

    single_stage: SingleStage

    @cached_property
    def numbers(self) -> dict[str, Any]:
        """The numbers as they are reported."""
        test = self.single_stage
        return {
            "n": test.n, "r": test.r, "p0": test.p0, "p1": test.p1, "alpha": test.alpha, "power": test.power,
            "en_p0": float(test.n), "pet_p0": 0.0,
            **({"stays_n": test.stays_n} if self.study.n is None else {}),
        }  # fmt: skip

    @property
    def rates_of_truths(self) -> dict[str, tuple[float, ...]]:
        """The two rates that are told apart."""
        return {NULL: (self.single_stage.p0,), ALTERNATIVE: (self.single_stage.p1,)}

    def at_rates(self, rates: Sequence[float]) -> OperatingCharacteristics:
        """How probably the exact test rejects at a rate."""
        (rate,), test = rates, self.single_stage
        return OperatingCharacteristics(float(binom.sf(test.r, test.n, rate)), test.n, 0.0, (one_rate(rate),))

    def at(self, n: int) -> PlannedSingleStage:
        """The exact test with `n` patients."""
        return _planned(self.design, self.study, _test_of(self.study, self.single_stage.p0, self.single_stage.p1, n))

    def power_by_n(self) -> PowerByN:
        """The saw-tooth of the exact power."""
        test = self.single_stage
        n, _, power = power_by_n(test.p0, test.p1, self.study.alpha, max(2 * test.n, test.stays_n + 10))
        return PowerByN(n, np.asarray(power), is_of_every_n=True)

    def describe(self, in_words: InWords) -> list[str]:
        """How many patients, and from how many responses on the treatment is recommended."""
        at = self.numbers
        return [
            f"The primary endpoint is {in_words(self.study.endpoint)}. {at['n']} evaluable patients are treated "
            f"({self.design.title}); the treatment is recommended for further study if more than {at['r']} respond. "
            f"{errors_in_words(at)}, both exact."
        ]


def _planned(design: Design[Any], study: SizeStudy, test: SingleStage) -> PlannedSingleStage:
    decisions = OneArm(test.n, test.r, test.p0, test.p1, study.alpha, study.conduct.attained)
    return PlannedSingleStage(design, study, decisions, test)


def _test_of(study: SizeStudy, p0: float, p1: float, n: int) -> SingleStage:
    """The exact test of `n` patients at the level of a study."""
    r = int(critical_counts(np.array([n]), p0, study.alpha)[0])
    return SingleStage(n, r, p0, p1, float(binom.sf(r, n, p0)), float(binom.sf(r, n, p1)), n)


class SingleStageDesign(RateDesign):
    """The smallest n with the power, although a larger one may not have it."""

    name = "single-stage"
    title = "exact binomial test in one stage"
    hypotheses = Hypotheses.RESPONSE_RATE
    hidden = ONE_LOOK_HIDES

    def with_n(self, study: SizeStudy, assumed: Rates, n: int) -> PlannedSingleStage:
        """The exact test of `n` patients. Raises `RequestError` where not even all responses reject the null."""
        p0, (p1,) = needed(study.null, "null").value, assumed.values
        check_rates(p0, p1)
        test = _test_of(study, p0, p1, n)
        if test.r >= n:
            fewest = math.ceil(math.log(study.alpha) / math.log(p0) - 1e-9)
            wrong = f"if all of {n} patients respond, that is no evidence against {p0:g} at level {study.alpha:g}."
            raise RequestError(f"n = {n}", wrong, f"n from {fewest}, or a larger alpha.", key="n")
        return _planned(self, study, test)

    def smallest(self, study: SizeStudy, assumed: Rates) -> PlannedSingleStage:
        """The design for the null of the study."""
        p0, (p1,) = needed(study.null, "null").value, assumed.values
        return _planned(self, study, single_stage(p0, p1, study.alpha, study.power, study.largest_n))


class AHern(SingleStageDesign):
    """A'Hern's n, from which on every larger one has the power."""

    name = "ahern"
    title = "A'Hern 2001"

    def smallest(self, study: SizeStudy, assumed: Rates) -> PlannedSingleStage:
        """The design for the null of the study."""
        p0, (p1,) = needed(study.null, "null").value, assumed.values
        return _planned(self, study, ahern(p0, p1, study.alpha, study.power, study.largest_n))
