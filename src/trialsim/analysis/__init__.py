"""From tables to statements: every number with its error, and words for what its interval contains."""

from trialsim.analysis.comparison import (
    OtherReading,
    endpoint_of,
    estimates,
    other_readings,
    per_trial_values,
    smallest_error,
    value_and_error,
)
from trialsim.analysis.endpoints import Outcomes, endpoints_of
from trialsim.analysis.estimate import Estimate, Values, estimates_table

__all__ = [
    "Estimate",
    "OtherReading",
    "Outcomes",
    "Values",
    "endpoint_of",
    "endpoints_of",
    "estimates",
    "estimates_table",
    "other_readings",
    "per_trial_values",
    "smallest_error",
    "value_and_error",
]
