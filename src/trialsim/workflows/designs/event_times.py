"""A design of restricted mean times from plain numbers."""

from __future__ import annotations

from typing import Literal

from trialsim.workflows.designs.making import allocation_of, calendar_of, in_months, make, parts_of
from trialsim.workflows.designs.times_of_arms import ARMS, Steps, times_of
from trialsim.workflows.designs.trial_design import TrialDesign


def rmst(
    until: float | str,
    hazard_ratio: float | Steps | None = None,
    median_control: float | str | None = None,
    median_experimental: float | str | None = None,
    alpha: float = 0.05,
    power: float = 0.80,
    *,
    hazards_control: float | Steps | None = None,
    sides: Literal[1, 2] = 1,
    ratio: float = 1.0,
    accrual: float | str = 0.0,
    follow_up: float | str | None = None,
    dropout: float = 0.0,
    n: int | None = None,
    largest_n: int = 5000,
) -> TrialDesign:
    """The difference of restricted mean times of two arms (Royston and Parmar 2013, BMC Med Res Methodol 13:152).

    The mean time up to a month is the area under the Kaplan-Meier curve until then; the test needs no constant hazard
    ratio. Power by the asymptotic variance of Greenwood.

    Parameters
    ----------
    until
        The time of patients up to which the means are restricted, in months or as a text with a unit.
    hazard_ratio
        Experimental to control, below 1; what the two medians say unless given. Of an effect that changes with time,
        pairs (from month, ratio), such as [(0, 1), (3, 0.5)], or the text `0:1,3:0.5`.
    median_control, median_experimental
        The median times, in months or as a text with a unit; with a hazard ratio, that of the control only.
    alpha
        The type I error, of all sides.
    power
        The power at what is assumed of the arms.
    hazards_control
        In place of the median, the hazard of the control arm per month, as pairs (from month, hazard), such as
        [(0, 0.08), (6, 0.04)], or the text `0:0.08,6:0.04`. Months are those of a patient.
    sides
        Whether the test is one-sided or two-sided.
    ratio
        Experimental patients for each control patient: 2 is two to one.
    accrual
        How long patients come, at a constant rate, in months or as a text with a unit; the power does not depend on it.
    follow_up
        How long after the last entry the analysis is made, in months or as a text with a unit; as long as `until`
        unless given, and not shorter, so that everyone is observed so long.
    dropout
        The share of patients lost within 12 months, at a constant hazard.
    n
        The number of patients, both arms together; without it the smallest is found.
    largest_n
        The largest number of patients that is tried, both arms together, at most 5000.

    Returns
    -------
    TrialDesign
        Patients, the restricted means and their difference, the power by the normal approximation, events expected.

    Raises
    ------
    ConfigurationError, RequestError
        For numbers that describe no trial, and where no trial has the power, with the nearest that has.
    """
    times = times_of(hazard_ratio, median_control, median_experimental, hazards_control)
    restricted = in_months("until", until)
    follow_up = restricted if follow_up is None else in_months("follow_up", follow_up)
    keys = {
        **times.keys, "until": restricted, "alpha": alpha, "power": power, "sides": sides, "n": n,
        "largest_n": largest_n, "allocation": allocation_of(parts_of(ratio, ARMS)),
        "conduct": {"follow_up": follow_up},
    }  # fmt: skip
    calendar = calendar_of(accrual, dropout, times.median)
    return make("rmst", keys, calendar, names={"alternative": "hazard_ratio"})
