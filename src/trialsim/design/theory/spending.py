"""Spending functions: how much of an error probability may be used up by a look, given its share of the information."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from scipy import special

from trialsim.design.theory.requests import require_finite, require_positive
from trialsim.design.theory.rounding import highest_accepted
from trialsim.errors import RequestError
from trialsim.typing import Floats

LARGEST_GAMMA = 40.0


@runtime_checkable
class Spending(Protocol):
    """A spending function: `spent` gives the error used up by each look."""

    def spent(self, information: Floats, total: float) -> Floats:
        """The cumulative error by look, shape (k,), for information fractions (k,) and the one-sided total error."""
        ...


@dataclass(frozen=True)
class ObrienFleming:
    """O'Brien-Fleming type, 2 - 2 Phi(z_{alpha/2} / sqrt(t)) (Lan and DeMets 1983, Biometrika 70:659, alpha*_1)."""

    def spent(self, information: Floats, total: float) -> Floats:
        """The cumulative error by look, shape (k,)."""
        z = -special.ndtri(total / 2.0)
        return np.asarray(2.0 * special.ndtr(-z / np.sqrt(np.minimum(information, 1.0))))


@dataclass(frozen=True)
class Pocock:
    """Pocock type, alpha log(1 + (e - 1) t) (Lan and DeMets 1983, Biometrika 70:659, alpha*_2)."""

    def spent(self, information: Floats, total: float) -> Floats:
        """The cumulative error by look, shape (k,)."""
        return np.asarray(total * np.log1p((math.e - 1.0) * np.minimum(information, 1.0)))


@dataclass(frozen=True)
class Power:
    """The power family alpha t^rho (Kim and DeMets 1987, Biometrika 74:149). Error: rho is not positive."""

    rho: float

    def __post_init__(self) -> None:
        require_positive("rho", self.rho)

    def spent(self, information: Floats, total: float) -> Floats:
        """The cumulative error by look, shape (k,)."""
        return np.asarray(total * np.minimum(information, 1.0) ** self.rho)


@dataclass(frozen=True)
class HwangShihDeCani:
    """The gamma family, alpha (1 - exp(-gamma t)) / (1 - exp(-gamma)), and alpha t at gamma 0.

    Hwang, Shih and DeCani 1990 (Statist Med 9:1439): -4 is near O'Brien-Fleming, 1 near Pocock. Error: gamma outside
    -40 to 40.
    """

    gamma: float

    def __post_init__(self) -> None:
        require_finite("gamma", self.gamma)
        if not -LARGEST_GAMMA <= self.gamma <= LARGEST_GAMMA:
            allowed = f"from -{LARGEST_GAMMA:g} to {LARGEST_GAMMA:g}."
            raise RequestError(f"gamma = {self.gamma:g}", "all alpha is spent at one look.", allowed, key="gamma")

    def spent(self, information: Floats, total: float) -> Floats:
        """The cumulative error by look, shape (k,)."""
        times = np.minimum(information, 1.0)
        if self.gamma == 0.0:
            return np.asarray(total * times)
        return np.asarray(total * np.expm1(-self.gamma * times) / math.expm1(-self.gamma))


@dataclass(frozen=True)
class Custom:
    """Cumulative errors given look by look, whatever the information. Error: they fall, or leave 0 to 1.

    The first looks' values serve a trial that is at an earlier look.
    """

    cumulative: tuple[float, ...]

    def __post_init__(self) -> None:
        steps = np.diff(np.asarray(self.cumulative, dtype=np.float64), prepend=0.0)
        if steps.size == 0 or not (steps >= 0.0).all() or not 0.0 < self.cumulative[-1] < 1.0:
            raise RequestError(
                f"cumulative error {self.cumulative}",
                "falls, or is not a probability.",
                "rising numbers from 0 to below 1.",
            )

    def spent(self, information: Floats, total: float) -> Floats:
        """The cumulative error by look, shape (k,). Error: more looks than values, or more error than the total."""
        k = len(information)
        if k > len(self.cumulative):
            raise RequestError(f"{k} looks", f"only {len(self.cumulative)} cumulative errors.", "one for each look.")
        if self.cumulative[k - 1] > highest_accepted(total):
            raise RequestError(
                f"cumulative error {self.cumulative[k - 1]:g}",
                f"more than {total:g} in all.",
                "at most the total error.",
            )
        return np.asarray(self.cumulative[:k], dtype=np.float64)
