"""The answer of a study that gives n: the power of so many patients, in words and as plain data."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from trialsim.design.base import ALTERNATIVE
from trialsim.design.operating_characteristics import value_of
from trialsim.design.prepared_study import PreparedStudy
from trialsim.report.design.planned_power import planned_power


def answer(ready: PreparedStudy, calendar: pd.DataFrame) -> str:
    """The power of the given n as planned and under the calendar, and that n was not searched for."""
    kind = ready.design.design
    value, error = (value_of(calendar, ALTERNATIVE, kind.success, name) for name in ("value", "mcse"))
    planned, simulated = planned_power(ready.design), f"{value:.3f} ± {error:.3f} under the calendar of the scenario"
    first = (
        f"{planned}, and {simulated}" if planned else f"With {ready.n} patients {kind.power_in_words} is {simulated}"
    )
    return f"{first}. {_given(ready)}."


def _given(ready: PreparedStudy) -> str:
    """That n is given, or that it is a limit within which the design has the most power."""
    if ready.n == ready.study.n:
        return "This n is given; it was not searched for"
    return f"This design has the most power of those of at most {ready.study.n} patients, which are given"


def answer_for_protocol(ready: PreparedStudy, calendar: pd.DataFrame) -> str:
    """The same for a paragraph that has the power under the calendar already."""
    planned = planned_power(ready.design)
    given = _given(ready).replace("This", "this", 1).replace("; it was", " and was")
    return f"{planned}; {given}." if planned else answer(ready, calendar)


def answer_as_data(ready: PreparedStudy, calendar: pd.DataFrame) -> dict[str, Any]:
    """The same as plain data: n, the planned power (null where no formula has it), the simulated one with its error."""
    kind = ready.design.design
    planned, value, error = (
        value_of(calendar, ALTERNATIVE, kind.success, name) for name in ("planned", "value", "mcse")
    )
    return {"n": ready.n, "planned": None if math.isnan(planned) else planned, "simulated": value, "mcse": error}
