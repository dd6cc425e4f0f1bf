"""The command `run`: replicates of a scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from trialsim.config import Scenario, load_scenario
from trialsim.config.loading.scenarios import ScenarioLike
from trialsim.endpoints.measured_trials import measure_trials
from trialsim.endpoints.published_checks import published_of_patients
from trialsim.errors import EventLogError, HazardError
from trialsim.model import vocabulary as v
from trialsim.model.protocol import Protocol
from trialsim.model.strategy import Strategy
from trialsim.records.digest import configuration_digest
from trialsim.simulation import (
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
from trialsim.simulation.trials import trials_of
from trialsim.storage.formats import DEFAULT_FORMATS
from trialsim.storage.layouts import RUN
from trialsim.workflows.job import (
    Job,
    OnNote,
    OnProgress,
    OnResult,
    OnStage,
    ignore_note,
    ignore_progress,
    ignore_result,
)
from trialsim.workflows.run_result import Result, result_of
from trialsim.workflows.target_precision import enough_for

DEFAULT_REPLICATES: Final = 1000
DEFAULT_KEPT: Final = 20


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
    on_result: OnResult = ignore_result,
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
        Formats of the pictures: one or several of png, svg, pdf; an empty sequence draws none.
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
    on_result
        Called with the result before its folder is written and its pictures are drawn.

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
    job = Job(out, figures, overwrite, on_stage, on_note, on_result)
    target = TargetPrecision.of(target_mcse)
    trials = trials_of(scenario, strategy)
    if strategy is not None:
        check_strategy({"resume": resume, "cluster": cluster})
    first = trials.protocols[0]
    measured = published_of_patients(scenario, first)
    enough = enough_for(target, scenario, trials)
    choice = choose_engine(engine, first, (replicates if target is None else MOST_REPLICATES) * len(trials.protocols))
    simulation = Simulation(trials, seed, choice.name, workers, cluster, block_size)
    configuration = _configuration(scenario, strategy)

    def result(asked: int) -> Result:
        kept = keep_first(simulation, store, n_kept, trials_to_keep(first, 1))
        if measured:
            on_stage("measuring published statistics in the patients", "")
        found = measure_trials(store, measured, choice.name, first, seed)
        how = (configuration, scenario, seed, simulation.n_workers, job.seconds)
        return result_of(scenario)(*how, kept, found, asked, choice, target)

    with job.locked(configuration) as checkpoint:
        n_kept = _trials_that_fit(first, keep, on_note)
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


def _configuration(scenario: Scenario, strategy: Strategy | None) -> dict[str, Any]:
    """What was asked, resolved, as plain data."""
    named = getattr(strategy, "__qualname__", str(strategy)) if strategy is not None else ""
    return {"command": RUN.command, "scenario": scenario.to_mapping(), "strategy": named}


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
