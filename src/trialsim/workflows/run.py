"""The command `run`, and what it gives: replicates of a scenario, estimates, and how they came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Final

import pandas as pd

from trialsim.analysis import Estimate, OtherInterpretation, estimates, estimates_table, other_interpretations
from trialsim.config import Scenario, load_scenario, protocol_of
from trialsim.config.loading.scenarios import ScenarioLike
from trialsim.endpoints.measured_trials import MeasuredTrials, measure_trials
from trialsim.endpoints.published_checks import published_of_patients
from trialsim.errors import EventLogError, HazardError
from trialsim.model import vocabulary as v
from trialsim.model.protocol import Protocol
from trialsim.model.strategy import Strategy
from trialsim.records.digest import configuration_digest
from trialsim.records.tables import plain_rows, readable_events
from trialsim.report.run.figures import draw_figures
from trialsim.simulation import (
    EngineChoice,
    Replicates,
    Simulation,
    TargetPrecision,
    choose_engine,
    grow,
    ignore_stage,
    keep_first,
)
from trialsim.simulation.limits import (
    MOST_REPLICATES,
    check_request,
    check_strategy,
    check_workers,
    expected_events,
    trials_to_keep,
)
from trialsim.simulation.resumption import open_store
from trialsim.storage.formats import DEFAULT_FORMATS
from trialsim.storage.layouts import RUN
from trialsim.storage.replicate_store import ReplicateStore
from trialsim.workflows.job import Job, OnNote, OnProgress, OnStage, ignore_note, ignore_progress
from trialsim.workflows.result import CommandResult
from trialsim.workflows.target_precision import enough_for

DEFAULT_REPLICATES: Final = 1000
DEFAULT_KEPT: Final = 20


@dataclass(frozen=True)
class Result(CommandResult):
    """What `run` gives; tables are pandas DataFrames, and `save(folder)` writes them.

    Attributes
    ----------
    estimates
        A row a quantity, with its Monte Carlo standard error; the columns are those of `analysis.Estimate`.
    interpretations
        A row a published statistic under an interpretation that was not taken.
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
        """The flat numbers that were simulated."""
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


