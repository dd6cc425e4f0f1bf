"""Draws as a prior: the posterior of earlier trials is the prior of the next calibration.

    marginal      the quantiles of the draws, by a smooth monotone map of a standard normal score, with normal tails
    dependence    a Gaussian copula: the correlation of the normal scores of the draws
    other         parameters that the draws lack keep the prior of the parameter set, and are independent of all else

Each map is on the scale of the parameter's prior in the parameter set, on which draws are close to normal, so that
tails beyond the draws respect its bounds. Why, and what it loses: docs/why/draws-as-prior.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from scipy.interpolate import CubicHermiteSpline, PchipInterpolator
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from trialsim.calibration.prior import Copula, JointPrior, Marginal
from trialsim.config import Scenario
from trialsim.config.calibrated.draw_tables import ParameterTable
from trialsim.config.schema.quantities import Dose
from trialsim.config.schema.quantity import Quantity
from trialsim.errors import OptionError
from trialsim.typing import Floats

MIN_DRAWS: Final = 100  # below this even central quantiles are coarse
_KNOTS: Final = np.linspace(-2.4, 2.4, 13)  # normal scores at which quantiles of the draws are taken
_BEYOND: Final = 10  # draws that lie at least beyond the outermost quantile
_SMALLEST_EIGENVALUE: Final = 1e-4  # of the correlation: parameters that depend on each other exactly
_BISECTIONS: Final = 60


@dataclass(frozen=True)
class QuantileMap:
    """A smooth, strictly rising map from normal scores to the scale of a prior, linear beyond the outermost `knots`.

    It goes through (`knots`, `quantiles`). Between them it is a cubic spline that is monotone by its slopes (Fritsch
    and Carlson 1980); a linear tail is that of a normal distribution.
    """

    knots: tuple[float, ...]
    quantiles: tuple[float, ...]

    @cached_property
    def _spline(self) -> CubicHermiteSpline:
        x, y = np.array(self.knots), np.array(self.quantiles)
        slopes = PchipInterpolator(x, y).derivative()(x)
        secants = np.diff(y) / np.diff(x)
        slopes[[0, -1]] = secants[[0, -1]]
        return CubicHermiteSpline(x, y, slopes)

    def forward(self, z: Floats) -> Floats:
        """Normal scores to the scale of the prior."""
        first, last = self.knots[0], self.knots[-1]
        spline = self._spline
        below = spline(first, 1) * np.minimum(z - first, 0.0)
        above = spline(last, 1) * np.maximum(z - last, 0.0)
        return np.asarray(spline(np.clip(z, first, last)) + below + above)

    def backward(self, values: Floats) -> Floats:
        """The scale of the prior to normal scores, by bisection within the knots."""
        spline, (low, high) = self._spline, (self.quantiles[0], self.quantiles[-1])
        left = np.full(np.shape(values), self.knots[0])
        right = np.full(np.shape(values), self.knots[-1])
        inside = np.clip(values, low, high)
        for _ in range(_BISECTIONS):
            middle = (left + right) / 2.0
            is_below = spline(middle) < inside
            left, right = np.where(is_below, middle, left), np.where(is_below, right, middle)
        below = np.minimum(values - low, 0.0) / spline(self.knots[0], 1)
        above = np.maximum(values - high, 0.0) / spline(self.knots[-1], 1)
        return np.asarray((left + right) / 2.0 + below + above)


@dataclass(frozen=True)
class DrawnMarginal(Marginal):
    """A marginal from draws: `quantile_map` leads from its score to the score of the parameter set's prior.

    `width` multiplies the distance of a score from the median of the draws.
    """

    width: float = 1.0
    quantile_map: QuantileMap = field(kw_only=True, repr=False)

    def values(self, z: Floats) -> Floats:
        """Scores to values."""
        return super().values(self.quantile_map.forward(self.width * z))

    def scores(self, values: Floats) -> Floats:
        """Values to scores."""
        return np.asarray(self.quantile_map.backward(super().scores(values)) / self.width)


def prior_with_draws(
    prior: JointPrior, draws: ParameterTable, kinds: Mapping[str, type[Quantity]], width: float = 1.0
) -> JointPrior:
    """A prior whose parameters have the joint distribution of draws, as far as the draws have them.

    Parameters
    ----------
    prior
        The prior of the parameter set: what is not in the draws, and the scale of what is.
    draws
        Draws of parameters; shape of their values (draws, parameters).
    kinds
        The kind of number of each parameter, which tells its units.
    width
        Multiplies the distance of each normal score from the median; the dependence stays.

    Returns
    -------
    JointPrior
        The parameters in the order of `prior`.

    Raises
    ------
    OptionError
        For too few draws, no parameter in common, other units, or draws that the prior's distribution excludes.

    References
    ----------
    Nelsen RB (2006), An Introduction to Copulas, 2nd edition, section 2.3: the copula of a joint distribution.
    """
    if len(draws.values) < MIN_DRAWS:
        raise refused(draws, f"it has {len(draws.values)} draws.", f"at least {MIN_DRAWS} draws.")
    names = [name for name in prior.names if name in draws.names]
    if not names:
        allowed = f"draws of some of {', '.join(prior.names)}."
        raise refused(draws, "it has no parameter of this calibration.", allowed)
    marginals = list(prior.marginals)
    scores = {}
    for i, marginal in enumerate(prior.marginals):
        if marginal.name in names:
            scores[i] = _base_scores(marginal, draws, kinds[marginal.name])
            marginals[i] = _drawn(marginal, scores[i], draws, width)
    return JointPrior(tuple(marginals), _copula(scores, len(marginals)))


def check_context(draws: ParameterTable, scenario: Scenario) -> None:
    """Raise `OptionError` for draws whose rates hold for another drug, or at another reference dose."""
    treatment = scenario.treatment
    drug, dose = draws.context.get("drug"), draws.context.get("reference_dose")
    if drug is not None and drug.casefold() != treatment.drug.casefold():
        raise refused(
            draws, f"its rates are those of {drug}; the trial gives {treatment.drug}.", "draws for this drug."
        )
    if dose is not None and Dose.number(dose) != treatment.reference_dose.value:
        allowed = f"rates at {treatment.reference_dose.text}, the trial's `treatment.reference_dose`."
        raise refused(draws, f"its rates hold at {dose}.", allowed)


def refused(draws: ParameterTable, wrong: str, allowed: str) -> OptionError:
    """The error of draws that cannot be the prior."""
    return OptionError(f"prior = {draws.title}", wrong, allowed)


def _base_scores(marginal: Marginal, draws: ParameterTable, kind: type[Quantity]) -> Floats:
    """The draws of a parameter as scores of its prior in the parameter set. Shape (draws,)."""
    unit = draws.units[draws.names.index(marginal.name)]
    factor, own = kind.factor_of(unit), kind.factor_of(marginal.unit)
    if factor is None or own is None:
        problem = f"{marginal.name} is in {unit or 'no unit'}; its prior is in {marginal.unit or 'no unit'}."
        raise refused(draws, problem, f"{kind.allowed()}.")
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = marginal.scores(draws.column(marginal.name) * (factor / own))
    if not np.isfinite(scores).all():
        values = draws.column(marginal.name)
        extreme = values[~np.isfinite(scores)][0]
        problem = f"{marginal.name} has a draw of {extreme:g}, which its {marginal.distribution} prior excludes."
        raise refused(draws, problem, "draws within the bounds of the prior in the parameter set.")
    return scores


def _drawn(marginal: Marginal, scores: Floats, draws: ParameterTable, width: float) -> DrawnMarginal:
    """The marginal of draws, whose base is the prior of the parameter set."""
    furthest = -float(ndtri(_BEYOND / len(scores)))
    knots = _KNOTS[np.abs(_KNOTS) <= max(furthest, 1.2)]
    quantiles = np.quantile(scores, ndtr(knots))
    if (np.diff(quantiles) <= 0.0).any():
        problem = f"many draws of {marginal.name} have one value: that is no distribution with a density."
        raise refused(draws, problem, "draws that differ; a number that is known is fixed in the scenario (`values`).")
    as_map = QuantileMap(tuple(knots.tolist()), tuple(quantiles.tolist()))
    parts = (marginal.name, marginal.unit, marginal.distribution, marginal.median, marginal.sd, marginal.above)
    return DrawnMarginal(*parts, width, quantile_map=as_map)


def _copula(scores: Mapping[int, Floats], n: int) -> Copula | None:
    """The correlation of the normal scores (van der Waerden) of draws; other parameters are independent."""
    correlation = np.eye(n)
    places = list(scores)
    if len(places) < 2:
        return None
    columns = np.stack([scores[place] for place in places], axis=-1)
    normal = ndtri((rankdata(columns, axis=0) - 0.5) / len(columns))
    values, vectors = np.linalg.eigh(np.corrcoef(normal.T))
    floored = (vectors * np.maximum(values, _SMALLEST_EIGENVALUE)) @ vectors.T
    sds = np.sqrt(np.diag(floored))
    correlation[np.ix_(places, places)] = floored / np.outer(sds, sds)
    return Copula(correlation)
