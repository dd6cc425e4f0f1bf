"""Cells of one trial as a smooth function of the scores of its parameters.

A surface of second degree, with cubes, for the logit of each probability, and the logarithm of each moment and
variance, fitted by least squares with a small ridge to simulated points. It only proposes: what is reported stands on
simulated likelihoods (see `fitting`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from scipy.special import expit, logit

from trialsim.calibration.likelihood import log_likelihoods
from trialsim.calibration.model import Calibration
from trialsim.calibration.patient_cells import CurveCell, MomentCell
from trialsim.calibration.targets import Categories
from trialsim.typing import Counts, Flags, Floats

_RIDGE: Final = 1e-3
_EDGE: Final = 1e-6  # a probability nearer to 0 or 1 is not told from it
_FARTHEST: Final = 4.0  # scaled scores further out are taken as this far: cubes must not be extrapolated


@dataclass(frozen=True)
class Emulator:
    """The surface of one trial: `coefficients` has shape (features, cells), scores are centred and scaled first."""

    trial: Calibration
    centre: Floats
    scale: Floats
    coefficients: Floats

    @cached_property
    def _is_positive(self) -> Flags:
        return _is_positive(self.trial)

    @cached_property
    def _categories(self) -> list[Counts]:
        return _categories(self.trial)

    def cells(self, z: Floats) -> Floats:
        """Cells at scores. Shapes (n, parameters) to (n, cells)."""
        inside = np.clip((z - self.centre) / self.scale, -_FARTHEST, _FARTHEST)
        surfaces = features(inside) @ self.coefficients
        is_positive = self._is_positive
        cells = np.where(is_positive, np.exp(np.where(is_positive, surfaces, 0.0)), expit(surfaces))
        for places in self._categories:
            at_least = np.cumprod(cells[:, places], axis=1)
            cells[:, places[:-1]] = at_least[:, :-1] - at_least[:, 1:]
            cells[:, places[-1]] = at_least[:, -1]
        return cells

    def log_likelihood(self, z: Floats) -> Floats:
        """The log-likelihood of the trial at scores. Shapes (n, parameters) to (n,)."""
        values = log_likelihoods(self.trial.terms, self.trial.simulator.cells, self.cells(z)).sum(axis=-1)
        return np.where(np.isnan(values), -np.inf, values)


def _is_positive(trial: Calibration) -> Flags:
    """Which cells are no probability, but a number above 0: moments and variances. Shape (cells,)."""
    return np.array(
        [
            isinstance(cell, MomentCell) or (isinstance(cell, CurveCell) and cell.is_variance)
            for cell in trial.simulator.cells
        ]
    )


def _categories(trial: Calibration) -> list[Counts]:
    """The cells of shares that exclude each other, term by term, the widest first.

    Their surfaces are those of the share in this or a later category, given this or an earlier one: who reached at
    least 600 mg/day of those who reached at least 400 is a smoother function of the rates than who stopped between.
    """
    cells = trial.simulator.cells
    several = [term for term in trial.terms if isinstance(term, Categories) and len(term.cells) > 1]
    return [np.array([cells.index(cell) for cell in term.cells]) for term in several]


def features(z: Floats) -> Floats:
    """1, every score, every product of two, every cube. Shapes (n, d) to (n, 1 + 2 d + d (d + 1) / 2)."""
    rows, columns = np.triu_indices(z.shape[1])
    return np.concatenate([np.ones((len(z), 1)), z, z[:, rows] * z[:, columns], z**3], axis=1)


def fit_emulator(trial: Calibration, z: Floats, cells: Floats, weights: Floats) -> Emulator:
    """The surface that fits simulated cells best. Shapes: z (n, parameters), cells (n, cells), weights (n,)."""
    total = weights.sum()
    centre = weights @ z / total
    scale = np.maximum(np.sqrt(weights @ (z - centre) ** 2 / total), 1e-3)
    design = features((z - centre) / scale)
    given = cells.copy()
    for places in _categories(trial):
        at_least = np.cumsum(cells[:, places[::-1]], axis=1)[:, ::-1]
        given[:, places[0]] = at_least[:, 0]
        given[:, places[1:]] = at_least[:, 1:] / at_least[:, :-1]
    logits = logit(np.clip(given, _EDGE, 1.0 - _EDGE))
    target = np.where(_is_positive(trial), np.log(np.clip(cells, _EDGE, 1.0 / _EDGE)), logits)
    weighted = design * weights[:, None]
    penalty = _RIDGE * total * np.eye(design.shape[1])
    penalty[0, 0] = 0.0
    return Emulator(trial, centre, scale, np.linalg.solve(weighted.T @ design + penalty, weighted.T @ target))
