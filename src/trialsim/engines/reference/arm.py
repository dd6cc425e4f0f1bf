"""What the patients of one arm share in a trial, and the rows of the log that say what happens to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from trialsim.engines.reference.clinic import Clinic
from trialsim.engines.reference.environment import TrialEnvironment
from trialsim.model.protocol import Protocol
from trialsim.patients import DrawTable

NAN: Final = float("nan")


class Row(NamedTuple):
    """One row of the event log; the fields are the columns of `records.columns.EVENTS`."""

    patient: int
    calendar_day: float
    study_day: float
    event: int
    clock: int = -1
    occurrence: int = 0
    detail: int = 0
    rule: int = 0
    dose_from_mg_per_day: float = NAN
    dose_to_mg_per_day: float = NAN
    saw_new: int = 0
    saw_ongoing: int = 0
    saw_onsets: int = 0
    saw_level_mg_per_day: float = NAN
    saw_response: int = 0
    saw_stable_days: float = NAN
    saw_unchanged_days: float = NAN


# The last seven fields of a row: what a decision saw.
Seen = tuple[int, int, int, float, int, float, float]
NOTHING_SEEN: Final[Seen] = (0, 0, 0, NAN, 0, NAN, NAN)


@dataclass(frozen=True)
class Arm:
    """The calendar, the protocol, the draws and the clinic of an arm, and what takes the rows of the log.

    `write` takes each row of the log, `count` what a cut-off may wait for (one of `vocabulary.COUNT_`).
    """

    env: TrialEnvironment
    protocol: Protocol
    table: DrawTable
    write: Callable[[Row], None]
    count: Callable[[int], None]
    clinic: Clinic | None = None


def count_nothing(what: int) -> None:
    """The `count` of a trial whose end waits for no count."""
