"""Markov chains for the posterior: independent ensembles of walkers (emcee) from different places.

An ensemble begins at draws of the prior, which is wider than the posterior, and finds the posterior by differential
evolution. Then a multivariate t is fitted to all ensembles, and most moves are proposals from it (an independence
sampler); after a while it is fitted again, to better draws, and frozen. Only then are draws kept: nothing adapts while
they are. On the scale of the scores the posterior is close to normal, so two proposals in three are accepted.

A leg of an ensemble is a function of the state that it starts from and of (seed, ensemble, leg), so an interrupted
sampling goes on exactly as if it had not been.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import emcee
import numpy as np
from scipy.special import gammaln

from trialsim.calibration.interruption import ctrl_c_between_steps
from trialsim.typing import Floats

LogPosterior = Callable[[Floats], Floats]

SAMPLER: Final = 1  # to be raised with any change of what follows: unfinished chains of another sampler are no use
N_ENSEMBLES: Final = 4
STEPS_IN_LEG: Final = 10
SEARCH_LEGS: Final = 6  # of the burn-in: from the prior to the posterior
BURN_IN_LEGS: Final = 12
_LEGS_FITTED: Final = (3, 6)  # the last legs that the first and the second proposal are fitted to
_DEGREES_OF_FREEDOM: Final = 20.0
_STRETCH: Final = 1.05  # of the proposal's scale: tails that are too wide cost little, too narrow ones get stuck
_INDEPENDENT: Final = 3.0  # weight of the independence sampler among the moves, against 1 for differential evolution


@dataclass
class Chains:
    """What has been sampled: scores (leg steps, ensembles, walkers, parameters) and their log posterior, leg by leg."""

    burn_in: list[Floats] = field(default_factory=list)
    scores: list[Floats] = field(default_factory=list)
    log_posterior: list[Floats] = field(default_factory=list)
    accepted: list[float] = field(default_factory=list)

    @property
    def n_legs(self) -> int:
        """How many legs there are, burn-in and all."""
        return len(self.burn_in) + len(self.scores)

    @property
    def kept(self) -> Floats:
        """The draws after the burn-in: (steps, ensembles, walkers, parameters)."""
        return np.concatenate(self.scores)

    def up_to(self, n_legs: int) -> Chains:
        """The first legs."""
        n = n_legs - len(self.burn_in)
        return Chains(self.burn_in, self.scores[:n], self.log_posterior[:n], self.accepted[:n])

    def by_chain(self) -> Floats:
        """The kept draws with each ensemble as one chain, walker after walker: (ensembles, draws, parameters)."""
        steps, ensembles, walkers, parameters = self.kept.shape
        return self.kept.transpose(1, 2, 0, 3).reshape(ensembles, walkers * steps, parameters)

    def thin(self, n: int) -> Floats:
        """`n` of the kept draws, evenly spaced over steps, ensembles and walkers: (n, parameters)."""
        flat = self.kept.reshape(-1, self.kept.shape[-1])
        return flat[np.linspace(0, len(flat) - 1, n).round().astype(np.int64)]

    def arrays(self) -> dict[str, Floats]:
        """Everything, to be stored."""
        empty = np.zeros((0, 0))
        return {
            "burn_in": np.stack(self.burn_in) if self.burn_in else empty,
            "scores": np.stack(self.scores) if self.scores else empty,
            "log_posterior": np.stack(self.log_posterior) if self.log_posterior else empty,
            "accepted": np.array(self.accepted),
        }

    @classmethod
    def of_arrays(cls, arrays: Any) -> Chains:
        """What was stored."""
        return cls(
            list(arrays["burn_in"]), list(arrays["scores"]), list(arrays["log_posterior"]), list(arrays["accepted"])
        )


@dataclass(frozen=True)
class Proposal:
    """A multivariate t: its mean, the Cholesky factor of its scale matrix, and its degrees of freedom."""

    mean: Floats
    factor: Floats
    degrees: float = _DEGREES_OF_FREEDOM

    @classmethod
    def fitted(cls, draws: Floats, weights: Floats | None = None) -> Proposal:
        """A proposal that covers draws (n, parameters), with weights (n,) of the sum 1 where they are weighted.

        The covariance is shrunk towards its diagonal for few.
        """
        n, d = draws.shape
        if weights is not None:
            n = 1.0 / np.sum(weights**2)
        covariance = np.atleast_2d(np.cov(draws.T, aweights=weights))
        weight = n / (n + 4.0 * d)
        shrunk = weight * covariance + (1.0 - weight) * np.diag(np.diag(covariance))
        mean = draws.mean(axis=0) if weights is None else weights @ draws
        return cls(mean, np.linalg.cholesky(shrunk) * _STRETCH)

    def draw(self, n: int, random: np.random.RandomState) -> Floats:
        """New scores (n, parameters)."""
        normal = random.standard_normal((n, len(self.mean)))
        scale = np.sqrt(self.degrees / random.chisquare(self.degrees, size=n))
        return np.asarray(self.mean + (normal * scale[:, None]) @ self.factor.T)

    def log_density(self, z: Floats) -> Floats:
        """The log density of scores. Shapes (n, parameters) to (n,)."""
        d, nu = len(self.mean), self.degrees
        scaled = np.linalg.solve(self.factor, (z - self.mean).T)
        constant = gammaln((nu + d) / 2.0) - gammaln(nu / 2.0) - 0.5 * d * np.log(nu * np.pi)
        constant -= np.log(np.diag(self.factor)).sum()
        return np.asarray(constant - 0.5 * (nu + d) * np.log1p((scaled**2).sum(axis=0) / nu))

    def move(self) -> emcee.moves.MHMove:
        """The independence sampler as a move of emcee."""

        def propose(z: Floats, random: np.random.RandomState) -> tuple[Floats, Floats]:
            new = self.draw(len(z), random)
            return new, self.log_density(z) - self.log_density(new)

        return emcee.moves.MHMove(propose)


@dataclass(frozen=True)
class Ensembles:
    """How a posterior over `n_parameters` scores is sampled; `seed` decides every move."""

    log_posterior: LogPosterior
    n_parameters: int
    seed: int
    n_ensembles: int = N_ENSEMBLES

    @property
    def n_walkers(self) -> int:
        """Walkers in an ensemble: twice the parameters, as emcee asks for, and at least 20."""
        return max(20, 2 * self.n_parameters + 2)

    def grow(self, chains: Chains, n_legs: int) -> Iterator[int]:
        """Add legs until there are `n_legs`, burn-in included; gives how many there are after each."""
        while chains.n_legs < n_legs:
            self._add_leg(chains)
            yield chains.n_legs

    def _add_leg(self, chains: Chains) -> None:
        leg = chains.n_legs
        moves = self._moves(chains)
        starts = self._starts(chains)
        chain_scores, densities, accepted = [], [], []
        for ensemble in range(self.n_ensembles):
            sampler = emcee.EnsembleSampler(
                self.n_walkers, self.n_parameters, self.log_posterior, moves=moves, vectorize=True
            )
            sampler.random_state = self._random(ensemble, leg + 1).get_state()
            start = emcee.State(starts[ensemble])
            with ctrl_c_between_steps() as handle_ctrl_c:
                for _ in sampler.sample(start, iterations=STEPS_IN_LEG, skip_initial_state_check=True):
                    handle_ctrl_c()
            chain_scores.append(sampler.get_chain())
            densities.append(sampler.get_log_prob())
            accepted.append(float(np.mean(sampler.acceptance_fraction)))
        scores = np.stack(chain_scores, axis=1)
        if leg < BURN_IN_LEGS:
            chains.burn_in.append(scores)
        else:
            chains.scores.append(scores)
            chains.log_posterior.append(np.stack(densities, axis=1))
            chains.accepted.append(float(np.mean(accepted)))

    def _moves(self, chains: Chains) -> list[tuple[emcee.moves.Move, float]]:
        evolution: list[tuple[emcee.moves.Move, float]] = [
            (emcee.moves.DEMove(), 0.8),
            (emcee.moves.DEMove(gamma0=1.0), 0.1),
            (emcee.moves.DESnookerMove(), 0.1),
        ]
        n = len(chains.burn_in)
        if n < SEARCH_LEGS:
            return evolution
        first, second = _LEGS_FITTED
        legs = chains.burn_in[SEARCH_LEGS - first : SEARCH_LEGS] if n < BURN_IN_LEGS else chains.burn_in[-second:]
        draws = np.concatenate(legs).reshape(-1, self.n_parameters)
        return [(Proposal.fitted(draws).move(), _INDEPENDENT), *evolution]

    def _starts(self, chains: Chains) -> Floats:
        """Where each ensemble begins: draws of the prior, or where its last leg ended."""
        last = (chains.scores or chains.burn_in)[-1:]
        if last:
            return np.asarray(last[0][-1])
        shape = (self.n_walkers, self.n_parameters)
        return np.stack([self._random(i, 0).standard_normal(shape) for i in range(self.n_ensembles)])

    def _random(self, ensemble: int, leg: int) -> np.random.RandomState:
        words = np.random.SeedSequence([self.seed, ensemble, leg]).generate_state(8)
        return np.random.RandomState(words)
