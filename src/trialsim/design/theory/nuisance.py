"""The largest probability of a region of 2 x 2 tables when both arms share an unknown success rate p.

Given the total number s of successes the probability of the region does not depend on p, so it is
f(p) = sum over s of h(s) Binomial(s; N, p) with conditional probabilities h(s). In the angle t with p = sin(t)^2 the
score of the binomial has variance 4 N whatever t, and the mean of its second derivative is -4 N; hence
|f''(t)| <= 4 N (max h - min h). Between two neighbours on a grid of angles with spacing w the function therefore
exceeds the larger one by at most N w^2 (max h - min h) / 2. Intervals that could still hold the maximum are halved
until that excess is negligible: the maximum is bounded, not merely looked for.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from trialsim.design.theory.binomial import binomial_weights
from trialsim.typing import Floats

BRACKET = 1e-9  # by how much the maximum may be above the value that is returned


def largest_probability(conditional: Floats, level: float | None = None) -> float:
    """The maximum over the common rate p of the probability of a region, at most `BRACKET` below the true one.

    `conditional` has shape (N + 1,): the probability of the region given 0, 1, ..., N successes in both arms together.
    With a `level` the search ends as soon as it is known on which side of the level the maximum lies; a value at or
    below the level then means no more than that the maximum is at most level + `BRACKET`.
    """
    n_patients = len(conditional) - 1
    angles, weights = _coarse_grid(n_patients)
    values = weights @ conditional
    best = float(values.max())
    left, low, high = angles[:-1], values[:-1], values[1:]
    width = float(angles[1])
    spread = float(conditional.max() - conditional.min())
    while level is None or best <= level + BRACKET:
        enough = best if level is None else max(best, level)
        excess = n_patients * spread * width**2 / 2.0
        is_open = np.minimum(np.maximum(low, high) + excess, conditional.max()) > enough + BRACKET
        if not is_open.any():
            break
        left, low, high = left[is_open], low[is_open], high[is_open]
        width /= 2.0
        middle = _probabilities(conditional, left + width)
        best = max(best, float(middle.max()))
        left = np.concatenate([left, left + width])
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
    return min(best, 1.0)  # sums of probabilities may round above 1


def _probabilities(conditional: Floats, angles: Floats) -> Floats:
    """The probability of the region at each angle, in blocks of angles that need at most about 100 MB."""
    n_patients = len(conditional) - 1
    blocks = np.array_split(angles, math.ceil(len(angles) * len(conditional) / 4e6))
    return np.concatenate([binomial_weights(n_patients, np.sin(block) ** 2) @ conditional for block in blocks])


@lru_cache(maxsize=2)
def _coarse_grid(n_patients: int) -> tuple[Floats, Floats]:
    """Angles from 0 to pi / 2, and the binomial probabilities at their rates, shape (angles, N + 1)."""
    angles = np.linspace(0.0, math.pi / 2.0, math.ceil(16.0 * math.sqrt(n_patients)) + 1)
    rates = np.sin(angles) ** 2
    rates[-1] = 1.0
    return angles, binomial_weights(n_patients, rates)
