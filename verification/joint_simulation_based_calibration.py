"""Is the joint posterior of several trials right? Simulation-based calibration of the richer form, two trials at once.

    python -m verification.joint_simulation_based_calibration [pairs] [fault]

Two invented trials (`two_trials/`) have different ladders, visits, sizes and periods of entry, and publish different
figures. For each of some hundred pairs of them (Talts, Betancourt, Simpson, Vehtari, Gelman 2018, arXiv:1804.06788):

1. Parameters are drawn from the priors as the files state them. This is written here a second time: it knows nothing of
   the scores, units and widths of `JointModel`.
2. One trial of each kind is simulated by the engine, and measured, rounded and printed (`simulated_publications`).
3. The posterior of both together is sampled by the parts of a joint calibration: terms of the likelihood,
   `fit_emulator`, `JointModel`, `JointChains` at the calibration's own power, and Pareto-smoothed weights by simulated
   likelihoods.
4. What was drawn must lie uniformly in the posterior: what is shared, between-trial sds, each trial's own values, and
   the log-likelihood of each trial, which a posterior that did not look at the data would fail (Modrák et al. 2023,
   Bayesian Analysis, arXiv:2211.02383).

What is not tested is how `fit_joint` decides: its rounds, and when its chains have converged. In place of the rounds
there is one pool of points over the prior, simulated once for all pairs, each of which fits its emulators to the points
that are likely under its own data; chains start from weighted points of the pool and are short. Nor are most parameters
of the simple form, which are fixed: `simulation_based_calibration` is about them.

With a fault the posterior is wrong on purpose, and the ranks must say so:
    narrow    trials are taken to differ half as much as they do
    twice     every figure counts twice
Writes results/verification/joint_calibration.json and .png; a run with a fault adds what it found to the first.
"""

from __future__ import annotations

import json
import math
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from arviz_stats.base import array_stats
from scipy.special import expit, logit

from trialsim.calibration.joint.build import joint_model_of
from trialsim.calibration.joint.emulator import Emulator, features, fit_emulator
from trialsim.calibration.joint.fitting import POWER
from trialsim.calibration.joint.model import JointModel
from trialsim.calibration.joint.sampling import JointChains
from trialsim.calibration.likelihood import log_likelihoods
from trialsim.calibration.model import Calibration
from trialsim.calibration.targets import Cell
from trialsim.config.loading.calibration_studies import JointStudy, load_joint_study
from trialsim.config.schema.parameters import Prior
from trialsim.config.schema.written_values import split_number
from trialsim.typing import Flags, Floats
from verification.simulated_publications import calibrated_to, cells_of_any_publication, simulated_publication
from verification.simulation_based_calibration import LEVELS, RESULTS, coverage, draw, holm, uniformity

STUDY = Path(__file__).parent / "two_trials" / "study.yaml"
N_PAIRS = 300
N_POOL = 6000
TRIALS_IN_POOL_ROW = 40
POOL_ROWS_OF_SEED = 10
POINTS_FOR_COEFFICIENT = 5  # effective points of the pool for each coefficient of a surface
N_STARTS = 40  # effective points of the pool that chains start from
N_CHAINS = 40  # of each of which the last draw is kept, and its likelihood simulated
N_STEPS = 15  # correlations within a chain are at most 0.3 after 10
TRIALS_AT_DRAW = 60
NARROW, TWICE = "narrow", "twice"
FAULTS = ("", NARROW, TWICE)
ONE_IN_A_HUNDRED = 0.01
LOG_LIKELIHOOD = "log-likelihood"
FILE = RESULTS / "joint_calibration.json"
SEED = 11
FIRST_SEED_OF_POOL, FIRST_SEED_OF_PUBLICATIONS = 100_000, 200_000  # chance that is nowhere used twice

Values = dict[str, float]


@dataclass(frozen=True)
class Truth:
    """Parameters as they were drawn, in the units of their priors: shared ones, between-trial sds, those of trials."""

    shared: Values
    taus: Values
    trials: tuple[Values, ...]


def drawn_truth(study: JointStudy, random: np.random.Generator) -> Truth:
    """Parameters of all trials from the priors as the files state them."""
    priors = {name: item.prior for name, item in study.parameters.parameters.items()}
    priors = {name: prior for name, prior in priors.items() if prior.distribution != "fixed"}
    families = study.study.between_trials
    taus = {name: abs(random.normal()) * item.sd.value for name, item in families.items()}
    tau_of = {parameter: taus[name] for name, item in families.items() for parameter in item.parameters}
    shared = {name: drawn(prior, random) for name, prior in priors.items() if name not in study.study.own}
    trials = []
    for _ in study.scenarios:
        own = {name: drawn(priors[name], random) for name in study.study.own}
        differing = {name: moved(priors[name], shared[name], tau * random.normal()) for name, tau in tau_of.items()}
        trials.append({**shared, **differing, **own})
    return Truth(shared, taus, tuple(trials))


