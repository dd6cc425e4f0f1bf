"""The arms of a trial: the estimates of each, and how the others differ from the first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np
import pandas as pd

from trialsim.analysis.estimate import Estimate, quantile_and_error
from trialsim.analysis.published import LOWER_SHARE, UPPER_SHARE, estimates, groups_of
from trialsim.analysis.variance_components import error_of_sum
from trialsim.endpoints.per_trial import Outcomes, TrialStatistic
from trialsim.endpoints.registry import statistics_of
from trialsim.typing import Floats

OF_TRIAL = ("screened", "trial.duration")  # statistics that a trial has once


@dataclass(frozen=True)
class ArmDifference:
    """A quantity of an arm less that of the control.

    `value` ± `mcse` is the difference of the two estimates, whose errors are correlated: both arms of a replicate have
    the same draw of the parameters. `lower` to `upper` is the central 95 % of the differences in single trials;
    `n_defined` counts the replicates in which both quantities exist. `unit` is empty for shares of 1.
    """

    arm: str
    control: str
    quantity: str
    value: float
    mcse: float
    lower: float
    upper: float
    unit: str
    n_defined: int


def estimates_of_arms(arms: Mapping[str, Outcomes], n_planned: int) -> tuple[list[Estimate], dict[str, list[Estimate]]]:
    """What the trial has once, and an estimate for each statistic of each arm.

    `n_planned` is the number of patients that a single trial plans, all arms together.
    """
    of_arms = {name: estimates(outcomes, {}, n_planned) for name, outcomes in arms.items()}
    first = next(iter(of_arms.values()))
    once = [item for item in first if item.statistic in OF_TRIAL]
    return once, {name: [item for item in found if item.statistic not in OF_TRIAL] for name, found in of_arms.items()}


def differences_of_arms(arms: Mapping[str, Outcomes]) -> list[ArmDifference]:
    """How each arm differs from the first one, statistic by statistic."""
    control, *others = arms
    statistics = statistics_of(arms[control].columns)
    return [
        _difference(arms, name, control, statistic)
        for name in others
        for statistic in statistics.values()
        if statistic.name not in OF_TRIAL
    ]


def differences_table(differences: list[ArmDifference]) -> pd.DataFrame:
    """One row a difference, columns as in `ArmDifference`."""
    return pd.DataFrame([asdict(item) for item in differences], columns=[f.name for f in fields(ArmDifference)])


def _difference(arms: Mapping[str, Outcomes], name: str, control: str, statistic: TrialStatistic) -> ArmDifference:
    one, other = arms[name], arms[control]
    value, added = _linear(statistic, one)
    value_of_control, added_of_control = _linear(statistic, other)
    groups = groups_of(one)
    differences = statistic.per_trial(one) - statistic.per_trial(other)
    is_defined = np.isfinite(differences)
    ordered = np.sort(differences[is_defined])
    lower, upper = (quantile_and_error(ordered, share)[0] for share in (LOWER_SHARE, UPPER_SHARE))
    mcse = error_of_sum(added - added_of_control, groups)
    return ArmDifference(
        name, control, statistic.name, value - value_of_control, mcse, lower, upper, statistic.unit, len(ordered)
    )


def _linear(statistic: TrialStatistic, outcomes: Outcomes) -> tuple[float, Floats]:
    """The estimate, and what each replicate adds to its deviation (delta method), shape (replicates,)."""
    if statistic.of:
        numerators, denominators = statistic.numerators(outcomes), statistic.denominators(outcomes)
        total = float(np.sum(denominators))
        if total == 0.0:
            return float("nan"), np.full(len(numerators), np.nan)
        ratio = float(np.sum(numerators)) / total
        return ratio, np.asarray((numerators - ratio * denominators) / total)
    values = statistic.per_trial(outcomes)
    is_defined = np.isfinite(values)
    n = int(is_defined.sum())
    if n == 0:
        return float("nan"), np.full(len(values), np.nan)
    mean = float(np.mean(values[is_defined]))
    return mean, np.where(is_defined, values - mean, 0.0) / n
