"""The effect of two arms by subgroup: an estimate for each level of a column, and whether the effects differ."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd
from scipy.special import xlogy
from scipy.stats import chi2

from trialsim.errors import RequestError
from trialsim.inference.adjusted import Responses
from trialsim.inference.logistic import columns_of, fit
from trialsim.inference.rates import interval_of_difference
from trialsim.inference.result import Analysed, Row
from trialsim.inference.stratified import Strata, strata_of
from trialsim.inference.survival import cox, cox_log_likelihood
from trialsim.inference.times import Times
from trialsim.typing import Flags

NOT_FOR_THEIR_NUMBER: Final = (
    "Intervals of subgroups do not allow for the number of subgroups; whether their effects differ is what the "
    "interaction tests."
)
MOST_LEVELS: Final = 20
NONE: Final = "no finite estimate"


def with_subgroups(analysed: Analysed, rows: Sequence[Row]) -> Analysed:
    """An analysis with the rows of subgroups, if there are any, and what must be known of them."""
    if not rows:
        return analysed
    return replace(analysed, rows=(*analysed.rows, *rows), remarks=(*analysed.remarks, NOT_FOR_THEIR_NUMBER))


def subgroups_of_rates(responses: Responses, columns: Sequence[str], confidence: float) -> list[Row]:
    """The difference of rates in each level of each column, and the likelihood ratio test of the interaction.

    The difference has its exact interval (Chan and Zhang 1999). Raises `RequestError` for a column with one level, or
    with more than `MOST_LEVELS`.
    """

    def effect(inside: Flags) -> Row:
        second, responded = responses.is_experimental[inside], responses.responded[inside]
        arms = int((~second).sum()), int(second.sum())
        if 0 in arms:
            return Row("difference", math.nan, method=NONE)
        counts = int(responded[~second].sum()), int(responded[second].sum())
        value = counts[1] / arms[1] - counts[0] / arms[0]
        return Row("difference", value, *interval_of_difference(arms, counts, confidence), method="exact")

    def interaction(column: str, levels: pd.Series) -> float:
        strata = strata_of(responses.responded, responses.is_experimental, levels.tolist())
        _require(bool((strata.patients > 0).all()))
        covariates = columns_of(levels.to_frame(), [], [column])
        together = fit(responses.responded, responses.is_experimental, covariates).log_likelihood
        return 2.0 * (_saturated(strata) - together)

    return list(_rows(responses.table, columns, effect, interaction, "logistic regression"))


def _require(has_cells: bool) -> None:
    """Refuse an interaction where an arm is missing in a level. Raises `RequestError`."""
    if not has_cells:
        raise RequestError("subgroups", "an arm is missing in a level.", "fewer levels.", key="subgroups")


def _saturated(strata: Strata) -> float:
    """The largest log likelihood where each arm of each stratum has a rate of its own."""
    n, x = strata.patients.astype(np.float64), strata.responses.astype(np.float64)
    share = x / np.maximum(n, 1.0)
    return float((xlogy(x, share) + xlogy(n - x, 1.0 - share)).sum())


def subgroups_of_times(times: Times, columns: Sequence[str], confidence: float) -> list[Row]:
    """The hazard ratio in each level of each column, and the likelihood ratio test of the interaction, by Cox's model.

    Raises `RequestError` as `subgroups_of_rates`.
    """
    data = pd.DataFrame({"_days": times.days, "_event": times.events, "_arm": times.arm.astype(np.float64)})

    def effect(inside: Flags) -> Row:
        if not _has_events(times, inside):
            return Row("hazard ratio", math.nan, method=NONE)
        found = cox(data[inside], "_days", "_event", ["_arm"], (), confidence).iloc[0]
        return Row("hazard ratio", found["hazard_ratio"], found["lower"], found["upper"], method="Cox, Wald")

    def interaction(column: str, levels: pd.Series) -> float:
        _require(all(_has_events(times, (levels == level).to_numpy()) for level in levels.unique()))
        wide = pd.get_dummies(levels.reset_index(drop=True).astype(str), prefix="_level", dtype=np.float64).iloc[:, 1:]
        both = wide.mul(data["_arm"], axis=0).add_prefix("_arm")
        table = pd.concat([data, wide, both], axis=1)
        smaller = ["_arm", *wide.columns]
        fits = [cox_log_likelihood(table, "_days", "_event", of) for of in (smaller, [*smaller, *both.columns])]
        return 2.0 * (fits[1] - fits[0])

    return list(_rows(times.table, columns, effect, interaction, "Cox"))


def _has_events(times: Times, inside: Flags) -> bool:
    """Whether both arms have events among some patients."""
    return all(bool((times.events & inside & (times.arm == arm)).any()) for arm in (0, 1))


def _rows(
    table: pd.DataFrame, columns: Sequence[str], effect: Callable[[Flags], Row],
    interaction: Callable[[str, pd.Series], float], model: str,
) -> Iterator[Row]:  # fmt: skip
    """A row for each level of each column, and one for the interaction."""
    for column in columns:
        levels = table[column]
        names = sorted(levels.unique(), key=lambda level: (isinstance(level, str), level))
        if not 1 < len(names) <= MOST_LEVELS:
            wrong = f"there are {len(names)} levels." if len(names) != 1 else "all patients have the same level."
            raise RequestError(f"subgroups: {column}", wrong, f"2 to {MOST_LEVELS} levels.", key="subgroups")
        for name in names:
            inside = (levels == name).to_numpy()
            row = effect(inside)
            of = f"{row.method}, {int(inside.sum())} patients"
            yield Row(f"{row.quantity}, {column} {name}", row.value, row.lower, row.upper, math.nan, of)
        freedom = len(names) - 1
        try:
            statistic = max(interaction(column, levels), 0.0)
            p_value, method = float(chi2.sf(statistic, freedom)), f"{model}, likelihood ratio, {freedom} df"
        except RequestError:
            statistic, p_value, method = math.nan, math.nan, NONE
        yield Row(f"interaction with {column}, chi-square", statistic, p_value=p_value, method=method)
