"""Designs of one arm from plain numbers."""

from __future__ import annotations

import math
from typing import Literal

from trialsim.config.loading.plain_studies import TOXICITY, WINDOW
from trialsim.design.theory.arguments import check_choice
from trialsim.design.theory.two_stage import fleming as two_stage_of
from trialsim.workflows.designs.making import calendar_of, in_months, keys_of_one_rate, make
from trialsim.workflows.designs.trial_design import TrialDesign

Criterion = Literal["optimal", "minimax", "admissible"]


def single_stage(
    p0: float, p1: float, alpha: float = 0.05, power: float = 0.80, *, n: int | None = None, largest_n: int = 1000
) -> TrialDesign:
    """The exact binomial test of one rate: the smallest trial with the power, or the power of `n` patients.

    Parameters
    ----------
    p0
        The response rate that is not worth more.
    p1
        The response rate that must not be missed, above `p0`.
    alpha
        The type I error, one-sided.
    power
        The power at `p1`.
    n
        The number of patients; without it the smallest is found.
    largest_n
        The largest number of patients that is tried, at most 5000.

    Returns
    -------
    TrialDesign
        More than `r` responses of `n` reject the null; levels and powers are exact. Larger trials may have less power
        (the critical number is whole): from `stays_n` on all have it.

    Raises
    ------
    ConfigurationError, RequestError
        For numbers that describe no trial, and where no trial has the power, with the nearest that has.
    """
    return make("single-stage", keys_of_one_rate(p0, p1, alpha, power, n, largest_n))


def ahern(
    p0: float, p1: float, alpha: float = 0.05, power: float = 0.80, *, n: int | None = None, largest_n: int = 1000
) -> TrialDesign:
    """A'Hern's exact design of one stage (2001, Stat Med 20:859), whose tables take a power of 0.7995 for 0.80.

    Parameters
    ----------
    p0
        The response rate that is not worth more.
    p1
        The response rate that must not be missed, above `p0`.
    alpha
        The type I error, one-sided.
    power
        The power at `p1`.
    n
        The number of patients; without it the smallest is found.
    largest_n
        The largest number of patients that is tried, at most 5000.

    Returns
    -------
    TrialDesign
        More than `r` responses of `n` reject the null; levels and powers are exact.

    Raises
    ------
    ConfigurationError, RequestError
        For numbers that describe no trial, and where no trial has the power, with the nearest that has.
    """
    return make("ahern", keys_of_one_rate(p0, p1, alpha, power, n, largest_n))


def simon(
    p0: float,
    p1: float,
    alpha: float = 0.05,
    power: float = 0.80,
    *,
    criterion: Criterion = "optimal",
    n: int | None = None,
    largest_n: int = 400,
) -> TrialDesign:
    """Simon's design in two stages (1989, Control Clin Trials 10:1), exact and among all n.

    Parameters
    ----------
    p0
        The response rate that is not worth more.
    p1
        The response rate that must not be missed, above `p0`.
    alpha
        The type I error, one-sided.
    power
        The power at `p1`.
    criterion
        `optimal`: the fewest patients on average at `p0`; `minimax`: the fewest in all; `admissible`: the one that is
        best for the widest range of weights between the two (Jung et al. 2004, Stat Med 23:561).
    n
        The most patients: the design of the greatest power, to 0.005, that needs no more; without it the design of the
        power is found.
    largest_n
        The largest number of patients that is tried, at most 5000.

    Returns
    -------
    TrialDesign
        Stop after `n1` patients if at most `r1` respond; more than `r` responses of `n` reject the null. The table has
        a row for each admissible design.

    Raises
    ------
    ConfigurationError, RequestError
        For numbers that describe no trial, and where no trial has the power, with the nearest that has.
    """
    check_choice("criterion", criterion, ("optimal", "minimax", "admissible"))
    return make(f"simon-{criterion}", keys_of_one_rate(p0, p1, alpha, power, n, largest_n))


def fleming(p0: float, p1: float, n1: int, n: int, alpha: float = 0.05) -> TrialDesign:
    """Fleming's two-stage test of given stages, which stops early for either side (1982, Biometrics 38:143).

    Parameters
    ----------
    p0
        The response rate that is not worth more.
    p1
        The response rate at which the power is computed, above `p0`.
    n1
        The patients of the first stage.
    n
        The patients of both stages.
    alpha
        The type I error that the boundaries are made for, one-sided; the exact one, which may be above, is reported.

    Returns
    -------
    TrialDesign
        Stop after `n1` patients if at most `r1` or at least `e1` respond; more than `r` responses of `n` reject.

    Raises
    ------
    ConfigurationError, RequestError
        For numbers that describe no trial.
    """
    design = two_stage_of(p0, p1, alpha, n1, n)
    keys = {"null": p0, "alternative": p1, "alpha": alpha, "power": rounded_down(design.power)}
    names = {"largest_n": "n", "n": "n"}
    return make("fleming", {**keys, "stages": {"first": n1, "all": n}, "largest_n": max(n, 2)}, names=names)