def drawn(prior: Prior, random: np.random.Generator) -> float:
    """A parameter from its prior."""
    median = (split_number(str(prior.median)) or (math.nan, ""))[0]
    while True:
        value = moved(prior, median, prior.sd * random.normal())
        if prior.above is None or value > prior.above:
            return value


def moved(prior: Prior, value: float, by: float) -> float:
    """A value that is moved on the scale of its distribution."""
    if prior.distribution == "lognormal":
        return float(value * math.exp(by))
    return float(expit(logit(value) + by)) if prior.distribution == "logit-normal" else value + by


@dataclass(frozen=True)
class Pool:
    """Joint prior draws (points, scores); of each trial its scores there, and the cells that a publication may need."""

    x: Floats
    scores: tuple[Floats, ...]
    names: tuple[tuple[Cell, ...], ...]
    cells: tuple[Floats, ...]

    def of(self, trial: Calibration, j: int) -> Floats:
        """The cells of a trial's own publication. Shape (points, cells)."""
        place = {cell: i for i, cell in enumerate(self.names[j])}
        return self.cells[j][:, [place[cell] for cell in trial.simulator.cells]]


def pool_of(model: JointModel, n: int, seed: int) -> Pool:
    """The pool of `n` points. Few of them are simulated on the same draws of chance, whose noise so averages out."""
    x = np.random.default_rng(seed).standard_normal((n, model.n_scores))
    scores = tuple(model.trial_scores(x, j) for j in range(len(model.trials)))
    names = tuple(cells_of_any_publication(trial) for trial in model.trials)
    n_blocks = math.ceil(n / POOL_ROWS_OF_SEED)
    cells = tuple(
        np.concatenate([
            probabilities(trial, rows, every, TRIALS_IN_POOL_ROW, FIRST_SEED_OF_POOL + i)
            for i, rows in enumerate(np.array_split(z, n_blocks))
        ])
        for trial, z, every in zip(model.trials, scores, names, strict=True)
    )  # fmt: skip
    return Pool(x, scores, names, cells)


def probabilities(trial: Calibration, z: Floats, cells: tuple[Cell, ...], n_trials: int, seed: int) -> Floats:
    """Cells at scores, all on the same draws of chance. Shapes (n, parameters) to (n, cells)."""
    simulator = replace(trial.simulator, cells=cells, n_trials=n_trials, seed=seed)
    return replace(trial, simulator=simulator).probabilities(z)


@dataclass(frozen=True)
class Posterior:
    """Weighted draws (draws, scores) of the joint vector for one pair; emulators; k of the weights; their worth."""

    draws: Floats
    weights: Floats
    emulators: tuple[Emulator, ...]
    k: float
    errors: tuple[float, ...]

    @property
    def ess(self) -> float:
        """How many draws the weights are worth."""
        return 1.0 / float(np.sum(self.weights**2))


def posterior_of(model: JointModel, pool: Pool, seed: int) -> Posterior:
    """The joint posterior of two trials that have published."""
    random = np.random.default_rng(seed)
    cells = [pool.of(trial, j) for j, trial in enumerate(model.trials)]
    values = [
        np.nan_to_num(likelihoods(trial, own), nan=-np.inf) for trial, own in zip(model.trials, cells, strict=True)
    ]
    emulators = []
    for trial, z, own, value in zip(model.trials, pool.scores, cells, values, strict=True):
        is_possible = ~np.isnan(own).any(axis=1)
        n_points = POINTS_FOR_COEFFICIENT * features(z[:1]).shape[1]
        weights = tempered(value[is_possible], n_points)
        emulators.append(fit_emulator(trial, z[is_possible], own[is_possible], weights))
    starts = random.choice(len(pool.x), N_CHAINS, p=tempered(np.sum(values, axis=0), N_STARTS))
    draws = JointChains(model, emulators, pool.x[starts], random, POWER).run(N_STEPS, N_STEPS)[0]
    return corrected(model, tuple(emulators), draws, seed)


