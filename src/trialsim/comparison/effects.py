"""What all trials together say: estimates of each variant, paired differences, ranks, who dominates whom.

Three uncertainties are kept apart as everywhere (`analysis.uncertainty`). Patient sampling is known trial by trial from
the patients themselves, so what the parameters add is the variance between trials less the mean of these; no trial is
simulated twice. The effect at each draw of the parameters is then known as empirical Bayes knows it (Morris 1983, J Am
Stat Assoc 78:47): a normal around what was seen, pulled towards the mean of all draws by the share of the scatter that
patients make, and as wide as that leaves it open, and as the Monte Carlo error of the mean does. The mixture of these
normals gives posterior intervals, the probability that one variant is better, and the probabilities of ranks. So an
effect that is nothing but noise is never called surely better.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from trialsim.analysis.estimate import mean_and_error
from trialsim.comparison.paired_trials import UTILITY, Numbers, PreparedComparison
from trialsim.typing import Counts, Floats

INTERVAL = (0.025, 0.975)
_TIMES = 25
_NORMAL: Floats = ndtri((np.arange(_TIMES) + 0.5) / _TIMES)  # quantiles of the standard normal distribution


@dataclass(frozen=True)
class Effects:
    """One quantity over all trials.

    `mean` with its Monte Carlo standard error, `sampling` and `parameters` the two standard deviations of single trials
    (with the error of the latter). At each draw of the parameters the effect is normal around `by_draw` with the
    standard deviation `open_by`.
    """

    mean: float
    mcse: float
    sampling: float
    parameters: float
    parameters_mcse: float
    n_defined: int
    by_draw: Floats
    open_by: float = 0.0

    @property
    def scattered(self) -> Floats:
        """The effect at each draw, many times over, as it may be. Shape (draws, times)."""
        return self.by_draw[:, None] + self.open_by * _NORMAL[None, :]


def effects(values: Floats, variances: Floats, draws: Counts) -> Effects:
    """What trials say of one quantity. Shapes (trials,) each; draw 0 means that the parameters do not vary."""
    is_there = ~np.isnan(values)
    values, variances, draws = values[is_there], variances[is_there], draws[is_there]
    n = len(values)
    if n == 0:
        return Effects(math.nan, math.nan, math.nan, math.nan, math.nan, 0, np.zeros(0))
    varies = bool(draws.any())
    groups = np.unique(draws, return_inverse=True)[1] if varies else None
    mean, mcse = mean_and_error(values, groups)
    sampling = math.sqrt(float(variances.mean()))
    if groups is None:
        return Effects(mean, mcse, sampling, 0.0, 0.0, n, np.zeros(0))
    sizes = np.bincount(groups).astype(np.float64)
    by_draw = np.bincount(groups, weights=values) / sizes
    noise = np.bincount(groups, weights=variances) / sizes**2
    if len(by_draw) < 2:
        return Effects(mean, mcse, sampling, math.nan, math.nan, n, np.zeros(0))
    centre = float(by_draw.mean())
    observed = float(by_draw.var(ddof=1))
    contributions = (by_draw - centre) ** 2 - noise
    between = max(observed - float(noise.mean()), 0.0)
    error = float(np.std(contributions, ddof=1)) / math.sqrt(len(contributions))
    parameters = math.sqrt(between)
    of_root = 0.5 * (math.sqrt(between + error) - math.sqrt(max(between - error, 0.0)))
    share = between / observed if observed > 0.0 else 0.0
    open_by = math.sqrt(share * float(noise.mean()) + mcse**2) if observed > 0.0 else 0.0
    return Effects(mean, mcse, sampling, parameters, of_root, n, centre + share * (by_draw - centre), open_by)


def estimates_of(prepared: PreparedComparison, numbers: Numbers) -> pd.DataFrame:
    """One row a variant and quantity; `lower` and `upper` hold 95 % of single trials."""
    rows = []
    for i, variant in enumerate(prepared.names):
        for k, quantity in enumerate(prepared.quantities):
            values = numbers.values[i, k]
            effect = effects(values, numbers.variances[i, k], numbers.draws)
            lower, upper = np.nanquantile(values, INTERVAL) if effect.n_defined else (math.nan, math.nan)
            rows.append(
                {
                    "variant": variant, "quantity": quantity, "value": effect.mean, "mcse": effect.mcse,
                    "lower": float(lower), "upper": float(upper), "unit": _unit(prepared, k),
                    "sd_sampling": effect.sampling, "sd_parameters": effect.parameters,
                    "sd_parameters_mcse": effect.parameters_mcse, "n_defined": effect.n_defined,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def differences_of(prepared: PreparedComparison, numbers: Numbers) -> pd.DataFrame:
    """One row a pair of variants and quantity: variant less control, on the same patients.

    `lower` and `upper` hold 95 % of the posterior of the expected difference (of parameters, not of single trials).
    `probability_better` is the probability, over the posterior, that the variant is better than the control; missing
    where the parameters do not vary. `times_fewer` is how many times fewer trials the pairing needed than independent
    runs of the two would have needed for the same Monte Carlo error.
    """
    rows = []
    for p, (a, b) in enumerate(prepared.pairs):
        for k, quantity in enumerate(prepared.quantities):
            difference = numbers.values[a, k] - numbers.values[b, k]
            effect = effects(difference, numbers.pair_variances[p, k], numbers.draws)
            probability, error = _probability(effect, _better(prepared, k))
            has_posterior = len(effect.by_draw) > 1
            lower, upper = np.quantile(effect.scattered, INTERVAL) if has_posterior else (math.nan, math.nan)
            rows.append(
                {
                    "variant": prepared.names[a], "control": prepared.names[b], "quantity": quantity,
                    "value": effect.mean, "mcse": effect.mcse, "lower": float(lower), "upper": float(upper),
                    "unit": _unit(prepared, k), "sd_sampling": effect.sampling, "sd_parameters": effect.parameters,
                    "sd_parameters_mcse": effect.parameters_mcse, "probability_better": probability,
                    "probability_mcse": error, "times_fewer": _variance_reduction_factor(numbers, a, b, k),
                    "n_defined": effect.n_defined,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def ranks_of(prepared: PreparedComparison, numbers: Numbers) -> pd.DataFrame:
    """One row a variant and quantity of which more or less is better: the probability of each rank, and SUCRA.

    SUCRA (Salanti, Ades, Ioannidis 2011, J Clin Epidemiol 64:163) is the mean of the cumulative probabilities of ranks
    1 to n - 1: 1 for a variant that is surely best. Variants that are alike share their ranks.
    """
    rows = []
    n = len(prepared.names)
    for k, quantity in enumerate(prepared.quantities):
        if (
            not _better(prepared, k)
            or n < 2
            or len(np.unique(numbers.draws)) < 2
            or np.isnan(numbers.values[:, k]).any()
        ):
            continue  # nothing varies, or some trial has nobody to take it of
        paired = _paired_effects(prepared, numbers, k)
        shares = rank_probabilities(paired * (1.0 if _better(prepared, k) == "higher" else -1.0))
        for i, variant in enumerate(prepared.names):
            cumulative = shares[i].cumsum()[:-1]
            ranks = {f"rank_{r + 1}": float(share) for r, share in enumerate(shares[i])}
            sucra = float(cumulative.mean()) if n > 1 else 1.0
            rows.append({"variant": variant, "quantity": quantity, "sucra": sucra, **ranks})
    return pd.DataFrame(rows)


def _paired_effects(prepared: PreparedComparison, numbers: Numbers, quantity: int) -> Floats:
    """The effect of each variant at each draw, as often as it may be otherwise. Shape (variants, draws × times).

    Differences from the reference are taken on the same patients, so that what all have in common cannot turn ranks
    round.
    """
    reference = prepared.reference
    scattered: dict[int, Floats] = {}
    for i in range(len(prepared.names)):
        if i != reference:
            pair = prepared.pairs.index((i, reference))
            difference = numbers.values[i, quantity] - numbers.values[reference, quantity]
            paired = effects(difference, numbers.pair_variances[pair, quantity], numbers.draws)
            order = np.random.default_rng(i).permuted(np.tile(_NORMAL, (len(paired.by_draw), 1)), axis=1)
            scattered[i] = (paired.by_draw[:, None] + paired.open_by * order).ravel()
    scattered[reference] = np.zeros(len(next(iter(scattered.values()), np.zeros(0))))
    return np.stack([scattered[i] for i in range(len(prepared.names))])


def rank_probabilities(scores: Floats) -> Floats:
    """The share of draws in which each variant has each rank; the highest score has rank 1. Shape (variants, ranks).

    Variants with the same score share the ranks that they take together.
    """
    n, n_draws = scores.shape
    above = (scores[None, :, :] > scores[:, None, :]).sum(axis=1)
    equal = (scores[None, :, :] == scores[:, None, :]).sum(axis=1)
    totals = np.zeros((n, n))
    for rank in range(n):
        shares = np.where((rank >= above) & (rank < above + equal), 1.0 / equal, 0.0)
        totals[:, rank] = shares.sum(axis=1)
    return np.asarray(totals / n_draws)


def dominated(prepared: PreparedComparison, estimates: pd.DataFrame, benefit: str, harm: str) -> dict[str, str]:
    """Each variant that another one dominates: no less benefit and no more harm, one of them better; by whom."""
    value = estimates.set_index(["variant", "quantity"])["value"]
    signs = {name: 1.0 if _better(prepared, prepared.quantities.index(name)) == "higher" else -1.0
             for name in (benefit, harm)}  # fmt: skip
    points = {name: tuple(signs[q] * float(value[name, q]) for q in (benefit, harm)) for name in prepared.names}
    dominating = {}
    for name, point in points.items():
        others = [
            other for other, at in points.items() if at != point and all(x >= y for x, y in zip(at, point, strict=True))
        ]
        if others:
            dominating[name] = max(others, key=lambda other: points[other])
    return dominating


def _better(prepared: PreparedComparison, quantity: int) -> str:
    return prepared.endpoints[quantity].better if quantity < len(prepared.endpoints) else "higher"


def _unit(prepared: PreparedComparison, quantity: int) -> str:
    if prepared.quantities[quantity] == UTILITY and quantity >= len(prepared.endpoints):
        return "points"
    return prepared.endpoints[quantity].unit


def _probability(of_difference: Effects, better: str) -> tuple[float, float]:
    """The probability that the difference is in favour, ties counted half, and its Monte Carlo error."""
    if len(of_difference.by_draw) < 2 or not better:
        return math.nan, math.nan
    in_favour = of_difference.by_draw * (1.0 if better == "higher" else -1.0)
    if of_difference.open_by == 0.0:
        return mean_and_error(0.5 + 0.5 * np.sign(in_favour))
    return mean_and_error(ndtr(in_favour / of_difference.open_by))


def _variance_reduction_factor(numbers: Numbers, a: int, b: int, quantity: int) -> float:
    one, other = numbers.values[a, quantity], numbers.values[b, quantity]
    is_there = ~np.isnan(one) & ~np.isnan(other)
    if is_there.sum() < 2:
        return math.nan
    apart = float(one[is_there].var(ddof=1) + other[is_there].var(ddof=1))
    paired = float((one - other)[is_there].var(ddof=1))
    if paired == 0.0:
        return math.inf if apart > 0.0 else math.nan
    return apart / paired
