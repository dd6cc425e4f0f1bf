"""The prior of the parameters, and the scale on which they are sampled.

Each parameter is a monotone function of a standard normal score z, so that the prior of all scores is N(0, I) whatever
the distributions are, and the posterior is not far from it. Values are in the units of the parameter set.
"""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class JointPrior:
    """Independent marginals."""

    marginals: tuple[Marginal, ...]

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

    def values(self, z: Floats) -> Floats:
        """Scores to values. Shapes (…, parameters)."""
        return np.stack([marginal.values(z[..., i]) for i, marginal in enumerate(self.marginals)], axis=-1)

    def scores(self, values: Floats) -> Floats:
        """Values to scores. Shapes (…, parameters)."""
        return np.stack([marginal.scores(values[..., i]) for i, marginal in enumerate(self.marginals)], axis=-1)


def log_density(z: Floats) -> Floats:
    """The log prior density of scores, up to a constant. Shapes (…, parameters) to (…)."""
    return np.asarray(-0.5 * np.sum(z**2, axis=-1))


def prior_of(parameter_set: ParameterSet, calibrated_names: tuple[str, ...], width: float = 1.0) -> JointPrior:
    """The prior of the parameters that are wanted and not fixed; every sd times `width`.

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
    return JointPrior(tuple(_marginal(name, parameter_set.parameters[name].prior, width) for name in names))


def _marginal(name: str, prior: Prior, width: float) -> Marginal:
    number, unit = split_number(str(prior.median)) or (float("nan"), "")
    share = unit == "%"
    median, unit = (number / 100.0, "") if share else (number, unit)
    return Marginal(name, unit, prior.distribution, median, prior.sd * width, prior.above)
