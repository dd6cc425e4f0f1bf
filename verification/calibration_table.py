"""Cell probabilities over many draws of the prior: one table that serves every cohort the trial may have given.

A fit per simulated cohort would take days. The posterior of any cohort is the prior weighted by that cohort's
likelihood, so one table of cell probabilities over some 10^5 prior draws gives the posterior of each by importance
weights, without a Markov chain. How many draws the weights are worth is told with every use.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from trialsim.calibration.likelihood import log_likelihoods
from trialsim.calibration.model import Calibration
from trialsim.calibration.targets import (
    ENROLLED,
    EVALUABLE,
    NOT_EVALUABLE,
    PLANNED,
    RESPONDERS,
    BelowCell,
    Categories,
    Cell,
    Median,
    Share,
    ShareCell,
    Term,
)
from trialsim.engines.batch import Batch
from trialsim.model.parameters import with_values
from trialsim.model.units import DAYS_PER_MONTH
from trialsim.records.outcomes import counted_columns_of
from trialsim.typing import Floats

DOSE_STEP, MONTH_STEP = 100.0, DAYS_PER_MONTH
DOSE_EDGES = tuple(DOSE_STEP * (i - 0.5) for i in range(10))
FOLLOW_UP_EDGES = tuple(MONTH_STEP * (i - 0.5) for i in range(15))
SHARES = (
    ShareCell(ENROLLED, PLANNED),
    ShareCell("n_toxicity.constipation", ENROLLED),
    ShareCell("n_toxicity.lethargy", ENROLLED),
    ShareCell("n_toxicity.rash", ENROLLED),
    ShareCell(EVALUABLE, ENROLLED),
    ShareCell("n_partial", EVALUABLE),
    ShareCell("n_minor", EVALUABLE),
    ShareCell("n_responders_progression_free", RESPONDERS),
    ShareCell("n_responders_relapsed", RESPONDERS),
    ShareCell("n_responders_died", RESPONDERS),
)
CELLS: tuple[Cell, ...] = (
    *SHARES,
    *(BelowCell("mean_dose", who, edge) for who in (EVALUABLE, NOT_EVALUABLE) for edge in DOSE_EDGES),
    *(BelowCell("follow_up", who, edge) for who in (EVALUABLE, NOT_EVALUABLE) for edge in FOLLOW_UP_EDGES),
)


@dataclass(frozen=True)
class Table:
    """Prior draws (scores) and the cell probabilities at each. Shapes (draws, parameters) and (draws, cells)."""

    scores: Floats
    cells: Floats

    def weights(self, terms: tuple[Term, ...]) -> Floats:
        """The posterior weight of each draw given a cohort. Sums to 1.

        Medians cost most and say little, so they are left out where the rest is e^20 times less likely than elsewhere.
        """
        quick = [term for term in terms if not isinstance(term, Median)]
        total = log_likelihoods(quick, CELLS, self.cells).sum(axis=1)
        near = total > total.max() - 20.0
        medians = [term for term in terms if isinstance(term, Median)]
        total[near] += log_likelihoods(medians, CELLS, self.cells[near]).sum(axis=1)
        weights = np.where(near, np.exp(total - total[near].max()), 0.0)
        return np.asarray(weights / weights.sum())


def table_of(calibration: Calibration, n: int, trials: int, seed: int, workers: int) -> Table:
    """The table: `n` prior draws, each on `trials` simulated trials of its own draws of chance.

    Chance differs from row to row, so that the noise of the cell probabilities averages out over the rows.
    """
    scores = np.random.default_rng(seed).standard_normal((n, len(calibration.names)))
    values = calibration.engine_values(scores).tolist()

    def at(i: int) -> Floats:
        simulator = replace(calibration.simulator, cells=CELLS, n_trials=trials, seed=seed * 1_000_003 + i)
        return simulator.probabilities(values[i])

    with ThreadPoolExecutor(workers) as pool:
        cells = np.array(list(pool.map(at, range(n))))
    return Table(scores, cells)


def simulated_cohort(
    calibration: Calibration, scores: Floats, seed: int, replicate: int = 1
) -> tuple[Term, ...] | None:
    """What the publication of one simulated trial would say, rounded as the real one is; None if nobody enrolled."""
    values = calibration.engine_values(scores).tolist()
    protocol = with_values(calibration.simulator.protocol, calibration.simulator.places, values)
    found, counted = Batch(protocol).outcomes(seed, replicate, 1)
    counts_by_name = dict(zip(counted_columns_of(protocol), counted[0].tolist(), strict=True))
    row = {name: found[name][0] for name in found.dtype.names or ()} | counts_by_name
    n, n_planned = int(row["n_enrolled"]), protocol.accrual.n_patients
    if n == 0:
        return None
    n_evaluable, n_partial, n_minor = (int(row[name]) for name in ("n_evaluable", "n_partial", "n_minor"))
    terms: list[Term] = [Share(("enrolled",), SHARES[:1], n, n_planned)]
    terms += [Share((f"toxicity {i}",), SHARES[1 + i : 2 + i], int(row[SHARES[1 + i].column]), n) for i in range(3)]
    terms.append(Share(("evaluable",), SHARES[4:5], n_evaluable, n))
    if n_evaluable > 0:
        terms.append(Categories(("response",), SHARES[5:7], (n_partial, n_minor), n_evaluable))
    if n_partial + n_minor > 0:
        names = ("n_responders_progression_free", "n_responders_relapsed", "n_responders_died")
        counts = tuple(int(row[name]) for name in names)
        terms.append(Categories(("fates",), SHARES[7:10], counts, n_partial + n_minor))
    terms.append(_median("mean_dose", float(row["median_dose_mg_per_day"]), DOSE_STEP, n, n_evaluable))
    terms.append(_median("follow_up", float(row["median_follow_up_days"]), MONTH_STEP, n, n_evaluable))
    return tuple(terms)


def _median(field: str, value: float, step: float, n: int, n_evaluable: int) -> Median:
    """The median as printed: to the nearest multiple of a step."""
    edges = DOSE_EDGES if field == "mean_dose" else FOLLOW_UP_EDGES
    nearest = int(np.floor(value / step + 0.5))
    ends = edges[nearest : nearest + 2]
    cells = tuple(BelowCell(field, who, edge) for who in (EVALUABLE, NOT_EVALUABLE) for edge in ends)
    return Median((field,), cells, n, n_evaluable)
