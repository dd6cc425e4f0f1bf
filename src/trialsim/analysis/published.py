"""Published against simulated: the estimates of a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from trialsim.analysis.estimate import (
    Estimate,
    is_inside,
    mean_and_error,
    percentile_and_error,
    quantile_and_error,
    ratio_and_error,
)
from trialsim.analysis.variance_components import (
    split_of,
)
from trialsim.config import Cohort, PublishedStatistic
from trialsim.endpoints.measured_trials import statistic_name, statistics_in
from trialsim.endpoints.per_trial import Outcomes, TrialStatistic
from trialsim.endpoints.registry import statistics_of
from trialsim.records.columns import PARAMETER_DRAW
from trialsim.typing import Counts, Flags, Floats

LOWER_SHARE, UPPER_SHARE = 0.025, 0.975
INNER_SHARES = (0.1, 0.9)


def estimates(outcomes: Outcomes, published: Mapping[str, PublishedStatistic], n_planned: int) -> list[Estimate]:
    """An estimate for each published statistic, in the order of the cohort, then for every other statistic.

    `outcomes` has one row per replicate (`records.columns.REPLICATES`), with what was measured in patients where such a
    statistic is published; `n_planned` is the number of patients that a single trial plans, which the interval's words
    name.
    """
    compared = [published_estimate(quantity, outcomes, entry, n_planned) for quantity, entry in published.items()]
    shown = set(published) | {statistic_name(quantity, entry) for quantity, entry in published.items()}
    others = [
        _estimate(name, statistic, outcomes, None, n_planned)
        for name, statistic in statistics_of(outcomes.columns).items()
        if name not in shown
    ]
    return compared + others


def published_estimate(quantity: str, outcomes: Outcomes, entry: PublishedStatistic, n_planned: int) -> Estimate:
    """The estimate for one published statistic."""
    statistic = statistics_in(outcomes)[statistic_name(quantity, entry)]
    return _estimate(quantity, statistic, outcomes, entry, n_planned)


@dataclass(frozen=True)
class OtherInterpretation:
    """A published statistic under an interpretation that was not taken, held against the same simulated trials."""

    ambiguity: str
    interpretation: str
    estimate: Estimate


def other_interpretations(
    outcomes: Outcomes, cohort: Cohort, taken: Mapping[str, str], n_planned: int
) -> list[OtherInterpretation]:
    """Every statistic under every interpretation not taken that only changes statistics; others need another run."""
    other_estimates: list[OtherInterpretation] = []
    for name, ambiguity in cohort.ambiguities.items():
        for choice, interpretation in ambiguity.interpretations.items():
            if choice == taken.get(name, ambiguity.default):
                continue
            published = cohort.statistics_under({**taken, name: choice})
            for quantity in (item for item in interpretation.statistics if item in published):
                estimate = published_estimate(quantity, outcomes, published[quantity], n_planned)
                other_estimates.append(OtherInterpretation(name, choice, estimate))
    return other_estimates


def per_trial_values(outcomes: Outcomes, name: str) -> Floats:
    """One value of a statistic per replicate, missing where it does not exist."""
    return statistics_in(outcomes)[name].per_trial(outcomes)


def statistic_of(
    quantity: str, columns: Iterable[str], published: Mapping[str, PublishedStatistic]
) -> TrialStatistic | None:
    """The statistic of a trial that a published one is compared with, or the one of that name; None if neither."""
    return statistics_of(columns).get(statistic_name(quantity, published.get(quantity)))


def value_and_error(statistic: TrialStatistic, outcomes: Outcomes) -> tuple[float, float]:
    """The mean over replicates (a ratio of totals for a share) and its Monte Carlo standard error."""
    groups = groups_of(outcomes)
    if statistic.of:
        return ratio_and_error(statistic.numerators(outcomes), statistic.denominators(outcomes), groups)
    return mean_and_error(*_defined(statistic, outcomes))


def _defined(statistic: TrialStatistic, outcomes: Outcomes) -> tuple[Floats, Counts | None]:
    """The finite values of a statistic, and the draws of the parameters of the trials that have one."""
    return _among(np.isfinite, statistic, outcomes)


def _among(
    is_meant: Callable[[Floats], Flags], statistic: TrialStatistic, outcomes: Outcomes
) -> tuple[Floats, Counts | None]:
    values, groups = statistic.per_trial(outcomes), groups_of(outcomes)
    is_defined = is_meant(values)
    return values[is_defined], groups[is_defined] if groups is not None else None


def _exists(values: Floats) -> Flags:
    """Which trials a statistic exists in; a median that was not reached is infinite, and above any other."""
    return ~np.isnan(values)


def smallest_error(statistic: TrialStatistic, outcomes: Outcomes, n_draws: int) -> float:
    """The Monte Carlo standard error that no number of trials gets below: the parameters' sd by the root of draws."""
    defined, groups = _defined(statistic, outcomes)
    if groups is None:
        return 0.0
    spread = split_of(defined, groups).parameters
    return 0.0 if math.isnan(spread) else spread / math.sqrt(n_draws)


def groups_of(outcomes: Outcomes) -> Counts | None:
    """The draw of the parameters that each replicate has; None where they are fixed."""
    if PARAMETER_DRAW.name not in set(outcomes.columns):
        return None
    groups = np.asarray(outcomes[PARAMETER_DRAW.name], dtype=np.int64)
    return groups if len(groups) == 0 or groups.min() < groups.max() else None  # a single draw is as good as fixed


def _printed(entry: PublishedStatistic) -> str:
    """The statistic as printed, with the count that it is read as."""
    has_count = entry.kind == "proportion" and "%" in entry.printed
    return f"{entry.printed} ({entry.n_counted}/{entry.of})" if has_count else entry.printed


def _estimate(
    quantity: str, statistic: TrialStatistic, outcomes: Outcomes, entry: PublishedStatistic | None, n_planned: int
) -> Estimate:
    value, mcse = value_and_error(statistic, outcomes)
    split = split_of(*_defined(statistic, outcomes))
    defined, groups = _among(_exists, statistic, outcomes)
    ordered = np.sort(defined)
    lower, lower_mcse = quantile_and_error(ordered, LOWER_SHARE, defined, groups)
    upper, upper_mcse = quantile_and_error(ordered, UPPER_SHARE, defined, groups)
    lower_80, upper_80 = (quantile_and_error(ordered, share)[0] for share in INNER_SHARES)
    published = entry.published if entry is not None else math.nan
    rounding = entry.rounding if entry is not None else 0.0
    percentile, percentile_mcse = percentile_and_error(defined, published, rounding, groups)
    more = ", parameters fixed" if groups is None else " and parameter uncertainty"
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
        percentile=percentile,
        percentile_mcse=percentile_mcse,
        n_defined=len(defined),
        interval_contains=f"95 % of single trials of {n_planned} patients: sampling variability{more}",
        printed=_printed(entry) if entry is not None else "",
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
