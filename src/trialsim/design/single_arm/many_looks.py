"""One arm, one rate, many looks: predictive probability, BOP2, and the boundaries of Thall and Simon."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from trialsim.config.schema.size_study import Bayesian, SizeStudy
from trialsim.design.base import (
    ALTERNATIVE,
    NULL,
    Hypotheses,
    InWords,
    OperatingCharacteristics,
    Rates,
    needed,
    one_rate,
)
from trialsim.design.counts import CountDesign, RateDesign, errors_in_words
from trialsim.design.decisions import FUTILE, GO_ON, REJECT, OneEndpoint, standardised
from trialsim.design.theory.monitored_rate import (
    MOST_PATIENTS,
    MonitoredRate,
    PosteriorCutoff,
    PredictiveProbability,
    Rule,
    ThallSimon,
    best_cutoff,
    best_predictive,
    check_request,
    looks_of,
)
from trialsim.design.theory.stages import check_rates
from trialsim.errors import RequestError
from trialsim.typing import Counts, DecisionCodes, Floats

FIRST: Final = 10  # patients at the first look unless the study says otherwise
UNINFORMED: Final = (0.5, 0.5)  # prior of Thall and Simon's rate: half the information of one patient each way
THALL_SIMON: Final = (0.05, 0.95)  # their thresholds of futility and of efficacy


@dataclass(frozen=True)
class ManyLooks(OneEndpoint):
    """A rule at looks after `looks` patients; at other numbers of patients it is the same rule."""

    looks: tuple[int, ...]
    rule: Rule
    p0: float

    def statistic(self, counts: Counts) -> Floats:
        """(x - n p0) / sqrt(n p0 (1 - p0))."""
        return standardised(counts[:, -1, 0, 0], counts[:, -1, 0, 1], self.p0)

    def decide(self, look: int, counts: Counts, trials: Counts) -> DecisionCodes:
        """See `Decisions`."""
        n, x = counts[:, look, 0, 0], counts[:, look, 0, 1]
        is_last = look == len(self.looks) - 1
        codes = np.full(len(n), FUTILE if is_last else GO_ON, np.int8)
        for size in np.unique(n):
            low, high = self.rule.bounds(int(size), is_last=is_last) if size > 0 else (-1, 1)
            of_size = n == size
            codes[of_size & (x <= low)] = FUTILE
            codes[of_size & (x >= high)] = REJECT
        return codes


@dataclass(frozen=True)
class PlannedManyLooks(CountDesign):
    """The looks and the rule of `monitored`."""

    monitored: MonitoredRate

    @cached_property
    def numbers(self) -> dict[str, Any]:
        """The numbers as they are reported; boundaries as count / patients, each where it first holds."""
        design, (low, high) = self.monitored, self.monitored.boundaries
        null, alternative = self.exact[NULL], self.exact[ALTERNATIVE]
        high_steps = [f"{x}/{n}" for x, n in _steps(high[:-1], design.sizes[:-1]) if x <= n]
        return {
            "n": self.n, "n_looks": self.n_looks, "stops_at_most": [f"{x}/{n}" for x, n in _steps(low, design.sizes)],
            **({"stops_from": high_steps} if high_steps else {}), "r": low[-1],
            "p0": design.p0, "p1": design.p1, "alpha": null.rejects, "power": alternative.rejects,
            "en_p0": null.expected_n, "pet_p0": null.stops_early, "en_p1": alternative.expected_n,
            **self._of_rule(),
        }  # fmt: skip

    def _of_rule(self) -> dict[str, Any]:
        """The thresholds of the rule."""
        rule: Any = self.monitored.rule
        names = ("prior", "futility", "success", "efficacy", "level", "exponent", "standard", "gain")
        found = {name: getattr(rule, name) for name in names if hasattr(rule, name)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}

    @property
    def rates_of_truths(self) -> dict[str, tuple[float, ...]]:
        """The two rates that are told apart."""
        return {NULL: (self.monitored.p0,), ALTERNATIVE: (self.monitored.p1,)}

    def at_rates(self, rates: Sequence[float]) -> OperatingCharacteristics:
        """What becomes of the trial at a rate."""
        (rate,) = rates
        at = self.monitored.at(rate)
        return OperatingCharacteristics(at.rejects, at.expected_n, at.stops_early, (one_rate(rate),))

    @property
    def looks(self) -> list[dict[str, Any]]:
        """Every look with its boundaries, and the probabilities of ending there under each of the two rates."""
        design, (low, high) = self.monitored, self.monitored.boundaries
        ends = (design.under_null, design.under_alternative)
        return [
            {
                "look": i + 1, "patients": n, "stop_at_most": low[i] if low[i] >= 0 else None,
                "reject_from": high[i] if high[i] <= n else None,
                "futile_p0": ends[0].stops_low[i], "rejects_p0": ends[0].stops_high[i],
                "futile_p1": ends[1].stops_low[i], "rejects_p1": ends[1].stops_high[i],
            }
            for i, n in enumerate(design.sizes)
        ]  # fmt: skip

    def at(self, n: int) -> PlannedManyLooks:
        """The design itself: a search under a calendar looks at no other."""
        return self

    def describe(self, in_words: InWords) -> list[str]:
        """How often is looked, when the trial stops, and what the rule comes to."""
        at, sizes = self.numbers, self.monitored.sizes
        first = f"after {sizes[0]} evaluable patients" if self.n_looks > 1 else f"after {self.n} evaluable patients"
        stops = ", ".join(at["stops_at_most"][:-1]) or "no number"
        early = f" It stops in favour of the treatment with at least {', '.join(at['stops_from'])}." if (
            "stops_from" in at) else ""  # fmt: skip
        return [
            f"The primary endpoint is {in_words(self.study.endpoint)}. The trial is looked at {self.n_looks} times, "
            f"first {first}, last after {self.n} ({self.design.title}; {self._rule_in_words()}). It stops for lack of "
            f"activity with at most so many responses of so many patients: {stops}.{early} The treatment is "
            f"recommended for further study if more than {at['r']} of {self.n} respond. "
            f"{errors_in_words(at)}, both exact; at "
            f"{at['p0']:.3f} the trial stops early with probability {at['pet_p0']:.3f} and takes {at['en_p0']:.1f} "
            "patients on average."
        ]

    def _rule_in_words(self) -> str:
        rule = self.monitored.rule
        beta = f"prior beta({rule.prior[0]:g}, {rule.prior[1]:g})" if hasattr(rule, "prior") else ""
        if isinstance(rule, PredictiveProbability):
            efficacy = f", above {rule.efficacy:g} for efficacy" if rule.efficacy < 1.0 else ""
            return (
                f"{beta}; predictive probability of success below {rule.futility:g}{efficacy}; success is a posterior "
                f"probability of {rule.success:.3f} that the rate exceeds {rule.p0:g}"
            )
        if isinstance(rule, PosteriorCutoff):
            return f"{beta}; posterior probability below {rule.level:g} (n / {rule.n_all})^{rule.exponent:g}"
        if isinstance(rule, ThallSimon):
            return (
                f"{beta}, standard beta({rule.standard[0]:g}, {rule.standard[1]:g}); probability of a gain above "
                f"{rule.gain:g} at most {rule.futility:g}, or of superiority at least {rule.efficacy:g}"
            )
        raise TypeError(rule)


def _steps(boundary: Sequence[int], sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """A boundary as (count, patients) where each count holds first."""
    before = -1
    for count, n in zip(boundary, sizes, strict=True):
        if count > before and count >= 0:
            yield count, n
            before = count


class ManyLooksDesign(RateDesign):
    """A rule for one rate at many looks."""

    hypotheses = Hypotheses.RESPONSE_RATE
    is_searched = False

    def largest_n(self, study: SizeStudy) -> int:
        """The limit of the study, within that of the search."""
        return min(study.largest_n, MOST_PATIENTS)

    @abstractmethod
    def monitored(self, study: SizeStudy, sizes: tuple[int, ...], p1: float) -> MonitoredRate | None:
        """The rule with these looks; None where none keeps what is asked for."""

    def smallest(self, study: SizeStudy, assumed: Rates) -> PlannedManyLooks:
        """The design of the fewest patients in all that has the power. Raises `RequestError`."""
        p0, (p1,) = needed(study.null, "null").value, assumed.values
        largest = self.largest_n(study)
        first = check_request(p0, p1, study.alpha, study.power, largest)
        for n in range(first, largest + 1):
            design = self.monitored(study, sizes_of(study, n), p1)
            if design is not None and design.under_alternative.rejects >= study.power * (1.0 - 1e-9):
                return self._planned(study, design)
        wrong = f"no rule with n <= {largest} has level {study.alpha:g} and power {study.power:g}."
        raise RequestError(f"n <= {largest}", wrong, "a larger limit, fewer looks, or less power.", key="n")

    def with_n(self, study: SizeStudy, assumed: Rates, n: int) -> PlannedManyLooks:
        """The rule for `n` patients. Raises `RequestError` where none keeps what is asked for."""
        p0, (p1,) = needed(study.null, "null").value, assumed.values
        check_rates(p0, p1)
        if n > MOST_PATIENTS:
            raise RequestError(f"n = {n}", "rules are not searched for so many.", f"up to {MOST_PATIENTS}.", key="n")
        design = self.monitored(study, sizes_of(study, n), p1)
        if design is None:
            wrong = f"no rule of {n} patients has level {study.alpha:g}{self._power_in_words(study)}."
            raise RequestError(f"n = {n}", wrong, "more patients, a larger alpha, or less power.", key="n")
        return self._planned(study, design)

    def _power_in_words(self, study: SizeStudy) -> str:
        return ""

    def _planned(self, study: SizeStudy, design: MonitoredRate) -> PlannedManyLooks:
        return PlannedManyLooks(self, study, ManyLooks(design.sizes, design.rule, design.p0), design)


class PredictiveDesign(ManyLooksDesign):
    """Lee and Liu's design: of those with the level and the power, the one of the fewest patients on average."""

    name = "predictive-probability"
    title = "predictive probability, Lee and Liu 2008"

    def monitored(self, study: SizeStudy, sizes: tuple[int, ...], p1: float) -> MonitoredRate | None:
        """The thresholds that are given, or the best that are found."""
        rule, p0, prior = _rule(study), needed(study.null, "null").value, prior_of(study)
        if rule.success is None:
            return best_predictive(sizes, (p0, p1, study.alpha, study.power), prior, rule.futility)
        futility = rule.futility if rule.futility is not None else 0.05
        efficacy = rule.efficacy if rule.efficacy is not None else 1.0
        return MonitoredRate(
            sizes, PredictiveProbability(prior, p0, sizes[-1], futility, rule.success, efficacy), p0, p1
        )

    def _power_in_words(self, study: SizeStudy) -> str:
        return f" and power {study.power:g}"


