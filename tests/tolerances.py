"""Tolerances that tests share, each with its reason."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import pytest

from trialsim.typing import Floats

N_STANDARD_ERRORS: Final = 4.0  # a right answer is farther off in one of 16,000 checks, whatever the seed
CDF_SUMS: Final = 1e-12  # sums of some hundred binomial probabilities, each right to some units of 1e-16
ROOT_SEARCH: Final = 4e-12  # SciPy searches limits of intervals to 2e-12; twice that, for what it inverts
_ROUNDING: Final = 1e-9  # that a digit printed after a half may lie on either side of it


def error_of_sd(values: Floats) -> float:
    """The standard error of the standard deviation of a sample, from its fourth moment (normal or not)."""
    squares = (values - values.mean()) ** 2
    return float(np.std(squares) / math.sqrt(len(values)) / (2.0 * math.sqrt(squares.mean())))


def printed(text: str, margin: float = _ROUNDING) -> list[Any]:
    """What equals the numbers of a text, parted by spaces, to half a unit of the last digit of each and a margin."""
    digits = [len(number.partition(".")[2]) for number in text.split()]
    return [
        pytest.approx(float(number), rel=0.0, abs=0.5 * 10.0**-n + margin)
        for number, n in zip(text.split(), digits, strict=True)
    ]
