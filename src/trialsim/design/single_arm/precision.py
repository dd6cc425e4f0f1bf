"""One arm whose rate is estimated: the interval is narrow enough with a probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.stats import binom

from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.base import (
    ALTERNATIVE,
    Design,
    Hypotheses,
    InWords,
    OperatingCharacteristics,
    Rates,
    needed,
    one_rate,
)
from trialsim.design.counts import ONE_LOOK_HIDES, CountDesign, RateDesign
from trialsim.design.decisions import FUTILE, REJECT, OneEndpoint, standardised
from trialsim.design.theory.precision import expected_half_width, half_widths, limits, smallest_for_half_width
from trialsim.errors import RequestError
from trialsim.typing import Counts, DecisionCodes, Floats


@dataclass(frozen=True)
class Estimation(OneEndpoint):
    """No test: the trial estimates a rate. `REJECT` stands for an exact interval of at most `half_width` each way."""

    n: int
    half_width: float
    confidence: float
    rate: float

    @property
    def looks(self) -> tuple[int, ...]:
        """Patients at the end."""
        return (self.n,)

    def statistic(self, counts: Counts) -> Floats:
        """How far the estimate is from the rate, in standard errors."""
        return standardised(counts[:, -1, 0, 0], counts[:, -1, 0, 1], self.rate)

    def decide(self, look: int, counts: Counts, trials: Counts) -> DecisionCodes:
        """See `Decisions`; half of Clopper and Pearson's interval (1934, Biometrika 26:404)."""
        codes = np.full(len(counts), FUTILE, np.int8)
        for n in np.unique(counts[:, look, 0, 0]):
            trials_of_size = np.flatnonzero(counts[:, look, 0, 0] == n)
            if n > 0:
                narrow = half_widths(int(n), self.confidence) <= self.half_width
                codes[trials_of_size] = np.where(narrow[counts[trials_of_size, look, 0, 1]], REJECT, FUTILE)
        return codes


@dataclass(frozen=True)
class PlannedPrecision(CountDesign):
    """A trial that estimates `rate`; from `stays_from` patients on every size has the probability."""

    rate: float
    stays_from: int

    @cached_property
    def numbers(self) -> dict[str, Any]:
        """The numbers as they are reported."""
        n, rate, confidence = self.n, self.rate, self.study.confidence
        low, high = limits(n, confidence)
        mass = binom.pmf(np.arange(n + 1), n, rate)
        return {
            "n": n, "p1": rate, "half_width": self.half_width, "confidence": confidence,
            "power": self.exact[ALTERNATIVE].rejects,
            "expected_half_width": expected_half_width(n, rate, confidence),
            "coverage": float(mass[(low <= rate) & (rate <= high)].sum()),
            **({"stays_n": self.stays_from} if self.study.n is None else {}), "alpha": 1.0 - confidence,
        }  # fmt: skip

    @property
    def half_width(self) -> float:
        """How far the interval may reach each way."""
        return needed(self.study.half_width, "half_width").value

    @property
    def rates_of_truths(self) -> dict[str, tuple[float, ...]]:
        """The rate that is estimated."""
        return {ALTERNATIVE: (self.rate,)}

    def at_rates(self, rates: Sequence[float]) -> OperatingCharacteristics:
        """The probability that the interval is narrow enough."""
        (rate,), n = rates, self.n
        mass = binom.pmf(np.arange(n + 1), n, rate)
        narrow = float(mass[half_widths(n, self.study.confidence) <= self.half_width].sum())
        return OperatingCharacteristics(narrow, float(n), 0.0, (one_rate(rate),))

    def at(self, n: int) -> PlannedPrecision:
        """The design with `n` patients."""
        return _planned(self.design, self.study, n, self.rate, n)

    def describe(self, in_words: InWords) -> list[str]:
        """How many patients, and how wide the interval is."""
        at = self.numbers
        return [
            f"The trial estimates the rate of {in_words(self.study.endpoint)}. With {at['n']} patients the exact "
            f"{100.0 * self.study.confidence:g} % confidence interval reaches at most {at['half_width']:.3f} each way "
            f"with probability {at['power']:.3f}, if the rate is {at['p1']:.3f}; its expected half width is "
            f"{at['expected_half_width']:.3f}."
        ]


def _planned(design: Design[Any], study: SizeStudy, n: int, rate: float, stays_from: int) -> PlannedPrecision:
    width = needed(study.half_width, "half_width").value
    return PlannedPrecision(design, study, Estimation(n, width, study.confidence, rate), rate, stays_from)


class PrecisionDesign(RateDesign):
    """The exact confidence interval of a rate reaches at most so far each way."""

    name = "precision"
    title = "Clopper and Pearson 1934"
    hypotheses = Hypotheses.ESTIMATED_RATE
    success = "interval narrow enough"
    probability_of_success = "that probability"
    power_in_words = "the probability that the interval is narrow enough"
    hidden = ONE_LOOK_HIDES
    labels = {"power": "interval narrow enough with probability", "alpha": "1 - confidence"}
    keys_of_size = ("n", "largest_n", "half_width")
    has_test = False

    def with_n(self, study: SizeStudy, assumed: Rates, n: int) -> PlannedPrecision:
        """A trial of `n` patients, and how probably its interval is narrow enough. Raises `RequestError`."""
        return _planned(self, study, n, _rate_between(assumed), n)

    def smallest(self, study: SizeStudy, assumed: Rates) -> PlannedPrecision:
        """The smallest trial whose interval is narrow enough with probability `power`."""
        rate = _rate_between(assumed)
        width = needed(study.half_width, "half_width").value
        smallest = smallest_for_half_width(
            rate, width, study.confidence, probability=study.power, largest=study.largest_n
        )
        return _planned(self, study, smallest.n, rate, smallest.stays_from)


def _rate_between(assumed: Rates) -> float:
    """The rate that is estimated. Raises `RequestError` for 0 and 1."""
    (rate,) = assumed.values
    if not 0.0 < rate < 1.0:
        raise RequestError(f"a rate of {rate:g}", "there is nothing to estimate.", "a rate between 0 and 1.")
    return rate
