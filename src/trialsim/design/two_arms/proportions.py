"""Two arms and one rate: fixed and group-sequential designs of two proportions, with exact error rates."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, Final, cast

import numpy as np
from scipy.stats import norm

from trialsim.config.checks.size_study import TESTS, TESTS_OF_TWO_KINDS
from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.base import (
    ALTERNATIVE,
    NULL,
    Design,
    Hypotheses,
    Information,
    InWords,
    OperatingCharacteristics,
    PlannedDesign,
    Rates,
    arms_in_turn,
    one_rate,
    sides_in_words,
)
from trialsim.design.counts import CountDesign
from trialsim.design.search import multiples
from trialsim.design.theory.arguments import LARGEST_ARM
from trialsim.design.theory.proportions import (
    APPROXIMATIONS,
    EXACT_TESTS,
    Approximation,
    Test,
    approximate_n,
    usual_two_sided,
)
from trialsim.design.theory.rounding import lowest_accepted
from trialsim.design.theory.sequential import crossing_probabilities, drift_for_power, inflation
from trialsim.design.theory.two_arm_sizes import smallest_trial
from trialsim.design.two_arms.boundaries import MOST_EXACT, ExactBounds, bounds_by_look, bounds_of
from trialsim.design.two_arms.decisions import TwoArms
from trialsim.design.two_arms.enumeration import arms_at, highest_level, two_arm_paths
from trialsim.design.two_arms.words import level_exceeded, level_warning, looks_in_words, test_in_words
from trialsim.errors import RequestError
from trialsim.typing import Counts

FAR: Final = 1.5  # times the limit: what the normal approximation asks for at most, for a search to begin
DEFAULT_TEST: Final = "chi-square"


@dataclass(frozen=True)
class PlannedTwoArms(CountDesign):
    """A test of two proportions; `extra` are further numbers, `exact_bounds` those of looks that are asked for."""

    decisions: TwoArms
    rates: Rates
    extra: Mapping[str, Any] = field(default_factory=dict)
    exact_bounds: ExactBounds | None = None

    @cached_property
    def numbers(self) -> dict[str, Any]:
        """The numbers as they are reported."""
        study, n, (control, experimental) = self.study, self.n, self.rates.values
        null, alternative = self.exact[NULL], self.exact[ALTERNATIVE]
        numbers: dict[str, Any] = {
            "n": n, "n_control": arms_at(n, self.allocation)[0], "n_experimental": arms_at(n, self.allocation)[1],
            "p_control": control, "p_experimental": experimental, "alpha": null.rejects,
            "power": alternative.rejects, "en_p0": null.expected_n, "pet_p0": null.stops_early,
            "en_p1": alternative.expected_n, "sides": study.sides, "nominal_alpha": study.alpha, **self.extra,
        }  # fmt: skip
        if self.n_looks > 1:
            numbers["highest_alpha"] = highest_level(self.decisions, self.allocation)
        return numbers

    @property
    def rates_of_truths(self) -> dict[str, tuple[float, ...]]:
        """Both arms as the control, and as they are assumed."""
        control, experimental = self.rates.values
        return {NULL: (control, control), ALTERNATIVE: (control, experimental)}

    def at_rates(self, rates: Sequence[float]) -> OperatingCharacteristics:
        """What it comes to by enumeration of both arms' counts."""
        values = two_arm_paths(self.decisions, rates, self.allocation)
        return OperatingCharacteristics(*values, tuple(one_rate(rate) for rate in rates))

    @property
    def looks(self) -> list[dict[str, Any]]:
        """The looks with their bounds; nothing for one look."""
        return bounds_by_look(self.study, self.numbers, "patients") if self.n_looks > 1 else []

    def at(self, n: int) -> PlannedTwoArms:
        """The same test with `n` patients, without the `extra` numbers."""
        decisions = two_arm_at(self.study, self.decisions, n, self.allocation, self.exact_bounds)
        return replace(self, decisions=decisions, extra={})

    def sizes(self) -> Counts:
        """Multiples of the block, as far as exact boundaries are searched."""
        most = self.study.largest_n
        return multiples(2 * self.step, most if self.exact_bounds is None else min(most, MOST_EXACT), self.step)

    def describe(self, in_words: InWords) -> list[str]:
        """Who is compared on what, by which test, with which error rates."""
        study, at = self.study, self.numbers
        first = first_sentence(self.rates.names, in_words(study.endpoint), at)
        if "looks" in at:
            first += looks_in_words(study, at, Information.PATIENTS)
        else:
            test = test_in_words(at, study.sides)
            first += f"The test is {test}, {sides_in_words(study)}, at level {study.alpha:g}. "
        return [
            first + f"If the rates are {at['p_control']:.3f} and {at['p_experimental']:.3f} the power is "
            f"{at['power']:.3f}; if both are {at['p_control']:.3f} the type I error is {at['alpha']:.4f} (both "
            f"exact, by enumeration).{level_exceeded(at)}"
        ]

    def remarks(self) -> list[str]:
        """The test, and whether its level is exceeded anywhere."""
        test, warning = test_in_words(self.numbers, self.study.sides), level_warning(self.numbers).strip()
        return [*([f"The test: {test}."] if test else []), *([warning] if warning else [])]


