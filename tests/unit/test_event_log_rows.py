"""Rows of the reference engine and the numbered order of events."""

from __future__ import annotations

from trialsim.engines.reference import Row
from trialsim.model import event_order
from trialsim.records.columns import EVENTS


def test_the_fields_of_a_row_are_the_columns_of_the_event_log() -> None:
    assert Row._fields == tuple(column.name for column in EVENTS)


def test_events_of_one_instant_come_in_the_order_of_the_list() -> None:
    names = [line.split()[1] for line in (event_order.__doc__ or "").splitlines() if line.strip()[:1].isdigit()]
    classes = [event_order.CUT_OFF, event_order.ARRIVAL, event_order.PATIENT, event_order.STILL_OBSERVED]
    ranks = [
        event_order.CLOCK,
        event_order.ASSESSMENT,
        event_order.EVALUABLE,
        event_order.VISIT,
        event_order.WINDOW_END,
    ]
    assert names[1:4] + names[-1:] == ["CUT_OFF", "ARRIVAL", "PATIENT", "STILL_OBSERVED"]
    assert names[4:-1] == ["CLOCK", "ASSESSMENT", "EVALUABLE", "VISIT", "WINDOW_END"]
    assert classes == sorted(set(classes))
    assert ranks == sorted(set(ranks))
