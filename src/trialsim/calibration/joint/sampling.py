"""Markov chains over the joint posterior under emulated likelihoods: many chains side by side.

One step updates, in turn,
    each trial        what belongs to it alone, given what is shared: elliptical slice sampling (Murray, Adams, MacKay
                      2010), for which the prior is N(0, I) and nothing has to be tuned
    differences       z_k and tau given the trials' own scores (centred): normal, and random walks; no likelihood
    what is shared    z and tau given the units u (not centred): elliptical slice sampling, a few at a time
The last two together are an interweaving (Yu and Meng 2011): one of them moves well where the trials are alike, the
other where they differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from trialsim.calibration.joint.emulator import Emulator
from trialsim.calibration.joint.model import JointModel
from trialsim.typing import Counts, Floats

_BLOCK: Final = 7  # shared scores that are updated at once
_WALKS: Final = 4  # random-walk updates of each tau in a step
_WALK_WIDTH: Final = 0.6  # on the log scale


@dataclass
class JointChains:
    """Chains under way: `x` has shape (chains, scores), `values` the log-likelihood of each trial (chains, trials).

    The likelihood is raised to `power`: below 1 the chains reach further than the posterior.
    """

    model: JointModel
    emulators: Sequence[Emulator]
    x: Floats
    random: np.random.Generator
    power: float = 1.0

    def __post_init__(self) -> None:
        self.values = np.stack([self._trial_value(self.x, j) for j in range(len(self.emulators))], axis=-1)

    def run(self, n_steps: int, keep_every: int = 1) -> Floats:
        """Every so many-th of the next steps. Shape (kept, chains, scores)."""
        kept = []
        for step in range(1, n_steps + 1):
            self._update_trials()
            self._update_differences()
            self._update_shared()
            if step % keep_every == 0:
                kept.append(self.x.copy())
        return np.stack(kept)

    def log_density(self, x: Floats) -> Floats:
        """The logarithm of the prior density times the emulated likelihoods. Shapes (n, scores) to (n,)."""
        values = np.sum([self._trial_value(x, j) for j in range(len(self.emulators))], axis=0)
        return np.asarray(values - 0.5 * np.sum(x**2, axis=-1) - 0.5 * x.shape[-1] * math.log(2.0 * math.pi))

    def _trial_value(self, x: Floats, j: int) -> Floats:
        return np.asarray(self.power * self.emulators[j].log_likelihood(self.model.trial_scores(x, j)))

    def _update_trials(self) -> None:
        for j in range(len(self.emulators)):
            places = self.model.places[j].units
            if len(places) > 0:
                self._slice(places, [j])

    def _update_shared(self) -> None:
        """In blocks that are drawn anew each time: a slice through many scores at once turns by small angles only."""
        n, every = self.model.n_shared, list(range(len(self.emulators)))
        for places in np.array_split(self.random.permutation(n), max(1, math.ceil(n / _BLOCK))):
            if len(places) > 0:
                self._slice(np.sort(places), every)

    def _slice(self, places: Counts, trials: list[int]) -> None:
        """Elliptical slice sampling of some scores, on which the likelihoods of some trials depend, in every chain."""
        n = len(self.x)
        current = self.x[:, places]
        direction = self.random.standard_normal(current.shape)
        level = self.values[:, trials].sum(axis=1) + np.log(self.random.random(n))
        angle = self.random.uniform(0.0, 2.0 * np.pi, n)
        low, high = angle - 2.0 * np.pi, angle.copy()
        open_chains = np.arange(n)
        while len(open_chains) > 0:
            turned = angle[open_chains, None]
            x = self.x[open_chains].copy()
            x[:, places] = current[open_chains] * np.cos(turned) + direction[open_chains] * np.sin(turned)
            values = np.stack([self._trial_value(x, j) for j in trials], axis=-1)
            is_in = values.sum(axis=1) > level[open_chains]
            accepted = open_chains[is_in]
            self.x[accepted] = x[is_in]
            self.values[np.ix_(accepted, trials)] = values[is_in]
            open_chains = open_chains[~is_in]
            is_negative = angle[open_chains] < 0.0
            low[open_chains] = np.where(is_negative, angle[open_chains], low[open_chains])
            high[open_chains] = np.where(is_negative, high[open_chains], angle[open_chains])
            angle[open_chains] = self.random.uniform(low[open_chains], high[open_chains])

    def _update_differences(self) -> None:
        """The shared scores and the between-trial sds of each family, given the scores of the trials."""
        model = self.model
        names, first = list(model.marginals), len(model.marginals)
        taus = model.between_trial_sds(self.x)
        for f, family in enumerate(model.families):
            tau, squares, n_units = taus[:, f], np.zeros(len(self.x)), 0
            held = []
            for name in family.parameters:
                k, sd = names.index(name), model.marginals[name].sd
                places = self._units_of(name)
                z = self.x[:, [k]] + self.x[:, places] * (tau / sd)[:, None]
                precision = (sd / tau) ** 2
                variance = 1.0 / (1.0 + len(places) * precision)
                mean = variance * precision * z.sum(axis=1)
                self.x[:, k] = mean + np.sqrt(variance) * self.random.standard_normal(len(mean))
                differences = (z - self.x[:, [k]]) * sd
                squares += (differences**2).sum(axis=1)
                n_units += len(places)
                held.append((places, differences))
            tau = self._walk(tau, squares, n_units, family.sd)
            for places, differences in held:
                self.x[:, places] = differences / tau[:, None]
            self.x[:, first + f] = family.score(tau)

    def _walk(self, tau: Floats, squares: Floats, n_units: int, scale: float) -> Floats:
        """Random walks of log tau under its half-normal prior, given the sum of squares of the differences."""

        def density(t: Floats) -> Floats:
            return np.asarray(np.log(t) * (1 - n_units) - squares / (2.0 * t**2) - t**2 / (2.0 * scale**2))

        for _ in range(_WALKS):
            proposed = tau * np.exp(_WALK_WIDTH * self.random.standard_normal(len(tau)))
            is_accepted = np.log(self.random.random(len(tau))) < density(proposed) - density(tau)
            tau = np.where(is_accepted, proposed, tau)
        return tau

    def _units_of(self, name: str) -> Counts:
        """The places of the units of one parameter, over the trials that have it."""
        found = []
        for trial, places in zip(self.model.trials, self.model.places, strict=True):
            if name in trial.names:
                found.append(int(places.unit[trial.names.index(name)]))
        return np.array(found)
