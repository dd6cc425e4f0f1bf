"""From tables to statements: every number with its error, and words for what its interval contains."""

from trialsim.analysis.estimate import Estimate, estimates_table
from trialsim.analysis.published import (
    OtherInterpretation,
    estimates,
    other_interpretations,
    per_trial_values,
    smallest_error,
    statistic_of,
    value_and_error,
)
from trialsim.endpoints.per_trial import Outcomes
from trialsim.endpoints.registry import statistics_of

__all__ = [
    "Estimate",
    "OtherInterpretation",
    "Outcomes",
    "estimates",
    "estimates_table",
    "other_interpretations",
    "per_trial_values",
    "smallest_error",
    "statistic_of",
    "statistics_of",
    "value_and_error",
]
