"""From tables to statements: every number with its error, and words for what its interval contains."""

from trialsim.analysis.comparison import estimates, per_trial_values
from trialsim.analysis.estimate import Estimate, Values, estimates_table

__all__ = ["Estimate", "Values", "estimates", "estimates_table", "per_trial_values"]
