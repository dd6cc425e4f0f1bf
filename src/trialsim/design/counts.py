"""Designs that count patients at looks after numbers of patients; their operating characteristics are exact."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.base import ALTERNATIVE, Design, OperatingCharacteristics, PlannedDesign, Rates
from trialsim.design.decisions import Decisions

ONE_LOOK_HIDES = ("pet_p0", "en_p0")  # a trial with one look always has all its patients


@dataclass(frozen=True)
class CountDesign(PlannedDesign):
    """A design with `decisions` at its looks; `allocation` has the arms of successive patients."""

    decisions: Decisions
    allocation: tuple[int, ...] = field(default=(0,), kw_only=True)

    @property
    def n(self) -> int:
        """The largest number of patients, all arms together."""
        return self.decisions.looks[-1]

    @property
    def n_looks(self) -> int:
        """How many looks there are."""
        return len(self.decisions.looks)

    @property
    def step(self) -> int:
        """One patient for each place of a block."""
        return len(self.allocation)

    @property
    @abstractmethod
    def rates_of_truths(self) -> dict[str, tuple[float, ...]]:
        """The true rates under each truth, as `at_rates` takes them."""

    @property
    def alternative_rates(self) -> tuple[float, ...]:
        """The rates under the alternative."""
        return self.rates_of_truths[ALTERNATIVE]

    @abstractmethod
    def at_rates(self, rates: Sequence[float]) -> OperatingCharacteristics:
        """What it comes to exactly at true rates."""

    @cached_property
    def exact(self) -> dict[str, OperatingCharacteristics]:
        """The exact operating characteristics by truth."""
        return {truth: self.at_rates(rates) for truth, rates in self.rates_of_truths.items()}

    def operating_characteristics(self, truth: str) -> OperatingCharacteristics | None:
        """The exact ones."""
        return self.exact.get(truth)


class RateDesign(Design[Rates]):
    """A design of one arm for which rates are all that is assumed: it is built without simulation."""

    def check(self, study: SizeStudy) -> PlannedDesign | None:
        """The design, where the alternative is a number."""
        p1 = study.alternative_rate
        return self.build(study, Rates((p1,))) if p1 is not None else None


def errors_in_words(numbers: Mapping[str, Any]) -> str:
    """The two error rates of one arm as a sentence without its end."""
    return (
        f"The type I error is {numbers['alpha']:.3f} at a rate of {numbers['p0']:.3f} and the power "
        f"{numbers['power']:.3f} at {numbers['p1']:.3f}"
    )
