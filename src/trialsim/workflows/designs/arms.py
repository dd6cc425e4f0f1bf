"""Designs of two and more arms from plain numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, Literal

from trialsim.config.loading.plain_studies import TOXICITY, months_of
from trialsim.design.plain import MOST_PATIENTS
from trialsim.design.theory.arguments import check_choice, check_count, check_numbers
from trialsim.design.theory.time_to_event import TwoArms, expected_events, month_of_events
from trialsim.errors import RequestError
from trialsim.workflows.designs.making import allocation_of, calendar_of, in_months, looks_of, make, parts_of
from trialsim.workflows.designs.times_of_arms import ARMS, Steps, times_of
from trialsim.workflows.designs.trial_design import TrialDesign

FEWEST_EVENTS: Final = 0.8  # of those asked for, by the end of follow-up; with fewer the power would be another one
LEAST_WAIT: Final = 12.0  # months after the last entry that a trial waits for its events, unless follow_up is given


def two_arm(
    p_control: float,
    p_experimental: float,
    alpha: float = 0.05,
    power: float = 0.80,
    *,
    sides: Literal[1, 2] = 1,
    test: str | None = None,
    two_sided: Literal["doubled", "ordered"] | None = None,
    ratio: float = 1.0,
    looks: int | Sequence[float] | None = None,
    spending: str | Sequence[float] = "obrien-fleming",
    futility: str | None = None,
    binding: bool = False,
    boundary: Literal["normal", "exact"] = "normal",
    n: int | None = None,
    largest_n: int = 1000,
) -> TrialDesign:
    """Two proportions in two arms: the smallest trial with the power, or the power of `n` patients; exact.

    Parameters
    ----------
    p_control, p_experimental
        The rates of the two arms under the alternative; a lower experimental rate is one of harm avoided.
    alpha
        The type I error, of all sides.
    power
        The power at these rates.
    sides
        Whether the test is one-sided, towards the difference, or two-sided.
    test
        `boschloo` (unless given), `fisher`, `z-pooled`, `z-unpooled`: exact; `chi-square`, `unpooled`: by normal
        quantiles, whose level may exceed alpha. With looks the pooled z statistic.
    two_sided
        How a two-sided exact test is defined: `doubled`, both one-sided tests at half the level, or `ordered`, tables
        by the two-sided statistic.
    ratio
        Experimental patients for each control patient: 2 is two to one.
    looks
        Interim looks: how many looks at equal steps, the last one too, or the shares of patients at which they are.
    spending
        How alpha is spent: `obrien-fleming`, `pocock`, `power RHO`, `hwang-shih-decani GAMMA`, or the cumulative
        alphas; or a boundary: `classical obrien-fleming`, `classical pocock`, `wang-tsiatis DELTA`, `haybittle-peto`.
    futility
        How beta is spent, by the names of spending functions; without it nothing stops for futility.
    binding
        Whether the efficacy boundaries count on stopping for futility.
    boundary
        `normal` quantiles, or `exact`: lowered until the level is kept whatever rate the arms share.
    n
        The number of patients, both arms together; without it the smallest is found.
    largest_n
        The largest number of patients that is tried, both arms together, at most 4000.

    Returns
    -------
    TrialDesign
        Patients by arm, level and power by enumeration of both arms' counts, the looks with their boundaries.

    Raises
    ------
    ConfigurationError, RequestError
        For numbers that describe no trial, and where no trial has the power, with the nearest that has.
    """
    keys = {
        "rates": dict(zip(ARMS, (p_control, p_experimental), strict=True)), "alpha": alpha, "power": power,
        "sides": sides, "test": test, "two_sided": two_sided, "n": n, "largest_n": largest_n,
        "allocation": allocation_of(parts_of(ratio, ARMS)),
        "looks": looks_of(looks, spending, futility, binding, boundary),
    }  # fmt: skip
    is_harm = isinstance(p_control, float) and isinstance(p_experimental, float) and p_experimental < p_control
    return make("two-arm", keys, endpoint=TOXICITY if is_harm else "")


def non_inferiority(
    p_control: float,
    p_experimental: float,
    margin: float,
    alpha: float = 0.025,
    power: float = 0.80,
    *,
    ratio: float = 1.0,
    better: Literal["higher", "lower"] = "higher",
    n: int | None = None,
    largest_n: int = 4000,
) -> TrialDesign:
    """Non-inferiority of two proportions by a margin (Farrington and Manning 1990, Stat Med 9:1447); exact power.

    Parameters
    ----------
    p_control, p_experimental
        The rates of the two arms under the alternative; mostly equal.
    margin
        By how much the experimental rate may be worse, as a difference of rates.
    alpha
        The type I error, one-sided.
    power
        The power at these rates.
    ratio
        Experimental patients for each control patient: 2 is two to one.
    better
        Whether a `higher` or a `lower` rate is better.
    n
        The number of patients, both arms together; without it the smallest is found.
    largest_n
        The largest number of patients that is tried, both arms together, at most 4000.

    Returns
    -------
    TrialDesign
        Patients by arm, level and power by enumeration of both arms' counts, and the highest level at the margin.

    Raises
    ------
    ConfigurationError, RequestError
        For numbers that describe no trial, and where no trial has the power, with the nearest that has.
    """
    keys = _with_margin(p_control, p_experimental, margin, alpha, power, ratio, n, largest_n)
    return make("non-inferiority", keys, endpoint=endpoint_of(better))


def equivalence(
    p_control: float,
    p_experimental: float,
    margin: float,
    alpha: float = 0.025,
    power: float = 0.80,
    *,
    ratio: float = 1.0,
    better: Literal["higher", "lower"] = "higher",
    n: int | None = None,
    largest_n: int = 4000,
) -> TrialDesign:
    """Equivalence of two proportions within a margin: two one-sided tests (Farrington and Manning 1990); exact power.

    Parameters
    ----------
    p_control, p_experimental
        The rates of the two arms under the alternative; mostly equal.
    margin
        By how much the rates may differ, in either direction.
    alpha
        The type I error, one-sided.
    power
        The power at these rates.
    ratio
        Experimental patients for each control patient: 2 is two to one.
    better
        Whether a `higher` or a `lower` rate is better.
    n
        The number of patients, both arms together; without it the smallest is found.
    largest_n
        The largest number of patients that is tried, both arms together, at most 4000.

    Returns
    -------
    TrialDesign
        Patients by arm, level and power by enumeration of both arms' counts, and the highest level at the margin.

    Raises
    ------
    ConfigurationError, RequestError
        For numbers that describe no trial, and where no trial has the power, with the nearest that has.
    """
    keys = _with_margin(p_control, p_experimental, margin, alpha, power, ratio, n, largest_n)
    return make("equivalence", keys, endpoint=endpoint_of(better))


def selection(
    rates: Sequence[float], power: float = 0.80, *, n: int | None = None, largest_n: int = 1000
) -> TrialDesign:
    """The best of several arms is selected without a test (Simon, Wittes and Ellenberg 1985, Cancer Treat Rep 69:1375).

    Parameters
    ----------
    rates
        The true response rate of each arm, two or more; one of them the highest.
    power
        How probably the arm with the highest rate is selected; ties are broken at random.
    n
        The number of patients, all arms together; without it the smallest is found.
    largest_n
        The largest number of patients that is tried, all arms together, at most 5000.

    Returns
    -------
    TrialDesign
        The patients of each arm, and how probably the best arm is selected.

    Raises
    ------
    ConfigurationError, RequestError
        For numbers that describe no trial, and where no trial has the probability.
    """
    check_numbers("rates", rates)
    named = {f"arm {i + 1}": rate for i, rate in enumerate(rates)}
    return make("selection", {"rates": named, "power": power, "n": n, "largest_n": largest_n})


def logrank(
    hazard_ratio: float | Steps | None = None,
    median_control: float | str | None = None,
    median_experimental: float | str | None = None,
    alpha: float = 0.05,
    power: float = 0.80,
    *,
    hazards_control: float | Steps | None = None,
    test: str | None = None,
    sides: Literal[1, 2] = 1,
    ratio: float = 1.0,
    accrual: float | str = 0.0,
    follow_up: float | str | None = None,
    dropout: float = 0.0,
    looks: int | Sequence[float] | None = None,
    spending: str | Sequence[float] = "obrien-fleming",
    futility: str | None = None,
    binding: bool = False,
    events: int | None = None,
    n: int | None = None,
    largest_n: int = 5000,
) -> TrialDesign:
    """The log-rank test of two arms: patients, events and months, by Schoenfeld (1981, Biometrika 68:316).

    Times are exponential, or have hazards that change with time. Three questions: the smallest trial with the power
    (give `follow_up`); the power of `n` patients; the power of a number of `events`, and when they are expected. An
    effect that changes with time, and a weighted test, have the power of the mean and variance of the statistic (Yung
    and Liu 2020, Biometrics 76:939).

    Parameters
    ----------
    hazard_ratio
        Experimental to control, below 1; what the two medians say unless given. Of an effect that changes with time,
        pairs (from month, ratio), such as [(0, 1), (3, 0.5)], or the text `0:1,3:0.5`.
    median_control, median_experimental
        The median times, in months or as a text with a unit; with a hazard ratio, that of the control only.
    alpha
        The type I error, of all sides.
    power
        The power at the hazard ratio.
    hazards_control
        In place of the median, the hazard of the control arm per month, as pairs (from month, hazard), such as
        [(0, 0.08), (6, 0.04)], or the text `0:0.08,6:0.04`. Months are those of a patient.
    test
        `fleming-harrington RHO GAMMA` gives events the weights S^rho (1 - S)^gamma, at one look; the log-rank test
        unless given.
    sides
        Whether the test is one-sided or two-sided.
    ratio
        Experimental patients for each control patient: 2 is two to one.
    accrual
        How long patients come, at a constant rate, in months or as a text with a unit; 0 if all come at once.
    follow_up
        How long after the last entry the final analysis is made, in months or as a text with a unit; with `events`, at
        the latest (by default twice as long as they are expected to take, and 12 months at the least).
    dropout
        The share of patients lost within 12 months, at a constant hazard.
    looks
        Interim looks: how many looks at equal steps, the last one too, or the shares of events at which they are.
    spending
        How alpha is spent: `obrien-fleming`, `pocock`, `power RHO`, `hwang-shih-decani GAMMA`, or the cumulative
        alphas; or a boundary: `classical obrien-fleming`, `classical pocock`, `wang-tsiatis DELTA`, `haybittle-peto`.
    futility
        How beta is spent, by the names of spending functions; without it nothing stops for futility.
    binding
        Whether the efficacy boundaries count on stopping for futility.
    events
        The number of events at which the final analysis is made; its power is found.
    n
        The number of patients, both arms together; without it the smallest is found: with the power, or with so many
        events expected by the end of follow-up.
    largest_n
        The largest number of patients that is tried, both arms together, at most 5000.

    Returns
    -------
    TrialDesign
        Patients, events expected, the power by the normal approximation, the looks with boundaries and months.

    Raises
    ------
    ConfigurationError, RequestError
        For numbers that describe no trial, and where no trial has the power, with the nearest that has.
    """
    times = times_of(hazard_ratio, median_control, median_experimental, hazards_control)
    calendar, parts = calendar_of(accrual, dropout, times.median), parts_of(ratio, ARMS)
    arms = times.arms(calendar, ratio)
    n, follow_up = size_and_end(arms, ratio, (n, events, follow_up))
    keys = {
        **times.keys, "test": test, "alpha": alpha, "power": power, "sides": sides, "n": n, "largest_n": largest_n,
        "allocation": allocation_of(parts), "looks": looks_of(looks, spending, futility, binding, "normal"),
        "conduct": {"follow_up": in_months("follow_up", follow_up), **({"events": events} if events else {})},
    }  # fmt: skip
    return make("logrank", keys, calendar, names={"alternative": "hazard_ratio"})


def size_and_end(
    arms: TwoArms, ratio: float, given: tuple[int | None, int | None, float | str | None]
) -> tuple[int | None, float | str]:
    """The number of patients, where events tell it, and the follow-up. Raises `RequestError`."""
    n, events, follow_up = given
    if events is None:
        if follow_up is None:
            allowed = "months after the last entry, such as 12, or `events`, or both."
            raise RequestError("follow_up", "nothing says when the final analysis is made.", allowed, key="follow_up")
        return n, follow_up
    check_count("events", events, 2, MOST_PATIENTS)
    if n is None:
        if follow_up is None:
            raise RequestError(
                "n", "so many events may come from any number of patients.", "`n`, or `follow_up`.", key="n"
            )
        months = arms.accrual + months_of("follow_up", follow_up)
        parts = parts_of(ratio, ARMS)
        turn = parts[ARMS[0]] + parts[ARMS[1]] if parts else len(ARMS)
        n = turn * math.ceil(events / float(expected_events(arms, 1, months)) / turn - 1e-9)
    if follow_up is None:
        month = month_of_events(arms, n, events)
        if math.isinf(month):
            most = math.ceil(n * float(arms.seen_in_all @ arms.shares)) - 1
            raise RequestError(
                f"events = {events}",
                f"{n} patients never have so many.",
                f"up to {most}, or more patients.",
                key="events",
            )
        follow_up = max(LEAST_WAIT, math.ceil(2.0 * (month - arms.accrual)))
    seen = float(expected_events(arms, n, arms.accrual + months_of("follow_up", follow_up)))
    if seen < FEWEST_EVENTS * events:
        wrong = f"{n} patients have about {seen:.0f} by the end of follow-up."
        raise RequestError(f"events = {events}", wrong, "fewer, more patients, or longer follow-up.", key="events")
    return n, follow_up


def _with_margin(
    p_control: float, p_experimental: float, margin: float, alpha: float, power: float, ratio: float, n: int | None,
    largest_n: int,
) -> dict[str, Any]:  # fmt: skip
    """The keys of a study with a margin."""
    return {
        "rates": dict(zip(ARMS, (p_control, p_experimental), strict=True)), "margin": margin, "alpha": alpha,
        "power": power, "allocation": allocation_of(parts_of(ratio, ARMS)), "n": n, "largest_n": largest_n,
    }  # fmt: skip


def endpoint_of(better: str) -> str:
    """An endpoint of which a higher, or a lower, rate is better. Raises `RequestError`."""
    check_choice("better", better, ("higher", "lower"))
    return TOXICITY if better == "lower" else ""
