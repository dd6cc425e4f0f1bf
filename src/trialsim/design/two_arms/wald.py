"""Two arms on any endpoint of a comparison: the difference over its standard error, at the scenario's own cut-off."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.stats import norm

from trialsim.config.checks.size_study import WALD
from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.base import Design, Hypotheses, Information, InWords, PlannedDesign, sides_in_words
from trialsim.design.decisions import FUTILE, REJECT
from trialsim.design.two_arms.enumeration import arms_at
from trialsim.design.two_arms.proportions import first_sentence
from trialsim.endpoints.per_patient import PatientEndpoint
from trialsim.typing import DecisionCodes, Floats


@dataclass(frozen=True)
class WaldTest:
    """Reject where the difference between the arms over its standard error, in the better direction, reaches the bound.

    `endpoints` are the endpoint as the control and the experimental arm have it. The variance of each arm's number is
    what its patients add up to (the delta method, or the infinitesimal jackknife). `harms` are the names of the severe
    toxicities, which are counted.
    """

    endpoints: tuple[PatientEndpoint, PatientEndpoint]
    alpha: float
    sides: int
    harms: tuple[str, ...]

    def statistic(self, difference: Floats, variance: Floats) -> Floats:
        """The z statistic of each trial, positive where the experimental arm is better; 0 where nothing varies."""
        gain = difference if self.endpoints[0].better == "higher" else -difference
        z = np.divide(gain, np.sqrt(variance), out=np.zeros(len(gain)), where=variance > 0.0)
        return np.nan_to_num(z)

    def decide(self, z: Floats) -> DecisionCodes:
        """`FUTILE` or `REJECT` for each trial."""
        size = np.abs(z) if self.sides == 2 else z
        return np.where(size >= norm.isf(self.alpha / self.sides), REJECT, FUTILE).astype(np.int8)


@dataclass(frozen=True)
class EndpointInArms:
    """What is assumed: the endpoint as each of two named arms has it, and the names of the severe toxicities.

    `allocation` has the arms of successive patients.
    """

    names: tuple[str, ...]
    endpoints: tuple[PatientEndpoint, PatientEndpoint]
    harms: tuple[str, ...]
    allocation: tuple[int, ...]


@dataclass(frozen=True)
class PlannedWald(PlannedDesign):
    """The test with `n` patients in all; 0 before a search has found how many."""

    test: WaldTest
    assumed: EndpointInArms
    n: int = 0

    @property
    def n_looks(self) -> int:
        """There is one."""
        return 1

    @property
    def step(self) -> int:
        """One patient for each place in a block of the allocation."""
        return len(self.assumed.allocation)

    @cached_property
    def numbers(self) -> dict[str, Any]:
        """The numbers as they are reported."""
        control, experimental = arms_at(self.n, self.assumed.allocation)
        names = {"endpoint": self.test.endpoints[0].name, "test": WALD, "sides": self.test.sides}
        return {"n": self.n, "n_control": control, "n_experimental": experimental, **names}

    def at(self, n: int) -> PlannedWald:
        """The test with `n` patients."""
        return replace(self, n=n)

    def describe(self, in_words: InWords) -> list[str]:
        """Who is compared on what, by which test."""
        study = self.study
        return [
            first_sentence(self.assumed.names, in_words(study.endpoint), self.numbers)
            + f"The test is the difference of {self.numbers['endpoint']} over its standard error, "
            f"{sides_in_words(study)} at level {study.alpha:g}, when the data are cut off as the scenario says."
        ]


class WaldDesign(Design[EndpointInArms]):
    """`two-arm` with `test: wald`; simulation finds its n."""

    name = "two-arm"
    title = "Wald test"
    hypotheses = Hypotheses.ANY_ENDPOINT
    information = Information.CUT_OFF
    has_size = False

    def smallest(self, study: SizeStudy, assumed: EndpointInArms) -> PlannedWald:
        """The test of a study."""
        return PlannedWald(self, study, WaldTest(assumed.endpoints, study.alpha, study.sides, assumed.harms), assumed)

    def with_n(self, study: SizeStudy, assumed: EndpointInArms, n: int) -> PlannedWald:
        """The test with `n` patients in all."""
        return self.smallest(study, assumed).at(n)

    def has_interim_looks(self, study: SizeStudy) -> bool:
        """There are none."""
        return False

    def describe_test(self, study: SizeStudy) -> list[str]:
        """The test by its name."""
        return [f"test: {WALD}"]
