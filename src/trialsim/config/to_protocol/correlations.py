"""Correlations of covariates as weights of standard normal scores."""

from __future__ import annotations

from collections.abc import Sequence

from trialsim.config.schema.scenario import ScenarioData
from trialsim.model.correlation import cholesky_factor
from trialsim.model.protocol import Scores


def correlation_matrix(scenario: ScenarioData, names: Sequence[str]) -> list[list[float]]:
    """The correlation matrix of some covariates, in the order of their names; pairs that are not named have 0."""
    matrix = [[float(i == j) for j in range(len(names))] for i in range(len(names))]
    for item in scenario.correlations:
        if set(item.between) <= set(names):
            i, j = (names.index(name) for name in item.between)
            matrix[i][j] = matrix[j][i] = item.correlation.value
    return matrix


def scores_of(scenario: ScenarioData) -> tuple[Scores, ...]:
    """For each covariate the independent scores that its own score is the weighted sum of; none where it is its own.

    The order is that of the population: a covariate depends on those above it.
    """
    names = list(scenario.population)
    if not scenario.correlations:
        return ((),) * len(names)
    rows = cholesky_factor(correlation_matrix(scenario, names))
    if rows is None:
        raise ValueError("correlations are checked to be positive definite when a scenario is read")
    weights = (tuple((j, weight) for j, weight in enumerate(row) if weight != 0.0) for row in rows)
    return tuple(scores if len(scores) > 1 else () for scores in weights)
