"""Weighted draws of several densities that are alike: adaptive importance sampling (Cornuet et al. 2012).

Cornuet, Marin, Mira, Robert 2012, Scandinavian Journal of Statistics 39:798. The first draws spread as widely as the
prior. Each further round draws from multivariate t's: one for each density that has too few draws, fitted to what its
weighted draws were so far. A draw's weight is the density over the mixture of all proposals of all rounds, so each draw
serves every density.

A round is a function of the seed and of what the densities were at the draws before, so an interrupted sampling goes on
exactly as if it had not been.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from arviz_stats.base import array_stats
from scipy.optimize import brentq
from scipy.special import logsumexp

from trialsim.calibration.sampling import Proposal
from trialsim.typing import Floats

DRAWS_IN_ROUND: Final = 2000
MOST_ROUNDS: Final = 20
FEWEST_EFFECTIVE: Final = 1000.0
LARGEST_K: Final = 0.7  # of weights whose mean can be trusted (Vehtari et al. 2024, JMLR 25:72)
_FEWEST_PER_PARAMETER: Final = 6.0  # effective draws that a proposal is fitted to

LogDensities = Callable[[Floats], Floats]


@dataclass
class ImportanceSample:
    """Draws from a mixture of proposals, and the log of each density there: (draws, parameters), (draws, densities)."""

    n_parameters: int
    seed: int
    scores: list[Floats] = field(default_factory=list)
    log_densities: list[Floats] = field(default_factory=list)
    _proposals: list[tuple[int, Proposal]] = field(default_factory=list)

    @property
    def n_draws(self) -> int:
        """How many draws there are."""
        return sum(map(len, self.scores))

    def grow(self, log_densities: LogDensities, known: Sequence[Floats], on_round: Callable[[], None]) -> None:
        """Draw until each density has enough draws, or for the most rounds that are allowed.

        `known` are the log densities of the first rounds of the same sampling; `on_round` is called after each other.
        """
        new = [Proposal(np.zeros(self.n_parameters), np.eye(self.n_parameters))]
        while new and len(self.scores) < MOST_ROUNDS:
            n_rounds, n_each = len(self.scores), DRAWS_IN_ROUND // len(new)
            random = np.random.RandomState(np.random.SeedSequence([self.seed, n_rounds]).generate_state(8))
            scores = np.concatenate([proposal.draw(n_each, random) for proposal in new])
            is_known = n_rounds < len(known)
            self.log_densities.append(known[n_rounds] if is_known else log_densities(scores))
            self.scores.append(scores)
            self._proposals += [(n_each, proposal) for proposal in new]
            if not is_known:
                on_round()
            new = self._next_proposals()

    def _next_proposals(self) -> list[Proposal]:
        """A proposal for each density that has too few draws; none where no draw tells where it is."""
        weighted = self.weighted
        poor = [i for i in range(weighted.n_densities) if not weighted.is_enough(i)]
        return [
            Proposal.fitted(weighted.scores, weights)
            for i in poor
            if (weights := weighted.flattened(i, _FEWEST_PER_PARAMETER * self.n_parameters)).any()
        ]

    def _log_weights(self) -> Floats:
        """Log weights (draws, densities): the density over the mixture of all proposals."""
        scores, densities = np.concatenate(self.scores), np.concatenate(self.log_densities)
        logs = [np.log(n / len(scores)) + proposal.log_density(scores) for n, proposal in self._proposals]
        return np.asarray(densities - logsumexp(np.stack(logs), axis=0)[:, None])

    @property
    def weighted(self) -> Weighted:
        """All draws, weighted for each density."""
        return Weighted(np.concatenate(self.scores), self._log_weights())


@dataclass(frozen=True)
class Weighted:
    """Draws (n, parameters) with log weights (n, densities)."""

    scores: Floats
    log_weights: Floats

    @property
    def n_densities(self) -> int:
        """How many densities the draws are weighted for."""
        return int(self.log_weights.shape[1])

    @cached_property
    def _weights(self) -> Floats:
        return np.stack([_normalised(logs) for logs in self.log_weights.T], axis=1)

    def ess(self, i: int) -> float:
        """How many draws of equal weight those of one density are worth (Kish 1965)."""
        return _worth(self._weights[:, i])

    def pareto_k(self, i: int) -> float:
        """The shape of the tail of the weights of one density; infinite where too few are positive to tell."""
        logs = self.log_weights[np.isfinite(self.log_weights[:, i]), i]
        k = float(array_stats.psislw(-logs)[1]) if len(logs) else np.inf
        return k if np.isfinite(k) else np.inf

    def is_enough(self, i: int) -> bool:
        """Whether the draws of one density are enough, and no few of them have most of the weight."""
        return self.ess(i) >= FEWEST_EFFECTIVE and self.pareto_k(i) <= LARGEST_K

    def flattened(self, i: int, fewest: float) -> Floats:
        """The weights (n,) of one density, raised to a power below 1 where they are worth fewer than `fewest` draws."""
        logs = self.log_weights[:, i]
        is_positive = np.isfinite(logs)
        if self.ess(i) >= fewest or np.count_nonzero(is_positive) <= fewest:
            return np.asarray(self._weights[:, i])
        power = brentq(lambda power: _worth(_normalised(power * logs[is_positive])) - fewest, 0.0, 1.0)
        flattened = np.zeros_like(logs)
        flattened[is_positive] = _normalised(power * logs[is_positive])
        return flattened

    def resampled(self, i: int, n: int) -> Floats:
        """`n` draws (n, parameters) of equal weight of one density, by systematic resampling."""
        rows = np.searchsorted(np.cumsum(self._weights[:, i]), (np.arange(n) + 0.5) / n)
        return self.scores[np.minimum(rows, len(self.scores) - 1)]


def _normalised(logs: Floats) -> Floats:
    """Weights with the sum 1 from their logarithms; what cannot be simulated counts for nothing."""
    if np.isneginf(logs).all():
        return np.zeros_like(logs)
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum())


def _worth(weights: Floats) -> float:
    return 1.0 / float(np.sum(weights**2)) if weights.any() else 0.0
