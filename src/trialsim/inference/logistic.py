"""Two arms and one rate with covariates: logistic regression by statsmodels, and rates standardised over all patients.

statsmodels is imported when it is first needed.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import linprog
from scipy.special import expit

from trialsim.errors import RequestError
from trialsim.typing import Flags, Floats

TO = 1e-10  # of the Newton steps, so that digits are those of other programs
LARGEST_STEPS = 200
SEPARATED = 1e-7  # a larger sum of margins is no rounding of 0
ARM = 1  # the place of the experimental arm among the columns; 0 is the intercept


@dataclass(frozen=True)
class Logistic:
    """A fitted model: coefficients of the intercept, the experimental arm and covariates, their covariance.

    `columns` has the shape (patients, coefficients); `responded` is 1 or 0.
    """

    coefficients: Floats
    covariance: Floats
    columns: Floats
    responded: Floats
    log_likelihood: float

    @property
    def arm(self) -> tuple[float, float]:
        """The logarithm of the odds ratio of the experimental arm, and its standard error."""
        return float(self.coefficients[ARM]), math.sqrt(float(self.covariance[ARM, ARM]))

    def standardised_difference(self) -> tuple[float, float]:
        """The mean rate if all patients were in the experimental arm, less that if all were control; standard error.

        Standardised over the covariates of all patients (g-computation; Ge et al. 2011, Drug Inf J 45:481). The error
        is that of stacked estimating equations (Stefanski and Boos 2002, Am Stat 56:29): it holds where the model is
        wrong, and counts covariates as sampled.
        """
        both = []
        for arm in (1.0, 0.0):
            columns = self.columns.copy()
            columns[:, ARM] = arm
            both.append((columns, expit(columns @ self.coefficients)))
        (with_arm, high), (without, low) = both
        difference = float((high - low).mean())
        slope = (with_arm * (high * (1.0 - high))[:, None] - without * (low * (1.0 - low))[:, None]).mean(axis=0)
        scores = self.columns * (self.responded - expit(self.columns @ self.coefficients))[:, None]
        influence = (high - low - difference) / len(high) + scores @ self.covariance @ slope
        return difference, math.sqrt(float((influence**2).sum()))


def columns_of(table: pd.DataFrame, adjust: Sequence[str], strata: Sequence[str]) -> Floats:
    """Covariates as numbers, centred and scaled: categories, and every stratum, are compared with the first of them.

    Shape (patients, covariates).
    """
    columns = pd.concat([table[list(adjust)], table[list(strata)].astype(str)], axis=1)
    if columns.empty:
        return np.zeros((len(table), 0))
    values = pd.get_dummies(columns, drop_first=True, dtype=np.float64).to_numpy(np.float64)
    spread = values.std(axis=0)
    return np.asarray((values - values.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0))


def fit(responded: Flags, is_experimental: Flags, covariates: Floats) -> Logistic:
    """A logistic regression on the arm and on covariates, shape (patients, covariates).

    Raises `RequestError` where the maximum of the likelihood is not finite, or not unique.
    """
    columns = np.column_stack([np.ones(len(responded)), is_experimental.astype(np.float64), covariates])
    _require_finite_maximum(responded, columns)
    return _maximised(responded.astype(np.float64), columns)


def _maximised(responded: Floats, columns: Floats) -> Logistic:
    from statsmodels.discrete.discrete_model import Logit

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # separation has been excluded, and convergence is read below
        fitted = Logit(responded, columns).fit(method="newton", maxiter=LARGEST_STEPS, tol=TO, disp=0)
    if not fitted.mle_retvals["converged"]:
        raise _no_solution("the likelihood is too flat to be maximised.")
    covariance = np.asarray(fitted.cov_params(), np.float64)
    return Logistic(np.asarray(fitted.params, np.float64), covariance, columns, responded, float(fitted.llf))


def _require_finite_maximum(responded: Flags, columns: Floats) -> None:
    """Refuse columns that follow from one another, and those that separate responses from failures.

    Responses are separated where some coefficients predict none of them wrongly and one rightly (Albert and Anderson
    1984, Biometrika 71:1): a linear programme finds them (Konis 2007).
    """
    if int(np.linalg.matrix_rank(columns)) < columns.shape[1]:
        raise _no_solution("covariates or the arm follow from one another, or are the same for all patients.")
    signed = columns * np.where(responded, 1.0, -1.0)[:, None]
    found = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(signed)), bounds=(-1.0, 1.0))
    if found.fun is not None and -float(found.fun) > SEPARATED:
        raise _no_solution("the arm and the covariates tell some responses from failures without error.")


def _no_solution(reason: str) -> RequestError:
    return RequestError(
        "logistic regression", f"the model has no finite solution: {reason}", "fewer covariates, or more patients.",
        key="adjust",
    )  # fmt: skip
