"""The command `compare`, and what it gives: variants of one trial on the same patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Final

import pandas as pd

from trialsim.comparison.effects import differences_of, dominated, estimates_of, ranks_of
from trialsim.comparison.paired_trials import UTILITY, Numbers, PreparedComparison, comparison_rows
from trialsim.comparison.preparation import prepare_comparison
from trialsim.config.loading.comparisons import Comparison, StudyLike, load_comparison
from trialsim.errors import DestinationError, HazardError, RequestError
from trialsim.model.strategy import Strategy
from trialsim.records.tables import plain_rows
from trialsim.report.run.figures import draw_compare_figures
from trialsim.simulation import ignore_stage
from trialsim.simulation.engine import BATCH, REFERENCE
from trialsim.simulation.limits import check_request, check_strategy, check_workers
from trialsim.simulation.workers import available_cores, blocks, local_pool
from trialsim.storage.checkpoint import Checkpoint
from trialsim.storage.formats import DEFAULT_FORMATS
from trialsim.storage.layouts import COMPARE
from trialsim.storage.replicate_store import ReplicateStore, Rows
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
from trialsim.workflows.result import CommandResult

PATIENTS_IN_BLOCK: Final = 20_000  # of each variant: all of them are in memory, some 5 MB a variant
PATIENTS_IN_REFERENCE_BLOCK: Final = 1_000
MAX_DRAWN: Final = 24  # endpoints with a panel each: no page holds more, and the time to lay them out grows with n^2


@dataclass(frozen=True)
class Compared(CommandResult):
    """What `compare` gives; tables are pandas DataFrames, and `save(folder)` writes them.

    Attributes
    ----------
    estimates
        A row a variant and quantity, with its Monte Carlo standard error.
    differences
        A row a pair of variants and quantity, with Monte Carlo standard error and posterior interval.
    ranks
        A row a variant and quantity: the probability of each rank, over the posterior. Empty where the parameters do
        not vary.
    trials
        A row a trial.
    dominated
        The variants that another one dominates on the benefit-harm plane, and by which.
    definitions
        Of each quantity its name, which way is better, and what a patient counts as whose treatment was stopped.
    comparison
        The study with the scenario of every variant by name.
    prepared
        The variants as they were simulated.
    store
        The numbers of every trial.
    requested
        How many trials were asked for.
    configuration
        What was asked, resolved, as plain data.
    scenario
        The scenario of the first variant.
    seed
        The seed.
    workers
        How many threads or processes did the work.
    seconds
        How long it took, in seconds.
    digest
        The digest of the results, equal for equal study, seed and number of replicates.
    """

    layout: ClassVar = COMPARE

    comparison: Comparison
    prepared: PreparedComparison
    store: ReplicateStore
    requested: int

    def __repr__(self) -> str:
        study = self.comparison.study
        return f"Compared({study.name!r}, variants={len(self.prepared.names)}, replicates={self.store.n})"

    @cached_property
    def numbers(self) -> Numbers:
        """The numbers of all trials."""
        return Numbers.of(self.prepared, self.store)

    @cached_property
    def estimates(self) -> pd.DataFrame:
        """See `statements.estimates_of`."""
        return estimates_of(self.prepared, self.numbers)

    @cached_property
    def differences(self) -> pd.DataFrame:
        """See `statements.differences_of`."""
        return differences_of(self.prepared, self.numbers)

    @cached_property
    def ranks(self) -> pd.DataFrame:
        """See `statements.ranks_of`; empty where the parameters do not vary."""
        return ranks_of(self.prepared, self.numbers)

    @property
    def trials(self) -> pd.DataFrame:
        """One row a trial."""
        return self.store.table()

    @property
    def definitions(self) -> list[tuple[str, str, str]]:
        """Of each quantity its name, which way is better, and what a patient counts as whose treatment was stopped."""
        endpoints = [(item.name, item.better, item.strategy) for item in self.prepared.endpoints]
        return [*endpoints, (UTILITY, "higher", "weighted sum")] if self.prepared.weights else endpoints

    @cached_property
    def dominated(self) -> dict[str, str]:
        """The variants that another one dominates on the benefit-harm plane, and by which."""
        plane = self.prepared.plane
        return dominated(self.prepared, self.estimates, *plane) if plane is not None else {}

    @property
    def digest(self) -> str:
        """The digest of the results: equal for equal study, seed and number of replicates."""
        return self.store.digest()

    def provenance(self) -> dict[str, Any]:
        """The entries of the manifest that only a comparison has."""
        return {
            "replicates": self.store.n,
            "engines": dict(zip(self.prepared.names, self.prepared.engines, strict=True)),
            "is_complete": self.store.n == self.requested,
        }

    def to_json(self) -> dict[str, Any]:
        """Estimates and differences as plain data for `--json`; what does not exist is null."""
        estimates = self.estimates
        return {
            "study": self.comparison.study.name,
            "seed": self.seed,
            "replicates": self.store.n,
            "results_digest": self.digest,
            "variants": {
                name: {"estimates": plain_rows(estimates[estimates["variant"] == name].drop(columns="variant"))}
                for name in self.prepared.names
            },
            "differences": plain_rows(self.differences),
            "ranks": plain_rows(self.ranks),
            "dominated": self.dominated,
        }

    def _drawn(self, table: pd.DataFrame) -> pd.DataFrame:
        """The part of a table that is drawn: of the first `MAX_DRAWN` endpoints, and those of the plane."""
        plane = self.prepared.plane or ()
        chosen = {*plane, *self.prepared.quantities[: MAX_DRAWN - len(plane)]}
        return table[table["quantity"].isin(chosen)] if len(table) else table

    def draw(self, folder: Path, figures: Sequence[str]) -> None:
        """Draw differences, ranks and the plane of benefit and harm."""
        draw_compare_figures(
            folder,
            figures,
            self.comparison.study.title,
            self.estimates,
            self._drawn(self.differences),
            self._drawn(self.ranks),
            self.prepared.plane,
            self.dominated,
        )


def compare(
    study: Comparison | StudyLike,
    changes: Mapping[str, Any] | None = None,
    replicates: int | None = None,
    seed: int = 1,
    *,
    engine: str = "auto",
    workers: int | None = None,
    strategies: Mapping[str, Strategy] | None = None,
    out: Path | str | None = None,
    figures: Sequence[str] = DEFAULT_FORMATS,
    resume: bool = False,
    overwrite: bool = False,
    on_progress: OnProgress = ignore_progress,
    on_stage: OnStage = ignore_stage,
    on_note: OnNote = ignore_note,
    on_result: OnResult = ignore_result,
) -> Compared:
    """Variants of one scenario on the same patients.

    Parameters
    ----------
    study
        A study: YAML path, built-in name, mapping, or loaded.
    changes
        Values by dotted key, which take the place of those of the file (`{"conduct.follow_up": "6 months"}`).
    replicates
        How many trials to simulate under every variant; by default as many as the study says.
    seed
        Decides every draw together with the address of the draw; 0 to 2^64 - 1.
    engine
        `auto`, `reference` (SimPy) or `batch` (compiled). It changes no result.
    workers
        How many threads (or processes, for the reference engine); by default as many as there are cores. It changes no
        result.
    strategies
        Python functions (see `trialsim.strategies`) by the name of a variant each, which otherwise is as the first one;
        results with them cannot be saved.
    out
        The folder to write results to; while the work lasts, what is finished is kept beside it. None writes nothing.
    figures
        Formats of the pictures: one or several of png, svg, pdf; an empty sequence draws none.
    resume
        Go on with the unfinished work beside `out`.
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
    Compared
        Endpoints of each variant and their paired differences, with Monte Carlo errors and posterior intervals.

    Raises
    ------
    ConfigurationError
        For a study or scenario that cannot be read or contradicts itself.
    RequestError
        For what cannot be compared.
    DestinationError
        For a folder `out` that cannot be written or replaced, that another process writes, or that cannot be resumed.
    HazardError
        Where a hazard is infinite, NaN or negative.
    EventLogError
        Where a trial has more events than memory has room for.
    StrategyError
        Where one of the `strategies` decides what cannot be done.
    Interrupted
        On Ctrl-C.
    """
    comparison = load_comparison(study, changes)
    n = replicates if replicates is not None else comparison.study.replicates
    for scenario in comparison.scenarios.values():
        check_request(scenario, n, seed, 0)
    check_workers(workers, None)
    job = Job(out, figures, overwrite, on_stage, on_note, on_result)
    check_strategy({"out": out if strategies else None})
    prepared = prepare_comparison(comparison, engine, n, strategies)
    has_batch = BATCH in prepared.engines
    n_workers = workers or (available_cores() if has_batch and not strategies else 1)
    study_mapping = comparison.to_mapping()
    configuration = {"command": COMPARE.command, "study": study_mapping}
    asked = (configuration, next(iter(comparison.scenarios.values())), seed, n_workers)
    with job.locked(configuration) as checkpoint:
        if has_batch:
            job.compile(BATCH)
        checkpoint.begin_or_resume({"compare": study_mapping, "seed": seed}, resume)
        store = _stored_trials(checkpoint, prepared, seed, n)
        on_stage("comparing", "trials")
        with job.interruptible(
            lambda: f"interrupted after {store.n:,} of {n:,} trials",
            n_done=lambda: store.n,
            final_errors=(HazardError, RequestError),
        ):
            _fill(prepared, store, seed, n, n_workers, on_progress)
            compared = Compared(*asked, job.seconds, comparison, prepared, store, n)
            _check_somebody(compared)
        job.finish(compared)
    return compared


def _stored_trials(checkpoint: Checkpoint, prepared: PreparedComparison, seed: int, n: int) -> ReplicateStore:
    """The trials so far, at most `n`. Raises `DestinationError` if this version simulates others."""
    store = checkpoint.store(prepared.columns)
    if store.n > n:
        store.cut(n)
    if store.n > 0 and comparison_rows(prepared, seed, 1, 1).tobytes() != store.head(1).tobytes():
        wrong = "this version simulates other trials than those stored there."
        raise DestinationError(f"--resume of {checkpoint.folder}", wrong, "a comparison without --resume.")
    return store


def _fill(
    prepared: PreparedComparison, store: ReplicateStore, seed: int, n: int, n_workers: int, on_progress: OnProgress
) -> None:
    def take(rows: Rows) -> None:
        if rows["replicate"][0] == store.n + 1:
            store.append(rows)
            on_progress(store.n, n)

    on_progress(store.n, n)
    engine = REFERENCE if REFERENCE in prepared.engines else BATCH
    most = PATIENTS_IN_REFERENCE_BLOCK if engine == REFERENCE else PATIENTS_IN_BLOCK
    size = max(1, most // max(protocol.accrual.n_patients for protocol in prepared.protocols))
    todo = list(blocks(store.n + 1, n, min(size, -(-n // (4 * n_workers)))))
    with local_pool(engine, max(1, min(n_workers, len(todo)))) as pool:
        pool.in_order(comparison_rows, ((prepared, seed, *block) for block in todo), take)


def _check_somebody(compared: Compared) -> None:
    """An endpoint that no trial has a number for cannot be compared."""
    nobody = compared.estimates.loc[compared.estimates["n_defined"] == 0]
    if len(nobody):
        row = nobody.iloc[0]
        wrong = f"no trial of {row['variant']!r} has anyone to take it of, or is observed so long."
        allowed = "an earlier time, a later cut-off, or another endpoint."
        raise RequestError(f"endpoint {row['quantity']}", wrong, allowed)
