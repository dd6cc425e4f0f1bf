"""The analysis that belongs to each design: its decision, and estimates that know how the trial could have stopped.

To analyse another design, register a function of it: it takes the design, what was counted and a confidence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import singledispatch
from typing import Final, cast

import numpy as np

from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.base import PlannedDesign
from trialsim.design.counts import CountDesign
from trialsim.design.decisions import FUTILE, GO_ON, REJECT
from trialsim.design.single_arm.many_looks import PlannedManyLooks
from trialsim.design.single_arm.precision import PlannedPrecision
from trialsim.design.single_arm.single_stage import PlannedSingleStage
from trialsim.design.single_arm.two_stage import PlannedTwoStage
from trialsim.design.theory.binomial import binomial_probabilities
from trialsim.design.theory.proportions import Better, Test, TwoSided
from trialsim.design.two_arms.margins import PlannedMargins
from trialsim.design.two_arms.proportions import PlannedTwoArms
from trialsim.design.two_arms.selection import PlannedSelection
from trialsim.errors import RequestError
from trialsim.inference.data import Counted
from trialsim.inference.rates import interval_of_difference, p_value_of
from trialsim.inference.result import IN_WORDS, Analysed, Row, for_sides
from trialsim.inference.sequential import infer_sequential
from trialsim.inference.staged import StagedInference, Stages, infer
from trialsim.typing import Counts

EXACT: Final = "Clopper and Pearson 1934"
EXACT_DIFFERENCE: Final = "exact, Chan and Zhang 1999"
MEDIAN_UNBIASED: Final = "rate, median unbiased"
BIASED: Final = "biased by the chance to stop early"


@singledispatch
def analyse_counts(planned: PlannedDesign, counted: Counted, confidence: float) -> Analysed:
    """What a trial with a design says, from its counts. Raises `RequestError`."""
    wrong = f"counts of a trial with {planned.design.name} are not analysed."
    raise RequestError("design", wrong, "a design of one or two rates, or of times to events.", key="design")


def decision_of(planned: CountDesign, counted: Counted) -> tuple[int, int]:
    """The look (from 0) at which the trial ended by its rules, and what was decided.

    Raises `RequestError` for looks after the one that ended it, and where it goes on.
    """
    decisions = planned.decisions
    n_looks, n_taken = len(decisions.looks), len(counted.patients)
    if n_taken > n_looks:
        raise RequestError("looks", f"{n_taken} looks, and the design has {n_looks}.", f"up to {n_looks}.", key="looks")
    for look in range(n_taken):
        code = int(decisions.decide(look, _as_of_trials(counted, n_looks), np.array([1]))[0])
        if code != GO_ON and look < n_taken - 1:
            wrong = f"by the design the trial ended at look {look + 1}."
            raise RequestError("looks", wrong, f"the counts of the first {look + 1}.", key="looks")
        if code == GO_ON and look == n_taken - 1:
            nearest = f"the counts of look {look + 2}; `monitor` is for a trial that goes on."
            raise RequestError("looks", f"at look {look + 1} the trial goes on.", nearest, key="looks")
    return n_taken - 1, code


def _as_of_trials(counted: Counted, n_looks: int) -> Counts:
    """Counts as decisions take them, shape (1, looks, arms, 2); looks that were not taken have the last ones."""
    both = np.stack([counted.patients, counted.responses], axis=-1)
    more = np.repeat(both[-1:], n_looks - len(both), axis=0)
    return np.concatenate([both, more])[None].astype(np.int64)


@singledispatch
def estimates_of(planned: PlannedDesign, counted: Counted, confidence: float) -> tuple[Row, ...]:
    """The estimates that an analysis gives, with the intervals that take no search; none of a design without them.

    The last look that was counted is the one that ended the trial. Raises `RequestError`.
    """
    return ()


def default_confidence(study: SizeStudy) -> float:
    """The confidence that goes with the test: one minus alpha of a two-sided one, one minus twice a one-sided one."""
    if study.half_width is not None:
        return study.confidence
    return 1.0 - study.alpha * (2.0 if study.sides == 1 else 1.0)


@analyse_counts.register
def _single_stage(planned: PlannedSingleStage, counted: Counted, confidence: float) -> Analysed:
    _, code = decision_of(planned, counted)
    n, x = int(counted.patients[0, 0]), int(counted.responses[0, 0])
    (estimate,) = estimates_of(planned, counted, confidence)
    p_value = Stages((n,), (planned.single_stage.r,), (planned.single_stage.r + 1,)).at_least(
        planned.single_stage.p0, 0, x
    )
    row = replace(estimate, p_value=p_value, method=f"{EXACT}; exact binomial test")
    return Analysed((row,), IN_WORDS[code], _other_size(planned, n))


@estimates_of.register(PlannedSingleStage)
@estimates_of.register(PlannedPrecision)
def _one_rate(planned: CountDesign, counted: Counted, confidence: float) -> tuple[Row, ...]:
    return (_rate("rate", int(counted.patients[-1, 0]), int(counted.responses[-1, 0]), confidence),)


@analyse_counts.register
def _two_stages(planned: PlannedTwoStage, counted: Counted, confidence: float) -> Analysed:
    """Koyama and Chen (2008); where attained numbers differ, see `attained_stages` and `p_value_of_two_stages`."""
    look, code = decision_of(planned, counted)
    estimates, p_value = estimates_of(planned, counted, confidence), p_value_of_two_stages(planned, counted)
    rows = tuple(replace(row, p_value=p_value) if row.quantity == MEDIAN_UNBIASED else row for row in estimates)
    as_planned = [int(size) for size in counted.patients[:, 0]] == list(planned.decisions.looks[: look + 1])
    remarks = () if as_planned else (
        "Attained numbers differ from the planned ones: the interval and the estimates are those of the attained "
        "numbers, the p-value keeps the conditional type I error of the plan (Koyama and Chen 2008).",
    )  # fmt: skip
    return Analysed(rows, IN_WORDS[code], remarks)


@estimates_of.register
def _of_two_stages(planned: PlannedTwoStage, counted: Counted, confidence: float) -> tuple[Row, ...]:
    look = len(counted.patients) - 1
    found = infer(attained_stages(planned, counted), look, int(counted.responses[look, 0]), None, confidence)
    return _staged_rows(found, "stagewise ordering, Koyama and Chen 2008")


def _staged_rows(found: StagedInference, ordering: str) -> tuple[Row, ...]:
    """The estimates of a rate after looks at which the trial could have stopped."""
    return (
        Row("rate, unbiased", found.umvue, method="UMVUE, Jung and Kim 2004"),
        Row(MEDIAN_UNBIASED, found.median_unbiased, found.lower, found.upper, found.p_value, ordering),
        Row("rate, observed", found.observed, method=BIASED),
    )


def attained_stages(planned: PlannedTwoStage, counted: Counted) -> Stages:
    """The stages with the patients that were attained; a first stage of another size stops as the design decides."""
    sizes = [int(n) for n in counted.patients[:, 0]]
    plan = _plan_after(planned, sizes[0])
    return plan if len(sizes) == 1 else replace(plan, sizes=tuple(sizes))  # one that ended first has the plan's second


def _plan_after(planned: PlannedTwoStage, n1: int) -> Stages:
    """The stages of the plan where the first one has `n1` patients, and stops as the design decides on so many."""
    counts = np.zeros((n1 + 1, 2, 1, 2), np.int64)
    counts[:, :, 0, 0], counts[:, :, 0, 1] = n1, np.arange(n1 + 1)[:, None]
    codes = planned.decisions.decide(0, counts, np.zeros(n1 + 1, np.int64))
    low, high = np.flatnonzero(codes == FUTILE), np.flatnonzero(codes == REJECT)
    first = (int(low[-1]) if len(low) else -1), (int(high[0]) if len(high) else n1 + 1)
    design = planned.two_stage
    return Stages((n1, max(design.n, n1 + 1)), (first[0], design.r), (first[1], design.r + 1))


def p_value_of_two_stages(planned: PlannedTwoStage, counted: Counted) -> float:
    """The p-value of two stages whose attained numbers may differ from the planned ones.

    The second stage counts by its conditional p-value. Plans with other final boundaries r reject if it is at most
    their conditional type I error; the p-value is the type I error of the plan with the largest r that still rejects.
    It is that of Koyama and Chen where numbers are as planned.
    """
    sizes, responses = [int(n) for n in counted.patients[:, 0]], [int(x) for x in counted.responses[:, 0]]
    plan, p0 = _plan_after(planned, sizes[0]), planned.two_stage.p0
    if len(sizes) == 1:
        return plan.at_least(p0, 0, responses[0])
    second = binomial_probabilities(sizes[1] - sizes[0], p0)[responses[1] - responses[0] :].sum()
    of_plan = np.cumsum(binomial_probabilities(plan.sizes[1] - sizes[0], p0)[::-1])[::-1]  # P(X2 >= x2)
    rejecting = np.flatnonzero(of_plan >= second * (1.0 - 1e-12))
    return plan.at_least(p0, 1, responses[0] + int(rejecting[-1])) if len(rejecting) else 0.0


@analyse_counts.register
def _many_looks(planned: PlannedManyLooks, counted: Counted, confidence: float) -> Analysed:
    _, code = decision_of(planned, counted)
    return Analysed(estimates_of(planned, counted, confidence), IN_WORDS[code])


@estimates_of.register
def _of_many_looks(planned: PlannedManyLooks, counted: Counted, confidence: float) -> tuple[Row, ...]:
    """By the stagewise ordering of all looks; those that were not taken are the planned ones."""
    look = len(counted.patients) - 1
    sizes = [int(n) for n in counted.patients[:, 0]]
    sizes += [n for n in planned.decisions.looks[look + 1 :] if n > sizes[-1]]
    last = len(sizes) - 1
    both = [planned.monitored.rule.bounds(n, is_last=i == last) for i, n in enumerate(sizes)]
    stages = Stages(tuple(sizes), tuple(low for low, _ in both), tuple(high for _, high in both))
    found = infer(stages, look, int(counted.responses[look, 0]), planned.monitored.p0, confidence)
    return _staged_rows(found, "stagewise ordering")


@analyse_counts.register
def _precision(planned: PlannedPrecision, counted: Counted, confidence: float) -> Analysed:
    n = int(counted.patients[-1, 0])
    (row,) = estimates_of(planned, counted, confidence)
    half_width = (row.upper - row.lower) / 2.0
    width = f"the interval reaches {half_width:.3f} each way, where {planned.half_width:g} is asked for"
    return Analysed((row,), width, _other_size(planned, n))


@analyse_counts.register
def _two_arms(planned: PlannedTwoArms, counted: Counted, confidence: float) -> Analysed:
    look, code = decision_of(planned, counted)
    rates = _rates(planned.rates.names, counted, look, confidence)
    if planned.n_looks > 1:
        return Analysed((*rates, *estimates_of(planned, counted, confidence)), IN_WORDS[code])
    decisions, sides = planned.decisions, planned.study.sides
    test, two_sided = cast(Test, decisions.test), cast(TwoSided | None, decisions.two_sided)
    p_value = p_value_of(*_both(counted), test, sides, cast(Better, decisions.better), two_sided)
    method = f"interval {EXACT_DIFFERENCE}; p-value {test}, {'one' if sides == 1 else 'two'}-sided"
    row = replace(_difference(counted, confidence), p_value=p_value, method=method)
    return Analysed((*rates, row), IN_WORDS[code])


@estimates_of.register
def _of_two_arms(planned: PlannedTwoArms, counted: Counted, confidence: float) -> tuple[Row, ...]:
    """The difference of two rates; after looks by the stagewise ordering of the pooled z statistics."""
    if planned.n_looks == 1:
        return (_observed_difference(counted),)
    look = len(counted.patients) - 1
    n, x = counted.patients.astype(np.float64), counted.responses.astype(np.float64)
    pooled = np.clip(x.sum(axis=1) / n.sum(axis=1), 1e-9, 1.0 - 1e-9)
    information = 1.0 / (pooled * (1.0 - pooled) * (1.0 / n[:, 0] + 1.0 / n[:, 1]))
    gain = (x[:, 1] / n[:, 1] - x[:, 0] / n[:, 0]) * (1.0 if planned.decisions.better == "higher" else -1.0)
    z, sides = gain * np.sqrt(information), planned.study.sides
    futility = planned.study.looks.futility
    lower = planned.decisions.lower[:look] if futility is not None and futility.binding else None
    found = infer_sequential(
        information.tolist(), planned.decisions.upper, look, float(z[look]), lower=lower, confidence=confidence
    )
    p_value = for_sides(found.p_value, sides)
    method = "stagewise ordering, normal approximation, Tsiatis, Rosner and Mehta 1984"
    return (
        Row("gain, median unbiased", found.median_unbiased, found.lower, found.upper, p_value, method),
        Row("gain, observed", found.observed, method=BIASED),
    )


@analyse_counts.register
def _margins(planned: PlannedMargins, counted: Counted, confidence: float) -> Analysed:
    """The interval at twice the one-sided level beside the score test that decides."""
    _, code = decision_of(planned, counted)
    rows = (*_rates(planned.rates.names, counted, -1, confidence), _difference(counted, confidence))
    aim = "equivalence" if planned.decisions.is_equivalence else "non-inferiority"
    shown = "shown" if code == REJECT else "not shown"
    return Analysed(rows, f"{aim} within {planned.decisions.margin:g} is {shown}")


@analyse_counts.register
def _selection(planned: PlannedSelection, counted: Counted, confidence: float) -> Analysed:
    names = planned.rates.names
    rows = estimates_of(planned, counted, confidence)
    highest = max(row.value for row in rows)
    best = [name for name, row in zip(names, rows, strict=True) if row.value == highest]
    chosen = f"{best[0]} is selected" if len(best) == 1 else f"{', '.join(best)} are tied: one is selected at random"
    remark = "The observed rate of the arm that is selected overestimates its rate."
    return Analysed(rows, chosen, (remark,))


def _rates(names: Sequence[str], counted: Counted, look: int, confidence: float) -> list[Row]:
    """The rate of each arm at a look, by itself."""
    arms = zip(names, counted.patients[look].tolist(), counted.responses[look].tolist(), strict=True)
    return [_rate(f"rate of {name}", n, x, confidence) for name, n, x in arms]


def _rate(name: str, n: int, x: int, confidence: float) -> Row:
    found = infer(Stages((n,), (-1,), (0,)), 0, x, None, confidence)
    return Row(name, found.observed, found.lower, found.upper, math.nan, EXACT)


def _both(counted: Counted) -> tuple[tuple[int, int], tuple[int, int]]:
    """The patients of two arms, and their responses, at the end."""
    (n0, n1), (x0, x1) = counted.patients[-1].tolist(), counted.responses[-1].tolist()
    return (n0, n1), (x0, x1)


@estimates_of.register
def _of_margins(planned: PlannedMargins, counted: Counted, confidence: float) -> tuple[Row, ...]:
    return (_observed_difference(counted),)


@estimates_of.register
def _of_selection(planned: PlannedSelection, counted: Counted, confidence: float) -> tuple[Row, ...]:
    return tuple(_rates(planned.rates.names, counted, -1, confidence))


def _observed_difference(counted: Counted) -> Row:
    """The rate of the second arm less that of the first at the end; its exact interval takes a search."""
    arms, counts = _both(counted)
    return Row("difference", counts[1] / arms[1] - counts[0] / arms[0])


def _difference(counted: Counted, confidence: float) -> Row:
    """The difference of both rates at the end, with its exact interval."""
    lower, upper = interval_of_difference(*_both(counted), confidence)
    return replace(_observed_difference(counted), lower=lower, upper=upper, method=EXACT_DIFFERENCE)


def _other_size(planned: CountDesign, n: int) -> tuple[str, ...]:
    return () if n == planned.n else (f"{n} patients were evaluable where {planned.n} were planned.",)