def bryant_day(
    p0: float,
    p1: float,
    toxicity_p0: float,
    toxicity_p1: float,
    alpha: float = 0.05,
    alpha_toxicity: float = 0.10,
    power: float = 0.80,
    *,
    odds_ratio: float = 1.0,
    largest_n: int = 100,
) -> TrialDesign:
    """Bryant and Day's design in two stages on response and toxicity (1995, Biometrics 51:1372), exact.

    Parameters
    ----------
    p0
        The response rate that is not worth more.
    p1
        The response rate that must not be missed, above `p0`.
    toxicity_p0
        The toxicity rate that is too high.
    toxicity_p1
        The toxicity rate that is acceptable, below `toxicity_p0`.
    alpha
        The probability of recommending a treatment with the response rate `p0`.
    alpha_toxicity
        The probability of recommending a treatment with the toxicity rate `toxicity_p0`.
    power
        The probability of recommending a treatment with `p1` and `toxicity_p1`.
    odds_ratio
        Of response in patients free of toxicity against others; 1 is independence, as in the paper.
    largest_n
        The largest number of patients that is tried, at most 150.

    Returns
    -------
    TrialDesign
        The design of the fewest patients on average under the worse of the two nulls.

    Raises
    ------
    ConfigurationError, RequestError
        For numbers that describe no trial, and where no trial has the power.
    """
    aim = {
        "endpoint": {"of": TOXICITY, "within": WINDOW},
        "null": toxicity_p0,
        "alternative": toxicity_p1,
        "alpha": alpha_toxicity,
    }
    keys = {"null": p0, "alternative": p1, "alpha": alpha, "power": power, "largest_n": largest_n}
    return make("bryant-day", {**keys, "toxicity": {**aim, "odds_ratio": odds_ratio}})


def precision(
    p: float,
    half_width: float,
    confidence: float = 0.95,
    probability: float = 0.80,
    *,
    n: int | None = None,
    largest_n: int = 5000,
) -> TrialDesign:
    """How many patients estimate a rate so exactly: Clopper and Pearson's interval (1934, Biometrika 26:404).

    Parameters
    ----------
    p
        The true rate.
    half_width
        How far the interval shall reach at most, half its width.
    confidence
        The confidence level of the interval, two-sided.
    probability
        How probable such an interval shall be.
    n
        The number of patients; without it the smallest is found.
    largest_n
        The largest number of patients that is tried, at most 5000.

    Returns
    -------
    TrialDesign
        `power` is the probability that the interval is narrow enough; `coverage` is exact.

    Raises
    ------
    ConfigurationError, RequestError
        For numbers that describe no trial, and where no trial is so exact.
    """
    keys = {"alternative": p, "half_width": half_width, "confidence": confidence, "power": probability}
    names = {"alternative": "p", "p1": "p", "power": "probability"}
    return make("precision", {**keys, "n": n, "largest_n": largest_n}, names=names)


def one_sample_logrank(
    median_reference: float | str,
    hazard_ratio: float,
    alpha: float = 0.05,
    power: float = 0.80,
    *,
    shape: float = 1.0,
    accrual: float | str = 12.0,
    follow_up: float | str = 12.0,
    dropout: float = 0.0,
    sides: Literal[1, 2] = 1,
    n: int | None = None,
    largest_n: int = 5000,
) -> TrialDesign:
    """The one-sample log-rank test of times to events against a reference, by Wu's formula (2015, Pharm Stat 14:26).

    Parameters
    ----------
    median_reference
        The median time of the reference, in months or as a text with a unit.
    hazard_ratio
        That of the trial to the reference which must not be missed, below 1.
    alpha
        The type I error.
    power
        The power at the hazard ratio.
    shape
        The Weibull shape of the reference; 1 is exponential.
    accrual
        How long patients come, at a constant rate, in months or as a text with a unit.
    follow_up
        How long after the last entry the analysis is made, in months or as a text with a unit.
    dropout
        The share of patients lost within 12 months, at a constant hazard.
    sides
        Whether the test is one-sided or two-sided.
    n
        The number of patients; without it the smallest is found.
    largest_n
        The largest number of patients that is tried, at most 5000.

    Returns
    -------
    TrialDesign
        The number of patients, the events that are expected, and the power.

    Raises
    ------
    ConfigurationError, RequestError
        For numbers that describe no trial, and where no trial has the power.
    """
    calendar = calendar_of(accrual, dropout)
    keys = {
        "alternative": hazard_ratio, "alpha": alpha, "power": power, "sides": sides, "n": n, "largest_n": largest_n,
        "reference": {"median": in_months("median_reference", median_reference), "shape": shape},
        "conduct": {"follow_up": in_months("follow_up", follow_up)},
    }  # fmt: skip
    return make("one-sample-logrank", keys, calendar, names={"alternative": "hazard_ratio"})


def rounded_down(power: float) -> float:
    """A power to four significant digits that is not above it."""
    digits = 3 - math.floor(math.log10(power))
    return math.floor(power * 10.0**digits) / 10.0**digits
