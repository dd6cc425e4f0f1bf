"""The analysis that belongs to each design: its decision, and estimates that know how the trial could have stopped.

To analyse another design, register a function of it: it takes the design, what was counted and a confidence.
"""

from __future__ import annotations

import math
from functools import singledispatch
from typing import Final, cast

import numpy as np

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
from trialsim.inference.result import Analysed, Row
from trialsim.inference.sequential import infer_sequential
from trialsim.inference.staged import Stages, infer
from trialsim.typing import Counts

IN_WORDS: Final = {REJECT: "the null hypothesis is rejected", FUTILE: "the null hypothesis is not rejected"}
EXACT: Final = "Clopper and Pearson 1934"


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


@analyse_counts.register
def _single_stage(planned: PlannedSingleStage, counted: Counted, confidence: float) -> Analysed:
    _, code = decision_of(planned, counted)
    n, x = int(counted.patients[0, 0]), int(counted.responses[0, 0])
    stages = Stages((n,), (planned.single_stage.r,), (planned.single_stage.r + 1,))
    found = infer(stages, 0, x, planned.single_stage.p0, confidence)
    row = Row("rate", found.observed, found.lower, found.upper, found.p_value, f"{EXACT}; exact binomial test")
    return Analysed((row,), IN_WORDS[code], _other_size(planned, n))


@analyse_counts.register
def _two_stages(planned: PlannedTwoStage, counted: Counted, confidence: float) -> Analysed:
    """Koyama and Chen (2008); where attained numbers differ, see `attained_stages` and `p_value_of_two_stages`."""
    look, code = decision_of(planned, counted)
    n, x = int(counted.patients[look, 0]), int(counted.responses[look, 0])
    stages = attained_stages(planned, counted)
    found = infer(stages, look, x, None, confidence)
    p_value = p_value_of_two_stages(planned, counted)
    ordered = "stagewise ordering, Koyama and Chen 2008"
    rows = (
        Row("rate, unbiased", found.umvue, method="UMVUE, Jung and Kim 2004"),
        Row("rate, median unbiased", found.median_unbiased, found.lower, found.upper, p_value, ordered),
        Row("rate, observed", x / n, method="biased by the chance to stop early"),
    )
    as_planned = [int(size) for size in counted.patients[:, 0]] == list(planned.decisions.looks[: look + 1])
    remarks = () if as_planned else (
        "Attained numbers differ from the planned ones: the interval and the estimates are those of the attained "
        "numbers, the p-value keeps the conditional type I error of the plan (Koyama and Chen 2008).",
    )  # fmt: skip
    return Analysed(rows, IN_WORDS[code], remarks)


def attained_stages(planned: PlannedTwoStage, counted: Counted) -> Stages:
    """The stages with the patients that were attained; a first stage of another size stops as the design decides."""
    design, sizes = planned.two_stage, [int(n) for n in counted.patients[:, 0]]
    n1 = sizes[0]
    low, high = _first_stage(planned, n1)
    if len(sizes) == 1:  # it ended there; what would have followed is the plan
        sizes = [n1, max(design.n, n1 + 1)]
    return Stages(tuple(sizes), (low, design.r), (high, design.r + 1))


def _first_stage(planned: PlannedTwoStage, n1: int) -> tuple[int, int]:
    """The largest count that stops a first stage of `n1` patients low, and the smallest that stops it high."""
    counts = np.zeros((n1 + 1, 2, 1, 2), np.int64)
    counts[:, :, 0, 0], counts[:, :, 0, 1] = n1, np.arange(n1 + 1)[:, None]
    codes = planned.decisions.decide(0, counts, np.zeros(n1 + 1, np.int64))
    low, high = np.flatnonzero(codes == FUTILE), np.flatnonzero(codes == REJECT)
    return (int(low[-1]) if len(low) else -1), (int(high[0]) if len(high) else n1 + 1)


def p_value_of_two_stages(planned: PlannedTwoStage, counted: Counted) -> float:
    """The p-value of two stages whose attained numbers may differ from the planned ones.

    The second stage counts by its conditional p-value. Plans with other final boundaries r reject if it is at most
    their conditional type I error; the p-value is the type I error of the plan with the largest r that still rejects.
    It is that of Koyama and Chen where numbers are as planned.
    """
    design, sizes = planned.two_stage, [int(n) for n in counted.patients[:, 0]]
    responses, p0 = [int(x) for x in counted.responses[:, 0]], design.p0
    low, high = _first_stage(planned, sizes[0])
    n_plan = max(design.n, sizes[0] + 1)
    plan = Stages((sizes[0], n_plan), (low, design.r), (high, design.r + 1))
    if len(sizes) == 1:
        return plan.at_least(p0, 0, responses[0])
    second = binomial_probabilities(sizes[1] - sizes[0], p0)[responses[1] - responses[0] :].sum()
    of_plan = np.cumsum(binomial_probabilities(n_plan - sizes[0], p0)[::-1])[::-1]  # P(X2 >= x2)
    rejecting = np.flatnonzero(of_plan >= second * (1.0 - 1e-12))
    return plan.at_least(p0, 1, responses[0] + int(rejecting[-1])) if len(rejecting) else 0.0