def run(
    scenario: ScenarioLike,
    replicates: int = DEFAULT_REPLICATES,
    seed: int = 1,
    keep: int = DEFAULT_KEPT,
    *,
    engine: str = "auto",
    workers: int | None = None,
    cluster: str | None = None,
    block_size: int | None = None,
    target_mcse: Mapping[str, float] | None = None,
    strategy: Strategy | None = None,
    out: Path | str | None = None,
    figures: Sequence[str] = DEFAULT_FORMATS,
    resume: Path | str | None = None,
    overwrite: bool = False,
    on_progress: OnProgress = ignore_progress,
    on_stage: OnStage = ignore_stage,
    on_note: OnNote = ignore_note,
) -> Result:
    """Monte Carlo replicates of a scenario, compared with its cohort where it names one.

    Parameters
    ----------
    scenario
        A scenario: YAML path, built-in name, mapping, or loaded.
    replicates
        How many trials to simulate, at least 1; with `target_mcse` only the first ones.
    seed
        Decides every draw together with the address of the draw; 0 to 2^64 - 1.
    keep
        Of how many replicates, from the first on, patients and events are kept.
    engine
        `auto`, `reference` (SimPy) or `batch` (compiled). It changes no result.
    workers
        How many threads (or processes, for the reference engine); by default as many as there are cores. It changes no
        result.
    cluster
        The address of a Dask scheduler that does the work.
    block_size
        How many replicates a worker does at a time. It changes no result.
    target_mcse
        One quantity and the Monte Carlo standard error that it shall have at most, in the quantity's unit: as many
        replicates are simulated as that takes.
    strategy
        A Python function (see `trialsim.strategies`) that decides in place of the scenario's rules, in the reference
        engine.
    out
        The folder to write results to; while the work lasts, what is finished is kept beside it. None writes nothing.
    figures
        Formats of the pictures: one or several of png, svg, pdf.
    resume
        A results folder whose replicates, or those of the unfinished run beside it, are taken over.
    overwrite
        Replace results of another configuration in `out`; they are refused otherwise.
    on_progress
        Called with how much is done and how much there will be.
    on_stage
        Called with the name of each part of the work as it begins, and its unit.
    on_note
        Called with what a user should know.

    Returns
    -------
    Result
        The estimates, each with its Monte Carlo standard error, and the tables behind them.

    Raises
    ------
    ConfigurationError
        For a scenario that cannot be read or contradicts itself.
    RequestError
        For an impossible request, before any work starts.
    DestinationError
        For a folder `out` that cannot be written or replaced, that another process writes, or that cannot be resumed.
    HazardError
        Where a hazard is infinite, NaN or negative.
    EventLogError
        Where a trial has more events than memory has room for.
    StrategyError
        Where `strategy` decides what cannot be done.
    Interrupted
        On Ctrl-C; its `finished` is the `Result` so far, or None.
    """
    scenario = load_scenario(scenario)
    check_request(scenario, replicates, seed, keep)
    check_workers(workers, block_size)
    job = Job(out, figures, overwrite, on_stage, on_note)
    target = TargetPrecision.of(target_mcse)
    protocol = replace(protocol_of(scenario), strategy=strategy)
    if strategy is not None:
        check_strategy({"resume": resume, "cluster": cluster})
    measured = published_of_patients(scenario, protocol)
    enough = enough_for(target, scenario, protocol)
    choice = choose_engine(engine, protocol, replicates if target is None else MOST_REPLICATES)
    simulation = Simulation(protocol, seed, choice.name, workers, cluster, block_size)
    named = getattr(strategy, "__qualname__", str(strategy)) if strategy is not None else ""
    configuration: dict[str, Any] = {"command": RUN.command, "scenario": scenario.to_mapping(), "strategy": named}

    def result(asked: int) -> Result:
        kept = keep_first(simulation, store, n_kept, trials_to_keep(protocol, 1))
        if measured:
            on_stage("measuring published statistics in the patients", "")
        trials = measure_trials(store, measured, choice.name, protocol, seed)
        n_workers, seconds = simulation.n_workers, job.seconds
        return Result(configuration, scenario, seed, n_workers, seconds, kept, trials, asked, choice, target)

    with job.locked(configuration) as checkpoint:
        n_kept = _trials_that_fit(protocol, keep, on_note)
        job.compile(choice.name)
        on_stage("simulating", "trials")
        earlier = Path(resume) if resume is not None else None
        n_asked = replicates if target is None else None
        store = open_store(checkpoint, simulation, configuration["scenario"], earlier, n_asked)
        with job.interruptible(
            lambda: f"interrupted after {store.n:,} replicates",
            n_done=lambda: store.n,
            partial_result=lambda: result(store.n + 1),
            final_errors=(EventLogError, HazardError),
        ):
            grow(simulation, store, replicates, on_progress, enough)
        finished = result(store.n)
        job.finish(finished)
    return finished


def _trials_that_fit(protocol: Protocol, keep: int, on_note: OnNote) -> int:
    """For how many of the first `keep` trials patients and events fit in memory."""
    n_kept = trials_to_keep(protocol, keep)
    if n_kept < keep:
        on_note(f"patients and events of {n_kept:,} trials are kept, not of {keep:,}: a log has up to "
                f"{expected_events(protocol):,.0f} rows, and {v.MAX_LOGGED_EVENTS:,} fit in memory")  # fmt: skip
    return n_kept


def with_settings(scenario: Scenario, settings: Mapping[str, Any]) -> Scenario:
    """A scenario with the changes of `--set`, its name marked by them so that results do not overwrite each other."""
    if not settings:
        return scenario
    changed = scenario.with_changes(settings)
    if "name" in settings:
        return changed
    digest = configuration_digest(changed.to_mapping())
    return changed.with_changes({"name": f"{scenario.name}-{digest[:6]}"})
