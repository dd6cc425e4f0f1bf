"""What a run gives: estimates, tables, pictures, and how it came about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pandas as pd

from trialsim.analysis import Estimate, OtherReading, estimates, estimates_table, other_readings
from trialsim.config import Scenario, protocol_of
from trialsim.config.calibrated.draw_tables import write_table
from trialsim.config.calibrated.draws import table_of
from trialsim.model.protocol import Protocol
from trialsim.model.strategy import Strategy
from trialsim.records.digest import configuration_digest
from trialsim.records.tables import plain_rows, readable_events
from trialsim.report import draw_figures
from trialsim.simulation import EngineChoice, Replicates, TargetPrecision
from trialsim.storage.formats import DEFAULT_FORMATS
from trialsim.storage.job_folder import WorkFolder
from trialsim.storage.manifest import Manifest
from trialsim.storage.results_folder import PARAMETERS_FILE, results_folder, saved_in


@dataclass(frozen=True)
class Result:
    """What `run` gives; tables are pandas DataFrames.

    `estimates` (a row a quantity), `readings` (a row a figure under another reading), `outcomes` (a row a trial),
    `patients` and `events` (of the first trials), `digest`; `save(folder)` writes them.
    """

    scenario: Scenario
    seed: int
    replicates: Replicates
    seconds: float
    requested: int
    engine: EngineChoice
    workers: int = 1
    target: TargetPrecision | None = None
    strategy: Strategy | None = None

    def __repr__(self) -> str:
        return f"Result({self.scenario.name!r}, replicates={self.replicates.n}, seed={self.seed})"

    @cached_property
    def protocol(self) -> Protocol:
        """The flat numbers that were simulated."""
        return protocol_of(self.scenario)

    @cached_property
    def estimate_list(self) -> list[Estimate]:
        """One estimate per quantity, published figures first."""
        return estimates(self.replicates.store, self.scenario.figures, self.scenario.accrual.patients)

    @cached_property
    def estimates(self) -> pd.DataFrame:
        """The same as a table; see `analysis.Estimate` for the columns."""
        return estimates_table(self.estimate_list)

    @cached_property
    def other_readings(self) -> list[OtherReading]:
        """The published figures under the readings that were not taken, held against the same trials."""
        cohort = self.scenario.cohort
        if cohort is None:
            return []
        n_planned = self.scenario.accrual.patients
        return other_readings(self.replicates.store, cohort, self.scenario.readings, n_planned)

    @property
    def remarks(self) -> list[str]:
        """How the numbers came about: the engine and why this one, and the precision that was asked for."""
        found = [f"engine: {self.engine.name}, {self.engine.why}"]
        if self.target is not None:
            reached = next(item.mcse for item in self.estimate_list if item.quantity == self.target.quantity)
            found.append(
                f"{self.target.quantity} to ± {reached:.2g} (asked for: {self.target.mcse:g}) "
                f"with {self.replicates.n:,} trials"
            )
        return found

    @property
    def readings(self) -> pd.DataFrame:
        """The same as a table: ambiguity, reading, then the columns of `estimates`."""
        table = estimates_table(item.estimate for item in self.other_readings)
        table.insert(0, "ambiguity", [item.ambiguity for item in self.other_readings])
        table.insert(1, "reading", [item.reading for item in self.other_readings])
        return table

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """One row per replicate; all of them in memory, some 200 MB a million."""
        return self.replicates.store.table()

    @property
    def patients(self) -> pd.DataFrame:
        """One row per enrolled patient of the first replicates."""
        return self.replicates.patients

    @cached_property
    def events(self) -> pd.DataFrame:
        """One row per event of the first replicates, in words."""
        return readable_events(self.replicates.events, self.protocol)

    @cached_property
    def digest(self) -> str:
        """The digest of the results: equal for equal scenario, seed and number of replicates."""
        return self.replicates.store.digest()

    def manifest(self) -> Manifest:
        """Everything needed to run it again."""
        configuration = self.scenario.to_mapping()
        return Manifest(
            verb="run",
            scenario=configuration,
            scenario_digest=configuration_digest(configuration),
            seed=self.seed,
            replicates=self.replicates.n,
            kept_replicates=self.replicates.n_kept,
            engine=self.engine.name,
            workers=self.workers,
            results_digest=self.digest,
            seconds=round(self.seconds, 3),
            is_complete=self.replicates.n == self.requested,
            strategy=_name_of(self.strategy),
        )

    def to_json(self) -> dict[str, Any]:
        """The estimates as plain data for `--json`; what does not exist is null."""
        return {
            "scenario": self.scenario.name,
            "seed": self.seed,
            "replicates": self.replicates.n,
            "engine": self.engine.name,
            "results_digest": self.digest,
            "estimates": plain_rows(self.estimates),
        }

    def save(self, destination: Path | str, overwrite: bool = False, figures: Sequence[str] = DEFAULT_FORMATS) -> Path:
        """Write the results folder, whole or not at all, with pictures in the formats `figures`.

        Results of another configuration are replaced only with `overwrite`.

        Raises `DestinationError`.
        """
        configuration = configuration_of_run(self.scenario, self.strategy)
        return saved_in(Path(destination), partial(self.save_in, figures=figures), configuration, overwrite)

    def save_in(self, work: WorkFolder, figures: Sequence[str] = DEFAULT_FORMATS) -> None:
        """Write the results folder that a work folder belongs to, which is then done with."""
        with results_folder(work) as folder:
            (folder / "scenario.yaml").write_text(self.scenario.to_yaml(), encoding="utf-8")
            self.estimates.to_csv(folder / "estimates.csv", index=False)
            if self.other_readings:
                self.readings.to_csv(folder / "readings.csv", index=False)
            self.replicates.store.write_parquet(folder / "replicates.parquet")
            self.patients.to_parquet(folder / "patients.parquet", index=False)
            self.events.to_parquet(folder / "events.parquet", index=False)
            store = self.replicates.store
            draw_figures(folder, figures, self.scenario, self.events, self.patients, store, self.estimate_list)
            table = table_of(self.scenario)
            if table is not None and self.scenario.parameters.draws is not None:
                write_table(folder / PARAMETERS_FILE, table)
            self.manifest().write(folder)


def configuration_of_run(scenario: Scenario, strategy: Strategy | None) -> dict[str, Any]:
    """What the manifest of a run says was asked, whatever the seed and the number of replicates."""
    return {"verb": "run", "scenario": scenario.to_mapping(), "strategy": _name_of(strategy)}


def _name_of(strategy: Strategy | None) -> str:
    return getattr(strategy, "__qualname__", str(strategy)) if strategy is not None else ""
