"""Rates of two arms in strata and with covariates, beside the analysis that belongs to the design.

To allow another design to be stratified or adjusted, register what it compares with `compared_of`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Final

import numpy as np
import pandas as pd
from scipy.stats import norm

from trialsim.design.base import PlannedDesign
from trialsim.design.two_arms.margins import PlannedMargins
from trialsim.design.two_arms.proportions import PlannedTwoArms
from trialsim.design.two_arms.selection import PlannedSelection
from trialsim.errors import RequestError
from trialsim.inference.logistic import columns_of, fit
from trialsim.inference.result import Analysed, Row
from trialsim.inference.stratified import (
    Strata,
    cochran_mantel_haenszel,
    common_difference,
    common_odds_ratio,
    homogeneity,
    strata_of,
)
from trialsim.typing import Flags

DECIDES: Final = "The decision is by the test of the design, which is neither stratified nor adjusted."
KNOWS_NO_LOOKS: Final = "Stratified and adjusted estimates and p-values do not allow for the looks."
TWO_ARMS: Final = 2


@dataclass(frozen=True)
class Responses:
    """Patients whose outcome is known: whether each responded and has the experimental arm, and the table of them."""

    responded: Flags
    is_experimental: Flags
    table: pd.DataFrame


@dataclass(frozen=True)
class Compared:
    """What a design compares: the experimental arm with the control, in one direction or in both.

    `sign` is 1 where the higher rate is the better, -1 where the lower is. `margin` is that of non-inferiority or of
    equivalence.
    """

    experimental: str
    sides: int
    sign: float = 1.0
    margin: float | None = None
    is_equivalence: bool = False
    n_looks: int = 1

    @property
    def sided(self) -> str:
        """The sides in words, with the margin."""
        sides = "two one-sided tests" if self.is_equivalence else ("one-sided", "two-sided")[self.sides - 1]
        return sides if self.margin is None else f"{sides} against the margin"

    def p_value(self, z: float) -> float:
        """The p-value of a z that is positive where the experimental arm has the higher rate."""
        return float(norm.sf(self.sign * z)) if self.sides == 1 else float(2.0 * norm.sf(abs(z)))

    def p_value_of_difference(self, difference: float, error: float) -> float:
        """The p-value of a difference of rates with its standard error; against the margin where there is one."""
        if not error > 0.0:
            return math.nan
        if self.margin is None:
            return self.p_value(difference / error)
        gain = self.sign * difference
        not_worse, not_better = (float(norm.sf((self.margin + side * gain) / error)) for side in (1.0, -1.0))
        return max(not_worse, not_better) if self.is_equivalence else not_worse


@singledispatch
def compared_of(planned: PlannedDesign) -> Compared:
    """What a design compares. Raises `RequestError` for a design without two arms that are compared."""
    raise _needs_two_arms(f"{planned.design.name} compares no two arms.")


def _needs_two_arms(wrong: str) -> RequestError:
    return RequestError("adjust, strata, subgroups", wrong, "none of them; they need two arms.", key="adjust")


@compared_of.register
def _two_arms(planned: PlannedTwoArms) -> Compared:
    decisions = planned.decisions
    sign = 1.0 if decisions.better == "higher" else -1.0
    return Compared(planned.rates.names[1], planned.study.sides, sign, n_looks=planned.n_looks)


@compared_of.register
def _margins(planned: PlannedMargins) -> Compared:
    decisions = planned.decisions
    sign = 1.0 if decisions.better == "higher" else -1.0
    return Compared(planned.rates.names[1], 1, sign, decisions.margin, decisions.is_equivalence)


@compared_of.register
def _selection(planned: PlannedSelection) -> Compared:
    n_arms = len(planned.rates.names)
    if n_arms != TWO_ARMS:
        raise _needs_two_arms(f"the design selects among {n_arms} arms.")
    return Compared(planned.rates.names[1], 2)


def with_covariates(
    analysed: Analysed, compared: Compared, responses: Responses, confidence: float,
    adjust: Sequence[str] = (), strata: Sequence[str] = (),
) -> Analysed:  # fmt: skip
    """The analysis of a design with rows of effects in strata, and of effects adjusted for covariates.

    Where both are asked for, the strata are covariates of the logistic regression too. Raises `RequestError`.
    """
    if not adjust and not strata:
        return analysed
    rows: list[Row] = []
    if strata:
        by = list(responses.table[list(strata)].itertuples(index=False, name=None))
        counts = strata_of(responses.responded, responses.is_experimental, by)
        rows += stratified_rows(counts, compared, confidence, f"stratified by {', '.join(strata)}")
    if adjust:
        rows += _adjusted_rows(responses, compared, confidence, adjust, strata)
    remarks = (DECIDES, KNOWS_NO_LOOKS) if compared.n_looks > 1 else (DECIDES,)
    return replace(analysed, rows=(*analysed.rows, *rows), remarks=(*analysed.remarks, *remarks))


def stratified_rows(strata: Strata, compared: Compared, confidence: float, by: str) -> list[Row]:
    """The Cochran-Mantel-Haenszel test, the common odds ratio and difference, and whether strata share the ratio."""
    ratio, difference = common_odds_ratio(strata, confidence), common_difference(strata, confidence)
    statistic, freedom, p_of_homogeneity = homogeneity(strata)
    p_value = compared.p_value_of_difference(difference.value, difference.standard_error)
    rows = []
    if compared.margin is None:
        z = cochran_mantel_haenszel(strata)
        method = f"{by}, {compared.sided}"
        rows.append(Row("Cochran-Mantel-Haenszel z", compared.sign * z, p_value=compared.p_value(z), method=method))
    return [
        *rows,
        Row("common odds ratio", ratio.value, ratio.lower, ratio.upper, math.nan,
            f"Mantel-Haenszel, {by}; interval Robins, Breslow and Greenland 1986"),
        Row("common difference", difference.value, difference.lower, difference.upper, p_value,
            f"Mantel-Haenszel, {by}; Sato 1989, {compared.sided}"),
        Row("homogeneity of odds ratios, chi-square", statistic, p_value=p_of_homogeneity,
            method=f"Breslow and Day 1980, Tarone 1985, {freedom} degrees of freedom"),
    ]  # fmt: skip


def _adjusted_rows(
    responses: Responses, compared: Compared, confidence: float, adjust: Sequence[str], strata: Sequence[str]
) -> list[Row]:
    """Odds ratios without and with covariates, and the difference standardised over all patients."""
    quantile = float(norm.isf((1.0 - confidence) / 2.0))
    without = np.zeros((len(responses.table), 0))
    covariates = columns_of(responses.table, adjust, strata)
    rows = []
    for columns, others in ((without, ""), (covariates, f", adjusted for {', '.join((*adjust, *strata))}")):
        fitted = fit(responses.responded, responses.is_experimental, columns)
        value, error = fitted.arm
        low, high = math.exp(value - quantile * error), math.exp(value + quantile * error)
        p_value, method = math.nan, "logistic regression, Wald"
        if compared.margin is None:
            p_value, method = compared.p_value(value / error), f"{method}, {compared.sided}"
        rows.append(Row(f"odds ratio of {compared.experimental}{others}", math.exp(value), low, high, p_value, method))
    value, error = fitted.standardised_difference()
    p_value = compared.p_value_of_difference(value, error)
    method = f"standardised, Ge et al. 2011; sandwich error, Wald, {compared.sided}"
    return [
        *rows,
        Row(f"difference{others}", value, value - quantile * error, value + quantile * error, p_value, method),
    ]
