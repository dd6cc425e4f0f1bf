"""The joint posterior: draws of the parameters of each trial and of a trial that has not been seen."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

from trialsim.calibration.joint.fitting import JointFit
from trialsim.calibration.predictive import measured, predictive_estimates, predictive_table, simulated
from trialsim.calibration.prior import Marginal
from trialsim.config.calibrated.draw_tables import ParameterTable
from trialsim.typing import Floats

NEW_TRIAL: Final = "a new trial"
_SEED_OF_NEW_TRIALS: Final = 2  # of the differences between trials, and of practice, that no trial has shown
_POINTS: Final = (0.05, 0.5, 0.95)
_DIGITS: Final = 16


@dataclass(frozen=True)
class JointPosterior:
    """Two kinds of posterior: of the centre of each trial, for its own follow-up, and of a new trial (predictive)."""

    fit: JointFit
    title: str

    @cached_property
    def trial_tables(self) -> dict[str, ParameterTable]:
        """The draws for each trial, by its name."""
        tables = {}
        for j, (name, trial) in enumerate(zip(self.fit.model.names, self.fit.model.trials, strict=True)):
            values = trial.prior.values(self.fit.model.trial_scores(self.fit.draws, j))
            names, units = trial.prior.names, trial.prior.units
            title = f"the posterior of {name} in {self.title}"
            tables[name] = ParameterTable(title, names, units, values, self._context, trial.fixed_numbers)
        return tables

    @cached_property
    def new_trial(self) -> ParameterTable:
        """The draws for a trial that has not been seen: it differs from what is shared as the trials differ.

        Of practice (a trial's own parameters) nothing is learned: its draws are those of the prior.
        """
        model = self.fit.model
        random = np.random.default_rng(np.random.SeedSequence([self.fit.seed, _SEED_OF_NEW_TRIALS]))
        scores = model.new_trial_scores(self.fit.draws, random)
        columns = [marginal.values(scores[:, k]) for k, marginal in enumerate(model.marginals.values())]
        marginals = [*model.marginals.values(), *self._practice.values()]
        columns += [item.values(random.standard_normal(len(scores))) for item in self._practice.values()]
        names, units = (tuple(getattr(item, key) for item in marginals) for key in ("name", "unit"))
        fixed = {name: item for trial in model.trials for name, item in trial.fixed_numbers.items()}
        title = f"{NEW_TRIAL} in {self.title}"
        return ParameterTable(title, names, units, np.column_stack(columns), self._context, fixed)

    @property
    def digest(self) -> str:
        """What tells these draws from any others."""
        digests = [self.new_trial.digest, *(table.digest for table in self.trial_tables.values())]
        return hashlib.sha256("\n".join(digests).encode("ascii")).hexdigest()[:_DIGITS]

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row a parameter and a trial, or a new trial: medians and 90 % intervals a priori and a posteriori.

        `contraction` is 1 - var(posterior) / var(prior) on the scale of the prior's scores.
        """
        tables = {**self.trial_tables, NEW_TRIAL: self.new_trial}
        marginals = {**self.fit.model.marginals, **self._practice}
        return pd.DataFrame(
            [
                {"trial": trial, **_row(marginals[name], table.column(name))}
                for trial, table in tables.items()
                for name in table.names
            ]
        )

    @cached_property
    def between_trials(self) -> pd.DataFrame:
        """One row a family: the between-trial sd, median and 90 % interval, a priori and a posteriori."""
        model = self.fit.model
        taus = model.between_trial_sds(self.fit.draws)
        prior = np.random.default_rng(0).standard_normal((20_000, 1))
        rows = []
        for i, family in enumerate(model.families):
            before = np.quantile(family.between_trial_sd(prior[:, 0]), _POINTS)
            after = np.quantile(taus[:, i], _POINTS)
            names = ("lower", "median", "upper")
            rows.append(
                {
                    "family": family.name,
                    "parameters": ", ".join(family.parameters),
                    **{f"prior_{key}": value for key, value in zip(names, before, strict=True)},
                    **{f"posterior_{key}": value for key, value in zip(names, after, strict=True)},
                }
            )
        return pd.DataFrame(rows)

    @cached_property
    def predictive(self) -> pd.DataFrame:
        """Every published statistic of every trial among trials under the posterior of its centre."""
        tables = []
        for j, (name, trial) in enumerate(zip(self.fit.model.names, self.fit.model.trials, strict=True)):
            scores, seed = self.fit.model.trial_scores(self.fit.draws, j), self.fit.seed
            trials = measured(trial, scores, simulated(trial, scores, seed), seed)
            table = predictive_table(predictive_estimates(trial, trials))
            table.insert(0, "trial", name)
            tables.append(table)
        return pd.concat(tables, ignore_index=True)

    @property
    def _context(self) -> dict[str, str]:
        treatment = self.fit.model.trials[0].scenario.treatment
        return {"drug": treatment.drug, "reference_dose": treatment.reference_dose.text}

    @cached_property
    def _practice(self) -> dict[str, Marginal]:
        model = self.fit.model
        found = {item.name: item for trial in model.trials for item in trial.prior.marginals}
        return {name: item for name, item in found.items() if name in model.own}


def _row(marginal: Marginal, values: Floats) -> dict[str, str | float]:
    names = ("lower", "median", "upper")
    before = marginal.values(np.array([-1.6448536269514722, 0.0, 1.6448536269514722]))
    after = np.quantile(values, _POINTS)
    return {
        "parameter": marginal.name,
        "unit": marginal.unit,
        **{f"prior_{key}": float(value) for key, value in zip(names, before, strict=True)},
        **{f"posterior_{key}": float(value) for key, value in zip(names, after, strict=True)},
        "contraction": 1.0 - float(np.var(marginal.scores(values), ddof=1)),
    }
