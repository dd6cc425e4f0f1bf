"""What designs with times to events share: what is assumed of their events, and how they are planned."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from math import nan

from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.base import OperatingCharacteristics, PlannedDesign
from trialsim.design.search import multiples
from trialsim.design.theory.changing_hazards.piecewise import PiecewiseArms, PiecewiseHazard
from trialsim.design.time_to_event.decisions import DecisionsAtEvents
from trialsim.errors import RequestError
from trialsim.model.interim import EventConduct
from trialsim.model.units import DAYS_PER_MONTH
from trialsim.typing import Counts

FEWEST_IN_SEARCH = 10  # patients for each place in a block of the allocation


@dataclass(frozen=True)
class Events:
    """What is assumed of the events of the arms, whose names are `names`.

    `hazard_ratio` is that of the experimental arm to the control or to the reference. `expected_events` tells how many
    events there are by the final look of a trial of n under the alternative, `accrual_months` how long its accrual
    takes. `hazard` (of the first arm) and `dropout` are per month, as if they were constant. `allocation` has the arms
    of successive patients. `month_of_events` tells, where a formula does, in which month of a trial of n so many events
    are expected. `hazards` of both arms, if they are piecewise constant, with `hazard_ratio` their average.
    """

    names: tuple[str, ...]
    hazard_ratio: float
    expected_events: Callable[[int], float]
    accrual_months: Callable[[int], float]
    hazard: float
    dropout: float
    allocation: tuple[int, ...] = (0,)
    month_of_events: Callable[[int, float], float] | None = None
    hazards: tuple[PiecewiseHazard, PiecewiseHazard] | None = None

    def arms(self, n: int) -> PiecewiseArms:
        """Two arms of `n` patients for formulas."""
        ratio = self.allocation.count(1) / self.allocation.count(0)
        control, experimental = self.hazards or (
            PiecewiseHazard((0.0,), (self.hazard,)),
            PiecewiseHazard((0.0,), (self.hazard * self.hazard_ratio,)),
        )
        return PiecewiseArms(control, experimental, self.accrual_months(n), ratio, self.dropout)


@dataclass(frozen=True)
class EventDesign(PlannedDesign):
    """A design for every number of patients; `n` is 0 before a search has found how many are needed."""

    assumed: Events
    n: int = 0

    @property
    def n_looks(self) -> int:
        """How many looks there are."""
        return len(self.study.looks.at)

    @property
    def step(self) -> int:
        """One patient for each place of a block."""
        return len(self.assumed.allocation)

    def sizes(self) -> Counts:
        """Multiples of the block from a few of them on: with fewer events formulas and tests say nothing."""
        return multiples(FEWEST_IN_SEARCH * self.step, self.study.largest_n, self.step)

    @property
    def null_ratio(self) -> float:
        """The hazard ratio of the null hypothesis."""
        return 1.0

    @abstractmethod
    def at(self, n: int) -> EventDesign:
        """The design with another number of patients."""

    @property
    @abstractmethod
    def decisions(self) -> DecisionsAtEvents:
        """What its looks decide."""

    @property
    @abstractmethod
    def conduct(self) -> EventConduct:
        """How a trial with it goes."""

    @abstractmethod
    def planned(self) -> dict[str, float]:
        """How probably it rejects under each truth, by a formula."""

    @abstractmethod
    def rejects(self) -> float:
        """How probably it rejects at the hazard ratio that is assumed, 1 and above too, by a formula."""

    def operating_characteristics(self, truth: str) -> OperatingCharacteristics | None:
        """The probability of rejecting; formulas have nothing else."""
        rejects = self.planned().get(truth)
        return OperatingCharacteristics(rejects, nan, nan, ()) if rejects is not None else None


def check_enough(n: int, fewest: int) -> None:
    """Refuse a given n with which the formulas and the test say nothing. Raises `RequestError`."""
    if n < fewest:
        wrong = "with so few patients the normal distribution is no approximation."
        raise RequestError(f"n = {n}", wrong, f"from {fewest} patients.", key="n")


def months_of_follow_up(study: SizeStudy) -> float:
    """How long after the last entry the final analysis is made."""
    return study.conduct.follow_up.value / DAYS_PER_MONTH
