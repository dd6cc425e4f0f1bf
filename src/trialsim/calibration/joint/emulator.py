"""Cell probabilities of one trial as a smooth function of the scores of its parameters.

A quadratic surface for the logit of each cell, fitted by least squares with a small ridge to simulated points. It only
proposes: what is reported stands on simulated likelihoods (see `fitting`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import expit, logit

from trialsim.calibration.likelihood import log_likelihoods
from trialsim.calibration.model import Calibration
from trialsim.typing import Floats

_RIDGE: Final = 1e-3
_EDGE: Final = 1e-6  # a probability nearer to 0 or 1 is not told from it
_FOLDS: Final = 5


@dataclass(frozen=True)
class Emulator:
    """The surface of one trial: `coefficients` has shape (features, cells), scores are centred and scaled first."""

    trial: Calibration
    centre: Floats
    scale: Floats
    coefficients: Floats

    def cells(self, z: Floats) -> Floats:
        """Cell probabilities at scores. Shapes (n, parameters) to (n, cells)."""
        return np.asarray(expit(features((z - self.centre) / self.scale) @ self.coefficients))

    def log_likelihood(self, z: Floats) -> Floats:
        """The log-likelihood of the trial at scores. Shapes (n, parameters) to (n,)."""
        values = log_likelihoods(self.trial.terms, self.trial.simulator.cells, self.cells(z)).sum(axis=-1)
        return np.where(np.isnan(values), -np.inf, values)


def features(z: Floats) -> Floats:
    """1, every score, every product of two. Shapes (n, d) to (n, 1 + d + d (d + 1) / 2)."""
    rows, columns = np.triu_indices(z.shape[1])
    return np.concatenate([np.ones((len(z), 1)), z, z[:, rows] * z[:, columns]], axis=1)


def fit_emulator(trial: Calibration, z: Floats, cells: Floats, weights: Floats) -> Emulator:
    """The surface that fits simulated cells best. Shapes: z (n, parameters), cells (n, cells), weights (n,)."""
    total = weights.sum()
    centre = weights @ z / total
    scale = np.maximum(np.sqrt(weights @ (z - centre) ** 2 / total), 1e-3)
    design = features((z - centre) / scale)
    target = logit(np.clip(cells, _EDGE, 1.0 - _EDGE))
    weighted = design * weights[:, None]
    penalty = _RIDGE * total * np.eye(design.shape[1])
    penalty[0, 0] = 0.0
    return Emulator(trial, centre, scale, np.linalg.solve(weighted.T @ design + penalty, weighted.T @ target))


def error_of(trial: Calibration, z: Floats, cells: Floats, weights: Floats, judged: Floats) -> float:
    """The sd of the emulated less the simulated log-likelihood, at points that were left out of the fit.

    `judged`, shape (n,), says which points count: those near the posterior.
    """
    simulated = log_likelihoods(trial.terms, trial.simulator.cells, cells).sum(axis=-1)
    differences = []
    for fold in range(_FOLDS):
        is_out = np.arange(len(z)) % _FOLDS == fold
        emulator = fit_emulator(trial, z[~is_out], cells[~is_out], weights[~is_out])
        wanted = is_out & (judged > 0.0)
        differences.append(emulator.log_likelihood(z[wanted]) - simulated[wanted])
    return float(np.std(np.concatenate(differences)))