@analyse_counts.register
def _many_looks(planned: PlannedManyLooks, counted: Counted, confidence: float) -> Analysed:
    """By the stagewise ordering of all looks; those that were not taken are the planned ones."""
    look, code = decision_of(planned, counted)
    sizes = [int(n) for n in counted.patients[:, 0]]
    sizes += [n for n in planned.decisions.looks[look + 1 :] if n > sizes[-1]]
    last = len(sizes) - 1
    both = [planned.monitored.rule.bounds(n, is_last=i == last) for i, n in enumerate(sizes)]
    stages = Stages(tuple(sizes), tuple(low for low, _ in both), tuple(high for _, high in both))
    found = infer(stages, look, int(counted.responses[look, 0]), planned.monitored.p0, confidence)
    rows = (
        Row("rate, unbiased", found.umvue, method="UMVUE, Jung and Kim 2004"),
        Row(
            "rate, median unbiased",
            found.median_unbiased,
            found.lower,
            found.upper,
            found.p_value,
            "stagewise ordering",
        ),
        Row("rate, observed", found.observed, method="biased by the chance to stop early"),
    )
    return Analysed(rows, IN_WORDS[code])


@analyse_counts.register
def _precision(planned: PlannedPrecision, counted: Counted, confidence: float) -> Analysed:
    n, x = int(counted.patients[-1, 0]), int(counted.responses[-1, 0])
    found = infer(Stages((n,), (-1,), (0,)), 0, x, None, confidence)
    half_width = (found.upper - found.lower) / 2.0
    width = f"the interval reaches {half_width:.3f} each way, where {planned.half_width:g} is asked for"
    return Analysed((Row("rate", x / n, found.lower, found.upper, method=EXACT),), width, _other_size(planned, n))


@analyse_counts.register
def _two_arms(planned: PlannedTwoArms, counted: Counted, confidence: float) -> Analysed:
    look, code = decision_of(planned, counted)
    names, n, x = planned.rates.names, counted.patients[look], counted.responses[look]
    rates = [_rate(f"rate of {name}", int(n[i]), int(x[i]), confidence) for i, name in enumerate(names)]
    if planned.n_looks > 1:
        return Analysed((*rates, *_sequential_difference(planned, counted, look, confidence)), IN_WORDS[code])
    arms, counts = (int(n[0]), int(n[1])), (int(x[0]), int(x[1]))
    decisions, sides = planned.decisions, planned.study.sides
    test, two_sided = cast(Test, decisions.test), cast(TwoSided | None, decisions.two_sided)
    p_value = p_value_of(arms, counts, test, sides, cast(Better, decisions.better), two_sided)
    lower, upper = interval_of_difference(arms, counts, confidence)
    observed = counts[1] / arms[1] - counts[0] / arms[0]
    method = f"interval exact, Chan and Zhang 1999; p-value {test}, {'one' if sides == 1 else 'two'}-sided"
    return Analysed((*rates, Row("difference", observed, lower, upper, p_value, method)), IN_WORDS[code])


def _sequential_difference(planned: PlannedTwoArms, counted: Counted, look: int, confidence: float) -> list[Row]:
    """The difference of two rates after looks, by the stagewise ordering of the pooled z statistics."""
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
    p_value = found.p_value if sides == 1 else min(1.0, 2.0 * min(found.p_value, 1.0 - found.p_value))
    method = "stagewise ordering, normal approximation, Tsiatis, Rosner and Mehta 1984"
    return [
        Row("gain, median unbiased", found.median_unbiased, found.lower, found.upper, p_value, method),
        Row("gain, observed", found.observed, method="biased by the chance to stop early"),
    ]


@analyse_counts.register
def _margins(planned: PlannedMargins, counted: Counted, confidence: float) -> Analysed:
    """The interval at twice the one-sided level beside the score test that decides."""
    _, code = decision_of(planned, counted)
    names, n, x = planned.rates.names, counted.patients[-1], counted.responses[-1]
    arms, counts = (int(n[0]), int(n[1])), (int(x[0]), int(x[1]))
    lower, upper = interval_of_difference(arms, counts, confidence)
    difference = counts[1] / arms[1] - counts[0] / arms[0]
    rates = [_rate(f"rate of {name}", int(n[i]), int(x[i]), confidence) for i, name in enumerate(names)]
    row = Row("difference", difference, lower, upper, method="exact, Chan and Zhang 1999")
    aim = "equivalence" if planned.decisions.is_equivalence else "non-inferiority"
    shown = "shown" if code == REJECT else "not shown"
    return Analysed((*rates, row), f"{aim} within {planned.decisions.margin:g} is {shown}")


@analyse_counts.register
def _selection(planned: PlannedSelection, counted: Counted, confidence: float) -> Analysed:
    names, n, x = planned.rates.names, counted.patients[-1], counted.responses[-1]
    rows = [_rate(f"rate of {name}", int(n[i]), int(x[i]), confidence) for i, name in enumerate(names)]
    highest = max(row.value for row in rows)
    best = [name for name, row in zip(names, rows, strict=True) if row.value == highest]
    chosen = f"{best[0]} is selected" if len(best) == 1 else f"{', '.join(best)} are tied: one is selected at random"
    remark = "The observed rate of the arm that is selected overestimates its rate."
    return Analysed(tuple(rows), chosen, (remark,))


def _rate(name: str, n: int, x: int, confidence: float) -> Row:
    found = infer(Stages((n,), (-1,), (0,)), 0, x, None, confidence)
    return Row(name, x / n, found.lower, found.upper, math.nan, EXACT)


def _other_size(planned: CountDesign, n: int) -> tuple[str, ...]:
    return () if n == planned.n else (f"{n} patients were evaluable where {planned.n} were planned.",)
