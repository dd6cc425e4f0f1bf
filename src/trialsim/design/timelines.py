"""What a design asks of each patient, and when it is known: the patients of many trials as arrays, in order of arrival.

They come from a simulated scenario, or, for a design as its formulas see it, from known rates: instant and independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final

import numpy as np
import numpy.typing as npt

from trialsim.comparison.allocation import Arms
from trialsim.design.answers import draw_answers
from trialsim.model import conduct as c
from trialsim.model import vocabulary as v
from trialsim.model.draws import LARGEST_WORD, decision_code
from trialsim.model.protocol import Protocol
from trialsim.montecarlo.patients import PatientTable, patient_table

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
ONSET: Final = "first_onset_days."


@dataclass(frozen=True)
class Timelines:
    """Patients of a block of trials, shape (trials, patients) each, in order of arrival; `event` has a question more.

    `arrival` (calendar days if accrual never waits, infinity after the last), `number` (of the patient, from 1), `arm`,
    `settled` and `event` (study days on which each question is settled, and on which it happened or infinity),
    `is_evaluable`, `left` (study day on which observation ended by withdrawal, or infinity).
    """

    first: int
    arrival: Floats
    number: Counts
    arm: Counts
    settled: Floats
    event: Floats
    is_evaluable: npt.NDArray[np.bool_]
    left: Floats

    @property
    def n_trials(self) -> int:
        """How many trials there are."""
        return len(self.arrival)

    def known(self, n_primary: int) -> Floats:
        """The study day on which a patient is resolved: the last of the first `n_primary` questions is settled."""
        return np.asarray(self.settled[:, :, :n_primary].max(axis=2))


def simulated(
    engines: Sequence[str],
    protocols: Sequence[Protocol],
    arms: Arms | None,
    asked: Sequence[c.Asked],
    seed: int,
    first: int,
    n: int,
) -> Timelines:
    """The patients of `n` trials from `first` on, each under the protocol of the arm.

    Protocols must follow everyone for as long as the longest window. Raises `HazardError`.
    """
    tables = [patient_table(engine, item, seed, first, n) for engine, item in zip(engines, protocols, strict=True)]
    most = max((int(np.bincount(table.replicate, minlength=n).max()) for table in tables), default=0)
    each = [_padded(table, protocol, asked, most) for table, protocol in zip(tables, protocols, strict=True)]
    if arms is None:
        return each[0]
    arm = arms.of_trials(tables[0], seed, each[0].number)
    chosen = [(np.where(arm == i, 1.0, 0.0) > 0.0) for i in range(len(each))]

    def pick(name: str) -> npt.NDArray[np.generic]:
        values = getattr(each[0], name)
        for own, item in zip(chosen[1:], each[1:], strict=True):
            mask = own[:, :, None] if values.ndim == 3 else own
            values = np.where(mask, getattr(item, name), values)
        return np.asarray(values)

    parts = {name: pick(name) for name in ("settled", "event", "is_evaluable", "left")}
    return replace(each[0], arm=arm, **parts)  # type: ignore[arg-type]


def _padded(table: PatientTable, protocol: Protocol, asked: Sequence[c.Asked], most: int) -> Timelines:
    """The patients of one protocol, a row a trial."""
    order = np.lexsort((table["patient"], table["enrolled_day"], table.replicate))
    row = table.replicate[order]
    place = np.arange(len(order)) - np.searchsorted(row, row)
    n, k = table.n, len(asked)
    arrival, number = np.full((n, most), inf), np.zeros((n, most), np.int64)
    settled, event = np.zeros((n, most, k)), np.full((n, most, k), inf)
    is_evaluable, left = np.zeros((n, most), np.bool_), np.full((n, most), inf)
    ended = table["observed_days"]
    has_left = table["observation_end"] == v.WITHDRAWAL
    left[row, place] = np.where(has_left, ended, inf)[order]
    arrival[row, place] = table["enrolled_day"][order]
    number[row, place] = table["patient"].astype(np.int64)[order]
    counts = np.ones(len(table), np.bool_)
    for i, item in enumerate(asked):
        happened, known, is_open = _question(table, protocol, item, ended)
        event[row, place, i], settled[row, place, i] = happened[order], known[order]
        if item.kind == c.RESPONSE:
            counts &= ~(is_open & ~(table["is_evaluable"] > 0.0))
    is_evaluable[row, place] = counts[order]
    return Timelines(table.first, arrival, number, np.zeros((n, most), np.int64), settled, event, is_evaluable, left)


def _question(
    table: PatientTable, protocol: Protocol, asked: c.Asked, ended: Floats
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """For each patient: when it happened, when it was settled, whether it was open when observation ended."""
    progressed = np.nan_to_num(table["progression_seen_days"], nan=inf)
    if asked.kind == c.RESPONSE:
        column = "response_seen_days" if asked.least == 1 else "partial_seen_days"
        happened = np.nan_to_num(table[column], nan=inf)
    elif asked.kind == c.TOXICITY:
        names = [item for item in asked.toxicities if f"{ONSET}{item}" in table.names]
        happened = np.full(len(table), inf)
        for name in names:
            happened = np.minimum(happened, np.nan_to_num(table[f"{ONSET}{name}"], nan=inf))
    else:
        died = np.nan_to_num(table["death_days"], nan=inf)
        happened = np.minimum(progressed, died) if asked.kind == c.PROGRESSION_OR_DEATH else died
    happened = np.where(happened <= asked.window_days, happened, inf)
    closes = np.minimum(ended, asked.window_days)
    if asked.kind == c.RESPONSE:
        closes = np.minimum(closes, progressed)
        happened = np.where(happened <= progressed, happened, inf)
    settled = np.minimum(happened, closes)
    is_open = (settled == ended) & (happened == inf) & (ended < asked.window_days) & (ended < progressed)
    return happened, settled, is_open


def ideal(cells: Sequence[Floats], seats: Sequence[int], seed: int, first: int, n: int, n_patients: int) -> Timelines:
    """Patients as formulas see them: everyone comes at once in order, every answer is there at once, rates are known.

    `cells` has the joint probabilities of the answers in each arm: shape (2,) for one question (no, yes), (2, 2) for
    two. Patient i has the same chance whatever n is; arms take turns as in `seats`.
    """
    shape = np.shape(cells[0])
    own = np.array(seats, dtype=np.int64)[np.arange(n_patients) % len(seats)]
    event = np.full((n, n_patients, len(shape)), inf)
    edges = np.stack([np.cumsum(np.ravel(item))[:-1] for item in cells])
    key = np.uint64(seed & LARGEST_WORD), np.uint64(seed >> 32)
    draw_answers(edges, own, decision_code("ideal outcome"), *key, first, event)
    arm = np.broadcast_to(own, (n, n_patients)).copy()
    arrival = np.broadcast_to(np.arange(n_patients, dtype=np.float64), (n, n_patients)).copy()
    number = np.broadcast_to(np.arange(1, n_patients + 1), (n, n_patients)).astype(np.int64)
    everyone = np.ones((n, n_patients), np.bool_)
    never = np.full((n, n_patients), inf)
    return Timelines(first, arrival, number, arm, np.zeros(event.shape), event, everyone, never)
