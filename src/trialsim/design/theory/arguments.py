"""What numbers a design accepts; every refusal says what would have been accepted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Final

import numpy as np

from trialsim.errors import RequestError

MIN_ALPHA: Final = 1e-12  # 1 - alpha has 16 digits, and probabilities below 1e-308 are 0
LARGEST_ARM = 2000  # arms of 2000 make tables of 4 million cells


def check_number(name: str, value: object) -> float:
    """The value as a number, NaN among them. Raises RequestError for text, a truth value, a list, or nothing."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise RequestError(f"{name}: {value!r}", "This is not a number.", "a number.", key=name)
    return float(value)


def check_probability(name: str, value: float, *, with_ends: bool = False) -> None:
    """Refuse what is not a probability; 0 and 1 pass only `with_ends`. Raises RequestError."""
    check_number(name, value)
    is_inside = 0.0 <= value <= 1.0 if with_ends else 0.0 < value < 1.0
    if not is_inside:  # NaN is not inside either
        allowed = "numbers from 0 to 1." if with_ends else "numbers above 0 and below 1."
        raise RequestError(f"{name}: {value}", "This is not a probability that can be used here.", allowed, key=name)


def check_alpha(alpha: float) -> None:
    """Refuse a level of a test that is not a probability, or is so small that rounding decides. Raises RequestError."""
    check_probability("alpha", alpha)
    if alpha < MIN_ALPHA:
        raise RequestError(
            f"alpha = {alpha:g}", "A level so small is lost in rounding.", f"at least {MIN_ALPHA:g}.", key="alpha"
        )


def check_count(name: str, value: int, smallest: int = 1, largest: int = LARGEST_ARM) -> None:
    """Refuse what is not a whole number from `smallest` to `largest`. Raises RequestError."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not smallest <= value <= largest:
        wrong = "This number of patients or arms cannot be used here."
        raise RequestError(f"{name}: {value!r}", wrong, f"whole numbers from {smallest} to {largest}.", key=name)


def check_choice(name: str, value: object, allowed: tuple[object, ...]) -> None:
    """Refuse a value that is none of those allowed. Raises RequestError."""
    if isinstance(value, bool) or value not in allowed:
        raise RequestError(
            f"{name}: {value}", "There is no such choice.", f"{', '.join(str(one) for one in allowed)}.", key=name
        )


def check_positive(name: str, value: float) -> None:
    """Refuse what is not a finite number above 0. Raises RequestError."""
    check_number(name, value)
    if not (math.isfinite(value) and value > 0.0):
        raise RequestError(f"{name}: {value}", "This number cannot be used here.", "finite numbers above 0.", key=name)


def check_numbers(name: str, values: object) -> None:
    """Refuse what is not a list of numbers; NaN is not among them. Raises RequestError."""
    is_list = isinstance(values, Sequence | np.ndarray) and not isinstance(values, str)
    items = list(values) if isinstance(values, Sequence | np.ndarray) else []
    if not is_list or any(isinstance(x, bool) or not isinstance(x, Real) or math.isnan(x) for x in items):
        raise RequestError(
            f"{name}: {values!r}", "This is not a list of numbers.", "numbers, such as [0.2, 0.4].", key=name
        )


def check_kind(name: str, value: object, kind: type) -> None:
    """Refuse what is not an object of a kind. Raises RequestError."""
    if not isinstance(value, kind):
        raise RequestError(
            f"{name}: {value!r}", "This object cannot be used here.", f"{kind.__name__}, an object.", key=name
        )
