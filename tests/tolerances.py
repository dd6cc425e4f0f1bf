"""Tolerances that tests share, each with its reason."""

from __future__ import annotations

from typing import Final

N_STANDARD_ERRORS: Final = 4.0  # a right answer is farther off in one of 16,000 checks, whatever the seed
CDF_SUMS: Final = 1e-12  # sums of some hundred binomial probabilities, each right to some units of 1e-16
