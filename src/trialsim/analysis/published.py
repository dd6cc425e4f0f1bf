"""Published against simulated: the estimates of a run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from trialsim.analysis.estimate import (
    Estimate,
    is_inside,
    mean_and_error,
    position_and_error,
    quantile_and_error,
    ratio_and_error,
)
from trialsim.analysis.variance_components import (
    split_of,
)
from trialsim.config import Cohort, Figure
from trialsim.endpoints.per_trial import Outcomes, TrialStatistic
from trialsim.endpoints.registry import statistics_of
from trialsim.records.columns import PARAMETER_DRAW
from trialsim.typing import Counts, Floats

LOWER_SHARE, UPPER_SHARE = 0.025, 0.975
INNER_SHARES = (0.1, 0.9)


def estimates(outcomes: Outcomes, figures: Mapping[str, Figure], n_planned: int) -> list[Estimate]:
    """An estimate for each published figure, in the order of the cohort, then for every other statistic.

    `outcomes` has one row per replicate (`records.columns.REPLICATES`); `n_planned` is the number of patients that a
    single trial plans, which the interval's words name.
    """
    statistics = statistics_of(outcomes.columns)
    published = [
        _estimate(quantity, statistics[figure.statistic or quantity], outcomes, figure, n_planned)
        for quantity, figure in figures.items()
    ]
    shown = set(figures) | {figure.statistic for figure in figures.values()}
    others = [
        _estimate(name, statistic, outcomes, None, n_planned)
        for name, statistic in statistics.items()
        if name not in shown
    ]
    return published + others


@dataclass(frozen=True)
class OtherReading:
    """A published figure under a reading that was not taken, held against the same simulated trials."""

    ambiguity: str
    reading: str
    estimate: Estimate


def other_readings(outcomes: Outcomes, cohort: Cohort, taken: Mapping[str, str], n_planned: int) -> list[OtherReading]:
    """Every figure under every reading not taken that only changes figures; others need another run."""
    statistics = statistics_of(outcomes.columns)
    found: list[OtherReading] = []
    for name, ambiguity in cohort.ambiguities.items():
        for choice, reading in ambiguity.readings.items():
            if choice == taken.get(name, ambiguity.default):
                continue
            figures = cohort.figures_under({**taken, name: choice})
            for quantity in reading.figures:
                statistic = statistics[figures[quantity].statistic or quantity]
                estimate = _estimate(quantity, statistic, outcomes, figures[quantity], n_planned)
                found.append(OtherReading(name, choice, estimate))
    return found


def per_trial_values(outcomes: Outcomes, name: str) -> Floats:
    """One value of an statistic per replicate, missing where it does not exist."""
    return statistics_of(outcomes.columns)[name].per_trial(outcomes)


def statistic_of(quantity: str, columns: Iterable[str], figures: Mapping[str, Figure]) -> TrialStatistic | None:
    """What is measured for a quantity: the statistic of a published figure, or one by its name; None if neither."""
    statistics = statistics_of(columns)
    figure = figures.get(quantity)
    return statistics.get((figure.statistic if figure is not None else None) or quantity)


def value_and_error(statistic: TrialStatistic, outcomes: Outcomes) -> tuple[float, float]:
    """The mean over replicates (a ratio of totals for a share) and its Monte Carlo standard error."""
    groups = groups_of(outcomes)
    if statistic.of:
        return ratio_and_error(statistic.numerators(outcomes), statistic.denominators(outcomes), groups)
    per_trial = statistic.per_trial(outcomes)
    is_defined = ~np.isnan(per_trial)
    return mean_and_error(per_trial[is_defined], groups[is_defined] if groups is not None else None)


def smallest_error(statistic: TrialStatistic, outcomes: Outcomes, n_draws: int) -> float:
    """The Monte Carlo standard error that no number of trials gets below: the parameters' sd by the root of draws."""
    groups, per_trial = groups_of(outcomes), statistic.per_trial(outcomes)
    if groups is None:
        return 0.0
    is_defined = ~np.isnan(per_trial)
    spread = split_of(per_trial[is_defined], groups[is_defined]).parameters
    return 0.0 if math.isnan(spread) else spread / math.sqrt(n_draws)


def groups_of(outcomes: Outcomes) -> Counts | None:
    """The draw of the parameters that each replicate has; None where they are fixed."""
    if PARAMETER_DRAW.name not in set(outcomes.columns):
        return None
    groups = np.asarray(outcomes[PARAMETER_DRAW.name], dtype=np.int64)
    return groups if len(groups) == 0 or groups.min() < groups.max() else None  # a single draw is as good as fixed


def _printed(figure: Figure) -> str:
    """The figure as printed, with the count that it is read as."""
    has_count = figure.kind == "proportion" and "%" in figure.printed
    return f"{figure.printed} ({figure.count}/{figure.of})" if has_count else figure.printed


def _estimate(
    quantity: str, statistic: TrialStatistic, outcomes: Outcomes, figure: Figure | None, n_planned: int
) -> Estimate:
    value, mcse = value_and_error(statistic, outcomes)
    defined, groups = statistic.per_trial(outcomes), groups_of(outcomes)
    is_defined = ~np.isnan(defined)
    defined = defined[is_defined]
    groups = groups[is_defined] if groups is not None else None
    ordered = np.sort(defined)
    lower, lower_mcse = quantile_and_error(ordered, LOWER_SHARE, defined, groups)
    upper, upper_mcse = quantile_and_error(ordered, UPPER_SHARE, defined, groups)
    lower_80, upper_80 = (quantile_and_error(ordered, share)[0] for share in INNER_SHARES)
    split = split_of(defined, groups)
    published = figure.published if figure is not None else math.nan
    rounding = figure.rounded_to.value if figure is not None and figure.rounded_to is not None else 0.0
    position, position_mcse = position_and_error(defined, published, rounding, groups)
    what = "patient sampling, parameters fixed" if groups is None else "patient sampling and unknown parameters"
    return Estimate(
        quantity=quantity,
        published=published,
        value=value,
        mcse=mcse,
        lower=lower,
        upper=upper,
        unit=statistic.unit,
        lower_mcse=lower_mcse,
        upper_mcse=upper_mcse,
        position=position,
        position_mcse=position_mcse,
        n_defined=len(defined),
        interval_contains=f"95 % of single trials of {n_planned} patients: {what}",
        printed=_printed(figure) if figure is not None else "",
        statistic=statistic.name,
        is_inside=is_inside(published, rounding, lower, upper),
        sd_sampling=split.sampling,
        sd_sampling_mcse=split.sampling_mcse,
        sd_parameters=split.parameters,
        sd_parameters_mcse=split.parameters_mcse,
        lower_80=lower_80,
        upper_80=upper_80,
        is_inside_80=is_inside(published, rounding, lower_80, upper_80),
    )
