"""The evidence: how probable the published statistics are under the priors, the simulator and the form of a study.

The logarithm of the mean likelihood over the prior. Studies of the same cohorts and statistics that differ in the form
of their scenario, or in a prior, can be compared by it: a difference of 3 is a Bayes factor of 20. Chains do not give
it, so a bridge is built between them and a multivariate normal distribution like them (Meng, Wong 1996, Statistica
Sinica 6:831-860; Gronau et al. 2017, J Math Psychol 81:80-97), and the weights that correct the emulators correct it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import logsumexp

from trialsim.typing import Floats

N_BRIDGE: Final = 1000  # draws of each group, and of the normal distribution beside it
_STEPS: Final = 200  # of the iteration, at most
_CLOSE: Final = 1e-8


@dataclass(frozen=True)
class LogEvidence:
    """The natural logarithm of the evidence, and its Monte Carlo standard error."""

    value: float
    mcse: float

    def corrected(self, log_weights: Floats, ess: float) -> LogEvidence:
        """The evidence of the simulated likelihood, from that of the emulated one.

        `log_weights` (draws,) are logarithms of simulated over emulated likelihood, `ess` what they are worth.
        """
        n = len(log_weights)
        error = math.sqrt(max(0.0, 1.0 / ess - 1.0 / n))
        return LogEvidence(self.value + float(logsumexp(log_weights)) - math.log(n), math.hypot(self.mcse, error))


def log_evidence(log_density: Callable[[Floats], Floats], groups: Floats, random: np.random.Generator) -> LogEvidence:
    """The logarithm of the integral of a density, from draws of it in groups of chains.

    Parameters
    ----------
    log_density
        The logarithm of the density, not normalised: shapes (n, scores) to (n,).
    groups
        Draws, shape (groups, draws, scores). The normal distribution beside each group comes from the other groups.
    random
        Thins the draws and draws from the normal distributions.

    Returns
    -------
    LogEvidence
        The mean over the groups; its error is that of the groups.
    """
    values = []
    for g, group in enumerate(groups):
        others = np.concatenate([item for i, item in enumerate(groups) if i != g])
        mean, covariance = others.mean(axis=0), np.cov(others, rowvar=False)
        root = np.linalg.cholesky(covariance)
        own = group[random.permutation(len(group))[:N_BRIDGE]]
        proposed = mean + random.standard_normal((N_BRIDGE, len(mean))) @ root.T
        values.append(_bridged(*(log_density(x) - _log_normal(x, mean, root) for x in (own, proposed))))
    return LogEvidence(float(np.mean(values)), float(np.std(values, ddof=1)) / math.sqrt(len(values)))


def _log_normal(x: Floats, mean: Floats, root: Floats) -> Floats:
    """The log density of a normal distribution with a root of its covariance."""
    standard = np.linalg.solve(root, (x - mean).T)
    constant = 0.5 * len(mean) * math.log(2.0 * math.pi) + np.log(np.diag(root)).sum()
    return np.asarray(-0.5 * np.sum(standard**2, axis=0) - constant)


def _bridged(own: Floats, proposed: Floats) -> float:
    """The log of the ratio of two normalising constants, from log ratios of densities at draws of each (Meng, Wong)."""
    share = len(own) / (len(own) + len(proposed))
    log_ratio = float(np.median(own))
    for _ in range(_STEPS):
        floor = math.log1p(-share) + log_ratio
        up = logsumexp(proposed - np.logaddexp(math.log(share) + proposed, floor)) - math.log(len(proposed))
        down = logsumexp(-np.logaddexp(math.log(share) + own, floor)) - math.log(len(own))
        before, log_ratio = log_ratio, float(up - down)
        if abs(log_ratio - before) < _CLOSE:
            break
    return log_ratio
