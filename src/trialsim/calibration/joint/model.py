"""The joint model of several trials on the scale of scores: shared parameters, differences between trials, practice.

    shared parameter      z_k                              the same in every trial
    one that differs      z_jk = z_k + (tau_f / sd_k) u_jk the trials scatter about z_k, with an sd for each family f
    a trial's own         z_jk = u_jk                      practice, such as the cut-off: nothing is learned from others

All of z, u and the scores of tau are standard normal a priori, so the joint prior is N(0, I). `tau_f` is the
between-trial sd on the scale of the distribution (log of a rate, logit of a probability), half-normal a priori; `sd_k`
is the prior's own sd on that scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtr, ndtri

from trialsim.calibration.model import Calibration
from trialsim.calibration.prior import Marginal
from trialsim.typing import Counts, Floats


@dataclass(frozen=True)
class Family:
    """Parameters that differ between trials by as much: `sd` is the scale of the half-normal prior of tau."""

    name: str
    parameters: tuple[str, ...]
    sd: float

    def between_trial_sd(self, scores: Floats) -> Floats:
        """The between-trial sd (tau) for standard normal scores, half-normal."""
        return np.asarray(self.sd * ndtri((1.0 + ndtr(scores)) / 2.0))

    def score(self, tau: Floats) -> Floats:
        """The standard normal score of a between-trial sd."""
        return np.asarray(ndtri(2.0 * ndtr(tau / self.sd) - 1.0))


@dataclass(frozen=True)
class Places:
    """Where the scores of one trial stand in the joint vector, parameter by parameter.

    `shared` is the place of z_k (or -1 for a trial's own parameter), `unit` that of u_jk (or -1 for a parameter that is
    the same in every trial), `family` the number of the family (or -1), `prior_sd` the prior's sd on its scale.
    """

    shared: Counts
    unit: Counts
    family: Counts
    prior_sd: Floats

    @property
    def units(self) -> Counts:
        """The places of all that belongs to this trial alone."""
        return self.unit[self.unit >= 0]


@dataclass(frozen=True)
class JointModel:
    """Trials with the priors of their parameters; those of one name are one parameter.

    `own` are the parameters that each trial has for itself.
    """

    names: tuple[str, ...]
    trials: tuple[Calibration, ...]
    families: tuple[Family, ...]
    own: frozenset[str]

    @cached_property
    def marginals(self) -> dict[str, Marginal]:
        """The prior of each parameter that is not a trial's own, by name, in order of appearance."""
        found = {item.name: item for trial in self.trials for item in trial.prior.marginals}
        return {name: item for name, item in found.items() if name not in self.own}

    @property
    def n_shared(self) -> int:
        """How many scores are shared: those of the parameters, then those of the families."""
        return len(self.marginals) + len(self.families)

    @cached_property
    def n_scores(self) -> int:
        """The length of the joint vector."""
        return self.n_shared + sum(len(places.units) for places in self.places)

    @cached_property
    def places(self) -> tuple[Places, ...]:
        """Where the scores of each trial stand."""
        shared_names = list(self.marginals)
        family_of = {name: i for i, family in enumerate(self.families) for name in family.parameters}
        places, first = [], self.n_shared
        for trial in self.trials:
            family = np.array([family_of.get(name, -1) for name in trial.names])
            is_own = np.array([name in self.own for name in trial.names])
            has_unit = is_own | (family >= 0)
            unit = np.where(has_unit, first + np.cumsum(has_unit) - 1, -1)
            shared = np.array([-1 if name in self.own else shared_names.index(name) for name in trial.names])
            sds = np.array([item.sd for item in trial.prior.marginals])
            places.append(Places(shared, unit, np.where(is_own, -1, family), sds))
            first += int(has_unit.sum())
        return tuple(places)

    def between_trial_sds(self, x: Floats) -> Floats:
        """The between-trial sd of each family. Shapes (n, scores) to (n, families)."""
        first = len(self.marginals)
        columns = [family.between_trial_sd(x[:, first + i]) for i, family in enumerate(self.families)]
        return np.stack(columns, axis=-1) if columns else np.zeros((len(x), 0))

    def trial_scores(self, x: Floats, j: int) -> Floats:
        """The scores of the parameters of one trial. Shapes (n, scores) to (n, parameters of the trial)."""
        places, taus = self.places[j], self.between_trial_sds(x)
        shared = np.where(places.shared >= 0, x[:, np.maximum(places.shared, 0)], 0.0)
        unit = np.where(places.unit >= 0, x[:, np.maximum(places.unit, 0)], 0.0)
        return shared + unit * self._widths(taus, places)

    def _widths(self, taus: Floats, places: Places) -> Floats:
        """How far a unit moves a score: tau / sd, 1 for a trial's own parameter."""
        if not self.families:
            return np.ones((len(taus), len(places.family)))
        return np.where(places.family >= 0, taus[:, np.maximum(places.family, 0)] / places.prior_sd, 1.0)

    def new_trial_scores(self, x: Floats, random: np.random.Generator) -> Floats:
        """The scores of a trial that has not been seen, for each draw. Shapes (n, scores) to (n, shared parameters)."""
        first = len(self.marginals)
        taus, family_of = self.between_trial_sds(x), self._family_of
        scores = x[:, :first].copy()
        for k, (name, marginal) in enumerate(self.marginals.items()):
            if name in family_of:
                scores[:, k] += taus[:, family_of[name]] / marginal.sd * random.standard_normal(len(x))
        return np.asarray(scores)

    @cached_property
    def _family_of(self) -> dict[str, int]:
        return {name: i for i, family in enumerate(self.families) for name in family.parameters}


def log_likelihoods(model: JointModel, x: Floats, workers: int) -> Floats:
    """The simulated log-likelihood of each trial at each joint vector. Shapes (n, scores) to (n, trials)."""
    each = [
        trial.log_likelihoods(model.trial_scores(x, j), workers).sum(axis=-1) for j, trial in enumerate(model.trials)
    ]
    return np.stack(each, axis=-1)
