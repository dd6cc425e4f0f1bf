"""From tables to statements: every number with its error, and words for what its interval contains."""

from trialsim.analysis.comparison import OtherReading, estimates, other_readings, per_trial_values
from trialsim.analysis.estimate import Estimate, Values, estimates_table

__all__ = [
    "Estimate",
    "OtherReading",
    "Values",
    "estimates",
    "estimates_table",
    "other_readings",
    "per_trial_values",
]