class TwoArmDesign(Design[Rates]):
    """One look: the smallest n with the power by exact enumeration. More looks: pooled z against bounds by spending."""

    name = "two-arm"
    title = "two proportions"
    hypotheses = Hypotheses.ARMS

    def smallest(self, study: SizeStudy, assumed: Rates) -> PlannedTwoArms:
        """The smallest trial whose power, by exact enumeration of both counts, reaches the target.

        Raises `RequestError`.
        """
        _check_gain(study, assumed)
        (control, experimental), better = assumed.values, assumed.better
        allocation = arms_in_turn(study, assumed.names)
        exact = exact_bounds_of(study, better, allocation)
        if len(study.looks.at) == 1:
            decisions, extra = _one_look(study, control, experimental, better, allocation)
        else:
            decisions, extra = _more_looks(study, control, experimental, better, allocation)
        return PlannedTwoArms(self, study, decisions, assumed, extra, exact, allocation=allocation)

    def with_n(self, study: SizeStudy, assumed: Rates, n: int) -> PlannedTwoArms:
        """The same test with `n` patients in all. Raises `RequestError`."""
        _check_gain(study, assumed)
        most = self.most_enumerated(study)
        if n > most:
            raise RequestError(
                f"n = {n}", "no exact values of so many patients are computed.", f"up to {most}.", key="n"
            )
        allocation = arms_in_turn(study, assumed.names)
        exact = exact_bounds_of(study, assumed.better, allocation)
        if len(study.looks.at) == 1:
            decisions, extra = _test_of(study, assumed.better, n)
        else:
            decisions = two_arm_at(study, _at_normal_bounds(study, assumed.better), n, allocation, exact)
            if any(later <= earlier for earlier, later in itertools.pairwise(decisions.looks)):
                wrong = f"the looks would be after {', '.join(map(str, decisions.looks))} patients, which do not rise."
                raise RequestError(f"n = {n}", wrong, "more patients, or fewer looks.", key="n")
            extra = _numbers_of_looks(study, decisions, exact)
        return PlannedTwoArms(self, study, decisions, assumed, extra, exact, allocation=allocation)

    def most_enumerated(self, study: SizeStudy) -> int:
        """The most patients for whom exact values are computed."""
        return MOST_EXACT if study.looks.boundary == "exact" else 2 * LARGEST_ARM

    def largest_n(self, study: SizeStudy) -> int:
        """The limit of the study, within what is computed."""
        return min(study.largest_n, self.most_enumerated(study))

    def check(self, study: SizeStudy) -> PlannedDesign | None:
        """Refuse looks without bounds."""
        bounds_of(study.looks, study.alpha, study.power, study.sides)
        return None

    def has_interim_looks(self, study: SizeStudy) -> bool:
        """Whether there is more than one look."""
        return len(study.looks.at) > 1

    def describe_test(self, study: SizeStudy) -> list[str]:
        """The test, and the definition of its two sides where there are two of them."""
        has_one_look = len(study.looks.at) == 1
        test = study.test or (TESTS[0] if has_one_look else "pooled z")
        has_two = study.sides == 2 and test in TESTS_OF_TWO_KINDS and has_one_look
        two_sided = study.two_sided or usual_two_sided(cast(Test, test))
        return [f"test: {test}{f', two-sided: {two_sided}' if has_two else ''}"]


