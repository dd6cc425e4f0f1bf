"""What the trials of a run are: of one protocol, or of several arms in parallel; their rows, patients and events.

The arms of a trial enrol the same patients. Each patient follows the protocol of one arm, with the chances that the
patient would have in any other; so an arm is the trial of its protocol, of which only its own patients are looked at.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from trialsim.config import Scenario, protocol_of
from trialsim.errors import RequestError
from trialsim.model import vocabulary as v
from trialsim.model.parameters import draw_numbers
from trialsim.model.protocol import Protocol
from trialsim.model.strategy import Strategy
from trialsim.records.arms import ARM, column_of_arm
from trialsim.records.baseline import with_baseline
from trialsim.records.columns import KEY, PARAMETER_DRAW, Column
from trialsim.records.digest import row_type
from trialsim.records.outcomes import columns_of, patient_outcomes, replicate_outcomes
from trialsim.records.tables import readable_events
from trialsim.simulation.allocation import Arms, arms_of
from trialsim.simulation.engine import REFERENCE, event_logs, simulate_rows
from trialsim.simulation.patients import PatientTable, patient_table
from trialsim.storage.replicate_store import Rows, rows_of
from trialsim.typing import Counts

OF_TRIAL: Final = ("n_screened", "duration_days")  # what a trial has once, however many arms there are
_DAY: Final = "calendar_day"


class Logs(NamedTuple):
    """Whole trials: a row of outcomes each, the patients without baseline columns, the events as codes."""

    rows: Rows
    patients: pd.DataFrame
    events: pd.DataFrame


class Trials(ABC):
    """What is simulated in each replicate."""

    @property
    @abstractmethod
    def protocols(self) -> tuple[Protocol, ...]:
        """The protocol of each arm."""

    @property
    @abstractmethod
    def columns(self) -> tuple[Column, ...]:
        """The columns of the replicates."""

    @property
    @abstractmethod
    def n_patients(self) -> int:
        """The patients whose courses a replicate takes."""

    @abstractmethod
    def rows(self, engine: str, seed: int, first: int, n: int) -> Rows:
        """The outcomes of `n` replicates from `first` on. Raises `HazardError`."""

    @abstractmethod
    def logs(self, engine: str, seed: int, numbers: Sequence[int]) -> Logs:
        """Some replicates with their patients and events."""

    @abstractmethod
    def with_baseline(self, patients: pd.DataFrame, seed: int) -> pd.DataFrame:
        """The patients of `logs` with their baseline columns."""

    @abstractmethod
    def in_words(self, events: pd.DataFrame) -> pd.DataFrame:
        """The events of `logs` with names in place of codes."""


@dataclass(frozen=True)
class OneProtocol(Trials):
    """Trials in which everybody follows the same protocol."""

    protocol: Protocol

    @property
    def protocols(self) -> tuple[Protocol, ...]:
        """The protocol."""
        return (self.protocol,)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the replicates."""
        return columns_of(self.protocol)

    @property
    def n_patients(self) -> int:
        """The patients of the trial."""
        return self.protocol.accrual.n_patients

    def rows(self, engine: str, seed: int, first: int, n: int) -> Rows:
        """The outcomes of `n` replicates from `first` on. Raises `HazardError`."""
        return simulate_rows(engine, self.protocol, seed, first, n)

    def logs(self, engine: str, seed: int, numbers: Sequence[int]) -> Logs:
        """Some replicates with their patients and events."""
        events = event_logs(engine, self.protocol, seed, numbers)
        return _logs(events, self.protocol, seed, numbers)

    def with_baseline(self, patients: pd.DataFrame, seed: int) -> pd.DataFrame:
        """The patients with their baseline columns."""
        return with_baseline(patients, self.protocol, seed)

    def in_words(self, events: pd.DataFrame) -> pd.DataFrame:
        """The events with names in place of codes."""
        return readable_events(events, self.protocol)


