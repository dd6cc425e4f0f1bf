"""The posterior: draws of the parameters, their summary and principal components."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

from trialsim.calibration.drawn_prior import DrawnMarginal
from trialsim.calibration.fitting import Fit
from trialsim.config import load_parameters
from trialsim.config.calibrated.draw_tables import ParameterTable
from trialsim.typing import Floats

N_DRAWS: Final = 4000
INFORMED: Final = 0.5  # contraction from which on a parameter is called informed by the cohort
PARTLY: Final = 0.1  # below this it is assumed: the posterior is the prior
_LOADING: Final = 0.35  # parameters that a principal component is named after
_FLAT: Final = 0.05  # contraction below which a principal component is flat


@dataclass(frozen=True)
class Posterior:
    """Draws of the parameters of one calibration, thinned to `n_draws`."""

    fit: Fit
    n_draws: int = N_DRAWS

    @cached_property
    def scores(self) -> Floats:
        """The draws on the scale that is sampled, on which the prior is N(0, I). Shape (draws, parameters)."""
        return self.fit.chains.thin(self.n_draws)

    @cached_property
    def marginal_scores(self) -> Floats:
        """The draws as the standard normal score of each parameter's own prior. Shape (draws, parameters)."""
        return self.fit.calibration.prior.marginal_scores(self.scores)

    @cached_property
    def table(self) -> ParameterTable:
        """The draws, each parameter in its unit."""
        prior = self.fit.calibration.prior
        treatment = self.fit.calibration.scenario.treatment
        return ParameterTable(
            f"the posterior of {self.fit.calibration.scenario.parameters.calibrated_to}",
            prior.names,
            prior.units,
            prior.values(self.scores),
            {"drug": treatment.drug, "reference_dose": treatment.reference_dose.text},
            self.fit.calibration.fixed_numbers,
        )

    @cached_property
    def summary(self) -> pd.DataFrame:
        """The posterior summary: one row a parameter.

        `prior_*` and `posterior_*` median and 90 % interval in `unit`, `median_mcse` the Monte Carlo standard error of
        the posterior median, `shift` ± `shift_mcse` the distance of the medians in prior sd, `contraction`
        1 - var(posterior) / var(prior), both on the scale of the prior (log for rates and times, logit for
        probabilities), with `contraction_mcse`; `verdict` in words.
        """
        prior = self.fit.calibration.prior
        chains = prior.marginal_scores(self.fit.chains.by_chain())
        known = load_parameters(str(self.fit.calibration.scenario.parameters.calibrated_to)).parameters
        rows = []
        for i, marginal in enumerate(prior.marginals):
            draws = chains[:, :, i].ravel()
            diagnostics = self.fit.diagnostics.iloc[i]
            points = np.quantile(draws, [0.5, 0.05, 0.95])
            variance = float(draws.var(ddof=1))
            contraction, error = 1.0 - variance, variance * float(np.sqrt(2.0 / diagnostics["ess_bulk"]))
            posterior, before = marginal.values(points), marginal.values(_PRIOR_POINTS)
            around = marginal.values(points[0] + np.array([-0.5, 0.5]) * diagnostics["mcse_median_score"])
            rows.append(
                {
                    "parameter": marginal.name,
                    "unit": marginal.unit,
                    **dict(zip(("prior_median", "prior_lower", "prior_upper"), before, strict=True)),
                    **dict(zip(("posterior_median", "posterior_lower", "posterior_upper"), posterior, strict=True)),
                    "median_mcse": float(around[1] - around[0]),
                    "shift": float(points[0]),
                    "shift_mcse": diagnostics["mcse_median_score"],
                    "contraction": contraction,
                    "contraction_mcse": error,
                    "verdict": verdict(contraction, isinstance(marginal, DrawnMarginal)),
                    "informed_by": known[marginal.name].informed_by,
                    **{key: diagnostics[key] for key in ("r_hat", "ess_bulk", "ess_tail")},
                }
            )
        return pd.DataFrame(rows)

    @cached_property
    def correlations(self) -> pd.DataFrame:
        """Pairs of parameters with the correlation of their scores and its error, the strongest first.

        The error is that of a correlation of as many independent draws as the smaller effective sample size
        (Fisher 1921): (1 - r^2) / sqrt(n).
        """
        names = self.fit.calibration.names
        chains = self.fit.calibration.prior.marginal_scores(self.fit.chains.by_chain())
        draws = chains.reshape(-1, len(names))
        correlation = np.atleast_2d(np.corrcoef(draws.T))
        ess = self.fit.diagnostics["ess_bulk"].to_numpy()
        rows = [
            {"parameter": names[i], "other": names[j], "correlation": correlation[i, j],
             "mcse": (1.0 - correlation[i, j] ** 2) / np.sqrt(min(ess[i], ess[j]))}
            for i in range(len(names)) for j in range(i + 1, len(names))
        ]  # fmt: skip
        table = pd.DataFrame(rows, columns=["parameter", "other", "correlation", "mcse"])
        return table.sort_values("correlation", key=abs, ascending=False, ignore_index=True)

    @cached_property
    def principal_components(self) -> pd.DataFrame:
        """The principal components of the scores, from the largest contraction to the smallest.

        The eigenvectors of the posterior covariance of the scores that are sampled, whose prior covariance is the
        identity, also where parameters depend on each other a priori:
        `contraction` is 1 - eigenvalue, `is_flat` where it is below 0.05, `component` names the parameters that make it
        up.
        """
        names = self.fit.calibration.names
        draws = self.fit.chains.by_chain().reshape(-1, len(names))
        values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(draws.T)))
        rows = [
            {"contraction": 1.0 - value, "is_flat": bool(1.0 - value < _FLAT), "component": _named(vector, names)}
            for value, vector in zip(values, vectors.T, strict=True)
        ]
        return pd.DataFrame(rows)


_PRIOR_POINTS: Final = np.array([0.0, -1.6448536269514722, 1.6448536269514722])


def verdict(contraction: float, is_drawn: bool = False) -> str:
    """A contraction in words; what the cohort does not tell is assumed, or known from the draws of the prior."""
    if contraction >= INFORMED:
        return "informed by the cohort"
    if contraction >= PARTLY:
        return "partly"
    return "as in the draws" if is_drawn else "assumed"


def _named(vector: Floats, names: tuple[str, ...]) -> str:
    """The parameters with the largest loadings, with the sign that makes the largest positive."""
    vector = vector * np.sign(vector[np.argmax(np.abs(vector))])
    order = np.argsort(-np.abs(vector))
    large = [i for i in order if abs(vector[i]) >= _LOADING] or [order[0]]
    return " ".join(f"{vector[i]:+.2f} {names[i]}" + ("," if i != large[-1] else "") for i in large)
