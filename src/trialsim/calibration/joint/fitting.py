"""Rounds of simulation, emulation and sampling; then the correction by the simulated likelihood.

A round fits the emulators to all that has been simulated, runs the chains under them, and simulates at draws of these
chains, spread a little: where the posterior is, the surfaces become exact. When the emulated and the simulated
log-likelihood differ little there, the chains run on, their draws are simulated, and each draw is weighted by the ratio
of the likelihoods (importance sampling, the weights smoothed: Vehtari, Simpson, Gelman, Yao, Gabry 2024, JMLR 25:72).
So the emulators cost precision where they fail, and nothing else.

All random numbers belong to (seed, round), and what has been simulated is kept: an interrupted fit goes on as if it had
not been.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
from arviz_stats.base import array_stats

from trialsim.calibration.diagnostics import SMALLEST_ESS, diagnostics, has_converged
from trialsim.calibration.joint.emulator import Emulator, features, fit_emulator
from trialsim.calibration.joint.evidence import LogEvidence, log_evidence
from trialsim.calibration.joint.model import JointModel
from trialsim.calibration.joint.sampling import JointChains
from trialsim.calibration.likelihood import log_likelihoods
from trialsim.errors import OptionError
from trialsim.records.tables import plain_rows
from trialsim.typing import Floats

PRIOR_POINTS: Final = 400  # of each trial, to begin with
ROUND_POINTS: Final = 400  # of each trial in each round
FEWEST_ROUNDS: Final = 3
MOST_ROUNDS: Final = 5
LAST_ROUND_POINTS: Final = 1600  # at most, of each trial in one more round, near the posterior
POINTS_FOR_COEFFICIENT: Final = 6  # of a surface, in that round
MOST_CORRECTIONS: Final = 3  # draws that were simulated in vain make the surfaces better
GOOD_ENOUGH: Final = 0.35  # sd of the difference of the log-likelihoods of one trial: weights worth 88 % of the draws
LARGEST_K: Final = 0.7  # of the Pareto tail of the weights; above it they cannot be trusted
N_CHAINS: Final = 128
N_GROUPS: Final = 4  # of the last chains: those of one group start from the same point
ROUND_STEPS: Final = 100
BURN_IN: Final = 50
BURN_IN_AT_LAST: Final = 160
STEPS_IN_LEG: Final = 160  # of the last chains, which run until they have converged
KEEP_EVERY: Final = 4
MOST_LEGS: Final = 10
POWER: Final = 0.9  # of the emulated likelihood under which chains run: tails that are too wide cost little
_PRIOR_WEIGHT: Final = 0.05
_FADING: Final = 0.5  # of the weight of older points in each round
_FINAL: Final = 1_000_000  # the round number of the last chains


@dataclass
class Simulated:
    """What has been simulated of each trial: scores (n, parameters), cells (n, cells), the round of each (n,)."""

    scores: list[list[Floats]] = field(default_factory=list)
    cells: list[list[Floats]] = field(default_factory=list)

    def of_round(self, number: int, j: int) -> tuple[Floats, Floats] | None:
        """The points of a trial in a round; None where they are not there yet."""
        if number >= len(self.scores) or j >= len(self.scores[number]):
            return None
        return self.scores[number][j], self.cells[number][j]

    def add(self, number: int, scores: Floats, cells: Floats) -> None:
        """The points of the next trial in a round."""
        if number == len(self.scores):
            self.scores.append([])
            self.cells.append([])
        self.scores[number].append(scores)
        self.cells[number].append(cells)

    def weighted(self, j: int, up_to: int) -> tuple[Floats, Floats, Floats]:
        """Points of one trial from the rounds up to one, with their weights; points that cannot be are left out."""
        parts = [(self.scores[i][j], self.cells[i][j]) for i in range(up_to + 1)]
        weights = [(_FADING if i > 0 else _PRIOR_WEIGHT) ** (1 if i == 0 else up_to - i) for i in range(up_to + 1)]
        z, cells = (np.concatenate(items) for items in zip(*parts, strict=True))
        w = np.concatenate([np.full(len(part[0]), weight) for part, weight in zip(parts, weights, strict=True)])
        is_possible = ~np.isnan(cells).any(axis=1)
        return z[is_possible], cells[is_possible], w[is_possible]

    def without(self, j: int) -> Simulated:
        """The same of the other trials."""
        lists = ([rounds[:j] + rounds[j + 1 :] for rounds in every] for every in (self.scores, self.cells))
        return Simulated(*lists)

    def arrays(self) -> dict[str, Floats]:
        """Everything, to be stored."""
        return {
            f"{name}.{i}.{j}": values
            for name, rounds in (("scores", self.scores), ("cells", self.cells))
            for i, trials in enumerate(rounds)
            for j, values in enumerate(trials)
        }

    @classmethod
    def of_arrays(cls, arrays: Any) -> Simulated:
        """What was stored."""
        stored = cls()
        keys = sorted(tuple(map(int, key.split(".")[1:])) for key in arrays if key.startswith("scores."))
        for i, j in keys:
            stored.add(i, arrays[f"scores.{i}.{j}"], arrays[f"cells.{i}.{j}"])
        return stored


@dataclass(frozen=True)
class JointFit:
    """Draws of the joint vector, shape (draws, scores), resampled by weight; what they are worth, and diagnostics.

    `errors` is the sd of the emulated less the simulated log-likelihood of each trial, `k` the Pareto shape of the
    weights, `ess` how many draws the weights leave, `evidence` the logarithm of the evidence of the cohorts.
    """

    model: JointModel
    draws: Floats
    errors: tuple[float, ...]
    k: float
    ess: float
    diagnostics: pd.DataFrame
    seed: int
    evidence: LogEvidence


OnSimulated = Callable[[Simulated, int], None]


def fit_joint(
    model: JointModel,
    seed: int,
    n_draws: int,
    workers: int = 1,
    simulated: Simulated | None = None,
    on_simulated: OnSimulated = lambda simulated, rounds: None,
    *,
    start: Floats | None = None,
    min_ess: float = SMALLEST_ESS,
) -> JointFit:
    """The joint posterior of several trials.

    Goes on from what has been `simulated`; `on_simulated` gets all of it after each trial of each round. With a `start`
    (chains, scores), what has been simulated is of other draws near the posterior: the chains begin there, and one
    round is enough. Chains run until every score has the effective sample size `min_ess`. Raises `RequestError` where
    the emulators stay too far from the simulator.
    """
    simulated = simulated if simulated is not None else Simulated()
    first, fewest, most = 0, FEWEST_ROUNDS, MOST_ROUNDS
    if start is None:
        points: Floats = _random(seed, 0).standard_normal((PRIOR_POINTS, model.n_scores))
        start = points[:N_CHAINS]
    else:
        first, fewest, most = len(simulated.scores), 0, 1
        start, points = _moved(model, simulated, first - 1, start, seed, ROUND_POINTS)
    for number in range(first, first + most):
        _simulate(model, simulated, number, points, workers, on_simulated)
        is_last = number == first + most - 1
        if not is_last and number - first >= fewest:
            is_last = max(_errors(model, simulated, number)) <= GOOD_ENOUGH
        start, points = _moved(model, simulated, number, start, seed, _last_points(model) if is_last else ROUND_POINTS)
        if is_last:
            break
    if first == 0:
        number += 1
        _simulate(model, simulated, number, points, workers, on_simulated)
    for _ in range(MOST_CORRECTIONS):
        emulators = _emulators(model, simulated, number)
        last_start = np.repeat(start[:N_GROUPS], N_CHAINS // N_GROUPS, axis=0)
        chains = JointChains(model, emulators, last_start, _random(seed, _FINAL + number), POWER)
        kept, table = _converged(chains, min_ess)
        flat = kept.reshape(-1, model.n_scores)
        chosen = _random(seed, 2 * _FINAL + number).choice(len(flat), n_draws, replace=len(flat) < n_draws)
        number += 1
        weighted = _weighted(model, simulated, number, flat[chosen], emulators, workers, on_simulated)
        if weighted.k <= LARGEST_K:
            evidence = log_evidence(chains.log_density, _grouped(kept), _random(seed, 4 * _FINAL + number))
            return _resampled(model, flat[chosen], weighted, table, seed, number, evidence)
    shape = f"Pareto k {weighted.k:.2f}, at most {LARGEST_K}"
    problem = f"the emulated likelihood stays too far from the simulated one ({shape})."
    raise OptionError("--replicates", problem, "more simulated trials at each point, or fewer parameters.")


def _last_points(model: JointModel) -> int:
    """How many points of each trial the last round has: enough for the surface of the trial with most parameters."""
    n_coefficients = features(np.zeros((1, max(len(trial.names) for trial in model.trials)))).shape[1]
    return min(LAST_ROUND_POINTS, max(ROUND_POINTS, POINTS_FOR_COEFFICIENT * int(n_coefficients)))


def _moved(
    model: JointModel, simulated: Simulated, number: int, start: Floats, seed: int, n_points: int
) -> tuple[Floats, Floats]:
    """Where chains from `start` come to under the surfaces of a round, and draws of theirs, (points, scores)."""
    chains = JointChains(model, _emulators(model, simulated, number), start.copy(), _random(seed, number + 1), POWER)
    kept = chains.run(ROUND_STEPS)[BURN_IN:]
    flat = kept.reshape(-1, model.n_scores)
    return kept[-1], flat[_random(seed, 1000 + number).choice(len(flat), n_points, replace=False)]


def _converged(chains: JointChains, min_ess: float) -> tuple[Floats, pd.DataFrame]:
    """Chains (steps, chains, scores) that have run until they converged, and their diagnostics.

    R-hat compares groups of chains, each group from one starting point (nested R-hat: Margossian, Hoffman, Sountsov,
    Riou-Durand, Vehtari, Gelman 2024, Bayesian Analysis): many short chains agree only as well as each is long.
    """
    chains.run(BURN_IN_AT_LAST)
    kept: list[Floats] = []
    for _ in range(MOST_LEGS):
        kept.append(chains.run(STEPS_IN_LEG, KEEP_EVERY))
        every = np.concatenate(kept)
        by_chain = np.ascontiguousarray(every.transpose(1, 0, 2))
        table = diagnostics(by_chain, _names(chains.model))
        table["r_hat"] = diagnostics(_grouped(every), _names(chains.model))["r_hat"]
        if has_converged(table, min_ess):
            return every, table
    worst = max(plain_rows(table), key=lambda row: float(row["r_hat"]))
    problem = f"the chains have not converged: R-hat {worst['r_hat']:.3f} of {worst['parameter']!r}."
    raise OptionError("trialsim calibrate", problem, "fewer parameters that differ between trials, or narrower priors.")


def _grouped(kept: Floats) -> Floats:
    """Draws (steps, chains, scores) of each group of chains in the order of their steps: its halves are early and late.

    Shape (groups, draws, scores).
    """
    n_steps, n_chains, n_scores = kept.shape
    by_group = kept.reshape(n_steps, N_GROUPS, n_chains // N_GROUPS, n_scores).transpose(1, 0, 2, 3)
    return np.ascontiguousarray(by_group.reshape(N_GROUPS, -1, n_scores))


def _simulate(
    model: JointModel, simulated: Simulated, number: int, x: Floats, workers: int, on_simulated: OnSimulated
) -> None:
    for j, trial in enumerate(model.trials):
        if simulated.of_round(number, j) is None:
            z = model.trial_scores(x, j)
            simulated.add(number, z, trial.probabilities(z, workers))
            on_simulated(simulated, number)


def _emulators(model: JointModel, simulated: Simulated, number: int) -> list[Emulator]:
    return [fit_emulator(trial, *simulated.weighted(j, number)) for j, trial in enumerate(model.trials)]


def _errors(model: JointModel, simulated: Simulated, number: int) -> list[float]:
    """How far the emulators of the rounds before are from what this round simulated, near the posterior."""
    if number == 0:
        return [np.inf]
    emulators = _emulators(model, simulated, number - 1)
    return [
        _error(emulators[j], *(simulated.of_round(number, j) or (_NOTHING, _NOTHING))) for j in range(len(emulators))
    ]


def _error(emulator: Emulator, z: Floats, cells: Floats) -> float:
    is_possible = ~np.isnan(cells).any(axis=1)
    trial = emulator.trial
    exact = log_likelihoods(trial.terms, trial.simulator.cells, cells[is_possible]).sum(axis=-1)
    is_near = exact > exact.max() - _NEAR
    return float(np.std((emulator.log_likelihood(z[is_possible]) - exact)[is_near]))


_NEAR: Final = 10.0  # of the log-likelihood: points further below its largest value do not count
_NOTHING: Final = np.zeros((0, 0))


@dataclass(frozen=True)
class _Weighted:
    """Weights of draws: simulated over emulated likelihood, smoothed; `k` of their tail; the errors of the trials.

    `logs` are the logarithms of the weights as they are: not smoothed, and not scaled.
    """

    weights: Floats
    logs: Floats
    k: float
    errors: tuple[float, ...]


def _weighted(
    model: JointModel,
    simulated: Simulated,
    number: int,
    draws: Floats,
    emulators: list[Emulator],
    workers: int,
    on_simulated: OnSimulated,
) -> _Weighted:
    _simulate(model, simulated, number, draws, workers, on_simulated)
    differences = []
    for j, trial in enumerate(model.trials):
        z, cells = simulated.of_round(number, j) or (_NOTHING, _NOTHING)
        exact = log_likelihoods(trial.terms, trial.simulator.cells, cells).sum(axis=-1)
        differences.append(np.where(np.isnan(exact), -np.inf, exact) - POWER * emulators[j].log_likelihood(z))
    logs = np.sum(differences, axis=0)
    log_weights, k = array_stats.psislw(-logs)  # it takes the negative of a log-weight
    weights = np.exp(log_weights)
    errors = tuple(_weighted_sd(np.where(np.isfinite(item), item, 0.0), weights) for item in differences)
    return _Weighted(weights, logs, float(k), errors)


def _resampled(
    model: JointModel,
    draws: Floats,
    weighted: _Weighted,
    table: pd.DataFrame,
    seed: int,
    number: int,
    evidence: LogEvidence,
) -> JointFit:
    """The draws, each as often as its weight says."""
    weights = weighted.weights
    ess = float(weights.sum() ** 2 / (weights**2).sum())
    chosen = np.searchsorted(np.cumsum(weights), (np.arange(len(draws)) + 0.5) / len(draws) * weights.sum())
    order = _random(seed, 3 * _FINAL + number).permutation(len(draws))
    drawn = draws[np.minimum(chosen, len(draws) - 1)][order]
    return JointFit(model, drawn, weighted.errors, weighted.k, ess, table, seed, evidence.corrected(weighted.logs, ess))


def _weighted_sd(values: Floats, weights: Floats) -> float:
    """The standard deviation of values under weights: draws that count for nothing count for nothing here."""
    shares = weights / weights.sum()
    return float(np.sqrt(shares @ (values - shares @ values) ** 2))


def _names(model: JointModel) -> tuple[str, ...]:
    """A name for each score of the joint vector."""
    names = [*model.marginals, *(f"between-trial sd of {family.name}" for family in model.families)]
    for title, trial, places in zip(model.names, model.trials, model.places, strict=True):
        names += [f"{title}: {name}" for name, unit in zip(trial.names, places.unit, strict=True) if unit >= 0]
    return tuple(names)


def _random(seed: int, number: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence([seed, number]))
