"""What the exact formulas ask of their numbers; whatever breaks it is a wrong request, said in its three parts."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from trialsim.design.theory.arguments import check_alpha, check_choice, check_number
from trialsim.errors import RequestError
from trialsim.typing import Floats

CLOSEST = 1e-4  # looks closer than this, relative to the later, would need grids of many thousand points


def require_share(name: str, value: float) -> None:
    """A probability strictly between 0 and 1, or a RequestError."""
    check_number(name, value)
    if not 0.0 < value < 1.0:
        raise RequestError(f"{name} = {value:g}", "not a probability of use here.", "above 0 and below 1.", key=name)


def require_positive(name: str, value: float) -> None:
    """A finite number above 0, or a RequestError."""
    check_number(name, value)
    if not (math.isfinite(value) and value > 0.0):
        raise RequestError(f"{name} = {value:g}", "must be positive.", "a finite number above 0.", key=name)


def require_not_negative(name: str, value: float) -> None:
    """A finite number from 0, or a RequestError."""
    check_number(name, value)
    if not (math.isfinite(value) and value >= 0.0):
        raise RequestError(f"{name} = {value:g}", "must not be negative.", "0 or a finite number above.", key=name)


def require_finite(name: str, value: float) -> float:
    """A finite number, or a RequestError."""
    if not math.isfinite(check_number(name, value)):
        raise RequestError(f"{name} = {value:g}", "must be finite.", "a finite number.", key=name)
    return float(value)


def require_power(alpha: float, power: float) -> None:
    """A power above the level of the test, or a RequestError: without an effect it is alpha already."""
    check_alpha(alpha)
    require_share("power", power)
    if power <= alpha:
        raise RequestError(
            f"power = {power:g}", f"not above alpha = {alpha:g}.", "above alpha and below 1.", key="power"
        )


def require_sides(sides: int) -> None:
    """One or two sides, or a RequestError."""
    check_choice("sides", sides, (1, 2))


def numbers(name: str, values: npt.ArrayLike) -> Floats:
    """Values as an array of numbers, or a RequestError."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise RequestError(f"{name} = {values!r}", "This is not a list of numbers.", "numbers.", key=name) from None
    if values is None or isinstance(values, str) or np.isnan(array).any():
        raise RequestError(f"{name} = {values!r}", "This is not a list of numbers.", "numbers.", key=name)
    return array


def shown(values: npt.ArrayLike) -> str:
    """Numbers as a message shows them."""
    return str(np.asarray(values).tolist())


def rising(name: str, values: npt.ArrayLike) -> Floats:
    """Information at the looks as an array (k,): positive, rising, not too close; otherwise a RequestError."""
    amounts = np.atleast_1d(numbers(name, values))
    if amounts.ndim != 1 or amounts.size == 0 or not np.isfinite(amounts).all():
        raise RequestError(
            f"{name} = {shown(values)}", "not a list of finite numbers.", "one number for each look.", key=name
        )
    if (np.diff(amounts, prepend=0.0) <= CLOSEST * amounts).any():
        raise RequestError(
            f"{name} = {shown(values)}",
            "does not rise from look to look.",
            f"numbers above 0, each above the one before by more than {CLOSEST:g} of itself.",
            key=name,
        )
    return amounts


def per_look(name: str, values: npt.ArrayLike, k: int) -> Floats:
    """Bounds on the z scale as an array (k,), infinite ones allowed; otherwise a RequestError."""
    bounds = np.atleast_1d(numbers(name, values))
    if bounds.shape != (k,):
        raise RequestError(
            f"{name} = {shown(values)}", f"not {k} bounds.", f"{k} numbers, one for each look.", key=name
        )
    return bounds
