"""The command `size`, and what it gives: how many patients the next trial needs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from trialsim.config.loading.comparisons import StudyLike
from trialsim.config.loading.size_studies import Sizing, load_sizing, located
from trialsim.design.assurance import Assurance, assurance_of
from trialsim.design.base import ALTERNATIVE, Information, reported
from trialsim.design.conduct.blocks import success
from trialsim.design.job import SizeJob, take_size
from trialsim.design.operating_characteristics import Quantities, conducted, histories
from trialsim.design.preparation import prepare_study
from trialsim.design.prepared_study import MEDIAN, POSTERIOR, PreparedStudy
from trialsim.design.search import SearchResult
from trialsim.errors import RequestError
from trialsim.inference.repeated import repeated_estimates
from trialsim.records.digest import configuration_digest
from trialsim.records.tables import plain_mapping, plain_rows
from trialsim.report.design.figures import draw_size_figures
from trialsim.report.design.given_n import answer_as_data
from trialsim.report.design.protocol_paragraph import paragraph_of
from trialsim.simulation import ignore_stage
from trialsim.simulation.engine import BATCH
from trialsim.simulation.limits import check_size, check_workers
from trialsim.simulation.workers import available_cores
from trialsim.storage.formats import DEFAULT_FORMATS
from trialsim.storage.layouts import SIZE
from trialsim.storage.replicate_store import Rows
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


@dataclass(frozen=True)
class Sized(CommandResult):
    """What `size` gives; tables are pandas DataFrames, and `save(folder)` writes them.

    Attributes
    ----------
    design
        The numbers of the design, by the field's names.
    exact
        Exact values beside simulated ones where both mean the same.
    calendar
        What the trial comes to when it is conducted, beside the plan, with Monte Carlo standard errors.
    histories
        When trials were decided, and on how many patients.
    search_result
        The search for n: `n`, its 95 % interval from `lower` to `upper`, and `curve`. None where n was not searched.
    assurance
        What the posterior of the pilot makes of the design. None where the parameters are fixed.
    estimates
        What the estimates of `analyse` come to over the trials under each truth: mean, bias and coverage with Monte
        Carlo errors; see docs/guide/size.md. Computed when it is first asked for; empty for designs without rates.
    paragraph
        The paragraph on sample size for the protocol of the trial.
    ready
        The study as it was simulated.
    replicates
        How many trials were asked for under every truth.
    rows
        The trials under each truth, by its name.
    configuration
        What was asked, resolved, as plain data.
    scenario
        The scenario of the first arm.
    seed
        The seed.
    workers
        How many threads or processes did the work.
    seconds
        How long it took, in seconds.
    digest
        The digest of what was computed: equal for equal study, seed and replicates, whatever engine and workers.
    """

    layout: ClassVar = SIZE

    ready: PreparedStudy
    replicates: int
    exact: pd.DataFrame
    search_result: SearchResult | None
    rows: dict[str, Rows] = field(repr=False)

    @property
    def sizing(self) -> Sizing:
        """The study and its scenarios."""
        return self.ready.sizing

    @cached_property
    def design(self) -> dict[str, Any]:
        """The numbers of the design, by the field's names."""
        return {"kind": self.sizing.study.design, **reported(self.ready.numbers)}

    @cached_property
    def calendar(self) -> pd.DataFrame:
        """See `calendar.conducted`."""
        return pd.concat([self._conducted(truth, rows) for truth, rows in self.rows.items()], ignore_index=True)

    def _conducted(self, truth: str, rows: Rows) -> pd.DataFrame:
        """The part of the calendar under one truth."""
        design, study = self.ready.design, self.sizing.study
        counted = sum(rows[f"n_{i}"] for i in range(len(self.ready.names)))
        is_short = np.asarray(counted < design.n) if study.conduct.not_evaluable != "dropped" else None
        quantities = Quantities(design.design.success, self.n_looks, study.safety is not None, self._may_wait, is_short)
        of_setting = self.ready.error_of_setting(truth)
        return conducted(truth, design.operating_characteristics(truth), rows, quantities, of_setting)

    @property
    def _may_wait(self) -> bool:
        """Whether accrual may have to wait for a look."""
        conduct = self.sizing.study.conduct
        is_at_events = self.ready.design.design.information is Information.EVENTS
        return not is_at_events and (conduct.accrual == "pause" or conduct.overrun is not None)

    @property
    def n_looks(self) -> int:
        """How many looks the design has."""
        return self.ready.design.n_looks

    @cached_property
    def histories(self) -> pd.DataFrame:
        """When trials were decided, and on how many patients."""
        return histories(self.rows)

    @cached_property
    def estimates(self) -> pd.DataFrame:
        """See `inference.repeated.repeated_estimates`."""
        return repeated_estimates(self.ready, self.rows, self.seed, self.workers)

    @cached_property
    def assurance(self) -> Assurance | None:
        """What the posterior of the pilot makes of the design; None where the parameters are fixed."""
        rows = self.rows.get(POSTERIOR)
        if rows is None:
            return None
        protocol = max(self.ready.truths[POSTERIOR], key=lambda item: len(item.parameter_names))
        draws = np.array(protocol.parameter_draws)
        is_test = self.ready.design.design.has_test
        middle = success(self.rows[MEDIAN if MEDIAN in self.rows else ALTERNATIVE])
        error = math.sqrt(max(float(middle.mean() * (1.0 - middle.mean())), 0.0) / len(middle))
        return assurance_of(rows, (float(middle.mean()), error), protocol.parameter_names, draws, is_test)

    @cached_property
    def paragraph(self) -> str:
        """The paragraph on sample size for the protocol of the trial."""
        return paragraph_of(
            self.ready, self.design, self.calendar, self.search_result, self.assurance, self.seed, self.replicates
        )

    @property
    def protocol_text(self) -> str:
        """The paragraph as a file."""
        return self.paragraph + "\n"

    @property
    def curve(self) -> pd.DataFrame | None:
        """Power by size, as the search found it; None where no size was searched."""
        return self.search_result.curve if self.search_result is not None else None

    @property
    def shares(self) -> pd.DataFrame | None:
        """The shares of the parameters in the uncertainty; None where the parameters are fixed."""
        return self.assurance.shares if self.assurance is not None else None

    @property
    def digest(self) -> str:
        """The digest of what was computed: equal for equal study, seed and replicates, whatever engine and workers.

        Three parts are left out: the estimates, which follow from the trials; the paragraph for the protocol, whose
        words and version are no results; and the shares of what is not known, a regression whose last digits depend on
        the processor's linear algebra.
        """
        results = self._results()
        if results["assurance"] is not None:
            results["assurance"] = {key: item for key, item in results["assurance"].items() if key != "shares"}
        return configuration_digest(results)

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data for `--json`; what does not exist is null."""
        estimates = plain_rows(self.estimates)
        more = {"estimates": estimates, "protocol": self.paragraph, "results_digest": self.digest}
        return plain_mapping({**self._results(), **more})

    def _results(self) -> dict[str, Any]:
        search_result, assurance = self.search_result, self.assurance
        given = {"power_of_n": answer_as_data(self.ready, self.calendar)} if self.sizing.study.n is not None else {}
        return {
            "study": self.sizing.study.name,
            "seed": self.seed,
            "replicates": self.replicates,
            "design": self.design,
            "alternatives": self.ready.design.others,
            "exact_and_simulated": plain_rows(self.exact),
            "calendar": plain_rows(self.calendar),
            "search": None if search_result is None else search_result.to_json(),
            "assurance": None if assurance is None else assurance.to_json(),
            "toxicity_boundary": list(self.ready.boundary.at_least) if self.ready.boundary is not None else None,
            **given,
        }  # fmt: skip

    def provenance(self) -> dict[str, Any]:
        """The entries of the manifest that only a search for a size has."""
        return {"replicates": self.replicates, "engine": self.ready.engine}

    def draw(self, folder: Path, figures: Sequence[str]) -> None:
        """Draw power by size, the boundaries, the assurance and the calendar."""
        draw_size_figures(folder, figures, self.ready, self.design, self.rows, self.search_result, self.assurance)


def size(
    study: Sizing | StudyLike,
    changes: Mapping[str, Any] | None = None,
    replicates: int | None = None,
    seed: int = 1,
    *,
    engine: str = "auto",
    workers: int | None = None,
    out: Path | str | None = None,
    figures: Sequence[str] = DEFAULT_FORMATS,
    resume: bool = False,
    overwrite: bool = False,
    on_progress: OnProgress = ignore_progress,
    on_stage: OnStage = ignore_stage,
    on_note: OnNote = ignore_note,
    on_result: OnResult = ignore_result,
) -> Sized:
    """How many patients the next trial needs, or the power of the `n` that the study gives.

    The exact design, where there is one, is checked against simulated trials with immediate outcomes; then the trial is
    simulated as it would be conducted, under every truth. Unless `n` is given, the smallest n that reaches the target
    is searched.

    Parameters
    ----------
    study
        A study: YAML path, built-in name, mapping, or loaded.
    changes
        Values by dotted key, which take the place of those of the file (`{"conduct.follow_up": "6 months"}`).
    replicates
        How many trials to simulate under every truth; by default as many as the study says.
    seed
        Decides every draw together with the address of the draw; 0 to 2^64 - 1.
    engine
        `auto`, `reference` (SimPy) or `batch` (compiled). It changes no result.
    workers
        How many threads (or processes, for the reference engine); by default as many as there are cores. It changes no
        result.
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
    Sized
        The design, the n that was found, and its operating characteristics with Monte Carlo errors.

    Raises
    ------
    ConfigurationError
        For a study or scenario that cannot be read or contradicts itself.
    RequestError
        For what cannot be had, with the nearest that can.
    DestinationError
        For a folder `out` that cannot be written or replaced, that another process writes, or that cannot be resumed.
    HazardError
        Where a hazard is infinite, NaN or negative.
    DisagreementError
        If the simulator contradicts an exact value.
    Interrupted
        On Ctrl-C.
    """
    sizing = load_sizing(study, changes)
    n = replicates if replicates is not None else sizing.study.replicates
    check_size(sizing.scenarios, n, seed, sizing.study.most_patients)
    check_workers(workers, None)
    job = Job(out, figures, overwrite, on_stage, on_note, on_result)
    n_workers = workers or available_cores()
    configuration = {"command": SIZE.command, "study": sizing.to_mapping()}
    asked = (configuration, next(iter(sizing.scenarios.values())), seed, n_workers)
    with job.locked(configuration) as checkpoint:
        job.compile(BATCH)
        on_stage("building the design", "")
        try:
            with job.interruptible(lambda: "interrupted"):
                ready = prepare_study(sizing, engine, seed, n)
                checkpoint.begin_or_resume({"size": configuration["study"], "seed": seed, "replicates": n}, resume)
                parts = SizeJob(ready, seed, n, n_workers, checkpoint, on_progress)
                on_stage("checking the exact design", "trials")
                exact = parts.checked()
                if sizing.study.n is None:
                    on_stage("searching for n", "trials")
                search_result = parts.searched()
                parts.ready = ready = take_size(ready, search_result)
                on_stage("simulating the conduct", "trials")
                rows = parts.conducted()
        except RequestError as error:
            raise located(error, sizing) from None
        sized = Sized(*asked, job.seconds, ready, n, exact, search_result, rows)
        job.finish(sized)
    return sized
