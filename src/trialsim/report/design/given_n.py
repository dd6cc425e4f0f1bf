"""The answer of a study that gives n: the power of so many patients, in words and as plain data."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from trialsim.config.schema.size_study import SizeStudy
from trialsim.design.base import ALTERNATIVE, Information, PlannedDesign
from trialsim.design.operating_characteristics import value_of
from trialsim.design.prepared_study import PreparedStudy


def planned_power(planned: PlannedDesign) -> str:
    """The planned power of a design of a given n, in a sentence without its end; empty where no formula has it."""
    at = planned.operating_characteristics(ALTERNATIVE)
    if at is None:
        return ""
    how = "by the normal approximation" if planned.design.information is Information.EVENTS else "exact"
    return f"With {planned.n} patients {planned.design.power_in_words} is {at.rejects:.4f} ({how})"


def answer(ready: PreparedStudy, calendar: pd.DataFrame) -> str:
    """The power of the given n as planned and under the calendar, and that n was not searched for."""
    kind = ready.design.design
    value, error = (value_of(calendar, ALTERNATIVE, kind.success, name) for name in ("value", "mcse"))
    planned, simulated = planned_power(ready.design), f"{value:.3f} ± {error:.3f} under the calendar of the scenario"
    first = (
        f"{planned}, and {simulated}" if planned else f"With {ready.n} patients {kind.power_in_words} is {simulated}"
    )
    return f"{first}. This n is given; it was not searched for."


def answer_for_protocol(ready: PreparedStudy, calendar: pd.DataFrame) -> str:
    """The same for a paragraph that has the power under the calendar already."""
    planned = planned_power(ready.design)
    return f"{planned}; this n is given and was not searched for." if planned else answer(ready, calendar)


def answer_as_data(ready: PreparedStudy, calendar: pd.DataFrame) -> dict[str, Any]:
    """The same as plain data: n, the planned power (null where no formula has it), the simulated one with its error."""
    kind = ready.design.design
    planned, value, error = (
        value_of(calendar, ALTERNATIVE, kind.success, name) for name in ("planned", "value", "mcse")
    )
    return {"n": ready.n, "planned": None if math.isnan(planned) else planned, "simulated": value, "mcse": error}


def use_of_power(study: SizeStudy) -> str:
    """What the key `power` is used for where n is given: by boundaries that spend beta, and by nothing else."""
    futility = study.looks.futility
    if futility is not None and futility.spending is not None:
        return f"`power`, {study.power:g}, only says which beta the looks spend"
    return "`power` is not used"