def corrected(model: JointModel, emulators: tuple[Emulator, ...], draws: Floats, seed: int) -> Posterior:
    """The draws with their weights: simulated over emulated likelihood, smoothed."""
    differences = []
    for j, trial in enumerate(model.trials):
        z = model.trial_scores(draws, j)
        exact = likelihoods(trial, probabilities(trial, z, trial.simulator.cells, TRIALS_AT_DRAW, seed))
        differences.append(np.nan_to_num(exact, nan=-np.inf) - POWER * emulators[j].log_likelihood(z))
    log_weights, k = array_stats.psislw(-np.sum(differences, axis=0))  # it takes the negative of a log-weight
    weights = np.exp(log_weights - np.max(log_weights))
    return Posterior(
        draws, weights / weights.sum(), emulators, float(k), tuple(float(np.std(item)) for item in differences)
    )


def likelihoods(trial: Calibration, cells: Floats) -> Floats:
    """The log-likelihood of a publication at each row of cells. Shapes (n, cells) to (n,)."""
    return np.asarray(log_likelihoods(trial.terms, trial.simulator.cells, cells).sum(axis=-1))


def tempered(log_weights: Floats, ess: float) -> Floats:
    """Weights to the largest power, at most 1, that leaves them worth as many draws. They sum to 1."""

    def at(power: float) -> Floats:
        weights = np.exp(power * (log_weights - log_weights.max()))
        return np.asarray(weights / weights.sum())

    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2.0
        low, high = (middle, high) if 1.0 / np.sum(at(middle) ** 2) >= ess else (low, middle)
    return at(low)


def quantities(model: JointModel, x: Floats, emulators: tuple[Emulator, ...]) -> dict[str, Floats]:
    """All that is ranked, at joint vectors (n, scores): values in the units of the priors, by name."""
    found = {f"shared: {name}": item.values(x[:, k]) for k, (name, item) in enumerate(model.marginals.items())}
    taus = model.between_trial_sds(x)
    found |= {f"between-trial sd: {family.name}": taus[:, i] for i, family in enumerate(model.families)}
    for j, (name, trial) in enumerate(zip(model.names, model.trials, strict=True)):
        z = model.trial_scores(x, j)
        values = trial.prior.values(z)
        is_own = model.places[j].unit >= 0
        found |= {f"{name}: {trial.names[i]}": values[:, i] for i in np.flatnonzero(is_own)}
        found[f"{name}: {LOG_LIKELIHOOD}"] = emulators[j].log_likelihood(z)
    return found


def true_quantities(model: JointModel, truth: Truth, emulators: tuple[Emulator, ...]) -> Values:
    """The same of the truth, from its own numbers."""
    found = {f"shared: {name}": value for name, value in truth.shared.items()}
    found |= {f"between-trial sd: {name}": value for name, value in truth.taus.items()}
    for name, trial, values, emulator in zip(model.names, model.trials, truth.trials, emulators, strict=True):
        found |= {f"{name}: {parameter}": value for parameter, value in values.items()}
        z = trial.prior.scores(np.array([[values[parameter] for parameter in trial.names]]))
        found[f"{name}: {LOG_LIKELIHOOD}"] = float(emulator.log_likelihood(z)[0])
    return found


def published_by(model: JointModel, truth: Truth, seed: int) -> JointModel:
    """The model of two simulated trials under a truth, each with what it published."""
    trials = []
    for j, (trial, values) in enumerate(zip(model.trials, truth.trials, strict=True)):
        in_engine_units = np.array([values[name] for name in trial.names]) * np.array(trial.factors)
        published = simulated_publication(
            trial, in_engine_units.tolist(), FIRST_SEED_OF_PUBLICATIONS + len(model.trials) * seed + j
        )
        trials.append(calibrated_to(trial, published))
    return replace(model, trials=tuple(trials))


def with_fault(model: JointModel, fault: str) -> JointModel:
    """The model that a faulty program would take."""
    if fault == NARROW:
        return replace(model, families=tuple(replace(family, sd=family.sd / 2.0) for family in model.families))
    if fault == TWICE:
        return replace(model, trials=tuple(replace(trial, terms=trial.terms * 2) for trial in model.trials))
    return model


def place(study: JointStudy, model: JointModel, pool: Pool, seed: int, fault: str = "") -> tuple[Values, Posterior]:
    """Where each quantity of one truth lies in its posterior, from 0 to 1; and that posterior.

    The truth is taken as one more draw at a random place among equals, so that it is uniform for few draws too.
    """
    random = np.random.default_rng(np.random.SeedSequence([SEED, seed]))
    truth = drawn_truth(study, random)
    posterior = posterior_of(with_fault(published_by(model, truth, seed), fault), pool, seed)
    expected = true_quantities(model, truth, posterior.emulators)
    n = posterior.ess
    below = {
        name: float(posterior.weights @ (values < expected[name]))
        for name, values in quantities(with_fault(model, fault), posterior.draws, posterior.emulators).items()
    }
    return {name: (n * share + random.random()) / (n + 1.0) for name, share in below.items()}, posterior


