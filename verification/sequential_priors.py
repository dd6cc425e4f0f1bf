"""A posterior as the next prior: prior, then statistics A, then statistics B, against A and B at once.

    python -m verification.sequential_priors [draws] [replicates]

The 27 patients tell both parts: responses and the fates of responders, and all else (toxicities, doses, evaluability,
follow-up). The terms of the likelihood are a product, so that in the end the posterior must be the same, but for what
the Gaussian copula of the draws between the two loses. Points are drawn about three posteriors (given A, given B, given
both) and simulated once; each posterior is a set of weights on the same points (balance heuristic, Veach and Guibas
1995), so that differences hold little Monte Carlo error. Prints, for both orders, how far the medians and 90 % limits
of each parameter are from those of the calibration at once, in posterior standard deviations on the scale of the prior.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import logsumexp

from trialsim.calibration.drawn_prior import DrawnMarginal
from trialsim.calibration.likelihood import cells_of
from trialsim.calibration.model import Calibration, calibration_of
from trialsim.calibration.prior import JointPrior, log_density
from trialsim.config import load_published_trial
from trialsim.config.calibrated.draw_tables import ParameterTable
from trialsim.simulation.workers import available_cores
from trialsim.typing import Floats
from verification.independent_fit import DEGREES, next_power

RESPONSE = ("response", "responders")
POINTS = (0.5, 0.05, 0.95)
ROUND = 1500
FULL_ROUNDS = 2
WIDTH = 1.2  # of proposals, against tails that are too short
N_BETWEEN = 4000
STEP = 1e-4  # of scores, for the slope of a map


@dataclass(frozen=True)
class Proposal:
    """A multivariate t."""

    mean: Floats
    scale: Floats

    def draw(self, random: np.random.Generator, n: int) -> Floats:
        """Scores (n, parameters)."""
        return np.asarray(stats.multivariate_t(self.mean, self.scale, df=DEGREES, seed=random).rvs(n))

    def log_density(self, z: Floats) -> Floats:
        """Of scores, normalised. Shapes (n, parameters) to (n,)."""
        return np.asarray(stats.multivariate_t(self.mean, self.scale, df=DEGREES).logpdf(z))


def part_of(calibration: Calibration, has_response: bool) -> Calibration:
    """The calibration to the terms about response, or to all others."""
    terms = tuple(t for t in calibration.terms if has_response == t.quantities[0].startswith(RESPONSE))
    return replace(calibration, terms=terms, simulator=calibration.simulator.with_cells(cells_of(terms)))


def proposal_for(calibration: Calibration, random: np.random.Generator) -> Proposal:
    """A proposal near the posterior: rounds that begin at the prior, as in `independent_fit`."""
    d = len(calibration.names)
    found, power, n_full = Proposal(np.zeros(d), np.eye(d)), 0.0, 0
    while n_full < FULL_ROUNDS:
        z = found.draw(random, ROUND)
        log_likelihood = calibration.log_likelihoods(z, available_cores()).sum(axis=1)
        ratio = log_density(z) - found.log_density(z)
        power = next_power(ratio, log_likelihood, power)
        n_full += power == 1.0
        w = normalised(ratio + power * log_likelihood)
        mean = w @ z
        found = Proposal(mean, WIDTH**2 * (w[:, None] * (z - mean)).T @ (z - mean))
    return found


def normalised(log_weights: Floats) -> Floats:
    """Weights that add up to 1."""
    w = np.exp(log_weights - log_weights.max())
    return np.asarray(w / w.sum())


def log_density_of_scores(prior: JointPrior, z: Floats) -> Floats:
    """The log density of a prior of draws on the scale of the scores of the parameter set's, up to a constant."""
    maps = [item.quantile_map for item in prior.marginals if isinstance(item, DrawnMarginal)]
    marginal = np.stack([item.backward(z[:, i]) for i, item in enumerate(maps)], axis=-1)
    independent = marginal if prior.copula is None else marginal @ prior.copula.inverse_root
    total = log_density(independent)
    for i, item in enumerate(maps):
        ahead, behind = (item.forward(marginal[:, i] + side) for side in (STEP, -STEP))
        total = total - np.log((ahead - behind) / (2.0 * STEP))
    return np.asarray(total)


def points(z: Floats, w: Floats) -> Floats:
    """Median and 90 % limits of weighted draws. Shape (3, parameters)."""
    columns = []
    for i in range(z.shape[1]):
        order = np.argsort(z[:, i])
        columns.append(np.interp(POINTS, np.cumsum(w[order]) - w[order] / 2.0, z[order, i]))
    return np.stack(columns, axis=-1)


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    replicates = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    scenario, random = load_published_trial("tosi2000"), np.random.default_rng(10)
    calibration = calibration_of(scenario, replicates=replicates)
    parts = {has_response: part_of(calibration, has_response) for has_response in (True, False)}
    proposals = [proposal_for(item, random) for item in (calibration, *parts.values())]
    z = np.concatenate([item.draw(random, n) for item in proposals])
    log_proposal = logsumexp([item.log_density(z) for item in proposals], axis=0)
    log_likelihood = {key: item.log_likelihoods(z, available_cores()).sum(axis=1) for key, item in parts.items()}
    log_prior = log_density(z) - log_proposal
    both = normalised(log_prior + log_likelihood[True] + log_likelihood[False])
    at_once = points(z, both)
    sds = np.sqrt(both @ z**2 - (both @ z) ** 2)
    print(f"{len(z)} points; at once they are worth {1.0 / np.sum(both**2):.0f}")
    for words, first in (("response first", True), ("response last", False)):
        between = normalised(log_prior + log_likelihood[first])
        rows = np.searchsorted(np.cumsum(between), (np.arange(N_BETWEEN) + 0.5) / N_BETWEEN)
        draws = calibration.prior.values(z[np.minimum(rows, len(z) - 1)])
        table = ParameterTable("between", calibration.names, calibration.prior.units, draws)
        prior = calibration_of(scenario, replicates=1, prior_draws=table).prior
        log_between = log_density_of_scores(prior, z) - log_proposal
        moved = (points(z, normalised(log_between + log_likelihood[not first])) - at_once) / sds
        worth = 1.0 / np.sum(between**2)
        largest, mean = np.abs(moved).max(axis=1).round(3), np.abs(moved).mean(axis=1).round(3)
        print(f"\n{words} (draws between are worth {worth:.0f}): largest {largest}, mean {mean}")
        names = list(calibration.names)
        print(pd.DataFrame(moved.T, index=names, columns=["median", "lower", "upper"]).round(3).to_string())


if __name__ == "__main__":
    main()
