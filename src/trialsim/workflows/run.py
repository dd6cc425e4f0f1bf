"""The verbs of the command line as functions, in the order of a user's work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pandas as pd

from trialsim.config import Scenario, load_scenario, protocol_of
from trialsim.config.loading.kinds import ConfigurationLike
from trialsim.config.loading.scenarios import ScenarioLike
from trialsim.engines.reference import simulate
from trialsim.errors import ConfigurationError, EventLogError, HazardError, Interrupted, Problem, RequestError
from trialsim.model import vocabulary as v
from trialsim.model.protocol import Protocol
from trialsim.model.strategy import Strategy
from trialsim.records.digest import configuration_digest
from trialsim.records.tables import event_table, readable_events
from trialsim.report import describe
from trialsim.simulation import Simulation, TargetPrecision, choose_engine, grow, ignore_stage, keep_first, make_ready
from trialsim.simulation.limits import (
    MOST_REPLICATES,
    check_request,
    check_strategy,
    check_workers,
    expected_events,
    trials_to_keep,
)
from trialsim.simulation.resumption import open_store
from trialsim.storage.formats import DEFAULT_FORMATS, check_formats
from trialsim.storage.job_folder import WorkFolder, work_folder
from trialsim.storage.replicate_store import ReplicateStore
from trialsim.storage.results_folder import check_destination
from trialsim.workflows.result import Result, configuration_of_run
from trialsim.workflows.target_precision import enough_for

DEFAULT_REPLICATES: Final = 1000
DEFAULT_KEPT: Final = 20


def check(
    given: ConfigurationLike | Sequence[ConfigurationLike], changes: Mapping[str, Any] | None = None, width: int = 100
) -> list[str]:
    """A synopsis in plain language of each scenario, study, cohort or parameter set: one, or a list of them.

    Each is a YAML path, a built-in name, a mapping or an object. The lines have at most `width` columns. Every file is
    read before any complaint: raises `ConfigurationError` with the problems of all of them.
    """
    items: list[Any] = list(given) if isinstance(given, list | tuple) else [given]
    texts: list[str] = []
    problems: list[Problem] = []
    for item in items:
        try:
            texts.append(describe(item, changes or {}, width))
        except ConfigurationError as error:
            problems += error.problems
        except RequestError as error:
            place = f"{item}:" if isinstance(item, str | Path) else "study"
            problems.append(error.problem if error.problem.place else replace(error.problem, place=place))
    if problems:
        raise ConfigurationError(problems)
    return texts


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
    on_progress: Callable[[int, int], None] = lambda done, wanted: None,
    on_stage: Callable[[str, str], None] = ignore_stage,
    on_note: Callable[[str], None] = lambda text: None,
) -> Result:
    """Monte Carlo replicates of a scenario; patients and events are kept for the first `keep` of them.

    `scenario` is a YAML path, a built-in name, a mapping or an object.
    `engine` is `auto`, `reference` or `batch`, `workers` the number of threads (or of processes, for the reference
    engine), `cluster` the address of a Dask scheduler, `block_size` how many replicates a worker does at a time: none
    of them changes a result. With `target_mcse`, one quantity and the Monte Carlo standard error that it shall have at
    most, `replicates` are only the first ones. `out` names the results folder to write; while the run lasts, what is
    finished is kept beside it. `resume` names a results folder whose replicates, or those of the unfinished run beside
    it, are taken over. Results of another configuration are replaced only with `overwrite`. `strategy`, a Python
    function (see `model.strategy`), decides in place of the scenario's rules, in the reference engine. `on_progress`
    gets how many replicates are done and how many there shall be, `on_stage` the name of the part of the work that
    begins and its unit, `on_note` what a user should know. `figures` are the formats of the pictures: png, svg, pdf.

    Raises `RequestError` for an impossible request before any work starts, `HazardError` for a degenerate hazard, and
    `Interrupted` on Ctrl-C, whose `finished` is the `Result` so far (or None).
    """
    scenario = load_scenario(scenario)
    check_request(scenario, replicates, seed, keep)
    check_workers(workers, block_size)
    check_formats(figures)
    target = TargetPrecision.of(target_mcse)
    started = time.perf_counter()
    protocol = replace(protocol_of(scenario), strategy=strategy)
    if strategy is not None:
        check_strategy({"resume": resume, "cluster": cluster})
    enough = enough_for(target, scenario, protocol)
    choice = choose_engine(engine, protocol, replicates if target is None else MOST_REPLICATES)
    simulation = Simulation(protocol, seed, choice.name, workers, cluster, block_size)
    configuration = configuration_of_run(scenario, strategy)
    destination = check_destination(Path(out), configuration, overwrite) if out is not None else None
    earlier = Path(resume) if resume is not None else None

    n_kept = _trials_that_fit(protocol, keep, on_note)

    def result(asked: int) -> Result:
        done = keep_first(simulation, store, n_kept, trials_to_keep(protocol, 1))
        seconds = time.perf_counter() - started
        return Result(scenario, seed, done, seconds, asked, choice, simulation.n_workers, target, strategy)

    folder = work_folder(destination, configuration, overwrite, on_note) if destination is not None else nullcontext()
    with folder as work:
        make_ready(choice.name, on_note, on_stage)
        on_stage("simulating", "trials")
        n_asked = replicates if target is None else None
        store = open_store(work, simulation, configuration["scenario"], earlier, n_asked)
        with _kept_if_interrupted(work, store, result, figures):
            grow(simulation, store, replicates, on_progress, enough)
        found = result(store.n)
        if work is not None:
            on_stage("writing results", "")
            found.save_in(work, figures)
    return found


def _trials_that_fit(protocol: Protocol, keep: int, on_note: Callable[[str], None]) -> int:
    """For how many of the first `keep` trials patients and events fit in memory."""
    n_kept = trials_to_keep(protocol, keep)
    if n_kept < keep:
        on_note(f"patients and events of {n_kept:,} trials are kept, not of {keep:,}: a log has up to "
                f"{expected_events(protocol):,.0f} rows, and {v.MAX_LOGGED_EVENTS:,} fit in memory")  # fmt: skip
    return n_kept


@contextmanager
def _kept_if_interrupted(
    work: WorkFolder | None, store: ReplicateStore, result: Callable[[int], Result], figures: Sequence[str]
) -> Iterator[None]:
    """What becomes of the replicates so far when their simulation ends early: kept on Ctrl-C, removed on a defect."""
    try:
        yield
    except Interrupted as stop:
        if store.n > 0:
            stop.finished = part = result(store.n + 1)
            if work is not None:
                part.save_in(work, figures)
        elif work is not None:
            work.remove()
        raise
    except (EventLogError, HazardError):
        if work is not None:
            work.remove()  # it would come to the same end again
        raise


def trace(
    scenario: ScenarioLike,
    replicate: int = 1,
    seed: int = 1,
    patient: int | None = None,
    *,
    strategy: Strategy | None = None,
) -> pd.DataFrame:
    """The event log of one replicate, in words; of one patient if asked for; under a `strategy` if there is one.

    It is the same log, to the bit, that a run with this seed has for this replicate.
    """
    scenario = load_scenario(scenario)
    check_request(scenario, 1, seed, 0)
    if not 1 <= replicate <= MOST_REPLICATES:
        allowed = f"1 to {MOST_REPLICATES:,}."
        raise RequestError(f"--replicate {replicate}", "this replicate is out of range.", allowed)
    protocol = replace(protocol_of(scenario), strategy=strategy)
    events = readable_events(event_table([(replicate, simulate(protocol, seed, replicate))]), protocol)
    if patient is None:
        return events
    if patient not in set(events["patient"]):
        numbers = sorted(set(events["patient"]))
        allowed = f"a patient who was screened: {numbers[0]} to {numbers[-1]}." if numbers else "nobody was screened."
        raise RequestError(f"--patient {patient}", "there is no such patient in this replicate.", allowed)
    return events[events["patient"] == patient].reset_index(drop=True)


def with_settings(scenario: Scenario, settings: Mapping[str, Any]) -> Scenario:
    """A scenario with the changes of `--set`, its name marked by them so that results do not overwrite each other."""
    if not settings:
        return scenario
    changed = scenario.with_changes(settings)
    if "name" in settings:
        return changed
    digest = configuration_digest(changed.to_mapping())
    return changed.with_changes({"name": f"{scenario.name}-{digest[:6]}"})
