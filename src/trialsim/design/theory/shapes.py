"""Group-sequential boundaries of a given shape, whose constant keeps the level: those of before alpha spending.

The bounds at the planned looks are c s_k, or some are given and the last one keeps the level. `Shape` is to bounds what
`spending.Spending` is to alpha.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from scipy import optimize

from trialsim.design.theory.arguments import check_alpha, check_kind
from trialsim.design.theory.requests import require_finite, require_positive, require_sides
from trialsim.design.theory.sequential import crossing_probabilities, fractions
from trialsim.errors import RequestError
from trialsim.typing import Floats

LARGEST_Z = 40.0  # no normal statistic exceeds it


@runtime_checkable
class Shape(Protocol):
    """A boundary up to one constant: `bounds` gives the z bounds for a value of it; they rise with the constant."""

    def bounds(self, information: Floats, constant: float) -> Floats:
        """The z bounds by look, shape (k,), for rising information (k,)."""
        ...


@dataclass(frozen=True)
class WangTsiatis:
    """Bounds c (t_k / t_K)^(delta - 1/2) (Wang and Tsiatis 1987, Biometrics 43:193).

    `delta` 0 is the boundary of O'Brien and Fleming (1979, Biometrics 35:549), 1/2 that of Pocock (1977, Biometrika
    64:191). Error: delta outside -1 to 1.
    """

    delta: float

    def __post_init__(self) -> None:
        require_finite("delta", self.delta)
        if not -1.0 <= self.delta <= 1.0:
            raise RequestError(f"delta = {self.delta:g}", "no boundary is so steep.", "from -1 to 1.", key="delta")

    def bounds(self, information: Floats, constant: float) -> Floats:
        """The z bounds by look, shape (k,)."""
        return np.asarray(constant * (information / information[-1]) ** (self.delta - 0.5))


@dataclass(frozen=True)
class HaybittlePeto:
    """One bound `z` for all interim looks, and a final one that keeps the level (Haybittle 1971; Peto et al. 1976).

    Error: z is not positive.
    """

    z: float = 3.0

    def __post_init__(self) -> None:
        require_positive("z", self.z)

    def bounds(self, information: Floats, constant: float) -> Floats:
        """The z bounds by look, shape (k,); the constant is the final one."""
        return np.append(np.full(len(information) - 1, self.z), constant)


def shaped_bounds(information: npt.ArrayLike, alpha: float, shape: Shape, *, sides: int = 1) -> Floats:
    """The upper z bounds of a shape that keep the level, shape (k,).

    `information` are rising fractions up to 1, shape (k,). A two-sided test is twice the one-sided one with alpha / 2.
    Errors: fractions that do not rise or exceed 1, alpha outside (0, 1), interim bounds that spend it all.
    """
    times = fractions(information)
    check_alpha(alpha)
    require_sides(sides)
    check_kind("shape", shape, Shape)

    def excess(constant: float) -> float:
        return float(crossing_probabilities(times, shape.bounds(times, constant))[0].sum()) - alpha / sides

    lowest = 0.0 if alpha / sides < 0.5 else -LARGEST_Z
    if excess(LARGEST_Z) >= 0.0:
        wrong = f"the interim looks alone reject with a probability of {excess(LARGEST_Z) + alpha / sides:.3g}."
        raise RequestError(f"alpha = {alpha:g}", wrong, "a larger alpha, or higher interim bounds.", key="alpha")
    if excess(lowest) <= 0.0:
        raise RequestError(f"alpha = {alpha:g}", "no boundary of this shape has it.", "below 0.5.", key="alpha")
    constant = optimize.brentq(excess, lowest, LARGEST_Z, xtol=1e-12, rtol=1e-13)
    return shape.bounds(times, float(constant))


OBRIEN_FLEMING = WangTsiatis(0.0)
POCOCK = WangTsiatis(0.5)
