"""The analysis of times to events: of two arms by the log-rank test and Cox's model, of one against a reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2, norm

from trialsim.design.time_to_event.decisions import (
    EventDecisions,
    MarginDecisions,
    OneSampleDecisions,
    RestrictedMeanDecisions,
)
from trialsim.inference.result import IN_WORDS, Analysed, Row, for_sides
from trialsim.inference.sequential import infer_sequential
from trialsim.inference.survival import Estimated, cox, logrank, median_time, restricted_mean, restricted_means
from trialsim.model.units import DAYS_PER_MONTH
from trialsim.typing import Counts, Flags, Floats


@dataclass(frozen=True)
class Times:
    """Days until the event or the end of observation, whether there was an event, and the place of each arm."""

    days: Floats
    events: Flags
    arm: Counts
    names: tuple[str, ...]
    table: pd.DataFrame


def analyse_two_arms(
    times: Times, decisions: EventDecisions, earlier: Sequence[tuple[int, float]], confidence: float,
    adjust: Sequence[str] = (), strata: Sequence[str] = (),
) -> Analysed:  # fmt: skip
    """Two arms: events, medians, the log-rank test and the hazard ratio; `earlier` has (events, z) of interim looks.

    The test has the weights of `decisions`.
    `adjust` names covariates of Cox's model, `strata` what both it and the test are stratified by. After looks the
    hazard ratio is median unbiased by the stagewise ordering. Raises `RequestError`.
    """
    second = times.arm == 1
    by = [tuple(row) for row in times.table[list(strata)].itertuples(index=False)] if strata else None
    z, _ = logrank(times.days, times.events, second, by, decisions.rho_gamma)
    n_events = int(times.events.sum())
    code = decisions.decide(
        len(decisions.interim), np.array([z]), np.array([n_events], np.int64), np.array([len(earlier)], np.int64)
    )[0]
    rows = described(times, confidence)
    p_value = for_sides(float(norm.sf(z)), decisions.sides)
    stratified = f", stratified by {', '.join(strata)}" if strata else ""
    sided = "one-sided" if decisions.sides == 1 else "two-sided"
    rho, gamma = decisions.rho_gamma
    weights = f", Fleming-Harrington weights, rho {rho:g}, gamma {gamma:g}" if (rho, gamma) != (0.0, 0.0) else ""
    rows.append(Row("log-rank z", z, p_value=p_value, method=f"log-rank test{weights}{stratified}, {sided}"))
    if earlier:
        rows.append(after_looks(z, n_events, second, decisions, earlier, confidence))
    rows += hazard_ratios(times, confidence, adjust, strata)
    return Analysed(tuple(rows), IN_WORDS[int(code)])


def analyse_restricted_means(times: Times, decisions: RestrictedMeanDecisions, confidence: float) -> Analysed:
    """Two arms: events, medians, restricted means and their difference with its test, and the hazard ratio.

    Raises `RequestError` where an arm is not observed up to the time that the means are restricted to.
    """
    second = times.arm == 1
    found = restricted_means(times.days, times.events, second, decisions.until_days, confidence)
    half = found.value - found.lower
    z = float(norm.isf((1.0 - confidence) / 2.0)) * found.value / half if half > 0.0 else 0.0
    code = decisions.decide(0, np.array([z]), np.array([int(times.events.sum())], np.int64), np.zeros(1, np.int64))[0]
    rows = described(times, confidence)
    until = f"up to {decisions.until_days / DAYS_PER_MONTH:.4g} months"
    for i in range(2):
        mean = restricted_mean(
            times.days[times.arm == i], times.events[times.arm == i], decisions.until_days, confidence
        )
        value, lower, upper = (x / DAYS_PER_MONTH for x in (mean.value, mean.lower, mean.upper))
        rows.append(Row(f"restricted mean of {times.names[i]}, months", value, lower, upper, math.nan, until))
    value, lower, upper = (x / DAYS_PER_MONTH for x in (found.value, found.lower, found.upper))
    sided = "one-sided" if decisions.sides == 1 else "two-sided"
    method = f"{until}, Royston and Parmar 2013, {sided}"
    p_value = for_sides(float(norm.sf(z)), decisions.sides)
    rows.append(Row("difference of restricted means, months", value, lower, upper, p_value, method))
    rows += hazard_ratios(times, confidence, (), ())
    return Analysed(tuple(rows), IN_WORDS[int(code)])


def described(times: Times, confidence: float) -> list[Row]:
    """The events and the median of both arms."""
    return [_events(times, i) for i in range(2)] + [_median(times, i, confidence) for i in range(2)]


def _events(times: Times, arm: int) -> Row:
    inside = times.arm == arm
    return Row(
        f"events of {times.names[arm]}", float(times.events[inside].sum()), method=f"of {int(inside.sum())} patients"
    )


def _median(times: Times, arm: int, confidence: float) -> Row:
    inside = times.arm == arm
    name, method = f"median of {times.names[arm]}, months", "Kaplan-Meier, log(-log)"
    found = Estimated(math.inf, math.nan, math.nan)
    if times.events[inside].any():
        found = median_time(times.days[inside], times.events[inside], confidence)
    value, lower, upper = (x / DAYS_PER_MONTH for x in (found.value, found.lower, found.upper))
    return Row(name, value, lower, upper, math.nan, method)


def after_looks(
    z: float, n_events: int, second: Flags, decisions: EventDecisions, earlier: Sequence[tuple[int, float]],
    confidence: float,
) -> Row:  # fmt: skip
    """The hazard ratio after looks; its information is events times both shares of patients (Schoenfeld 1981).

    The z statistic is against the margin, where there is one.
    """
    share = float(second.mean())
    information = [events * share * (1.0 - share) for events in (*(number for number, _ in earlier), n_events)]
    binding = decisions.lower[: len(earlier)] if decisions.lower and decisions.is_binding else None
    found = infer_sequential(information, decisions.upper, len(earlier), z, lower=binding, confidence=confidence)
    p_value = for_sides(found.p_value, decisions.sides)
    null, test = (decisions.margin, "score") if isinstance(decisions, MarginDecisions) else (1.0, "log-rank")
    method = f"stagewise ordering of {test} z, Tsiatis, Rosner and Mehta 1984"
    value, lower, upper = (null * math.exp(-theta) for theta in (found.median_unbiased, found.upper, found.lower))
    return Row("hazard ratio, median unbiased", value, lower, upper, p_value, method)


def hazard_ratios(times: Times, confidence: float, adjust: Sequence[str], strata: Sequence[str]) -> list[Row]:
    """Cox's model with the arm, and with the covariates that it is adjusted for."""
    data = times.table[[*adjust, *strata]].copy()
    data["_days"], data["_event"], data["_arm"] = times.days, times.events, times.arm.astype(np.float64)
    method = "Cox, Wald" + (f", stratified by {', '.join(strata)}" if strata else "")
    rows = []
    for others in ((), tuple(adjust)) if adjust else ((),):
        found = cox(data, "_days", "_event", ["_arm", *others], strata, confidence).iloc[0]
        name = f"hazard ratio of {times.names[1]}" + (f", adjusted for {', '.join(others)}" if others else "")
        rows.append(
            Row(name, found["hazard_ratio"], found["lower"], found["upper"], found["p_value"], f"{method}, two-sided")
        )
    return rows


def analyse_one_arm(times: Times, decisions: OneSampleDecisions, confidence: float) -> Analysed:
    """One arm against a reference: events observed and expected, their ratio, the one-sample log-rank test."""
    observed, expected = float(times.events.sum()), float(decisions.hazard(times.days).sum())
    z = (expected - observed) / math.sqrt(expected)
    code = decisions.decide(0, np.array([z]), np.array([int(observed)], np.int64), np.zeros(1, np.int64))[0]
    p_value = for_sides(float(norm.sf(z)), decisions.sides)
    tail = (1.0 - confidence) / 2.0
    low = float(chi2.ppf(tail, 2.0 * observed)) / 2.0 / expected if observed else 0.0
    high = float(chi2.isf(tail, 2.0 * (observed + 1.0))) / 2.0 / expected
    rows = (
        Row("events observed", observed, method=f"of {len(times.days)} patients"),
        Row("events expected", expected, method="by the reference"),
        Row("observed to expected", observed / expected, low, high, method="exact Poisson, given those expected"),
        Row("one-sample log-rank z", z, p_value=p_value, method="(E - O) / root E, Breslow 1975"),
        _median(times, 0, confidence),
    )
    return Analysed(rows, IN_WORDS[int(code)])
