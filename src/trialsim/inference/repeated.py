"""How the estimates of an analysis behave over simulated trials: their mean, their bias, how often intervals cover.

Each distinct outcome is analysed once, by the functions that analyse a trial that was conducted. The true rate of an
arm is the rate among the patients of all trials at the last look, had nothing stopped them: what the simulator was set
to, with its Monte Carlo error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial, singledispatch
from typing import Final, cast

import numpy as np
import pandas as pd

from trialsim.analysis.estimate import mean_and_error
from trialsim.design.conduct.blocks import block_size, run
from trialsim.design.conduct.trials import TOXIC
from trialsim.design.counts import CountDesign
from trialsim.design.prepared_study import PreparedStudy
from trialsim.design.two_arms.proportions import PlannedTwoArms
from trialsim.design.two_arms.selection import PlannedSelection, Selection
from trialsim.errors import RequestError
from trialsim.inference.analyses import default_confidence, estimates_of
from trialsim.inference.data import Counted
from trialsim.inference.result import Row
from trialsim.storage.replicate_store import Rows
from trialsim.typing import Counts, Flags, Floats

COLUMNS: Final = (
    "truth", "quantity", "true_value", "mean", "bias", "bias_mcse", "coverage", "coverage_mcse", "trials", "confidence",
)  # fmt: skip
MOST_COUNTED: Final = 5_000  # trials of one arm with looks: their counts at each look are simulated again
MOST_LOOKS: Final = 2_000  # in all, of distinct outcomes (of several arms nearly all are): no more trials are analysed


@dataclass(frozen=True)
class Conducted:
    """Trials under one truth: rows of all, and of the first of them the counts at each look and the arm selected.

    `counts` has the shape (trials, looks, arms, 2), `selected` (trials,), 0 where no arm is selected.
    """

    rows: Rows
    counts: Counts
    selected: Counts

    @property
    def n_arms(self) -> int:
        """How many arms there are."""
        return int(self.counts.shape[2])

    @property
    def final(self) -> tuple[Floats, Floats]:
        """Patients and responses of each arm at the last look, had nothing stopped the trial: (trials, arms)."""
        n, x = (
            np.column_stack([self.rows[f"{name}_{i}"] for i in range(self.n_arms)]).astype(np.float64) for name in "nx"
        )
        return n, x

    @property
    def analysed(self) -> Counts:
        """The places of the trials that are analysed: toxicity stopped none of them."""
        kept = np.flatnonzero(self.rows["decision"][: len(self.counts)] != TOXIC)
        most = MOST_LOOKS // self.counts.shape[1]
        return kept if len(np.unique(self.keys(kept), axis=0)) <= most else kept[:most]

    def keys(self, trials: Counts) -> Counts:
        """What an analysis of each trial depends on: the look, the selected arm, the counts up to that look."""
        look = self.rows["look"][trials].astype(np.int64)
        taken = np.arange(self.counts.shape[1])[None, :] < look[:, None]
        counts = np.where(taken[:, :, None, None], self.counts[trials], 0)
        return np.column_stack([look, self.selected[trials], counts.reshape(len(trials), -1)])


def repeated_estimates(
    ready: PreparedStudy, rows_by_truth: Mapping[str, Rows], seed: int, n_workers: int
) -> pd.DataFrame:
    """The mean, bias and coverage of each estimate of a design under each truth at fixed parameters; see `COLUMNS`.

    Coverage is missing for estimates without an interval, or whose exact interval takes a search. Empty for a design
    that has no estimates of rates.
    """
    design, tables = ready.design, []
    if isinstance(design, CountDesign):
        confidence = default_confidence(ready.study)
        for truth, rows in rows_by_truth.items():
            if not rows["parameter_draw"].any():
                trials = _conducted(ready, design, truth, rows, seed, n_workers)
                tables += estimates_under(truth, design, trials, confidence)
    return pd.DataFrame(tables, columns=list(COLUMNS))


def _conducted(
    ready: PreparedStudy, design: CountDesign, truth: str, rows: Rows, seed: int, n_workers: int
) -> Conducted:
    """The trials of one truth with their counts: from the rows for one look, otherwise simulated again."""
    n_arms = len(ready.names)
    if design.n_looks == 1:
        arms = [np.column_stack([rows[f"n_{i}"], rows[f"x_{i}"]]) for i in range(n_arms)]
        counts = np.stack(arms, axis=1)[:, None].astype(np.int64)
    else:
        setting = ready.setting(truth, design.n)
        n = min(len(rows), MOST_COUNTED if n_arms == 1 else MOST_LOOKS // design.n_looks)
        size = block_size(setting.engine, setting.protocols[0].accrual.n_patients)
        work = partial(ready.count_trial(design).counts, setting, seed)
        counts = run(work, n, size, n_workers, lambda done, wanted: None)[..., :2]
    selected = np.zeros(len(counts), np.int64)
    if isinstance(design, PlannedSelection):
        selected = cast(Selection, design.decisions).selected(
            counts[:, -1], rows["replicate"][: len(counts)].astype(np.int64)
        )
    return Conducted(rows, counts, selected)


def estimates_under(truth: str, design: CountDesign, trials: Conducted, confidence: float) -> list[tuple[object, ...]]:
    """A row for each estimate under one truth, as in `COLUMNS`."""
    analysed = trials.analysed
    keys, inverse = np.unique(trials.keys(analysed), axis=0, return_inverse=True)
    which = inverse.reshape(-1)
    found = [_judged(design, trials, key, confidence) for key in keys]
    names = list(dict.fromkeys(name for rows in found for name in rows))
    nothing = Row("", math.nan), np.zeros(trials.n_arms)
    return [
        (truth, name, *_summarised([rows.get(name, nothing) for rows in found], which, analysed, trials), confidence)
        for name in names
    ]


def _judged(design: CountDesign, trials: Conducted, key: Counts, confidence: float) -> dict[str, tuple[Row, Floats]]:
    """The estimates of one outcome by name, each with what it estimates as weights of the arms' rates.

    Nothing where the analysis refuses the outcome, such as an arm without patients.
    """
    look, selected = int(key[0]), int(key[1])
    counts = key[2:].reshape(trials.counts.shape[1:])[:look]
    counted = Counted(counts[:, :, 0], counts[:, :, 1])
    if (counted.patients[-1] == 0).any():
        return {}
    try:
        return estimands_of(design, estimates_of(design, counted, confidence), selected)
    except RequestError:
        return {}


@singledispatch
def estimands_of(
    design: CountDesign, estimates: tuple[Row, ...], selected: int
) -> dict[str, tuple[Row, Floats]]:  # fmt: skip
    """Estimates by name, with what each estimates: weights of the rates of the arms."""
    weights = np.array([1.0]) if len(set(design.allocation)) == 1 else np.array([-1.0, 1.0])
    return {row.quantity: (row, weights) for row in estimates}


@estimands_of.register
def _of_two_arms(design: PlannedTwoArms, estimates: tuple[Row, ...], selected: int) -> dict[str, tuple[Row, Floats]]:
    """With looks the gain, which is positive where the experimental arm is better."""
    is_turned = design.n_looks > 1 and design.decisions.better == "lower"
    weights = np.array([1.0, -1.0] if is_turned else [-1.0, 1.0])
    return {row.quantity: (row, weights) for row in estimates}


@estimands_of.register
def _of_selection(design: PlannedSelection, estimates: tuple[Row, ...], selected: int) -> dict[str, tuple[Row, Floats]]:
    """The rate of the arm that is selected."""
    return {"rate of the arm that is selected": (estimates[selected], np.eye(len(estimates))[selected])}


def _summarised(
    found: list[tuple[Row, Floats]], which: Counts, analysed: Counts, trials: Conducted
) -> tuple[float, ...]:
    """The true value, mean, bias and coverage of an estimate, with errors, and of how many trials.

    The error of the bias knows that the true rates are those of the same trials.
    """
    n, x = trials.final
    rates = x.sum(axis=0) / n.sum(axis=0)
    value = np.array([row.value for row, _ in found])[which]
    weights = np.array([each for _, each in found])[which]
    is_there = ~np.isnan(value)
    value, weights, places = value[is_there], weights[is_there], analysed[is_there]
    true = weights @ rates
    off = value - true
    bias, weight = float(off.mean()), weights.mean(axis=0)
    of_trial = -((x - rates * n) / n.mean(axis=0)) @ weight  # of the error of the true rates
    of_trial[places] += (off - bias) * len(n) / len(off)
    _, error = mean_and_error(of_trial)
    limits = np.array([(row.lower, row.upper) for row, _ in found])[which][is_there]
    coverage = mean_and_error(_covered(limits, true)) if not np.isnan(limits).any() else (math.nan, math.nan)
    return float(true.mean()), float(value.mean()), bias, error, *coverage, len(value)


def _covered(limits: Floats, true: Floats) -> Floats:
    """Whether each interval holds the true value, as numbers."""
    inside: Flags = (limits[:, 0] <= true) & (true <= limits[:, 1])
    return np.asarray(inside.astype(np.float64))
