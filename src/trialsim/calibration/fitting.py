"""Sampling until it has converged: legs of all ensembles, diagnostics after every few, an end that is sure to come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pandas as pd

from trialsim.calibration.diagnostics import (
    LARGEST_R_HAT,
    SMALLEST_ESS,
    diagnostics,
    has_converged,
    smallest_ess_of,
)
from trialsim.calibration.model import Calibration
from trialsim.calibration.sampling import BURN_IN_LEGS, N_ENSEMBLES, STEPS_IN_LEG, Chains, Ensembles
from trialsim.errors import OptionError, RequestError
from trialsim.records.tables import plain_rows

MOST_STEPS: Final = 1000
_LEGS_BEFORE_FIRST_LOOK: Final = 6
_LEGS_BETWEEN_LOOKS: Final = 3

OnLeg = Callable[[Chains, int], None]


@dataclass(frozen=True)
class Fit:
    """Chains that have converged, with their diagnostics (a row a parameter)."""

    calibration: Calibration
    chains: Chains
    diagnostics: pd.DataFrame
    seed: int


@dataclass(frozen=True)
class ConvergenceCriteria:
    """When sampling ends: with `min_ess` in bulk and tails of every parameter, or at `most_steps`."""

    min_ess: float = SMALLEST_ESS
    most_steps: int = MOST_STEPS
    n_ensembles: int = N_ENSEMBLES


def quick(most_steps: int) -> ConvergenceCriteria:
    """For the many calibrations of which only a mean is wanted."""
    return ConvergenceCriteria(min_ess=400.0, most_steps=most_steps, n_ensembles=2)


def fit(
    calibration: Calibration,
    seed: int,
    workers: int = 1,
    criteria: ConvergenceCriteria | None = None,
    chains: Chains | None = None,
    on_leg: OnLeg = lambda chains, wanted: None,
) -> Fit:
    """Sample the posterior until it has converged; goes on from `chains` where there are some.

    `on_leg` gets the chains after each leg, and how many legs there will be at least. Raises `RequestError` if they
    have not converged after the most steps that are allowed.
    """
    criteria = criteria or ConvergenceCriteria()
    chains = chains if chains is not None else Chains()
    ensembles = Ensembles(
        lambda z: calibration.log_posterior(z, workers), len(calibration.names), seed, criteria.n_ensembles
    )
    most_legs = BURN_IN_LEGS + max(1, criteria.most_steps // STEPS_IN_LEG)
    n_legs = BURN_IN_LEGS + _LEGS_BEFORE_FIRST_LOOK
    while True:
        n_legs = min(n_legs, most_legs)
        for _ in ensembles.grow(chains, n_legs):
            on_leg(chains, n_legs)
        looked_at = chains.up_to(n_legs)  # as an undisturbed run would see them
        table = diagnostics(calibration.prior.marginal_scores(looked_at.by_chain()), calibration.names)
        if has_converged(table, criteria.min_ess):
            return Fit(calibration, looked_at, table, seed)
        if n_legs >= most_legs:
            raise _not_converged(table, criteria)
        n_legs += _LEGS_BETWEEN_LOOKS


def _not_converged(table: pd.DataFrame, criteria: ConvergenceCriteria) -> RequestError:
    """What has not converged, and what to do."""
    rows = plain_rows(table)
    worst = max(rows, key=lambda row: float(row["r_hat"]))
    slowest = min(rows, key=lambda row: min(float(row["ess_bulk"]), float(row["ess_tail"])))
    problem = (
        f"after {criteria.most_steps:,} steps the chains have not converged: R-hat {worst['r_hat']:.3f} of "
        f"{worst['parameter']!r} (at most {LARGEST_R_HAT}), effective sample size {smallest_ess_of(table):.0f} of "
        f"{slowest['parameter']!r} (at least {criteria.min_ess:.0f}). No posterior was written."
    )
    allowed = (
        f"more steps: --resume --most-steps {2 * criteria.most_steps:,} goes on from here. If R-hat stays above "
        "1.05, the posterior has several peaks: look at the priors, or simulate more with --replicates."
    )
    return OptionError(f"--most-steps {criteria.most_steps}", problem, allowed)
