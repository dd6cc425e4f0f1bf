"""Rows of an engine to tables of events: one for programs (codes), one for people (names)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trialsim.model import disease, titration
from trialsim.model import vocabulary as v
from trialsim.model.protocol import Protocol
from trialsim.records.columns import EVENTS, READABLE_EVENTS, conform, in_unit
from trialsim.typing import Counts


def plain_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as plain data; what is missing or infinite is None."""
    rows = table.astype(object).where(table.notna(), None).to_dict(orient="records")
    return [{str(name): plain_value(value) for name, value in row.items()} for row in rows]


def plain_mapping(data: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping as JSON can hold it; see `plain_value`."""
    return {str(key): plain_value(value) for key, value in data.items()}


def plain_value(value: Any) -> Any:
    """A value as JSON can hold it, inner ones too: numbers that are not finite are None, those of numpy plain."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return plain_mapping(value)
    if isinstance(value, list | tuple | np.ndarray):
        return [plain_value(item) for item in value]
    return value


def event_table(logs: Iterable[tuple[int, Sequence[tuple[float, ...]]]]) -> pd.DataFrame:
    """The events of several replicates as one table of codes.

    `logs` gives (replicate, rows); the columns are `replicate` and those of `columns.EVENTS`, rows in order of time
    within a replicate.
    """
    replicates: list[int] = []
    rows: list[tuple[float, ...]] = []
    for replicate, log in logs:
        replicates += [replicate] * len(log)
        rows += log
    values = list(zip(*rows, strict=True)) if rows else [()] * len(EVENTS)
    columns = {column.name: np.array(cells, dtype=column.dtype) for column, cells in zip(EVENTS, values, strict=True)}
    return pd.DataFrame({"replicate": np.array(replicates, dtype=np.int64), **columns})


def event_table_of_records(logs: Iterable[tuple[int, npt.NDArray[Any]]]) -> pd.DataFrame:
    """The same of logs whose rows are records with the fields of `columns.EVENTS`."""
    numbers: list[Counts] = []
    trial_logs: list[npt.NDArray[Any]] = []
    for replicate, log in logs:
        numbers.append(np.full(len(log), replicate, dtype=np.int64))
        trial_logs.append(log)
    if not trial_logs:
        return event_table([])
    rows = np.concatenate(trial_logs)
    columns = {column.name: rows[column.name].astype(column.dtype) for column in EVENTS}
    return pd.DataFrame({"replicate": np.concatenate(numbers), **columns})


def readable_events(events: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """The same table with names in place of codes, columns as in `columns.READABLE_EVENTS`."""
    clocks = {i: clock.name for i, clock in enumerate(protocol.clocks)}
    rules = {rule.number: f"{rule.number}: {rule.text}" for rule in (*protocol.onset_rules, *protocol.visit_rules)}
    table = events.assign(
        of=[clocks.get(clock, "") for clock in events["clock"]],
        detail=[
            detail_name(event, detail, protocol)
            for event, detail in zip(events["event"], events["detail"], strict=True)
        ],
        rule=[rules.get(rule, "") for rule in events["rule"]],
        event=[v.EVENT_NAMES[event] for event in events["event"]],
        saw=_seen(events, protocol),
    )
    return conform(table.rename(columns=protocol.dose_unit.column), in_unit(READABLE_EVENTS, protocol.dose_unit))


def _seen(events: pd.DataFrame, protocol: Protocol) -> list[str]:
    """What each decision saw of its patient, in words; empty for other events."""
    names, unit = [protocol.clocks[place].name for place in protocol.toxicities], protocol.dose_unit.text
    responses = ("none", *(category.short for category in protocol.responses))

    def named(mask: int) -> str:
        return "+".join(name for i, name in enumerate(names) if (mask >> i) & 1) or "none"

    columns = [events[column.name] for column in EVENTS[10:]]
    return [
        f"new: {named(new)}; ongoing: {named(ongoing)}; onsets so far: {n}; level: {level:g} {unit}; "
        f"best response: {responses[response]}, for {stable:g} days; dose unchanged for {unchanged:g} days"
        if event == v.DECISION
        else ""
        for event, new, ongoing, n, level, response, stable, unchanged in zip(events["event"], *columns, strict=True)
    ]


def detail_name(event: int, detail: int, protocol: Protocol) -> str:
    """What a row's `detail` means; it depends on the event."""
    if event == v.DECISION:
        return titration.DECISION_NAMES[detail]
    if event in (v.TREATMENT_ENDED, v.OBSERVATION_ENDED):
        return v.REASON_NAMES[detail]
    if event in (v.RESPONSE, v.PROGRESSION, v.ASSESSED, v.DIED, v.WITHDREW, v.DISCONTINUED, v.RESPONSE_CONFIRMED):
        return disease.state_name(detail, protocol.responses)
    return ""
