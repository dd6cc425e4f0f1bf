"""Published statistics that a scenario cannot give, whatever its parameters: refused before anything is sampled.

Where nothing makes a patient not evaluable, 23 evaluable of 24 has the probability 0. A share of simulated patients is
never quite 0 or 1 in the likelihood, so chains would still converge, to a posterior without meaning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

import numpy as np

from trialsim.calibration.curve_likelihood import CELLS_OF_POINT
from trialsim.calibration.model import Calibration
from trialsim.calibration.patient_cells import ConditionCell
from trialsim.calibration.targets import (
    CURVE_MEDIAN,
    EVALUABLE,
    LANDMARK,
    Categories,
    Cell,
    Curve,
    LadderMedian,
    Median,
    Share,
    ShareCell,
    TargetError,
    Term,
)
from trialsim.config.source.problems import Finding
from trialsim.config.source.yaml import Places
from trialsim.typing import Floats

N_DRAWS: Final = 20  # of the prior, with a part of the simulated patients: a look that costs about a second
PART_OF_REPLICATES: Final = 16
N_MORE_DRAWS: Final = 100  # with all of them, for what the first look did not find
SEED: Final = 7
_OR_WITHOUT: Final = "or a cohort without this statistic"
_COUNTED: Final = f"a scenario in which this can come to a patient before the end of observation, {_OR_WITHOUT}"
_LEFT: Final = f"a scenario in which a patient can be another, {_OR_WITHOUT}"
_REACHED: Final = f"a scenario in which the value can be reached, {_OR_WITHOUT}"
_NOBODY: Final = "no simulated patient is among those of whom it is"
_SOMEBODY: Final = f"a scenario that has such patients, {_OR_WITHOUT}"
_NOT_EVALUABLE: Final = (
    "a scenario in which a patient can be not evaluable: `evaluable.after` above 0 days, and something that ends the "
    f"study of a patient before it, such as a death, a withdrawal or the cut-off; {_OR_WITHOUT}"
)
DAYS_OF_POINT: Final = CELLS_OF_POINT // 2

Simulated = Mapping[Cell, Floats]  # counts and of how many, shape (draws, 2)
Mistake = tuple[str, str, str]  # the statistic, what is wrong, what is allowed


def check_possible(calibration: Calibration, workers: int = 1, cohort_places: Places | None = None) -> None:
    """Refuse statistics that no simulated trial gives at any draw of the prior.

    What the first look at a few draws does not find is looked for again with many more simulated patients. Raises
    `TargetError` with all of them.
    """
    few = max(1, calibration.simulator.n_trials // PART_OF_REPLICATES)
    first = replace(calibration, simulator=replace(calibration.simulator, n_trials=few))
    if not impossible(first, N_DRAWS, workers):
        return
    mistakes = impossible(calibration, N_MORE_DRAWS, workers)
    published, cohort = calibration.scenario.published_statistics, calibration.scenario.cohort
    findings: list[Finding] = [
        (("statistics", name), published[name].printed if name in published else "", wrong, allowed, "")
        for name, wrong, allowed in mistakes
    ]
    if findings and cohort is not None:
        raise TargetError(findings, cohort_places or {(): f"cohort {cohort.name}"})


def impossible(calibration: Calibration, n_draws: int, workers: int = 1) -> list[Mistake]:
    """The statistics that no simulated trial gives at any of some draws of the prior."""
    z = np.random.default_rng(SEED).standard_normal((n_draws, 1, len(calibration.names)))

    def numbers_at(i: int) -> Floats:
        """The cells at one draw, in patients of its own: the same ones at all draws would be too few."""
        simulator = replace(calibration.simulator, seed=SEED + i)
        return np.asarray(replace(calibration, simulator=simulator).numbers(z[i])[0])

    with ThreadPoolExecutor(workers) as pool:
        numbers = np.array(list(pool.map(numbers_at, range(n_draws))))
    numbers = numbers[~np.isnan(numbers[..., 0]).all(axis=1)]  # no trial can be simulated at some draws
    simulated = {cell: numbers[:, i] for i, cell in enumerate(calibration.simulator.cells)}
    if not len(numbers):
        return []
    return [mistake for term in calibration.terms for mistake in _mistakes(term, simulated)]


def _mistakes(term: Term, simulated: Simulated) -> Iterator[Mistake]:
    if isinstance(term, Share):
        yield from _of_counts(term.quantities, term.cells, (term.k,), term.n, simulated)
    elif isinstance(term, Categories):
        yield from _of_counts(term.quantities, term.cells, term.counts, term.n, simulated)
    elif isinstance(term, Median):
        yield from _of_median(term, simulated)
    elif isinstance(term, LadderMedian):
        yield from _of_ladder(term, simulated)
    elif isinstance(term, Curve):
        yield from _of_curve(term, simulated)


def _of_counts(
    quantities: tuple[str, ...], cells: Sequence[Cell], counts: tuple[int, ...], n: int, simulated: Simulated
) -> Iterator[Mistake]:
    """A category with patients that no simulated patient is in, or all of them where some of the cohort are not."""
    names = quantities if len(quantities) == len(cells) else (quantities[0],) * len(cells)
    of, n_in_all = simulated[cells[0]][:, 1], int(np.sum(counts))
    if not np.any(of > 0.0):
        yield quantities[0], _NOBODY, _SOMEBODY
        return
    for name, cell, count in zip(names, cells, counts, strict=True):
        if count > 0 and not np.any(simulated[cell][:, 0] > 0.0):
            yield name, f"{count} of {n} are {_words(cell)}, and no simulated patient is ({_how_many(of)})", _COUNTED
    left = of - np.sum([simulated[cell][:, 0] for cell in cells], axis=0)
    if n_in_all < n and not np.any(left > 0.0):
        is_evaluable = isinstance(cells[0], ShareCell) and cells[0].column == EVALUABLE
        wrong = f"{n - n_in_all} of {n} are not counted, and every simulated patient is ({_how_many(of)})"
        yield quantities[0], wrong, _NOT_EVALUABLE if is_evaluable else _LEFT


def _of_median(term: Median, simulated: Simulated) -> Iterator[Mistake]:
    """A median where no simulated value lies; of an even number it may lie between two values."""
    kinds = [term.cells[i : i + 2] for i in range(0, len(term.cells), 2)]  # the evaluable and the others, or everyone
    below_low, below_high = (np.sum([simulated[kind[i]][:, 0] for kind in kinds], axis=0) for i in (0, 1))
    of = np.sum([simulated[kind[0]][:, 1] for kind in kinds], axis=0)
    (name,) = term.quantities
    if not np.any(of > 0.0):
        yield name, _NOBODY, _SOMEBODY
    elif not np.any(below_high > 0.0):
        yield name, f"every simulated value lies above it ({_how_many(of)})", _REACHED
    elif not np.any(of > below_low):
        yield name, f"every simulated value lies below it ({_how_many(of)})", _REACHED
    elif term.n % 2 == 1 and not np.any(below_high > below_low):
        wrong = f"no simulated value lies there ({_how_many(of)}), and the median of {term.n} is one of the values"
        yield name, wrong, _REACHED


def _of_ladder(term: LadderMedian, simulated: Simulated) -> Iterator[Mistake]:
    """A median that is neither a rung where a simulated patient was nor the mean of two."""
    n_edges = len(term.rungs) - 1
    is_at = np.full(len(term.rungs), n_edges == 0)
    for kind in (term.cells[:n_edges], term.cells[n_edges:]):
        if kind:
            of = simulated[kind[0]][:, 1]
            below = np.stack([np.zeros_like(of), *(simulated[cell][:, 0] for cell in kind), of])
            is_at |= (np.diff(below, axis=0) > 0.0).any(axis=1)
    reached = [rung for rung, is_reached in zip(term.rungs, is_at, strict=True) if is_reached]
    if not any(term.holds((a + b) / 2.0) for a in reached for b in reached):
        rungs = ", ".join(f"{rung:g}" for rung in reached)
        wrong = f"no dose that a simulated patient reaches ({rungs or 'none'}) and no mean of two rounds to it"
        yield term.quantities[0], wrong, _REACHED


def _of_curve(term: Curve, simulated: Simulated) -> Iterator[Mistake]:
    """Figures of a curve where nobody is observed any more, or of one that never falls."""
    survival = [simulated[cell][:, 0] for cell in term.cells if not cell.is_variance]
    is_flat = all(np.all(np.isnan(item) | (item == 1.0)) for item in survival)
    for i, (name, point) in enumerate(zip(term.quantities, term.points, strict=True)):
        is_unknown = any(np.all(np.isnan(item)) for item in survival[DAYS_OF_POINT * i :][:DAYS_OF_POINT])
        falls = point.kind == CURVE_MEDIAN or (point.kind == LANDMARK and point.high <= 1.0)
        if is_unknown:
            yield name, "no simulated patient is observed so long", f"a later `cut_off`, {_OR_WITHOUT}"
        elif falls and is_flat:
            yield name, "no simulated patient ever has the event of this curve", _COUNTED


def _words(cell: Cell) -> str:
    """Who is in a cell."""
    if isinstance(cell, ShareCell):
        return f"counted ({cell.column})"
    return f"counted ({cell.condition})" if isinstance(cell, ConditionCell) else "counted"


def _how_many(of: Floats) -> str:
    return f"{int(np.sum(of)):,} at {len(of)} draws of the prior"
