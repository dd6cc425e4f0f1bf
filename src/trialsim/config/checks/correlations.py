"""Correlations of covariates: the covariates must exist, and there must be patients with all the correlations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from trialsim.config.schema.scenario import ScenarioData
from trialsim.config.source.problems import Finding, nearest
from trialsim.config.to_protocol.correlations import correlation_matrix
from trialsim.model.correlation import cholesky_factor


def correlation_findings(scenario: ScenarioData) -> Iterator[Finding]:
    """Each contradiction of a correlation with the population, or of the correlations with each other."""
    findings = [*_unknown(scenario), *_named_twice(scenario)]
    yield from findings or _contradiction(scenario)


def _unknown(scenario: ScenarioData) -> Iterator[Finding]:
    known = list(scenario.population)
    allowed = f"two of {', '.join(known)}" if len(known) > 1 else "two covariates listed under `population`"
    for i, item in enumerate(scenario.correlations):
        for name in item.between:
            if name not in known:
                place = ("correlations", i, "between")
                yield place, name, "there is no such covariate", allowed, nearest(name, known)


def _named_twice(scenario: ScenarioData) -> Iterator[Finding]:
    pairs: list[set[str]] = []
    for i, item in enumerate(scenario.correlations):
        if set(item.between) in pairs:
            shown = " and ".join(item.between)
            yield ("correlations", i, "between"), shown, "this pair has a correlation already", "each pair once", ""
        pairs.append(set(item.between))


def _contradiction(scenario: ScenarioData) -> Iterator[Finding]:
    """The fewest covariates whose correlations contradict each other, told at the last of these correlations."""
    names = [name for name in scenario.population if any(name in item.between for item in scenario.correlations)]
    if _exists(scenario, names):
        return
    for name in list(names):
        others = [other for other in names if other != name]
        if not _exists(scenario, others):
            names = others
    i = max(i for i, item in enumerate(scenario.correlations) if set(item.between) <= set(names))
    item = scenario.correlations[i]
    lower, upper = _bounds(np.array(correlation_matrix(scenario, names)), *(names.index(n) for n in item.between))
    shown = f"{item.correlation.text} between {' and '.join(item.between)}"
    problem = f"no patients have these correlations of {', '.join(names)} together (not positive definite)"
    allowed = f"between about {lower:.2f} and {upper:.2f}, with the others as they are"
    yield ("correlations", i, "correlation"), shown, problem, allowed, ""


def _exists(scenario: ScenarioData, names: Sequence[str]) -> bool:
    return cholesky_factor(correlation_matrix(scenario, names)) is not None


def _bounds(matrix: np.ndarray, i: int, j: int) -> tuple[float, float]:
    """Between which values a correlation can lie, given the others: its partial correlation is between -1 and 1."""
    rest = [k for k in range(len(matrix)) if k not in (i, j)]
    weights = np.linalg.solve(matrix[np.ix_(rest, rest)], matrix[np.ix_(rest, [i, j])])
    explained = matrix[np.ix_([i, j], rest)] @ weights
    reach = np.sqrt((1.0 - explained[0, 0]) * (1.0 - explained[1, 1]))
    return float(explained[0, 1] - reach), float(explained[0, 1] + reach)
