"""The Cholesky factor of a correlation matrix, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from trialsim.model.correlation import cholesky_factor


def test_the_factor_is_that_of_numpy() -> None:
    generator = np.random.default_rng(1)
    for n in range(1, 7):
        loadings = generator.normal(size=(n, n + 1))
        covariance = loadings @ loadings.T
        sd = np.sqrt(np.diag(covariance))
        matrix = covariance / np.outer(sd, sd)
        rows = cholesky_factor(matrix.tolist())
        assert rows is not None
        for row, expected in zip(rows, np.linalg.cholesky(matrix), strict=True):
            assert list(row) == pytest.approx(expected[: len(row)], abs=1e-12)


@pytest.mark.parametrize(
    "matrix",
    [[[1.0, 1.0], [1.0, 1.0]], [[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]], [[1.0, np.nan], [np.nan, 1.0]]],
)
def test_a_matrix_that_is_not_positive_definite_has_none(matrix: list[list[float]]) -> None:
    assert cholesky_factor(matrix) is None
