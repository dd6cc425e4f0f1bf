"""What `calibrate` gives: the posterior, what was learned, whether it reproduces the cohort, and how it came about."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pandas as pd

from trialsim.analysis import Estimate
from trialsim.calibration.diagnostics import smallest_ess_of
from trialsim.calibration.posterior import Posterior
from trialsim.calibration.predictive import predictive_estimates, predictive_table, simulated
from trialsim.calibration.sampling import STEPS_IN_LEG
from trialsim.config import Scenario
from trialsim.config.parameter_draws import write_table
from trialsim.config.yaml_lines import dump_yaml
from trialsim.records.digest import configuration_digest
from trialsim.records.manifest import CalibrationManifest
from trialsim.records.replicate_store import ReplicateStore
from trialsim.records.store import check_destination, results_folder
from trialsim.records.tables import plain_rows
from trialsim.records.work_folder import WorkFolder, work_folder
from trialsim.report import draw_calibration_figures

DRAWS_FILE: Final = "posterior.parquet"


@dataclass(frozen=True)
class Calibrated:
    """What `calibrate` gives; tables are pandas DataFrames.

    `draws` (a row a draw), `learned` (a row a parameter), `correlations`, `directions`, `predictive` (a row a published
    figure), and where asked for `left_out` (each figure predicted from the others) and `sensitivity`; `save(folder)`
    writes them. A scenario takes the draws with `parameters: folder/posterior.parquet`.
    """

    cohort: str
    posterior: Posterior
    seed: int
    workers: int
    seconds: float
    left_out: pd.DataFrame | None = None
    sensitivity: pd.DataFrame | None = None

    def __repr__(self) -> str:
        return f"Calibrated({self.cohort!r}, draws={self.posterior.n_draws}, seed={self.seed})"

    @property
    def scenario(self) -> Scenario:
        """The published trial, its calibrated numbers at the mode."""
        return self.posterior.fit.calibration.scenario

    @property
    def draws(self) -> pd.DataFrame:
        """One row a draw, one column a parameter, in its unit."""
        return pd.DataFrame(self.posterior.table.values, columns=list(self.posterior.table.names))

    @property
    def learned(self) -> pd.DataFrame:
        """What the cohort taught about each parameter; see `Posterior.learned`."""
        return self.posterior.learned

    @property
    def correlations(self) -> pd.DataFrame:
        """Pairs of parameters that the cohort ties together."""
        return self.posterior.correlations

    @property
    def directions(self) -> pd.DataFrame:
        """What the cohort taught most and least, in directions of the parameters."""
        return self.posterior.directions

    @cached_property
    def store(self) -> ReplicateStore:
        """Trials under the posterior, one row each."""
        return simulated(self.posterior.fit.calibration, self.posterior.scores, self.seed)

    @cached_property
    def estimate_list(self) -> list[Estimate]:
        """The published figures, and everything else that is measured, in these trials."""
        return predictive_estimates(self.posterior.fit.calibration, self.store)

    @cached_property
    def predictive(self) -> pd.DataFrame:
        """Where each published figure lies among trials under the posterior; see `predictive_table`."""
        return predictive_table(self.estimate_list)

    @property
    def digest(self) -> str:
        """What tells these draws from any others."""
        return self.posterior.table.digest

    def manifest(self) -> CalibrationManifest:
        """Everything needed to calibrate again."""
        fit, configuration = self.posterior.fit, self.scenario.to_mapping()
        found = fit.diagnostics
        return CalibrationManifest(
            cohort=self.cohort,
            scenario=configuration,
            scenario_digest=configuration_digest(configuration),
            seed=self.seed,
            seed_of_draws=fit.calibration.simulator.seed,
            patients_per_patient=fit.calibration.simulator.n_trials,
            ensembles=fit.chains.kept.shape[1],
            steps=len(fit.chains.scores) * STEPS_IN_LEG,
            draws=self.posterior.n_draws,
            posterior_digest=self.digest,
            largest_r_hat=float(found["r_hat"].max()),
            smallest_ess=smallest_ess_of(found),
            acceptance=float(pd.Series(fit.chains.accepted).mean()),
            workers=self.workers,
            seconds=round(self.seconds, 3),
        )

    def to_json(self) -> dict[str, Any]:
        """The tables as plain data for `--json`; what does not exist is null."""
        found = self.posterior.fit.diagnostics
        tables = {
            "parameters": self.learned, "correlations": self.correlations, "directions": self.directions,
            "predictive": self.predictive, "left_out": self.left_out, "sensitivity": self.sensitivity,
        }  # fmt: skip
        return {
            "cohort": self.cohort,
            "scenario": self.scenario.name,
            "seed": self.seed,
            "draws": self.posterior.n_draws,
            "posterior_digest": self.digest,
            "largest_r_hat": float(found["r_hat"].max()),
            "smallest_ess": smallest_ess_of(found),
            **{name: plain_rows(table) for name, table in tables.items() if table is not None},
        }

    def save(self, destination: Path | str) -> Path:
        """Write the results folder, whole or not at all. Raises `DestinationError`."""
        destination = Path(destination)
        with work_folder(check_destination(destination)) as work:
            self.save_in(work)
        return destination

    def save_in(self, work: WorkFolder) -> None:
        """Write the results folder that a work folder belongs to, which is then done with."""
        with results_folder(work) as folder:
            (folder / "scenario.yaml").write_text(self._scenario_with_draws(), encoding="utf-8")
            write_table(folder / DRAWS_FILE, self.posterior.table)
            for name in ("learned", "correlations", "directions", "predictive", "left_out", "sensitivity"):
                table = getattr(self, name)
                if table is not None:
                    table.to_csv(folder / f"{name}.csv", index=False)
            draw_calibration_figures(
                folder,
                self.scenario,
                self.learned,
                self.posterior.scores,
                self.store,
                self.estimate_list,
                self.predictive,
                self.left_out,
                self.sensitivity,
            )
            self.manifest().write(folder)

    def _scenario_with_draws(self) -> str:
        """The published trial with these draws for its parameters, as YAML that stands beside the file of draws."""
        data = self.scenario.to_mapping()
        named = self.scenario.parameters.calibrated_to
        data["parameters"] = {"use": "calibrated", "calibrated_to": named, "draws": DRAWS_FILE, "digest": self.digest}
        return dump_yaml(data)
