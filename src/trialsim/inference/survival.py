"""Times to events of patients: Kaplan-Meier, log-rank tests, Cox's model and restricted means, all by lifelines.

Times are in days. lifelines is imported when it is first needed: it takes a second.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from trialsim.design.theory.arguments import check_probability
from trialsim.errors import RequestError
from trialsim.typing import Flags, Floats

PRECISION = 1e-10  # of the Newton steps of Cox's model, so that its digits are those of other programs


@dataclass(frozen=True)
class Estimated:
    """An estimate with its interval; NaN where there is none, infinite where it was not reached."""

    value: float
    lower: float
    upper: float
    p_value: float = math.nan


def median_time(days: Floats, events: Flags, confidence: float = 0.95) -> Estimated:
    """The Kaplan-Meier median, its interval by log(-log) survival (Brookmeyer and Crowley 1982, Biometrics 38:29)."""
    from lifelines import KaplanMeierFitter
    from lifelines.utils import median_survival_times

    _check(days, events)
    check_probability("confidence", confidence)
    fitted = KaplanMeierFitter(alpha=1.0 - confidence).fit(days, events)
    lower, upper = median_survival_times(fitted.confidence_interval_).iloc[0]
    return Estimated(float(fitted.median_survival_time_), float(lower), float(upper))


def survival_at(days: Floats, events: Flags, day: float, confidence: float = 0.95) -> Estimated:
    """The Kaplan-Meier probability of no event by a day, its interval by log(-log); NaN after the last patient."""
    from lifelines import KaplanMeierFitter

    _check(days, events)
    check_probability("confidence", confidence)
    if day > float(np.max(days)) and not bool(events[int(np.argmax(days))]):
        return Estimated(math.nan, math.nan, math.nan)
    fitted = KaplanMeierFitter(alpha=1.0 - confidence).fit(days, events)
    limits = fitted.confidence_interval_.iloc[fitted.confidence_interval_.index.searchsorted(day, side="right") - 1]
    return Estimated(float(fitted.predict(day)), float(limits.iloc[0]), float(limits.iloc[1]))


def logrank(
    days: Floats,
    events: Flags,
    is_experimental: Flags,
    strata: Sequence[Any] | None = None,
    rho_gamma: tuple[float, float] = (0.0, 0.0),
) -> tuple[float, float]:
    """The log-rank z, positive where the experimental arm has fewer events than expected, and the score's variance.

    `strata` are stratified for. `rho_gamma` are the weights of Fleming and Harrington, S^rho (1 - S)^gamma with the
    Kaplan-Meier estimate of all patients of a stratum just before each event (1991, Counting Processes and Survival
    Analysis, section 7.2); (0, 0) is the log-rank test.
    """
    _check(days, events)
    groups = np.zeros(len(days), np.int64) if strata is None else pd.factorize(pd.Series(list(strata)))[0]
    score = variance = 0.0
    for group in np.unique(groups):
        inside = groups == group
        one = _score(days[inside], events[inside], is_experimental[inside], rho_gamma)
        score, variance = score + one[0], variance + one[1]
    if variance <= 0.0:
        raise RequestError(
            "events", "no event tells the arms apart.", "events while both arms are at risk.", key="events"
        )
    return score / math.sqrt(variance), variance


def _score(days: Floats, events: Flags, second: Flags, rho_gamma: tuple[float, float]) -> tuple[float, float]:
    """Events expected less those observed in the second arm, weighted, and its variance (hypergeometric)."""
    times = np.unique(days[events])
    at_risk = (days[None, :] >= times[:, None]).sum(axis=1).astype(np.float64)
    of_second = ((days[None, :] >= times[:, None]) & second[None, :]).sum(axis=1).astype(np.float64)
    here = (days[None, :] == times[:, None]) & events[None, :]
    d, d_second = here.sum(axis=1).astype(np.float64), (here & second[None, :]).sum(axis=1).astype(np.float64)
    before = np.concatenate([[1.0], np.cumprod(1.0 - d / at_risk)[:-1]]) if len(times) else np.zeros(0)
    weights = before ** rho_gamma[0] * (1.0 - before) ** rho_gamma[1]
    expected = d * of_second / at_risk
    spread = np.where(at_risk > 1.0, (at_risk - d) / np.maximum(at_risk - 1.0, 1.0), 0.0)
    variance = d * of_second / at_risk * (1.0 - of_second / at_risk) * spread
    return float((weights * (expected - d_second)).sum()), float((weights**2 * variance).sum())


def cox(
    table: pd.DataFrame, time: str, event: str, of: Sequence[str], strata: Sequence[str] = (), confidence: float = 0.95
) -> pd.DataFrame:
    """Hazard ratios by Cox's model (1972, J R Statist Soc B 34:187), ties by Efron: a row for each column of `of`.

    Columns: hazard_ratio, lower, upper, p_value (Wald, two-sided), log_hazard_ratio, standard_error. Categories are
    compared with the first of them. Errors: a model that does not converge.
    """
    check_probability("confidence", confidence)
    fitted, columns = _fitted_cox(table, time, event, of, strata)
    z = norm.isf((1.0 - confidence) / 2.0)
    log_ratio, errors = fitted.params_[columns].to_numpy(), fitted.standard_errors_[columns].to_numpy()
    return pd.DataFrame(
        {
            "name": columns,
            "hazard_ratio": np.exp(log_ratio),
            "lower": np.exp(log_ratio - z * errors),
            "upper": np.exp(log_ratio + z * errors),
            "p_value": 2.0 * norm.sf(np.abs(log_ratio / errors)),
            "log_hazard_ratio": log_ratio,
            "standard_error": errors,
        }
    )


def cox_log_likelihood(table: pd.DataFrame, time: str, event: str, of: Sequence[str]) -> float:
    """The largest partial log likelihood of Cox's model with the columns `of`. Errors: as `cox`."""
    fitted, _ = _fitted_cox(table, time, event, of, ())
    return float(fitted.log_likelihood_)


