"""The outcomes of a design and when they are known: the patients of many trials as arrays, in order of arrival.

They come from a simulated scenario, or, for a design as its formulas see it, from known rates:
immediate and independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, NamedTuple

import numpy as np

from trialsim.design.conduct.immediate_outcomes import draw_answers
from trialsim.model import interim as c
from trialsim.model import vocabulary as v
from trialsim.model.draws import LARGEST_WORD, decision_code
from trialsim.model.protocol import Protocol
from trialsim.records.columns import seen_column
from trialsim.simulation.allocation import Arms
from trialsim.simulation.patients import PatientTable, patient_table
from trialsim.typing import Counts, Flags, Floats

ONSET: Final = "first_onset_days."


@dataclass(frozen=True)
class Timelines:
    """Patients of a block of trials, shape (trials, patients) each, in order of arrival; `event` has an outcome more.

    `arrival` (calendar days if accrual never waits, infinity after the last), `number` (of the patient, from 1), `arm`,
    `resolved` and `event` (study days on which each outcome is resolved, and on which it happened or infinity),
    `is_evaluable`, `left` (study day on which observation ended by withdrawal, or infinity), `stratum` (from 0, of the
    allocation).
    """

    first: int
    arrival: Floats
    number: Counts
    arm: Counts
    resolved: Floats
    event: Floats
    is_evaluable: Flags
    left: Floats
    stratum: Counts

    @property
    def n_trials(self) -> int:
        """How many trials there are."""
        return len(self.arrival)

    def resolved_days(self, n_primary: int) -> Floats:
        """The study day on which a patient is resolved: the last of the first `n_primary` outcomes is resolved."""
        return np.asarray(self.resolved[:, :, :n_primary].max(axis=2))


def simulated(
    engines: Sequence[str],
    protocols: Sequence[Protocol],
    arms: Arms | None,
    outcomes: Sequence[c.Outcome],
    seed: int,
    first: int,
    n: int,
) -> Timelines:
    """The patients of `n` trials from `first` on, each under the protocol of the arm.

    Protocols must follow everyone for as long as the longest window. Raises `HazardError`.
    """
    by_place = arms is not None and _is_known_by_place(arms, protocols)
    arm = arms.of_places(first, n, protocols[0].accrual.n_patients, seed) if arms is not None and by_place else None
    places_of_arms = [arm == i if arm is not None else None for i in range(len(protocols))]
    tables = [
        patient_table(engine, protocol, seed, first, n, who)
        for engine, protocol, who in zip(engines, protocols, places_of_arms, strict=True)
    ]
    orders = [_in_order(table, who) for table, who in zip(tables, places_of_arms, strict=True)]
    n_places = max((int(order.place.max(initial=-1)) + 1 for order in orders), default=0)
    timelines = nobody(first, n, n_places, len(outcomes))
    if arms is not None and arm is None:
        order = orders[0]
        arm_of, stratum = arms.with_strata(protocols[0], tables[0], seed)
        timelines.arm[order.row, order.place] = arm_of[order.who]
        timelines.stratum[order.row, order.place] = stratum[order.who]
    if arm is not None:
        timelines.arm[:] = arm[:, : timelines.arm.shape[1]]
    for i, (table, protocol, order) in enumerate(zip(tables, protocols, orders, strict=True)):
        is_in_arm = timelines.arm[order.row, order.place] == i
        _fill(timelines, table, protocol, outcomes, Order(*(item[is_in_arm] for item in order)))
    return timelines


class Order(NamedTuple):
    """Rows of a table of patients (`who`) in order of arrival: the trial of each within the block, and the place."""

    who: Counts
    row: Counts
    place: Counts


def _is_known_by_place(arms: Arms, protocols: Sequence[Protocol]) -> bool:
    """Whether the arm of a patient follows from the place among the eligible, so that the other arms need no course."""
    plan = protocols[0].accrual
    return arms.is_known_by_place(plan) and all(item.accrual == plan for item in protocols)


def _in_order(table: PatientTable, chosen: Flags | None) -> Order:
    """The patients in order of arrival; `chosen` says which places the rows of the table have, if not all."""
    who = np.lexsort((table["patient"], table["enrolled_day"], table.replicate))
    row = table.replicate[who]
    place = np.arange(len(who)) - np.searchsorted(row, row)
    if chosen is not None:
        trials, places = np.nonzero(chosen)
        place = places[np.searchsorted(trials, row) + place]
    return Order(who, row, place)


def nobody(first: int, n: int, most: int, n_outcomes: int) -> Timelines:
    """Empty timelines for `n` trials of up to `most` patients."""
    shape, of_outcomes = (n, most), (n, most, n_outcomes)
    return Timelines(
        first,
        arrival=np.full(shape, inf),
        number=np.zeros(shape, np.int64),
        arm=np.zeros(shape, np.int64),
        resolved=np.zeros(of_outcomes),
        event=np.full(of_outcomes, inf),
        is_evaluable=np.zeros(shape, np.bool_),
        left=np.full(shape, inf),
        stratum=np.zeros(shape, np.int64),
    )


def _fill(
    timelines: Timelines, table: PatientTable, protocol: Protocol, outcomes: Sequence[c.Outcome], order: Order
) -> None:
    """Write the patients of one protocol where they belong."""
    who, row, place = order
    ended = table["observed_days"]
    has_left = table["observation_end"] == v.WITHDRAWAL
    timelines.left[row, place] = np.where(has_left, ended, inf)[who]
    timelines.arrival[row, place] = table["enrolled_day"][who]
    timelines.number[row, place] = table["patient"].astype(np.int64)[who]
    counts = np.ones(len(table), np.bool_)
    for i, item in enumerate(outcomes):
        happened, known, is_open = _outcome(table, protocol, item, ended)
        timelines.event[row, place, i], timelines.resolved[row, place, i] = happened[who], known[who]
        if item.kind == c.RESPONSE:
            counts &= ~(is_open & ~(table["is_evaluable"] > 0.0))
        elif item.if_left == c.NOT_EVALUABLE:
            counts &= ~(is_open & has_left)
    timelines.is_evaluable[row, place] = counts[who]


def _outcome(
    table: PatientTable, protocol: Protocol, outcome: c.Outcome, ended: Floats
) -> tuple[Floats, Floats, Flags]:
    """For each patient: when it happened, when it was resolved, whether it was open when observation ended."""
    progressed = np.nan_to_num(table["progression_seen_days"], nan=inf)
    if outcome.kind == c.RESPONSE:
        is_any = outcome.least == protocol.first_response
        column = "response_seen_days" if is_any else seen_column(protocol.responses[outcome.least - 1])
        happened = np.nan_to_num(table[column], nan=inf)
    elif outcome.kind == c.TOXICITY:
        names = [item for item in outcome.toxicities if f"{ONSET}{item}" in table.columns]
        happened = np.full(len(table), inf)
        for name in names:
            happened = np.minimum(happened, np.nan_to_num(table[f"{ONSET}{name}"], nan=inf))
    else:
        died = np.nan_to_num(table["death_days"], nan=inf)
        happened = np.minimum(progressed, died) if outcome.kind == c.PROGRESSION_OR_DEATH else died
    happened = np.where(happened <= outcome.window_days, happened, inf)
    closes = np.minimum(ended, outcome.window_days)
    if outcome.kind == c.RESPONSE:
        closes = np.minimum(closes, progressed)
        happened = np.where(happened <= progressed, happened, inf)
    resolved = np.minimum(happened, closes)
    is_open = (resolved == ended) & (happened == inf) & (ended < outcome.window_days)
    if outcome.kind == c.RESPONSE:
        is_open &= ended < progressed
    elif outcome.if_left == c.AN_EVENT:
        happened = np.where(is_open & (table["observation_end"] == v.WITHDRAWAL), ended, happened)
    return happened, resolved, is_open


def ideal(
    cells: Sequence[Floats], allocation: Sequence[int], seed: int, first: int, n: int, n_patients: int
) -> Timelines:
    """Patients as formulas see them: everyone comes at once in order, every outcome is immediate, rates are known.

    `cells` has the joint probabilities of the outcomes in each arm: shape (2,) for one outcome (no, yes), (2, 2) for
    two. Patient i has the same chance whatever n is; arms take turns as in `allocation`.
    """
    shape = np.shape(cells[0])
    arm_of_patients = np.array(allocation, dtype=np.int64)[np.arange(n_patients) % len(allocation)]
    event = np.full((n, n_patients, len(shape)), inf)
    edges = np.stack([np.cumsum(np.ravel(item))[:-1] for item in cells])
    key = np.uint64(seed & LARGEST_WORD), np.uint64(seed >> 32)
    draw_answers(edges, arm_of_patients, decision_code("ideal outcome"), *key, first, event)
    arm = np.broadcast_to(arm_of_patients, (n, n_patients)).copy()
    arrival = np.broadcast_to(np.arange(n_patients, dtype=np.float64), (n, n_patients)).copy()
    number = np.broadcast_to(np.arange(1, n_patients + 1), (n, n_patients)).astype(np.int64)
    everyone = np.ones((n, n_patients), np.bool_)
    never = np.full((n, n_patients), inf)
    stratum = np.zeros((n, n_patients), np.int64)
    return Timelines(first, arrival, number, arm, np.zeros(event.shape), event, everyone, never, stratum)