@dataclass(frozen=True)
class ParallelArms(Trials):
    """Trials of several arms, the first of which is the control; `allocation` says who goes where."""

    names: tuple[str, ...]
    of_arms: tuple[Protocol, ...]
    allocation: Arms

    @property
    def protocols(self) -> tuple[Protocol, ...]:
        """The protocol of each arm."""
        return self.of_arms

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """What the trial has once, then the outcomes of the first arm, of the second, and so on."""
        one = {column.name: column for column in columns_of(self.protocols[0])}
        shared = [name for name in ("replicate", PARAMETER_DRAW.name, *OF_TRIAL) if name in one]
        own = [column for name, column in one.items() if name not in shared]
        of_arms = [replace(column, name=column_of_arm(arm, column.name)) for arm in self.names for column in own]
        return (*(one[name] for name in shared), *of_arms)

    @property
    def n_patients(self) -> int:
        """The patients of the trial, who are run once to find the arm of each, and once in it."""
        return 2 * self.protocols[0].accrual.n_patients

    def rows(self, engine: str, seed: int, first: int, n: int) -> Rows:
        """The outcomes of `n` replicates from `first` on. Raises `HazardError`."""
        if engine == REFERENCE:
            return self.logs(engine, seed, range(first, first + n)).rows
        chosen = self._places(engine, seed, first, n)
        of_arms = [
            simulate_rows(engine, protocol, seed, first, n, chosen == i) for i, protocol in enumerate(self.protocols)
        ]
        return self._in_one_row(of_arms, seed, np.arange(first, first + n))

    def logs(self, engine: str, seed: int, numbers: Sequence[int]) -> Logs:
        """Some replicates with their patients and events; a column `arm` has the name of each one's arm."""
        everyone = [event_logs(engine, protocol, seed, numbers) for protocol in self.protocols]
        arm = self._arm_of_events(everyone[0], seed)
        of_arms = []
        for i, (protocol, events) in enumerate(zip(self.protocols, everyone, strict=True)):
            is_failure = (events["event"] == v.SCREEN_FAILURE).to_numpy()
            keys = pd.MultiIndex.from_frame(events[KEY])
            own = np.where(is_failure, i == 0, arm.reindex(keys).to_numpy() == i)
            of_arms.append(_logs(events[own].reset_index(drop=True), protocol, seed, numbers))
        rows = self._in_one_row([item.rows for item in of_arms], seed, np.asarray(numbers, np.int64))
        rows["n_screened"] = _screened(everyone[0], numbers)
        patients = self._together([item.patients for item in of_arms], ["replicate", "enrolled_day", "patient"])
        return Logs(rows, patients, self._together([item.events for item in of_arms], ["replicate", _DAY]))

    def with_baseline(self, patients: pd.DataFrame, seed: int) -> pd.DataFrame:
        """The patients with their baseline columns; who can respond may depend on the arm."""
        return self._by_arm(patients, lambda table, protocol: with_baseline(table, protocol, seed))

    def in_words(self, events: pd.DataFrame) -> pd.DataFrame:
        """The events with names in place of codes; those who were not eligible have no arm."""
        words = self._by_arm(events, readable_events)
        words.loc[words["event"] == v.EVENT_NAMES[v.SCREEN_FAILURE], ARM] = ""
        return words

    def _by_arm(self, table: pd.DataFrame, change: Callable[[pd.DataFrame, Protocol], pd.DataFrame]) -> pd.DataFrame:
        """A table changed arm by arm, in the same order."""
        parts = []
        for name, protocol in zip(self.names, self.protocols, strict=True):
            own = table[table[ARM] == name]
            changed = change(own.drop(columns=ARM), protocol)
            changed.insert(2, ARM, name)
            parts.append(changed.set_index(own.index))
        return pd.concat(parts).sort_index(kind="stable").reset_index(drop=True)

    def _together(self, tables: Iterable[pd.DataFrame], order: list[str]) -> pd.DataFrame:
        """The tables of all arms as one, with the name of the arm."""
        named = [table.assign(**{ARM: name}) for name, table in zip(self.names, tables, strict=True)]
        return pd.concat(named).sort_values(order, kind="stable").reset_index(drop=True)

    def _arm_of_events(self, events: pd.DataFrame, seed: int) -> pd.Series:
        """The place of the arm of each enrolled patient, by replicate and patient."""
        enrolled = events[events["event"] == v.ENROLLED]
        first = int(enrolled["replicate"].min()) if len(enrolled) else 1
        columns = {"patient": enrolled["patient"].to_numpy(np.float64), "enrolled_day": enrolled[_DAY].to_numpy()}
        replicate = enrolled["replicate"].to_numpy() - first
        n = int(replicate.max(initial=0)) + 1
        table = PatientTable(columns, replicate, first, n, self.protocols[0], seed)
        arms = self.allocation.of(self.protocols[0], table, seed)
        return pd.Series(arms, index=pd.MultiIndex.from_frame(enrolled[KEY]))

    def _places(self, engine: str, seed: int, first: int, n: int) -> Counts:
        """The place of the arm of everyone eligible, by replicate and place; shape (replicates, patients)."""
        plan = self.protocols[0].accrual
        if self.allocation.is_known_by_place(plan):
            return self.allocation.of_places(first, n, plan.n_patients, seed)
        table = patient_table(engine, self.protocols[0], seed, first, n)
        arms = self.allocation.of(self.protocols[0], table, seed)
        number = table["patient"].astype(np.int64)
        place = number - 1  # where all come within a window, everyone who is screened is eligible
        if plan.window_days == 0.0:  # arrivals follow one another, so those who enrol are the first of the eligible
            place = np.arange(len(number)) - np.searchsorted(table.replicate, table.replicate)
        found = np.zeros((n, plan.n_patients), np.int64)
        found[table.replicate, place] = arms
        return found

    def _in_one_row(self, of_arms: Sequence[Rows], seed: int, numbers: Counts) -> Rows:
        """The outcomes of the arms of each trial side by side."""
        rows = np.zeros(len(numbers), row_type(self.columns))
        rows["replicate"] = numbers
        if self.protocols[0].parameter_draws:
            rows[PARAMETER_DRAW.name] = draw_numbers(self.protocols[0].n_parameter_draws, seed, numbers)
        rows["n_screened"] = of_arms[0]["n_screened"]
        rows["duration_days"] = of_arms[0]["duration_days"]
        for name, own in zip(self.names, of_arms, strict=True):
            rows["duration_days"] = np.fmax(rows["duration_days"], own["duration_days"])
            for column in own.dtype.names or ():
                if column_of_arm(name, column) in (rows.dtype.names or ()):
                    rows[column_of_arm(name, column)] = own[column]
        return rows


