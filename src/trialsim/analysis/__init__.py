"""From tables to statements: every number with its error, and words for what its interval contains."""

from trialsim.analysis.estimate import Estimate, estimates_table
from trialsim.analysis.published import (
    OtherInterpretation,
    endpoint_of,
    estimates,
    other_interpretations,
    per_trial_values,
    smallest_error,
    value_and_error,
)
from trialsim.endpoints.per_trial import (
    Outcomes,
    endpoints_of,
)

__all__ = [
    "Estimate",
    "OtherInterpretation",
    "Outcomes",
    "endpoint_of",
    "endpoints_of",
    "estimates",
    "estimates_table",
    "other_interpretations",
    "per_trial_values",
    "smallest_error",
    "value_and_error",
]