def _check_gain(study: SizeStudy, assumed: Rates) -> None:
    """Refuse an experimental arm that is not better. Raises `RequestError`."""
    control, experimental = assumed.values
    gain = experimental - control if assumed.better == "higher" else control - experimental
    if gain <= 0.0:
        wrong = f"the experimental arm is not better: {experimental:.3f} against {control:.3f}."
        allowed = f"{'`rates`' if study.rates else 'variants'} of which the second has the better rate."
        key = "rates" if study.rates else "alternative"
        raise RequestError(key, wrong, allowed, key=key)


def first_sentence(names: Sequence[str], endpoint: str, numbers: Mapping[str, Any]) -> str:
    """Who is compared with whom on what, and how many patients are randomised."""
    control, experimental = names
    of_arms = f"{numbers['n_control']} to {control}, {numbers['n_experimental']} to {experimental}"
    return (
        f"The arm '{experimental}' is compared with the arm '{control}' on {endpoint}. {numbers['n']} patients are "
        f"randomised ({of_arms}, permuted blocks). "
    )


def two_arm_at(
    study: SizeStudy, decisions: TwoArms, n: int, allocation: Sequence[int], exact: ExactBounds | None = None
) -> TwoArms:
    """The same decisions with `n` patients in all; those with an exact boundary have one for every n."""
    looks = (*(_round(n * share, len(allocation)) for share in study.looks.at[:-1]), n)
    if exact is None:
        return replace(decisions, looks=looks)
    upper, lower = exact.at(looks)
    return replace(decisions, looks=looks, upper=upper, lower=lower)


def exact_bounds_of(study: SizeStudy, better: str, allocation: Sequence[int]) -> ExactBounds | None:
    """The exact boundaries of a study; None where it has normal ones."""
    return ExactBounds(study, better, allocation, DEFAULT_TEST) if study.looks.boundary == "exact" else None


def _one_look(
    study: SizeStudy, control: float, experimental: float, better: str, allocation: Sequence[int]
) -> tuple[TwoArms, dict[str, Any]]:
    test, requested = cast(Test, study.test or "boschloo"), (study.alpha, study.power, study.sides)
    parts, largest = (allocation.count(0), allocation.count(1)), min(study.largest_n, 2 * LARGEST_ARM)
    try:
        smallest = smallest_trial(control, experimental, *requested, test, parts, largest, study.two_sided)
    except RequestError as error:
        about = (
            approximate_n(control, experimental, *requested, "pooled", parts[1] / parts[0]) * len(allocation) / parts[0]
        )
        wrong = f"{error.problem.wrong.removesuffix('.')}; it takes about {math.ceil(about)}."
        raise RequestError(f"largest_n = {study.largest_n}", wrong, error.problem.allowed, key="largest_n") from None
    decisions, extra = _test_of(study, better, smallest.n_control + smallest.n_experimental)
    extra |= {
        "stays_n": smallest.stays_from,
        "approximations": {
            method: approximate_n(control, experimental, *requested, method, parts[1] / parts[0])
            for method in cast(tuple[Approximation, ...], APPROXIMATIONS)
        },
    }
    return decisions, extra


def _test_of(study: SizeStudy, better: str, n: int) -> tuple[TwoArms, dict[str, Any]]:
    """The test of `n` patients at one look, and its name with the definition of its two sides."""
    test = cast(Test, study.test or "boschloo")
    two_sided = (study.two_sided or usual_two_sided(test)) if study.sides == 2 and test in EXACT_TESTS else None
    named = {"test": test, **({"two_sided": two_sided} if two_sided is not None else {})}
    return TwoArms((n,), study.alpha, study.sides, test, better, two_sided=two_sided), named


def _at_normal_bounds(study: SizeStudy, better: str) -> TwoArms:
    """Looks with bounds by alpha spending, before there is a number of patients."""
    upper, lower = bounds_of(study.looks, study.alpha, study.power, study.sides)
    return TwoArms((), study.alpha, study.sides, DEFAULT_TEST, better, upper, lower)


