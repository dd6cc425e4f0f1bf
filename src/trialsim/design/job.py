"""The parts of a search for a size, one after another; what is finished is stored while the job lasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Final

import numpy as np
import pandas as pd

from trialsim.design.base import ALTERNATIVE, Information
from trialsim.design.conduct.blocks import block_size, boundary_stops, run
from trialsim.design.conduct.trial import rejections_by_size
from trialsim.design.counts import CountDesign
from trialsim.design.operating_characteristics import check_agreement, compared, compared_stops
from trialsim.design.prepared_study import ALL_DRAWS, PreparedStudy
from trialsim.design.search import PowerEstimates, SearchResult, estimate_power, search
from trialsim.errors import RequestError
from trialsim.model.parameters import draw_numbers
from trialsim.simulation.engine import BATCH
from trialsim.storage.checkpoint import Checkpoint
from trialsim.storage.replicate_store import Rows

CHECK_TRIALS: Final = 100_000
PATIENTS_OF_CHECKS: Final = 40_000_000  # a very large design is checked on fewer trials
FEWEST_CHECKS: Final = 5_000
FIRST_OF_SEARCH: Final = 1_000_000_000  # the search has trials of its own: what it finds is judged by others
_ROWS: Final = "rows"
Progress = Callable[[int, int], None]


def check_trials(n: int) -> int:
    """On how many trials a design of n patients is checked against its exact values."""
    return max(FEWEST_CHECKS, min(CHECK_TRIALS, PATIENTS_OF_CHECKS // n))


@dataclass
class SizeJob:
    """The parts of a search for a size: how they are simulated, and the checkpoint that stores those finished."""

    ready: PreparedStudy
    seed: int
    replicates: int
    n_workers: int
    checkpoint: Checkpoint
    on_progress: Progress
    done: int = 0

    def rows(self, name: str, n: int, size: int, make: Callable[[int, int], Rows]) -> Rows:
        """The rows of one part: as stored, or simulated now and stored."""
        stored = self.checkpoint.read(name)
        if stored is not None:
            rows: Rows = stored[_ROWS]
        else:
            rows = run(make, n, size, self.n_workers, self._report)
            self.checkpoint.write(name, {_ROWS: rows})
        self.done += n
        self._report(0, 0)
        return rows

    @cached_property
    def wanted(self) -> int:
        """How many trials there are to simulate in all."""
        ready, n = self.ready, self.replicates
        design = ready.design
        checks = check_trials(design.n) * len(design.exact) if isinstance(design, CountDesign) else 0
        if ready.boundary is not None:
            checks += check_trials(len(ready.boundary.at_least))
        return checks + (n if ready.is_searched else 0) + n * len(ready.truths)

    def _report(self, done: int, wanted: int) -> None:
        self.on_progress(min(self.done + done, self.wanted), self.wanted)

    def checked(self) -> pd.DataFrame:
        """Exact beside simulated for every truth that the design has exact values of."""
        ready, design = self.ready, self.ready.design
        tables = []
        if isinstance(design, CountDesign):
            tables += [self._checked(design, truth) for truth in design.exact]
        if ready.boundary is not None:
            make = partial(boundary_stops, ready.boundary, self.seed)
            n = len(ready.boundary.at_least)
            stops = self.rows("check boundary", check_trials(n), block_size(BATCH, n), make)
            exactly = ready.boundary.at(ready.boundary.rate).rejects
            tables.append(compared_stops(exactly, ready.boundary.rate, stops.astype(np.bool_)))
        table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
        if len(table):
            check_agreement(table)
        return table

    def _checked(self, design: CountDesign, truth: str) -> pd.DataFrame:
        """Exact beside simulated for one truth."""
        exact = design.exact[truth]
        make = partial(self.ready.count_trial(design).ideal_rows, exact.cells, design.allocation, self.seed)
        rows = self.rows(f"check {truth}", check_trials(design.n), block_size(BATCH, design.n), make)
        return compared(truth, exact, rows, design.n_looks, design.design.success)

    def searched(self) -> SearchResult | None:
        """The search for n under the calendar: on the alternative, or, where it is calibrated, on assurance.

        It always runs compiled: in SimPy it would take days, and the two give the same trials.
        """
        ready = self.ready
        if not ready.is_searched:
            return None
        study = ready.study
        truth = ALL_DRAWS if study.alternative == "calibrated" else ALTERNATIVE

        def evaluate(sizes: list[int], first: int, n: int) -> PowerEstimates:
            setting = replace(ready.setting(truth, max(sizes)), engine=BATCH)
            trials = [ready.trial(size) for size in sizes]

            def make(begin: int, count: int) -> Rows:
                return rejections_by_size(trials, setting, self.seed, FIRST_OF_SEARCH + first + begin - 1, count)

            in_block = block_size(BATCH, max(sizes))
            rows = self.rows(f"search {first} {sizes[0]}-{sizes[-1]}", n, in_block, make)
            numbers = np.arange(FIRST_OF_SEARCH + first, FIRST_OF_SEARCH + first + n)
            draws = draw_numbers(setting.protocols[0].n_parameter_draws, self.seed, numbers)
            return estimate_power(rows.reshape(-1, len(sizes)).astype(np.float64), draws if setting.varies else None)

        has_saw_tooth = isinstance(ready.design, CountDesign)
        return search(evaluate, study.power, ready.sizes, self.replicates, has_saw_tooth)

    def conducted(self) -> dict[str, Rows]:
        """The trial as it would be conducted, under every truth."""
        ready, rows_by_truth = self.ready, {}
        trial = ready.trial()
        n = ready.n
        for truth in ready.truths:
            setting = ready.setting(truth, n)
            size = block_size(setting.engine, setting.protocols[0].accrual.n_patients)
            rows_by_truth[truth] = self.rows(
                f"trial {truth}", self.replicates, size, partial(trial.rows, setting, self.seed)
            )
        return rows_by_truth


def take_size(ready: PreparedStudy, search_result: SearchResult | None) -> PreparedStudy:
    """A design that is planned without a size has the one that the search found. Raises `RequestError`."""
    design = ready.design.design
    if design.has_size or search_result is None:
        return ready
    if search_result.n is None:
        reached = f"has power {search_result.target:g}: at most {search_result.best:.3f}."
        wrong = f"no trial with n <= {ready.study.largest_n} {reached}"
        is_at_events = design.information is Information.EVENTS
        longer = "a longer `conduct.follow_up`" if is_at_events else "a later cut-off"
        allowed = f"a larger `largest_n`, {longer}, or less power."
        raise RequestError(f"largest_n = {ready.study.largest_n}", wrong, allowed, key="largest_n")
    return replace(ready, design=ready.design.at(search_result.n))
