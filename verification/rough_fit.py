"""A rough fit: the mode of the parameters under the model's own simulator, by Gauss-Newton steps on fixed draws.

The likelihood of the abstract is binomial for each toxicity and for evaluability, multinomial for response and for the
fates of the responders, and for a rounded median the order-statistic probability (docs/model.md, "Likelihood"). Cell
probabilities come from simulated patients on the same draws at every parameter value; their derivatives are central
differences. Each step maximises the log posterior with the logits of the cell probabilities taken as linear.

    python verification/rough_fit.py [replicates] [steps] [interpretations, such as rash=six]

prints the log posterior and the parameters after each step, and at the end a table of the cell probabilities.
"""

from __future__ import annotations

import math
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import binom

import trialsim as ts
from trialsim.config import load_parameters
from trialsim.model.units import DAYS_PER_MONTH
from trialsim.records.columns import ONSETS_PREFIX

SET = load_parameters("tosi2000").parameters
FREE = [name for name, parameter in SET.items() if parameter.prior.distribution != "fixed"]
UNITS = {name: str(SET[name].mode).partition(" ")[2] for name in FREE}
COUNTS = {"constipation": (11, 27), "lethargy": (7, 27), "rash": (5, 27), "evaluable": (20, 27)}
RESPONSES = (5, 4, 11)
FATES = (4, 4, 1)
N = 27


def to_scale(name: str, value: float) -> float:
    kind = SET[name].prior.distribution
    return math.log(value) if kind == "lognormal" else float(logit(value)) if kind == "logit-normal" else value


def from_scale(name: str, x: float) -> float:
    kind = SET[name].prior.distribution
    return math.exp(x) if kind == "lognormal" else float(expit(x)) if kind == "logit-normal" else max(x, 0.0)


def number(text: object) -> float:
    return float(str(text).split()[0])


def log_prior(x: np.ndarray) -> float:
    means = np.array([to_scale(name, number(SET[name].prior.median)) for name in FREE])
    sds = np.array([SET[name].prior.sd for name in FREE])
    return float(-0.5 * np.sum(((x - means) / sds) ** 2))


def cells(x: np.ndarray, replicates: int, interpretations: dict[str, str]) -> np.ndarray:
    """The cell probabilities at one parameter value: 4 counts, 2 + 2 shares, 4 points of distribution functions."""
    values = {name: f"{from_scale(name, v):.12g} {UNITS[name]}".strip() for name, v in zip(FREE, x, strict=True)}
    changes = {
        "parameters.values": values,
        **{f"interpretations.{key}": value for key, value in interpretations.items()},
    }
    result = ts.run(ts.load_scenario("tosi2000", changes), replicates, seed=20, keep=replicates)
    patients = result.patients
    evaluable = patients["is_evaluable"]
    best = patients.loc[evaluable, "best_response"]
    responders = patients[evaluable & (patients["best_response"] > 0)]
    relapsed = responders["progression_seen_days"].notna()
    died = responders["death_days"].notna() & ~relapsed
    dose, follow_up = patients["mean_dose_mg_per_day"], patients["follow_up_days"] / DAYS_PER_MONTH
    return np.array([
        *[(patients[f"{ONSETS_PREFIX}{name}"] > 0).mean() for name in ("constipation", "lethargy", "rash")],
        evaluable.mean(), (best == 2).mean(), (best == 1).mean(), (~relapsed & ~died).mean(), relapsed.mean(),
        (dose < 350).mean(), (dose < 450).mean(), (follow_up < 4.5).mean(), (follow_up < 5.5).mean(),
    ])  # fmt: skip


def log_likelihood(p: np.ndarray) -> float:
    p = np.clip(p, 1e-6, 1 - 1e-6)
    total = sum(k * math.log(q) + (n - k) * math.log(1 - q) for (k, n), q in zip(COUNTS.values(), p, strict=False))
    for counts, shares in ((RESPONSES, p[4:6]), (FATES, p[6:8])):
        rest = max(1.0 - shares.sum(), 1e-6)
        total += sum(k * math.log(q) for k, q in zip(counts, (*shares, rest), strict=True))
    for low, high in ((p[8], p[9]), (p[10], p[11])):
        total += math.log(max(binom.cdf(N // 2, N, low) - binom.cdf(N // 2, N, high), 1e-12))
    return float(total)


def step(x: np.ndarray, at: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """The parameters that maximise the log posterior with linear logits, at most 0.5 from here in any of them."""
    here = logit(np.clip(at, 1e-6, 1 - 1e-6))

    def loss(y: np.ndarray) -> float:
        return -log_likelihood(expit(here + slopes @ (y - x))) - log_prior(y)

    bounds = [(max(v - 0.5, 0.0), v + 0.5) if SET[name].prior.distribution == "normal" else (v - 0.5, v + 0.5)
              for name, v in zip(FREE, x, strict=True)]  # fmt: skip
    return np.asarray(minimize(loss, x, method="L-BFGS-B", bounds=bounds).x)


def main() -> None:
    replicates = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    n_steps = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    interpretations = dict(item.split("=", 1) for item in sys.argv[3:])
    x = np.array([to_scale(name, number(SET[name].mode)) for name in FREE])
    width = np.array([0.02 if name == "cut off" else 0.2 for name in FREE])
    job = partial(cells, replicates=replicates, interpretations=interpretations)
    with ProcessPoolExecutor() as pool:
        for k in range(n_steps + 1):
            points = [x] + [x + sign * width * (np.arange(len(x)) == j) for j in range(len(x)) for sign in (1, -1)]
            found = list(pool.map(job, points)) if k < n_steps else [job(x)]
            at = found[0]
            print(f"step {k}: log posterior {log_likelihood(at) + log_prior(x):.3f}", flush=True)
            print("  cells " + " ".join(f"{v:.3f}" for v in at), flush=True)
            print("  " + "; ".join(f"{n} {from_scale(n, v):.4g}" for n, v in zip(FREE, x, strict=True)), flush=True)
            if k < n_steps:
                logits = logit(np.clip(np.array(found[1:]), 1e-6, 1 - 1e-6))
                x = step(x, at, ((logits[0::2] - logits[1::2]) / (2 * width[:, None])).T)


if __name__ == "__main__":
    main()
