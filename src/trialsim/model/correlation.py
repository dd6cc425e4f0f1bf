"""Correlated standard normal scores: the Cholesky factor of their correlation matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

MIN_PIVOT: Final = 1e-9  # below it a score is all but a function of those before it


def cholesky_factor(matrix: Sequence[Sequence[float]]) -> tuple[tuple[float, ...], ...] | None:
    """The lower triangular factor of a matrix, row by row, or None where the matrix is not positive definite.

    Sums run from the first column on, so that the factor is the same on every machine.
    """
    rows: list[tuple[float, ...]] = []
    for i in range(len(matrix)):
        row: list[float] = []
        for j in range(i):
            row.append((matrix[i][j] - _product(row, rows[j], j)) / rows[j][j])
        pivot = matrix[i][i] - _product(row, row, i)
        if not pivot > MIN_PIVOT:
            return None
        rows.append((*row, math.sqrt(pivot)))
    return tuple(rows)


def _product(a: Sequence[float], b: Sequence[float], n: int) -> float:
    """The sum of the products of the first n elements."""
    total = 0.0
    for k in range(n):
        total += a[k] * b[k]
    return total