def summary_of(names: tuple[str, ...], places: Floats, posteriors: list[Posterior]) -> dict[str, Any]:
    """The figures of a run: of all parameters together, of each, and of the log-likelihoods."""
    is_parameter = np.array([not name.endswith(LOG_LIKELIHOOD) for name in names])
    worth = [posterior.ess for posterior in posteriors]
    parameters = rows_of(names, places, is_parameter)
    return {
        "pairs": len(places),
        "coverage": {
            f"{level:g}": float(np.mean([row[f"coverage_{level:g}"] for row in parameters])) for level in LEVELS
        },
        "coverage_se": {f"{level:g}": error_of_coverage(places[:, is_parameter], level) for level in LEVELS},
        "coverage_se_of_one": {f"{level:g}": math.sqrt(level * (1.0 - level) / len(places)) for level in LEVELS},
        "smallest_p": min(row["p_uniform"] for row in parameters),
        "smallest_p_holm": min(row["p_holm"] for row in parameters),
        "effective_draws": {
            name: float(np.quantile(worth, share))
            for name, share in (("smallest", 0.0), ("5 %", 0.05), ("median", 0.5))
        },
        "pareto_k_above_0.7": sum(posterior.k > 0.7 for posterior in posteriors),
        "error_of_emulators": float(np.median([posterior.errors for posterior in posteriors])),
        "parameters": parameters,
        "log_likelihoods": rows_of(names, places, ~is_parameter),
    }


def rows_of(names: tuple[str, ...], places: Floats, is_wanted: Flags) -> list[dict[str, Any]]:
    """Some quantities: p-values, the mean of the places, which is 1/2 for a right posterior, and coverage."""
    wanted = places[:, is_wanted]
    p, covered = uniformity(wanted), coverage(wanted)
    adjusted = holm(p)
    return [
        {
            "quantity": name,
            "p_uniform": float(p[i]),
            "p_holm": float(adjusted[i]),
            "mean": float(wanted[:, i].mean()),
            **{f"coverage_{level}": covered[level][i] for level in covered},
        }
        for i, name in enumerate(np.array(names)[is_wanted].tolist())
    ]


def error_of_coverage(places: Floats, level: float) -> float:
    """The standard error of the coverage over all quantities; those of one pair depend on each other."""
    by_pair = (np.abs(places - 0.5) <= level / 2.0).mean(axis=1)
    return float(by_pair.std(ddof=1) / math.sqrt(len(by_pair)))


def noticed(summary: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a run with a fault."""
    rejected = [row["quantity"] for row in summary["parameters"] if row["p_holm"] < ONE_IN_A_HUNDRED]
    return {**{key: summary[key] for key in ("pairs", "smallest_p_holm", "coverage")}, "rejected": rejected}


def main(arguments: list[str]) -> None:
    n_pairs = int(arguments[0]) if arguments else N_PAIRS
    fault = arguments[1] if len(arguments) > 1 else ""
    if fault not in FAULTS:
        raise SystemExit(f"a fault is one of {', '.join(FAULTS[1:])}, not {fault!r}")
    started = time.perf_counter()
    study = load_joint_study(STUDY)
    model = joint_model_of(study)
    pool = pool_of(model, N_POOL, SEED)
    print(f"pool after {time.perf_counter() - started:.0f} s", flush=True)
    found: list[tuple[Values, Posterior]] = []
    for seed in range(1, n_pairs + 1):
        found.append(place(study, model, pool, seed, fault))
        if seed % 20 == 0:
            print(f"{seed} pairs after {time.perf_counter() - started:.0f} s", flush=True)
    names = tuple(found[0][0])
    places = np.array([[row[name] for name in names] for row, _ in found])
    summary: dict[str, Any] = {
        "what": "simulation-based calibration of two invented trials together",
        "points_of_pool": N_POOL, "draws_of_pair": N_CHAINS, "trials_at_draw": TRIALS_AT_DRAW,
        **summary_of(names, places, [posterior for _, posterior in found]),
        "seconds": round(time.perf_counter() - started, 1),
    }  # fmt: skip
    print(json.dumps(summary, indent=2))
    if fault:
        kept = json.loads(FILE.read_text(encoding="utf-8"))
        kept["faults"][fault] = noticed(summary)
    else:
        kept = {**summary, "faults": {}}
        draw(FILE.with_suffix(".png"), names, places, "pairs of simulated trials of 25 and 31 patients")
    FILE.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