def _numbers_of_looks(study: SizeStudy, decisions: TwoArms, exact: ExactBounds | None) -> dict[str, Any]:
    """The looks and their bounds, as they are reported."""
    above, _ = crossing_probabilities(study.looks.at, decisions.upper, decisions.lower or None, 0.0)
    numbers = {
        "looks": list(decisions.looks), "upper_z": list(decisions.upper), "lower_z": list(decisions.lower),
        "test": "pooled z", "nominal_p": norm.sf(np.array(decisions.upper)).tolist(),
        "normal_alpha": float(above.sum()) * study.sides,
    }  # fmt: skip
    return numbers if exact is None else {**numbers, "spent_alpha": exact.spent(decisions.looks)}


def _more_looks(
    study: SizeStudy, control: float, experimental: float, better: str, allocation: Sequence[int]
) -> tuple[TwoArms, dict[str, Any]]:
    looks = study.looks
    normal = _at_normal_bounds(study, better)
    drift = drift_for_power(looks.at, normal.upper, study.power, normal.lower or None)
    more = inflation(drift, study.alpha, study.power, study.sides)
    ratio = allocation.count(1) / allocation.count(0)
    fixed = approximate_n(control, experimental, study.alpha, study.power, study.sides, "pooled", ratio) * (1.0 + ratio)

    exact = exact_bounds_of(study, better, allocation)
    most = study.largest_n if exact is None else min(study.largest_n, MOST_EXACT)

    def is_enough(n: int) -> bool:
        wanted, rates = lowest_accepted(study.power), (control, experimental)
        if two_arm_paths(two_arm_at(study, normal, n, allocation), rates, allocation)[0] < wanted:
            return False  # an exact boundary rejects less
        return (
            exact is None
            or _power_at(partial(two_arm_at, study, normal, n, allocation, exact), rates, allocation) >= wanted
        )

    n = None
    if fixed * more < FAR * most:  # beyond, the tables of both counts would only grow
        n = _smallest(is_enough, fixed * more, len(allocation), most)
    if n is None:
        raise _no_trial_with_looks(study, most, fixed * more)
    decisions = two_arm_at(study, normal, n, allocation, exact)
    return decisions, {**_numbers_of_looks(study, decisions, exact), "inflation": more}


def _power_at(make: Callable[[], TwoArms], rates: Sequence[float], allocation: Sequence[int]) -> float:
    """The power of decisions; 0 where there is no exact boundary for so few patients."""
    try:
        decisions = make()
    except RequestError:
        return 0.0
    return two_arm_paths(decisions, rates, allocation)[0]


def _no_trial_with_looks(study: SizeStudy, most: int, about: float) -> RequestError:
    """Why there is no group-sequential trial, with the nearest that there may be."""
    wrong = f"no group-sequential trial with n <= {most} has power {study.power:g}"
    nearest = f"about n = {math.ceil(about)}, or less power."
    if most < study.largest_n:
        wrong += f" with an exact boundary, and beyond {MOST_EXACT} patients none is searched for: it takes minutes"
        nearest = f"`looks.boundary: normal` (about n = {math.ceil(about)}), or less power."
    return RequestError(f"largest_n = {study.largest_n}", f"{wrong}.", nearest, key="largest_n")


def _smallest(is_enough: Callable[[int], bool], about: float, size: int, most: int) -> int | None:
    """The smallest multiple of `size` that is enough, near a number; None if none up to `most` is.

    Power of counts is a saw-tooth: a bisection finds a tooth, and the teeth before it are looked through.
    """
    low, high = 0, _round(about, size)
    while not is_enough(high):
        if high > most:
            return None
        low, high = high, _round(1.2 * high, size) + size
    while high - low > size:
        middle = _round((low + high) / 2.0, size)
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    window = max(5, round(0.05 * high / size))
    earlier = [n for n in range(max(size, high - size * min(window, 12)), high, size) if is_enough(n)]
    first = earlier[0] if earlier else high
    return first if first <= most else None


def _round(n: float, size: int) -> int:
    return max(1, round(n / size)) * size
