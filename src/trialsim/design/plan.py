"""The design of a study, exact where exact exists: its numbers, its decisions, and what they come to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from scipy.stats import binom

from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.decisions import Decisions, Estimation, OneArm, ResponseAndToxicity
from trialsim.design.theory.bryant_day import WORLDS, BryantDay, Rates, bryant_day
from trialsim.design.theory.precision import expected_half_width, half_widths, limits, smallest_for_half_width
from trialsim.design.theory.rounding import lowest_accepted
from trialsim.design.theory.single_stage import SingleStage, ahern, critical_counts, power_by_n, single_stage
from trialsim.design.theory.two_stage import (
    MINIMAX,
    OPTIMAL,
    TwoStage,
    admissible,
    fleming,
    simon_designs,
)
from trialsim.errors import RequestError
from trialsim.typing import Floats

NULL: Final = "null"
ALTERNATIVE: Final = "alternative"
LARGEST: Final = 150  # patients of Bryant and Day's designs, which take a search of their own
TOXIC_NULL: Final = "null toxicity"
_TARGETS: Final = np.arange(1, 100) / 100.0  # planned powers of the designs that are tried
_TIMES: Final = 2.0  # a design of more than so many times the planned n is not what a calendar can cost


@dataclass(frozen=True)
class Exact:
    """What a design comes to at one truth, exactly: how probably it rejects, EN, how probably it stops early.

    `cells` are the joint probabilities of the answers in each arm, as `timelines.ideal` takes them.
    """

    rejects: float
    expected_n: float
    stops_early: float
    cells: tuple[Floats, ...]


@dataclass(frozen=True)
class Plan:
    """A design: `numbers` as they are reported, `decisions` at its looks, `exact` by truth, `seats` the arms' turns.

    `saw_tooth` (n, r, power) is the exact power by n of a single stage, `others` are designs that could be had instead.
    """

    kind: str
    numbers: dict[str, Any]
    decisions: Decisions
    exact: dict[str, Exact]
    seats: tuple[int, ...] = (0,)
    others: list[dict[str, Any]] = field(default_factory=list)
    saw_tooth: tuple[Floats, ...] = ()

    @property
    def n(self) -> int:
        """The largest number of patients, all arms together."""
        return self.decisions.looks[-1]


def one_rate(rate: float) -> Floats:
    """The cells of one question."""
    return np.array([1.0 - rate, rate])


def one_arm_plan(study: SizeStudy, p1: float) -> Plan:
    """The plan of a study with one arm and one question; `p1` is the rate that must not be missed."""
    p0 = study.null.value if study.null is not None else 0.0
    if study.design in ("single-stage", "ahern"):
        make = ahern if study.design == "ahern" else single_stage
        return _single(study, make(p0, p1, study.alpha, study.power, study.largest_n))
    if study.design == "fleming":
        if study.stages is None:
            raise AssertionError("fleming has stages: see config.size_study")
        design = fleming(p0, p1, study.alpha, study.stages.first, study.stages.all)
        if design.power < lowest_accepted(study.power):
            wrong = f"these stages have power {design.power:.3f}, and {study.power:g} is asked for."
            nearest = f"more patients, or power up to {math.floor(1000.0 * design.power) / 1000.0:g}."
            raise RequestError("stages", wrong, nearest)
        return _two_stage(study, design, [])
    good = admissible(simon_designs(p0, p1, study.alpha, study.power, study.largest_n))
    return _two_stage(study, _chosen(study, good), good)


def _chosen(study: SizeStudy, good: list[tuple[TwoStage, float, float]]) -> TwoStage:
    """The admissible design of the kind that is asked for."""
    return {MINIMAX: good[0][0], OPTIMAL: good[-1][0]}.get(study.design, _middle(good))


def ever_more_power(study: SizeStudy, p1: float) -> dict[int, Plan]:
    """Simon's designs of one kind planned for ever more power, by n; each has more power than all that are smaller.

    The first is the design that the study asks for; the others are what it takes if a calendar costs power.
    """
    p0 = study.null.value if study.null is not None else 0.0
    found: list[TwoStage] = []
    for target in [study.power, *_TARGETS[study.power < _TARGETS]]:
        try:
            good = admissible(simon_designs(p0, p1, study.alpha, float(target), study.largest_n))
        except RequestError:
            break  # more power takes more patients than there may be
        found.append(_chosen(study, good))
        if found[-1].n > _TIMES * found[0].n:
            break
    chosen = {found[0].n: found[0]}
    for item in sorted(found, key=lambda item: (item.n, item.power)):
        if item.n > max(chosen) and item.power > max(own.power for own in chosen.values()):
            chosen[item.n] = item
    return {n: _two_stage(study, item, []) for n, item in chosen.items()}


def _middle(good: list[tuple[TwoStage, float, float]]) -> TwoStage:
    """The admissible design for the widest range of weights between the two extremes; the optimal one if there is none.

    Jung et al. (2004) leave the choice to the reader; this one says why it is chosen.
    """
    between = good[1:-1]
    return max(between, key=lambda item: item[2] - item[1])[0] if between else good[-1][0]


def _single(study: SizeStudy, found: SingleStage) -> Plan:
    decisions = OneArm(None, found.n, found.r, found.p0, found.p1, study.alpha, study.conduct.attained)
    numbers = {
        "n": found.n, "r": found.r, "p0": found.p0, "p1": found.p1, "alpha": found.alpha, "power": found.power,
        "en_p0": float(found.n), "pet_p0": 0.0, "stays_n": found.stays_n,
    }  # fmt: skip
    exact = {
        NULL: Exact(found.alpha, found.n, 0.0, (one_rate(found.p0),)),
        ALTERNATIVE: Exact(found.power, found.n, 0.0, (one_rate(found.p1),)),
    }
    tooth = power_by_n(found.p0, found.p1, study.alpha, max(2 * found.n, found.stays_n + 10))
    return Plan(study.design, numbers, decisions, exact, saw_tooth=tooth)  # type: ignore[arg-type]


def single_at(study: SizeStudy, n: int, p1: float) -> Plan:
    """The exact test in one stage with `n` patients."""
    p0 = study.null.value if study.null is not None else 0.0
    r = int(critical_counts(np.array([n]), p0, study.alpha)[0])
    alpha, power = float(binom.sf(r, n, p0)), float(binom.sf(r, n, p1))
    return _single(study, SingleStage(n, r, p0, p1, alpha, power, n))


def _two_stage(study: SizeStudy, found: TwoStage, good: list[tuple[TwoStage, float, float]]) -> Plan:
    decisions = OneArm(found, found.n, found.r, found.p0, found.p1, study.alpha, study.conduct.attained)
    exact = {
        name: Exact(at.rejects, at.expected_n, at.stops_early, (one_rate(rate),))
        for name, at, rate in (
            (NULL, found.under_null, found.p0),
            (ALTERNATIVE, found.under_alternative, found.p1),
        )
    }
    others = [{**_numbers(item), "weight_from": low, "weight_to": high} for item, low, high in good]
    return Plan(study.design, _numbers(found), decisions, exact, others=others)


def _numbers(found: TwoStage) -> dict[str, Any]:
    numbers: dict[str, Any] = {"n1": found.n1, "r1": found.r1, "n": found.n, "r": found.r}
    if found.e1 is not None:
        numbers["e1"] = found.e1
    return {
        **numbers, "p0": found.p0, "p1": found.p1, "en_p0": found.en_p0, "pet_p0": found.pet_p0,
        "alpha": found.alpha, "power": found.power,
    }  # fmt: skip


def bryant_day_plan(study: SizeStudy, pr1: float, pt1: float) -> Plan:
    """The plan of a study of response and toxicity; `pt1` is the acceptable rate of freedom from toxicity."""
    aim = study.toxicity
    if aim is None or study.null is None:
        raise AssertionError("bryant-day has a toxicity and a null: see config.size_study")
    rates = bryant_day_rates(study, pr1, pt1)
    found = bryant_day(rates, study.alpha, aim.alpha, study.power, min(study.largest_n, LARGEST))
    numbers = {
        "n1": found.n1, "cr1": found.cr1, "ct1": found.ct1, "n": found.n, "cr": found.cr, "ct": found.ct,
        "r1": found.cr1, "r": found.cr, "most_toxic1": found.n1 - found.ct1 - 1, "most_toxic": found.n - found.ct - 1,
        "pr0": rates.pr0, "pr1": rates.pr1, "pt0": rates.pt0, "pt1": rates.pt1, "odds_ratio": rates.odds_ratio,
        "p0": rates.pr0, "p1": rates.pr1, "alpha": found.alpha_r, "alpha_r": found.alpha_r, "alpha_t": found.alpha_t,
        "power": found.power, "en_p0": found.expected_n(WORLDS[0]), "pet_p0": 1.0 - found.outcomes[WORLDS[0]][0],
        "en": found.en,
    }  # fmt: skip
    exact = {name: _of_world(found, world) for name, world in zip((NULL, TOXIC_NULL, ALTERNATIVE), WORLDS, strict=True)}
    return Plan(study.design, numbers, ResponseAndToxicity(found, study.alpha, aim.alpha), exact)


def bryant_day_rates(study: SizeStudy, pr1: float, pt1: float) -> Rates:
    """The rates that the two endpoints are to tell apart."""
    aim = study.toxicity
    if aim is None or study.null is None:
        raise AssertionError("bryant-day has a toxicity and a null: see config.size_study")
    return Rates(study.null.value, pr1, 1.0 - aim.null.value, pt1, aim.odds_ratio)


def _of_world(found: BryantDay, world: str) -> Exact:
    goes_on, recommends = found.outcomes[world]
    cells = found.rates.cells(world)[:, ::-1]  # the second question is whether there was toxicity
    return Exact(recommends, found.expected_n(world), 1.0 - goes_on, (cells,))


def precision_plan(study: SizeStudy, rate: float) -> Plan:
    """The plan of a study that estimates a rate: its interval is narrow enough with probability `power`."""
    if study.half_width is None:
        raise AssertionError("precision has a half width: see config.size_study")
    if not 0.0 < rate < 1.0:
        raise RequestError(f"a rate of {rate:g}", "there is nothing to estimate.", "a rate between 0 and 1.")
    width = study.half_width.value
    found = smallest_for_half_width(rate, width, study.confidence, probability=study.power, largest=study.largest_n)
    return precision_at(study, found.n, rate, found.stays_from)


def precision_at(study: SizeStudy, n: int, rate: float, stays: int) -> Plan:
    """The plan with `n` patients."""
    width = study.half_width.value if study.half_width is not None else 0.0
    low, high = limits(n, study.confidence)
    mass = binom.pmf(np.arange(n + 1), n, rate)
    narrow = float(mass[half_widths(n, study.confidence) <= width].sum())
    numbers = {
        "n": n, "p1": rate, "half_width": width, "confidence": study.confidence, "power": narrow,
        "expected_half_width": expected_half_width(n, rate, study.confidence),
        "coverage": float(mass[(low <= rate) & (rate <= high)].sum()), "stays_n": stays,
        "alpha": 1.0 - study.confidence,
    }  # fmt: skip
    exact = {ALTERNATIVE: Exact(narrow, float(n), 0.0, (one_rate(rate),))}
    return Plan(study.design, numbers, Estimation(n, width, study.confidence, rate), exact)


def reported(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers of a design as plain data."""
    return {key: (round(value, 10) if isinstance(value, float) else value) for key, value in numbers.items()}