class Bop2Design(ManyLooksDesign):
    """Zhou, Lee and Yuan's design of a binary endpoint: the most power at the level."""

    name = "bop2"
    title = "BOP2, Zhou, Lee and Yuan 2017"

    def monitored(self, study: SizeStudy, sizes: tuple[int, ...], p1: float) -> MonitoredRate | None:
        """The cut-off that is given, or the best that is found."""
        rule, p0, prior = _rule(study), needed(study.null, "null").value, prior_of(study)
        if rule.level is None:
            return best_cutoff(sizes, p0, p1, study.alpha, prior)
        exponent = rule.exponent if rule.exponent is not None else 1.0
        return MonitoredRate(sizes, PosteriorCutoff(prior, p0, sizes[-1], rule.level, exponent), p0, p1)


class ThallSimonDesign(ManyLooksDesign):
    """Thall and Simon's boundaries: their thresholds are given, and no level is asked for."""

    name = "thall-simon"
    title = "Thall and Simon 1994"

    def monitored(self, study: SizeStudy, sizes: tuple[int, ...], p1: float) -> MonitoredRate | None:
        """The boundaries for the standard of the study."""
        rule, p0 = _rule(study), needed(study.null, "null").value
        prior = rule.prior if rule.prior is not None else UNINFORMED
        futility = rule.futility if rule.futility is not None else THALL_SIMON[0]
        efficacy = rule.efficacy if rule.efficacy is not None else THALL_SIMON[1]
        standard = needed(rule.standard, "bayesian.standard")
        return MonitoredRate(sizes, ThallSimon(prior, standard, rule.gain or 0.0, futility, efficacy), p0, p1)


def sizes_of(study: SizeStudy, n: int) -> tuple[int, ...]:
    """The looks of a study for `n` patients. Raises `RequestError`."""
    looks = study.looks
    if len(looks.at) > 1:
        return (*sorted({max(1, round(share * n)) for share in looks.at[:-1]} - {n}), n)
    return looks_of(n, min(looks.first if looks.first is not None else FIRST, n), looks.every or 1)


def prior_of(study: SizeStudy) -> tuple[float, float]:
    """The prior of the rate: one patient's worth of information around the null unless the study gives it."""
    given, p0 = _rule(study).prior, needed(study.null, "null").value
    return given if given is not None else (p0, 1.0 - p0)


def _rule(study: SizeStudy) -> Bayesian:
    return study.bayesian if study.bayesian is not None else Bayesian()
