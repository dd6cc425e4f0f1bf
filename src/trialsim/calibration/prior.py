"""The prior of the parameters, and the scale on which they are sampled.

Each parameter is a monotone function of a standard normal score, so that the prior of all scores is N(0, I) whatever
the distributions are, and the posterior is not far from it. Values are in the units of the parameter set. Where the
prior is a table of draws (`drawn_prior`), parameters depend on each other through a Gaussian copula: the scores that
are sampled are independent, and the marginal scores, of which each parameter has one, are linear in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri

from trialsim.config.schema.parameters import ParameterSet, Prior
from trialsim.config.schema.written_values import split_number
from trialsim.errors import ConfigurationError, Problem
from trialsim.typing import Floats


@dataclass(frozen=True)
class Marginal:
    """The prior of one parameter: `median` in `unit`, `sd` on the scale of the distribution, `above` a bound."""

    name: str
    unit: str
    distribution: str
    median: float
    sd: float
    above: float | None = None

    def values(self, z: Floats) -> Floats:
        """Scores to values."""
        if self.distribution == "lognormal":
            return np.asarray(self.median * np.exp(self.sd * z))
        if self.distribution == "logit-normal":
            return np.asarray(expit(logit(self.median) + self.sd * z))
        if self.above is None:
            return np.asarray(self.median + self.sd * z)
        return np.asarray(self.median - self.sd * ndtri(ndtr(-z) * self._share_above))

    def scores(self, values: Floats) -> Floats:
        """Values to scores."""
        if self.distribution == "lognormal":
            return np.asarray(np.log(values / self.median) / self.sd)
        if self.distribution == "logit-normal":
            return np.asarray((logit(values) - logit(self.median)) / self.sd)
        scaled = (values - self.median) / self.sd
        return scaled if self.above is None else np.asarray(-ndtri(ndtr(-scaled) / self._share_above))

    @property
    def _share_above(self) -> float:
        """The share of the untruncated normal that lies above the bound."""
        return float(ndtr((self.median - (self.above or 0.0)) / self.sd))


@dataclass(frozen=True, eq=False)
class Copula:
    """A Gaussian copula: the `correlation` of the marginal scores, a positive definite matrix with a unit diagonal.

    Independent scores become marginal scores by its symmetric root. Of all roots this one leaves each score nearest to
    its own parameter (Kessy, Lewin and Strimmer 2018), so that a direction of independent scores can be named after
    parameters.
    """

    correlation: Floats

    @cached_property
    def root(self) -> Floats:
        """The symmetric root of the correlation. Shape (parameters, parameters)."""
        return self._power(0.5)

    @cached_property
    def inverse_root(self) -> Floats:
        """Its inverse. Shape (parameters, parameters)."""
        return self._power(-0.5)

    def _power(self, exponent: float) -> Floats:
        values, vectors = np.linalg.eigh(self.correlation)
        return np.asarray((vectors * values**exponent) @ vectors.T)


@dataclass(frozen=True)
class JointPrior:
    """Marginals, which are independent where there is no `copula`."""

    marginals: tuple[Marginal, ...]
    copula: Copula | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters, in order."""
        return tuple(marginal.name for marginal in self.marginals)

    @property
    def units(self) -> tuple[str, ...]:
        """Their units; empty for none."""
        return tuple(marginal.unit for marginal in self.marginals)

    @property
    def names_and_units(self) -> tuple[tuple[str, str], ...]:
        """Each parameter with its unit."""
        return tuple(zip(self.names, self.units, strict=True))

    def marginal_scores(self, z: Floats) -> Floats:
        """Scores to the standard normal score of each parameter. Shapes (…, parameters)."""
        return z if self.copula is None else np.asarray(z @ self.copula.root)

    def values(self, z: Floats) -> Floats:
        """Scores to values. Shapes (…, parameters)."""
        scores = self.marginal_scores(z)
        return np.stack([marginal.values(scores[..., i]) for i, marginal in enumerate(self.marginals)], axis=-1)

    def scores(self, values: Floats) -> Floats:
        """Values to scores. Shapes (…, parameters)."""
        scores = np.stack([marginal.scores(values[..., i]) for i, marginal in enumerate(self.marginals)], axis=-1)
        return scores if self.copula is None else np.asarray(scores @ self.copula.inverse_root)


def log_density(z: Floats) -> Floats:
    """The log prior density of scores, up to a constant. Shapes (…, parameters) to (…)."""
    return np.asarray(-0.5 * np.sum(z**2, axis=-1))


def prior_of(
    parameter_set: ParameterSet, calibrated_names: tuple[str, ...], width: float = 1.0, kept: tuple[str, ...] = ()
) -> JointPrior:
    """The prior of the parameters that are wanted and not fixed; every sd times `width`, but not of those `kept`.

    Raises `ConfigurationError` where a parameter has no prior.
    """
    missing = [name for name in calibrated_names if name not in parameter_set.parameters]
    if missing:
        problem = Problem(
            parameter_set.name, missing[0], "this parameter has no prior.", "a prior for each calibrated number."
        )
        raise ConfigurationError([problem])
    names = [name for name in calibrated_names if parameter_set.parameters[name].prior.distribution != "fixed"]
    if not names:
        raise ConfigurationError(
            [
                Problem(
                    parameter_set.name,
                    "",
                    "every parameter is fixed: nothing is left to calibrate.",
                    "at least one prior.",
                )
            ]
        )
    widths = {name: 1.0 if name in kept else width for name in names}
    return JointPrior(tuple(_marginal(name, parameter_set.parameters[name].prior, widths[name]) for name in names))


def _marginal(name: str, prior: Prior, width: float) -> Marginal:
    number, unit = split_number(str(prior.median)) or (float("nan"), "")
    share = unit == "%"
    median, unit = (number / 100.0, "") if share else (number, unit)
    return Marginal(name, unit, prior.distribution, median, prior.sd * width, prior.above)
