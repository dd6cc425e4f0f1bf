"""The verb `size`, and what it gives: how many patients the next trial needs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trialsim.config.calibrated.draw_tables import write_table
from trialsim.config.calibrated.draws import table_of
from trialsim.config.loading.comparisons import StudyLike
from trialsim.config.loading.size_studies import Sizing, load_sizing, located
from trialsim.config.source.yaml import dump_yaml
from trialsim.design.assurance import Assurance, assurance_of
from trialsim.design.base import ALTERNATIVE, Information, reported
from trialsim.design.conduct.blocks import success
from trialsim.design.job import Progress, Work, take_size
from trialsim.design.operating_characteristics import Quantities, conducted, histories
from trialsim.design.preparation import prepare_study
from trialsim.design.prepared_study import MEDIAN, POSTERIOR, PreparedStudy
from trialsim.design.search import Found
from trialsim.errors import Interrupted, RequestError
from trialsim.records.digest import configuration_digest
from trialsim.records.tables import plain_mapping, plain_rows
from trialsim.report.design.figures import draw_size_figures
from trialsim.report.design.protocol_paragraph import paragraph_of
from trialsim.simulation import ignore_stage, make_ready
from trialsim.simulation.engine import BATCH
from trialsim.simulation.limits import check_size, check_workers
from trialsim.simulation.resumption import begin_or_go_on
from trialsim.simulation.workers import available_cores
from trialsim.storage.formats import DEFAULT_FORMATS, check_formats
from trialsim.storage.job_folder import WorkFolder, work_folder
from trialsim.storage.manifest import SizeManifest
from trialsim.storage.replicate_store import Rows
from trialsim.storage.results_folder import PARAMETERS_FILE, check_destination, results_folder, saved_in


@dataclass(frozen=True)
class Sized:
    """What `size` gives; tables are pandas DataFrames.

    `design` (the numbers of the design), `exact` (exact values beside simulated ones where both mean the same),
    `calendar` (what the trial comes to when it is conducted, beside the plan), `found` (the search for n: `n`,
    `lower`, `upper`, `curve`), `assurance`, `paragraph` (for the protocol); `save(folder)` writes them.
    """

    ready: PreparedStudy
    seed: int
    trials: int
    seconds: float
    workers: int
    exact: pd.DataFrame
    found: Found | None
    rows: dict[str, Rows] = field(repr=False)

    @property
    def sizing(self) -> Sizing:
        """The study and its scenarios."""
        return self.ready.sizing

    @cached_property
    def design(self) -> dict[str, Any]:
        """The numbers of the design, by the field's names."""
        numbers = self.ready.numbers
        return {"kind": self.sizing.study.design, **reported(numbers)}

    @cached_property
    def calendar(self) -> pd.DataFrame:
        """See `calendar.conducted`."""
        return pd.concat([self._conducted(truth, rows) for truth, rows in self.rows.items()], ignore_index=True)

    def _conducted(self, truth: str, rows: Rows) -> pd.DataFrame:
        """The part of the calendar under one truth."""
        design, study = self.ready.design, self.sizing.study
        counted = sum(rows[f"n_{i}"] for i in range(len(self.ready.names)))
        is_short = np.asarray(counted < design.n) if study.conduct.inevaluable != "dropped" else None
        quantities = Quantities(design.design.success, self.n_looks, study.safety is not None, self._may_wait, is_short)
        return conducted(truth, design.operating_characteristics(truth), rows, quantities)

    @property
    def _may_wait(self) -> bool:
        """Whether accrual may have to wait for a look."""
        own = self.sizing.study.conduct
        is_at_events = self.ready.design.design.information is Information.EVENTS
        return not is_at_events and (own.accrual == "pause" or own.overrun is not None)

    @property
    def n_looks(self) -> int:
        """How many looks the design has."""
        return self.ready.design.n_looks

    @cached_property
    def histories(self) -> pd.DataFrame:
        """When trials were decided, and on how many patients."""
        return histories(self.rows)

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
        return paragraph_of(self.ready, self.design, self.calendar, self.found, self.assurance, self.seed, self.trials)

    @property
    def digest(self) -> str:
        """The digest of what was computed: equal for equal study, seed and trials, whatever engine and workers.

        Two parts are left out: the paragraph for the protocol, whose words and version are no results, and the shares
        of what is not known, a regression whose last digits depend on the processor's linear algebra.
        """
        results = self._results()
        if results["assurance"] is not None:
            results["assurance"] = {key: item for key, item in results["assurance"].items() if key != "shares"}
        return configuration_digest(results)

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data for `--json`; what does not exist is null."""
        return plain_mapping({**self._results(), "protocol": self.paragraph, "results_digest": self.digest})

    def _results(self) -> dict[str, Any]:
        found, assurance = self.found, self.assurance
        return {
            "study": self.sizing.study.name,
            "seed": self.seed,
            "trials": self.trials,
            "design": self.design,
            "alternatives": self.ready.design.others,
            "exact_and_simulated": plain_rows(self.exact),
            "calendar": plain_rows(self.calendar),
            "search": None if found is None else found.to_json(),
            "assurance": None if assurance is None else assurance.to_json(),
            "toxicity_boundary": list(self.ready.boundary.at_least) if self.ready.boundary is not None else None,
        }  # fmt: skip

    def manifest(self) -> SizeManifest:
        """Everything needed to search again."""
        configuration = self.sizing.to_mapping()
        return SizeManifest(
            study=configuration,
            study_digest=configuration_digest(configuration),
            seed=self.seed,
            trials=self.trials,
            engine=self.ready.engine,
            workers=self.workers,
            results_digest=self.digest,
            seconds=round(self.seconds, 3),
        )

    def save(self, destination: Path | str, overwrite: bool = False, figures: Sequence[str] = DEFAULT_FORMATS) -> Path:
        """Write the results folder, whole or not at all, with pictures in the formats `figures`.

        Results of another configuration are replaced only with `overwrite`.

        Raises `DestinationError`.
        """
        configuration = configuration_of_size(self.sizing)
        return saved_in(Path(destination), partial(self.save_in, figures=figures), configuration, overwrite)

    def save_in(self, work: WorkFolder, figures: Sequence[str] = DEFAULT_FORMATS) -> None:
        """Write the results folder that a work folder belongs to, which is then done with."""
        with results_folder(work) as folder:
            (folder / "study.yaml").write_text(dump_yaml(self.sizing.to_mapping()), encoding="utf-8")
            (folder / "protocol.txt").write_text(self.paragraph + "\n", encoding="utf-8")
            self.calendar.to_csv(folder / "calendar.csv", index=False)
            if len(self.exact):
                self.exact.to_csv(folder / "exact.csv", index=False)
            if self.found is not None:
                self.found.curve.to_csv(folder / "curve.csv", index=False)
            if self.assurance is not None:
                self.assurance.shares.to_csv(folder / "shares.csv", index=False)
            first = next(iter(self.sizing.scenarios.values()))
            table = table_of(first)
            if table is not None and first.parameters.draws is not None:
                write_table(folder / PARAMETERS_FILE, table)
            draw_size_figures(folder, figures, self.ready, self.design, self.rows, self.found, self.assurance)
            self.manifest().write(folder)


def configuration_of_size(sizing: Sizing) -> dict[str, Any]:
    """What the manifest of a search for a size says was asked, whatever the seed and the number of trials."""
    return {"verb": "size", "study": sizing.to_mapping()}


def size(
    study: Sizing | StudyLike,
    changes: Mapping[str, Any] | None = None,
    trials: int | None = None,
    seed: int = 1,
    *,
    engine: str = "auto",
    workers: int | None = None,
    out: Path | str | None = None,
    figures: Sequence[str] = DEFAULT_FORMATS,
    resume: bool = False,
    overwrite: bool = False,
    on_progress: Progress = lambda done, wanted: None,
    on_stage: Callable[[str, str], None] = ignore_stage,
    on_note: Callable[[str], None] = lambda text: None,
) -> Sized:
    """How many patients the next trial needs: a study of size (YAML path, built-in name, mapping, or loaded).

    The exact design, where there is one, is checked against simulated trials with instant outcomes; then the trial is
    simulated as it would be conducted, `trials` times under every truth (as often as the study says, unless given), and
    the smallest n that reaches the target is searched. Neither `engine` nor `workers` changes a result. `out` names the
    results folder to write; while the work lasts, what is finished is kept beside it, and `resume` goes on from there;
    results of another configuration are replaced only with `overwrite`. `figures` are the formats of the pictures: png,
    svg, pdf.

    Raises `ConfigurationError`, `RequestError` for what cannot be had (with the nearest that can), `HazardError`,
    `DisagreementError` if the simulator contradicts an exact value, and `Interrupted` on Ctrl-C.
    """
    sizing = load_sizing(study, changes)
    n = trials if trials is not None else sizing.study.trials
    check_size(sizing.scenarios, n, seed, sizing.study.largest_n)
    check_workers(workers, None)
    check_formats(figures)
    started = time.perf_counter()
    configuration = configuration_of_size(sizing)
    destination = check_destination(Path(out), configuration, overwrite) if out is not None else None
    n_workers = workers or available_cores()
    place = work_folder(destination, configuration, overwrite, on_note) if destination is not None else nullcontext()
    with place as folder:
        make_ready(BATCH, on_note, on_stage)
        on_stage("building the design", "")
        try:
            ready = prepare_study(sizing, engine, seed, n)
            if folder is not None:
                begin_or_go_on(folder, {"size": sizing.to_mapping(), "seed": seed, "trials": n}, resume)
            work = Work(ready, seed, n, n_workers, folder, on_progress)
            on_stage("checking the exact design", "trials")
            exact = work.checked()
            on_stage("searching for n", "trials")
            found = work.searched()
            work.ready = ready = take_size(ready, found)
            on_stage("simulating the conduct", "trials")
            rows = work.conducted()
        except RequestError as error:
            raise located(error, sizing) from None
        except KeyboardInterrupt:
            raise Interrupted("interrupted", None) from None
        sized = Sized(ready, seed, n, time.perf_counter() - started, n_workers, exact, found, rows)
        if folder is not None:
            on_stage("writing results", "")
            sized.save_in(folder, figures)
    return sized
