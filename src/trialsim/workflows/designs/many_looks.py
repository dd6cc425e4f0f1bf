"""Designs of one arm with many looks, by a Bayesian rule, from plain numbers."""

from __future__ import annotations

from collections.abc import Sequence

from trialsim.workflows.designs.making import given, keys_of_one_rate, make, pair_of, shares_of
from trialsim.workflows.designs.trial_design import TrialDesign


def predictive_probability(
    p0: float,
    p1: float,
    alpha: float = 0.05,
    power: float = 0.80,
    *,
    first: int = 10,
    every: int = 1,
    prior: Sequence[float] | None = None,
    futility: float | None = None,
    success: float | None = None,
    efficacy: float | None = None,
    n: int | None = None,
    largest_n: int = 300,
) -> TrialDesign:
    """Lee and Liu's design by predictive probability (2008, Clin Trials 5:93), with exact error rates.

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
    first
        The number of patients at the first look.
    every
        After how many more patients each further look is taken.
    prior
        The two parameters of the beta prior of the rate; `p0` and 1 - `p0` unless given.
    futility
        The predictive probability of success below which the trial stops; searched unless given.
    success
        The posterior probability that the rate exceeds `p0` which is success at the end; searched unless given. If it
        is given, level and power are what they come to.
    efficacy
        With `success`: the predictive probability above which the trial stops for efficacy; 1, never, unless given.
    n
        The number of patients; without it the smallest is found.
    largest_n
        The largest number of patients that is tried, at most 300.

    Returns
    -------
    TrialDesign
        Of the designs with the level and the power, that of the fewest patients on average at `p0`.

    Raises
    ------
    ConfigurationError, RequestError
        For numbers that describe no trial, and where none has the level and the power.
    """
    rule = {"prior": pair_of("prior", prior), "futility": futility, "success": success, "efficacy": efficacy}
    looks = {"looks": {"first": first, "every": every}}
    return make(
        "predictive-probability",
        {**keys_of_one_rate(p0, p1, alpha, power, n, largest_n), **looks, "bayesian": given(rule)},
    )


def bop2(
    p0: float,
    p1: float,
    n: int | None = None,
    alpha: float = 0.05,
    power: float = 0.80,
    *,
    looks: int | Sequence[float] = 3,
    prior: Sequence[float] | None = None,
    level: float | None = None,
    exponent: float | None = None,
    largest_n: int = 300,
) -> TrialDesign:
    """The BOP2 design of a binary endpoint (Zhou, Lee and Yuan 2017, Stat Med 36:3302), with exact error rates.

    Parameters
    ----------
    p0
        The response rate that is not worth more.
    p1
        The response rate that must not be missed, above `p0`.
    n
        The number of patients; without it the smallest with the power is found.
    alpha
        The type I error, one-sided.
    power
        The power at `p1` that the smallest trial has.
    looks
        How many looks at equal steps, the last one too, or the shares of patients at which they are.
    prior
        The two parameters of the beta prior of the rate; `p0` and 1 - `p0` unless given.
    level
        The cut-off of the posterior probability at the end (lambda); searched unless given.
    exponent
        How the cut-off rises with the share of patients (gamma); searched unless a level is given, then 1.
    largest_n
        The largest number of patients that is tried, at most 300.

    Returns
    -------
    TrialDesign
        The cut-offs of the greatest power at `p1` whose level is at most `alpha`.

    Raises
    ------
    ConfigurationError, RequestError
        For numbers that describe no trial, and where none has the level.
    """
    rule = {"prior": pair_of("prior", prior), "level": level, "exponent": exponent}
    shares = shares_of(looks)
    at = {"looks": {"at": shares}} if shares != [1.0] else {"looks": {"first": n or largest_n}}
    return make("bop2", {**keys_of_one_rate(p0, p1, alpha, power, n, largest_n), **at, "bayesian": given(rule)})


def thall_simon(
    p0: float,
    p1: float,
    n: int,
    standard: Sequence[float],
    *,
    gain: float = 0.0,
    futility: float = 0.05,
    efficacy: float = 0.95,
    prior: Sequence[float] = (0.5, 0.5),
    first: int = 10,
    every: int = 1,
) -> TrialDesign:
    """The boundaries of Thall and Simon (1994, Biometrics 50:337), with exact operating characteristics.

    Parameters
    ----------
    p0
        The response rate at which the type I error is computed.
    p1
        The response rate at which the power is computed, above `p0`.
    n
        The number of patients.
    standard
        The two parameters of the beta distribution of the rate of the standard treatment, such as (15, 35).
    gain
        The gain over the standard that is hoped for.
    futility
        The trial stops if the probability of a gain above `gain` is at most this.
    efficacy
        The trial stops if the probability of superiority is at least this.
    prior
        The two parameters of the beta prior of the rate.
    first
        The number of patients at the first look.
    every
        After how many more patients each further look is taken.

    Returns
    -------
    TrialDesign
        The boundaries, and what they come to.

    Raises
    ------
    ConfigurationError, RequestError
        For numbers that describe no trial.
    """
    rule = {
        "standard": pair_of("standard", standard), "gain": gain, "futility": futility, "efficacy": efficacy,
        "prior": pair_of("prior", prior),
    }  # fmt: skip
    keys = {"null": p0, "alternative": p1, "n": n, "looks": {"first": first, "every": every}}
    return make("thall-simon", {**keys, "bayesian": given(rule)})
