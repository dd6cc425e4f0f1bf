"""The verb `size`, and what it gives: how many patients the next trial needs."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from trialsim.config.sizing import Sizing, load_sizing
from trialsim.config.yaml_lines import dump_yaml
from trialsim.design.assurance import Assurance, assurance_of
from trialsim.design.calendar import (
    REJECTS,
    SUCCESS,
    Quantities,
    check_agreement,
    compared,
    conducted,
    histories,
)
from trialsim.design.plan import ALTERNATIVE, Exact, reported
from trialsim.design.ready import MEDIAN, POSTERIOR, Ready, ready_of
from trialsim.design.running import block_size, run, success
from trialsim.design.search import Found, search
from trialsim.design.sizes import rejections_by_size
from trialsim.errors import Interrupted, RequestError
from trialsim.limits import check_size, check_workers
from trialsim.montecarlo import make_ready
from trialsim.montecarlo.engine import BATCH
from trialsim.montecarlo.resume import begin_or_go_on
from trialsim.montecarlo.workers import available_cores
from trialsim.records.digest import configuration_digest
from trialsim.records.manifest import SizeManifest
from trialsim.records.replicate_store import Rows
from trialsim.records.store import check_destination, results_folder, saved_in
from trialsim.records.tables import plain_rows
from trialsim.records.work_folder import WorkFolder, work_folder
from trialsim.report.protocol_paragraph import paragraph_of
from trialsim.report.size_figures import draw_size_figures

CHECK_TRIALS: Final = 100_000
FIRST_OF_SEARCH: Final = 1_000_000_000  # the search has trials of its own: what it finds is judged by others
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Sized:
    """What `size` gives; tables are pandas DataFrames.

    `design` (the numbers of the design), `exact` (exact values beside simulated ones where both mean the same),
    `calendar` (what the trial comes to when it is conducted, beside the plan), `found` (the search for n: `n`,
    `lower`, `upper`, `curve`), `assurance`, `paragraph` (for the protocol); `save(folder)` writes them.
    """

    ready: Ready
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
        numbers = self.ready.events.numbers if self.ready.events is not None else self.ready.plan.numbers  # type: ignore[union-attr]
        return {"kind": self.sizing.study.design, **reported(numbers)}

    @cached_property
    def calendar(self) -> pd.DataFrame:
        """See `calendar.conducted`."""
        return pd.concat([self._conducted(truth, rows) for truth, rows in self.rows.items()], ignore_index=True)

    def _conducted(self, truth: str, rows: Rows) -> pd.DataFrame:
        """The part of the calendar under one truth."""
        plan, events, study = self.ready.plan, self.ready.events, self.sizing.study
        exact = plan.exact.get(truth) if plan is not None else None
        if events is not None:
            n = int(events.numbers["n"])
            rejects = events.planned(n).get(truth, math.nan)
            exact = Exact(rejects, math.nan, math.nan, ()) if rejects == rejects else None
        else:
            n = plan.n if plan is not None else 0
        counted = sum(rows[f"n_{i}"] for i in range(len(self.ready.names)))
        is_short = np.asarray(counted < n) if study.conduct.inevaluable != "dropped" else None
        quantities = Quantities(
            SUCCESS.get(study.design, REJECTS), self.n_looks, study.safety is not None, events is None, is_short
        )
        return conducted(truth, exact, rows, quantities)

    @property
    def n_looks(self) -> int:
        """How many looks the design has."""
        if self.ready.events is not None:
            return len(self.sizing.study.looks.at)
        return len(self.ready.plan.decisions.looks) if self.ready.plan is not None else 1

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
        middle = success(self.rows[MEDIAN if MEDIAN in self.rows else ALTERNATIVE])
        error = math.sqrt(max(float(middle.mean() * (1.0 - middle.mean())), 0.0) / len(middle))
        return assurance_of(rows, (float(middle.mean()), error), protocol.parameter_names, draws)

    @cached_property
    def paragraph(self) -> str:
        """The paragraph on sample size for the protocol of the trial."""
        return paragraph_of(self.ready, self.design, self.calendar, self.found, self.assurance, self.seed, self.trials)

    @property
    def digest(self) -> str:
        """The digest of what was simulated: equal for equal study, seed and trials, whatever engine and workers."""
        return configuration_digest(self.to_json(with_digest=False))

    def to_json(self, with_digest: bool = True) -> dict[str, Any]:
        """Everything as plain data for `--json`; what does not exist is null."""
        found, assurance = self.found, self.assurance
        data: dict[str, Any] = {
            "study": self.sizing.study.name,
            "seed": self.seed,
            "trials": self.trials,
            "design": self.design,
            "alternatives": self.ready.plan.others if self.ready.plan is not None else [],
            "exact_and_simulated": plain_rows(self.exact),
            "calendar": plain_rows(self.calendar),
            "search": None
            if found is None
            else {
                "n": found.n, "lower": found.lower, "upper": found.upper, "target": found.target, "step": found.step,
                "trials": found.trials, "best": found.best, "curve": plain_rows(found.curve),
            },
            "assurance": None
            if assurance is None
            else {
                "assurance": assurance.assurance, "mcse": assurance.mcse, "power_at_median": assurance.power_at_median,
                "power_quantiles": assurance.quantiles, "better": assurance.better, "better_mcse": assurance.better_mcse,
                "conditional": assurance.conditional, "draws": assurance.n_draws,
                "shares": plain_rows(assurance.shares),
            },
            "toxicity_boundary": list(self.ready.boundary.at_least) if self.ready.boundary is not None else None,
            "protocol": self.paragraph,
        }  # fmt: skip
        return {**data, "results_digest": self.digest} if with_digest else data

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

    def save(self, destination: Path | str) -> Path:
        """Write the results folder, whole or not at all. Raises `DestinationError`."""
        return saved_in(Path(destination), self.save_in)

    def save_in(self, work: WorkFolder) -> None:
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
            draw_size_figures(folder, self.ready, self.design, self.rows, self.found, self.assurance)
            self.manifest().write(folder)


@dataclass
class _Work:
    """The work in hand: how it is done, and what of it is kept while it lasts."""

    ready: Ready
    seed: int
    trials: int
    n_workers: int
    work: WorkFolder | None
    on_progress: Progress
    done: int = 0
    wanted: int = 1

    def rows(self, name: str, n: int, size: int, make: Callable[[int, int], Rows]) -> Rows:
        """The rows of one part of the work: as kept, or simulated now and kept."""
        kept = self.work.kept(f"{name}.npy") if self.work is not None else None
        if kept is not None:
            rows: Rows = np.load(io.BytesIO(kept), allow_pickle=False)
        else:
            rows = run(make, n, size, self.n_workers, self._tell)
            if self.work is not None:
                content = io.BytesIO()
                np.save(content, rows, allow_pickle=False)
                self.work.keep(f"{name}.npy", content.getvalue())
        self.done += n
        self._tell(0, 0)
        return rows

    def _tell(self, done: int, wanted: int) -> None:
        self.on_progress(min(self.done + done, self.wanted), self.wanted)

    def checked(self) -> pd.DataFrame:
        """Exact beside simulated for every truth that the design has exact values of."""
        plan, ready_study = self.ready.plan, self.ready.study
        tables = []
        for truth, exact in plan.exact.items() if plan is not None else ():
            trial = self.ready.trial()
            make = partial(trial.ideal_rows, exact.cells, plan.seats, self.seed)  # type: ignore[union-attr]
            rows = self.rows(f"check {truth}", CHECK_TRIALS, block_size(BATCH, plan.n), make)  # type: ignore[union-attr]
            success_is = SUCCESS.get(ready_study.design, REJECTS)
            tables.append(compared(truth, exact, rows, len(plan.decisions.looks), success_is))  # type: ignore[union-attr]
        table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
        if len(table):
            check_agreement(table)
        return table

    def searched(self) -> Found | None:
        """The search for n under the calendar: on the alternative, or, where it is calibrated, on assurance."""
        ready = self.ready
        if not ready.is_searched:
            return None
        study = ready.study
        truth = POSTERIOR if study.alternative == "calibrated" else ALTERNATIVE
        smallest = 2 * ready.step if ready.events is None else 10 * ready.step

        def evaluate(sizes: list[int], first: int, n: int) -> np.ndarray[Any, np.dtype[np.int64]]:
            setting = ready.setting(truth, max(sizes))
            trials = [ready.trial(size) for size in sizes]

            def make(begin: int, count: int) -> Rows:
                return rejections_by_size(trials, setting, self.seed, FIRST_OF_SEARCH + first + begin - 1, count)

            in_block = block_size(ready.engine, max(sizes))
            rows = self.rows(f"search {first}", n, in_block, make)
            return rows.reshape(-1, len(sizes)).sum(axis=0).astype(np.int64)

        return search(evaluate, study.power, smallest, study.largest_n, ready.step, self.trials)

    def conducted(self) -> dict[str, Rows]:
        """The trial as it would be conducted, under every truth."""
        ready, found = self.ready, {}
        trial = ready.trial()
        n = trial.decisions.looks[-1] if trial.decisions is not None else int(ready.events.numbers["n"])  # type: ignore[union-attr]
        for truth in ready.truths:
            setting = ready.setting(truth, n)
            size = block_size(setting.engine, setting.protocols[0].accrual.n_patients)
            found[truth] = self.rows(f"trial {truth}", self.trials, size, partial(trial.rows, setting, self.seed))
        return found


def size(
    study: Sizing | str | Path,
    changes: Mapping[str, Any] | None = None,
    trials: int | None = None,
    seed: int = 1,
    *,
    engine: str = "auto",
    workers: int | None = None,
    out: Path | str | None = None,
    resume: bool = False,
    on_progress: Progress = lambda done, wanted: None,
    on_note: Callable[[str], None] = lambda text: None,
) -> Sized:
    """How many patients the next trial needs: a study of size (YAML path, built-in name, or loaded).

    The exact design, where there is one, is checked against simulated trials with instant outcomes; then the trial is
    simulated as it would be conducted, `trials` times under every truth (as often as the study says, unless given), and
    the smallest n that reaches the target is searched. Neither `engine` nor `workers` changes a result. `out` names the
    results folder to write; while the work lasts, what is finished is kept beside it, and `resume` goes on from there.

    Raises `ConfigurationError`, `RequestError` for what cannot be had (with the nearest that can), `HazardError`,
    `DisagreementError` if the simulator contradicts an exact value, and `Interrupted` on Ctrl-C.
    """
    sizing = study if isinstance(study, Sizing) else load_sizing(study, changes)
    n = trials if trials is not None else sizing.study.trials
    check_size(sizing.scenarios, n, seed, sizing.study.largest_n)
    check_workers(workers, None)
    started = time.perf_counter()
    destination = check_destination(Path(out)) if out is not None else None
    n_workers = workers or available_cores()
    with work_folder(destination) if destination is not None else nullcontext() as folder:
        make_ready(BATCH, on_note)
        try:
            ready = ready_of(sizing, engine, seed)
            if folder is not None:
                begin_or_go_on(folder, {"size": sizing.to_mapping(), "seed": seed, "trials": n}, resume)
            work = _Work(ready, seed, n, n_workers, folder, on_progress)
            work.wanted = _wanted(ready, n)
            exact = work.checked()
            found = work.searched()
            if ready.events is not None:
                _take_size(ready, found)
            rows = work.conducted()
        except KeyboardInterrupt:
            raise Interrupted("interrupted", None) from None
        sized = Sized(ready, seed, n, time.perf_counter() - started, n_workers, exact, found, rows)
        if folder is not None:
            sized.save_in(folder)
    return sized


def _wanted(ready: Ready, n: int) -> int:
    """How many trials there are to simulate in all."""
    checks = CHECK_TRIALS * len(ready.plan.exact) if ready.plan is not None else 0
    return checks + (n if ready.is_searched else 0) + n * len(ready.truths)


def _take_size(ready: Ready, found: Found | None) -> None:
    """A trial with times to events has the size that the search found."""
    if ready.events is None or found is None:
        return
    if found.n is None:
        wrong = f"no trial with n <= {ready.study.largest_n} has power {found.target:g}: at most {found.best:.3f}."
        allowed = "more patients, a longer `conduct.follow_up`, or less power."
        raise RequestError(f"largest_n = {ready.study.largest_n}", wrong, allowed)
    ready.events.with_n(found.n)
