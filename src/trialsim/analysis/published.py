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
from trialsim.config import Cohort, PublishedStatistic
from trialsim.endpoints.per_trial import (
    Endpoint,
    Outcomes,
    endpoints_of,
)
from trialsim.records.columns import PARAMETER_DRAW
from trialsim.typing import Counts, Floats

LOWER_SHARE, UPPER_SHARE = 0.025, 0.975
INNER_SHARES = (0.1, 0.9)


def estimates(outcomes: Outcomes, statistics: Mapping[str, PublishedStatistic], n_planned: int) -> list[Estimate]:
    """An estimate for each published statistic, in the order of the cohort, then for every other endpoint.

    `outcomes` has one row per replicate (`records.columns.REPLICATES`); `n_planned` is the number of patients that a
    single trial plans, which the interval's words name.
    """
    endpoints = endpoints_of(outcomes.columns)
    published = [
        _estimate(quantity, endpoints[statistic.endpoint or quantity], outcomes, statistic, n_planned)
        for quantity, statistic in statistics.items()
    ]
    shown = set(statistics) | {statistic.endpoint for statistic in statistics.values()}
    others = [
        _estimate(name, endpoint, outcomes, None, n_planned)
        for name, endpoint in endpoints.items()
        if name not in shown
    ]
    return published + others


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
    endpoints = endpoints_of(outcomes.columns)
    found: list[OtherInterpretation] = []
    for name, ambiguity in cohort.ambiguities.items():
        for choice, interpretation in ambiguity.interpretations.items():
            if choice == taken.get(name, ambiguity.default):
                continue
            statistics = cohort.statistics_under({**taken, name: choice})
            for quantity in interpretation.statistics:
                endpoint = endpoints[statistics[quantity].endpoint or quantity]
                estimate = _estimate(quantity, endpoint, outcomes, statistics[quantity], n_planned)
                found.append(OtherInterpretation(name, choice, estimate))
    return found


def per_trial_values(outcomes: Outcomes, name: str) -> Floats:
    """One value of an endpoint per replicate, missing where it does not exist."""
    return endpoints_of(outcomes.columns)[name].per_trial(outcomes)


def endpoint_of(quantity: str, columns: Iterable[str], statistics: Mapping[str, PublishedStatistic]) -> Endpoint | None:
    """The endpoint of a published statistic, or the endpoint of that name; None if there is neither."""
    endpoints = endpoints_of(columns)
    statistic = statistics.get(quantity)
    return endpoints.get((statistic.endpoint if statistic is not None else None) or quantity)


def value_and_error(endpoint: Endpoint, outcomes: Outcomes) -> tuple[float, float]:
    """The mean over replicates (a ratio of totals for a share) and its Monte Carlo standard error."""
    groups = groups_of(outcomes)
    if endpoint.of:
        return ratio_and_error(endpoint.numerators(outcomes), endpoint.denominators(outcomes), groups)
    per_trial = endpoint.per_trial(outcomes)
    is_defined = ~np.isnan(per_trial)
    return mean_and_error(per_trial[is_defined], groups[is_defined] if groups is not None else None)


def smallest_error(endpoint: Endpoint, outcomes: Outcomes, n_draws: int) -> float:
    """The Monte Carlo standard error that no number of trials gets below: the parameters' sd by the root of draws."""
    groups, per_trial = groups_of(outcomes), endpoint.per_trial(outcomes)
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


def _printed(statistic: PublishedStatistic) -> str:
    """The statistic as printed, with the count that it is read as."""
    has_count = statistic.kind == "proportion" and "%" in statistic.printed
    return f"{statistic.printed} ({statistic.count}/{statistic.of})" if has_count else statistic.printed


def _estimate(
    quantity: str, endpoint: Endpoint, outcomes: Outcomes, statistic: PublishedStatistic | None, n_planned: int
) -> Estimate:
    value, mcse = value_and_error(endpoint, outcomes)
    defined, groups = endpoint.per_trial(outcomes), groups_of(outcomes)
    is_defined = ~np.isnan(defined)
    defined = defined[is_defined]
    groups = groups[is_defined] if groups is not None else None
    ordered = np.sort(defined)
    lower, lower_mcse = quantile_and_error(ordered, LOWER_SHARE, defined, groups)
    upper, upper_mcse = quantile_and_error(ordered, UPPER_SHARE, defined, groups)
    lower_80, upper_80 = (quantile_and_error(ordered, share)[0] for share in INNER_SHARES)
    split = split_of(defined, groups)
    published = statistic.published if statistic is not None else math.nan
    rounding = statistic.rounded_to.value if statistic is not None and statistic.rounded_to is not None else 0.0
    position, position_mcse = position_and_error(defined, published, rounding, groups)
    what = "patient sampling, parameters fixed" if groups is None else "patient sampling and unknown parameters"
    return Estimate(
        quantity=quantity,
        published=published,
        value=value,
        mcse=mcse,
        lower=lower,
        upper=upper,
        unit=endpoint.unit,
        lower_mcse=lower_mcse,
        upper_mcse=upper_mcse,
        position=position,
        position_mcse=position_mcse,
        n_defined=len(defined),
        interval_contains=f"95 % of single trials of {n_planned} patients: {what}",
        printed=_printed(statistic) if statistic is not None else "",
        statistic=endpoint.name,
        is_inside=is_inside(published, rounding, lower, upper),
        sd_sampling=split.sampling,
        sd_sampling_mcse=split.sampling_mcse,
        sd_parameters=split.parameters,
        sd_parameters_mcse=split.parameters_mcse,
        lower_80=lower_80,
        upper_80=upper_80,
        is_inside_80=is_inside(published, rounding, lower_80, upper_80),
    )