def trials_of(scenario: Scenario, strategy: Strategy | None = None) -> Trials:
    """What the trials of a scenario are; `strategy` decides the dose in place of its rules. Raises `RequestError`."""
    if not scenario.arms:
        return OneProtocol(replace(protocol_of(scenario), strategy=strategy))
    if strategy is not None:
        wrong = "it would decide in every arm, and the arms would be the same."
        raise RequestError("strategy", wrong, "`compare` with `strategies`, or a scenario without arms.")
    protocols = {name: protocol_of(item) for name, item in scenario.scenarios_of_arms.items()}
    names, plan = tuple(protocols), scenario.allocation
    allocation = arms_of(protocols[names[0]], names, plan.ratio, plan.block, tuple(plan.strata))
    return ParallelArms(names, tuple(protocols.values()), allocation)


def rows_of_trials(trials: Trials, engine: str, seed: int, first: int, n: int) -> Rows:
    """`Trials.rows` for workers, which are given a function and its arguments."""
    return trials.rows(engine, seed, first, n)


def _logs(events: pd.DataFrame, protocol: Protocol, seed: int, numbers: Sequence[int]) -> Logs:
    patients = patient_outcomes(events, protocol)
    outcomes = replicate_outcomes(patients, events, protocol, seed, numbers)
    return Logs(rows_of(outcomes, columns_of(protocol)), patients, events)


def _screened(events: pd.DataFrame, numbers: Sequence[int]) -> Counts:
    """How many were screened in each replicate."""
    screened = events.loc[events["event"].isin((v.SCREEN_FAILURE, v.ENROLLED)), "replicate"]
    return np.asarray(screened.value_counts().reindex(list(numbers), fill_value=0), np.int64)
