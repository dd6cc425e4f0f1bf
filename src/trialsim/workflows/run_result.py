"""What `run` gives: replicates of a scenario, estimates, and how they came about; of several arms, by arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from trialsim.analysis import Estimate, OtherInterpretation, estimates, estimates_table, other_interpretations
from trialsim.analysis.arms import ArmDifference, differences_of_arms, differences_table, estimates_of_arms
from trialsim.config import Scenario, protocol_of
from trialsim.config.schema.scenario import WHOLE_TRIAL
from trialsim.endpoints.measured_trials import MeasuredTrials
from trialsim.model.protocol import Protocol
from trialsim.records.arms import OutcomesOfArm, by_arm, in_rows_of_arms
from trialsim.records.tables import plain_rows
from trialsim.report.run.figures import draw_figures, draw_figures_of_arms
from trialsim.simulation import EngineChoice, Replicates, TargetPrecision
from trialsim.simulation.trials import trials_of
from trialsim.storage.layouts import RUN
from trialsim.storage.replicate_store import ReplicateStore
from trialsim.workflows.result import CommandResult


@dataclass(frozen=True)
class Result(CommandResult):
    """What `run` gives; tables are pandas DataFrames, and `save(folder)` writes them.

    Attributes
    ----------
    estimates
        A row a quantity, with its Monte Carlo standard error; the columns are those of `analysis.Estimate`.
    interpretations
        A row a published statistic under an interpretation that was not taken.
    differences
        A row a quantity and arm: how it differs from the control; empty where the trial has no arms.
    outcomes
        A row a replicate.
    patients
        A row an enrolled patient of the first replicates.
    events
        A row an event of the first replicates, in words.
    replicates
        The replicates as they were simulated, with their number `n`.
    trials
        The replicates with what the published statistics need of their patients.
    requested
        How many replicates were asked for; an interrupted run has fewer.
    engine
        The engine that was chosen, and why.
    target
        The quantity and Monte Carlo standard error that decided when the run ended, or None.
    configuration
        What was asked, resolved, as plain data.
    scenario
        The scenario.
    seed
        The seed.
    workers
        How many threads or processes did the work.
    seconds
        How long it took, in seconds.
    digest
        The digest of the results, equal for equal scenario, seed and number of replicates.
    """

    layout: ClassVar = RUN

    replicates: Replicates
    trials: MeasuredTrials
    requested: int
    engine: EngineChoice
    target: TargetPrecision | None = None

    def __repr__(self) -> str:
        return f"Result({self.scenario.name!r}, replicates={self.replicates.n}, seed={self.seed})"

    @cached_property
    def protocol(self) -> Protocol:
        """The flat numbers that were simulated; with arms those that they change."""
        return protocol_of(self.scenario)

    @cached_property
    def estimate_list(self) -> list[Estimate]:
        """One estimate per quantity, published statistics first."""
        return estimates(self.trials, self.scenario.published_statistics, self.scenario.accrual.patients)

    @cached_property
    def estimates(self) -> pd.DataFrame:
        """The same as a table; see `analysis.Estimate` for the columns."""
        return estimates_table(self.estimate_list)

    @cached_property
    def other_interpretations(self) -> list[OtherInterpretation]:
        """The published statistics under the interpretations that were not taken, held against the same trials."""
        cohort = self.scenario.cohort
        if cohort is None:
            return []
        n_planned = self.scenario.accrual.patients
        return other_interpretations(self.trials, cohort, self.scenario.interpretations, n_planned)

    @property
    def remarks(self) -> list[str]:
        """How the numbers came about: the engine and why this one, and the precision that was asked for."""
        texts = [f"engine: {self.engine.name}, {self.engine.why}"]
        if self.target is not None:
            reached = next(item.mcse for item in self.estimate_list if item.quantity == self.target.quantity)
            texts.append(
                f"{self.target.quantity} to ± {reached:.2g} (asked for: {self.target.mcse:g}) "
                f"with {self.replicates.n:,} trials"
            )
        return texts

    @property
    def interpretations(self) -> pd.DataFrame:
        """The same as a table: ambiguity, interpretation, then the columns of `estimates`."""
        table = estimates_table(item.estimate for item in self.other_interpretations)
        table.insert(0, "ambiguity", [item.ambiguity for item in self.other_interpretations])
        table.insert(1, "interpretation", [item.interpretation for item in self.other_interpretations])
        return table

    @property
    def differences(self) -> pd.DataFrame:
        """How the arms differ from the control: none in a trial of one arm."""
        return differences_table([])

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
        return trials_of(self.scenario).in_words(self.replicates.events)

    @cached_property
    def digest(self) -> str:
        """The digest of the results: equal for equal scenario, seed and number of replicates."""
        return self.replicates.store.digest()

    @property
    def store(self) -> ReplicateStore:
        """The outcomes of all replicates."""
        return self.replicates.store

    def provenance(self) -> dict[str, Any]:
        """The entries of the manifest that only a run has."""
        return {
            "replicates": self.replicates.n,
            "kept_replicates": self.replicates.n_kept,
            "engine": self.engine.name,
            "is_complete": self.replicates.n == self.requested,
        }

    def draw(self, folder: Path, figures: Sequence[str]) -> None:
        """Draw the first trial patient by patient, and the published statistics in the distribution of trials."""
        draw_figures(folder, figures, self.scenario, self.events, self.patients, self.trials, self.estimate_list)

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


@dataclass(frozen=True)
class ResultOfArms(Result):
    """What `run` gives of a trial with arms: the tables of `Result` with a column `arm`, and the differences.

    Attributes
    ----------
    estimates
        A row a quantity and arm; those that the trial has once stand under `whole trial`.
    differences
        A row a quantity and arm: how it differs from the control, the first arm; see `analysis.arms.ArmDifference`.
    outcomes
        A row a replicate and arm.
    """

    @cached_property
    def arms(self) -> dict[str, OutcomesOfArm]:
        """The outcomes of each arm in all replicates."""
        return {name: OutcomesOfArm(self.store, name) for name in self.scenario.arms}

    @cached_property
    def estimates_by_arm(self) -> dict[str, list[Estimate]]:
        """The estimates of each arm, and under `whole trial` those that the trial has once."""
        once, of_arms = estimates_of_arms(self.arms, self.scenario.accrual.patients)
        return {WHOLE_TRIAL: once, **of_arms}

    @property
    def estimate_list(self) -> list[Estimate]:
        """One estimate per quantity and arm."""
        return [item for several in self.estimates_by_arm.values() for item in several]

    @cached_property
    def estimates(self) -> pd.DataFrame:
        """The same as a table, with the name of the arm."""
        return by_arm({name: estimates_table(several) for name, several in self.estimates_by_arm.items()})

    @cached_property
    def difference_list(self) -> list[ArmDifference]:
        """How each arm differs from the control."""
        return differences_of_arms(self.arms)

    @cached_property
    def differences(self) -> pd.DataFrame:
        """The same as a table."""
        return differences_table(self.difference_list)

    @property
    def other_interpretations(self) -> list[OtherInterpretation]:
        """None: an arm is not held against a publication."""
        return []

    @property
    def remarks(self) -> list[str]:
        """How the numbers came about."""
        texts = [f"engine: {self.engine.name}, {self.engine.why}"]
        return texts if self.target is None else [*texts, f"{self.target.quantity} to ± {self.target.mcse:g} asked for"]

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """One row per replicate and arm."""
        return in_rows_of_arms(self.store.table(), list(self.arms))

    def draw(self, folder: Path, figures: Sequence[str]) -> None:
        """Draw the first trial patient by patient, arm by arm."""
        draw_figures_of_arms(folder, figures, self.scenario, self.events, self.patients)

    def to_json(self) -> dict[str, Any]:
        """The estimates and differences as plain data for `--json`."""
        return {**super().to_json(), "differences": plain_rows(self.differences)}


def result_of(scenario: Scenario) -> type[Result]:
    """The kind of result that a run of a scenario gives."""
    return ResultOfArms if scenario.arms else Result
