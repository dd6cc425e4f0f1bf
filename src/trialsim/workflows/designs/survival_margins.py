"""Designs of two arms with times to events and a margin from plain numbers."""

from __future__ import annotations

from collections.abc import Sequence

from trialsim.errors import RequestError
from trialsim.workflows.designs.arms import size_and_end
from trialsim.workflows.designs.making import allocation_of, calendar_of, in_months, looks_of, make, parts_of
from trialsim.workflows.designs.times_of_arms import ARMS, times_of
from trialsim.workflows.designs.trial_design import TrialDesign


def non_inferiority_survival(
    margin: float,
    hazard_ratio: float = 1.0,
    median_control: float | str | None = None,
    alpha: float = 0.025,
    power: float = 0.80,
    *,
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
    """Non-inferiority of times to events by a margin of the hazard ratio: score test of Cox's model at the margin.

    Times are exponential; events by Schoenfeld (1981, Biometrika 68:316) with log(hazard ratio) - log(margin). Three
    questions: the smallest trial with the power (give `follow_up`); the power of `n` patients; the power of a number of
    `events`, and when they are expected.

    Parameters
    ----------
    margin
        The hazard ratio, experimental to control, that is too high: above 1, such as 1.3.
    hazard_ratio
        The hazard ratio under the alternative, below the margin; mostly 1.
    median_control
        The median time of the control arm, in months or as a text with a unit.
    alpha
        The type I error, one-sided.
    power
        The power at the hazard ratio.
    ratio
        Experimental patients for each control patient: 2 is two to one.
    accrual
        How long patients come, at a constant rate, in months or as a text with a unit; 0 if all come at once.
    follow_up
        How long after the last entry the final analysis is made, in months or as a text with a unit; with `events`, at
        the latest.
    dropout
        The share of patients lost within 12 months, at a constant rate, in both arms.
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
    if margin is None:
        raise RequestError("margin", "the design needs it.", "a hazard ratio above 1, such as 1.3.", key="margin")
    times = times_of(hazard_ratio, median_control, None, None)
    calendar, parts = calendar_of(accrual, dropout, times.median), parts_of(ratio, ARMS)
    n, follow_up = size_and_end(times.arms(calendar, ratio), ratio, (n, events, follow_up))
    keys = {
        **times.keys, "margin": margin, "alpha": alpha, "power": power, "n": n, "largest_n": largest_n,
        "allocation": allocation_of(parts), "looks": looks_of(looks, spending, futility, binding, "normal"),
        "conduct": {"follow_up": in_months("follow_up", follow_up), **({"events": events} if events else {})},
    }  # fmt: skip
    return make("non-inferiority-survival", keys, calendar, names={"alternative": "hazard_ratio"})