def _fitted_cox(
    table: pd.DataFrame, time: str, event: str, of: Sequence[str], strata: Sequence[str]
) -> tuple[Any, list[str]]:
    """The fitted model of lifelines, and its columns. Raises `RequestError` where it does not converge."""
    from lifelines import CoxPHFitter
    from lifelines.exceptions import ConvergenceError

    wide = pd.get_dummies(table[list(of)], drop_first=True, dtype=np.float64)
    data = pd.concat([table[[time, event, *strata]], wide], axis=1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pandas to come; what matters raises
            model = CoxPHFitter()
            fitted = model.fit(data, time, event, strata=list(strata) or None, fit_options={"precision": PRECISION})
    except (ConvergenceError, np.linalg.LinAlgError) as error:
        reason = "the model has no finite solution: an arm without events, or covariates that follow from one another."
        raise RequestError("Cox's model", reason, "fewer covariates, or more events.") from error
    return fitted, list(wide.columns)


def restricted_means(
    days: Floats, events: Flags, is_experimental: Flags, until: float, confidence: float = 0.95
) -> Estimated:
    """The difference of restricted mean times up to a day, experimental less control (Royston and Parmar 2013)."""
    check_probability("confidence", confidence)
    _check(days, events)
    means = [_restricted_mean(days[arm], events[arm], until) for arm in (~is_experimental, is_experimental)]
    difference, error = means[1][0] - means[0][0], math.sqrt(means[0][1] + means[1][1])
    half = float(norm.isf((1.0 - confidence) / 2.0)) * error
    p_value = float(2.0 * norm.sf(abs(difference) / error)) if error > 0.0 else math.nan
    return Estimated(difference, difference - half, difference + half, p_value)


def restricted_mean(days: Floats, events: Flags, until: float, confidence: float = 0.95) -> Estimated:
    """The mean time of one arm restricted to a day, its interval by Greenwood's variance."""
    check_probability("confidence", confidence)
    _check(days, events)
    mean, variance = _restricted_mean(days, events, until)
    half = float(norm.isf((1.0 - confidence) / 2.0)) * math.sqrt(variance)
    return Estimated(mean, mean - half, mean + half)


def _restricted_mean(days: Floats, events: Flags, until: float) -> tuple[float, float]:
    """The area under the Kaplan-Meier curve up to a day, and its variance (Greenwood)."""
    if until > float(np.max(days)) and not bool(events[int(np.argmax(days))]):
        most = f"up to {float(np.max(days)):.0f} days, where the shorter arm is observed."
        raise RequestError(f"until = {until:g} days", "an arm is not observed so long.", most, key="until")
    times = np.unique(days[events & (days <= until)])
    d = (events[None, :] & (days[None, :] == times[:, None])).sum(axis=1)
    at_risk = (days[None, :] >= times[:, None]).sum(axis=1)
    survival = np.cumprod(1.0 - d / at_risk)
    widths = np.diff(np.concatenate([[0.0], times, [until]]))
    pieces = widths * np.concatenate([[1.0], survival])
    rest = np.cumsum(pieces[::-1])[::-1][1:]  # the area after each event time
    terms = np.where(at_risk > d, rest**2 * d / (at_risk * np.maximum(at_risk - d, 1)), 0.0)
    return float(pieces.sum()), float(terms.sum())


def _check(days: Floats, events: Flags) -> None:
    if len(days) == 0 or not np.isfinite(days).all() or (days < 0.0).any():
        raise RequestError("times", "these are no times of patients.", "days from 0, one for each patient.", key="time")
    if not events.any():
        raise RequestError("events", "nobody has an event.", "at least one event.", key="event")
