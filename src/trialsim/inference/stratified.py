"""Two arms and one rate in strata: the Cochran-Mantel-Haenszel test, a common odds ratio, a common difference.

Counts have the shape (strata, 2), control first. Strata in which an arm is missing say nothing and are left out, as
are those without responses, or without failures, where a ratio of odds is concerned.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2, norm

from trialsim.design.theory.arguments import check_probability
from trialsim.errors import RequestError
from trialsim.typing import Counts, Flags, Floats


@dataclass(frozen=True)
class Strata:
    """Patients and responses of each stratum, control first: shapes (strata, 2)."""

    patients: Counts
    responses: Counts

    def __post_init__(self) -> None:
        fits = self.patients.shape == self.responses.shape and self.patients.shape[1:] == (2,)
        if not fits or (self.responses < 0).any() or (self.responses > self.patients).any():
            raise RequestError("strata", "these are no counts.", "responses from 0 to the patients of each arm.")

    @property
    def with_both_arms(self) -> tuple[Floats, Floats]:
        """Patients and responses of the strata that have patients of both arms, as floats."""
        inside = (self.patients > 0).all(axis=1)
        return self.patients[inside].astype(np.float64), self.responses[inside].astype(np.float64)

    @property
    def n_informative(self) -> int:
        """How many strata have patients of both arms, responses and failures."""
        n, x = self.patients, self.responses
        return int(((n > 0).all(axis=1) & (x.sum(axis=1) > 0) & (x.sum(axis=1) < n.sum(axis=1))).sum())


@dataclass(frozen=True)
class CommonEffect:
    """An effect that strata share, and its standard error: of the logarithm where it is a ratio."""

    value: float
    standard_error: float
    lower: float
    upper: float


def strata_of(responded: Flags, is_experimental: Flags, by: Sequence[Hashable]) -> Strata:
    """Counts of patients by stratum, in the order in which strata appear."""
    places = pd.factorize(pd.Series(list(by), dtype=object))[0]
    patients = np.zeros((int(places.max(initial=-1)) + 1, 2), np.int64)
    responses = np.zeros_like(patients)
    cells = places, is_experimental.astype(np.int64)
    np.add.at(patients, cells, 1)
    np.add.at(responses, cells, responded.astype(np.int64))
    return Strata(patients, responses)


def cochran_mantel_haenszel(strata: Strata) -> float:
    """The z statistic of no difference in any stratum, positive where the experimental arm has more responses.

    Without a continuity correction; its variance is hypergeometric (Mantel and Haenszel 1959, J Natl Cancer Inst
    22:719). Raises `RequestError` where no stratum tells the arms apart.
    """
    n, x = strata.with_both_arms
    total, responses = n.sum(axis=1), x.sum(axis=1)
    expected = n[:, 1] * responses / total
    variance = n[:, 0] * n[:, 1] * responses * (total - responses) / (total**2 * (total - 1.0))
    if not variance.sum() > 0.0:
        wrong = "no stratum has both arms, responses and failures."
        raise RequestError("strata", wrong, "fewer strata, or strata with more patients.", key="strata")
    return float((x[:, 1] - expected).sum() / math.sqrt(variance.sum()))


def common_odds_ratio(strata: Strata, confidence: float = 0.95) -> CommonEffect:
    """The Mantel-Haenszel odds ratio, experimental to control, with the interval of Robins, Breslow and Greenland.

    (1986, Biometrics 42:311.) NaN where there is no finite one above 0. Errors: a confidence outside (0, 1).
    """
    check_probability("confidence", confidence)
    n, x = strata.with_both_arms
    total = n.sum(axis=1)
    up, down = x[:, 1] * (n[:, 0] - x[:, 0]) / total, x[:, 0] * (n[:, 1] - x[:, 1]) / total
    if not (up.sum() > 0.0 and down.sum() > 0.0):
        return CommonEffect(math.nan, math.nan, math.nan, math.nan)
    agree = (x[:, 1] + n[:, 0] - x[:, 0]) / total
    r, s = float(up.sum()), float(down.sum())
    mixed = float((agree * down + (1.0 - agree) * up).sum())
    variance = (float((agree * up).sum()) / r**2 + mixed / (r * s) + float(((1.0 - agree) * down).sum()) / s**2) / 2.0
    error = math.sqrt(variance)
    half = float(norm.isf((1.0 - confidence) / 2.0)) * error
    ratio = r / s
    return CommonEffect(ratio, error, ratio * math.exp(-half), ratio * math.exp(half))


def common_difference(strata: Strata, confidence: float = 0.95) -> CommonEffect:
    """The difference of rates with Mantel-Haenszel weights, experimental less control, with the variance of Sato.

    (Greenland and Robins 1985, Biometrics 41:55; Sato 1989, Biometrics 45:1323: consistent in many small strata and in
    few large ones.) Errors: a confidence outside (0, 1). Raises `RequestError` where no stratum has both arms.
    """
    check_probability("confidence", confidence)
    n, x = strata.with_both_arms
    if not len(n):
        raise RequestError("strata", "no stratum has patients of both arms.", "fewer strata.", key="strata")
    (control, experimental), (x_control, x_experimental), total = n.T, x.T, n.sum(axis=1)
    weights = control * experimental / total
    difference = float(((x_experimental * control - x_control * experimental) / total).sum() / weights.sum())
    p = experimental**2 * x_control - control**2 * x_experimental
    p = (p + experimental * control * (control - experimental) / 2.0) / total**2
    q = (x_experimental * (control - x_control) + x_control * (experimental - x_experimental)) / (2.0 * total)
    variance = max(difference * float(p.sum()) + float(q.sum()), 0.0)
    error = math.sqrt(variance) / float(weights.sum())
    half = float(norm.isf((1.0 - confidence) / 2.0)) * error
    return CommonEffect(difference, error, difference - half, difference + half)


def homogeneity(strata: Strata) -> tuple[float, int, float]:
    """Whether strata share an odds ratio: chi-square of Breslow and Day (1980) with the correction of Tarone (1985).

    (Tarone 1985, Biometrika 72:91.) The statistic, its degrees of freedom and its p-value; NaN for fewer than two
    informative strata, and where the common odds ratio is not finite and above 0.
    """
    ratio, freedom = common_odds_ratio(strata).value, strata.n_informative - 1
    if math.isnan(ratio) or freedom < 1:
        return math.nan, max(freedom, 0), math.nan
    n, x = strata.with_both_arms
    informative = (x.sum(axis=1) > 0.0) & (x.sum(axis=1) < n.sum(axis=1))
    n, x = n[informative], x[informative]
    expected = _expected_responses(n, x.sum(axis=1), ratio)
    control = x.sum(axis=1) - expected
    variance = 1.0 / (1.0 / expected + 1.0 / (n[:, 1] - expected) + 1.0 / control + 1.0 / (n[:, 0] - control))
    away = x[:, 1] - expected
    statistic = float((away**2 / variance).sum()) - float(away.sum()) ** 2 / float(variance.sum())
    return statistic, freedom, float(chi2.sf(statistic, freedom))


def _expected_responses(n: Floats, responses: Floats, ratio: float) -> Floats:
    """The responses of the experimental arm that have an odds ratio, given the margins of each stratum.

    The root of (1 - ratio) e² + b e - c = 0 in a form that holds at a ratio of 1 too.
    """
    c = ratio * responses * n[:, 1]
    b = ratio * (responses + n[:, 1]) + n[:, 0] - responses
    return np.asarray(2.0 * c / (b + np.sqrt(b**2 + 4.0 * (1.0 - ratio) * c)))
